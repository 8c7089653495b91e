//! What an ELF file says about what it needs to run.

use std::fs::File;
use std::path::Path;

use object::elf::{DT_NEEDED, DT_SONAME, FileHeader64};
use object::read::elf::{Dyn as _, FileHeader as _, ProgramHeader as _, SectionHeader as _};
use object::read::{ReadCache, ReadRef};
use object::{Endianness, read};

use super::ImageError;

/// The parts of an ELF file that matter for running it elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Elf {
    /// The loader (PT_INTERP); none in a static executable and in most libraries.
    pub interpreter: Option<String>,
    /// Sonames of the shared objects it needs (DT_NEEDED).
    pub needed: Vec<String>,
    /// The name that others need it by (DT_SONAME).
    pub soname: Option<String>,
}

impl Elf {
    /// Reads the headers of `path`; the rest of the file stays unread.
    pub fn read(path: &Path) -> Result<Elf, ImageError> {
        let file = File::open(path)
            .map_err(|source| ImageError::Read { path: path.to_path_buf(), source })?;
        Elf::parse(&ReadCache::new(file)).map_err(|error| ImageError::Elf {
            path: path.to_path_buf(),
            reason: error.to_string(),
        })
    }

    /// Reads them from anything that can be read from.
    pub fn parse<'data, R: ReadRef<'data>>(data: R) -> read::Result<Elf> {
        let header = FileHeader64::<Endianness>::parse(data)?;
        let endian = header.endian()?;
        let mut elf = Elf::default();
        for segment in header.program_headers(endian, data)? {
            if let Some(name) = segment.interpreter(endian, data)? {
                elf.interpreter = Some(text(name));
            }
        }
        let sections = header.sections(endian, data)?;
        for section in sections.iter() {
            let Some((entries, link)) = section.dynamic(endian, data)? else {
                continue;
            };
            let strings = sections.strings(endian, data, link)?;
            for entry in entries {
                match entry.d_tag(endian) {
                    DT_NEEDED => elf.needed.push(text(entry.string(endian, strings)?)),
                    DT_SONAME => elf.soname = Some(text(entry.string(endian, strings)?)),
                    _ => {}
                }
            }
        }
        Ok(elf)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_names_its_loader_and_its_libc() {
        let elf = Elf::read(Path::new("/proc/self/exe")).unwrap();
        let loader = elf.interpreter.unwrap_or_default();
        assert!(loader.contains("ld-"), "{loader}");
        assert!(elf.needed.iter().any(|name| name.starts_with("libc.")), "{:?}", elf.needed);
    }

    #[test]
    fn what_is_no_elf_file_is_an_error() {
        for bytes in [&b""[..], b"#!/bin/sh\n", b"\x7fELF", &[0x7f; 200]] {
            assert!(Elf::parse(bytes).is_err());
        }
    }

    #[test]
    fn a_truncated_elf_file_is_an_error_and_no_panic() {
        let whole = std::fs::read("/proc/self/exe").unwrap();
        for length in [16, 64, 100, 1000, whole.len() / 2] {
            assert!(Elf::parse(&whole[..length]).is_err(), "{length} bytes");
        }
    }
}
