//! Whether a results.json was made of a run that had no end yet.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::outside;

/// The key stands behind the scenarios, the last of all.
const END_BYTES: u64 = 4096;

/// Whether `analyze` wrote the file, before the run's own end or in its place.
pub(crate) fn is_recovered(path: &Path) -> bool {
    let end = || -> std::io::Result<Vec<u8>> {
        let mut file = outside::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(END_BYTES)))?;
        let mut end = Vec::new();
        file.take(END_BYTES).read_to_end(&mut end)?;
        Ok(end)
    };
    end().is_ok_and(|end| memchr::memmem::find(&end, b"\"recovered\":").is_some())
}
