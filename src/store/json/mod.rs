//! A small reader of JSON that walks over bytes and hands out what is asked for.
//!
//! serde_json is not enough here: the predecessor's files hold `NaN` and `Infinity`, a file that
//! breaks off must give what came before, and one wrong value must not cost the rest. It checks
//! only what it reads; what is skipped must merely be balanced.

use std::borrow::Cow;

mod number;
#[cfg(test)]
mod tests;
mod tree;

pub(crate) use number::Num;

/// Something that is not JSON, or not what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bad {
    /// Byte offset.
    pub at: usize,
    pub what: &'static str,
}

pub(crate) type Parsed<T> = Result<T, Bad>;

/// A string as it stands in the file, between its quotes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Text<'a> {
    raw: &'a [u8],
    escaped: bool,
}

impl<'a> Text<'a> {
    /// Whether it reads like that. A key with escapes is only compared after it was decoded.
    pub(crate) fn is(self, other: &str) -> bool {
        if self.escaped {
            return self.decode() == other;
        }
        self.raw == other.as_bytes()
    }

    /// The string; what is not UTF-8 in it is replaced.
    pub(crate) fn decode(self) -> Cow<'a, str> {
        if !self.escaped {
            return String::from_utf8_lossy(self.raw);
        }
        let quoted = [b"\"", self.raw, b"\""].concat();
        match serde_json::from_slice::<String>(&quoted) {
            Ok(text) => Cow::Owned(text),
            Err(_) => String::from_utf8_lossy(self.raw),
        }
    }
}

/// The place in the bytes.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Bytes of memory that trees may still take.
    room: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { bytes, at: 0, room: tree::MAX_BYTES }
    }

    /// Byte offset.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Goes to a place that [`Cursor::at`] gave.
    pub(crate) fn go(&mut self, at: usize) {
        self.at = at;
    }

    /// What stands between two places.
    pub(crate) fn between(&self, from: usize, to: usize) -> &'a [u8] {
        self.bytes.get(from..to).unwrap_or_default()
    }

    pub(crate) fn bad<T>(&self, what: &'static str) -> Parsed<T> {
        let cut = self.at >= self.bytes.len();
        Err(Bad { at: self.at, what: if cut { "the file breaks off" } else { what } })
    }

    /// The next byte that is not white space.
    #[inline]
    pub(crate) fn peek(&mut self) -> Parsed<u8> {
        while let Some(byte) = self.bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Ok(*byte);
            }
            self.at += 1;
        }
        self.bad("")
    }

    /// Whether nothing but white space is left.
    pub(crate) fn is_done(&mut self) -> bool {
        self.peek().is_err()
    }

    #[inline]
    fn expect(&mut self, byte: u8, what: &'static str) -> Parsed<()> {
        if self.peek()? != byte {
            return self.bad(what);
        }
        self.at += 1;
        Ok(())
    }

    /// Goes into an object when there is one.
    #[inline]
    pub(crate) fn object(&mut self) -> Parsed<Members> {
        self.expect(b'{', "an object was expected")?;
        Ok(Members { first: true })
    }

    /// Goes into an array when there is one.
    #[inline]
    pub(crate) fn array(&mut self) -> Parsed<Members> {
        self.expect(b'[', "an array was expected")?;
        Ok(Members { first: true })
    }

    /// A string.
    #[inline]
    pub(crate) fn text(&mut self) -> Parsed<Text<'a>> {
        self.expect(b'"', "a string was expected")?;
        let start = self.at;
        let mut escaped = false;
        let rest = self.bytes.get(start..).unwrap_or_default();
        let mut i = 0;
        while let Some(&byte) = rest.get(i) {
            if byte == b'"' {
                self.at = start + i + 1;
                let raw = rest.get(..i).unwrap_or_default();
                return Ok(Text { raw, escaped });
            }
            if byte == b'\\' {
                escaped = true;
                i += 1;
            }
            i += 1;
        }
        self.at = self.bytes.len();
        self.bad("")
    }

    /// A string, or nothing for any other value, which is skipped.
    pub(crate) fn text_or_skip(&mut self) -> Parsed<Option<Cow<'a, str>>> {
        if self.peek()? == b'"' {
            return Ok(Some(self.text()?.decode()));
        }
        self.skip()?;
        Ok(None)
    }

    /// `true` or `false`, or nothing for any other value, which is skipped.
    pub(crate) fn truth(&mut self) -> Parsed<Option<bool>> {
        let truth = match self.peek()? {
            b't' => Some(true),
            b'f' => Some(false),
            _ => None,
        };
        self.skip()?;
        Ok(truth)
    }

    /// Steps over any value, however deep, in constant memory.
    pub(crate) fn skip(&mut self) -> Parsed<()> {
        let mut depth = 0usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.text()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    if depth == 0 {
                        return self.bad("a value was expected");
                    }
                    depth -= 1;
                    self.at += 1;
                }
                b',' | b':' if depth > 0 => self.at += 1,
                b',' | b':' => return self.bad("a value was expected"),
                _ => self.bare(),
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn bare(&mut self) {
        let ends = |b: &u8| {
            matches!(b, b',' | b':' | b'"' | b' ' | b'\n' | b'\r' | b'\t')
                || matches!(b, b'{' | b'}' | b'[' | b']')
        };
        while let Some(byte) = self.bytes.get(self.at) {
            if ends(byte) {
                return;
            }
            self.at += 1;
        }
    }
}

/// Where we are within an object or array.
#[derive(Debug)]
pub(crate) struct Members {
    first: bool,
}

impl Members {
    /// The next key of an object; the cursor then stands before its value.
    #[inline]
    pub(crate) fn key<'a>(&mut self, cursor: &mut Cursor<'a>) -> Parsed<Option<Text<'a>>> {
        if !self.next(cursor, b'}')? {
            return Ok(None);
        }
        let key = cursor.text()?;
        cursor.expect(b':', "a colon was expected")?;
        Ok(Some(key))
    }

    /// Whether an array has another element; the cursor then stands before it.
    #[inline]
    pub(crate) fn element(&mut self, cursor: &mut Cursor<'_>) -> Parsed<bool> {
        self.next(cursor, b']')
    }

    #[inline]
    fn next(&mut self, cursor: &mut Cursor<'_>, end: u8) -> Parsed<bool> {
        let byte = cursor.peek()?;
        if byte == end {
            cursor.at += 1;
            return Ok(false);
        }
        if self.first {
            self.first = false;
        } else if byte == b',' {
            cursor.at += 1;
        } else {
            return cursor.bad("a comma was expected");
        }
        Ok(true)
    }
}

/// Whether the bytes are the beginning of a value that was not written to its end.
pub(crate) fn breaks_off(bytes: &[u8]) -> bool {
    Cursor::new(bytes).skip().is_err_and(|bad| bad.at >= bytes.len())
}

/// Line and column of a byte, from 1.
pub(crate) fn line_and_column(bytes: &[u8], at: usize) -> (u64, u64) {
    let before = bytes.get(..at).unwrap_or(bytes);
    let line = before.iter().filter(|b| **b == b'\n').count() as u64 + 1;
    let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    (line, (before.len() - start) as u64 + 1)
}
