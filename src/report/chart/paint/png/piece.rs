//! A straight piece of a line with round ends, row by row: the innermost loop of a chart.

use super::canvas::blend;

/// A piece from `start` in steps that its rows share. Places within it are counted from its start,
/// so that single precision is enough.
pub struct Piece {
    start: (f64, f64),
    run: f64,
    /// Columns that the piece moves along per row; none for a level piece.
    lean: Option<f64>,
    step: (f32, f32),
    length: f32,
    half: f64,
}

impl Piece {
    /// `None` where the piece's length is no number.
    pub fn new(a: (f64, f64), b: (f64, f64), half: f64) -> Option<Self> {
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let length = dx.hypot(dy);
        length.is_finite().then(|| Piece {
            start: a,
            run: dx,
            lean: (dy.abs() > 1e-9).then(|| dx / dy),
            step: (dx as f32, dy as f32),
            length: length as f32,
            half,
        })
    }

    /// The range of x, within the piece, that comes near the row at `y`.
    pub fn near(&self, y: f64) -> (f64, f64) {
        let (left, right) =
            (self.start.0.min(self.start.0 + self.run), self.start.0.max(self.start.0 + self.run));
        let Some(lean) = self.lean else {
            return (left, right);
        };
        let middle = self.start.0 + (y - self.start.1) * lean;
        let aside = ((self.half + 0.5) * lean).abs();
        ((middle - aside).clamp(left, right), (middle + aside).clamp(left, right))
    }

    /// Pixels from `first` (relative to the start) on, all between the ends.
    pub fn middle(&self, pixels: &mut [u32], first: (f32, f32), over: u32) {
        let per = 1.0 / self.length;
        let reach = self.half as f32 + 0.5;
        let mut apart = (first.0 * self.step.1 - first.1 * self.step.0) * per;
        let each = self.step.1 * per;
        for pixel in pixels {
            let share = reach - apart.abs();
            if share >= 1.0 {
                *pixel = over;
            } else if share > 0.0 {
                *pixel = blend(*pixel, over, quarters(share));
            }
            apart += each;
        }
    }

    /// Pixels from `first` (relative to the start) on, near an end.
    pub fn end(&self, pixels: &mut [u32], first: (f32, f32), over: u32) {
        let square = self.length * self.length;
        let per = if square > 0.0 { 1.0 / square } else { 0.0 };
        let reach = self.half as f32 + 0.5;
        let (dx, dy) = self.step;
        let (mut x, y) = first;
        for pixel in pixels {
            let t = ((x * dx + y * dy) * per).clamp(0.0, 1.0);
            let (ex, ey) = (x - t * dx, y - t * dy);
            let apart = ex * ex + ey * ey;
            if apart < reach * reach {
                let share = (reach - apart.sqrt()).min(1.0);
                *pixel = blend(*pixel, over, quarters(share));
            }
            x += 1.0;
        }
    }
}

/// Coverage of a line's pixel in sixteenths, but only whole quarters: at double size finer shades
/// cannot be seen, and where many lines cross they would multiply the colours to be packed.
fn quarters(share: f32) -> u32 {
    (share * 4.0 + 0.5) as u32 * 4
}
