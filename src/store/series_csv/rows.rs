//! The rows of containers with times and phases in common, made into the columns of a scenario.

use super::Track;
use super::schedule::{Group, Moment};
use crate::analysis::{Phase, ScenarioData};
use crate::model::rates::{LastCounters, derive};
use crate::model::{Figure, FigureSet, Part, Sample, SourceKind};
use crate::store::columns::{Budget, Table, TooSparse};

pub(super) fn scenario(
    name: String,
    group: Group,
    containers: &[String],
    phases: &[String],
    budget: &mut Budget,
) -> Result<ScenarioData, TooSparse> {
    let mut data = ScenarioData::new(&name);
    data.time = group.moments.iter().map(|moment| moment.0).collect();
    let ticks = data.time.len();
    let mut table = Table::default();
    let mut loads = Loads::new(ticks);
    for track in group.tracks {
        let Some(name) = containers.get(track.container) else { continue };
        let at = table.find_name(name);
        loads.add(name, &data.time, &track);
        columns(&mut table, at, &data.time, track, budget)?;
    }
    data.containers = table.finish(budget, ticks)?;
    data.wall = vec![f64::NAN; ticks];
    (data.queued, data.container_loads) = loads.settled(budget)?;
    data.phases = spans(&group.moments, phases, &data.queued);
    if let (Some(first), Some(last)) = (data.time.first(), data.time.last()) {
        data.duration_seconds = Some(last - first);
    }
    Ok(data)
}

/// Puts a container's rows into its columns. A CPU counter that falls began anew: another life.
fn columns(
    table: &mut Table,
    at: usize,
    time: &[f64],
    track: Track,
    budget: &mut Budget,
) -> Result<(), TooSparse> {
    let mut before = LastCounters::default();
    let (mut life, mut cpu) = (0, f64::NEG_INFINITY);
    for mut row in track.rows {
        let tick = time.partition_point(|t| *t < row.time);
        working_set(&mut row.figures);
        if let Some(used) = row.figures.get(Figure::CpuUsageNs) {
            life += u32::from(used < cpu);
            cpu = used;
        }
        let part = Part { source: SourceKind::File, at: row.time, figures: row.figures };
        let sample = Sample { name: String::new(), incarnation: life, parts: vec![part] };
        let mut all = derive(Some(&before), &sample);
        sample.parts.iter().for_each(|part| all.fill_from(&part.figures));
        for (figure, value) in all.iter() {
            table.put(budget, at, figure, tick, value)?;
        }
        table.put_incarnation(budget, at, tick, life)?;
        before.note(&sample);
    }
    Ok(())
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

/// Load at each tick: one for all where rows agree, else one for each container.
struct Loads {
    of_all: Vec<f64>,
    agree: bool,
    own: Vec<(String, Vec<(usize, f64)>)>,
}

impl Loads {
    fn new(ticks: usize) -> Loads {
        Loads { of_all: vec![f64::NAN; ticks], agree: true, own: Vec::new() }
    }

    fn add(&mut self, name: &str, time: &[f64], track: &Track) {
        let mut own = Vec::new();
        for row in &track.rows {
            let tick = time.partition_point(|t| *t < row.time);
            let (Some(load), Some(known)) = (row.load, self.of_all.get_mut(tick)) else { continue };
            self.agree &= known.is_nan() || *known == load;
            // Of different loads the largest says how much there was.
            *known = known.max(load);
            own.push((tick, load));
        }
        self.own.push((name.to_string(), own));
    }

    /// The load of all, empty where none is known; and each container's own, where they differ.
    fn settled(self, budget: &mut Budget) -> Result<(Vec<f64>, OwnLoads), TooSparse> {
        let ticks = self.of_all.len();
        let mut own = Vec::new();
        for (name, known) in self.own {
            if self.agree || known.is_empty() {
                continue;
            }
            budget.spend(ticks - known.len())?;
            let mut load = vec![f64::NAN; ticks];
            for (tick, value) in known {
                if let Some(cell) = load.get_mut(tick) {
                    *cell = value;
                }
            }
            own.push((name, load));
        }
        let is_known = self.of_all.iter().any(|level| level.is_finite());
        Ok((if is_known { self.of_all } else { Vec::new() }, own))
    }
}

type OwnLoads = Vec<(String, Vec<f64>)>;

/// Runs of ticks of one phase.
fn spans(moments: &[Moment], names: &[String], queued: &[f64]) -> Vec<Phase> {
    let mut phases = Vec::new();
    let mut start = 0;
    for run in moments.chunk_by(|a, b| a.1 == b.1) {
        let ticks = start..start + run.len();
        start = ticks.end;
        let ([first, .., last] | [first @ last]) = run else { continue };
        let Some(name) = first.1.and_then(|at| names.get(at)) else { continue };
        let levels = queued.get(ticks.clone()).unwrap_or_default().iter();
        let level = levels.copied().filter(|v| v.is_finite()).fold(f64::NAN, f64::max);
        phases.push(Phase {
            name: name.clone(),
            start: first.0,
            end: last.0,
            ticks,
            level: (level.is_finite() && level >= 0.0).then_some(level as u32),
            speed: None,
            end_reason: None,
        });
    }
    phases
}
