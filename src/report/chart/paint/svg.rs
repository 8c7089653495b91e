//! A picture as SVG, with the data that the pages' script needs for read-out, legend and zoom.

use std::fmt::Write as _;

use crate::tell::clean;

use super::data;
use super::digits::{Short, decimal, tenths};

use super::super::colour::{self, Colour};
use super::super::picture::{
    Anchor, Dash, Item, Label, MarkerKind, Picture, Point, Rect, Shape, Stroke, Tag, Weight,
};

/// Text that may stand in an element or between double quotes of an attribute.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\t' => safe.push(c),
            // Not allowed in XML at all.
            '\u{fffe}' | '\u{ffff}' => safe.push(' '),
            c => safe.push(clean::shown(c)),
        }
    }
    safe
}

/// Paints a picture as one `<svg>` element; its plots' data lie in the attribute `data-plots`.
pub fn svg(picture: &Picture) -> String {
    let mut out = String::with_capacity(64 * 1024);
    let (w, h) = (picture.width, picture.height);
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"runner-chart\" viewBox=\"0 0 {w} {h}\" \
         width=\"{w}\" height=\"{h}\" role=\"img\" aria-label=\"{}\" \
         font-family=\"'Noto Sans','Segoe UI',Roboto,Helvetica,Arial,sans-serif\"",
        escape(&format!("{}. {}", picture.title, picture.subtitle)),
    );
    if !picture.plots.is_empty() {
        let _ = write!(out, " data-plots=\"{}\"", escape(&data::json(&picture.plots)));
    }
    out.push('>');
    let _ = write!(
        out,
        "<rect class=\"paper\" width=\"{w}\" height=\"{h}\" fill=\"{}\"/>",
        colour::PAPER.hex()
    );
    let clips = clips(picture);
    definitions(&mut out, &clips);
    for item in &picture.items {
        paint(&mut out, item, &clips);
    }
    out.push_str("</svg>");
    out
}

/// Every clip area once, in order of first use. A chart has one a plot.
fn clips(picture: &Picture) -> Vec<Rect> {
    let mut found: Vec<Rect> = Vec::new();
    for clip in picture.items.iter().filter_map(|i| i.clip) {
        if !found.contains(&clip) {
            found.push(clip);
        }
    }
    found
}

/// A number that is unique to a chart's title would not be enough on a page of many charts, so the
/// clip's own figures name it: the same name always means the same area.
fn clip_name(clip: &Rect) -> String {
    format!(
        "clip-{:.0}-{:.0}-{:.0}-{:.0}",
        clip.x * 10.0,
        clip.y * 10.0,
        clip.w * 10.0,
        clip.h * 10.0
    )
}

fn definitions(out: &mut String, clips: &[Rect]) {
    out.push_str("<defs><pattern id=\"runner-hatch\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">");
    let _ = write!(
        out,
        "<rect class=\"hatch\" width=\"1.2\" height=\"7\" fill=\"{}\"/></pattern>",
        colour::HATCH.hex()
    );
    for clip in clips {
        let _ = write!(out, "<clipPath id=\"{}\">", clip_name(clip));
        let _ = write!(out, "<rect {}/></clipPath>", frame(clip));
    }
    out.push_str("</defs>");
}

fn frame(area: &Rect) -> String {
    format!(
        "x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"",
        Short(area.x),
        Short(area.y),
        Short(area.w),
        Short(area.h)
    )
}

/// Classes let a page's style give the neutral colours another shade in the dark.
fn class(colour: Colour) -> &'static str {
    match colour {
        colour::PAPER => "paper",
        colour::INK => "ink",
        colour::SOFT => "soft",
        colour::AXIS => "axis",
        colour::GRID => "grid",
        colour::ABSENT => "absent",
        colour::ALARM => "alarm",
        _ => "",
    }
}

fn paint(out: &mut String, item: &Item, clips: &[Rect]) {
    let clip = item.clip.filter(|c| clips.contains(c));
    if let Some(clip) = &clip {
        let _ = write!(out, "<g clip-path=\"url(#{})\">", clip_name(clip));
    }
    let tag = tag(item.tag.as_ref());
    match &item.shape {
        Shape::Rect { area, fill } => {
            let _ = write!(out, "<rect {} {}", frame(area), filled(fill.colour));
            if fill.opacity < 1.0 {
                let _ = write!(out, " fill-opacity=\"{}\"", fill.opacity);
            }
            let _ = write!(out, "{tag}/>");
        }
        Shape::Hatch { area, .. } => {
            let _ = write!(out, "<rect {} fill=\"url(#runner-hatch)\"{tag}/>", frame(area));
        }
        Shape::Polyline { points, stroke } => line(out, points, *stroke, &tag),
        Shape::Marker { at, radius, kind, fill } => {
            marker(out, *at, *radius, *kind);
            let _ = write!(out, " {}{tag}/>", filled(fill.colour));
        }
        Shape::Label(label) => write_label(out, label, &tag),
    }
    if clip.is_some() {
        out.push_str("</g>");
    }
}

