//! Values of one column as bytes, one tick after the other.
//!
//! Tokens are variable-length integers, seven bits a byte, the lowest first:
//!
//! - even: half of it is the zigzag form of the difference to the whole number before;
//! - 1: absent;
//! - 3: eight bytes follow, an f64 that is no whole number (or is beyond 2^53);
//! - 2n + 1, n from 2: the token before holds n - 1 times more.
//!
//! Counters and bytes are whole numbers, so most tokens take one to four bytes, and a run of the
//! same value takes two.

/// What a column's numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Values as they are; differences are taken once.
    Value,
    /// Seconds, kept as nanoseconds; differences are taken twice, since ticks are regular.
    Time,
}

/// f64 holds whole numbers up to here exactly.
const WHOLE: f64 = 9_007_199_254_740_992.0;

pub(super) const ABSENT: u64 = 1;
pub(super) const RAW: u64 = 3;

/// Bits that stand for an absent value; no measured value has them.
const NO_BITS: u64 = u64::MAX;

impl Unit {
    /// The whole number that stands for a value, where it gives the same value back.
    fn whole(self, value: f64) -> Option<i64> {
        let (scaled, whole) = match self {
            Unit::Value => (value, value.trunc()),
            Unit::Time => (value * 1e9, (value * 1e9).round()),
        };
        let exact = scaled.abs() <= WHOLE && self.value(whole as i64).to_bits() == value.to_bits();
        exact.then_some(whole as i64)
    }

    /// The value of a whole number.
    #[inline]
    pub(super) fn value(self, whole: i64) -> f64 {
        match self {
            Unit::Value => whole as f64,
            Unit::Time => whole as f64 / 1e9,
        }
    }
}

/// A column that is being written.
#[derive(Debug)]
pub(super) struct Encoder {
    unit: Unit,
    bytes: Vec<u8>,
    /// Ticks so far, the repeated ones included.
    ticks: usize,
    whole: i64,
    step: i64,
    bits: u64,
    repeats: u64,
}

impl Encoder {
    pub(super) fn new(unit: Unit) -> Encoder {
        Encoder { unit, bytes: Vec::new(), ticks: 0, whole: 0, step: 0, bits: 0, repeats: 0 }
    }

    pub(super) fn ticks(&self) -> usize {
        self.ticks
    }

    /// Adds a tick; what is not finite is absent, and -0 is 0, as in the journal.
    #[inline]
    pub(super) fn push(&mut self, value: Option<f64>) {
        let value = value.filter(|v| v.is_finite()).map(|v| v + 0.0);
        let bits = value.map_or(NO_BITS, f64::to_bits);
        self.ticks += 1;
        if self.ticks > 1 && bits == self.bits {
            self.repeats += 1;
            return;
        }
        self.end_run();
        self.bits = bits;
        match value.map(|v| (v, self.unit.whole(v))) {
            None => put(&mut self.bytes, ABSENT),
            Some((_, Some(whole))) => self.difference(whole),
            Some((value, None)) => {
                put(&mut self.bytes, RAW);
                self.bytes.extend_from_slice(&value.to_le_bytes());
            }
        }
    }

    /// Adds absent ticks until there are so many.
    pub(super) fn pad(&mut self, ticks: usize) {
        if self.ticks < ticks {
            self.push(None);
            // The rest repeats it.
            self.repeats += (ticks - self.ticks) as u64;
            self.ticks = ticks;
        }
    }

    fn difference(&mut self, whole: i64) {
        let step = whole - self.whole;
        let difference = match self.unit {
            Unit::Value => step,
            Unit::Time => step - self.step,
        };
        (self.whole, self.step) = (whole, step);
        put(&mut self.bytes, zigzag(difference) << 1);
    }

    fn end_run(&mut self) {
        if self.repeats > 0 {
            put(&mut self.bytes, 2 * (self.repeats + 1) + 1);
            self.repeats = 0;
        }
    }

    /// Appends the column, its length before it.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        self.end_run();
        put(out, self.bytes.len() as u64);
        out.extend_from_slice(&self.bytes);
    }
}

#[inline]
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Appends a variable-length integer.
#[inline]
pub(super) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
