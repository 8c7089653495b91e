//! Small multiples: a panel a container, at most eight a picture, all over the same time.

use super::colour::{self, Colour};
use super::events;
use super::frame::{self, MARGIN, Sketch, TOP, WIDTH};
use super::panel::{self, Drawn};
use super::picture::{Anchor, Dash, Picture, Rect, Stroke, Tag, Weight};
use super::text;
use super::threshold;
use super::timeline::{Band, Event, Series, Threshold, x_range};

/// Panels that one picture holds.
pub const PER_PICTURE: usize = 8;

/// How alarming the words beside a panel's name are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Calm,
    Watch,
    Alarm,
}

/// A straight line laid through a part of the figures.
#[derive(Debug, Clone, PartialEq)]
pub struct SlopeLine {
    /// Start and end as `(seconds, figure)`.
    pub from: (f64, f64),
    pub to: (f64, f64),
}

/// One container.
#[derive(Debug, Clone, PartialEq)]
pub struct GridPanel {
    pub series: Series,
    /// A few words at the right of the name, e.g. `leak +2.4 MB/min`.
    pub badge: Option<(String, Tone)>,
    pub slopes: Vec<SlopeLine>,
    /// The container's limit, drawn where it lies near the figures, else named.
    pub threshold: Option<Threshold>,
    /// What happened to it, as marks at the upper edge; their names are read-outs.
    pub events: Vec<Event>,
}

/// Panels with a y scale of their own each, phases and time in common.
#[derive(Debug, Clone, PartialEq)]
pub struct PanelGrid {
    pub title: String,
    pub subtitle: String,
    pub unit: String,
    /// The first [`PER_PICTURE`](Self::PER_PICTURE) are drawn.
    pub panels: Vec<GridPanel>,
    pub bands: Vec<Band>,
}

impl PanelGrid {
    /// How many panels a picture holds; callers make a picture for each group of as many.
    pub const PER_PICTURE: usize = PER_PICTURE;

    /// Lays the chart out.
    pub fn layout(&self) -> Picture {
        let mut sketch = Sketch::new();
        sketch.headings(&self.title, &self.subtitle);
        let shown = &self.panels[..self.panels.len().min(PER_PICTURE)];
        let columns = if shown.len() > 1 { 2 } else { 1 };
        let rows = shown.len().div_ceil(columns).max(1);
        let gutter = 22.0;
        let left = MARGIN + 50.0;
        let width =
            (WIDTH - MARGIN - left - (gutter + 50.0) * (columns - 1) as f64) / columns as f64;
        let height = if rows == 1 { 300.0 } else { 118.0 };
        let x = self.x_range(shown);
        for (n, one) in shown.iter().enumerate() {
            let (row, column) = (n / columns, n % columns);
            let area = Rect::new(
                left + column as f64 * (width + gutter + 50.0),
                TOP + 26.0 + row as f64 * (height + 58.0),
                width,
                height,
            );
            let lowest = n + columns >= shown.len();
            self.panel(&mut sketch, one, area, x, lowest);
        }
        if shown.is_empty() {
            frame::nothing(&mut sketch, Rect::new(left, TOP, width, height));
        }
        let bottom = TOP + 26.0 + rows as f64 * (height + 58.0);
        sketch.finish(bottom + 10.0, &self.title, &self.subtitle)
    }

    fn panel(&self, sketch: &mut Sketch, one: &GridPanel, area: Rect, x: (f64, f64), lowest: bool) {
        let width = if one.series.x.len() as f64 > area.w / 2.0 { 1.1 } else { 1.6 };
        let drawn =
            [Drawn { series: &one.series, colour: colour::series(0).0, dash: Dash::Solid, width }];
        let limits: Vec<Threshold> = one.threshold.iter().cloned().collect();
        let axes = panel::axes(area, x, &drawn, &limits);
        let plot = panel::register(sketch, &axes, &self.unit, &drawn);
        heading(sketch, one, area, &self.unit);
        events::bands(sketch, area, axes.x, plot, &self.bands, frame::SMALL - 0.5);
        sketch.y_axis(area, axes.y, 4, None);
        sketch.time_axis(area, axes.x, 7, plot, lowest);
        panel::lines(sketch, &axes, plot, &drawn);
        for slope in &one.slopes {
            let places = [slope.from, slope.to];
            if places.iter().all(|p| p.0.is_finite() && p.1.is_finite()) {
                let [from, to] = places.map(|p| (axes.x.at(p.0), axes.y.at(p.1)));
                let stroke = Stroke { colour: colour::ALARM, width: 2.0, dash: Dash::Dashed };
                sketch.clipped(area, |s| {
                    s.tagged(Tag::InTime(plot, None), |s| s.line(from, to, stroke))
                });
            }
        }
        threshold::draw(sketch, &axes, plot, &limits, &self.unit);
        events::marks(sketch, area, axes.x, plot, &one.events);
        if one.series.y.iter().all(|y| !y.is_finite()) {
            frame::nothing(sketch, area);
        }
    }

    fn x_range(&self, shown: &[GridPanel]) -> (f64, f64) {
        let times = shown.iter().flat_map(|p| p.series.x.iter().copied());
        x_range(times.chain(self.bands.iter().flat_map(|b| [b.from, b.to])))
    }
}

/// Name, unit and badge above a panel.
fn heading(sketch: &mut Sketch, one: &GridPanel, area: Rect, unit: &str) {
    let y = area.y - 8.0;
    let badge_width = one.badge.as_ref().map_or(0.0, |(words, _)| {
        (text::width(words, frame::SMALL, Weight::Bold) * 1.04).min(area.w * 0.55)
    });
    let room = area.w - badge_width - 50.0;
    let name = text::fit(&one.series.name, frame::BODY, Weight::Bold, room);
    let wide = text::width(&name, frame::BODY, Weight::Bold) * 1.04;
    sketch.tagged(Tag::Tip(one.series.name.clone()), |s| {
        s.label((area.x, y), &name, frame::bold(frame::BODY, Anchor::Start, colour::INK));
    });
    let look = frame::face(frame::SMALL, Anchor::Start, colour::SOFT);
    sketch.label((area.x + wide + 5.0, y), unit, look);
    if let Some((words, tone)) = &one.badge {
        let words = text::fit(words, frame::SMALL, Weight::Bold, badge_width + 1.0);
        let look = frame::bold(frame::SMALL, Anchor::End, tone_colour(*tone));
        sketch.label((area.right(), y), &words, look);
    }
}

fn tone_colour(tone: Tone) -> Colour {
    match tone {
        Tone::Calm => colour::SOFT,
        Tone::Watch => Colour(0x9a, 0x6a, 0x00),
        Tone::Alarm => colour::ALARM,
    }
}
