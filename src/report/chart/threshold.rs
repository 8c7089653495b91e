//! Thresholds of a panel: a dashed line with its name where the lines leave room, or only the name
//! where the threshold is far above the figures.

use super::colour;
use super::frame::{self, Sketch};
use super::panel::Axes;
use super::picture::{Anchor, Dash, Point, Rect, Stroke};
use super::scale;
use super::text;
use super::timeline::Threshold;

/// Height above the figures in which the names of phases stand.
const PHASES: f64 = 20.0;
/// Height of the row below them, for what is beyond the figures.
const BEYOND: f64 = 16.0;

/// A threshold far above the figures would press them flat: then it is only named.
pub fn is_near(threshold: f64, highest: f64) -> bool {
    threshold.is_finite() && (highest.is_nan() || threshold <= 2.5 * highest.abs())
}

/// The height above the figures that stays free of lines, for names.
pub fn roof(thresholds: &[Threshold], highest: f64) -> f64 {
    let is_beyond = |t: &Threshold| t.value.is_finite() && !is_near(t.value, highest);
    if thresholds.iter().any(is_beyond) { PHASES + BEYOND } else { PHASES }
}

/// Draws the thresholds that lie within the panel and names the others at its upper edge. It comes
/// after the lines of `plot`, which names keep clear of.
pub fn draw(sketch: &mut Sketch, axes: &Axes, plot: usize, thresholds: &[Threshold], unit: &str) {
    let name = |t: &Threshold| format!("{} {} {unit}", t.name, scale::limit(t.value));
    let (low, high) = axes.y.from;
    let beyond: Vec<String> =
        thresholds.iter().filter(|t| t.value.is_finite() && t.value > high).map(name).collect();
    let mut taken: Vec<Rect> = beyond_words(sketch, axes.area, &beyond).into_iter().collect();
    let within: Vec<&Threshold> =
        thresholds.iter().filter(|t| (low..=high).contains(&t.value)).collect();
    let mut lines = sketch.lines_of(plot);
    for threshold in &within {
        let at = axes.y.at(threshold.value);
        let ends = [axes.area.x, axes.area.right()].map(|x| Point { x, y: at });
        let stroke = Stroke { colour: colour::ALARM, width: 1.4, dash: Dash::Dashed };
        sketch.line((ends[0].x, at), (ends[1].x, at), stroke);
        lines.push(ends);
    }
    for threshold in within {
        let at = axes.y.at(threshold.value);
        taken.push(words(sketch, axes.area, at, &name(threshold), &lines, &taken));
    }
}

/// What lies beyond the figures, in the row below the names of the phases; where that is.
fn beyond_words(sketch: &mut Sketch, area: Rect, beyond: &[String]) -> Option<Rect> {
    let rest = beyond.len().saturating_sub(2);
    let mut words = format!("↑ {}", beyond.get(..beyond.len().min(2))?.join(", "));
    if beyond.is_empty() {
        return None;
    }
    if rest > 0 {
        words.push_str(&format!(" and {rest} more"));
    }
    let look = frame::face(frame::SMALL, Anchor::End, colour::SOFT);
    let at = (area.right() - 6.0, area.y + PHASES + 11.0);
    let words = text::fit(&words, frame::SMALL, look.weight, area.w * 0.6);
    sketch.backed(at, &words, look);
    Some(frame::backing(at, &words, look))
}

/// Writes a threshold's name at its line, where the fewest lines and names are; says where.
fn words(
    sketch: &mut Sketch,
    area: Rect,
    at: f64,
    name: &str,
    lines: &[[Point; 2]],
    taken: &[Rect],
) -> Rect {
    let look = frame::face(frame::SMALL, Anchor::Start, colour::ALARM);
    let words = text::fit(name, look.size, look.weight, area.w - 10.0);
    let wide = text::width(&words, look.size, look.weight);
    let (above, below) = (at - 5.0, at + look.size + 3.0);
    // At the left load and memory are still low.
    let left = area.x + 6.0;
    let right = (area.right() - wide - 6.0).max(left);
    let across = [left, right, (left + right) / 2.0];
    let place = |(x, y)| ((x, y), frame::backing((x, y), &words, look));
    let fits = |(_, paper): &(_, Rect)| {
        paper.y >= area.y + PHASES - 2.5 && paper.bottom() <= area.bottom()
    };
    let met = |(_, paper): &(_, Rect)| {
        let others = taken.iter().filter(|other| overlap(paper, other)).count();
        others * 1000 + lines.iter().filter(|[a, b]| crosses(paper, *a, *b)).count()
    };
    let places = [above, below].into_iter().flat_map(|y| across.map(|x| (x, y))).map(place);
    let free = places.filter(fits).min_by_key(met);
    let (at, paper) = free.unwrap_or_else(|| place((left, below)));
    sketch.backed(at, &words, look);
    paper
}

fn overlap(a: &Rect, b: &Rect) -> bool {
    a.x < b.right() && b.x < a.right() && a.y < b.bottom() && b.y < a.bottom()
}

/// Whether a straight line runs through an area.
fn crosses(area: &Rect, a: Point, b: Point) -> bool {
    let (from, to) = if a.x <= b.x { (a, b) } else { (b, a) };
    if to.x < area.x || from.x > area.right() {
        return false;
    }
    let at = |x: f64| match to.x - from.x {
        wide if wide > 0.0 => from.y + (to.y - from.y) * (x - from.x) / wide,
        _ => to.y,
    };
    let first = if from.x < area.x { at(area.x) } else { from.y };
    let last = if to.x > area.right() { at(area.right()) } else { to.y };
    first.min(last) <= area.bottom() && first.max(last) >= area.y
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_crosses_an_area_or_passes_it() {
        let area = Rect::new(10.0, 10.0, 10.0, 10.0);
        let crosses = |a: (f64, f64), b: (f64, f64)| {
            super::crosses(&area, Point { x: a.0, y: a.1 }, Point { x: b.0, y: b.1 })
        };
        assert!(crosses((0.0, 0.0), (30.0, 30.0)) && crosses((30.0, 15.0), (0.0, 15.0)));
        assert!(crosses((15.0, 0.0), (15.0, 30.0)) && crosses((12.0, 12.0), (13.0, 13.0)));
        assert!(!crosses((0.0, 0.0), (5.0, 30.0)) && !crosses((0.0, 25.0), (30.0, 25.0)));
        assert!(!crosses((0.0, 15.0), (30.0, 60.0)), "below it from its left edge on");
    }
}
