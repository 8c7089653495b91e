//! A series CSV: one row is one container at one moment. `time_s`, `container` and at
//! least one memory figure must be there; the other columns of [`FIGURES`], `phase` and `load` are
//! optional, further ones are ignored.

use std::collections::HashMap;
use std::path::Path;

use csv::{ByteRecord, Reader, ReaderBuilder};
use serde_json::Value;

use super::columns::{Budget, TooSparse};
use super::error::{Damage, DamageLog, StoreError};
use super::files::{self, MAX_INPUT_BYTES};
use crate::analysis::{Dataset, Format, ScenarioData};
use crate::model::{Figure, FigureSet};

mod rows;
#[cfg(test)]
mod tests;

use rows::scenario;

/// Name of the one scenario that a series is.
pub const SCENARIO: &str = "series";

/// Columns that are figures.
pub const FIGURES: &[(&str, Figure)] = &[
    ("usage_bytes", Figure::MemoryUsageBytes),
    ("working_set_bytes", Figure::MemoryWorkingSetBytes),
    ("anon_bytes", Figure::AnonBytes),
    ("inactive_file_bytes", Figure::InactiveFileBytes),
    ("active_file_bytes", Figure::ActiveFileBytes),
    ("shmem_bytes", Figure::ShmemBytes),
    ("cache_bytes", Figure::CacheBytes),
    ("kernel_bytes", Figure::KernelBytes),
    ("swap_bytes", Figure::SwapBytes),
    ("cpu_ns", Figure::CpuUsageNs),
    ("pids", Figure::Pids),
    ("memory_limit_bytes", Figure::MemoryLimitBytes),
    ("gpu_memory_bytes", Figure::GpuMemoryBytes),
    ("gpu_sm_percent", Figure::GpuSmPercent),
];

/// One of these must be there.
const MEMORY: [Figure; 3] =
    [Figure::MemoryUsageBytes, Figure::MemoryWorkingSetBytes, Figure::AnonBytes];

/// Where the columns are.
struct Header {
    time: usize,
    container: usize,
    phase: Option<usize>,
    load: Option<usize>,
    figures: Vec<(usize, Figure)>,
}

/// Whether the first line of a file is the header of a series CSV.
pub(crate) fn is_header(line: &[u8]) -> bool {
    let mut record = ByteRecord::new();
    let mut reader = plain(line);
    matches!(reader.read_byte_record(&mut record), Ok(true)) && Header::of(&record).is_ok()
}

fn plain(input: &[u8]) -> Reader<&[u8]> {
    // Rows of another length are this reader's to judge.
    ReaderBuilder::new().has_headers(false).flexible(true).from_reader(input)
}

impl Header {
    fn of(record: &ByteRecord) -> Result<Header, String> {
        let name = |cell: &[u8]| {
            let text = String::from_utf8_lossy(cell);
            text.trim_start_matches('\u{feff}').trim().to_ascii_lowercase()
        };
        let names: Vec<String> = record.iter().map(name).collect();
        let find = |name: &str| names.iter().position(|known| known == name);
        let need = |name: &str| find(name).ok_or(format!("there is no column {name}"));
        let figures = FIGURES.iter().filter_map(|(name, figure)| Some((find(name)?, *figure)));
        let header = Header {
            time: need("time_s")?,
            container: need("container")?,
            phase: find("phase"),
            load: find("load"),
            figures: figures.collect(),
        };
        if !header.figures.iter().any(|(_, figure)| MEMORY.contains(figure)) {
            return Err("there is no column usage_bytes, working_set_bytes or anon_bytes".into());
        }
        Ok(header)
    }
}

