//! The rows of a series CSV, made into the columns of one scenario.

use super::{Row, SCENARIO};
use crate::analysis::{Phase, ScenarioData};
use crate::model::rates::{LastCounters, derive};
use crate::model::{Part, Sample, SourceKind};
use crate::store::columns::{Budget, Table, TooSparse};

pub(super) fn scenario(
    rows: &[Row],
    containers: &[String],
    phases: &[String],
    mut budget: Budget,
) -> Result<ScenarioData, TooSparse> {
    let mut data = ScenarioData::new(SCENARIO);
    data.time = rows.iter().map(|row| row.time).collect();
    data.time.sort_unstable_by(f64::total_cmp);
    data.time.dedup();
    let ticks = data.time.len();
    let tick = |time: f64| data.time.partition_point(|t| *t < time);
    let mut phase_of = vec![None; ticks];
    let mut queued = vec![f64::NAN; ticks];
    // Columns grow downwards, so that rows are taken by time.
    let mut order: Vec<&Row> = rows.iter().collect();
    order.sort_by(|a, b| a.time.total_cmp(&b.time));
    let mut table = Table::default();
    for name in containers {
        table.find_name(name);
    }
    let mut before = vec![LastCounters::default(); containers.len()];
    for row in order {
        let at = tick(row.time);
        if let (Some(phase), Some(level)) = (phase_of.get_mut(at), queued.get_mut(at)) {
            *phase = phase.or(row.phase);
            *level = row.load.unwrap_or(*level);
        }
        let sample = Sample {
            name: String::new(),
            incarnation: 0,
            parts: vec![Part {
                source: SourceKind::File,
                at: row.time,
                figures: row.figures.clone(),
            }],
        };
        let Some(previous) = before.get_mut(row.container) else {
            continue;
        };
        let mut all = derive(Some(&*previous), &sample);
        all.fill_from(&row.figures);
        for (figure, value) in all.iter() {
            table.put(&mut budget, row.container, figure, at, value)?;
        }
        previous.note(&sample);
    }
    data.containers = table.finish(&mut budget, ticks)?;
    data.wall = vec![f64::NAN; ticks];
    data.phases = spans(&data.time, &phase_of, phases, &queued);
    if queued.iter().any(|level| level.is_finite()) {
        data.queued = queued;
    }
    if let (Some(first), Some(last)) = (data.time.first(), data.time.last()) {
        data.duration_seconds = Some(last - first);
    }
    Ok(data)
}

/// Runs of ticks of one phase.
fn spans(time: &[f64], phase_of: &[Option<usize>], names: &[String], queued: &[f64]) -> Vec<Phase> {
    let mut phases = Vec::new();
    let mut start = 0;
    for run in phase_of.chunk_by(|a, b| a == b) {
        let ticks = start..start + run.len();
        start = ticks.end;
        let name = run.first().copied().flatten().and_then(|at| names.get(at));
        let times = time.get(ticks.clone()).unwrap_or_default();
        if let (Some(name), [first, .., last] | [first @ last]) = (name, times) {
            let levels = queued.get(ticks.clone()).unwrap_or_default().iter();
            let level = levels.copied().filter(|v| v.is_finite()).fold(f64::NAN, f64::max);
            phases.push(Phase {
                name: name.clone(),
                start: *first,
                end: *last,
                ticks,
                level: (level.is_finite() && level >= 0.0).then_some(level as u32),
                speed: None,
                end_reason: None,
            });
        }
    }
    phases
}
