//! A series CSV: one row is one container at one moment. A time, the container and at least one
//! memory figure must be there; other figures, `phase` and `load` are optional, further columns are
//! ignored. Recordings of `docker stats` are read as they are, as CSV and as JSON lines.
//! docs/series.md has all columns.

use std::collections::HashMap;
use std::path::Path;

use csv::ByteRecord;
use serde_json::Value;

use super::columns::{Budget, TooSparse};
use super::error::{Damage, DamageLog, StoreError};
use super::files::{self, MAX_INPUT_BYTES};
use crate::analysis::{Dataset, Format, ScenarioData};
use crate::config::{SeriesConfig, TimeUnit};
use crate::model::FigureSet;

mod cells;
mod clock;
mod docker;
mod header;
mod plausible;
mod rows;
mod schedule;
#[cfg(test)]
mod tests;

use clock::Written;
use header::{Header, NEEDED, rows_of};

/// Name of the scenario that a series is; further ones, of containers with other times or phases,
/// are `series_2` and so on.
pub const SCENARIO: &str = "series";

/// What a file starts with: whether it is a series, else why it is none.
///
/// # Errors
/// What its header lacks.
pub(crate) fn is_series(head: &[u8]) -> Result<(), String> {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if docker::is_line(line) { Ok(()) } else { Header::find(head).map(|_| ()) }
}

/// A row that makes sense.
struct Row {
    time: f64,
    container: usize,
    phase: Option<usize>,
    load: Option<f64>,
    figures: FigureSet,
}

/// A container's rows, ascending in time, each moment once.
struct Track {
    container: usize,
    rows: Vec<Row>,
}

/// Names, in order of first sight.
#[derive(Default)]
struct Names {
    names: Vec<String>,
    index: HashMap<String, usize>,
}

impl Names {
    fn find(&mut self, name: &str) -> usize {
        if let Some(at) = self.index.get(name) {
            return *at;
        }
        self.names.push(name.to_string());
        self.index.insert(name.to_string(), self.names.len() - 1);
        self.names.len() - 1
    }
}

/// All rows of a file, in its order.
#[derive(Default)]
struct Collected {
    rows: Vec<Row>,
    containers: Names,
    phases: Names,
    /// Rows have times.
    timed: bool,
    /// Times are dates, or numbers whose unit the column's name says.
    unit: Option<TimeUnit>,
    time_name: String,
}

/// A series that was read.
#[derive(Debug)]
pub struct SeriesRead {
    /// The series.
    pub dataset: Dataset,
    /// What could not be used.
    pub damage: Vec<Damage>,
    /// How it was read, where that is not plain.
    pub notes: Vec<String>,
}

/// Reads a series CSV or a recording of `docker stats`, gzipped or not. Rows may stand in any order.
///
/// # Errors
/// When the file cannot be read, its header lacks a column, its figures cannot be in the unit that
/// their column says, or no row makes sense.
pub fn read_series(path: &Path, config: &SeriesConfig) -> Result<SeriesRead, StoreError> {
    let mut damage = DamageLog::new(path);
    let bytes = files::read_all(path, MAX_INPUT_BYTES, &mut damage)?;
    let damaged = |place: &str, what: String, remedy| StoreError::Damaged {
        path: path.to_path_buf(),
        place: place.to_string(),
        what,
        remedy,
    };
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let collected = match docker::is_line(first) {
        true => docker::read(&bytes, &mut damage),
        false => {
            let header = Header::find(&bytes).map_err(|what| damaged("line 1", what, NEEDED))?;
            plausible::judge(&header, &bytes).map_err(|(place, what)| {
                damaged(&place, what, "correct the unit in the name of the column")
            })?;
            collect(&header, &bytes, &mut damage)
        }
    };
    if collected.rows.is_empty() {
        return Err(damaged("below its header", "no row makes sense".into(), NEEDED));
    }
    if !collected.timed && config.interval.is_none() {
        return Err(damaged(
            "throughout",
            "its rows have no time".into(),
            "add a column time_s, or say how far its rounds are apart: --set series.interval=2s",
        ));
    }
    let mut notes = Vec::new();
    let mut budget = Budget::new(bytes.len() as u64);
    let scenarios = scenarios(collected, config, &mut budget, &mut notes)
        .map_err(|TooSparse| damaged("throughout", TooSparse::WHAT.into(), NEEDED))?;
    let notes = notes.into_iter().map(|note| format!("{}: {note}", path.display())).collect();
    Ok(SeriesRead { dataset: dataset(path, scenarios), damage: damage.into_vec(), notes })
}

