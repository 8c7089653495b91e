//! The paper under every chart: headings, axes, grid lines, and short words for drawing.

use super::colour::{self, Colour};
use super::picture::{
    Anchor, Fill, Item, Label, MarkerKind, Picture, Plot, Point, Rect, Shape, Stroke, Tag, Weight,
};
use super::scale::{self, Scale};
use super::text;

/// Width of every chart.
pub const WIDTH: f64 = 1000.0;
/// Distance of everything from the paper's edge.
pub const MARGIN: f64 = 24.0;
/// Sizes of text: headings, axes, the smallest that can be read at single size.
pub const TITLE: f64 = 18.0;
pub const BODY: f64 = 12.5;
pub const SMALL: f64 = 11.0;
/// Where the chart proper begins, below title and subtitle.
pub const TOP: f64 = 74.0;

/// A picture in the making.
pub struct Sketch {
    items: Vec<Item>,
    plots: Vec<Plot>,
    tag: Option<Tag>,
    clip: Option<Rect>,
}

/// How a label looks; its place and words come with the call.
#[derive(Clone, Copy)]
pub struct Face {
    pub size: f64,
    pub weight: Weight,
    pub anchor: Anchor,
    pub colour: Colour,
}

/// Regular text.
pub fn face(size: f64, anchor: Anchor, colour: Colour) -> Face {
    Face { size, weight: Weight::Regular, anchor, colour }
}

/// Bold text.
pub fn bold(size: f64, anchor: Anchor, colour: Colour) -> Face {
    Face { size, weight: Weight::Bold, anchor, colour }
}

impl Sketch {
    pub fn new() -> Self {
        Sketch { items: Vec::new(), plots: Vec::new(), tag: None, clip: None }
    }

    /// Draws with a tag on everything.
    pub fn tagged(&mut self, tag: Tag, draw: impl FnOnce(&mut Self)) {
        let before = self.tag.replace(tag);
        draw(self);
        self.tag = before;
    }

    /// Draws within an area only.
    pub fn clipped(&mut self, area: Rect, draw: impl FnOnce(&mut Self)) {
        let before = self.clip.replace(area);
        draw(self);
        self.clip = before;
    }

    fn push(&mut self, shape: Shape) {
        self.items.push(Item { shape, tag: self.tag.clone(), clip: self.clip });
    }

    pub fn rect(&mut self, area: Rect, fill: impl Into<Fill>) {
        self.push(Shape::Rect { area, fill: fill.into() });
    }

