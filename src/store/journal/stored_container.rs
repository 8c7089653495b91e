//! One container's columns, made into its series.

use super::stored::Container;
use crate::analysis::needs;
use crate::model::figure::TABLE;
use crate::model::rates::{DERIVED, LastCounters, Readings, counter_of, derive_figure};
use crate::model::{Figure, Kind, SourceKind};
use crate::store::columnar::{Broken, Chunk, Decoder, Unit};
use crate::store::columns::{Cells, note_life};

/// Where a tick went: its scenario, and its row where it is a result.
pub(super) type Placed = (usize, Option<usize>);

/// Row and place within the row.
pub(super) type Place = (usize, usize);

/// A container as it was read.
#[derive(Debug)]
pub(super) struct ReadContainer {
    pub name: String,
    /// Its series by scenario; none where it has no sample that is a result.
    pub scenarios: Vec<Option<ReadSeries>>,
    /// What its counters said last: the next sample's rates are made with it.
    pub last: LastCounters,
}

/// A container in a scenario.
#[derive(Debug, Default)]
pub(super) struct ReadSeries {
    /// Where it was seen first.
    pub first: Place,
    pub columns: Vec<(Figure, Cells)>,
    pub incarnation: Vec<u32>,
    /// Figures that may have been recorded but were not kept.
    pub left_out: Vec<Figure>,
}

/// Reads a container; `whole`: all its figures. `spend` is told of each chunk's cells beforehand.
pub(super) fn read(
    container: &Container<'_>,
    places: &[Placed],
    whole: bool,
    spend: impl Fn(usize) -> Result<(), Broken>,
) -> Result<ReadContainer, Broken> {
    let mut raw = Raw::new(container, &spend)?;
    for (first, ticks, chunk) in &container.chunks {
        raw.chunk(*first, *ticks, *chunk, &spend)?;
    }
    let killed = raw.column(Figure::OomKills).is_some_and(|kills| kills.iter().any(|n| *n > 0.0));
    let left_out = if whole || killed { Vec::new() } else { raw.left_out() };
    let mut made = Made { places, scenarios: Vec::new(), left_out: &left_out };
    raw.lives(&mut made);
    raw.gauges(&mut made);
    raw.rates(&mut made);
    Ok(ReadContainer {
        name: container.name.to_string(),
        scenarios: made.scenarios,
        last: raw.last(),
    })
}

/// A container's columns from the first tick of its chunks on; NaN is absent. A run of many
/// containers that come and go has as many columns as containers: each is as long as it has to be.
struct Raw {
    first: usize,
    ticks: usize,
    /// Ticks among them that no chunk tells of: a column has room for them all the same.
    gaps: usize,
    life: Vec<f64>,
    place: Vec<f64>,
    /// By source, and by part of it in a sample.
    times: Vec<((SourceKind, u8), Vec<f64>)>,
    figures: Vec<RawFigure>,
    /// Where a figure is in `figures`.
    slots: [u8; TABLE.len()],
}

struct RawFigure {
    figure: Figure,
    values: Vec<f64>,
    /// Where in [`Raw::times`] its time is.
    source: u8,
    /// The same of each value, where it changed.
    sources: Vec<u8>,
}

const NO_SLOT: u8 = u8::MAX;

impl Raw {
    fn new(
        container: &Container<'_>,
        spend: &impl Fn(usize) -> Result<(), Broken>,
    ) -> Result<Raw, Broken> {
        let chunks = || container.chunks.iter();
        let first = chunks().map(|(first, _, _)| *first).min().unwrap_or(0);
        let end = chunks().map(|(first, ticks, _)| first + ticks).max().unwrap_or(0);
        let ticks = end - first;
        let told = chunks().map(|(_, ticks, _)| ticks).sum();
        let gaps = ticks.saturating_sub(told);
        spend(2 * gaps)?;
        Ok(Raw {
            first,
            ticks,
            gaps,
            life: vec![f64::NAN; ticks],
            place: vec![f64::NAN; ticks],
            times: Vec::new(),
            figures: Vec::new(),
            slots: [NO_SLOT; TABLE.len()],
        })
    }

