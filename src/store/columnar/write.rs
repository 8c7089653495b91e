//! Writes `samples.cols` while a run goes on.

use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use super::MAGIC;
use super::block::Block;
use crate::model::Tick;
use crate::store::private;

/// Most ticks of a block: what is not in a block yet is read from the journal. Tests have short
/// blocks, so that they have many.
const MAX_TICKS: usize = if cfg!(test) { 3 } else { 512 };
/// Most cells of a block: a cell takes 2 to 4 bytes, so a block stays below some MB.
const MAX_CELLS: usize = 2 << 20;

/// The column file of a run that is going on. It never fails a run: after an error it is no longer
/// written, and a reader takes the rest from the journal.
#[derive(Debug)]
pub(crate) struct ColumnWriter {
    file: File,
    block: Block,
}

impl ColumnWriter {
    /// Opens the file beside a journal that is `journal` bytes long.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn open(path: &Path, journal: u64) -> io::Result<ColumnWriter> {
        let mut file = private::options(path).append(true).create(true).open(path)?;
        if file.metadata()?.len() == 0 {
            file.write_all(MAGIC)?;
        }
        Ok(ColumnWriter { file, block: Block::new(journal) })
    }

    /// Takes a tick whose line was just appended to the journal. `false`: this was the last one.
    pub(crate) fn tick(&mut self, tick: &Tick, line: &[u8], samples: Range<usize>) -> bool {
        if self.block.add(tick, line, samples).is_err() {
            return false;
        }
        if self.block.ticks() < MAX_TICKS && self.block.cells() < MAX_CELLS {
            return true;
        }
        self.write_block().is_ok()
    }

    /// Writes the block as far as it is. One write: a block is whole or cut off at the end.
    fn write_block(&mut self) -> io::Result<()> {
        if self.block.ticks() == 0 {
            return Ok(());
        }
        let next = Block::new(self.block.end());
        let block = std::mem::replace(&mut self.block, next);
        self.file.write_all(&block.finish())
    }
}

impl Drop for ColumnWriter {
    /// Writes what is left; without it, its ticks are read from the journal.
    fn drop(&mut self) {
        let _ = self.write_block();
    }
}
