//! One run at a time for each engine and project: two `up -d` of one project at once both fail and
//! leave two networks of one name.
//!
//! The lock is the kernel's (`flock`): it goes with its process, however that ends, so a stale
//! file is simply taken over. The file's content only says who holds it, for the message.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::{Flock, FlockArg};

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
                "the lock file {} cannot be used: {e}; set XDG_RUNTIME_DIR to a folder of your own",
                path.display()
            ))
        };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(broken)?;
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
    fn a_stale_file_is_taken_over() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("demo.one.lock");
        std::fs::write(&file, "1:1:1:dead 20200101_000000 and much more text\n").expect("a file");
        let _lock = ProjectLock::take(dir.path(), "one", "demo", "now").expect("taken over");
        let text = std::fs::read_to_string(&file).expect("readable");
        assert!(text.ends_with(" now\n") && !text.contains("much more"), "{text}");
    }
}
