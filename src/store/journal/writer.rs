//! Appends to the journal. Each line is one write to the kernel, so that a runner that is killed
//! loses nothing; a thread of its own makes it durable every five seconds, so that a machine that
//! loses power loses no more, and a slow disk never holds up a tick.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::line::write_line_in_parts;
use super::run_file::{FigureSources, RunFile};
use super::seal::Sealer;
use crate::config::mask::Secrets;
use crate::model::{Container, Event, SourceKind, Tick};
use crate::store::atomic;
use crate::store::columnar::ColumnWriter;
use crate::store::error::{StoreError, with_path};
use crate::store::private;
use crate::store::run_folder::{COLUMNS, CONTAINERS, EVENTS, HOOKS, RUN, RunFolder, SAMPLES};

/// Least time between two syncs of the journal to the disk: each makes the disk of the system under
/// test work.
const SYNC_INTERVAL: Duration = Duration::from_secs(5);

/// How many files of one name may be attached.
const MAX_SAME_NAME: u32 = 10_000;

/// The journal of a run that is going on.
#[derive(Debug)]
pub struct Journal {
    folder: RunFolder,
    run: RunFile,
    sources: FigureSources,
    samples: Appended,
    events: Appended,
    line: Vec<u8>,
    /// The same by column; gone after an error, since the journal has it all.
    columns: Option<ColumnWriter>,
    syncer: Option<Syncer>,
    /// What is never written.
    secrets: Secrets,
}

impl Journal {
    /// Writes run.json and opens the other files.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn create(folder: &RunFolder, run: &RunFile) -> Result<Journal, StoreError> {
        Journal::hiding(folder, run, Secrets::none())
    }

    /// The same; credentials are masked in all that is written.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn hiding(
        folder: &RunFolder,
        run: &RunFile,
        secrets: Secrets,
    ) -> Result<Journal, StoreError> {
        write_run_file(folder, run, &secrets)?;
        let samples = Appended::open(&folder.file(SAMPLES), Sealer::new(&run.test_id, "events"))?;
        let events = Appended::open(&folder.file(EVENTS), Sealer::new(&run.test_id, "samples"))?;
        let length = samples.file.metadata().map_err(|e| StoreError::io(&samples.path, e))?.len();
        let columns = ColumnWriter::open(&folder.file(COLUMNS), length).ok();
        let both = [samples.file.try_clone(), events.file.try_clone()];
        Ok(Journal {
            folder: folder.clone(),
            run: run.clone(),
            sources: FigureSources::new(&run.sources),
            samples,
            events,
            line: Vec::new(),
            columns,
            // Without a second handle or thread the lines still are with the kernel.
            syncer: both.into_iter().collect::<io::Result<_>>().ok().and_then(Syncer::start),
            secrets,
        })
    }

    /// Completes run.json. Lines written before it name their sources themselves.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn begin(
        &mut self,
        containers: &[Container],
        sources: BTreeMap<String, SourceKind>,
    ) -> Result<(), StoreError> {
        self.run.containers = containers.to_vec();
        self.run.sources = sources;
        write_run_file(&self.folder, &self.run, &self.secrets)?;
        self.sources = FigureSources::new(&self.run.sources);
        Ok(())
    }

    /// Appends a tick.
    ///
    /// # Errors
    /// When the line could not be written as a whole; the next line starts anew.
    pub fn tick(&mut self, tick: &Tick) -> io::Result<()> {
        self.line.clear();
        let samples = write_line_in_parts(tick, &self.sources, &mut self.line);
        let mut columns = self.columns.take();
        if let Some(hidden) = self.secrets.hide_in_json(&self.line) {
            self.line = line_of(&hidden)?;
            // Places in the line are no longer known.
            columns = None;
        }
        self.samples.append(&mut self.line, &self.events)?;
        // After a line that failed, places in the journal are no longer known: no more columns.
        self.columns = columns.and_then(|mut columns| {
            let more = columns.tick(tick, &self.line, samples);
            more.then_some(columns)
        });
        self.note_written();
        Ok(())
    }

    /// Appends an event.
    ///
    /// # Errors
    /// When the line could not be written as a whole; the next line starts anew.
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, event)?;
        self.line.push(b'\n');
        if let Some(hidden) = self.secrets.hide_in_json(&self.line) {
            self.line = line_of(&hidden)?;
        }
        self.events.append(&mut self.line, &self.samples)?;
        self.note_written();
        Ok(())
    }

    /// Saves a text under `containers/`; answers its path within the run folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn attach(&mut self, name: &str, text: &str) -> io::Result<PathBuf> {
        self.save(CONTAINERS, name, text.as_bytes())
    }

    /// Saves what a hook said; answers its path in the run folder.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn hook_output(&mut self, name: &str, output: &[u8]) -> io::Result<PathBuf> {
        self.save(HOOKS, name, output)
    }

    /// Saves a file in a folder of the run; one that is there keeps its content.
    fn save(&mut self, folder_name: &str, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        let folder = self.folder.file(folder_name);
        private::create_dir(&folder).map_err(|e| with_path(&folder, e))?;
        let (stem, extension) = file_name(name);
        for count in 1..=MAX_SAME_NAME {
            let name = match count {
                1 => format!("{stem}.{extension}"),
                _ => format!("{stem}-{count}.{extension}"),
            };
            let path = folder.join(&name);
            match private::options(&path).write(true).create_new(true).open(&path) {
                Ok(mut file) => {
                    file.write_all(&self.secrets.hide_in_bytes(bytes))
                        .map_err(|e| with_path(&path, e))?;
                    return Ok(Path::new(folder_name).join(name));
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(with_path(&path, e)),
            }
        }
        Err(with_path(&folder, io::ErrorKind::AlreadyExists.into()))
    }

    /// Syncs all that was written to the disk and closes the journal. Dropping it does the same
    /// but cannot tell of errors.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn finish(mut self) -> io::Result<()> {
        self.syncer = None;
        self.columns = None;
        self.samples.file.sync_data()?;
        self.events.file.sync_data()
    }

    /// Leaves it to the syncer to make what was written durable.
    fn note_written(&self) {
        if let Some(syncer) = &self.syncer {
            syncer.written.store(true, Ordering::Release);
        }
    }
}

