//! The samples of a scenario as results.json holds them, one on each line.

use std::io::{self, Write};

use chrono::{DateTime, SecondsFormat};
use serde::Serialize;

use crate::analysis::stats::mean;
use crate::analysis::{Columns, ScenarioData, Series};
use crate::model::figure::Number;
use crate::model::units::{bytes_to_mb, round_to};
use crate::model::{Figure, Kind};

/// Scenario whose samples hold rolling averages and queued agents, as in the predecessor's files.
const STRESS: &str = "stress_test";

/// Digits of the figures that are not read back exactly: MB, percent, rates.
const MB_DIGITS: i32 = 3;
const RATE_DIGITS: i32 = 4;
const TIME_DIGITS: i32 = 6;

/// Figures that the predecessor's four keys hold already.
const FOUR: [Figure; 2] = [Figure::MemoryPercent, Figure::CpuPercent];

/// How many samples of single containers results.json holds for a scenario.
pub(super) fn container_samples(scenario: &ScenarioData) -> usize {
    let rows = |series: &Series| {
        let column = |figure| series.columns.get(figure).unwrap_or_default().iter();
        let pairs = column(Figure::MemoryWorkingSetBytes).zip(column(Figure::CpuPercent));
        pairs.filter(|(memory, cpu)| memory.is_finite() && cpu.is_finite()).count()
    };
    scenario.containers.iter().map(rows).sum()
}

/// The predecessor's reader needs both; without one of them a container is left out of a sample.
fn is_sampled(series: &Series, row: usize) -> bool {
    let at = |figure| series.columns.at(figure, row);
    at(Figure::MemoryWorkingSetBytes).is_some() && at(Figure::CpuPercent).is_some()
}

pub(super) fn write_samples(
    out: &mut impl Write,
    scenario: &ScenarioData,
    window_s: f64,
    level_is_agents: bool,
) -> io::Result<()> {
    for row in 0..scenario.time.len() {
        out.write_all(if row > 0 { b",\n{" } else { b"\n{" })?;
        write_times(out, scenario, row)?;
        write_containers(out, scenario, row)?;
        if scenario.name == STRESS {
            write_rolling(out, scenario, row, window_s)?;
            if level_is_agents {
                write_queued(out, scenario, row)?;
            }
        }
        write_columns(out, "host", &scenario.host, row)?;
        write_devices(out, scenario, row)?;
        write_columns(out, "runner", &scenario.runner, row)?;
        write_load(out, scenario, row)?;
        super::watched::write(out, scenario, row)?;
        out.write_all(b"}")?;
    }
    Ok(())
}

fn write_times(out: &mut impl Write, scenario: &ScenarioData, row: usize) -> io::Result<()> {
    let at = scenario.time.get(row).copied().unwrap_or(0.0);
    let wall = scenario.wall.get(row).copied().filter(|t| t.is_finite());
    let wall = wall.unwrap_or(at);
    let micros = (wall * 1e6).round() as i64;
    let time = DateTime::from_timestamp_micros(micros).unwrap_or_default();
    key(out, true, "timestamp")?;
    json(out, &round_to(wall, TIME_DIGITS))?;
    key(out, false, "timestamp_iso")?;
    // The form that every `datetime.fromisoformat` reads.
    json(out, &time.to_rfc3339_opts(SecondsFormat::Micros, false))?;
    key(out, false, "at")?;
    json(out, &Number(round_to(at, TIME_DIGITS)))
}

fn write_containers(out: &mut impl Write, scenario: &ScenarioData, row: usize) -> io::Result<()> {
    key(out, false, "containers")?;
    out.write_all(b"{")?;
    let mut first = true;
    for series in &scenario.containers {
        if !is_sampled(series, row) {
            continue;
        }
        key(out, first, &series.name)?;
        first = false;
        out.write_all(b"{")?;
        write_container(out, series, row)?;
        out.write_all(b"}")?;
    }
    out.write_all(b"}")
}

fn write_container(out: &mut impl Write, series: &Series, row: usize) -> io::Result<()> {
    let value = |figure| series.columns.at(figure, row);
    let mb = |figure| round_to(bytes_to_mb(value(figure).unwrap_or(0.0)), MB_DIGITS);
    let percent = |figure| round_to(value(figure).unwrap_or(0.0), RATE_DIGITS);
    key(out, true, "memory_used_mb")?;
    json(out, &mb(Figure::MemoryWorkingSetBytes))?;
    key(out, false, "memory_limit_mb")?;
    json(out, &mb(Figure::MemoryLimitBytes))?;
    key(out, false, "memory_percent")?;
    json(out, &percent(Figure::MemoryPercent))?;
    key(out, false, "cpu_percent")?;
    json(out, &percent(Figure::CpuPercent))?;
    if let Some(life) = series.incarnation.get(row).filter(|life| **life > 0) {
        key(out, false, "incarnation")?;
        json(out, life)?;
    }
    for figure in series.columns.figures() {
        if FOUR.contains(&figure) {
            continue;
        }
        write_figure(out, false, &series.columns, figure, row)?;
    }
    Ok(())
}

