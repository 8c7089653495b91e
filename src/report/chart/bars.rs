//! Grouped bars: a group a container, each against its own threshold, nearest to it first.

use super::colour;
use super::frame::{self, MARGIN, Sketch, TOP, WIDTH, face};
use super::picture::{Anchor, Dash, Picture, Rect, Stroke, Tag, Weight};
use super::scale::{self, Scale};
use super::text;

/// One container with a figure for each of the chart's groups.
#[derive(Debug, Clone, PartialEq)]
pub struct BarRow {
    pub name: String,
    /// A figure a group; `None` or NaN is absent and gets no bar.
    pub values: Vec<Option<f64>>,
    pub threshold: Option<f64>,
}

/// Horizontal bars.
#[derive(Debug, Clone, PartialEq)]
pub struct Bars {
    pub title: String,
    pub subtitle: String,
    /// Title of the figures' axis, without the unit.
    pub label: String,
    pub unit: String,
    /// What each bar of a group stands for; the last one is the one that counts: it is drawn
    /// strongest, compared with the threshold, and sorts the rows.
    pub groups: Vec<String>,
    pub rows: Vec<BarRow>,
}

/// The figure at `n`, if it is a number.
fn figure(row: &BarRow, n: usize) -> Option<f64> {
    row.values.get(n).copied().flatten().filter(|v| v.is_finite())
}

impl Bars {
    /// Lays the chart out.
    pub fn layout(&self) -> Picture {
        let mut sketch = Sketch::new();
        sketch.headings(&self.title, &self.subtitle);
        let rows = self.sorted();
        let count = self.groups.len().max(1);
        let bar = if rows.len() > 60 { 9.0 } else { 12.0 };
        let pitch = (bar * count as f64 + 8.0).max(16.0);
        let longest = rows
            .iter()
            .map(|r| text::width(&r.name, frame::BODY, Weight::Regular))
            .fold(40.0, f64::max);
        let left = MARGIN + longest.min(260.0) + 10.0;
        let words = 150.0;
        let height = pitch * rows.len().max(4) as f64;
        let area = Rect::new(left, TOP + 22.0, WIDTH - MARGIN - words - left, height);
        let x = Scale { from: self.range(), to: (area.x, area.right()) };
        sketch.x_axis(area, x, &format!("{} ({})", self.label, self.unit));
        self.key(&mut sketch, rows.iter().any(|r| r.threshold.is_some()));
        for (n, row) in rows.iter().enumerate() {
            let line = Rect::new(area.x, area.y + n as f64 * pitch, area.w, pitch);
            self.row(&mut sketch, row, line, x, bar);
        }
        if rows.is_empty() {
            frame::nothing(&mut sketch, area);
        }
        sketch.finish(area.bottom() + 60.0, &self.title, &self.subtitle)
    }

    fn sorted(&self) -> Vec<&BarRow> {
        let main = self.groups.len().saturating_sub(1);
        // Share of the threshold where there is one; the others follow, largest first.
        let key = |row: &BarRow| match (figure(row, main), row.threshold) {
            (Some(value), Some(limit)) if limit > 0.0 => (2, value / limit),
            (Some(value), _) => (1, value),
            (None, _) => (0, 0.0),
        };
        let mut rows: Vec<&BarRow> = self.rows.iter().collect();
        rows.sort_by(|a, b| {
            let (a, b) = (key(a), key(b));
            b.0.cmp(&a.0).then(b.1.total_cmp(&a.1))
        });
        rows
    }

    /// From zero to the largest figure, and to thresholds as far as they do not press it flat.
    fn range(&self) -> (f64, f64) {
        let figures =
            self.rows.iter().flat_map(|r| (0..self.groups.len()).filter_map(|n| figure(r, n)));
        let (low, high) = scale::extent(figures).unwrap_or((0.0, 1.0));
        let limits =
            self.rows.iter().filter_map(|r| r.threshold).filter(|t| *t <= high.abs() * 2.0);
        let high = limits.fold(high, f64::max).max(0.0);
        let low = low.min(0.0);
        if high > low { (low, low + (high - low) * 1.03) } else { (0.0, 1.0) }
    }

