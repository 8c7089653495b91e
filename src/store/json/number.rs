//! Numbers, and what old files write in their place.

use super::{Cursor, Parsed};

/// A number as a file holds it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Num {
    /// Finite.
    Value(f64),
    /// `null`, `NaN` or an infinity.
    Absent,
    /// Something else, which was skipped.
    Wrong,
}

impl Num {
    pub(crate) fn value(self) -> Option<f64> {
        match self {
            Num::Value(value) => Some(value),
            Num::Absent | Num::Wrong => None,
        }
    }
}

impl Cursor<'_> {
    /// A number, or what stands in its place.
    #[inline]
    pub(crate) fn num(&mut self) -> Parsed<Num> {
        match self.peek()? {
            b'0'..=b'9' => Ok(Num::Value(self.digits(false)?)),
            b'-' if self.bytes.get(self.at + 1) == Some(&b'I') => self.word(b"-Infinity"),
            b'-' => {
                self.at += 1;
                Ok(Num::Value(self.digits(true)?))
            }
            b'n' => self.word(b"null"),
            b'N' => self.word(b"NaN"),
            b'I' => self.word(b"Infinity"),
            _ => {
                self.skip()?;
                Ok(Num::Wrong)
            }
        }
        .map(|num| match num {
            Num::Value(value) if !value.is_finite() => Num::Absent,
            num => num,
        })
    }

    fn word(&mut self, word: &[u8]) -> Parsed<Num> {
        if !self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            return self.bad("an unknown word");
        }
        self.at += word.len();
        Ok(Num::Absent)
    }

    /// Digits after the sign. Exact: small mantissas by one division (both exact in f64), the rest
    /// by the standard library.
    #[inline]
    fn digits(&mut self, negative: bool) -> Parsed<f64> {
        let start = self.at;
        let mut mantissa = 0u64;
        let mut digits = 0usize;
        let mut run = |at: &mut usize| {
            let from = *at;
            while let Some(digit) = self.bytes.get(*at).map(|b| b.wrapping_sub(b'0')) {
                if digit > 9 {
                    break;
                }
                mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
                *at += 1;
            }
            digits += *at - from;
            *at - from
        };
        let mut at = start;
        let whole = run(&mut at);
        let mut fraction = 0;
        if self.bytes.get(at) == Some(&b'.') {
            at += 1;
            fraction = run(&mut at);
        }
        if whole == 0 {
            return self.bad("a number was expected");
        }
        let exponent = matches!(self.bytes.get(at), Some(b'e' | b'E'));
        let small = digits <= 19 && mantissa <= 1 << 53;
        let value = match POWERS.get(fraction) {
            Some(power) if small && !exponent => {
                self.at = at;
                mantissa as f64 / power
            }
            _ => self.slow(start)?,
        };
        Ok(if negative { -value } else { value })
    }

    #[cold]
    fn slow(&mut self, start: usize) -> Parsed<f64> {
        let rest = self.bytes.get(start..).unwrap_or_default();
        let is_part = |b: &u8| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
        let end = rest.iter().take_while(|b| is_part(b)).count();
        let text = std::str::from_utf8(rest.get(..end).unwrap_or_default()).unwrap_or_default();
        match text.parse() {
            Ok(value) => {
                self.at = start + end;
                Ok(value)
            }
            Err(_) => self.bad("a number was expected"),
        }
    }
}

/// Powers of ten that f64 holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];
