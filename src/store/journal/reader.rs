//! Reads a journal into a [`Dataset`]: of a run that ended, was aborted, or was killed.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::events::{Frame, end_killed, iso};
use super::parse::LineParser;
use super::provenance;
use super::rows::Rows;
use super::run_file::FigureSources;
use super::stored::{self, Covered, Want};
use crate::analysis::{Dataset, Format};
use crate::model::{Container, Event, EventKind, StackEventKind};
use crate::store::columnar::{Broken, Stored};
use crate::store::columns::TooSparse;
use crate::store::error::{Damage, DamageLog, StoreError};
use crate::store::files::{self, Lines, MAX_INPUT_BYTES};
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
/// with `.gz` added to its name). Lines that cannot be read are reported and skipped.
///
/// # Errors
/// When there is no samples.jsonl, or the system refuses to read one of the files.
pub fn read_journal(folder: &Path) -> Result<(Dataset, Vec<Damage>), StoreError> {
    let read = read_journal_for(folder, Depth::All)?;
    Ok((read.dataset, read.damage))
}

/// As [`read_journal`], not deeper than asked for.
///
/// # Errors
/// When there is no samples.jsonl, or the system refuses to read one of the files.
pub fn read_journal_for(folder: &Path, depth: Depth) -> Result<ReadJournal, StoreError> {
    let (run, mut damage) = read_run(&plain_or_gz(folder, RUN))?;
    let (events, more) = read_events(&plain_or_gz(folder, EVENTS))?;
    damage.extend(more);
    let files =
        Files { samples: plain_or_gz(folder, SAMPLES), columns: Some(folder.join(COLUMNS)), depth };
    let name = RunFolder::at(folder).test_id().to_string();
    let mut read = read_rows(&files, run, events, &name)?;
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
    let read = read_rows(&files, Value::Null, Vec::new(), stem)?;
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

/// run.json, or null where there is none or it cannot be read.
fn read_run(path: &Path) -> Result<(Value, Vec<Damage>), StoreError> {
    let mut damage = DamageLog::new(path);
    if !path.exists() {
        damage.note(None, || "is missing; names, limits and sources are unknown".into());
        return Ok((Value::Null, damage.into_vec()));
    }
    let bytes = files::read_all(path, MAX_INPUT_BYTES, &mut damage)?;
    let run = match serde_json::from_slice(&bytes) {
        Ok(run) => run,
        Err(error) => {
            damage.note(None, || format!("{error}; read on without it"));
            Value::Null
        }
    };
    Ok((run, damage.into_vec()))
}

fn read_events(path: &Path) -> Result<(Vec<Event>, Vec<Damage>), StoreError> {
    let mut damage = DamageLog::new(path);
    let mut events = Vec::new();
    if !path.exists() {
        damage.note(None, || "is missing; scenarios are taken from the samples".into());
        return Ok((events, damage.into_vec()));
    }
    let mut lines = Lines::open(path)?;
    while let Some(line) = lines.next().map_err(|e| StoreError::io(path, e))? {
        match serde_json::from_slice::<Event>(line.bytes) {
            Ok(event) => events.push(event),
            Err(_) if line.bytes.trim_ascii().is_empty() => {}
            Err(error) => {
                damage.note(Some(line.number), || skipped(line.whole, &error.to_string()))
            }
        }
        if lines.bytes() > MAX_INPUT_BYTES {
            damage.note(None, || "is too large; read up to here".into());
            break;
        }
    }
    Ok((events, damage.into_vec()))
}

fn skipped(whole: bool, why: &str) -> String {
    if whole {
        return format!("{why}; the line was skipped");
    }
    "the last line breaks off (the run was killed); it was skipped".to_string()
}

fn read_rows(
    files: &Files,
    run: Value,
    events: Vec<Event>,
    folder_name: &str,
) -> Result<ReadJournal, StoreError> {
    let path = files.samples.as_path();
    let mut damage = DamageLog::new(path);
    let mut notes = Vec::new();
    let mut start = Start::new(&run, &events);
    let mut covered = Covered::default();
    if let Some(stored) = files.columns.as_deref().and_then(Stored::open) {
        let killed = killed(&events);
        let large = match files.depth {
            Depth::All => None,
            Depth::Needed(above) => Some(above.saturating_add(1)),
        };
        let want = Want { whole: Some(&killed), large };
        match stored::take(&stored, path, want, &mut start.parser, &mut start.rows) {
            Ok(done) => covered = done,
            Err(Broken) => {
                notes.push(format!(
                    "{COLUMNS} does not belong to {SAMPLES} beside it and was not used; \
                     reading takes longer without it"
                ));
                start = Start::new(&run, &events);
            }
        }
    }
    let Start { frame, mut rows, mut parser } = start;
    let mut lines = match covered.bytes {
        0 => Lines::open(path)?,
        bytes => Lines::open_at(path, bytes, covered.lines)?,
    };
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
            match parser.parse(line.bytes, &mut rows) {
                Err(bad) => {
                    let why = format!("{} at column {}", bad.what, bad.at + 1);
                    damage.note(Some(number), || skipped(line.whole, &why));
                    rows.rollback();
                }
                Ok(()) if rows.disordered => {
                    damage.note(Some(number), || {
                        "its time is not later than the tick's before; skipped".into()
                    });
                }
                Ok(()) => {}
            }
        }
        rows.budget.read(lines.bytes());
        if rows.failed.is_some() {
            return Err(too_sparse(path, number));
        }
        if lines.bytes() > MAX_INPUT_BYTES {
            damage.note(Some(number), || "is too large; read up to here".into());
            break;
        }
    }
    let provenance = provenance::read(path, &run, &sources(&run));
    let mut dataset =
        finish(rows, frame, run, events, folder_name).map_err(|TooSparse| too_sparse(path, 0))?;
    dataset.provenance = provenance;
    Ok(ReadJournal { dataset, damage: damage.into_vec(), notes })
}

/// What the rows of a journal are read into.
struct Start {
    frame: Frame,
    rows: Rows,
    parser: LineParser,
}

impl Start {
    fn new(run: &Value, events: &[Event]) -> Start {
        let mut frame = Frame::new(containers(run), events);
        let rows = Rows::new(std::mem::take(&mut frame.scenarios));
        Start { frame, rows, parser: LineParser::new(sources(run)) }
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
    fs::metadata(plain_or_gz(folder, SAMPLES)).is_ok_and(|m| m.is_file())
}