#[cfg(feature = "app")]
impl crate::session::ports::Recorder for Journal {
    fn begin(
        &mut self,
        containers: &[Container],
        sources: BTreeMap<String, SourceKind>,
    ) -> io::Result<()> {
        Journal::begin(self, containers, sources).map_err(|e| io::Error::new(e.kind(), e))
    }

    fn tick(&mut self, tick: &Tick) -> io::Result<()> {
        Journal::tick(self, tick)
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        Journal::event(self, event)
    }

    fn attach(&mut self, name: &str, text: &str) -> io::Result<PathBuf> {
        Journal::attach(self, name, text)
    }

    fn hook_output(&mut self, name: &str, output: &[u8]) -> io::Result<PathBuf> {
        Journal::hook_output(self, name, output)
    }
}

/// A file to which whole lines are appended.
#[derive(Debug)]
struct Appended {
    path: PathBuf,
    file: File,
    sealer: Sealer,
    /// The last write may have left a part of a line.
    torn: bool,
}

impl Appended {
    fn open(path: &Path, sealer: Sealer) -> Result<Appended, StoreError> {
        let file = private::options(path).append(true).create(true).open(path);
        Ok(Appended {
            path: path.to_path_buf(),
            file: file.map_err(|e| StoreError::io(path, e))?,
            sealer,
            torn: false,
        })
    }

    /// Seals and appends a line, beside the lines of the other file that are there.
    fn append(&mut self, line: &mut Vec<u8>, other: &Appended) -> io::Result<()> {
        // The kernel would go on writing to a file that nobody can ever read.
        if self.file.metadata().is_ok_and(|meta| meta.nlink() == 0) {
            let removed = StoreError::NotFound { path: self.path.clone() };
            return Err(io::Error::new(io::ErrorKind::NotFound, removed));
        }
        self.sealer.seal(line, other.sealer.lines());
        if self.torn {
            self.file.write_all(b"\n").map_err(|e| with_path(&self.path, e))?;
            self.torn = false;
        }
        self.file.write_all(line).map_err(|e| {
            self.torn = true;
            with_path(&self.path, e)
        })?;
        self.sealer.written();
        Ok(())
    }
}

/// A thread that syncs the files at a bounded rate when something was written. A line costs it
/// nothing: it looks for itself.
#[derive(Debug)]
struct Syncer {
    written: Arc<AtomicBool>,
    close: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Syncer {
    fn start(files: Vec<File>) -> Option<Syncer> {
        let (close, closed) = channel();
        let written = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&written);
        let thread = std::thread::Builder::new()
            .name("journal-sync".into())
            .spawn(move || sync_until_closed(&files, &seen, &closed))
            .ok()?;
        Some(Syncer { written, close: Some(close), thread: Some(thread) })
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.close = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn sync_until_closed(files: &[File], written: &AtomicBool, closed: &Receiver<()>) {
    loop {
        let open = closed.recv_timeout(SYNC_INTERVAL) == Err(RecvTimeoutError::Timeout);
        if written.swap(false, Ordering::AcqRel) {
            for file in files {
                // A disk that cannot sync still has the line in the kernel; writes report real
                // errors.
                let _ = file.sync_data();
            }
        }
        if !open {
            return;
        }
    }
}

/// A name from outside as a stem and an extension that are safe on any file system.
fn file_name(name: &str) -> (String, String) {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let clean = |text: &str, most: usize| -> String {
        let chars = text.chars().map(|c| if safe(c) || c == '.' { c } else { '_' });
        chars.take(most).collect()
    };
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension))
            if (1..=5).contains(&extension.len()) && extension.chars().all(safe) =>
        {
            (stem, extension)
        }
        _ => (name, "txt"),
    };
    let stem = clean(stem, 100);
    let stem = stem.trim_start_matches('.');
    let stem = if stem.is_empty() { "unnamed" } else { stem };
    (stem.to_string(), extension.to_string())
}

fn line_of(value: &serde_json::Value) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

fn write_run_file(folder: &RunFolder, run: &RunFile, secrets: &Secrets) -> Result<(), StoreError> {
    let path = folder.file(RUN);
    let mut json =
        serde_json::to_vec_pretty(run).map_err(|e| StoreError::io(&path, io::Error::other(e)))?;
    if let Some(hidden) = secrets.hide_in_json(&json) {
        json = format!("{hidden:#}").into_bytes();
    }
    json.push(b'\n');
    atomic::write(&path, &json)
}
