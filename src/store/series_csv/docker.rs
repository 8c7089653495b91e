//! `docker stats --format '{{json .}}'`, a line a container and round, with a time added or without.

use serde_json::{Map, Value};

use super::clock::Written;
use super::header::{Cell, docker_cell};
use super::{Collected, Row, cells};
use crate::model::{Figure, FigureSet};
use crate::store::error::DamageLog;

/// Keys that hold a time; the engine's own lines have none.
const TIMES: [&str; 6] = ["time_s", "time", "timestamp", "ts", "date", "read"];
/// Keys that name the container, the best first.
const NAMES: [&str; 3] = ["Name", "Container", "ID"];

/// Whether a line is one of `docker stats`.
pub(super) fn is_line(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line);
    let text = plain(&text);
    text.starts_with('{') && text.contains("\"MemUsage\"")
}

/// Reads all lines. Whether they have times: [`Collected::timed`].
pub(super) fn read(bytes: &[u8], damage: &mut DamageLog) -> Collected {
    let mut all = Collected::default();
    let mut written = None;
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let text = String::from_utf8_lossy(line);
        let text = plain(&text);
        if text.is_empty() {
            continue;
        }
        let number = Some(number as u64 + 1);
        match serde_json::from_str::<Map<String, Value>>(text) {
            Ok(map) => match row(&map, &mut all, &mut written) {
                Ok(row) => all.rows.push(row),
                Err(what) => damage.note(number, || what),
            },
            Err(error) => damage.note(number, || format!("{error}; the line was left out")),
        }
    }
    all.time_name = "time".to_string();
    all
}

/// Without the control sequences by which `docker stats` redraws a screen.
fn plain(mut text: &str) -> &str {
    text = text.trim();
    while let Some(rest) = text.strip_prefix("\u{1b}[") {
        let end = rest.find(|c: char| c.is_ascii_alphabetic()).map_or(rest.len(), |at| at + 1);
        text = rest.get(end..).unwrap_or_default().trim_start();
    }
    match text.find('\u{1b}') {
        Some(at) => text.get(..at).unwrap_or_default().trim_end(),
        None => text,
    }
}

fn row(
    map: &Map<String, Value>,
    all: &mut Collected,
    written: &mut Option<Written>,
) -> Result<Row, String> {
    let text = |key: &str| match map.get(key)? {
        Value::String(text) => Some(text.trim().to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let named = NAMES.iter().find_map(|key| text(key).filter(|name| !name.is_empty()));
    let name = named.ok_or("there is no Name; the line was left out")?;
    let time = match TIMES.iter().find_map(|key| text(key)) {
        Some(cell) => {
            let form = *written.get_or_insert_with(|| Written::of(&cell, b','));
            all.timed = true;
            form.read(&cell, b',')
                .ok_or(format!("time {cell:?} is no time; the line was left out"))?
        }
        None if all.timed => return Err("there is no time; the line was left out".into()),
        None => 0.0,
    };
    let mut figures = FigureSet::new();
    for (key, cell) in map.keys().filter_map(|key| Some((key, docker_cell(key)?))) {
        let Some(value) = text(key) else { continue };
        put(cell, &value, b',', &mut figures);
    }
    figures.set_some(Figure::Pids, text("PIDs").and_then(|n| n.parse().ok()));
    Ok(Row { time, container: all.containers.find(&name), phase: None, load: None, figures })
}

/// Sets the figures of a cell.
pub(super) fn put(cell: Cell, text: &str, delimiter: u8, figures: &mut FigureSet) {
    match cell {
        Cell::Number(figure, unit) => {
            let value = cells::number(text, delimiter).filter(|v| *v >= 0.0).map(|v| v * unit);
            // A limit of zero is none.
            let is_limit = figure == Figure::MemoryLimitBytes;
            figures.set_some(figure, value.filter(|v| !(is_limit && *v == 0.0)));
        }
        Cell::Percent(figure) => {
            figures.set_some(figure, cells::percent(text, delimiter).filter(|v| *v >= 0.0));
        }
        Cell::DockerMemory => {
            let (used, limit) = cells::docker_memory(text);
            figures.set_some(Figure::MemoryWorkingSetBytes, used);
            figures.set_some(Figure::MemoryLimitBytes, limit);
        }
    }
}
