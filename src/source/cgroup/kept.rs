//! Files that are read again and again: kept open while there are descriptors for them, else opened
//! for each reading.
//!
//! A container needs a dozen and more. What this source keeps must leave room for the record of the
//! run, for connections and for other sources: a reading costs a little more then, and that is all.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::source::buffer::Buffer;

/// What the reader says where even opening for one reading does not fit.
pub(super) const TOO_MANY: &str = "too many files are open: raise the limit (ulimit -n)";

/// Descriptors that may still be kept open.
#[derive(Debug, Clone)]
pub(super) struct Slots(Arc<AtomicUsize>);

impl Slots {
    /// So many.
    pub fn new(count: usize) -> Slots {
        Slots(Arc::new(AtomicUsize::new(count)))
    }

    /// What the limit of this process allows, which is raised as far as it goes, less a quarter or
    /// [`LEAST_LEFT`].
    pub fn of_this_process() -> Slots {
        let limit = raised_limit();
        Slots::new(limit.saturating_sub(LEAST_LEFT.max(limit / 4)))
    }

    fn take(&self) -> Option<Slot> {
        let less = |left: usize| left.checked_sub(1);
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        taken.is_ok().then(|| Slot(Arc::clone(&self.0)))
    }
}

/// Descriptors that are left to all others in any case: the journal, events and sources' streams,
/// connections to the load.
const LEAST_LEFT: usize = 128;

/// The soft limit of open files, as high as the administrator lets it be: the usual 1024 would end at
/// 80 containers.
fn raised_limit() -> usize {
    const ENOUGH: u64 = 65_536;
    const USUAL: u64 = 1024;
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return USUAL as usize };
    let wanted = hard.min(ENOUGH).max(soft);
    let raised = soft < wanted && setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).is_ok();
    usize::try_from(if raised { wanted } else { soft }).unwrap_or(usize::MAX)
}

/// One of them; it is given back when dropped.
#[derive(Debug)]
pub(super) struct Slot(Arc<AtomicUsize>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A file to be read.
#[derive(Debug)]
pub(super) enum Kept {
    /// It is open.
    Open {
        /// The file.
        file: File,
        /// Its place.
        _slot: Slot,
    },
    /// It is opened for each reading.
    Named(PathBuf),
}

impl Kept {
    /// A file that is there; it is kept open where a descriptor is left for it.
    pub fn open(path: PathBuf, slots: &Slots) -> io::Result<Kept> {
        let file = File::open(&path)?;
        Ok(match slots.take() {
            Some(slot) => Kept::Open { file, _slot: slot },
            None => Kept::Named(path),
        })
    }

    /// Whether it is found by its name at each reading: another one may stand there by then.
    pub fn is_named(&self) -> bool {
        matches!(self, Kept::Named(_))
    }

    /// Reads it with `read`.
    pub fn read<'b>(
        &self,
        buffer: &'b mut Buffer,
        read: impl FnOnce(&'b mut Buffer, &File) -> io::Result<&'b str>,
    ) -> io::Result<&'b str> {
        match self {
            Kept::Open { file, .. } => read(buffer, file),
            Kept::Named(path) => read(buffer, &File::open(path)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_opened_for_each_reading_and_a_place_is_given_back() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("file");
        std::fs::write(&path, "one\n").expect("a file");
        let slots = Slots::new(1);
        let first = Kept::open(path.clone(), &slots).expect("there");
        let second = Kept::open(path.clone(), &slots).expect("there");
        assert!(!first.is_named() && second.is_named());
        let mut buffer = Buffer::new();
        for kept in [&first, &second] {
            assert_eq!(kept.read(&mut buffer, |b, f| b.read(f)).expect("read"), "one\n");
        }
        drop(first);
        assert!(!Kept::open(path, &slots).expect("there").is_named());
        assert!(Kept::open(dir.path().join("absent"), &slots).is_err());
    }

    #[test]
    fn room_is_left_whatever_the_limit_is() {
        let left = Slots::of_this_process().0.load(Ordering::Relaxed);
        let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
        assert!(left as u64 + LEAST_LEFT as u64 <= soft, "{left} of {soft}");
    }
}