    fn chunk(
        &mut self,
        first: usize,
        ticks: usize,
        chunk: Chunk<'_>,
        spend: &impl Fn(usize) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        let mut rest = chunk.bytes;
        let first = first.checked_sub(self.first).ok_or(Broken)?;
        spend(2 * ticks)?;
        fill(&mut self.life, first, ticks, Decoder::new(rest.block()?, Unit::Value))?;
        fill(&mut self.place, first, ticks, Decoder::new(rest.block()?, Unit::Value))?;
        for _ in 0..rest.count()? {
            spend(ticks)?;
            let reading = chunk.block.reading(rest.number()?)?;
            let column = Decoder::new(rest.block()?, Unit::Time);
            let at = self.reading(reading, spend)?;
            let Some((_, times)) = self.times.get_mut(usize::from(at)) else { return Err(Broken) };
            fill(times, first, ticks, column)?;
        }
        for _ in 0..rest.count()? {
            spend(ticks)?;
            let figure = chunk.block.figure(rest.number()?)?;
            let reading = chunk.block.reading(rest.number()?)?;
            let column = rest.block()?;
            let source = self.reading(reading, spend)?;
            // One that this version does not know is skipped.
            if let Some(figure) = figure {
                let column = Decoder::new(column, Unit::Value);
                self.figure(figure, spend)?.take(first, ticks, source, column)?;
            }
        }
        Ok(())
    }

    fn reading(
        &mut self,
        reading: (SourceKind, u8),
        spend: &impl Fn(usize) -> Result<(), Broken>,
    ) -> Result<u8, Broken> {
        let known = self.times.iter().position(|(known, _)| *known == reading);
        let at = match known {
            Some(at) => at,
            None => {
                spend(self.gaps)?;
                self.times.push((reading, vec![f64::NAN; self.ticks]));
                self.times.len() - 1
            }
        };
        u8::try_from(at).map_err(|_| Broken)
    }

    fn figure(
        &mut self,
        figure: Figure,
        spend: &impl Fn(usize) -> Result<(), Broken>,
    ) -> Result<&mut RawFigure, Broken> {
        let slot = self.slots.get_mut(figure as usize).ok_or(Broken)?;
        if *slot == NO_SLOT {
            spend(self.gaps)?;
            *slot = u8::try_from(self.figures.len()).map_err(|_| Broken)?;
            self.figures.push(RawFigure {
                figure,
                values: vec![f64::NAN; self.ticks],
                source: NO_SLOT,
                sources: Vec::new(),
            });
        }
        self.figures.get_mut(usize::from(*slot)).ok_or(Broken)
    }

    fn find(&self, figure: Figure) -> Option<&RawFigure> {
        self.figures.get(usize::from(*self.slots.get(figure as usize)?))
    }

    fn column(&self, figure: Figure) -> Option<&[f64]> {
        self.find(figure).map(|found| found.values.as_slice())
    }

    /// The figures that a large run does without.
    fn left_out(&self) -> Vec<Figure> {
        let full = |figure| {
            let there = |values: &[f64]| {
                self.life.iter().zip(values).all(|(life, value)| life.is_nan() || !value.is_nan())
            };
            self.column(figure).is_some_and(there)
        };
        let unread = TABLE.iter().map(|row| row.figure).filter(|figure| !needs::is_needed(*figure));
        unread.chain(needs::spared(full)).collect()
    }

    fn lives(&self, made: &mut Made<'_>) {
        for (tick, life) in self.life.iter().enumerate().filter(|(_, life)| !life.is_nan()) {
            if let Some((scenario, row)) = made.place(self.first + tick) {
                let place = self.place.get(tick).map_or(0, |place| *place as usize);
                let series = made.series(scenario, (row, place));
                note_life(&mut series.incarnation, row, *life as u32);
            }
        }
    }

    fn gauges(&self, made: &mut Made<'_>) {
        for column in self.figures.iter().filter(|c| c.figure.row().kind != Kind::Rate) {
            if made.left_out.contains(&column.figure) {
                continue;
            }
            for (tick, value) in column.values.iter().enumerate().filter(|(_, v)| !v.is_nan()) {
                made.put(self.first + tick, column.figure, *value);
            }
        }
    }

    fn rates(&self, made: &mut Made<'_>) {
        for &rate in DERIVED.iter().filter(|rate| !made.left_out.contains(rate)) {
            let counter = counter_of(rate);
            let mut previous: Option<View<'_>> = None;
            for (tick, _) in self.life.iter().enumerate().filter(|(_, life)| !life.is_nan()) {
                let current = View { raw: self, tick };
                let value = derive_figure(rate, previous.as_ref(), &current);
                if let Some(value) = value.filter(|v| v.is_finite()) {
                    made.put(self.first + tick, rate, value);
                }
                // What is read in turn is not in every sample; a life knows nothing of another's.
                let same = previous.is_some_and(|p| p.incarnation() == current.incarnation());
                if !same || counter.is_some_and(|counter| current.reading(counter).is_some()) {
                    previous = Some(current);
                }
            }
        }
    }

