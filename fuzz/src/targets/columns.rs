//! `samples.cols`. Its checksums would keep nearly every input out, so they are made here.

use std::ops::Range;

use flate2::Crc;

use super::folders::Folder;

/// Start of the file.
const MAGIC: &[u8] = b"RUNCOLS1";
/// Between the journal and what is beside it.
const SEPARATOR: &[u8] = b"== samples.cols\n";

/// The lines of samples.jsonl, a line `== samples.cols`, a letter, and what it says:
/// `b` names and columns of one block over all lines, `c` the same in two blocks, `p` the payload
/// of a block, anything else the whole file.
pub fn samples_cols(data: &[u8]) {
    let mut found = data.windows(SEPARATOR.len());
    let Some(at) = found.position(|window| window == SEPARATOR) else { return };
    let (journal, rest) = data.split_at(at);
    let Some((how, rest)) = rest.get(SEPARATOR.len()..).and_then(<[u8]>::split_first) else {
        return;
    };
    let folder = Folder::new();
    folder.write("samples.jsonl", journal);
    folder.write("samples.cols", &file(*how, journal, rest));
    folder.read_journal();
}

fn file(how: u8, journal: &[u8], rest: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = journal.split_inclusive(|byte| *byte == b'\n').collect();
    let (first, second) = lines.split_at(lines.len() / 2);
    let blocks = match how {
        b'b' => framed(&payload(0, &lines, rest)),
        b'c' => {
            let start = first.iter().map(|line| line.len()).sum();
            [framed(&payload(0, first, rest)), framed(&payload(start, second, rest))].concat()
        }
        b'p' => framed(rest),
        _ => return rest.to_vec(),
    };
    [MAGIC, &blocks].concat()
}

/// A payload with its length and checksum.
fn framed(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("inputs are small");
    [&length.to_le_bytes(), &checksum(payload).to_le_bytes(), payload].concat()
}

/// A block's payload: the part about the journal as it is, then `rest`.
fn payload(start: usize, lines: &[&[u8]], rest: &[u8]) -> Vec<u8> {
    let journal = lines.concat();
    let mut out = Vec::new();
    put(&mut out, start);
    put(&mut out, journal.len());
    out.extend_from_slice(&checksum(&journal).to_le_bytes());
    put(&mut out, lines.len());
    for line in lines {
        let samples = samples(line).unwrap_or_default();
        [line.len(), samples.start, samples.end].into_iter().for_each(|n| put(&mut out, n));
    }
    out.extend_from_slice(rest);
    out
}

/// Where the list of samples stands in a line.
fn samples(line: &[u8]) -> Option<Range<usize>> {
    const KEY: &[u8] = b"\"samples\":";
    let start = line.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    let mut depth = 0;
    for (at, byte) in line.iter().enumerate().skip(start) {
        depth += i32::from(*byte == b'[') - i32::from(*byte == b']');
        if depth <= 0 {
            return Some(start..at + 1);
        }
    }
    None
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// A variable-length integer.
fn put(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
