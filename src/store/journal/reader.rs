//! Reads a journal into a [`Dataset`]: of a run that ended, was aborted, or was killed.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::events::{Frame, end_killed, iso};
use super::follow::{Follow, missing_at_end, missing_before};
use super::parse::LineParser;
use super::provenance;
use super::rows::Rows;
use super::run_file::FigureSources;
use super::seal::{self, Checked};
use super::stored::{self, Covered, Want};
use super::told::{Told, read_events, read_run};
use crate::analysis::{Dataset, Format};
use crate::model::{Container, Event, EventKind, StackEventKind};
use crate::store::columnar::{Broken, Stored};
use crate::store::columns::TooSparse;
use crate::store::error::{Damage, DamageLog, StoreError};
use crate::store::files::{Lines, MAX_INPUT_BYTES};
use crate::store::json::breaks_off;
use crate::store::run_folder::{COLUMNS, EVENTS, RUN, RunFolder, SAMPLES};

/// How much of a journal is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// Every figure.
    #[default]
    All,
    /// Of a run of more container samples than this (and than [`crate::analysis::needs::LARGE`]) only what the
    /// analysis needs; everything of a smaller one.
    Needed(u64),
}

/// A journal that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadJournal {
    /// The run.
    pub dataset: Dataset,
    /// What could not be used.
    pub damage: Vec<Damage>,
    /// What is worth a word and is no damage.
    pub notes: Vec<String>,
}

/// Reads the journal of a run folder: run.json, samples.jsonl, events.jsonl (each may be gzipped
/// with `.gz` added to its name). Lines that cannot be read, or are not as they were written, are
/// reported and skipped; lines that are missing are reported.
///
/// # Errors
/// When there is no samples.jsonl, or the system refuses to read it.
pub fn read_journal(folder: &Path) -> Result<(Dataset, Vec<Damage>), StoreError> {
    let read = read_journal_for(folder, Depth::All)?;
    Ok((read.dataset, read.damage))
}

/// As [`read_journal`], not deeper than asked for.
///
/// # Errors
/// When there is no samples.jsonl, or the system refuses to read it.
pub fn read_journal_for(folder: &Path, depth: Depth) -> Result<ReadJournal, StoreError> {
    let samples = plain_or_gz(folder, SAMPLES);
    // Places in a file that was packed are not those of its columns.
    let plain = samples.file_name().is_some_and(|name| name == SAMPLES);
    let columns = plain.then(|| folder.join(COLUMNS));
    let files = Files { samples, columns, depth };
    let of = first_run(&files.samples);
    let (run, mut damage) = read_run(&plain_or_gz(folder, RUN), of.as_deref());
    let of = of.or_else(|| run.get("test_id")?.as_str().map(str::to_string));
    let told = read_events(&plain_or_gz(folder, EVENTS), of.clone());
    let name = of.clone().unwrap_or_else(|| RunFolder::at(folder).test_id().to_string());
    let mut read = read_rows(&files, run, told, of, &name)?;
    damage.append(&mut read.damage);
    Ok(ReadJournal { damage, ..read })
}

/// The files that hold the ticks.
struct Files {
    samples: PathBuf,
    columns: Option<PathBuf>,
    depth: Depth,
}

/// Reads a samples.jsonl alone: scenarios and phases as the ticks name them.
///
/// # Errors
/// When the system refuses to read the file.
pub fn read_samples(path: &Path) -> Result<(Dataset, Vec<Damage>), StoreError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.split('.').next().unwrap_or_default();
    let files = Files { samples: path.to_path_buf(), columns: None, depth: Depth::All };
    let read = read_rows(&files, Value::Null, Told::default(), None, stem)?;
    Ok((read.dataset, read.damage))
}

fn plain_or_gz(folder: &Path, name: &str) -> PathBuf {
    let plain = folder.join(name);
    let packed = folder.join(format!("{name}.gz"));
    if !plain.exists() && packed.exists() {
        return packed;
    }
    plain
}