    /// What the counters said last, in the latest life.
    fn last(&self) -> LastCounters {
        let Some(latest) = self.life.iter().rfind(|life| !life.is_nan()) else {
            return LastCounters::default();
        };
        let there = || self.life.iter().enumerate().rev().filter(|(_, life)| !life.is_nan());
        let of_life = || there().take_while(|(_, life)| *life == latest);
        LastCounters::of(*latest as u32, |counter| {
            self.find(counter)?;
            of_life().find_map(|(tick, _)| View { raw: self, tick }.reading(counter))
        })
    }
}

impl RawFigure {
    fn take(
        &mut self,
        first: usize,
        ticks: usize,
        source: u8,
        column: Decoder<'_>,
    ) -> Result<(), Broken> {
        if self.source == NO_SLOT {
            self.source = source;
        }
        if self.source != source && self.sources.is_empty() {
            self.sources = vec![self.source; self.values.len()];
        }
        let (values, sources) = (&mut self.values, &mut self.sources);
        let mut at = first;
        column.runs(ticks, |value, times| {
            if !value.is_nan() {
                if let Some(cells) = values.get_mut(at..at + times) {
                    cells.fill(value);
                }
                if let Some(cells) = sources.get_mut(at..at + times) {
                    cells.fill(source);
                }
            }
            at += times;
        })
    }

    #[inline]
    fn source_at(&self, tick: usize) -> u8 {
        self.sources.get(tick).copied().unwrap_or(self.source)
    }
}

fn fill(
    column: &mut [f64],
    first: usize,
    ticks: usize,
    decoder: Decoder<'_>,
) -> Result<(), Broken> {
    let mut at = first;
    decoder.runs(ticks, |value, times| {
        if !value.is_nan()
            && let Some(cells) = column.get_mut(at..at + times)
        {
            cells.fill(value);
        }
        at += times;
    })
}

/// The readings of one tick.
#[derive(Clone, Copy)]
struct View<'a> {
    raw: &'a Raw,
    tick: usize,
}

impl Readings for View<'_> {
    fn incarnation(&self) -> u32 {
        self.raw.life.get(self.tick).map_or(0, |life| *life as u32)
    }

    #[inline]
    fn reading(&self, figure: Figure) -> Option<(f64, SourceKind, f64)> {
        let column = self.raw.find(figure)?;
        let value = column.values.get(self.tick).copied().filter(|value| !value.is_nan())?;
        let ((source, _), times) = self.raw.times.get(usize::from(column.source_at(self.tick)))?;
        Some((value, *source, times.get(self.tick).copied()?))
    }
}

/// The series as they are made.
struct Made<'a> {
    places: &'a [Placed],
    scenarios: Vec<Option<ReadSeries>>,
    left_out: &'a [Figure],
}

impl Made<'_> {
    #[inline]
    fn place(&self, tick: usize) -> Option<(usize, usize)> {
        let (scenario, row) = *self.places.get(tick)?;
        Some((scenario, row?))
    }

    fn series(&mut self, scenario: usize, first: Place) -> &mut ReadSeries {
        if self.scenarios.len() <= scenario {
            self.scenarios.resize_with(scenario + 1, || None);
        }
        let left_out = self.left_out;
        let new = || ReadSeries { first, left_out: left_out.to_vec(), ..ReadSeries::default() };
        self.scenarios[scenario].get_or_insert_with(new)
    }

    #[inline]
    fn put(&mut self, tick: usize, figure: Figure, value: f64) {
        let Some((scenario, row)) = self.place(tick) else { return };
        let Some(Some(series)) = self.scenarios.get_mut(scenario) else { return };
        if series.columns.last().is_none_or(|(last, _)| *last != figure) {
            series.columns.push((figure, Cells::default()));
        }
        if let Some((_, cells)) = series.columns.last_mut() {
            let missing = row.saturating_sub(cells.len());
            if missing > 0 {
                cells.push_many(f64::NAN, missing);
            }
            cells.push(value);
        }
    }
}
