//! A bitmap and the few shapes a chart is made of, with smooth edges.
//!
//! A pixel's coverage is taken from the distance of its middle to the shape's edge, in sixteen
//! steps: enough for the eye, and few enough colours for an indexed file.

use super::super::super::colour::Colour;
use super::super::super::picture::{Dash, Fill, Label, MarkerKind, Point, Rect, Stroke};
use super::glyph::Glyph;
use super::piece::Piece;

/// Pixels as `0x00rrggbb`, row by row.
pub struct Canvas {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<u32>,
}

/// The half-open ranges of pixels that may be touched.
pub struct Clip {
    x: (i64, i64),
    y: (i64, i64),
}

pub const STEPS: u32 = 16;

fn pack(colour: Colour) -> u32 {
    u32::from(colour.0) << 16 | u32::from(colour.1) << 8 | u32::from(colour.2)
}

/// `over` laid on `under` with `share` sixteenths.
pub fn blend(under: u32, over: u32, share: u32) -> u32 {
    if share >= STEPS {
        return over;
    }
    // Red and blue at once, green beside them: 8 bits times 16 never reach the neighbour.
    let mix = |mask: u32| {
        let (below, above) = ((under & mask) * (STEPS - share), (over & mask) * share);
        ((below + above + (0x0008_0808 & mask)) / STEPS) & mask
    };
    mix(0x00ff_00ff) | mix(0x0000_ff00)
}

impl Canvas {
    pub fn new(width: usize, height: usize, paper: Colour) -> Self {
        Canvas { width, height, pixels: vec![pack(paper); width * height] }
    }

    /// Everything may be touched.
    pub fn whole(&self) -> Clip {
        Clip { x: (0, self.width as i64), y: (0, self.height as i64) }
    }

    /// Only this area of the picture may be touched.
    pub fn clip(&self, area: Rect, scale: f64) -> Clip {
        let within = |from: f64, to: f64, size: usize| {
            let size = size as i64;
            (
                ((from * scale).round() as i64).clamp(0, size),
                ((to * scale).round() as i64).clamp(0, size),
            )
        };
        Clip {
            x: within(area.x, area.right(), self.width),
            y: within(area.y, area.bottom(), self.height),
        }
    }

    /// Fills a rectangle; its edges lie on whole pixels.
    pub fn rect(&mut self, area: &Rect, fill: Fill, scale: f64, clip: &Clip) {
        let (x, y) = span(area, scale, clip);
        let over = pack(fill.colour);
        for row in y.0..y.1 {
            let line = row as usize * self.width;
            let Some(pixels) =
                self.pixels.get_mut(line + x.0 as usize..line + x.1.max(x.0) as usize)
            else {
                continue;
            };
            if fill.opacity >= 1.0 {
                pixels.fill(over);
            } else {
                tint(pixels, over, fill.opacity);
            }
        }
    }

    /// Slanted lines, continuous from one area to the next.
    pub fn hatch(&mut self, area: &Rect, colour: Colour, scale: f64, clip: &Clip) {
        let (x, y) = span(area, scale, clip);
        let period = (7.0 * scale) as i64;
        let thick = scale.round() as i64;
        for row in y.0..y.1 {
            for column in x.0..x.1 {
                if (row + column).rem_euclid(period) < thick {
                    self.pixels[row as usize * self.width + column as usize] = pack(colour);
                }
            }
        }
    }

    /// A line with round ends and corners.
    pub fn polyline(&mut self, points: &[Point], stroke: Stroke, scale: f64, clip: &Clip) {
        let places: Vec<(f64, f64)> = points.iter().map(|p| (p.x * scale, p.y * scale)).collect();
        let half = stroke.width * scale / 2.0;
        let over = pack(stroke.colour);
        let straight = |a: (f64, f64), b: (f64, f64)| a.0 == b.0 || a.1 == b.1;
        if let ([a, b], Dash::Solid) = (places.as_slice(), stroke.dash)
            && straight(*a, *b)
        {
            return self.bar(*a, *b, half, over, clip);
        }
        match stroke.dash.pattern(stroke.width * scale) {
            None => places.windows(2).for_each(|w| self.segment(w[0], w[1], half, over, clip)),
            Some(pattern) => {
                dashes(&places, pattern, |a, b| self.segment(a, b, half * 0.92, over, clip));
            }
        }
    }

    /// An axis or grid line: crisp, on whole pixels.
    fn bar(&mut self, a: (f64, f64), b: (f64, f64), half: f64, over: u32, clip: &Clip) {
        let thick = (half * 2.0).round().max(1.0);
        let (left, top) = (a.0.min(b.0), a.1.min(b.1));
        let level = a.1 == b.1;
        let x = if level { left } else { (left - thick / 2.0).round() };
        let y = if level { (top - thick / 2.0).round() } else { top };
        let w = if level { (a.0 - b.0).abs() } else { thick };
        let h = if level { thick } else { (a.1 - b.1).abs() };
        let colour = Colour((over >> 16) as u8, (over >> 8) as u8, over as u8);
        self.rect(&Rect::new(x, y, w, h), colour.into(), 1.0, clip);
    }