    pub fn hatch(&mut self, area: Rect) {
        self.rect(area, colour::ABSENT);
        self.push(Shape::Hatch { area, colour: colour::HATCH });
    }

    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: Stroke) {
        self.polyline(vec![Point { x: from.0, y: from.1 }, Point { x: to.0, y: to.1 }], stroke);
    }

    pub fn polyline(&mut self, points: Vec<Point>, stroke: Stroke) {
        self.push(Shape::Polyline { points, stroke });
    }

    pub fn marker(&mut self, at: (f64, f64), radius: f64, kind: MarkerKind, colour: Colour) {
        let at = Point { x: at.0, y: at.1 };
        self.push(Shape::Marker { at, radius, kind, fill: colour.into() });
    }

    pub fn label(&mut self, at: (f64, f64), words: &str, face: Face) {
        self.text(at, words, face, false);
    }

    fn text(&mut self, at: (f64, f64), words: &str, face: Face, upward: bool) {
        if words.is_empty() {
            return;
        }
        self.push(Shape::Label(Label {
            at: Point { x: at.0, y: at.1 },
            text: words.to_owned(),
            size: face.size,
            weight: face.weight,
            anchor: face.anchor,
            colour: face.colour,
            upward,
        }));
    }

    /// Keeps a plot's data for the script and says which number it has.
    pub fn plot(&mut self, plot: Plot) -> usize {
        self.plots.push(plot);
        self.plots.len() - 1
    }

    /// Title and subtitle at the left upper corner, shortened to the width.
    pub fn headings(&mut self, title: &str, subtitle: &str) {
        let room = WIDTH - 2.0 * MARGIN;
        let heading = bold(TITLE, Anchor::Start, colour::INK);
        self.label((MARGIN, 34.0), &text::fit(title, TITLE, heading.weight, room), heading);
        let below = face(BODY, Anchor::Start, colour::SOFT);
        self.label((MARGIN, 54.0), &text::fit(subtitle, BODY, below.weight, room), below);
    }

    /// Grid lines and tick labels of a y axis, and its title read upwards at `title_x`.
    pub fn y_axis(&mut self, area: Rect, y: Scale, wanted: usize, title: Option<(f64, &str)>) {
        let ticks = scale::ticks(y.from, wanted);
        let step = if ticks.len() > 1 { ticks[1] - ticks[0] } else { ticks[0].abs() };
        let places = scale::decimals(step);
        for tick in ticks {
            let at = y.at(tick);
            let stroke = if tick == 0.0 { colour::AXIS } else { colour::GRID };
            self.line((area.x, at), (area.right(), at), Stroke::solid(stroke, 1.0));
            let words = scale::number(tick, places);
            self.label((area.x - 7.0, at + 4.0), &words, face(SMALL, Anchor::End, colour::SOFT));
        }
        if let Some((x, words)) = title {
            let look = face(BODY, Anchor::Middle, colour::SOFT);
            let words = text::fit(words, BODY, look.weight, area.h.max(60.0));
            self.text((x, area.y + area.h / 2.0), &words, look, true);
        }
    }

    /// Grid lines and tick labels of an x axis of figures, and its title below it.
    pub fn x_axis(&mut self, area: Rect, x: Scale, title: &str) {
        let ticks = scale::ticks(x.from, 7);
        let step = if ticks.len() > 1 { ticks[1] - ticks[0] } else { 1.0 };
        let below = area.bottom();
        for tick in ticks {
            let at = x.at(tick);
            let stroke = if tick == 0.0 { colour::AXIS } else { colour::GRID };
            self.line((at, area.y), (at, below), Stroke::solid(stroke, 1.0));
            let words = scale::number(tick, scale::decimals(step));
            self.label((at, below + 17.0), &words, face(SMALL, Anchor::Middle, colour::SOFT));
        }
        let look = face(BODY, Anchor::Middle, colour::SOFT);
        self.label((area.x + area.w / 2.0, below + 39.0), title, look);
    }

    /// The lower edge of a plot with ticks in a unit of time and, where wanted, its title.
    pub fn time_axis(&mut self, area: Rect, x: Scale, wanted: usize, plot: usize, title: bool) {
        let (per_unit, unit) = scale::time_unit(x.from.1 - x.from.0);
        let range = (x.from.0 / per_unit, x.from.1 / per_unit);
        let ticks = scale::time_ticks(range, wanted);
        let step = if ticks.len() > 1 { ticks[1] - ticks[0] } else { 1.0 };
        let places = scale::decimals(step);
        let below = area.bottom();
        self.line((area.x, below), (area.right(), below), Stroke::solid(colour::AXIS, 1.0));
        self.tagged(Tag::AxisX(plot), |s| {
            for tick in ticks {
                let at = x.at(tick * per_unit);
                s.line((at, below), (at, below + 5.0), Stroke::solid(colour::AXIS, 1.0));
                let look = face(SMALL, Anchor::Middle, colour::SOFT);
                s.label((at, below + 18.0), &scale::number(tick, places), look);
            }
        });
        if title {
            let look = face(BODY, Anchor::Middle, colour::SOFT);
            let words = format!("time since the start ({unit})");
            self.label((area.x + area.w / 2.0, below + 38.0), &words, look);
        }
    }

    /// The straight pieces of the lines that a plot's series have so far.
    pub fn lines_of(&self, plot: usize) -> Vec<[Point; 2]> {
        let is_own = |item: &&Item| matches!(item.tag, Some(Tag::Line(of, _)) if of == plot);
        let pieces = |item: &Item| match &item.shape {
            Shape::Polyline { points, .. } => points.windows(2).map(|w| [w[0], w[1]]).collect(),
            Shape::Marker { at, .. } => vec![[*at, *at]],
            _ => Vec::new(),
        };
        self.items.iter().filter(is_own).flat_map(pieces).collect()
    }

    /// A label on a piece of paper so that lines below leave it legible.
    pub fn backed(&mut self, at: (f64, f64), words: &str, look: Face) {
        self.rect(backing(at, words, look), Fill { colour: colour::PAPER, opacity: 0.82 });
        self.label(at, words, look);
    }

    /// The finished picture.
    pub fn finish(self, height: f64, title: &str, subtitle: &str) -> Picture {
        Picture {
            width: WIDTH,
            height: height.ceil(),
            title: title.to_owned(),
            subtitle: subtitle.to_owned(),
            items: self.items,
            plots: self.plots,
        }
    }
}

/// The piece of paper behind a label.
pub fn backing(at: (f64, f64), words: &str, look: Face) -> Rect {
    let wide = text::width(words, look.size, look.weight) + 6.0;
    let left = if look.anchor == Anchor::End { at.0 - wide + 3.0 } else { at.0 - 3.0 };
    Rect::new(left, at.1 - look.size + 0.5, wide, look.size + 2.5)
}

/// Says in the middle of a plot that there is nothing to show.
pub fn nothing(sketch: &mut Sketch, area: Rect) {
    let look = face(BODY, Anchor::Middle, colour::SOFT);
    sketch.label((area.x + area.w / 2.0, area.y + area.h / 2.0), "no data", look);
}