/// Whether it was there to write.
fn write_figure(
    out: &mut impl Write,
    first: bool,
    columns: &Columns,
    figure: Figure,
    row: usize,
) -> io::Result<bool> {
    let Some(value) = columns.at(figure, row) else {
        return Ok(false);
    };
    let value = match figure.row().kind {
        Kind::Rate => round_to(value, RATE_DIGITS),
        Kind::Gauge | Kind::Counter => value,
    };
    key(out, first, figure.name())?;
    json(out, &Number(value))?;
    Ok(true)
}

fn write_devices(out: &mut impl Write, scenario: &ScenarioData, row: usize) -> io::Result<()> {
    let mut first = true;
    for device in &scenario.devices {
        let measured = |figure: &Figure| device.columns.at(*figure, row).is_some();
        if !device.columns.figures().any(|figure| measured(&figure)) {
            continue;
        }
        if first {
            key(out, false, "devices")?;
            out.write_all(b"{")?;
        }
        key(out, first, &device.name)?;
        out.write_all(b"{")?;
        first = false;
        let mut first_figure = true;
        for figure in device.columns.figures().filter(measured) {
            write_figure(out, first_figure, &device.columns, figure, row)?;
            first_figure = false;
        }
        out.write_all(b"}")?;
    }
    if !first {
        out.write_all(b"}")?;
    }
    Ok(())
}

fn write_columns(
    out: &mut impl Write,
    name: &str,
    columns: &Columns,
    row: usize,
) -> io::Result<()> {
    let mut first = true;
    for figure in columns.figures() {
        if columns.at(figure, row).is_none() {
            continue;
        }
        if first {
            key(out, false, name)?;
            out.write_all(b"{")?;
        }
        write_figure(out, first, columns, figure, row)?;
        first = false;
    }
    if !first {
        out.write_all(b"}")?;
    }
    Ok(())
}

/// Means over the window that ends with this sample, of what is there.
fn write_rolling(
    out: &mut impl Write,
    scenario: &ScenarioData,
    row: usize,
    window_s: f64,
) -> io::Result<()> {
    let now = scenario.time.get(row).copied().unwrap_or(0.0);
    let before = scenario.time.get(..=row).unwrap_or_default();
    let first_row = before.partition_point(|t| *t <= now - window_s + 1e-6);
    let rolling = |series: &Series, figure: Figure| {
        let values = (first_row..=row).filter_map(|r| series.columns.at(figure, r));
        round_to(mean(values).unwrap_or(0.0), RATE_DIGITS)
    };
    key(out, false, "rolling_averages")?;
    out.write_all(b"{")?;
    let mut first = true;
    for series in scenario.containers.iter().filter(|s| is_sampled(s, row)) {
        key(out, first, &series.name)?;
        first = false;
        out.write_all(b"{")?;
        key(out, true, "memory_percent")?;
        json(out, &rolling(series, Figure::MemoryPercent))?;
        key(out, false, "cpu_percent")?;
        json(out, &rolling(series, Figure::CpuPercent))?;
        out.write_all(b"}")?;
    }
    out.write_all(b"}")
}

/// A level is so many drivers and as many riders.
fn write_queued(out: &mut impl Write, scenario: &ScenarioData, row: usize) -> io::Result<()> {
    let level = scenario.queued.get(row).filter(|level| level.is_finite());
    let level = level.copied().unwrap_or(0.0);
    key(out, false, "agents_queued")?;
    out.write_all(b"{")?;
    key(out, true, "drivers")?;
    json(out, &Number(level))?;
    key(out, false, "riders")?;
    json(out, &Number(level))?;
    key(out, false, "total")?;
    json(out, &Number(2.0 * level))?;
    out.write_all(b"}")
}

fn write_load(out: &mut impl Write, scenario: &ScenarioData, row: usize) -> io::Result<()> {
    let own = [("queued", &scenario.queued), ("active", &scenario.active)];
    let metrics = scenario.load_metrics.iter();
    let metrics = metrics.map(|(name, column)| (name.as_str(), column));
    let mut first = true;
    for (name, column) in own.into_iter().chain(metrics) {
        let Some(value) = column.get(row).filter(|v| v.is_finite()) else {
            continue;
        };
        if first {
            key(out, false, "load")?;
            out.write_all(b"{")?;
        }
        key(out, first, name)?;
        json(out, &Number(*value))?;
        first = false;
    }
    if !first {
        out.write_all(b"}")?;
    }
    Ok(())
}

fn key(out: &mut impl Write, first: bool, key: &str) -> io::Result<()> {
    if !first {
        out.write_all(b",")?;
    }
    serde_json::to_writer(&mut *out, key)?;
    out.write_all(b":")
}

fn json(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(out, value)?;
    Ok(())
}
