//! `samples.cols`: the containers' figures of `samples.jsonl` once more, by column.
//!
//! A journal of 200 containers over ten hours is 1.3 GB of text, and reading it takes many seconds.
//! The recorder therefore keeps a second file beside it: a tenth of its size, read in a fraction of
//! the time. `samples.jsonl` stays the truth. Whatever is not in the second file is read from the
//! first (all of a tick but its containers' figures; the ticks since the last block), and one that
//! does not belong to its journal byte for byte is not used.
//!
//! The file is a head ([`MAGIC`]) and blocks. A block covers some hundred ticks:
//!
//! ```text
//! u32  length of the payload       u32  CRC-32 of the payload        (little endian)
//! payload:
//!   start, length                  of its lines in samples.jsonl, bytes
//!   u32                            CRC-32 of these bytes
//!   lines, then for each           length; where the value of "samples" begins and ends in it
//!   names of sources, of figures   count, then length and UTF-8 of each; a source with several
//!                                  parts in a sample has its name once for each
//!   containers, then for each      name; then a chunk, its length before it:
//!     column: life                 incarnation at each tick; absent: no sample of the container
//!     column: place                place among the samples of the tick
//!     sources, then for each       its number; column: when its figures were read, nanoseconds
//!     figures, then for each       its number, its source's; column: values
//! ```
//!
//! Numbers are variable-length integers unless marked. A column is its length in bytes and the
//! tokens of [`encode`]. Of a figure that two sources gave in one tick the first counts, as
//! everywhere.
//!
//! A block is one write behind the lines it covers. One that was cut off has a wrong length or
//! checksum: it and what follows are not used.

mod block;
mod decode;
mod encode;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use decode::Decoder;
pub(crate) use encode::Unit;
pub(crate) use read::{Chunk, Stored};
pub(crate) use write::ColumnWriter;

/// Start of the file: its name and the version of its format.
pub(crate) const MAGIC: &[u8; 8] = b"RUNCOLS2";
/// The version before: the same, but each source has its name once and no sample has two parts of
/// one source.
const MAGIC_1: &[u8; 8] = b"RUNCOLS1";

/// Why a column file is not used, or not from some block on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;
