//! Figures as short text. The standard formatting of floats took most of a page's time.

use std::fmt;

/// A coordinate in tenths, which is as fine as anybody can see.
pub fn tenths(figure: f64) -> i64 {
    (figure * 10.0).round() as i64
}

/// Appends `scaled` divided by ten to the power of `places`, without needless zeros.
pub fn decimal(out: &mut String, scaled: i64, places: u32) {
    let unit = 10u64.pow(places);
    let size = scaled.unsigned_abs();
    if scaled < 0 {
        out.push('-');
    }
    let whole = size / unit;
    let mut rest = size % unit;
    if whole > 0 || rest == 0 {
        digits(out, whole, 1);
    }
    if rest > 0 {
        let mut wide = places as usize;
        while rest.is_multiple_of(10) {
            rest /= 10;
            wide -= 1;
        }
        out.push('.');
        digits(out, rest, wide);
    }
}

/// A whole number with at least `wide` digits.
fn digits(out: &mut String, mut number: u64, wide: usize) {
    let mut text = [b'0'; 20];
    let mut at = text.len();
    while number > 0 {
        at -= 1;
        text[at] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    at = at.min(text.len() - wide.min(text.len()));
    out.extend(text[at..].iter().map(|b| char::from(*b)));
}

/// A coordinate with at most one decimal.
pub struct Short(pub f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        let scaled = tenths(self.0);
        if scaled.unsigned_abs() < 10 && scaled != 0 {
            return write!(f, "{}", scaled as f64 / 10.0);
        }
        decimal(&mut text, scaled, 1);
        f.write_str(&text)
    }
}

/// A figure with the digits that a read-out shows; an absent one is `null`. JSON wants a zero
/// before the point.
pub struct Figure(pub f64);

impl Figure {
    /// Appends the figure.
    pub fn write(&self, out: &mut String) {
        let size = self.0.abs();
        if !self.0.is_finite() {
            return out.push_str("null");
        }
        if size >= 1e15 {
            return out.push_str(&format!("{:e}", self.0));
        }
        let places = if size >= 100.0 { 1 } else { 2 };
        let scaled = (self.0 * 10f64.powi(places as i32)).round() as i64;
        if scaled < 0 {
            out.push('-');
        }
        if scaled != 0 && scaled.unsigned_abs() < 10u64.pow(places) {
            out.push('0');
        }
        decimal(out, scaled.abs(), places);
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(&mut text);
        f.write_str(&text)
    }
}