    /// What the bars and the tick mean, in a line above the plot.
    fn key(&self, sketch: &mut Sketch, thresholds: bool) {
        let mut x = MARGIN;
        let y = TOP + 2.0;
        let look = face(frame::SMALL, Anchor::Start, colour::SOFT);
        let mut entry = |sketch: &mut Sketch, words: &str, draw: &dyn Fn(&mut Sketch, f64)| {
            draw(sketch, x);
            let words = text::fit(words, frame::SMALL, Weight::Regular, 200.0);
            sketch.label((x + 20.0, y + 4.0), &words, look);
            x += 20.0 + text::width(&words, frame::SMALL, Weight::Regular) * 1.05 + 18.0;
        };
        for (n, name) in self.groups.iter().enumerate() {
            let fill = self.fill(n);
            entry(sketch, name, &|s, x| s.rect(Rect::new(x, y - 5.0, 14.0, 10.0), fill));
        }
        if thresholds {
            entry(sketch, "at or above its threshold", &|s, x| {
                s.rect(Rect::new(x, y - 5.0, 14.0, 10.0), colour::series(1).0);
            });
            entry(sketch, "threshold", &|s, x| {
                let stroke = Stroke::solid(colour::ALARM, 2.5);
                s.line((x + 7.0, y - 8.0), (x + 7.0, y + 8.0), stroke);
            });
        }
    }

    fn fill(&self, group: usize) -> colour::Colour {
        let last = self.groups.len().saturating_sub(1);
        let paler = (last.saturating_sub(group)) as f64 * 0.55;
        colour::series(0).0.mix(colour::PAPER, paler.min(0.8))
    }

    fn row(&self, sketch: &mut Sketch, row: &BarRow, line: Rect, x: Scale, bar: f64) {
        let count = self.groups.len();
        let top = line.y + (line.h - bar * count.max(1) as f64) / 2.0;
        let name = text::fit(&row.name, frame::BODY, Weight::Regular, line.x - MARGIN - 10.0);
        let middle = line.y + line.h / 2.0 + 4.5;
        sketch.tagged(Tag::Tip(row.name.clone()), |s| {
            s.label((line.x - 9.0, middle), &name, face(frame::BODY, Anchor::End, colour::INK));
        });
        for n in 0..count {
            let Some(value) = figure(row, n) else {
                continue;
            };
            let over = n + 1 == count && row.threshold.is_some_and(|limit| value >= limit);
            let fill = if over { colour::series(1).0 } else { self.fill(n) };
            let (from, to) = (x.at(0.0), x.at(value));
            let area = Rect::new(
                from.min(to),
                top + n as f64 * bar,
                (to - from).abs().max(1.0),
                bar - 1.0,
            );
            let tip =
                format!("{}, {}: {} {}", row.name, self.groups[n], scale::short(value), self.unit);
            sketch.tagged(Tag::Tip(tip), |s| s.rect(area, fill));
        }
        self.words(sketch, row, line, x);
    }

    /// The threshold's tick and, at the right of the plot, the figure against it.
    fn words(&self, sketch: &mut Sketch, row: &BarRow, line: Rect, x: Scale) {
        let limit = row.threshold.filter(|t| t.is_finite());
        if let Some(limit) = limit {
            let at = x.at(limit);
            if limit <= x.from.1 {
                let stroke = Stroke { colour: colour::ALARM, width: 2.5, dash: Dash::Solid };
                sketch.line((at, line.y + 2.0), (at, line.bottom() - 2.0), stroke);
            }
        }
        let value = figure(row, self.groups.len().saturating_sub(1));
        let words = match (value, limit) {
            (Some(value), Some(limit)) => {
                format!("{} of {} {}", scale::short(value), scale::limit(limit), self.unit)
            }
            (Some(value), None) => format!("{} {}", scale::short(value), self.unit),
            (None, _) => "no data".to_owned(),
        };
        let over = matches!((value, limit), (Some(v), Some(l)) if v >= l);
        let at = (line.right() + 10.0, line.y + line.h / 2.0 + 4.0);
        let look = if over {
            frame::bold(frame::SMALL, Anchor::Start, colour::ALARM)
        } else {
            face(
                frame::SMALL,
                Anchor::Start,
                if value.is_some() { colour::INK } else { colour::SOFT },
            )
        };
        sketch.label(at, &text::fit(&words, frame::SMALL, look.weight, 140.0), look);
    }
}
