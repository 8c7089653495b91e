//! Thresholds while a run goes on: feeds each tick to the rolling means and asks the judge.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::analysis::capacity::Work;
use crate::analysis::capacity::window::{
    ContainerLimits, ContainerReading, HostReading, RollingMeans,
};
use crate::config::{Config, PhaseConfig, StressLimits};
use crate::model::event::Trigger;
use crate::model::rates::derive_device;
use crate::model::{Container, Figure};

use super::ticker::Taken;

/// Judges the ticks of a scenario.
pub struct Judge {
    limits: StressLimits,
    config: Arc<Config>,
    host_cores: f64,
    means: RollingMeans,
    judges: bool,
    level: Level,
    /// What the load had counted at the tick before.
    counted: Option<Work>,
}

impl Judge {
    /// A judge of a scenario with these limits.
    #[must_use]
    pub fn new(limits: &StressLimits, config: &Arc<Config>) -> Judge {
        Judge {
            limits: limits.clone(),
            config: Arc::clone(config),
            host_cores: std::thread::available_parallelism().map_or(1.0, |n| n.get() as f64),
            means: RollingMeans::new(limits.window.as_secs_f64()),
            judges: false,
            level: Level::new(),
            counted: None,
        }
    }

    /// A phase begins. Where its load is not that of the phase before (a new speed step), the
    /// window starts anew; a ramp goes on with the window that its idle phase filled.
    pub fn begin_phase(&mut self, phase: &PhaseConfig) {
        self.judges = phase.until.threshold || phase.until.threshold_at_end;
        if !self.judges || phase.until.threshold_at_end {
            self.means.clear();
        }
    }

    /// Adds a tick.
    pub fn tick(&mut self, taken: &Taken, containers: &[Container]) {
        let readings: Vec<ContainerReading<'_>> = taken
            .rates
            .iter()
            .map(|(name, figures)| ContainerReading {
                name,
                memory_percent: figures.get(Figure::MemoryPercent),
                cpu_percent: figures.get(Figure::CpuPercent),
                throttled_percent: figures.get(Figure::CpuThrottledPercent),
            })
            .collect();
        let host = HostReading {
            cpu_percent: taken.machine.get(Figure::HostCpuPercent),
            psi_memory_full_percent: taken.machine.get(Figure::HostPsiMemoryFullPercent),
        };
        let load = taken.tick.load.metrics.iter().map(|(name, value)| (name.as_str(), *value));
        let counted = Work::counted(load.clone());
        let before = std::mem::replace(&mut self.counted, counted);
        let work = counted.zip(before).and_then(|(now, before)| now.since(before));
        let metrics = taken.metrics.iter().map(|(name, value)| (name.as_str(), *value));
        self.means.push(taken.tick.at, &readings, host, load.clone());
        self.means.push_devices(gpu_memory(taken));
        self.means.push_metrics(metrics.clone());
        self.means.push_work(work);
        let queued = taken.tick.load.queued.unwrap_or(0);
        if queued != self.level.queued {
            self.close_level(containers);
            self.level = Level { queued, ..self.level.next() };
        } else if queued > 0 {
            // Only ticks whose whole interval lies within the level are its own.
            self.level.means.push(taken.tick.at, &readings, host, load);
            self.level.means.push_devices(gpu_memory(taken));
            self.level.means.push_metrics(metrics);
            self.level.means.push_work(work);
            self.level.ticks += 1;
        }
    }

    /// The highest level below the first whose own mean reached a threshold; absent where the
    /// levels are shorter than a tick.
    #[must_use]
    pub fn sustained(&self) -> Option<u32> {
        self.level.sustained
    }

    fn close_level(&mut self, containers: &[Container]) {
        if self.level.ticks == 0 || self.level.gave_in {
            return;
        }
        let limits = limits_of(containers, &self.config, self.host_cores);
        match self.level.means.judge(&self.limits, &limits) {
            Some(_) => self.level.gave_in = true,
            None => self.level.sustained = Some(self.level.queued),
        }
    }

    /// What the rolling means reach now, in a phase that asks.
    #[must_use]
    pub fn reached(&self, containers: &[Container]) -> Option<Trigger> {
        if !self.judges {
            return None;
        }
        self.means.judge(&self.limits, &limits_of(containers, &self.config, self.host_cores))
    }
}

/// Memory of each GPU, percent of what it has.
fn gpu_memory(taken: &Taken) -> impl Iterator<Item = (&str, f64)> {
    taken.tick.devices.iter().filter_map(|(key, figures)| {
        Some((key.as_str(), derive_device(figures).get(Figure::GpuMemoryPercent)?))
    })
}

/// The ticks of one load level, and what the levels before it were found to be.
struct Level {
    queued: u32,
    ticks: u32,
    means: RollingMeans,
    sustained: Option<u32>,
    gave_in: bool,
}

impl Level {
    fn new() -> Level {
        let means = RollingMeans::new(f64::INFINITY);
        Level { queued: 0, ticks: 0, means, sustained: None, gave_in: false }
    }

    /// The level after this one: what was found stays.
    fn next(&self) -> Level {
        Level { sustained: self.sustained, gave_in: self.gave_in, ..Level::new() }
    }
}

/// Cores and thresholds of each container: the configured effective cores, else its CPU limit, else
/// the host's.
#[must_use]
pub fn limits_of(
    containers: &[Container],
    config: &Config,
    host_cores: f64,
) -> BTreeMap<String, ContainerLimits> {
    containers
        .iter()
        .map(|container| {
            let own = config.containers.get(&container.name).cloned().unwrap_or_default();
            let cores = own.effective_cores.or(container.limits.cpus).unwrap_or(host_cores);
            let limits = ContainerLimits {
                cores,
                memory_percent: own.memory_percent,
                cpu_percent: own.cpu_percent,
                ignore: own.ignore,
            };
            (container.name.clone(), limits)
        })
        .collect()
}