/// The rows below a header.
fn collect(header: &Header, bytes: &[u8], damage: &mut DamageLog) -> Collected {
    let mut all = Collected {
        timed: header.time.is_some(),
        unit: header.time_unit,
        time_name: header.time_name.clone(),
        ..Collected::default()
    };
    let mut reader = rows_of(bytes, header.delimiter);
    let mut record = ByteRecord::new();
    let mut written = None;
    let mut is_header = true;
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(true) if is_header => is_header = false,
            Ok(true) => {
                let line = record.position().map(csv::Position::line);
                match row(&record, header, &mut all, &mut written) {
                    Ok(row) => all.rows.push(row),
                    Err(what) => damage.note(line, || what),
                }
            }
            Ok(false) => break,
            Err(error) => {
                damage.note(None, || format!("{error}; read up to there"));
                break;
            }
        }
    }
    if written == Some(Written::Dates) {
        all.unit = Some(TimeUnit::Seconds);
    }
    all
}

fn row(
    record: &ByteRecord,
    header: &Header,
    all: &mut Collected,
    written: &mut Option<Written>,
) -> Result<Row, String> {
    let cell = |at: usize| {
        std::str::from_utf8(record.get(at).unwrap_or_default()).unwrap_or_default().trim()
    };
    let time = match header.time {
        None => 0.0,
        Some(at) => {
            let form = *written.get_or_insert_with(|| Written::of(cell(at), header.delimiter));
            form.read(cell(at), header.delimiter).ok_or_else(|| {
                let wanted = if form == Written::Dates { "date" } else { "number" };
                format!(
                    "{} '{}' is not a {wanted}; the row was left out",
                    header.time_name,
                    cell(at)
                )
            })?
        }
    };
    if cell(header.container).is_empty() {
        return Err("container is empty; the row was left out".into());
    }
    let mut figures = FigureSet::new();
    for (at, _, what) in &header.cells {
        docker::put(*what, cell(*at), header.delimiter, &mut figures);
    }
    let phase = header.phase.map(cell).filter(|phase| !phase.is_empty());
    Ok(Row {
        time,
        container: all.containers.find(cell(header.container)),
        phase: phase.map(|phase| all.phases.find(phase)),
        load: header.load.and_then(|at| cells::number(cell(at), header.delimiter)),
        figures,
    })
}

/// Rows made into scenarios, one for each group of containers with times and phases in common.
fn scenarios(
    mut all: Collected,
    config: &SeriesConfig,
    budget: &mut Budget,
    notes: &mut Vec<String>,
) -> Result<Vec<ScenarioData>, TooSparse> {
    match config.interval.filter(|_| !all.timed) {
        Some(interval) => clock::by_rounds(&mut all.rows, interval.as_secs_f64()),
        None => clock::to_seconds(&mut all.rows, &all.time_name, all.unit, config, notes),
    }
    let (tracks, again) = schedule::tracks(all.rows, all.containers.names.len());
    if let Some((count, container)) = again {
        let name = all.containers.names.get(container).map_or("", String::as_str);
        notes.push(format!(
            "{count} rows have a time that their container has already (the first: {name}); the \
             later row was used: is it sampled twice, or are there two containers of one name?"
        ));
    }
    if config.time_unit.is_none() {
        clock::judge_spacing(&tracks, &all.time_name, notes);
    }
    let groups = schedule::groups(tracks, budget)?;
    let several = groups.len();
    if several > 1 {
        notes.push(format!(
            "its containers have {several} different courses of times and phases; each is judged \
             by its own"
        ));
    }
    let scenario = |(at, group)| {
        let name = if at == 0 { SCENARIO.to_string() } else { format!("{SCENARIO}_{}", at + 1) };
        rows::scenario(name, group, &all.containers.names, &all.phases.names, budget)
    };
    groups.into_iter().enumerate().map(scenario).collect()
}

fn dataset(path: &Path, scenarios: Vec<ScenarioData>) -> Dataset {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    Dataset {
        provenance: Default::default(),
        format: Format::SeriesCsv,
        test_id: super::input::stem(&file).to_string(),
        started_at: None,
        completed_at: None,
        abort_reason: None,
        config: Value::Null,
        derived_config: Value::Null,
        run: Value::Null,
        containers: Vec::new(),
        scenarios,
        events: Vec::new(),
    }
}
