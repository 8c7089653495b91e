//! What happened during a chart: phases as bands, single events as marks above the plot.

use super::colour;
use super::frame::{self, Sketch, bold, face};
use super::picture::{Anchor, Dash, Fill, MarkerKind, Rect, Stroke, Tag, Weight};
use super::scale::Scale;
use super::text;
use super::timeline::{Band, Event, EventKind};

/// Height of the lane above a plot in which events are named.
pub const LANE: f64 = 18.0;

/// Tints each phase and writes its name at its upper left corner where there is room.
pub fn bands(sketch: &mut Sketch, area: Rect, x: Scale, plot: usize, bands: &[Band], size: f64) {
    let names = names_in_order(bands);
    for band in bands.iter().filter(|b| b.to > b.from) {
        let left = x.at(band.from).clamp(area.x, area.right());
        let right = x.at(band.to).clamp(area.x, area.right());
        if right - left < 0.5 {
            continue;
        }
        let n = names.iter().position(|name| *name == band.name).unwrap_or(0);
        let part = Rect::new(left, area.y, right - left, area.h);
        let tip = format!("{}: {:.0} to {:.0} s", band.name, band.from, band.to);
        sketch.tagged(Tag::InTime(plot, None), |s| {
            s.rect(part, Fill { colour: colour::tint(n), opacity: 0.11 });
            let words = text::fit(&band.name, size, Weight::Regular, part.w - 8.0);
            let whole = words == band.name || part.w > 48.0;
            if whole {
                let look = face(size, Anchor::Start, colour::SOFT);
                s.label((left + 5.0, area.y + size + 3.0), &words, look);
            }
        });
        let strip = Rect::new(left, area.y, part.w, 3.0);
        sketch.tagged(Tag::InTime(plot, Some(tip)), |s| {
            s.rect(strip, Fill { colour: colour::tint(n), opacity: 0.75 });
        });
    }
}

fn names_in_order(bands: &[Band]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for band in bands {
        if !names.contains(&band.name.as_str()) {
            names.push(&band.name);
        }
    }
    names
}

/// A line through the plot and a mark with a name in the lane above it; names that would meet
/// another are left to the mark's read-out.
pub fn events(sketch: &mut Sketch, area: Rect, x: Scale, plot: usize, events: &[Event]) {
    let mut sorted: Vec<&Event> =
        events.iter().filter(|e| e.at >= x.from.0 && e.at <= x.from.1).collect();
    sorted.sort_by(|a, b| a.at.total_cmp(&b.at));
    let mut free_from = area.x - 20.0;
    for (n, event) in sorted.iter().enumerate() {
        let at = x.at(event.at);
        let (colour, kind) = look(event.kind);
        let stroke = Stroke { colour, width: 1.2, dash: Dash::Dotted };
        let y = area.y - LANE / 2.0 + 1.0;
        let tip = format!("{} at {:.0} s", event.name, event.at);
        sketch.tagged(Tag::InTime(plot, None), |s| {
            s.line((at, area.y), (at, area.bottom()), stroke);
        });
        sketch.tagged(Tag::InTime(plot, Some(tip)), |s| s.marker((at, y), 5.0, kind, colour));
        let next = sorted.get(n + 1).map_or(f64::INFINITY, |e| x.at(e.at) - 8.0);
        let free = (free_from, next.min(frame::WIDTH - frame::MARGIN));
        sketch.tagged(Tag::InTime(plot, None), |s| free_from = name(s, event, (at, y), free));
    }
}

/// Marks within a small panel, where there is no room for names: those are read-outs.
pub fn marks(sketch: &mut Sketch, area: Rect, x: Scale, plot: usize, events: &[Event]) {
    for event in events.iter().filter(|e| e.at >= x.from.0 && e.at <= x.from.1) {
        let at = x.at(event.at);
        let (colour, kind) = look(event.kind);
        let stroke = Stroke { colour, width: 1.2, dash: Dash::Dotted };
        let tip = format!("{} at {:.0} s", event.name, event.at);
        sketch.tagged(Tag::InTime(plot, None), |s| {
            s.line((at, area.y), (at, area.bottom()), stroke);
        });
        let place = (at, area.y + 6.0);
        sketch.tagged(Tag::InTime(plot, Some(tip)), |s| s.marker(place, 5.0, kind, colour));
    }
}

/// Writes an event's name right of its mark, or left of it at the paper's edge; says from where on
/// the lane is free.
fn name(sketch: &mut Sketch, event: &Event, at: (f64, f64), free: (f64, f64)) -> f64 {
    let wide = text::width(&event.name, frame::SMALL, Weight::Bold) * 1.06;
    let colour = look(event.kind).0;
    if at.0 + 9.0 + wide <= free.1 {
        let face = bold(frame::SMALL, Anchor::Start, colour);
        sketch.label((at.0 + 9.0, at.1 + 4.0), &event.name, face);
        return at.0 + 16.0 + wide;
    }
    if at.0 - 9.0 - wide >= free.0 {
        let face = bold(frame::SMALL, Anchor::End, colour);
        sketch.label((at.0 - 9.0, at.1 + 4.0), &event.name, face);
    }
    at.0 + 9.0
}

fn look(kind: EventKind) -> (colour::Colour, MarkerKind) {
    match kind {
        EventKind::OomKill => (colour::ALARM, MarkerKind::Triangle),
        EventKind::Restart => (colour::series(0).0, MarkerKind::Diamond),
        EventKind::Note => (colour::SOFT, MarkerKind::Circle),
    }
}
