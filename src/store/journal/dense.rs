//! What was read about one container at one moment, as a dense twin of [`crate::model::Sample`]:
//! a journal has millions of them.

use crate::model::figure::TABLE;
use crate::model::rates::Readings;
use crate::model::{Figure, SourceKind};

/// What was read about one container at one moment: a dense twin of [`crate::model::Sample`].
#[derive(Debug, Clone)]
pub(super) struct Dense {
    pub incarnation: u32,
    values: [f64; TABLE.len()],
    part_of: [u8; TABLE.len()],
    parts: Vec<(SourceKind, f64)>,
    /// Figures that are set.
    pub present: Vec<Figure>,
}

impl Dense {
    pub(super) fn new() -> Dense {
        Dense {
            incarnation: 0,
            values: [f64::NAN; TABLE.len()],
            part_of: [0; TABLE.len()],
            parts: Vec::new(),
            present: Vec::new(),
        }
    }

    pub(super) fn begin(&mut self, incarnation: u32) {
        self.incarnation = incarnation;
        self.parts.clear();
        for figure in self.present.drain(..) {
            if let Some(value) = self.values.get_mut(figure as usize) {
                *value = f64::NAN;
            }
        }
    }

    /// What follows was read by `source` at that time.
    pub(super) fn part(&mut self, source: SourceKind, at: f64) {
        self.parts.push((source, at));
    }

    /// The first part that has a figure wins.
    pub(super) fn set(&mut self, figure: Figure, value: f64) {
        let at = figure as usize;
        let part = u8::try_from(self.parts.len().saturating_sub(1)).unwrap_or(u8::MAX);
        if let (Some(cell), Some(of)) = (self.values.get_mut(at), self.part_of.get_mut(at))
            && cell.is_nan()
        {
            (*cell, *of) = (value, part);
            self.present.push(figure);
        }
    }

    pub(super) fn value(&self, figure: Figure) -> Option<f64> {
        self.values.get(figure as usize).copied().filter(|v| !v.is_nan())
    }
}

impl Readings for Dense {
    fn incarnation(&self) -> u32 {
        self.incarnation
    }

    #[inline]
    fn reading(&self, figure: Figure) -> Option<(f64, SourceKind, f64)> {
        let value = self.value(figure)?;
        let part = self.part_of.get(figure as usize)?;
        let (source, at) = self.parts.get(usize::from(*part))?;
        Some((value, *source, *at))
    }
}
