//! Rolling means and the judge over them: what stops a stress scenario, live and in re-analysis.
//!
//! A window is a length of time, not a number of samples, and it needs no full length: its mean is
//! over what is there (as in the replaced framework). A figure that was not measured takes no part
//! in its mean.

use std::collections::{BTreeMap, VecDeque};

use crate::analysis::stats::mean;
use crate::config::StressLimits;
use crate::model::event::Trigger;

use super::Work;

/// What one tick says about one container, all percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ContainerReading<'a> {
    /// The container's key.
    pub name: &'a str,
    /// Working set, percent of the limit; absent without a limit.
    pub memory_percent: Option<f64>,
    /// CPU, percent of one core.
    pub cpu_percent: Option<f64>,
    /// Throttled quota periods, percent.
    pub throttled_percent: Option<f64>,
}

/// What one tick says about the machine, all percent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct HostReading {
    /// Busy share of all cores; absent for a remote engine.
    pub cpu_percent: Option<f64>,
    /// Share of time in which all tasks waited for memory.
    pub psi_memory_full_percent: Option<f64>,
}

/// What is known about one container when it is judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ContainerLimits {
    /// Cores it can use: effective cores, else its CPU limit, else the host's.
    pub cores: f64,
    /// Memory threshold of its own, percent of the limit.
    pub memory_percent: Option<f64>,
    /// CPU threshold of its own, percent of its cores.
    pub cpu_percent: Option<f64>,
    /// Never judged.
    pub ignore: bool,
}

impl Default for ContainerLimits {
    fn default() -> Self {
        ContainerLimits { cores: 1.0, memory_percent: None, cpu_percent: None, ignore: false }
    }
}

/// A container's means over the window.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Means {
    /// Working set, percent of the limit.
    pub memory_percent: Option<f64>,
    /// CPU, percent of one core.
    pub cpu_percent: Option<f64>,
    /// Throttled quota periods, percent.
    pub throttled_percent: Option<f64>,
}

#[derive(Debug, Clone)]
struct Row {
    at: f64,
    /// Memory, CPU, throttled by index into `names`.
    containers: Vec<(usize, [Option<f64>; 3])>,
    host: HostReading,
    load: Vec<(String, f64)>,
    /// GPU memory, percent of what the GPU has, by key.
    devices: Vec<(String, f64)>,
    metrics: Vec<(String, f64)>,
    /// Requests that came to an end since the tick before.
    work: Option<Work>,
}

/// The last ticks within a window, and means over them.
#[derive(Debug, Clone)]
pub struct RollingMeans {
    window: f64,
    names: Vec<String>,
    rows: VecDeque<Row>,
}

impl RollingMeans {
    /// An empty window of `seconds`.
    #[must_use]
    pub fn new(seconds: f64) -> RollingMeans {
        RollingMeans { window: seconds, names: Vec::new(), rows: VecDeque::new() }
    }

    /// Forgets all ticks (a new scenario or step begins).
    pub fn clear(&mut self) {
        self.rows.clear();
    }