/// The run that the first sealed line near the start of a file names.
fn first_run(path: &Path) -> Option<String> {
    let mut lines = Lines::open(path).ok()?;
    for _ in 0..100 {
        if let Checked::Right(seal) = seal::check(lines.next().ok()??.bytes) {
            return Some(seal.run);
        }
    }
    None
}

fn read_rows(
    files: &Files,
    run: Value,
    mut told: Told,
    of: Option<String>,
    folder_name: &str,
) -> Result<ReadJournal, StoreError> {
    let path = files.samples.as_path();
    let events = std::mem::take(&mut told.events);
    let mut damage = DamageLog::new(path);
    let mut notes = Vec::new();
    let mut start = Start::new(&run, &events, of.clone());
    let mut covered = Covered::default();
    let mut foreign = false;
    if let Some(stored) = files.columns.as_deref().and_then(Stored::open) {
        let killed = killed(&events);
        let large = match files.depth {
            Depth::All => None,
            Depth::Needed(above) => Some(above.saturating_add(1)),
        };
        let want = Want { whole: Some(&killed), large };
        match stored::take(&stored, path, want, &mut start.lines) {
            Ok(done) => covered = done,
            Err(Broken) => {
                foreign = true;
                start = Start::new(&run, &events, of);
            }
        }
    }
    let Start { frame, lines: mut into } = start;
    let torn = read_lines(path, covered, &mut into, &mut damage)?;
    let Intake { rows, follow, .. } = into;
    let missing = follow.missing_at_end(&told.follow);
    if missing > 0 {
        damage.note(None, || missing_at_end(missing, EVENTS));
    }
    if torn {
        let what = "the last line breaks off";
        // A killed run ends like that; one that wrote its end does not.
        if frame.ended.is_some() && !follow.is_sealed() {
            damage.note(None, || format!("{what}; it was skipped"));
        } else {
            notes.push(format!("{SAMPLES}: {what}, as a run that is killed leaves it"));
        }
    }
    if foreign && damage.is_empty() {
        notes.push(format!(
            "{COLUMNS} does not belong to {SAMPLES} beside it and was not used; \
             reading takes longer without it"
        ));
    }
    let mut damage = damage.into_vec();
    if let Some(mut log) = told.damage.take() {
        let missing = told.missing_at_end(&follow);
        if missing > 0 {
            log.note(None, || missing_at_end(missing, SAMPLES));
        }
        damage.splice(0..0, log.into_vec());
    }
    let provenance = provenance::read(path, &run, &sources(&run));
    let mut dataset =
        finish(rows, frame, run, events, folder_name).map_err(|TooSparse| too_sparse(path, 0))?;
    dataset.provenance = provenance;
    Ok(ReadJournal { dataset, damage, notes })
}

/// Reads the lines behind those that the columns cover; whether the last one breaks off.
fn read_lines(
    path: &Path,
    covered: Covered,
    into: &mut Intake,
    damage: &mut DamageLog,
) -> Result<bool, StoreError> {
    let mut lines = match covered.bytes {
        0 => Lines::open(path)?,
        bytes => Lines::open_at(path, bytes, covered.lines)?,
    };
    let mut torn = false;
    loop {
        let line = match lines.next() {
            Ok(Some(line)) => line,
            Ok(None) => break,
            Err(error) => {
                damage.note(None, || format!("reading broke off: {error}"));
                break;
            }
        };
        let number = line.number;
        if !line.bytes.trim_ascii().is_empty() {
            match into.line(line.bytes) {
                Err(_) if line.torn && breaks_off(line.bytes) => torn = true,
                Err(why) => {
                    into.follow.lost();
                    damage.note(Some(number), || format!("{why}; the line was skipped"));
                }
                Ok(0) => {}
                Ok(missing) => damage.note(Some(number), || missing_before(missing)),
            }
            if into.rows.disordered {
                damage.note(Some(number), || {
                    "its time is not later than the tick's before; skipped".into()
                });
            }
        }
        into.rows.budget.read(lines.bytes());
        if into.rows.failed.is_some() {
            return Err(too_sparse(path, number));
        }
        if lines.bytes() > MAX_INPUT_BYTES {
            damage.note(Some(number), || "is too large; read up to here".into());
            break;
        }
    }
    Ok(torn)
}