/// A row that makes sense.
struct Row {
    time: f64,
    container: usize,
    phase: Option<usize>,
    load: Option<f64>,
    figures: FigureSet,
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

/// Reads a series CSV, gzipped or not.
///
/// Rows may be grouped by container or by time; within a container time must grow, a row that
/// does not is reported and left out.
///
/// # Errors
/// When the file cannot be read, its header lacks a column, or no row makes sense.
pub fn read_series_csv(path: &Path) -> Result<(Dataset, Vec<Damage>), StoreError> {
    let mut damage = DamageLog::new(path);
    let bytes = files::read_all(path, MAX_INPUT_BYTES, &mut damage)?;
    let damaged = |place: &str, what: String| StoreError::Damaged {
        path: path.to_path_buf(),
        place: place.to_string(),
        what,
        remedy: "the header needs time_s, container and at least one of usage_bytes, working_set_bytes, anon_bytes",
    };
    let mut reader = plain(&bytes);
    let mut record = ByteRecord::new();
    let first = reader.read_byte_record(&mut record);
    if !matches!(first, Ok(true)) {
        return Err(damaged("line 1", "the file is empty".into()));
    }
    let header = Header::of(&record).map_err(|what| damaged("line 1", what))?;
    let (mut containers, mut phases) = (Names::default(), Names::default());
    let mut rows = Vec::new();
    let mut latest: HashMap<usize, f64> = HashMap::new();
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                damage.note(None, || format!("{error}; read up to there"));
                break;
            }
        }
        let line = record.position().map(csv::Position::line);
        match row(&record, &header, &mut containers, &mut phases) {
            Ok(row) if latest.get(&row.container).is_some_and(|last| row.time <= *last) => {
                let last = latest.get(&row.container).copied().unwrap_or_default();
                damage.note(line, || {
                    format!("time_s {} is not later than {last} before it; left out, sort the file by time", row.time)
                });
            }
            Ok(row) => {
                latest.insert(row.container, row.time);
                rows.push(row);
            }
            Err(what) => damage.note(line, || what),
        }
    }
    if rows.is_empty() {
        return Err(damaged("below its header", "no row makes sense".into()));
    }
    let budget = Budget::new(bytes.len() as u64);
    let scenario = scenario(&rows, &containers.names, &phases.names, budget)
        .map_err(|TooSparse| damaged("throughout", TooSparse::WHAT.into()))?;
    Ok((dataset(path, scenario), damage.into_vec()))
}

fn row(
    record: &ByteRecord,
    header: &Header,
    containers: &mut Names,
    phases: &mut Names,
) -> Result<Row, String> {
    let cell = |at: usize| {
        std::str::from_utf8(record.get(at).unwrap_or_default()).unwrap_or_default().trim()
    };
    let number = |at: usize| cell(at).parse::<f64>().ok().filter(|v| v.is_finite());
    let time = number(header.time);
    let time = time.ok_or_else(|| {
        format!("time_s '{}' is not a number; the row was left out", cell(header.time))
    })?;
    if cell(header.container).is_empty() {
        return Err("container is empty; the row was left out".into());
    }
    let mut figures = FigureSet::new();
    for &(at, figure) in &header.figures {
        let limit = figure == Figure::MemoryLimitBytes;
        figures.set_some(figure, number(at).filter(|v| *v >= 0.0 && !(limit && *v == 0.0)));
    }
    working_set(&mut figures);
    let phase = header.phase.map(cell).filter(|phase| !phase.is_empty());
    Ok(Row {
        time,
        container: containers.find(cell(header.container)),
        phase: phase.map(|phase| phases.find(phase)),
        load: header.load.and_then(number),
        figures,
    })
}

/// The working set where its parts are given instead: usage less inactive file pages.
fn working_set(figures: &mut FigureSet) {
    let usage = figures.get(Figure::MemoryUsageBytes);
    let inactive = figures.get(Figure::InactiveFileBytes);
    if let (None, Some(usage), Some(inactive)) =
        (figures.get(Figure::MemoryWorkingSetBytes), usage, inactive)
    {
        figures.set(Figure::MemoryWorkingSetBytes, (usage - inactive).max(0.0));
    }
}

fn dataset(path: &Path, scenario: ScenarioData) -> Dataset {
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
        scenarios: vec![scenario],
        events: Vec::new(),
    }
}
