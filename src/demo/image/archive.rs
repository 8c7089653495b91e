//! The image's file system as a tar stream.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header};

use super::objects::{Needs, Placed};
use super::{EXECUTABLE, ImageError};

/// Folders that the services write to, and that the engine mounts over.
const FOLDERS: [(&str, u32); 2] = [("/data", 0o755), ("/tmp", 0o1777)];

/// Everything that goes into the image.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    files: Vec<Placed>,
    folders: Vec<(PathBuf, u32)>,
}

impl Layout {
    /// The executable `exe` and what it needs.
    pub fn new(exe: &Path, needs: &Needs) -> Layout {
        let mut files = vec![Placed { from: exe.to_path_buf(), to: EXECUTABLE.into() }];
        files.extend(needs.files.iter().cloned());
        let mut folders: Vec<_> = FOLDERS.iter().map(|(path, mode)| (path.into(), *mode)).collect();
        folders.extend(parents(&files).into_iter().map(|path| (path, 0o755)));
        Layout { files, folders }
    }

    /// Writes the tar to `out`. Owner, group and times are zero, so that the same files give the
    /// same bytes.
    pub fn write(&self, out: impl Write) -> Result<(), ImageError> {
        let mut tar = Builder::new(out);
        for (path, mode) in &self.folders {
            append(&mut tar, path, EntryType::Directory, *mode, 0, io::empty())?;
        }
        for Placed { from, to } in &self.files {
            let read = |source| ImageError::Read { path: from.clone(), source };
            let file = File::open(from).map_err(read)?;
            let size = file.metadata().map_err(read)?.len();
            // No more than was announced, should the file grow meanwhile.
            append(&mut tar, to, EntryType::Regular, 0o755, size, io::Read::take(file, size))?;
        }
        tar.into_inner().and_then(|mut out| out.flush()).map_err(|_| ImageError::Unfinished)
    }
}

/// Every folder above the files, from the top down, without the root.
fn parents(files: &[Placed]) -> BTreeSet<PathBuf> {
    let above = files.iter().flat_map(|file| file.to.ancestors().skip(1));
    above.filter(|path| *path != Path::new("/")).map(PathBuf::from).collect()
}

fn append(
    tar: &mut Builder<impl Write>,
    path: &Path,
    kind: EntryType,
    mode: u32,
    size: u64,
    content: impl io::Read,
) -> Result<(), ImageError> {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    // Names in a tar are relative.
    let name = path.strip_prefix("/").unwrap_or(path);
    tar.append_data(&mut header, name, content).map_err(|source| match source.kind() {
        io::ErrorKind::BrokenPipe => ImageError::Unfinished,
        _ => ImageError::Read { path: path.to_path_buf(), source },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read;

    use super::*;

    fn layout(folder: &Path) -> Layout {
        std::fs::write(folder.join("exe"), b"program").unwrap();
        std::fs::write(folder.join("libx"), b"library").unwrap();
        let needs = Needs {
            files: vec![Placed { from: folder.join("libx"), to: "/usr/lib/libx.so.1".into() }],
            folders: BTreeSet::from(["/usr/lib".into()]),
        };
        Layout::new(&folder.join("exe"), &needs)
    }

    fn tar_of(layout: &Layout) -> Vec<u8> {
        let mut bytes = Vec::new();
        layout.write(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn it_holds_the_executable_its_objects_at_their_paths_and_the_folders() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = tar_of(&layout(folder.path()));
        let mut entries = BTreeMap::new();
        for entry in tar::Archive::new(&bytes[..]).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            let name = entry.path().unwrap().to_string_lossy().into_owned();
            entries.insert(name, (entry.header().mode().unwrap(), content));
        }
        assert_eq!(entries["runner"], (0o755, "program".to_string()));
        assert_eq!(entries["usr/lib/libx.so.1"], (0o755, "library".to_string()));
        assert_eq!(entries["tmp"].0, 0o1777);
        assert!(["data", "usr", "usr/lib"].iter().all(|name| entries.contains_key(*name)));
    }

    #[test]
    fn the_same_files_give_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let layout = layout(folder.path());
        assert_eq!(tar_of(&layout), tar_of(&layout));
    }

    #[test]
    fn a_reader_that_goes_away_is_told_apart_from_a_file_that_cannot_be_read() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let error = layout(folder.path()).write(Gone).unwrap_err();
        assert!(matches!(error, ImageError::Unfinished), "{error}");
    }

    #[test]
    fn a_file_that_is_gone_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let layout = layout(folder.path());
        std::fs::remove_file(folder.path().join("libx")).unwrap();
        let error = layout.write(io::sink()).unwrap_err();
        assert!(error.to_string().contains("libx"), "{error}");
    }
}
