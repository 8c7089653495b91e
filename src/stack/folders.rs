//! Folders of this user's own, outside the run folder.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use nix::fcntl::OFlag;
use nix::sys::statfs::{TMPFS_MAGIC, statfs};

use crate::session::ports::StackError;

/// The folder for generated files of this user: `$XDG_RUNTIME_DIR/runner`, else `/tmp/runner-UID`;
/// made when it is not there, refused when it is somebody else's or open to others.
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

/// The folder for the locks of this user's runs: `/run/user/UID/runner`, else `/tmp/runner-UID`. No
/// variable moves it: a login shell and a cron job have different ones, and must exclude each other.
///
/// # Errors
/// When it cannot be made, is not this user's own, or is open to others.
pub fn lock_dir() -> Result<PathBuf, StackError> {
    fixed_dir(Path::new("/run/user"), Path::new("/tmp"), me()?)
}

fn fixed_dir(sessions: &Path, temporary: &Path, uid: u32) -> Result<PathBuf, StackError> {
    let session = sessions.join(uid.to_string());
    let path = match refusal(&session, uid) {
        None => session.join("runner"),
        Some(_) => temporary.join(format!("runner-{uid}")),
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
        StackError::environment(format!("the folder {} cannot be used: {why}", path.display()))
    };
    match DirBuilder::new().mode(0o700).create(path) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
            return Err(refuse(format!(
                "{e}; set XDG_RUNTIME_DIR to a folder of your own, or make room"
            )));
        }
        _ => {}
    }
    refusal(path, uid).map_or(Ok(()), |why| Err(refuse(why)))
}

/// Why a folder is not this user's alone, with the remedy. A link or a folder of another user in
/// `/tmp` could lead our files elsewhere, and where others may write they can put links.
fn refusal(path: &Path, uid: u32) -> Option<String> {
    let meta = match std::fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) => return Some(error.to_string()),
    };
    if !meta.is_dir() {
        return Some("it is not a folder; remove what is in its place".into());
    }
    if meta.uid() != uid {
        return Some(format!("it belongs to user {}; have it removed", meta.uid()));
    }
    let open = meta.mode() & 0o077;
    (open != 0).then(|| {
        format!(
            "others have access to it (mode {:04o}); look what is in it, then `chmod 700 {}`",
            meta.mode() & 0o7777,
            path.display()
        )
    })
}

/// A folder that a run made for itself. What is removed is reached through the folder's open
/// descriptor, by a name that is one step down: neither a name such as `..` nor a folder that was
/// put in its place leads a removal elsewhere.
#[derive(Debug)]
pub struct OwnFolder {
    path: PathBuf,
    handle: File,
}

impl OwnFolder {
    /// Makes the folder, with those above it, or takes the one that is there.
    ///
    /// # Errors
    /// When it cannot be made, or something that is no folder is in its place.
    pub fn make(path: &Path) -> io::Result<OwnFolder> {
        std::fs::create_dir_all(path)?;
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW;
        let handle = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?;
        Ok(OwnFolder { path: path.to_path_buf(), handle })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a folder in it, or takes the one that is there; answers its path.
    ///
    /// # Errors
    /// When the name is no single step down, or the folder cannot be made.
    pub fn child(&self, name: &str) -> io::Result<PathBuf> {
        match std::fs::create_dir(self.inside(name)?) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(self.path.join(name)),
        }
    }

    /// Removes a folder in it with all that it holds, where it is there.
    ///
    /// # Errors
    /// When the name is no single step down, or something cannot be removed.
    pub fn clear(&self, name: &str) -> io::Result<()> {
        match std::fs::remove_dir_all(self.inside(name)?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// Removes all that it holds, then itself, as far as that goes.
    pub fn remove(&self) {
        for entry in std::fs::read_dir(self.by_handle()).into_iter().flatten().flatten() {
            let gone = match entry.file_type() {
                Ok(kind) if kind.is_dir() => std::fs::remove_dir_all(entry.path()),
                _ => std::fs::remove_file(entry.path()),
            };
            // The next run looks again.
            drop(gone);
        }
        let _ = std::fs::remove_dir(&self.path);
    }

    /// The open folder itself, whatever its path leads to by now.
    fn by_handle(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.handle.as_raw_fd()))
    }

