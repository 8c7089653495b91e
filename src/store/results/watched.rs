//! Metrics and health checks of a sample of results.json, written and read.

use std::io::{self, Write};

use crate::analysis::{HealthSeries, ScenarioData};
use crate::model::HealthCheck;
use crate::model::figure::Number;
use crate::store::json::{Cursor, Parsed};

/// Most metrics and health checks that are told apart.
const MAX_NAMES: usize = 500;

/// Writes the members `metrics` and `health` of a sample, where there are any.
pub(super) fn write(out: &mut impl Write, scenario: &ScenarioData, row: usize) -> io::Result<()> {
    let values = scenario.metrics.iter().filter_map(|(name, column)| {
        Some((name.as_str(), Number(column.get(row).copied().filter(|v| v.is_finite())?)))
    });
    object(out, "metrics", values)?;
    let checks = scenario.health.iter().filter_map(|series| {
        let checks: Vec<&HealthCheck> = series.of_row(row).collect();
        (!checks.is_empty()).then_some((series.name.as_str(), checks))
    });
    object(out, "health", checks)
}

/// A member of an object that goes on; nothing where it would be empty.
fn object<'a, T: serde::Serialize>(
    out: &mut impl Write,
    key: &str,
    members: impl Iterator<Item = (&'a str, T)>,
) -> io::Result<()> {
    let mut first = true;
    for (name, value) in members {
        if first {
            write!(out, ",\"{key}\":{{")?;
        } else {
            out.write_all(b",")?;
        }
        first = false;
        serde_json::to_writer(&mut *out, name)?;
        out.write_all(b":")?;
        serde_json::to_writer(&mut *out, &value)?;
    }
    if first { Ok(()) } else { out.write_all(b"}") }
}

/// Reads `metrics` of the sample at `row`.
pub(super) fn metrics(c: &mut Cursor<'_>, data: &mut ScenarioData, row: usize) -> Parsed<()> {
    let mut members = c.object()?;
    while let Some(key) = members.key(c)? {
        let Some(value) = c.num()?.value() else { continue };
        let all = &mut data.metrics;
        let known = all.iter().position(|(name, _)| key.is(name));
        if known.is_none() && all.len() >= MAX_NAMES {
            continue;
        }
        let at = known.unwrap_or_else(|| {
            all.push((key.decode().into_owned(), Vec::new()));
            all.len() - 1
        });
        if let Some((_, column)) = all.get_mut(at) {
            column.resize(row, f64::NAN);
            column.push(value);
        }
    }
    Ok(())
}

/// Reads `health` of the sample at `row`; a check without its time is left out.
pub(super) fn health(c: &mut Cursor<'_>, data: &mut ScenarioData, row: usize) -> Parsed<()> {
    let mut members = c.object()?;
    while let Some(key) = members.key(c)? {
        if c.peek()? != b'[' {
            c.skip()?;
            continue;
        }
        let mut checks = Vec::new();
        let mut list = c.array()?;
        while list.element(c)? {
            if c.peek()? != b'[' {
                c.skip()?;
                continue;
            }
            if let Some(check) = check(c)? {
                checks.push((row, check));
            }
        }
        let all = &mut data.health;
        let room = all.len() < MAX_NAMES;
        match all.iter_mut().find(|series| key.is(&series.name)) {
            Some(series) => series.checks.extend(checks),
            None if room => all.push(HealthSeries { name: key.decode().into_owned(), checks }),
            None => {}
        }
    }
    Ok(())
}

/// `[at, ms]`; more cells may follow.
fn check(c: &mut Cursor<'_>) -> Parsed<Option<HealthCheck>> {
    let mut cells = [None, None];
    let mut count = 0;
    let mut row = c.array()?;
    while row.element(c)? {
        let value = c.num()?.value();
        if let Some(cell) = cells.get_mut(count) {
            *cell = value;
        }
        count += 1;
    }
    let [at, ms] = cells;
    Ok(at.map(|at| HealthCheck { at, ms }))
}
