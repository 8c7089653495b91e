//! Containers against scenarios, one coloured cell each with its figure in it.

use super::colour;
use super::frame::{self, MARGIN, Sketch, TOP, WIDTH, face};
use super::picture::{Anchor, Picture, Rect, Stroke, Tag, Weight};
use super::scale;
use super::text;

/// A table of figures as colours.
#[derive(Debug, Clone, PartialEq)]
pub struct Heatmap {
    pub title: String,
    pub subtitle: String,
    /// Unit of every figure, e.g. `MB`.
    pub unit: String,
    /// Names of the containers, in the order of `values`.
    pub rows: Vec<String>,
    /// Names of the scenarios.
    pub columns: Vec<String>,
    /// `values[row][column]`; `None`, NaN or a missing entry is "no data", never zero.
    pub values: Vec<Vec<Option<f64>>>,
}

struct Layout {
    cells: Rect,
    row: f64,
    size: f64,
    column: f64,
}

const NAMES_AT_MOST: f64 = 330.0;
const BAR: f64 = 16.0;

impl Heatmap {
    /// Lays the chart out.
    pub fn layout(&self) -> Picture {
        let mut sketch = Sketch::new();
        sketch.headings(&self.title, &self.subtitle);
        let at = self.place();
        let all = (0..self.rows.len()).flat_map(|r| (0..self.columns.len()).map(move |c| (r, c)));
        let range = scale::extent(all.filter_map(|(r, c)| self.value(r, c)));
        let range = range.map(|(low, high)| (low.min(0.0), high));
        self.column_names(&mut sketch, &at);
        for row in 0..self.rows.len() {
            self.row_name(&mut sketch, &at, row);
            for column in 0..self.columns.len() {
                self.cell(&mut sketch, &at, row, column, range);
            }
        }
        if self.rows.is_empty() || self.columns.is_empty() {
            frame::nothing(&mut sketch, at.cells);
        }
        let absent = (0..self.rows.len())
            .any(|r| (0..self.columns.len()).any(|c| self.value(r, c).is_none()));
        self.colour_bar(&mut sketch, &at, range, absent);
        sketch.finish(at.cells.bottom().max(TOP + 200.0) + 24.0, &self.title, &self.subtitle)
    }

    fn value(&self, row: usize, column: usize) -> Option<f64> {
        let found = self.values.get(row)?.get(column).copied()??;
        found.is_finite().then_some(found)
    }

    fn place(&self) -> Layout {
        let (row, size) = match self.rows.len() {
            0..=24 => (26.0, frame::BODY),
            25..=60 => (21.0, frame::SMALL + 0.5),
            _ => (17.0, frame::SMALL),
        };
        let longest =
            self.rows.iter().map(|n| text::width(n, size, Weight::Regular)).fold(0.0, f64::max);
        let left = MARGIN + longest.clamp(40.0, NAMES_AT_MOST) + 10.0;
        let right = WIDTH - MARGIN - BAR - 74.0;
        let height = row * self.rows.len().max(4) as f64;
        let cells = Rect::new(left, TOP + 26.0, right - left, height);
        Layout { cells, row, size, column: cells.w / self.columns.len().max(1) as f64 }
    }

    fn column_names(&self, sketch: &mut Sketch, at: &Layout) {
        for (n, name) in self.columns.iter().enumerate() {
            let middle = at.cells.x + (n as f64 + 0.5) * at.column;
            let words = text::fit(name, frame::BODY, Weight::Bold, at.column - 8.0);
            sketch.label(
                (middle, at.cells.y - 9.0),
                &words,
                frame::bold(frame::BODY, Anchor::Middle, colour::INK),
            );
        }
    }

    fn row_name(&self, sketch: &mut Sketch, at: &Layout, row: usize) {
        let words =
            text::fit(&self.rows[row], at.size, Weight::Regular, at.cells.x - MARGIN - 10.0);
        let baseline = at.cells.y + (row as f64 + 0.5) * at.row + at.size * 0.36;
        let look = face(at.size, Anchor::End, colour::INK);
        sketch.tagged(Tag::Tip(self.rows[row].clone()), |s| {
            s.label((at.cells.x - 9.0, baseline), &words, look)
        });
    }

    fn cell(
        &self,
        sketch: &mut Sketch,
        at: &Layout,
        row: usize,
        column: usize,
        range: Option<(f64, f64)>,
    ) {
        let area = Rect::new(
            at.cells.x + column as f64 * at.column + 0.5,
            at.cells.y + row as f64 * at.row + 0.5,
            at.column - 1.0,
            at.row - 1.0,
        );
        let (name, scenario) = (&self.rows[row], &self.columns[column]);
        let (Some(value), Some(range)) = (self.value(row, column), range) else {
            let tip = format!("{name}, {scenario}: no data");
            sketch.tagged(Tag::Tip(tip), |s| s.hatch(area));
            return;
        };
        let share = (value - range.0) / (range.1 - range.0).max(f64::MIN_POSITIVE);
        let fill = colour::sequential(share);
        let words = scale::short(value);
        let tip = format!("{name}, {scenario}: {words} {}", self.unit);
        let middle = (area.x + area.w / 2.0, area.y + area.h / 2.0 + at.size * 0.36);
        sketch.tagged(Tag::Tip(tip), |s| {
            s.rect(area, fill);
            if text::width(&words, at.size, Weight::Regular) < area.w - 2.0 {
                s.label(middle, &words, face(at.size, Anchor::Middle, fill.readable()));
            }
        });
    }

    fn colour_bar(
        &self,
        sketch: &mut Sketch,
        at: &Layout,
        range: Option<(f64, f64)>,
        absent: bool,
    ) {
        let x = at.cells.right() + 22.0;
        let bar = Rect::new(x, at.cells.y, BAR, at.cells.h.clamp(96.0, 300.0));
        let look = face(frame::SMALL, Anchor::Start, colour::SOFT);
        if let Some(range) = range {
            const STEPS: usize = 48;
            let step = bar.h / STEPS as f64;
            for n in 0..STEPS {
                let share = 1.0 - (n as f64 + 0.5) / STEPS as f64;
                let part = Rect::new(bar.x, bar.y + n as f64 * step, bar.w, step + 0.5);
                sketch.rect(part, colour::sequential(share));
            }
            let y = scale::Scale { from: range, to: (bar.bottom(), bar.y) };
            let ticks = scale::ticks(range, 5);
            let distance = if ticks.len() > 1 { ticks[1] - ticks[0] } else { range.1 };
            for tick in ticks {
                let here = y.at(tick);
                sketch.line(
                    (bar.right(), here),
                    (bar.right() + 4.0, here),
                    Stroke::solid(colour::AXIS, 1.0),
                );
                let words = scale::number(tick, scale::decimals(distance));
                sketch.label((bar.right() + 8.0, here + 4.0), &words, look);
            }
            let above = face(frame::SMALL, Anchor::Start, colour::INK);
            sketch.label(
                (bar.x, bar.y - 10.0),
                &text::fit(&self.unit, frame::SMALL, Weight::Regular, 84.0),
                above,
            );
        }
        if absent {
            let square = Rect::new(x, bar.bottom() + 14.0, BAR, BAR);
            sketch.hatch(square);
            sketch.label((square.right() + 6.0, square.y + 12.0), "no data", look);
        }
    }
}
