//! One coordinate system with lines over time: the part that timelines and grids share.

use super::colour::Colour;
use super::decimate;
use super::frame::Sketch;
use super::picture::{AxisX, Dash, MarkerKind, Plot, PlotSeries, Point, Rect, Stroke, Tag};
use super::scale::{self, Scale};
use super::threshold;
use super::timeline::{Series, Threshold};

/// Columns of a page's data: enough for zooming eight times into a picture.
const PAGE_COLUMNS: usize = 4000;

/// A series with the look it has in every panel.
pub struct Drawn<'a> {
    pub series: &'a Series,
    pub colour: Colour,
    pub dash: Dash,
    pub width: f64,
}

/// Where a panel lies and what it spans.
pub struct Axes {
    pub area: Rect,
    pub x: Scale,
    pub y: Scale,
}

/// The scales of a panel: x as given, y from its figures and the thresholds near them.
pub fn axes(area: Rect, x: (f64, f64), drawn: &[Drawn], thresholds: &[Threshold]) -> Axes {
    let figures = drawn.iter().flat_map(|d| d.series.y.iter().copied());
    let (mut low, mut high) = scale::extent(figures).unwrap_or((f64::NAN, f64::NAN));
    let highest = high;
    for near in thresholds.iter().filter(|t| threshold::is_near(t.value, highest)) {
        low = low.min(near.value);
        high = high.max(near.value);
    }
    Axes {
        area,
        x: Scale { from: x, to: (area.x, area.right()) },
        y: y_scale(area, scale::y_range(low, high), threshold::roof(thresholds, highest)),
    }
}

/// The y scale of a panel whose uppermost `roof` units stay free of lines.
pub fn y_scale(area: Rect, from: (f64, f64), roof: f64) -> Scale {
    Scale { from, to: (area.bottom(), area.y + roof) }
}

/// Hands a panel's data to the script.
pub fn register(sketch: &mut Sketch, axes: &Axes, unit: &str, drawn: &[Drawn]) -> usize {
    let (per_unit, name) = scale::time_unit(axes.x.from.1 - axes.x.from.0);
    sketch.plot(Plot {
        area: axes.area,
        x: axes.x.from,
        y: whole_y(axes),
        axis: AxisX::Time { per_unit, unit: name },
        unit: unit.to_owned(),
        series: drawn.iter().map(|d| plot_series(d, axes.x.from)).collect(),
    })
}

/// The figures that a panel's whole height stands for, with what is above the y scale's end.
pub fn whole_y(axes: &Axes) -> (f64, f64) {
    let (low, high) = axes.y.from;
    let (bottom, top) = axes.y.to;
    (low, high + (top - axes.area.y) * (high - low) / (bottom - top).max(1.0))
}

fn plot_series(drawn: &Drawn, x: (f64, f64)) -> PlotSeries {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for part in decimate::parts(&drawn.series.points(), drawn.series.gap_after) {
        if let (Some(last), Some(first)) = (points.last().copied(), part.first()) {
            // Absent at both ends of the gap, so that a read-out within it finds nothing.
            let edge = (first.0 - last.0).max(0.0) * 0.02;
            points.push((last.0 + edge, f64::NAN));
            points.push((first.0 - edge, f64::NAN));
        }
        points.extend(decimate::thin(part, x, PAGE_COLUMNS));
    }
    PlotSeries { name: drawn.series.name.clone(), colour: drawn.colour, points }
}

/// Draws the lines, broken at gaps; a point alone between gaps becomes a dot.
pub fn lines(sketch: &mut Sketch, axes: &Axes, plot: usize, drawn: &[Drawn]) {
    let columns = (axes.area.w * 1.5).max(1.0) as usize;
    // The first series are the ones that matter most: drawn last, they lie on top.
    for (n, one) in drawn.iter().enumerate().rev() {
        let stroke = Stroke { colour: one.colour, width: one.width, dash: one.dash };
        let points = one.series.points();
        for part in decimate::parts(&points, one.series.gap_after) {
            let thin = decimate::thin(part, axes.x.from, columns);
            let places: Vec<Point> =
                thin.iter().map(|p| Point { x: axes.x.at(p.0), y: axes.y.at(p.1) }).collect();
            sketch.clipped(axes.area, |s| {
                s.tagged(Tag::Line(plot, n), |s| match places.as_slice() {
                    [only] => s.marker((only.x, only.y), 2.4, MarkerKind::Circle, one.colour),
                    _ => s.polyline(places, stroke),
                });
            });
        }
    }
}