    /// Adds a tick at `at` seconds and drops what is a window's length or more before it.
    pub fn push<'a>(
        &mut self,
        at: f64,
        containers: &[ContainerReading<'_>],
        host: HostReading,
        load: impl IntoIterator<Item = (&'a str, f64)>,
    ) {
        let containers = containers
            .iter()
            .enumerate()
            .map(|(place, c)| {
                let values = [c.memory_percent, c.cpu_percent, c.throttled_percent];
                (self.index_of(place, c.name), values.map(|v| v.filter(|v| v.is_finite())))
            })
            .collect();
        let load = load
            .into_iter()
            .filter(|(_, value)| value.is_finite())
            .map(|(name, value)| (name.to_string(), value))
            .collect();
        self.rows.push_back(Row {
            at,
            containers,
            host,
            load,
            devices: Vec::new(),
            metrics: Vec::new(),
            work: None,
        });
        let oldest = at - self.window;
        while self.rows.front().is_some_and(|row| row.at <= oldest) && self.rows.len() > 1 {
            self.rows.pop_front();
        }
    }

    /// Adds what the latest tick says about GPUs: memory, percent of what each has, by key.
    pub fn push_devices<'a>(&mut self, devices: impl IntoIterator<Item = (&'a str, f64)>) {
        let Some(row) = self.rows.back_mut() else { return };
        let measured = devices.into_iter().filter(|(_, percent)| percent.is_finite());
        row.devices.extend(measured.map(|(key, percent)| (key.to_string(), percent)));
    }

    /// Mean memory of each GPU over the window, percent of what it has, by key.
    #[must_use]
    pub fn device_means(&self) -> BTreeMap<&str, f64> {
        let mut sums: BTreeMap<&str, (f64, u32)> = BTreeMap::new();
        for (key, percent) in self.rows.iter().flat_map(|row| &row.devices) {
            let (sum, count) = sums.entry(key).or_default();
            *sum += percent;
            *count += 1;
        }
        sums.into_iter().map(|(key, (sum, count))| (key, sum / f64::from(count))).collect()
    }

    /// Adds the metrics of the tick that was pushed last.
    pub fn push_metrics<'a>(&mut self, metrics: impl IntoIterator<Item = (&'a str, f64)>) {
        if let Some(row) = self.rows.back_mut() {
            let finite = metrics.into_iter().filter(|(_, value)| value.is_finite());
            row.metrics.extend(finite.map(|(name, value)| (name.to_string(), value)));
        }
    }

    /// Adds what became of the load's requests in the interval of the tick that was pushed last.
    pub fn push_work(&mut self, work: Option<Work>) {
        if let Some(row) = self.rows.back_mut() {
            row.work = work;
        }
    }

    /// Share of the load's requests within the window that failed, percent.
    #[must_use]
    pub fn failed_percent(&self) -> Option<f64> {
        self.rows.iter().filter_map(|row| row.work).reduce(Work::and)?.failed_percent()
    }

    /// Containers come in the same order tick after tick, so that the `place` is usually the index.
    fn index_of(&mut self, place: usize, name: &str) -> usize {
        if self.names.get(place).is_some_and(|known| known == name) {
            return place;
        }
        match self.names.iter().position(|known| known == name) {
            Some(at) => at,
            None => {
                self.names.push(name.to_string());
                self.names.len() - 1
            }
        }
    }

    /// Means of each container seen in the window, by key.
    #[must_use]
    pub fn means(&self) -> BTreeMap<&str, Means> {
        let mut sums = vec![[(0.0, 0u32); 3]; self.names.len()];
        let mut seen = vec![false; self.names.len()];
        for (index, values) in self.rows.iter().flat_map(|row| &row.containers) {
            seen[*index] = true;
            for (sum, value) in sums[*index].iter_mut().zip(values) {
                if let Some(value) = value {
                    *sum = (sum.0 + value, sum.1 + 1);
                }
            }
        }
        let over = |(sum, count): (f64, u32)| (count > 0).then(|| sum / f64::from(count));
        self.names
            .iter()
            .zip(sums)
            .zip(seen)
            .filter(|(_, seen)| *seen)
            .map(|((name, [memory, cpu, throttled]), _)| {
                let means = Means {
                    memory_percent: over(memory),
                    cpu_percent: over(cpu),
                    throttled_percent: over(throttled),
                };
                (name.as_str(), means)
            })
            .collect()
    }

    /// Mean busy share of the machine and of its memory stalls over the window.
    #[must_use]
    pub fn host_means(&self) -> HostReading {
        HostReading {
            cpu_percent: mean(self.rows.iter().filter_map(|row| row.host.cpu_percent)),
            psi_memory_full_percent: mean(
                self.rows.iter().filter_map(|row| row.host.psi_memory_full_percent),
            ),
        }
    }

    /// Mean of a load metric over the window.
    #[must_use]
    pub fn load_mean(&self, name: &str) -> Option<f64> {
        let all = self.rows.iter().flat_map(|row| &row.load);
        mean(all.filter(|(known, _)| known == name).map(|(_, v)| *v))
    }

    /// Mean of a metric of the config over the window.
    #[must_use]
    pub fn metric_mean(&self, name: &str) -> Option<f64> {
        let all = self.rows.iter().flat_map(|row| &row.metrics);
        mean(all.filter(|(known, _)| known == name).map(|(_, v)| *v))
    }

    /// What has reached its threshold, if anything: containers before GPUs before load before
    /// metrics before the host, and among containers memory before CPU before throttling; of several
    /// the one that is furthest over its threshold. Reached means `>=` (PSI and failed requests: `>`).
    ///
    /// `containers` gives the cores by which the CPU threshold is scaled; one that is not in it is
    /// judged by one core.
    #[must_use]
    pub fn judge(
        &self,
        limits: &StressLimits,
        containers: &BTreeMap<String, ContainerLimits>,
    ) -> Option<Trigger> {
        let means = self.means();
        let known = |name: &str| containers.get(name).copied().unwrap_or_default();
        let judged: Vec<(&str, Means, ContainerLimits)> = means
            .iter()
            .map(|(name, means)| (*name, *means, known(name)))
            .filter(|(_, _, own)| !own.ignore)
            .collect();
        memory_trigger(&judged, limits)
            .or_else(|| cpu_trigger(&judged, limits))
            .or_else(|| throttled_trigger(&judged, limits))
            .or_else(|| self.device_trigger(limits))
            .or_else(|| self.load_trigger(limits))
            .or_else(|| self.metric_trigger(limits))
            .or_else(|| self.host_trigger(limits))
    }

    fn device_trigger(&self, limits: &StressLimits) -> Option<Trigger> {
        let threshold = limits.gpu_memory_percent?;
        let means = self.device_means();
        worst(
            means.into_iter().map(|(key, mean)| trigger(key, "gpu_memory", mean, threshold, None)),
        )
    }

    fn load_trigger(&self, limits: &StressLimits) -> Option<Trigger> {
        let failed = pair(self.failed_percent(), limits.failed_percent)
            .filter(|(value, threshold)| value > threshold)
            .map(|(value, threshold)| trigger("load", FAILED, value, threshold, None));
        if failed.is_some() {
            return failed;
        }
        let (below, above) = (&limits.load_below, &limits.load_above);
        named_trigger("load", below, above, |name| self.load_mean(name))
    }

    fn metric_trigger(&self, limits: &StressLimits) -> Option<Trigger> {
        let (below, above) = (&limits.metric_below, &limits.metric_above);
        named_trigger("metric", below, above, |name| self.metric_mean(name))
    }

    fn host_trigger(&self, limits: &StressLimits) -> Option<Trigger> {
        let host = self.host_means();
        let cpu = pair(host.cpu_percent, limits.host_cpu_percent)
            .filter(|(value, threshold)| value >= threshold)
            .map(|(value, threshold)| trigger("host", "cpu", value, threshold, None));
        cpu.or_else(|| {
            pair(host.psi_memory_full_percent, limits.host_psi_memory_full_percent)
                .filter(|(value, threshold)| value > threshold)
                .map(|(value, threshold)| trigger("host", "psi_memory", value, threshold, None))
        })
    }
}

