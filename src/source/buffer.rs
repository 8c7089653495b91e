//! Reading the kernel's files again and again: from open descriptors, into one buffer.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// A buffer that all reads share.
#[derive(Debug)]
pub(crate) struct Buffer(Vec<u8>);

impl Buffer {
    /// Larger than any file read here, save `memory.stat` of kernels to come; it then grows.
    const START: usize = 16 * 1024;
    /// No file of the kernel's is this long; beyond it something else was mounted.
    const LIMIT: usize = 1024 * 1024;

    pub fn new() -> Buffer {
        Buffer(vec![0; Self::START])
    }

    /// The text of a control group file, which one read gives whole if it fits.
    pub fn read(&mut self, file: &File) -> io::Result<&str> {
        loop {
            let length = read_once(file, &mut self.0, 0)?;
            if length < self.0.len() || self.0.len() >= Self::LIMIT {
                return Ok(text(&self.0, length));
            }
            self.0.resize(self.0.len() * 2, 0);
        }
    }

    /// The text of a file that the kernel hands out in pieces: as many whole lines as fit in a page.
    ///
    /// Each further read counts all devices anew (10 to 20 us), so that none is made after a piece
    /// that left room for more lines.
    pub fn read_all(&mut self, file: &File) -> io::Result<&str> {
        const PAGE: usize = 4096;
        const SURELY_LAST: usize = PAGE - 1024;
        let mut length = 0;
        loop {
            if self.0.len() - length < PAGE {
                self.0.resize(self.0.len() * 2, 0);
            }
            let rest = self.0.get_mut(length..).unwrap_or_default();
            let more = read_once(file, rest, length as u64)?;
            length += more;
            if more < SURELY_LAST || length >= Self::LIMIT {
                return Ok(text(&self.0, length));
            }
        }
    }
}

fn read_once(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match file.read_at(buffer, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            answer => return answer,
        }
    }
}

/// The valid part; the kernel writes ASCII, so that anything else ends the text.
fn text(buffer: &[u8], length: usize) -> &str {
    let bytes = buffer.get(..length).unwrap_or_default();
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => bytes
            .get(..error.valid_up_to())
            .and_then(|valid| std::str::from_utf8(valid).ok())
            .unwrap_or(""),
    }
}