    fn inside(&self, name: &str) -> io::Result<PathBuf> {
        let mut steps = Path::new(name).components();
        match (steps.next(), steps.next()) {
            (Some(Component::Normal(step)), None) if step == name => {
                Ok(self.by_handle().join(step))
            }
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{name:?} is no name of a folder"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_link_in_place_of_the_folder_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let mode = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(dir.path(), mode).expect("ours");
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(dir.path(), &link).expect("a link");
        let uid = me().expect("/proc is readable");
        assert!(own_dir(&link, uid).is_err());
        assert!(own_dir(dir.path(), uid).is_ok());
        assert!(own_dir(dir.path(), uid + 1).is_err());
    }

    #[test]
    fn a_folder_that_others_may_enter_or_write_to_is_refused_with_the_remedy() {
        let dir = tempfile::tempdir().expect("a folder");
        let uid = me().expect("/proc is readable");
        for mode in [0o777, 0o1777, 0o710, 0o704] {
            std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(mode))
                .expect("ours");
            let error = own_dir(dir.path(), uid).expect_err("it is open to others");
            assert!(error.environment && error.message.contains("chmod 700"), "{error}");
        }
    }

    #[test]
    fn the_locks_lie_in_the_session_s_folder_where_it_is_ours_else_in_tmp() {
        let dir = tempfile::tempdir().expect("a folder");
        let uid = me().expect("/proc is readable");
        let tmp = dir.path().join(format!("runner-{uid}"));
        assert_eq!(fixed_dir(dir.path(), dir.path(), uid).expect("made"), tmp);
        let session = dir.path().join(uid.to_string());
        DirBuilder::new().mode(0o700).create(&session).expect("a folder");
        let found = fixed_dir(dir.path(), dir.path(), uid).expect("made");
        assert_eq!(found, session.join("runner"));
        std::fs::set_permissions(&session, std::fs::Permissions::from_mode(0o755)).expect("ours");
        assert_eq!(fixed_dir(dir.path(), dir.path(), uid).expect("there"), tmp);
    }

    #[test]
    fn a_removal_goes_one_step_down_and_nowhere_else() {
        let dir = tempfile::tempdir().expect("a folder");
        let others = dir.path().join("other-run");
        std::fs::create_dir(&others).expect("a folder");
        std::fs::write(others.join("data"), "theirs").expect("a file");
        let own = OwnFolder::make(&dir.path().join("own")).expect("made");
        let absolute = others.display().to_string();
        for name in ["..", ".", "", "../other-run", "web/../../other-run", "/", &absolute] {
            assert!(own.clear(name).is_err() && own.child(name).is_err(), "{name:?}");
        }
        std::os::unix::fs::symlink(&others, own.path().join("web")).expect("a link");
        // A link is removed as a link.
        let _ = own.clear("web");
        assert!(others.join("data").exists());
        // What was put in the folder's place is not what is cleared.
        std::fs::rename(own.path(), dir.path().join("moved")).expect("renamed");
        std::os::unix::fs::symlink(dir.path(), own.path()).expect("a link");
        own.clear("other-run").expect("there is none in it");
        own.remove();
        assert!(others.join("data").exists());
    }

    #[test]
    fn an_own_folder_is_cleared_by_service_and_removed_whole() {
        let dir = tempfile::tempdir().expect("a folder");
        let own = OwnFolder::make(&dir.path().join("a/b")).expect("made");
        let web = own.child("web").expect("made");
        std::fs::create_dir(web.join("deep")).expect("a folder");
        std::fs::write(web.join("deep/file"), "").expect("a file");
        assert_eq!(own.child("web").expect("there"), web);
        own.clear("web").expect("removed");
        own.clear("web").expect("nothing to do");
        assert!(!web.exists());
        std::fs::write(own.child("db").expect("made").join("file"), "").expect("a file");
        own.remove();
        assert!(!own.path().exists());
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