    /// One piece of a line: every pixel by its distance to the piece.
    fn segment(&mut self, a: (f64, f64), b: (f64, f64), half: f64, over: u32, clip: &Clip) {
        let Some(piece) = Piece::new(a, b, half) else {
            return;
        };
        let (low, high) = (a.1.min(b.1), a.1.max(b.1));
        let reach = half + 0.5;
        let top = whole(low - reach).max(clip.y.0);
        let bottom = (whole(high + reach) + 1).min(clip.y.1);
        for row in top..bottom {
            let y = row as f64 + 0.5;
            let (from, to) = piece.near(y);
            let left = whole(from - reach).max(clip.x.0);
            let right = (whole(to + reach) + 1).min(clip.x.1);
            if left >= right {
                continue;
            }
            let line = row as usize * self.width;
            let pixels = &mut self.pixels[line + left as usize..line + right as usize];
            let first = ((left as f64 + 0.5 - a.0) as f32, (y - a.1) as f32);
            // Away from the piece's ends only the distance to its line counts, which is the same
            // step from each pixel to the next.
            if y > low + reach && y < high - reach {
                piece.middle(pixels, first, over);
            } else {
                piece.end(pixels, first, over);
            }
        }
    }

    /// A mark around a point.
    pub fn marker(
        &mut self,
        at: (f64, f64),
        radius: f64,
        kind: MarkerKind,
        fill: Fill,
        clip: &Clip,
    ) {
        let over = pack(fill.colour);
        let (left, right) =
            ((at.0 - radius - 1.0).floor() as i64, (at.0 + radius + 1.0).ceil() as i64);
        let (top, bottom) =
            ((at.1 - radius - 1.0).floor() as i64, (at.1 + radius + 1.0).ceil() as i64);
        for row in top.max(clip.y.0)..bottom.min(clip.y.1) {
            for column in left.max(clip.x.0)..right.min(clip.x.1) {
                let (x, y) = (column as f64 + 0.5 - at.0, row as f64 + 0.5 - at.1);
                let share = (0.5 - outside(kind, x, y, radius)).clamp(0.0, 1.0);
                let pixel = &mut self.pixels[row as usize * self.width + column as usize];
                *pixel = blend(*pixel, over, (share * 16.0 + 0.5) as u32);
            }
        }
    }

    /// A letter whose origin lies at a whole pixel; upward text is turned to the left.
    pub fn glyph(&mut self, glyph: &Glyph, origin: (i64, i64), label: &Label, clip: &Clip) {
        let over = pack(label.colour);
        for (n, coverage) in glyph.coverage.iter().enumerate() {
            let share = (u32::from(*coverage) * 16 + 127) / 255;
            if share == 0 {
                continue;
            }
            let along = glyph.left + (n % glyph.width) as i64;
            let down = glyph.top + (n / glyph.width) as i64;
            let (x, y) = if label.upward {
                (origin.0 + down, origin.1 - along)
            } else {
                (origin.0 + along, origin.1 + down)
            };
            if x >= clip.x.0 && x < clip.x.1 && y >= clip.y.0 && y < clip.y.1 {
                let pixel = &mut self.pixels[y as usize * self.width + x as usize];
                *pixel = blend(*pixel, over, share);
            }
        }
    }
}

/// Lays a colour over neighbours of mostly one colour.
fn tint(pixels: &mut [u32], over: u32, opacity: f64) {
    let share = (opacity * 256.0).round().clamp(0.0, 256.0) as u32;
    let mut last = (0, blend_fine(0, over, share));
    for pixel in pixels {
        if *pixel != last.0 {
            last = (*pixel, blend_fine(*pixel, over, share));
        }
        *pixel = last.1;
    }
}

/// `over` laid on `under` with `share` parts of 256: tints are too faint for sixteenths.
fn blend_fine(under: u32, over: u32, share: u32) -> u32 {
    let part = |shift: u32| {
        let (a, b) = (under >> shift & 0xff, over >> shift & 0xff);
        ((a * (256 - share) + b * share + 128) >> 8) << shift
    };
    part(16) | part(8) | part(0)
}

/// Whole pixels of an area, within the clip.
fn span(area: &Rect, scale: f64, clip: &Clip) -> ((i64, i64), (i64, i64)) {
    let edge = |v: f64| (v * scale).round() as i64;
    (
        (edge(area.x).clamp(clip.x.0, clip.x.1), edge(area.right()).clamp(clip.x.0, clip.x.1)),
        (edge(area.y).clamp(clip.y.0, clip.y.1), edge(area.bottom()).clamp(clip.y.0, clip.y.1)),
    )
}

/// The whole number below; the standard `floor` is a call on processors without SSE 4.1.
fn whole(figure: f64) -> i64 {
    let cut = figure as i64;
    if (cut as f64) > figure { cut - 1 } else { cut }
}

/// Distance of a place to a marker's edge; negative within.
fn outside(kind: MarkerKind, x: f64, y: f64, radius: f64) -> f64 {
    match kind {
        MarkerKind::Circle => (x * x + y * y).sqrt() - radius,
        MarkerKind::Diamond => (x.abs() + y.abs() - radius) * std::f64::consts::FRAC_1_SQRT_2,
        MarkerKind::Triangle => {
            let side = (x.abs() * 3f64.sqrt() - y - radius) / 2.0;
            side.max(y - radius * 0.7)
        }
    }
}

/// Walks along a line and draws only its strokes.
fn dashes(
    points: &[(f64, f64)],
    pattern: (f64, f64),
    mut draw: impl FnMut((f64, f64), (f64, f64)),
) {
    let mut on = true;
    let mut left = pattern.0;
    for pair in points.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let length = (b.0 - a.0).hypot(b.1 - a.1);
        if !length.is_finite() || length > 1e6 {
            return;
        }
        let at = |d: f64| (a.0 + (b.0 - a.0) * d / length, a.1 + (b.1 - a.1) * d / length);
        let mut done = 0.0;
        while done + left < length {
            if on {
                draw(at(done), at(done + left));
            }
            done += left;
            on = !on;
            left = if on { pattern.0 } else { pattern.1 };
        }
        if on && length > 0.0 {
            draw(at(done), b);
        }
        left -= length - done;
    }
}
