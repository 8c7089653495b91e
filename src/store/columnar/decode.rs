//! The way back from bytes to values. Whatever the bytes are, it ends and asks for no memory.

use super::Broken;
use super::encode::{ABSENT, RAW, Unit};

/// Bytes that are taken from the front.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    /// The next so many bytes.
    pub(crate) fn take(&mut self, count: u64) -> Result<&'a [u8], Broken> {
        let count = usize::try_from(count).map_err(|_| Broken)?;
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Broken)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A variable-length integer.
    #[inline]
    pub(crate) fn number(&mut self) -> Result<u64, Broken> {
        let mut value = 0u64;
        for (at, byte) in self.0.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * at as u32);
            if *byte < 0x80 {
                self.0 = self.0.get(at + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        Err(Broken)
    }

    /// A count of things that take at least a byte each.
    pub(crate) fn count(&mut self) -> Result<usize, Broken> {
        let count = usize::try_from(self.number()?).map_err(|_| Broken)?;
        if count > self.0.len() { Err(Broken) } else { Ok(count) }
    }

    /// Bytes with their length before them: a column, a chunk.
    pub(crate) fn block(&mut self) -> Result<Bytes<'a>, Broken> {
        let length = self.number()?;
        self.take(length).map(Bytes)
    }

    /// A text with its length before it.
    pub(crate) fn text(&mut self) -> Result<&'a str, Broken> {
        std::str::from_utf8(self.block()?.0).map_err(|_| Broken)
    }

    /// Four bytes, little endian.
    pub(crate) fn word(&mut self) -> Result<u32, Broken> {
        let bytes = self.take(4)?;
        bytes.try_into().map(u32::from_le_bytes).map_err(|_| Broken)
    }
}

/// A column that is being read: runs of a value.
#[derive(Debug)]
pub(crate) struct Decoder<'a> {
    bytes: Bytes<'a>,
    unit: Unit,
    whole: i64,
    step: i64,
    last: f64,
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(bytes: Bytes<'a>, unit: Unit) -> Decoder<'a> {
        Decoder { bytes, unit, whole: 0, step: 0, last: f64::NAN }
    }

    /// Gives the values of `ticks` ticks to `take` as value and how often it comes; absent is NaN.
    /// Ticks after the column's end are absent.
    #[inline]
    pub(crate) fn runs(
        mut self,
        ticks: usize,
        mut take: impl FnMut(f64, usize),
    ) -> Result<(), Broken> {
        let mut left = ticks;
        while left > 0 && !self.bytes.0.is_empty() {
            let token = self.bytes.number()?;
            let times = if token & 1 == 0 {
                self.difference(token >> 1);
                1
            } else {
                self.special(token)?
            };
            if times > left {
                return Err(Broken);
            }
            take(self.last, times);
            left -= times;
        }
        if !self.bytes.0.is_empty() {
            return Err(Broken);
        }
        if left > 0 {
            take(f64::NAN, left);
        }
        Ok(())
    }

    #[inline]
    fn difference(&mut self, zigzag: u64) {
        let difference = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
        self.step = match self.unit {
            Unit::Value => difference,
            Unit::Time => self.step.wrapping_add(difference),
        };
        self.whole = self.whole.wrapping_add(self.step);
        self.last = self.unit.value(self.whole);
    }

    fn special(&mut self, token: u64) -> Result<usize, Broken> {
        match token {
            ABSENT => self.last = f64::NAN,
            RAW => {
                let bytes = self.bytes.take(8)?.try_into().map_err(|_| Broken)?;
                self.last = f64::from_le_bytes(bytes);
            }
            repeat => return usize::try_from((repeat >> 1) - 1).map_err(|_| Broken),
        }
        Ok(1)
    }
}
