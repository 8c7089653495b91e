//! Folders of this user's own, outside the run folder.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::sys::statfs::{TMPFS_MAGIC, statfs};

use crate::session::ports::StackError;

/// The folder for locks and generated files of this user: `$XDG_RUNTIME_DIR/runner`, else
/// `/tmp/runner-UID`; made when it is not there, refused when it is somebody else's.
///
/// # Errors
/// When it cannot be made or is not this user's own.
pub fn run_dir() -> Result<PathBuf, StackError> {
    let uid = me()?;
    let path = match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(dir) if Path::new(&dir).is_dir() => PathBuf::from(dir).join("runner"),
        _ => std::env::temp_dir().join(format!("runner-{uid}")),
    };
    own_dir(&path, uid)?;
    Ok(path)
}

/// The folder for what services write: as [`run_dir`], but on a disk where there is one. What is
/// written to a tmpfs is memory of the service that wrote it, and `$XDG_RUNTIME_DIR` is nearly always
/// a tmpfs, `/tmp` often.
///
/// # Errors
/// When it cannot be made or is not this user's own.
pub fn files_dir() -> Result<PathBuf, StackError> {
    let uid = me()?;
    let usual = run_dir()?;
    let others = [std::env::temp_dir(), PathBuf::from("/var/tmp")];
    Ok(first_on_disk(&usual, &others, uid).unwrap_or(usual))
}

/// The usual folder if it is on a disk, else the first of the others that is and can be had.
fn first_on_disk(usual: &Path, others: &[PathBuf], uid: u32) -> Option<PathBuf> {
    if !is_in_memory(usual) {
        return Some(usual.to_path_buf());
    }
    let own = |root: &PathBuf| {
        let path = root.join(format!("runner-{uid}"));
        own_dir(&path, uid).is_ok().then_some(path)
    };
    others.iter().filter(|root| !is_in_memory(root)).find_map(own)
}

/// Whether files there are kept in memory; false where that cannot be told.
pub fn is_in_memory(path: &Path) -> bool {
    statfs(path).is_ok_and(|found| found.filesystem_type() == TMPFS_MAGIC)
}

/// The user this process acts as.
fn me() -> Result<u32, StackError> {
    std::fs::metadata("/proc/self")
        .map(|meta| meta.uid())
        .map_err(|e| StackError::environment(format!("/proc cannot be read: {e}; mount it")))
}

fn own_dir(path: &Path, uid: u32) -> Result<(), StackError> {
    let refuse = |why: String| {
        StackError::environment(format!(
            "the folder {} cannot be used: {why}; set XDG_RUNTIME_DIR to a folder of your own",
            path.display()
        ))
    };
    match DirBuilder::new().mode(0o700).create(path) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(refuse(e.to_string()));
        }
        _ => {}
    }
    // A link or a folder of another user in /tmp could lead our files elsewhere.
    let meta = std::fs::symlink_metadata(path).map_err(|e| refuse(e.to_string()))?;
    if !meta.is_dir() {
        return Err(refuse("it is not a folder".into()));
    }
    if meta.uid() != uid {
        return Err(refuse(format!("it belongs to user {}", meta.uid())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_in_place_of_the_folder_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(dir.path(), &link).expect("a link");
        let uid = me().expect("/proc is readable");
        assert!(own_dir(&link, uid).is_err());
        assert!(own_dir(dir.path(), uid).is_ok());
        assert!(own_dir(dir.path(), uid + 1).is_err());
    }

    #[test]
    fn what_services_write_goes_to_a_disk_where_there_is_one() {
        let memory = Path::new("/dev/shm");
        if !is_in_memory(memory) {
            crate::testing::left_out("tmpfs", "/dev/shm is none here");
            return;
        }
        // The folder of the build: nobody builds in memory that is as small as /dev/shm.
        let disk = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).expect("a folder");
        if is_in_memory(disk.path()) {
            crate::testing::left_out("disk", "the checkout is on a tmpfs");
            return;
        }
        let uid = me().expect("/proc is readable");
        let others = [memory.to_path_buf(), disk.path().join("absent"), disk.path().to_path_buf()];
        let found = first_on_disk(memory, &others, uid).expect("a folder on a disk");
        assert_eq!(found, disk.path().join(format!("runner-{uid}")));
        assert!(found.is_dir());
        assert_eq!(first_on_disk(disk.path(), &others, uid).as_deref(), Some(disk.path()));
        assert_eq!(first_on_disk(memory, &others[..1], uid), None);
    }
}