/// The metric of a trigger: the load's requests failed.
const FAILED: &str = "failed";

/// The first of these numbers that is at or beyond its threshold.
fn named_trigger(
    of: &str,
    below: &BTreeMap<String, f64>,
    above: &BTreeMap<String, f64>,
    mean: impl Fn(&str) -> Option<f64>,
) -> Option<Trigger> {
    let below = below.iter().map(|(name, at)| (name, at, true));
    let above = above.iter().map(|(name, at)| (name, at, false));
    below.chain(above).find_map(|(name, &threshold, is_floor)| {
        let value = mean(name)?;
        let reached = if is_floor { value <= threshold } else { value >= threshold };
        reached.then(|| trigger(of, name, value, threshold, None))
    })
}

type Judged<'a> = (&'a str, Means, ContainerLimits);

fn memory_trigger(judged: &[Judged<'_>], limits: &StressLimits) -> Option<Trigger> {
    worst(judged.iter().filter_map(|(name, means, own)| {
        let threshold = own.memory_percent.unwrap_or(limits.memory_percent);
        Some(trigger(name, "memory", means.memory_percent?, threshold, None))
    }))
}

fn cpu_trigger(judged: &[Judged<'_>], limits: &StressLimits) -> Option<Trigger> {
    worst(judged.iter().filter_map(|(name, means, own)| {
        let threshold = own.cpu_percent.unwrap_or(limits.cpu_percent) * own.cores;
        let value = means.cpu_percent?;
        Some(trigger(name, "cpu", value, threshold, Some(own.cores)))
    }))
}

fn throttled_trigger(judged: &[Judged<'_>], limits: &StressLimits) -> Option<Trigger> {
    let threshold = limits.throttled_percent?;
    worst(judged.iter().filter_map(|(name, means, _)| {
        let value = means.throttled_percent?;
        Some(trigger(name, "throttled", value, threshold, None))
    }))
}

/// Of those that reached their threshold, the one furthest over it.
fn worst(candidates: impl Iterator<Item = Trigger>) -> Option<Trigger> {
    candidates.filter(|t| t.value >= t.threshold).max_by(|a, b| over(a).total_cmp(&over(b)))
}

fn over(trigger: &Trigger) -> f64 {
    trigger.value / trigger.threshold
}

fn trigger(
    container: &str,
    metric: &str,
    value: f64,
    threshold: f64,
    cores: Option<f64>,
) -> Trigger {
    Trigger {
        container: container.to_string(),
        metric: metric.to_string(),
        value,
        threshold,
        cores,
    }
}

fn pair(value: Option<f64>, threshold: Option<f64>) -> Option<(f64, f64)> {
    value.zip(threshold)
}

#[cfg(test)]
mod tests;
