//! Puts together what an observer is shown at a tick.

use crate::config::PhaseConfig;
use crate::model::units::bytes_to_mb;
use crate::model::{Figure, FigureSet};
use crate::scenario::Planned;
use crate::scenario::plan::drives_load;
use crate::scenario::record::Record;

use super::live::{ContainerView, View};
use super::ticker::Taken;

/// The view of a tick that was due at `due` seconds, `start` being the start of its phase.
#[must_use]
pub fn of(planned: &Planned, phase: &PhaseConfig, record: &Record, taken: &Taken) -> View {
    let load = &taken.tick.load;
    let mut containers: Vec<ContainerView> =
        taken.rates.iter().map(|(name, figures)| container(name, figures)).collect();
    let by_cpu = |view: &ContainerView| view.cpu.unwrap_or(-1.0);
    containers.sort_by(|a, b| by_cpu(b).total_cmp(&by_cpu(a)));
    let until = &phase.until;
    View {
        scenario: planned.spec.name.clone(),
        phase: phase.name.clone(),
        elapsed: taken.tick.at - record.phase_started(),
        planned: until.after.map(|d| d.as_secs_f64()),
        conditional: until.threshold || until.drained || until.level_reached,
        level: drives_load(&planned.spec).then(|| (load.active, record.level())),
        speed: load.speed,
        load_state: load.state.clone(),
        containers,
        host_cpu: taken.machine.get(Figure::HostCpuPercent),
        gaps: taken.tick.gaps.len(),
    }
}

fn container(name: &str, figures: &FigureSet) -> ContainerView {
    ContainerView {
        name: name.to_string(),
        cpu: figures.get(Figure::CpuPercent),
        memory_mb: figures.get(Figure::MemoryWorkingSetBytes).map(bytes_to_mb),
        memory_percent: figures.get(Figure::MemoryPercent),
    }
}
