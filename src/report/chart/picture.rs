//! A chart that has been laid out: shapes in drawing order, in units of one CSS pixel.
//!
//! Painters need nothing else. What the pages' script needs beyond the shapes (raw points for the
//! read-out and for zooming) lies beside them in [`Plot`].

use super::colour::Colour;

/// A point; x to the right, y downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

/// An upright rectangle given by its left upper corner and its size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    pub x: f64,
    pub y: f64,
    pub w: f64,
    pub h: f64,
}

impl Rect {
    /// A rectangle; negative sizes become empty.
    pub fn new(x: f64, y: f64, w: f64, h: f64) -> Self {
        Rect { x, y, w: w.max(0.0), h: h.max(0.0) }
    }
    /// The x of the right edge.
    pub fn right(&self) -> f64 {
        self.x + self.w
    }
    /// The y of the lower edge.
    pub fn bottom(&self) -> f64 {
        self.y + self.h
    }
}

/// A colour with its opacity, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fill {
    pub colour: Colour,
    pub opacity: f64,
}

impl From<Colour> for Fill {
    fn from(colour: Colour) -> Self {
        Fill { colour, opacity: 1.0 }
    }
}

/// How a line is interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dash {
    Solid,
    Dashed,
    Dotted,
}

impl Dash {
    /// Lengths of stroke and gap for a line of this width; `None` for a solid one.
    pub fn pattern(self, width: f64) -> Option<(f64, f64)> {
        match self {
            Dash::Solid => None,
            Dash::Dashed => Some((width * 4.0, width * 2.5)),
            Dash::Dotted => Some((width * 1.2, width * 1.8)),
        }
    }
}

/// The look of a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    pub colour: Colour,
    pub width: f64,
    pub dash: Dash,
}

impl Stroke {
    /// A solid line.
    pub fn solid(colour: Colour, width: f64) -> Self {
        Stroke { colour, width, dash: Dash::Solid }
    }
}

/// Which end of a label its position names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// Weight of a label's face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Weight {
    Regular,
    Bold,
}

/// A line of text; `at` lies on its baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    pub at: Point,
    pub text: String,
    /// Size of the em in picture units.
    pub size: f64,
    pub weight: Weight,
    pub anchor: Anchor,
    pub colour: Colour,
    /// Read from bottom to top (a quarter turn to the left), as the title of a y axis is.
    pub upward: bool,
}

/// The form of a point marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkerKind {
    Circle,
    Diamond,
    Triangle,
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    Rect {
        area: Rect,
        fill: Fill,
    },
    /// Slanted lines: "no data here".
    Hatch {
        area: Rect,
        colour: Colour,
    },
    Polyline {
        points: Vec<Point>,
        stroke: Stroke,
    },
    Marker {
        at: Point,
        radius: f64,
        kind: MarkerKind,
        fill: Fill,
    },
    Label(Label),
}

/// What a shape stands for, so that the pages' script can find it.
#[derive(Debug, Clone, PartialEq)]
pub enum Tag {
    /// The drawn line of a series: plot and series number.
    Line(usize, usize),
    /// A series' entry in the legend; a click shows or hides it in every plot.
    Legend(String),
    /// Labels and grid lines of a plot's x axis, replaced while zooming.
    AxisX(usize),
    /// Bands, marks and other things at a time, moved and stretched while zooming; some have a
    /// read-out of their own.
    InTime(usize, Option<String>),
    /// Something with a read-out of its own.
    Tip(String),
}

/// A shape, what it stands for, and the part of the picture it may touch.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub shape: Shape,
    pub tag: Option<Tag>,
    pub clip: Option<Rect>,
}

/// The x axis of a plot as the script needs it.
#[derive(Debug, Clone, PartialEq)]
pub enum AxisX {
    /// Seconds, shown divided by `per_unit` and followed by `unit`.
    Time { per_unit: f64, unit: &'static str },
    /// The n-th category lies at x = n.
    Categories(Vec<String>),
}

/// One series of a plot with its points as measured (thinned only where there are very many).
#[derive(Debug, Clone, PartialEq)]
pub struct PlotSeries {
    pub name: String,
    pub colour: Colour,
    /// `(x, y)`; a NaN y is a gap.
    pub points: Vec<(f64, f64)>,
}

/// A coordinate system within the picture and the data shown in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    pub area: Rect,
    pub x: (f64, f64),
    pub y: (f64, f64),
    pub axis: AxisX,
    pub unit: String,
    pub series: Vec<PlotSeries>,
}

/// A chart, laid out.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    pub width: f64,
    pub height: f64,
    /// For the page's title and for readers that cannot see the picture.
    pub title: String,
    pub subtitle: String,
    pub items: Vec<Item>,
    pub plots: Vec<Plot>,
}
