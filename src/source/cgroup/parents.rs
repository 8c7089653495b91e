//! OOM kills in the groups above the containers': the total that keeps those of removed groups.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::v2::kills_below;
use crate::source::buffer::Buffer;

/// One group above containers.
struct Parent {
    file: File,
    /// Kills before it was first read: they are not this run's.
    before: Option<f64>,
    since: f64,
}

/// The groups above all containers seen so far.
#[derive(Default)]
pub(super) struct Parents(HashMap<PathBuf, Option<Parent>>);

impl Parents {
    /// Opens those that are new. They stay open when their containers are gone: what happened to
    /// the last one is just what they know.
    pub fn follow<'a>(&mut self, files: impl Iterator<Item = &'a Path>) {
        for path in files {
            if !self.0.contains_key(path) {
                let opened = File::open(path).ok();
                let parent = opened.map(|file| Parent { file, before: None, since: 0.0 });
                self.0.insert(path.to_path_buf(), parent);
            }
        }
    }

    /// Kills since each was first read, summed; none where there is no such group.
    pub fn kills(&mut self, buffer: &mut Buffer) -> Option<f64> {
        let mut sum = None;
        for parent in self.0.values_mut().flatten() {
            // One that was removed keeps what it had.
            let read = buffer.read(&parent.file).ok().and_then(kills_below);
            if let Some(kills) = read {
                parent.since = (kills - *parent.before.get_or_insert(kills)).max(parent.since);
            }
            if parent.before.is_some() {
                *sum.get_or_insert(0.0) += parent.since;
            }
        }
        sum
    }
}
