//! Many series over time, in one panel or in several stacked ones.

use std::collections::{HashMap, HashSet};

use super::colour::{self, Colour};
use super::events;
use super::frame::{self, MARGIN, Sketch, TOP, WIDTH};
use super::legend::{self, Entry};
use super::panel::{self, Drawn};
use super::picture::{Dash, Picture, Rect};
use super::scale;
use super::threshold;

/// A series of figures over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub name: String,
    /// Seconds since the chart's zero, not falling.
    pub x: Vec<f64>,
    /// Figures in the panel's unit; NaN is a gap, which is never drawn over.
    pub y: Vec<f64>,
    /// Two points further apart than this many seconds are not joined; infinity joins all.
    pub gap_after: f64,
}

impl Series {
    pub(super) fn points(&self) -> Vec<(f64, f64)> {
        self.x.iter().copied().zip(self.y.iter().copied()).collect()
    }
}

/// A phase.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// Seconds.
    pub from: f64,
    pub to: f64,
    pub name: String,
}

/// What kind of event it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    OomKill,
    Restart,
    Note,
}

/// Something that happened at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Seconds.
    pub at: f64,
    pub name: String,
    pub kind: EventKind,
}

/// A line not to be crossed.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// In the panel's unit.
    pub value: f64,
    pub name: String,
}

/// One of the stacked panels of a timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// Title of the y axis, without the unit.
    pub label: String,
    pub unit: String,
    /// Worst first: the first ones lie on top and keep their colours when there are very many.
    pub series: Vec<Series>,
    pub thresholds: Vec<Threshold>,
}

/// Lines over time with phases, events and thresholds. The same name has the same colour in every
/// panel.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    pub title: String,
    pub subtitle: String,
    pub panels: Vec<Panel>,
    pub bands: Vec<Band>,
    pub events: Vec<Event>,
}

impl Timeline {
    /// Lays the chart out.
    pub fn layout(&self) -> Picture {
        let mut sketch = Sketch::new();
        sketch.headings(&self.title, &self.subtitle);
        let names = self.names();
        let legend_width = legend::width(names.iter().copied());
        let count = self.panels.len().max(1) as f64;
        let left = MARGIN + 62.0;
        let width = WIDTH - left - legend_width - 18.0 - MARGIN;
        let lane = if self.events.is_empty() { 0.0 } else { events::LANE };
        let body = if count > 1.0 { 250.0 * count + 26.0 * (count - 1.0) } else { 410.0 };
        let each = (body - 26.0 * (count - 1.0)) / count;
        let x = self.x_range();
        let dense = self.is_dense(width);
        for (n, panel) in self.panels.iter().enumerate() {
            let top = TOP + lane + n as f64 * (each + 26.0);
            let area = Rect::new(left, top, width, each);
            let drawn = dress(&panel.series, &names, dense);
            self.panel(&mut sketch, n, area, x, &drawn);
        }
        let entries: Vec<Entry> = names
            .iter()
            .enumerate()
            .map(|(n, name)| {
                let (colour, dash) = look(n, dense);
                Entry { name, colour, dash }
            })
            .collect();
        let beside = Rect::new(left + width + 18.0, TOP + lane, legend_width, body);
        legend::draw(&mut sketch, beside, &entries);
        sketch.finish(TOP + lane + body + 62.0, &self.title, &self.subtitle)
    }

    fn panel(&self, sketch: &mut Sketch, n: usize, area: Rect, x: (f64, f64), drawn: &[Drawn]) {
        let panel = &self.panels[n];
        let axes = panel::axes(area, x, drawn, &panel.thresholds);
        let plot = panel::register(sketch, &axes, &panel.unit, drawn);
        events::bands(sketch, area, axes.x, plot, &self.bands, frame::SMALL);
        let title = match panel.unit.as_str() {
            "" => panel.label.clone(),
            unit => format!("{} ({unit})", panel.label),
        };
        let wanted = (area.h / 42.0) as usize;
        sketch.y_axis(area, axes.y, wanted, Some((MARGIN + 8.0, &title)));
        let last = n + 1 == self.panels.len();
        sketch.time_axis(area, axes.x, 10, plot, last);
        panel::lines(sketch, &axes, plot, drawn);
        if n == 0 {
            events::events(sketch, area, axes.x, plot, &self.events);
        }
        threshold::draw(sketch, &axes, plot, &panel.thresholds, &panel.unit);
        if drawn.iter().all(|d| d.series.y.iter().all(|y| !y.is_finite())) {
            frame::nothing(sketch, area);
        }
    }

    /// Whether points lie closer than dashes could show.
    fn is_dense(&self, width: f64) -> bool {
        let longest = self.panels.iter().flat_map(|p| &p.series).map(|s| s.x.len()).max();
        longest.unwrap_or(0) as f64 > width / 3.0
    }

    /// Names of all series in order, each once.
    fn names(&self) -> Vec<&str> {
        let mut seen = HashSet::new();
        let all = self.panels.iter().flat_map(|p| p.series.iter().map(|s| s.name.as_str()));
        all.filter(|name| seen.insert(*name)).collect()
    }

    fn x_range(&self) -> (f64, f64) {
        let series = self.panels.iter().flat_map(|p| p.series.iter());
        let times = series.flat_map(|s| s.x.iter().copied());
        let borders = self.bands.iter().flat_map(|b| [b.from, b.to]);
        x_range(times.chain(borders))
    }
}

/// Seconds that a time may lie from zero, three centuries; beyond is a damaged file.
const LONGEST: f64 = 1e10;

/// The span of these times; a single one gets a second of room.
pub(super) fn x_range(times: impl Iterator<Item = f64>) -> (f64, f64) {
    match scale::extent(times.filter(|t| t.abs() < LONGEST)) {
        Some((low, high)) if high > low => (low, high),
        Some((low, _)) => (low, low + 1.0),
        None => (0.0, 1.0),
    }
}

/// The n-th series' colour and dash; lines of dense points are never dashed, which would tear
/// peaks out of them.
fn look(n: usize, dense: bool) -> (Colour, Dash) {
    let (colour, dash) = colour::series(n);
    (colour, if dense { Dash::Solid } else { dash })
}

fn dress<'a>(series: &'a [Series], names: &[&str], dense: bool) -> Vec<Drawn<'a>> {
    let order: HashMap<&str, usize> =
        names.iter().enumerate().map(|(n, name)| (*name, n)).collect();
    let one = |series: &'a Series| {
        let n = order.get(series.name.as_str()).copied().unwrap_or(usize::MAX);
        let (colour, dash) = look(n, dense);
        let width = if dense || n >= colour::DISTINCT { 1.1 } else { 1.7 };
        Drawn { series, colour, dash, width }
    };
    series.iter().map(one).collect()
}
