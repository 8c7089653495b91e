//! The legend: outside of the plot, at its right, one name a line.

use super::colour::{self, Colour};
use super::frame::{self, Sketch, face};
use super::picture::{Anchor, Dash, Rect, Stroke, Tag, Weight};
use super::text;

/// Width that a legend takes at most, sample line included.
const WIDEST: f64 = 240.0;
const SAMPLE: f64 = 26.0;

/// A name with the look of its line.
pub struct Entry<'a> {
    pub name: &'a str,
    pub colour: Colour,
    pub dash: Dash,
}

/// The width these names need, shortened ones at the widest.
pub fn width<'a>(names: impl Iterator<Item = &'a str>) -> f64 {
    let longest = names
        .take(200)
        .map(|name| text::width(name, frame::SMALL, Weight::Regular))
        .fold(0.0, f64::max);
    (longest + SAMPLE + 6.0).clamp(90.0, WIDEST)
}

/// Draws entries from the top of `area` down; those that do not fit are counted in the last line.
pub fn draw(sketch: &mut Sketch, area: Rect, entries: &[Entry]) {
    let pitch = if entries.len() as f64 * 19.0 <= area.h { 19.0 } else { 15.5 };
    let lines = ((area.h / pitch).floor() as usize).max(1);
    let shown = if entries.len() > lines { lines - 1 } else { entries.len() };
    let mut y = area.y + pitch / 2.0;
    for entry in &entries[..shown] {
        let words = text::fit(entry.name, frame::SMALL, Weight::Regular, area.w - SAMPLE);
        sketch.tagged(Tag::Legend(entry.name.to_owned()), |s| {
            let stroke = Stroke { colour: entry.colour, width: 2.4, dash: entry.dash };
            s.line((area.x, y), (area.x + SAMPLE - 6.0, y), stroke);
            let look = face(frame::SMALL, Anchor::Start, colour::INK);
            s.label((area.x + SAMPLE, y + 4.0), &words, look);
        });
        y += pitch;
    }
    if shown < entries.len() {
        let words = format!("and {} more", entries.len() - shown);
        let look = face(frame::SMALL, Anchor::Start, colour::SOFT);
        sketch.label((area.x + SAMPLE, y + 4.0), &words, look);
    }
}
