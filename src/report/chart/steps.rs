//! Figures over named steps: a line a container, as for the steps of a speed multiplier.

use super::colour;
use super::frame::{self, MARGIN, Sketch, TOP, WIDTH, face};
use super::legend::{self, Entry};
use super::panel::{self, Axes};
use super::picture::{
    Anchor, AxisX, MarkerKind, Picture, Plot, PlotSeries, Point, Rect, Stroke, Tag, Weight,
};
use super::scale::{self, Scale};
use super::text;
use super::threshold;
use super::timeline::Threshold;

/// One container's figure at every step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepSeries {
    pub name: String,
    /// A figure a step; `None` or NaN is absent and interrupts the line.
    pub values: Vec<Option<f64>>,
}

/// Lines with dots over steps; a single step gives dots.
#[derive(Debug, Clone, PartialEq)]
pub struct Steps {
    pub title: String,
    pub subtitle: String,
    /// Title of the x axis, e.g. `speed multiplier`.
    pub x_label: String,
    /// Title of the y axis, without the unit.
    pub label: String,
    pub unit: String,
    /// Names of the steps, e.g. `2×`.
    pub steps: Vec<String>,
    /// Worst first.
    pub series: Vec<StepSeries>,
    pub thresholds: Vec<Threshold>,
}

impl Steps {
    /// Lays the chart out.
    pub fn layout(&self) -> Picture {
        let mut sketch = Sketch::new();
        sketch.headings(&self.title, &self.subtitle);
        let legend_width = legend::width(self.series.iter().map(|s| s.name.as_str()));
        let left = MARGIN + 62.0;
        let area = Rect::new(left, TOP, WIDTH - left - legend_width - 18.0 - MARGIN, 410.0);
        let axes = self.axes(area);
        let (x, y) = (axes.x, axes.y);
        let plot = self.register(&mut sketch, &axes);
        let title = format!("{} ({})", self.label, self.unit);
        sketch.y_axis(area, y, 7, Some((MARGIN + 8.0, &title)));
        self.x_axis(&mut sketch, area, x);
        for n in (0..self.series.len()).rev() {
            self.line(&mut sketch, n, plot, x, y);
        }
        threshold::draw(&mut sketch, &axes, plot, &self.thresholds, &self.unit);
        if self.figures().next().is_none() {
            frame::nothing(&mut sketch, area);
        }
        let entries: Vec<Entry> = self
            .series
            .iter()
            .enumerate()
            .map(|(n, one)| {
                let (colour, dash) = colour::series(n);
                Entry { name: &one.name, colour, dash }
            })
            .collect();
        legend::draw(
            &mut sketch,
            Rect::new(area.right() + 18.0, TOP, legend_width, area.h),
            &entries,
        );
        sketch.finish(area.bottom() + 62.0, &self.title, &self.subtitle)
    }

    fn figures(&self) -> impl Iterator<Item = f64> {
        self.series
            .iter()
            .flat_map(|s| s.values.iter().copied().flatten())
            .filter(|v| v.is_finite())
    }

    fn axes(&self, area: Rect) -> Axes {
        let (low, highest) = scale::extent(self.figures()).unwrap_or((f64::NAN, f64::NAN));
        let near =
            self.thresholds.iter().map(|t| t.value).filter(|t| threshold::is_near(*t, highest));
        let high = near.fold(highest, f64::max);
        // Comparing levels needs the zero.
        let from = scale::y_range(low.min(0.0), high);
        let x = (-0.5, self.steps.len().max(1) as f64 - 0.5);
        Axes {
            area,
            x: Scale { from: x, to: (area.x, area.right()) },
            y: panel::y_scale(area, from, threshold::roof(&self.thresholds, highest)),
        }
    }

    fn register(&self, sketch: &mut Sketch, axes: &Axes) -> usize {
        let series = self.series.iter().enumerate().map(|(n, one)| PlotSeries {
            name: one.name.clone(),
            colour: colour::series(n).0,
            points: self.points(one),
        });
        sketch.plot(Plot {
            area: axes.area,
            x: axes.x.from,
            y: panel::whole_y(axes),
            axis: AxisX::Categories(self.steps.clone()),
            unit: self.unit.clone(),
            series: series.collect(),
        })
    }

    fn points(&self, one: &StepSeries) -> Vec<(f64, f64)> {
        (0..self.steps.len())
            .map(|n| (n as f64, one.values.get(n).copied().flatten().unwrap_or(f64::NAN)))
            .collect()
    }

    fn x_axis(&self, sketch: &mut Sketch, area: Rect, x: Scale) {
        let below = area.bottom();
        sketch.line((area.x, below), (area.right(), below), Stroke::solid(colour::AXIS, 1.0));
        let room = area.w / self.steps.len().max(1) as f64;
        // With very many steps only every n-th is named.
        let every = (26.0 / room).ceil().max(1.0) as usize;
        for (n, name) in self.steps.iter().enumerate().step_by(every) {
            let at = x.at(n as f64);
            sketch.line((at, below), (at, below + 5.0), Stroke::solid(colour::AXIS, 1.0));
            let words = text::fit(name, frame::SMALL, Weight::Regular, room * every as f64 - 4.0);
            sketch.label(
                (at, below + 18.0),
                &words,
                face(frame::SMALL, Anchor::Middle, colour::SOFT),
            );
        }
        let look = face(frame::BODY, Anchor::Middle, colour::SOFT);
        sketch.label((area.x + area.w / 2.0, below + 40.0), &self.x_label, look);
    }

    fn line(&self, sketch: &mut Sketch, n: usize, plot: usize, x: Scale, y: Scale) {
        let (colour, dash) = colour::series(n);
        let stroke = Stroke { colour, width: if n < colour::DISTINCT { 2.0 } else { 1.0 }, dash };
        let points = self.points(&self.series[n]);
        for part in super::decimate::parts(&points, f64::INFINITY) {
            let places: Vec<Point> =
                part.iter().map(|p| Point { x: x.at(p.0), y: y.at(p.1) }).collect();
            sketch.tagged(Tag::Line(plot, n), |s| {
                if places.len() > 1 {
                    s.polyline(places.clone(), stroke);
                }
                for at in &places {
                    s.marker((at.x, at.y), 3.2, MarkerKind::Circle, colour);
                }
            });
        }
    }
}
