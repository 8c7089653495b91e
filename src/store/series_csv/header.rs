//! The header of a series CSV: which column is what, in which unit, and what separates columns.

use csv::{ByteRecord, Reader, ReaderBuilder};

use crate::config::TimeUnit;
use crate::model::Figure;
use crate::model::units::{GB, KB, MB};

/// Figures of memory, by the name that stands before a column's unit.
const MEMORY: &[(&str, Figure)] = &[
    ("usage", Figure::MemoryUsageBytes),
    ("working_set", Figure::MemoryWorkingSetBytes),
    ("anon", Figure::AnonBytes),
    ("inactive_file", Figure::InactiveFileBytes),
    ("active_file", Figure::ActiveFileBytes),
    ("shmem", Figure::ShmemBytes),
    ("cache", Figure::CacheBytes),
    ("kernel", Figure::KernelBytes),
    ("swap", Figure::SwapBytes),
    ("memory_limit", Figure::MemoryLimitBytes),
    ("gpu_memory", Figure::GpuMemoryBytes),
];

/// Units of memory, by the ending of a column's name, in bytes. As everywhere here a MB is 2^20.
const UNITS: &[(&str, f64)] = &[
    ("_bytes", 1.0),
    ("_kb", KB),
    ("_kib", KB),
    ("_mb", MB),
    ("_mib", MB),
    ("_gb", GB),
    ("_gib", GB),
];

/// Other figures, by the name of their column.
const OTHERS: &[(&str, Figure)] = &[
    ("cpu_ns", Figure::CpuUsageNs),
    ("cpu_percent", Figure::CpuPercent),
    ("pids", Figure::Pids),
    ("gpu_sm_percent", Figure::GpuSmPercent),
];

/// Columns as `docker stats` names them, with the separators taken out.
const DOCKER: &[(&str, Cell)] = &[
    ("memusage", Cell::DockerMemory),
    ("memusagelimit", Cell::DockerMemory),
    ("cpuperc", Cell::Percent(Figure::CpuPercent)),
    ("cpu%", Cell::Percent(Figure::CpuPercent)),
];

/// Columns that hold the time, the best first; the unit where the name says it.
const TIMES: &[(&str, Option<TimeUnit>)] = &[
    ("time_s", None),
    ("time_ms", Some(TimeUnit::Milliseconds)),
    ("time_us", Some(TimeUnit::Microseconds)),
    ("time_ns", Some(TimeUnit::Nanoseconds)),
    ("time", None),
    ("timestamp", None),
    ("timestamp_ms", Some(TimeUnit::Milliseconds)),
    ("ts", None),
    ("date", None),
];

/// Columns that name the container, the best first.
const NAMES: &[&str] = &["container", "name", "container_name"];

/// One of these must be there.
pub(super) const JUDGED: [Figure; 3] =
    [Figure::MemoryUsageBytes, Figure::MemoryWorkingSetBytes, Figure::AnonBytes];

/// What a header lacks, and what it needs.
pub(super) const NEEDED: &str = "the header needs a time (time_s, time, timestamp, ts), container and at least one of \
     usage_bytes, working_set_bytes, anon_bytes (or _kb, _mb); docs/series.md has all columns";

/// What a cell holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell {
    /// A number, times so much.
    Number(Figure, f64),
    /// A number that may have a `%` behind it.
    Percent(Figure),
    /// `120.5MiB / 1.944GiB`: the working set and the limit.
    DockerMemory,
}

/// Where the columns are.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Header {
    /// What separates them.
    pub delimiter: u8,
    /// Absent only in a recording of `docker stats`.
    pub time: Option<usize>,
    /// The time's column.
    pub time_name: String,
    /// The unit that its name says.
    pub time_unit: Option<TimeUnit>,
    pub container: usize,
    pub phase: Option<usize>,
    pub load: Option<usize>,
    /// Figures: where, its name, what.
    pub cells: Vec<(usize, String, Cell)>,
}

/// A reader of rows; those of another length are ours to judge.
pub(super) fn rows_of(input: &[u8], delimiter: u8) -> Reader<&[u8]> {
    ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(input)
}

impl Header {
    /// The header in the first line of `input`.
    ///
    /// # Errors
    /// What it lacks.
    pub fn find(input: &[u8]) -> Result<Header, String> {
        let mut why = None;
        for delimiter in [b',', b';', b'\t'] {
            let mut record = ByteRecord::new();
            if !matches!(rows_of(input, delimiter).read_byte_record(&mut record), Ok(true)) {
                continue;
            }
            match Header::of(&record, delimiter) {
                Ok(header) => return Ok(header),
                // The separator that makes more than one column is the one that was meant.
                Err(what) if record.len() > 1 => why = why.or(Some(what)),
                Err(_) => {}
            }
        }
        Err(why.unwrap_or_else(|| "it has one column only".to_string()))
    }

    fn of(record: &ByteRecord, delimiter: u8) -> Result<Header, String> {
        let names: Vec<String> = record.iter().map(clean).collect();
        let find = |name: &str| names.iter().position(|known| known == name);
        let time = TIMES.iter().find_map(|(name, unit)| Some((find(name)?, *name, *unit)));
        let container = NAMES.iter().find_map(|name| find(name));
        let cells: Vec<(usize, String, Cell)> = names
            .iter()
            .enumerate()
            .filter_map(|(at, name)| Some((at, name.clone(), cell(name)?)))
            .collect();
        let is_docker = cells.iter().any(|(_, _, cell)| *cell == Cell::DockerMemory);
        let judged = |cell: &Cell| matches!(cell, Cell::Number(f, _) if JUDGED.contains(f));
        if container.is_none() {
            return Err("there is no column container".into());
        }
        if !is_docker && !cells.iter().any(|(_, _, cell)| judged(cell)) {
            return Err("there is no column usage_bytes, working_set_bytes or anon_bytes".into());
        }
        if time.is_none() && !is_docker {
            return Err("there is no column time_s".into());
        }
        Ok(Header {
            delimiter,
            time: time.map(|(at, ..)| at),
            time_name: time.map_or_else(String::new, |(_, name, _)| name.to_string()),
            time_unit: time.and_then(|(.., unit)| unit),
            container: container.unwrap_or_default(),
            phase: find("phase"),
            load: find("load"),
            cells,
        })
    }
}

fn clean(cell: &[u8]) -> String {
    let text = String::from_utf8_lossy(cell);
    text.trim_start_matches('\u{feff}').trim().to_ascii_lowercase()
}

fn cell(name: &str) -> Option<Cell> {
    let of_unit = |(ending, bytes): &(&str, f64)| {
        let stem = name.strip_suffix(ending)?;
        let (_, figure) = MEMORY.iter().find(|(known, _)| *known == stem)?;
        Some(Cell::Number(*figure, *bytes))
    };
    let other = || {
        let (_, figure) = OTHERS.iter().find(|(known, _)| *known == name)?;
        Some(match figure {
            Figure::CpuPercent => Cell::Percent(*figure),
            figure => Cell::Number(*figure, 1.0),
        })
    };
    UNITS.iter().find_map(of_unit).or_else(other).or_else(|| docker_cell(name))
}

/// What a column of `docker stats` holds: `MemUsage`, `mem_usage`, `MEM USAGE / LIMIT`.
pub(super) fn docker_cell(name: &str) -> Option<Cell> {
    let bare: String =
        name.to_ascii_lowercase().chars().filter(|c| !matches!(c, ' ' | '_' | '/')).collect();
    DOCKER.iter().find(|(known, _)| *known == bare).map(|(_, cell)| *cell)
}