fn filled(colour: Colour) -> String {
    match class(colour) {
        "" => format!("fill=\"{}\"", colour.hex()),
        class => format!("class=\"{class}\" fill=\"{}\"", colour.hex()),
    }
}

fn tag(tag: Option<&Tag>) -> String {
    match tag {
        None => String::new(),
        Some(Tag::Line(plot, series)) => format!(" data-line=\"{plot},{series}\""),
        Some(Tag::Legend(name)) => format!(" data-legend=\"{}\"", escape(name)),
        Some(Tag::AxisX(plot)) => format!(" data-axis=\"{plot}\""),
        Some(Tag::InTime(plot, None)) => format!(" data-time=\"{plot}\""),
        Some(Tag::InTime(plot, Some(words))) => {
            format!(" data-time=\"{plot}\" data-tip=\"{}\"", escape(words))
        }
        Some(Tag::Tip(words)) => format!(" data-tip=\"{}\"", escape(words)),
    }
}

fn line(out: &mut String, points: &[Point], stroke: Stroke, tag: &str) {
    out.push_str("<path d=\"");
    trace(out, points);
    let class = match class(stroke.colour) {
        "" => String::new(),
        class => format!(" class=\"{class}-line\""),
    };
    let _ = write!(
        out,
        "\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"{class}{tag}",
        stroke.colour.hex(),
        stroke.width,
    );
    if let (Some((on, off)), true) = (stroke.dash.pattern(stroke.width), stroke.dash != Dash::Solid)
    {
        let _ = write!(out, " stroke-dasharray=\"{} {}\"", Short(on), Short(off));
    }
    out.push_str("/>");
}

/// Way of a line in steps from point to point, which is half as long as places; each step is the
/// difference of rounded places, so that errors do not add up.
fn trace(out: &mut String, points: &[Point]) {
    let mut last = (0, 0);
    for (n, point) in points.iter().enumerate() {
        let here = (tenths(point.x), tenths(point.y));
        out.push(if n == 0 { 'M' } else { 'l' });
        decimal(out, here.0 - last.0, 1);
        if here.1 >= last.1 {
            out.push(' ');
        }
        decimal(out, here.1 - last.1, 1);
        last = here;
    }
}

/// Opens the element of a marker.
fn marker(out: &mut String, at: Point, radius: f64, kind: MarkerKind) {
    let (x, y, r) = (at.x, at.y, radius);
    let _ = match kind {
        MarkerKind::Circle => {
            write!(out, "<circle cx=\"{}\" cy=\"{}\" r=\"{}\"", Short(x), Short(y), Short(r))
        }
        MarkerKind::Diamond => write!(
            out,
            "<path d=\"M{} {}L{} {}L{} {}L{} {}Z\"",
            Short(x),
            Short(y - r),
            Short(x + r),
            Short(y),
            Short(x),
            Short(y + r),
            Short(x - r),
            Short(y),
        ),
        MarkerKind::Triangle => write!(
            out,
            "<path d=\"M{} {}L{} {}L{} {}Z\"",
            Short(x),
            Short(y - r),
            Short(x + r),
            Short(y + r * 0.7),
            Short(x - r),
            Short(y + r * 0.7),
        ),
    };
}

fn write_label(out: &mut String, label: &Label, tag: &str) {
    let (x, y) = (Short(label.at.x), Short(label.at.y));
    let _ = write!(
        out,
        "<text x=\"{x}\" y=\"{y}\" font-size=\"{}\" {}",
        label.size,
        filled(label.colour)
    );
    out.push_str(match label.anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    });
    if label.weight == Weight::Bold {
        out.push_str(" font-weight=\"700\"");
    }
    if label.upward {
        let _ = write!(out, " transform=\"rotate(-90 {x} {y})\"");
    }
    let _ = write!(out, "{tag}>{}</text>", escape(&label.text));
}
