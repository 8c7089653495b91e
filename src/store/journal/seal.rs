//! What the recorder puts at the end of each line of `samples.jsonl` and `events.jsonl`, so that a
//! reader can tell whether the line is as it was written and whether it stands where it was.
//!
//! ```json
//! {...,"run":"20261121_031455","line":7,"events":12,"crc":"1c291ca3"}
//! ```
//!
//! `line` counts the lines of the file from 0; the key after it counts the lines of the other file
//! that were there already (`events` in samples.jsonl, `samples` in events.jsonl); `crc` is the
//! CRC-32 of all bytes of the line before `,"crc"`, eight hexadecimal digits. The four are the last
//! keys of a line, in this order and without blanks. Lines of older runs have none of them.

use flate2::Crc;
use serde::Deserialize;

/// Before the digits of the check value.
const CRC_KEY: &[u8] = b",\"crc\":\"";
/// The check value with its key and the end of the object: `,"crc":"1c291ca3"}`.
const CRC_BYTES: usize = CRC_KEY.len() + 8 + 2;
/// Where the seal begins.
const RUN_KEY: &[u8] = b",\"run\":";
/// No seal is longer: a test id is a file name of 255 bytes at most, each escaped at worst.
const MAX_SEAL: usize = 2048;

/// Seals the lines of one file.
#[derive(Debug)]
pub(super) struct Sealer {
    run: String,
    /// The key that counts the lines of the other file.
    beside: &'static str,
    line: u64,
}

impl Sealer {
    /// For a file of this run that has no lines yet.
    pub(super) fn new(run: &str, beside: &'static str) -> Sealer {
        // Writing a text to memory cannot fail.
        let run = serde_json::to_string(run).unwrap_or_else(|_| "\"\"".into());
        Sealer { run, beside, line: 0 }
    }

    /// Lines that were written.
    pub(super) fn lines(&self) -> u64 {
        self.line
    }

    /// Puts the seal before the end of a line (`}`, line feed), beside so many lines of the other
    /// file.
    pub(super) fn seal(&self, line: &mut Vec<u8>, beside: u64) {
        if !line.ends_with(b"}\n") {
            return;
        }
        line.truncate(line.len() - 2);
        let Sealer { run, beside: key, line: number } = self;
        let more = format!(",\"run\":{run},\"line\":{number},\"{key}\":{beside}");
        line.extend_from_slice(more.as_bytes());
        let crc = crc_of(line);
        line.extend_from_slice(CRC_KEY);
        line.extend_from_slice(format!("{crc:08x}\"}}\n").as_bytes());
    }

    /// The line that was sealed last is in the file.
    pub(super) fn written(&mut self) {
        self.line += 1;
    }
}

/// What the seal of a line says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Seal {
    /// The run it is of.
    pub run: String,
    /// Its place in its file, from 0.
    pub line: u64,
    /// Lines of the other file that were written before it.
    #[serde(alias = "samples", alias = "events")]
    pub beside: u64,
}

/// A line as its seal has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Checked {
    /// There is no seal: an older run's, or not a line of ours.
    Unsealed,
    /// The line is not as it was written.
    Wrong,
    /// It is.
    Right(Seal),
}

/// Checks a line, without its line feed.
pub(super) fn check(line: &[u8]) -> Checked {
    let Some((sealed, digits)) = split(line) else { return Checked::Unsealed };
    if digits != format!("{:08x}", crc_of(sealed)).as_bytes() {
        return Checked::Wrong;
    }
    parse(sealed).map_or(Checked::Wrong, Checked::Right)
}

/// What the seal of a line says whose bytes are known to be right.
pub(super) fn of_known(line: &[u8]) -> Option<Seal> {
    split(line).and_then(|(sealed, _)| parse(sealed))
}

/// What the check value is of, and the digits of it.
fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sealed, end) = line.split_at_checked(line.len().checked_sub(CRC_BYTES)?)?;
    let digits = end.strip_prefix(CRC_KEY)?.strip_suffix(b"\"}")?;
    Some((sealed, digits))
}

fn parse(sealed: &[u8]) -> Option<Seal> {
    let tail = sealed.get(sealed.len().saturating_sub(MAX_SEAL)..)?;
    let at = memchr::memmem::rfind(tail, RUN_KEY)?;
    let keys = tail.get(at + 1..)?;
    serde_json::from_slice(&[b"{", keys, b"}"].concat()).ok()
}

fn crc_of(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(text: &str) -> Vec<u8> {
        let mut sealer = Sealer::new("20261121_031455", "events");
        (0..7).for_each(|_| sealer.written());
        let mut line = format!("{text}\n").into_bytes();
        sealer.seal(&mut line, 12);
        assert_eq!(line.pop(), Some(b'\n'));
        line
    }

    #[test]
    fn a_sealed_line_says_where_it_stands_and_is_json_as_before() {
        let line = sealed(r#"{"at":1.5,"run":"an older one"}"#);
        let seal = Seal { run: "20261121_031455".into(), line: 7, beside: 12 };
        assert_eq!(check(&line), Checked::Right(seal.clone()));
        assert_eq!(of_known(&line), Some(seal));
        let plain = sealed(r#"{"at":1.5}"#);
        let read: serde_json::Value = serde_json::from_slice(&plain).expect("JSON");
        assert_eq!(
            (&read["at"], &read["line"], &read["events"]),
            (&1.5.into(), &7.into(), &12.into())
        );
    }

    #[test]
    fn no_changed_bit_of_a_line_passes_as_right() {
        let line = sealed(r#"{"at":1.5,"samples":[["web",0,[0,1.5,4096]]]}"#);
        for place in 0..8 * line.len() {
            let mut changed = line.clone();
            changed[place / 8] ^= 1 << (place % 8);
            assert!(!matches!(check(&changed), Checked::Right(_)), "bit {place}");
        }
    }

    #[test]
    fn lines_without_a_seal_and_pieces_of_one_are_no_damage_by_themselves() {
        for text in ["", "{}", "{\"at\":1}", "\"}", ",\"crc\":\"00000000\""] {
            assert_eq!(check(text.as_bytes()), Checked::Unsealed, "{text}");
        }
    }
}
