//! What a number in a config may be, in words that follow "expected".

/// What a number may be.
#[derive(Clone, Copy)]
pub(super) struct Range {
    min: f64,
    max: f64,
    without_min: bool,
    pub(super) words: &'static str,
}

/// Above 0, up to 100.
pub(super) const PERCENT: Range =
    Range { min: 0.0, max: 100.0, without_min: true, words: "a percentage above 0, 100 at most" };
/// Above 0.
pub(super) const POSITIVE: Range =
    Range { min: 0.0, max: 1e12, without_min: true, words: "a number above 0" };
/// 0 or above.
pub(super) const NOT_NEGATIVE: Range =
    Range { min: 0.0, max: 1e12, without_min: false, words: "a number of at least 0" };
/// Any number.
pub(super) const ANY: Range =
    Range { min: f64::MIN, max: f64::MAX, without_min: false, words: "a number" };

impl Range {
    /// From `min` up to `max`, both included.
    pub(super) const fn within(min: f64, max: f64, words: &'static str) -> Range {
        Range { min, max, without_min: false, words }
    }

    pub(super) fn holds(&self, value: f64) -> bool {
        let above = if self.without_min { value > self.min } else { value >= self.min };
        above && value <= self.max
    }
}
