//! One run at a time for each engine and project: two `up -d` of one project at once both fail and
//! leave two networks of one name.
//!
//! The lock is the kernel's (`flock`): it goes with its process, however that ends, so a stale
//! file is simply taken over. The file's content only says who holds it, for the message.
//!
//! It holds on this machine and for this user only. What it does not reach (two users, two machines on
//! one engine) is told by the labels, once more after `up`: see `compose/owner.rs`.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::{Flock, FlockArg, OFlag};

use super::holder::Holder;
use crate::session::ports::StackError;

/// The lock of one engine and project; given back when dropped.
#[derive(Debug)]
pub struct ProjectLock {
    _file: Flock<File>,
}

impl ProjectLock {
    /// Takes the lock, or says who holds it.
    ///
    /// # Errors
    /// When another run holds it, or the folder cannot be used.
    pub fn take(folder: &Path, engine: &str, project: &str, run: &str) -> Result<Self, StackError> {
        let path = folder.join(format!("{}.{}.lock", tame(project), tame(engine)));
        let broken = |e: std::io::Error| {
            StackError::environment(format!(
                "the lock file {} cannot be used: {e}; remove it when no run goes on",
                path.display()
            ))
        };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            // A link could lead the writing below to any file of this user, a pipe could hang.
            .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits())
            .open(&path)
            .map_err(broken)?;
        if !file.metadata().is_ok_and(|meta| meta.is_file() && meta.nlink() == 1) {
            return Err(broken(std::io::Error::other("it is no plain file of its own")));
        }
        let mut file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(file) => file,
            Err((file, nix::errno::Errno::EWOULDBLOCK)) => return Err(held(file, project)),
            Err((_, errno)) => return Err(broken(errno.into())),
        };
        let me = Holder::me().map_err(broken)?;
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{me} {run}"))
            .map_err(broken)?;
        Ok(ProjectLock { _file: file })
    }
}

fn held(mut file: File, project: &str) -> StackError {
    let mut text = String::new();
    // Only for the message: without it the lock is still held by somebody.
    let _ = file.read_to_string(&mut text);
    let (holder, run) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    let who = match holder.parse::<Holder>() {
        Ok(holder) => format!("run {run} (pid {})", holder.pid),
        Err(_) => "another run".to_owned(),
    };
    StackError::environment(format!(
        "{who} is using project `{project}` on this engine; wait for it, stop it, or give this \
         run another `project`"
    ))
}

/// A word that is safe in a file name.
fn tame(word: &str) -> String {
    word.chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' })
        .take(80)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_is_refused_and_told_who_holds_the_lock() {
        let dir = tempfile::tempdir().expect("a folder");
        let first = ProjectLock::take(dir.path(), "E:1/x", "demo", "20261121_031455");
        let error = ProjectLock::take(dir.path(), "E:1/x", "demo", "20261121_031500")
            .expect_err("the lock is held");
        let pid = std::process::id();
        assert!(error.environment);
        assert!(error.message.contains(&format!("run 20261121_031455 (pid {pid})")), "{error}");
        drop(first);
        assert!(ProjectLock::take(dir.path(), "E:1/x", "demo", "b").is_ok());
    }

    #[test]
    fn other_projects_and_engines_have_locks_of_their_own() {
        let dir = tempfile::tempdir().expect("a folder");
        let _first = ProjectLock::take(dir.path(), "one", "demo", "a").expect("free");
        assert!(ProjectLock::take(dir.path(), "one", "other", "a").is_ok());
        assert!(ProjectLock::take(dir.path(), "two", "demo", "a").is_ok());
    }

    #[test]
    fn a_link_in_the_place_of_the_lock_is_refused_and_its_target_kept() {
        let dir = tempfile::tempdir().expect("a folder");
        let target = dir.path().join("precious");
        std::fs::write(&target, "precious\n").expect("a file");
        let lock = dir.path().join("demo.one.lock");
        std::os::unix::fs::symlink(&target, &lock).expect("a link");
        let refused = || ProjectLock::take(dir.path(), "one", "demo", "a").expect_err("a link");
        assert!(refused().environment && refused().message.contains("demo.one.lock"));
        std::fs::remove_file(&lock).expect("removed");
        std::fs::hard_link(&target, &lock).expect("a link");
        refused();
        assert_eq!(std::fs::read_to_string(&target).expect("readable"), "precious\n");
    }

    #[test]
    fn a_stale_file_is_taken_over() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("demo.one.lock");
        std::fs::write(&file, "1:1:1:dead 20200101_000000 and much more text\n").expect("a file");
        let _lock = ProjectLock::take(dir.path(), "one", "demo", "now").expect("taken over");
        let text = std::fs::read_to_string(&file).expect("readable");
        assert!(text.ends_with(" now\n") && !text.contains("much more"), "{text}");
    }
}
