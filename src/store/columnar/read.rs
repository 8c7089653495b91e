//! The blocks of a column file, checked against their journal.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use flate2::Crc;

use super::decode::Bytes;
use super::{Broken, MAGIC, MAGIC_1};
use crate::analysis::parallel;
use crate::model::{Figure, SourceKind};
use crate::outside;
use crate::store::files::MAX_INPUT_BYTES;

/// A column file in memory, as far as it is whole.
#[derive(Debug)]
pub(crate) struct Stored {
    bytes: Vec<u8>,
    blocks: Vec<Block>,
    /// Bytes of the journal that the blocks cover, from its start.
    covered: u64,
}

/// A block of the file.
#[derive(Debug)]
pub(crate) struct Block {
    journal: Range<u64>,
    crc: u32,
    lines: Vec<Line>,
    readings: Vec<(SourceKind, u8)>,
    figures: Vec<Option<Figure>>,
    containers: Vec<(Range<usize>, Range<usize>)>,
}

#[derive(Debug)]
struct Line {
    length: u64,
    samples: Range<u64>,
}

/// What a block says about one container.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chunk<'a> {
    pub block: &'a Block,
    pub name: &'a str,
    pub bytes: Bytes<'a>,
}

impl Stored {
    /// Reads the blocks up to the first that is cut off. `None`: there is no such file, or it is
    /// something else.
    pub(crate) fn open(path: &Path) -> Option<Stored> {
        let file = outside::open(path).ok()?;
        let mut bytes = Vec::new();
        let about = file.metadata().ok()?.len().min(MAX_INPUT_BYTES);
        bytes.reserve_exact(usize::try_from(about).ok()? + 1);
        file.take(MAX_INPUT_BYTES).read_to_end(&mut bytes).ok()?;
        Stored::parse(bytes)
    }

    pub(super) fn parse(bytes: Vec<u8>) -> Option<Stored> {
        let start = bytes.strip_prefix(MAGIC).or_else(|| bytes.strip_prefix(MAGIC_1));
        let mut rest = Bytes(start?);
        let mut payloads = Vec::new();
        while let Ok(payload) = framed(&mut rest) {
            payloads.push(payload);
        }
        let parsed =
            parallel::map(&payloads, bytes.len(), |(crc, payload)| block(&bytes, *crc, payload));
        let mut blocks: Vec<Block> = Vec::new();
        let mut covered = 0;
        for block in parsed.into_iter().map_while(Result::ok) {
            if block.journal.start != covered {
                break;
            }
            covered = block.journal.end;
            blocks.push(block);
        }
        Some(Stored { bytes, blocks, covered })
    }

    /// Bytes of the journal that it covers, from the journal's start.
    pub(crate) fn covered(&self) -> u64 {
        self.covered
    }

    /// The blocks, in order.
    pub(crate) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The chunks of a block.
    pub(crate) fn chunks<'a>(&'a self, block: &'a Block) -> impl Iterator<Item = Chunk<'a>> {
        block.containers.iter().filter_map(|(name, chunk)| {
            let name = std::str::from_utf8(self.bytes.get(name.clone())?).ok()?;
            Some(Chunk { block, name, bytes: Bytes(self.bytes.get(chunk.clone())?) })
        })
    }

    /// All lines that it covers, as the journal has them but without the containers' figures;
    /// broken where the journal is not the one that the columns were written beside.
    pub(crate) fn lines(&self, journal: &Path) -> Result<Vec<Vec<u8>>, Broken> {
        let file = outside::open(journal).map_err(|_| Broken)?;
        if file.metadata().map_err(|_| Broken)?.len() < self.covered {
            return Err(Broken);
        }
        let weight = usize::try_from(self.covered).unwrap_or(usize::MAX);
        let parts = parallel::map(&self.blocks, weight, |block| block.heads(&file));
        parts.into_iter().collect()
    }
}

impl Block {
    /// How many ticks it has.
    pub(crate) fn ticks(&self) -> usize {
        self.lines.len()
    }

    /// A source, and which of its parts in a sample: 0 is the first.
    pub(crate) fn reading(&self, number: u64) -> Result<(SourceKind, u8), Broken> {
        usize::try_from(number).ok().and_then(|at| self.readings.get(at).copied()).ok_or(Broken)
    }

