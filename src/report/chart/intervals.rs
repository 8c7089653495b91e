//! Bars with intervals: an estimate for each row, and how far it may be off.

use super::colour;
use super::frame::{self, MARGIN, Sketch, TOP, WIDTH, face};
use super::picture::{Anchor, Picture, Rect, Stroke, Tag, Weight};
use super::scale::{self, Scale};
use super::text;

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub struct IntervalRow {
    pub name: String,
    /// Estimate, lower and upper end; `None` where it could not be told.
    pub value: Option<(f64, f64, f64)>,
    /// Drawn in the colour of alarm: it is what was looked for.
    pub marked: bool,
}

/// Horizontal bars from zero, each with its interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Intervals {
    pub title: String,
    pub subtitle: String,
    /// Title of the figures' axis, without the unit.
    pub label: String,
    pub unit: String,
    /// In the order they are drawn.
    pub rows: Vec<IntervalRow>,
}

const PITCH: f64 = 34.0;
const BAR: f64 = 16.0;
/// Room for the figures in words at the right.
const WORDS: f64 = 190.0;

impl Intervals {
    /// Lays the chart out.
    pub fn layout(&self) -> Picture {
        let mut sketch = Sketch::new();
        sketch.headings(&self.title, &self.subtitle);
        let longest = self
            .rows
            .iter()
            .map(|row| text::width(&row.name, frame::BODY, Weight::Regular))
            .fold(40.0, f64::max);
        let left = MARGIN + longest.min(260.0) + 10.0;
        let height = PITCH * self.rows.len().max(3) as f64;
        let area = Rect::new(left, TOP + 6.0, WIDTH - MARGIN - WORDS - left, height);
        let x = Scale { from: self.range(), to: (area.x, area.right()) };
        sketch.x_axis(area, x, &format!("{} ({})", self.label, self.unit));
        for (n, row) in self.rows.iter().enumerate() {
            let line = Rect::new(area.x, area.y + n as f64 * PITCH, area.w, PITCH);
            self.row(&mut sketch, row, line, x);
        }
        if self.rows.iter().all(|row| row.value.is_none()) {
            frame::nothing(&mut sketch, area);
        }
        sketch.finish(area.bottom() + 60.0, &self.title, &self.subtitle)
    }

    fn range(&self) -> (f64, f64) {
        let ends = self.rows.iter().filter_map(|row| row.value);
        let ends = ends.flat_map(|(value, low, high)| [value, low, high]);
        let (low, high) = scale::extent(ends).unwrap_or((0.0, 1.0));
        let (low, high) = (low.min(0.0), high.max(0.0));
        let room = (high - low) * 0.04;
        if room > 0.0 {
            (if low < 0.0 { low - room } else { 0.0 }, high + room)
        } else {
            (0.0, 1.0)
        }
    }

    fn row(&self, sketch: &mut Sketch, row: &IntervalRow, line: Rect, x: Scale) {
        let middle = line.y + line.h / 2.0;
        let name = text::fit(&row.name, frame::BODY, Weight::Regular, line.x - MARGIN - 10.0);
        sketch.tagged(Tag::Tip(row.name.clone()), |s| {
            let look = face(frame::BODY, Anchor::End, colour::INK);
            s.label((line.x - 9.0, middle + 4.5), &name, look);
        });
        let words_at = (line.right() + 12.0, middle + 4.5);
        let Some((value, low, high)) = row.value else {
            let look = face(frame::SMALL, Anchor::Start, colour::SOFT);
            sketch.label(words_at, "too few rounds", look);
            return;
        };
        let fill = if row.marked { colour::series(1).0 } else { colour::series(0).0 };
        let (from, to) = (x.at(0.0), x.at(value));
        let bar = Rect::new(from.min(to), middle - BAR / 2.0, (to - from).abs().max(1.0), BAR);
        let words =
            format!("{} ({} .. {})", scale::short(value), scale::short(low), scale::short(high));
        sketch.tagged(Tag::Tip(format!("{}: {words} {}", row.name, self.unit)), |s| {
            s.rect(bar, fill);
        });
        let stroke = Stroke::solid(colour::INK, 1.5);
        let (left, right) = (x.at(low), x.at(high));
        sketch.line((left, middle), (right, middle), stroke);
        for end in [left, right] {
            sketch.line((end, middle - 5.0), (end, middle + 5.0), stroke);
        }
        sketch.label(words_at, &words, face(frame::SMALL, Anchor::Start, colour::INK));
    }
}
