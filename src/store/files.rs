//! Opening files that may be gzipped, with an upper bound on what comes out of them.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::error::{DamageLog, StoreError};
use crate::outside;

/// Most bytes that are read from one file, after decompression: a small gzip file can hold
/// terabytes of zeros.
pub const MAX_INPUT_BYTES: u64 = 4 << 30;

/// Longest line of a journal that is kept in memory: one of ten thousand containers is a few MB.
const MAX_LINE_BYTES: u64 = 16 << 20;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The file as a stream, decompressed where it is gzip (by content, not by name), and not more than a
/// byte beyond [`MAX_INPUT_BYTES`] of it.
pub(crate) fn open(path: &Path) -> Result<Box<dyn BufRead>, StoreError> {
    let file = outside::open(path).map_err(|e| StoreError::io(path, e))?;
    let mut raw = BufReader::with_capacity(1 << 18, file);
    let start = raw.fill_buf().map_err(|e| StoreError::io(path, e))?;
    if start.starts_with(&GZIP_MAGIC) {
        let plain = MultiGzDecoder::new(raw);
        let plain = BufReader::with_capacity(1 << 18, plain);
        return Ok(Box::new(plain.take(MAX_INPUT_BYTES + 1)));
    }
    Ok(Box::new(raw.take(MAX_INPUT_BYTES + 1)))
}

/// The first `limit` bytes of a file, decompressed.
pub(crate) fn head(path: &Path, limit: u64) -> Result<Vec<u8>, StoreError> {
    let mut start = Vec::new();
    let read = open(path)?.take(limit).read_to_end(&mut start);
    match read {
        // A cut gzip stream still has a start.
        Err(error) if start.is_empty() => Err(StoreError::io(path, error)),
        _ => Ok(start),
    }
}

/// The whole file, decompressed. A gzip stream that breaks off gives what came before.
pub(crate) fn read_all(
    path: &Path,
    limit: u64,
    damage: &mut DamageLog,
) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    if let Ok(about) = std::fs::metadata(path) {
        bytes.reserve_exact(usize::try_from(about.len().min(limit)).unwrap_or(0) + 1);
    }
    let read = open(path)?.take(limit + 1).read_to_end(&mut bytes);
    if bytes.len() as u64 > limit {
        return Err(StoreError::Damaged {
            path: path.to_path_buf(),
            place: format!("after {limit} bytes"),
            what: "it is larger than what is read of such a file".into(),
            remedy: "a run folder's samples.jsonl may be larger: analyze that",
        });
    }
    match read {
        Ok(_) => Ok(bytes),
        Err(error) if bytes.is_empty() || !is_cut(&error) => Err(StoreError::io(path, error)),
        Err(error) => {
            damage.note(None, || format!("compressed data breaks off ({error}); read up to there"));
            Ok(bytes)
        }
    }
}

fn is_cut(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput
    )
}

/// Lines of a file, one at a time, each bounded in length.
pub(crate) struct Lines {
    input: Box<dyn BufRead>,
    line: Vec<u8>,
    number: u64,
    bytes: u64,
}

/// One line, without its end.
pub(crate) struct Line<'a> {
    /// From 1.
    pub number: u64,
    pub bytes: &'a [u8],
    /// It is the last one and has no line end: a writer that was killed may have left a part of it.
    pub torn: bool,
}

impl Lines {
    pub(crate) fn open(path: &Path) -> Result<Lines, StoreError> {
        Ok(Lines { input: open(path)?, line: Vec::new(), number: 0, bytes: 0 })
    }

    /// The lines of an uncompressed file from byte `start` on, before which there are `lines`
    /// lines.
    pub(crate) fn open_at(path: &Path, start: u64, lines: u64) -> Result<Lines, StoreError> {
        let mut file = outside::open(path).map_err(|e| StoreError::io(path, e))?;
        file.seek(SeekFrom::Start(start)).map_err(|e| StoreError::io(path, e))?;
        let input = BufReader::with_capacity(1 << 18, file);
        let input = Box::new(input.take((MAX_INPUT_BYTES + 1).saturating_sub(start)));
        Ok(Lines { input, line: Vec::new(), number: lines, bytes: start })
    }

    /// Bytes read so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next line; what is beyond the bound of a line is dropped.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let read = (&mut self.input).take(MAX_LINE_BYTES).read_until(b'\n', &mut self.line)? as u64;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.bytes += read;
        let mut torn = false;
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        } else if read == MAX_LINE_BYTES {
            self.bytes += skip_line(&mut self.input)?;
        } else {
            torn = true;
        }
        Ok(Some(Line { number: self.number, bytes: &self.line, torn }))
    }
}

fn skip_line(input: &mut impl BufRead) -> io::Result<u64> {
    let mut skipped = 0u64;
    loop {
        let buffer = input.fill_buf()?;
        let end = buffer.iter().position(|b| *b == b'\n');
        let used = end.map_or(buffer.len(), |at| at + 1);
        input.consume(used);
        skipped += used as u64;
        if used == 0 || end.is_some() {
            return Ok(skipped);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_gzip_bomb_is_refused_and_a_cut_gzip_gives_what_came_before() {
        let folder = tempfile::tempdir().expect("tempdir");
        let path = folder.path().join("x.json.gz");
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        for number in 0..200_000u32 {
            writeln!(gz, "{}", number.wrapping_mul(2_654_435_761)).expect("compress");
        }
        let packed = gz.finish().expect("compress");
        std::fs::write(&path, &packed).expect("write");
        let mut damage = DamageLog::new(&path);
        let error = read_all(&path, 1000, &mut damage).expect_err("too large");
        assert!(!error.is_usage() && error.to_string().contains("larger"));
        std::fs::write(&path, &packed[..packed.len() / 2]).expect("write");
        let part = read_all(&path, MAX_INPUT_BYTES, &mut damage).expect("part");
        assert!(part.len() > 100_000);
        assert_eq!(damage.into_vec().len(), 1);
    }
}