/// What a journal is read into.
struct Start {
    frame: Frame,
    lines: Intake,
}

impl Start {
    fn new(run: &Value, events: &[Event], of: Option<String>) -> Start {
        let mut frame = Frame::new(containers(run), events);
        let rows = Rows::new(std::mem::take(&mut frame.scenarios));
        let parser = LineParser::new(sources(run));
        Start { frame, lines: Intake { rows, parser, follow: Follow::of(of) } }
    }
}

/// What the lines of samples.jsonl are read into.
pub(super) struct Intake {
    pub rows: Rows,
    pub parser: LineParser,
    pub follow: Follow,
}

impl Intake {
    /// Takes a line; answers how many are missing before it, or why it was not used.
    fn line(&mut self, line: &[u8]) -> Result<u64, String> {
        self.rows.disordered = false;
        let seal = self.follow.judge(line)?;
        if let Err(bad) = self.parser.parse(line, &mut self.rows) {
            self.rows.rollback();
            return Err(format!("{} at column {}", bad.what, bad.at + 1));
        }
        Ok(self.follow.used(seal.as_ref(), self.parser.seq))
    }
}

/// Containers in which the kernel may have killed something.
fn killed(events: &[Event]) -> HashSet<String> {
    let name = |event: &Event| match &event.kind {
        EventKind::Stack(stack) => {
            let killed = matches!(
                stack.kind,
                StackEventKind::Oom | StackEventKind::Die { exit_code: Some(137) }
            );
            killed.then(|| stack.name.clone())
        }
        _ => None,
    };
    events.iter().filter_map(name).collect()
}

fn too_sparse(path: &Path, line: u64) -> StoreError {
    StoreError::Damaged {
        path: path.to_path_buf(),
        place: format!("line {line}"),
        what: TooSparse::WHAT.into(),
        remedy: "this is no journal of a run; look at the names in it",
    }
}

fn finish(
    rows: Rows,
    frame: Frame,
    run: Value,
    events: Vec<Event>,
    folder_name: &str,
) -> Result<Dataset, TooSparse> {
    let mut budget = rows.budget;
    let mut scenarios = Vec::with_capacity(rows.scenarios.len());
    for mut scenario in rows.scenarios {
        if !events.is_empty() {
            end_killed(&mut scenario);
        }
        scenarios.push(scenario.finish(&mut budget)?);
    }
    let text = |key: &str| run.get(key).and_then(Value::as_str).map(str::to_string);
    Ok(Dataset {
        provenance: Default::default(),
        format: Format::Journal,
        test_id: text("test_id").unwrap_or_else(|| folder_name.to_string()),
        started_at: text("started_at"),
        completed_at: frame.ended.and_then(iso),
        abort_reason: frame.abort_reason,
        config: run.get("config").cloned().unwrap_or(Value::Null),
        derived_config: Value::Null,
        containers: frame.containers,
        run,
        scenarios,
        events,
    })
}

fn containers(run: &Value) -> Vec<Container> {
    let list = run.get("containers").and_then(Value::as_array);
    let known = |c: &Value| serde_json::from_value(c.clone()).ok();
    list.into_iter().flatten().filter_map(known).collect()
}

fn sources(run: &Value) -> FigureSources {
    let named = run.get("sources").cloned().map(serde_json::from_value);
    FigureSources::new(&named.and_then(Result::ok).unwrap_or_default())
}

/// Whether the folder holds a journal.
pub(crate) fn is_journal(folder: &Path) -> bool {
    // Something else of that name is told when it is read.
    fs::metadata(plain_or_gz(folder, SAMPLES)).is_ok_and(|m| !m.is_dir())
}
