//! A recorder that keeps descriptors aside for what it has yet to open.
//!
//! Sources, streams and a load may take every descriptor that the limit allows. That must cost their
//! figures, never the record: run.json is rewritten, last words and hooks' output are files of their own.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::PathBuf;

use super::ports::Recorder;
use crate::model::{Container, Event, SourceKind, Tick};

/// How many are kept: a file, its folder, and room for what is opened meanwhile on another thread.
const KEPT: usize = 16;

/// A recorder with descriptors of its own.
pub struct Reserved<R> {
    recorder: R,
    kept: Vec<File>,
}

impl<R: Recorder> Reserved<R> {
    /// Puts as many aside as can be had.
    #[must_use]
    pub fn new(recorder: R) -> Reserved<R> {
        let mut reserved = Reserved { recorder, kept: Vec::new() };
        reserved.refill();
        reserved
    }

    fn refill(&mut self) {
        while self.kept.len() < KEPT {
            match File::open("/dev/null") {
                Ok(file) => self.kept.push(file),
                // The next time there may be more.
                Err(_) => return,
            }
        }
    }

    /// Does what opens files with the kept descriptors given back. Nothing else runs on this thread
    /// meanwhile.
    fn with_room<T>(&mut self, work: impl FnOnce(&mut R) -> io::Result<T>) -> io::Result<T> {
        self.kept.clear();
        let done = work(&mut self.recorder);
        self.refill();
        done
    }
}

impl<R: Recorder> Recorder for Reserved<R> {
    fn begin(
        &mut self,
        containers: &[Container],
        sources: BTreeMap<String, SourceKind>,
    ) -> io::Result<()> {
        self.with_room(|recorder| recorder.begin(containers, sources))
    }

    fn tick(&mut self, tick: &Tick) -> io::Result<()> {
        self.recorder.tick(tick)
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.recorder.event(event)
    }

    fn attach(&mut self, name: &str, text: &str) -> io::Result<PathBuf> {
        self.with_room(|recorder| recorder.attach(name, text))
    }

    fn hook_output(&mut self, name: &str, output: &[u8]) -> io::Result<PathBuf> {
        self.with_room(|recorder| recorder.hook_output(name, output))
    }
}
