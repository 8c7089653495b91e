//! From figures to places: linear scales, ticks at round numbers, numbers as text.

/// A linear map from figures to picture units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    pub from: (f64, f64),
    pub to: (f64, f64),
}

impl Scale {
    /// Where a figure lies; figures far outside stay finite.
    pub fn at(&self, figure: f64) -> f64 {
        let span = self.from.1 - self.from.0;
        let share = if span == 0.0 { 0.5 } else { (figure - self.from.0) / span };
        self.to.0 + share.clamp(-8.0, 9.0) * (self.to.1 - self.to.0)
    }
}

/// About `wanted` round numbers (1, 2, 2.5 or 5 times a power of ten apart) within a range.
pub fn ticks(range: (f64, f64), wanted: usize) -> Vec<f64> {
    let span = range.1 - range.0;
    if !span.is_finite() || span <= 0.0 {
        return vec![range.0];
    }
    multiples(range, round_step(span / wanted.max(1) as f64, &[1.0, 2.0, 2.5, 5.0]))
}

/// The same for time, where a quarter of ten is not a round number.
pub fn time_ticks(range: (f64, f64), wanted: usize) -> Vec<f64> {
    let span = range.1 - range.0;
    if !span.is_finite() || span <= 0.0 {
        return vec![range.0];
    }
    multiples(range, round_step(span / wanted.max(1) as f64, &[1.0, 2.0, 5.0]))
}

fn multiples(range: (f64, f64), step: f64) -> Vec<f64> {
    let first = (range.0 / step - 1e-9).ceil();
    let last = (range.1 / step + 1e-9).floor();
    let count = (last - first).clamp(0.0, 100.0) as usize;
    (0..=count).map(|n| (first + n as f64) * step).map(|v| if v == 0.0 { 0.0 } else { v }).collect()
}

fn round_step(rough: f64, factors: &[f64]) -> f64 {
    let power = 10f64.powf(rough.log10().floor());
    let factor = rough / power;
    let round = factors.iter().copied().find(|f| factor <= f * 1.0001).unwrap_or(10.0);
    round * power
}

/// The y range that shows figures from `low` to `high`: from zero where that costs less than two
/// thirds of the height, else around the figures, but never so narrow that noise looks like growth.
pub fn y_range(low: f64, high: f64) -> (f64, f64) {
    if !(low.is_finite() && high.is_finite()) {
        return (0.0, 1.0);
    }
    let (low, high) = (low.clamp(-1e15, 1e15), high.clamp(-1e15, 1e15));
    let size = low.abs().max(high.abs());
    if size < 1e-9 {
        return (0.0, 1.0);
    }
    if low >= 0.0 && high - low > 0.33 * high {
        return (0.0, high * 1.06);
    }
    let room = (0.12 * size - (high - low)).max(0.12 * (high - low)) / 2.0;
    let from = low - room;
    (if low >= 0.0 { from.max(0.0) } else { from }, high + room)
}

/// Smallest and largest finite figure, if there is any.
pub fn extent(figures: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    figures.filter(|f| f.is_finite()).fold(None, |seen, f| match seen {
        None => Some((f, f)),
        Some((low, high)) => Some((f64::min(low, f), f64::max(high, f))),
    })
}

/// Decimals that ticks of this distance need.
pub fn decimals(step: f64) -> usize {
    if !step.is_finite() || step <= 0.0 {
        return 0;
    }
    (0..4)
        .find(|d| {
            let scaled = step * 10f64.powi(*d as i32);
            (scaled - scaled.round()).abs() < 1e-6 * scaled.max(1.0) && scaled.round() >= 1.0
        })
        .unwrap_or(4)
}

/// A figure with thousands separated and a real minus sign; very large ones as powers of ten.
pub fn number(figure: f64, decimals: usize) -> String {
    if !figure.is_finite() {
        return "–".to_owned();
    }
    if figure.abs() >= 1e9 {
        return format!("{figure:.1e}");
    }
    let plain = format!("{:.*}", decimals, figure.abs());
    let (whole, rest) = plain.split_at(plain.find('.').unwrap_or(plain.len()));
    let mut text = String::new();
    if figure < 0.0 && plain.bytes().any(|b| (b'1'..=b'9').contains(&b)) {
        text.push('−');
    }
    for (n, digit) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text + rest
}

/// A figure for a cell or a bar: three digits that count, no more.
pub fn short(figure: f64) -> String {
    let decimals = match figure.abs() {
        a if a >= 99.95 || a == 0.0 => 0,
        a if a >= 9.995 => 1,
        _ => 2,
    };
    number(figure, decimals)
}

/// A limit as people write it: `90`, not `90.0`.
pub fn limit(figure: f64) -> String {
    let decimals = if figure.abs() >= 1000.0 { 0 } else { decimals(figure.fract().abs()).min(2) };
    number(figure, if figure.fract() == 0.0 { 0 } else { decimals.max(1) })
}

/// The unit in which a span of seconds is shown: its length in seconds and its name.
pub fn time_unit(span: f64) -> (f64, &'static str) {
    match span {
        s if s <= 240.0 => (1.0, "s"),
        s if s <= 4.0 * 3600.0 => (60.0, "min"),
        s if s <= 72.0 * 3600.0 => (3600.0, "h"),
        _ => (86400.0, "d"),
    }
}