    pub(crate) fn figure(&self, number: u64) -> Result<Option<Figure>, Broken> {
        usize::try_from(number).ok().and_then(|at| self.figures.get(at).copied()).ok_or(Broken)
    }

    /// Its lines, the value of `samples` an empty list in each.
    fn heads(&self, journal: &File) -> Result<Vec<u8>, Broken> {
        let mut crc = Crc::new();
        let mut heads = Vec::new();
        let mut line = Vec::new();
        let mut at = self.journal.start;
        for one in &self.lines {
            line.resize(usize::try_from(one.length).map_err(|_| Broken)?, 0);
            journal.read_exact_at(&mut line, at).map_err(|_| Broken)?;
            crc.update(&line);
            at += one.length;
            let (from, to) = (one.samples.start as usize, one.samples.end as usize);
            heads.extend_from_slice(line.get(..from).ok_or(Broken)?);
            heads.extend_from_slice(b"[]");
            heads.extend_from_slice(line.get(to..).ok_or(Broken)?);
        }
        if crc.sum() == self.crc { Ok(heads) } else { Err(Broken) }
    }
}

/// The next payload with its checksum.
fn framed<'a>(rest: &mut Bytes<'a>) -> Result<(u32, &'a [u8]), Broken> {
    let length = rest.word()?;
    let crc = rest.word()?;
    Ok((crc, rest.take(u64::from(length))?))
}

fn block(file: &[u8], crc: u32, payload: &[u8]) -> Result<Block, Broken> {
    let mut found = Crc::new();
    found.update(payload);
    if found.sum() != crc {
        return Err(Broken);
    }
    let mut rest = Bytes(payload);
    let start = rest.number()?;
    let end = start.checked_add(rest.number()?).ok_or(Broken)?;
    let crc = rest.word()?;
    let lines = lines(&mut rest, end - start)?;
    let readings = readings(names(&mut rest, |name| name.parse().ok())?);
    let figures = names(&mut rest, Figure::by_name)?;
    let mut containers = Vec::new();
    for _ in 0..rest.count()? {
        let name = rest.text()?;
        let chunk = rest.block()?;
        containers.push((within(file, name.as_bytes())?, within(file, chunk.0)?));
    }
    Ok(Block { journal: start..end, crc, lines, readings, figures, containers })
}

/// Where a part of the file's bytes stands in it.
fn within(file: &[u8], part: &[u8]) -> Result<Range<usize>, Broken> {
    let start = (part.as_ptr() as usize).checked_sub(file.as_ptr() as usize).ok_or(Broken)?;
    Ok(start..start + part.len())
}

fn lines(rest: &mut Bytes<'_>, length: u64) -> Result<Vec<Line>, Broken> {
    let mut lines = Vec::new();
    let mut sum = 0u64;
    for _ in 0..rest.count()? {
        let line = Line { length: rest.number()?, samples: rest.number()?..rest.number()? };
        if line.samples.start > line.samples.end || line.samples.end > line.length {
            return Err(Broken);
        }
        sum = sum.checked_add(line.length).ok_or(Broken)?;
        lines.push(line);
    }
    if sum == length { Ok(lines) } else { Err(Broken) }
}

/// Sources by number, each with how many of the same stand before it. One that this version does
/// not know is some file's.
fn readings(sources: Vec<Option<SourceKind>>) -> Vec<(SourceKind, u8)> {
    let mut readings: Vec<(SourceKind, u8)> = Vec::with_capacity(sources.len());
    let mut counts: HashMap<SourceKind, u8> = HashMap::new();
    for source in sources.into_iter().map(|source| source.unwrap_or(SourceKind::File)) {
        let count = counts.entry(source).or_default();
        readings.push((source, *count));
        *count = count.saturating_add(1);
    }
    readings
}

fn names<T>(
    rest: &mut Bytes<'_>,
    of: impl Fn(&str) -> Option<T>,
) -> Result<Vec<Option<T>>, Broken> {
    let mut names = Vec::new();
    for _ in 0..rest.count()? {
        names.push(of(rest.text()?));
    }
    Ok(names)
}
