//! Whole files, or none: written beside their place, then renamed into it, so that a reader never
//! sees half a file and a crash leaves the old one.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::private;

/// Writes `bytes` as the whole new content of `path`.
///
/// # Errors
/// When the folder cannot be written to; the old content stays.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    write_with(path, |out| out.write_all(bytes))
}

/// Lets `fill` write the whole new content of `path` as a stream.
///
/// # Errors
/// When `fill` fails or the folder cannot be written to; the old content stays and nothing is
/// left beside it.
pub fn write_with(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), StoreError> {
    let temporary = beside(path);
    let done = fill_and_rename(path, &temporary, fill);
    if done.is_err() {
        // Nothing useful can be done about a left-over that cannot be removed either.
        let _ = fs::remove_file(&temporary);
    }
    done.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => StoreError::Io {
            path: path.to_path_buf(),
            source: error,
            remedy: "make the folder first",
        },
        _ => StoreError::io(path, error),
    })
}

/// Makes a folder that is this program's own. A link in its place is replaced: what it leads to is
/// somebody else's.
///
/// # Errors
/// When something else is in its place, or the system refuses.
pub fn own_folder(path: &Path) -> Result<(), StoreError> {
    let make = || {
        let is_link = fs::symlink_metadata(path).is_ok_and(|about| about.is_symlink());
        if is_link {
            fs::remove_file(path)?;
        }
        private::create_dir(path)
    };
    make().map_err(|e| StoreError::io(path, e))
}

fn fill_and_rename(
    path: &Path,
    temporary: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let file = create_new(temporary)?;
    let mut out = BufWriter::with_capacity(1 << 18, file);
    fill(&mut out)?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_data()?;
    drop(file);
    fs::rename(temporary, path)?;
    sync_folder(path);
    Ok(())
}

/// A file that was not there: what lies at its name, from a process of the same pid that was killed or
/// as a link that somebody put there, is removed first and never written to.
fn create_new(path: &Path) -> io::Result<File> {
    let new = || private::options(path).write(true).create_new(true).open(path);
    new().or_else(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => fs::remove_file(path).and_then(|()| new()),
        _ => Err(error),
    })
}

/// Makes the rename durable. A file system that cannot sync a folder has done what it can.
fn sync_folder(path: &Path) {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    if let Ok(folder) = File::open(folder.unwrap_or(Path::new("."))) {
        let _ = folder.sync_all();
    }
}

/// A hidden name in the same folder (a rename must not cross file systems), one for each process.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_fails_leaves_the_old_content_and_nothing_else() {
        let folder = tempfile::tempdir().expect("tempdir");
        let path = folder.path().join("summary.json");
        write(&path, b"old").expect("first write");
        let failed = write_with(&path, |out| {
            out.write_all(b"half of the new")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        });
        let message = failed.expect_err("must fail").to_string();
        assert!(message.contains("summary.json") && message.contains("disk is full"));
        assert_eq!(fs::read(&path).expect("read"), b"old");
        assert_eq!(fs::read_dir(folder.path()).expect("list").count(), 1);
    }

    #[test]
    fn nothing_is_written_through_a_link() {
        let (folder, theirs) =
            (tempfile::tempdir().expect("mine"), tempfile::tempdir().expect("theirs"));
        let target = theirs.path().join("index.html");
        fs::write(&target, "theirs").expect("a file");
        let link = |from: PathBuf, to: &Path| std::os::unix::fs::symlink(to, from).expect("a link");
        let path = folder.path().join("summary.json");
        link(path.clone(), &target);
        link(beside(&path), &target);
        write(&path, b"mine").expect("written");
        assert_eq!(fs::read(&path).expect("read"), b"mine");
        let charts = folder.path().join("charts");
        link(charts.clone(), theirs.path());
        own_folder(&charts).expect("made");
        write(&charts.join("index.html"), b"mine").expect("written");
        assert!(!charts.is_symlink() && charts.is_dir());
        assert_eq!(fs::read(&target).expect("read"), b"theirs");
        own_folder(&charts).expect("it is there");
        assert!(own_folder(&path).is_err(), "a file is in the way");
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = write(Path::new("/nonexistent-folder/x.json"), b"").expect_err("must fail");
        assert!(error.to_string().contains("/nonexistent-folder/x.json"));
        assert!(!error.is_usage());
    }
}
