//! What stopped stress, at which level, and how much room everything else had.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::analysis::dataset::ScenarioData;
use crate::analysis::findings::is_failed_load;
use crate::analysis::settings::Settings;
use crate::analysis::stats::mean;
use crate::config::StressLimits;
use crate::model::Figure;
use crate::model::event::Trigger;
use crate::model::rates::THROTTLED_PERCENT;

use super::levels::{LevelMean, levels, sustained};
use super::readings::push_tick;
use super::{ContainerLimits, RollingMeans};

/// What a stress scenario found out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Capacity {
    /// What stopped it; absent: the time limit, or an abort.
    pub trigger: Option<Trigger>,
    /// Level queued at the trigger.
    pub max_level: Option<u32>,
    /// Highest level that was carried; absent where the ramp was too fast to tell.
    pub sustained_level: Option<u32>,
    /// The lowest level that was not carried by its own mean, and what that reached.
    pub not_carried: Option<(u32, Trigger)>,
    /// Even the lowest level tried was too much.
    pub carries_nothing: bool,
    /// Level queued when a container was first throttled in 25 % of its periods.
    pub first_throttled_at_level: BTreeMap<String, u32>,
    /// Each container at its worst and at the end.
    pub containers: Vec<ContainerCapacity>,
    /// Mean share of all cores that was busy in the last window, percent.
    pub host_cpu_percent: Option<f64>,
    /// Mean share stolen by the hypervisor, percent.
    pub host_steal_percent: Option<f64>,
    /// It was aborted (OOM, interrupt).
    pub aborted: bool,
}

/// One container under stress.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContainerCapacity {
    /// Its key.
    pub name: String,
    /// Highest sample of memory, percent of the limit.
    pub peak_memory_percent: Option<f64>,
    /// Highest sample of CPU, percent of one core.
    pub peak_cpu_percent: Option<f64>,
    /// Mean of the last window, percent of the limit.
    pub memory_percent: Option<f64>,
    /// Mean of the last window, percent of one core.
    pub cpu_percent: Option<f64>,
    /// Its CPU threshold, percent of one core.
    pub cpu_threshold: f64,
    /// What was left below the nearer of its two thresholds at the end, percent of it; negative
    /// beyond.
    pub headroom_percent: Option<f64>,
}

impl Capacity {
    /// Which container's which figure gives in first, in words; absent where nothing did.
    #[must_use]
    pub fn bottleneck(&self) -> Option<String> {
        let trigger = self.trigger.as_ref()?;
        if trigger.container == "host" {
            return Some("host-bound: no container reached its limit".to_string());
        }
        if is_failed_load(trigger) {
            return Some("requests fail".to_string());
        }
        Some(format!("{} {}", trigger.container, trigger.metric))
    }

    /// Of the other containers the one that is nearest to a threshold of its own, and what it has
    /// left of it, percent.
    #[must_use]
    pub fn next(&self, settings: &Settings) -> Option<(&str, f64)> {
        let gave_in = self.trigger.as_ref().map_or("", |trigger| trigger.container.as_str());
        self.containers
            .iter()
            .filter(|c| c.name != gave_in && !settings.ignores(&c.name))
            .filter_map(|c| Some((c.name.as_str(), c.headroom_percent?)))
            .min_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// Reads capacity off a stress scenario. The recorded trigger counts; where the record is missing
/// (a killed run) the ticks are judged again.
#[must_use]
pub fn capacity(
    scenario: &ScenarioData,
    limits: &StressLimits,
    containers: &BTreeMap<String, ContainerLimits>,
) -> Capacity {
    let recorded = scenario.metadata.get("trigger");
    let (trigger, last) = match recorded {
        Some(value) => (read_trigger(value), scenario.time.len()),
        None => judged(scenario, limits, containers),
    };
    let steps = levels(scenario, limits, containers);
    let is_complete = recorded.is_some() || trigger.is_some();
    let end = window_at(scenario, limits, last);
    let host = end.host_means();
    let steal = scenario.host.get(Figure::HostStealPercent).unwrap_or_default();
    Capacity {
        max_level: max_level(scenario, last),
        sustained_level: sustained(&steps, trigger.is_some() || !is_complete),
        not_carried: steps.iter().find_map(|step| Some((step.level, step.reached.clone()?))),
        carries_nothing: carries_nothing(&steps, trigger.is_some()),
        first_throttled_at_level: first_throttled(scenario),
        containers: scenario
            .containers
            .iter()
            .map(|series| one(scenario, &series.name, &end, limits, containers))
            .collect(),
        host_cpu_percent: host.cpu_percent,
        host_steal_percent: mean(steal.iter().copied()),
        aborted: scenario.aborted,
        trigger,
    }
}

/// By its own mean, or since stress was stopped at it.
fn carries_nothing(steps: &[LevelMean], is_stopped: bool) -> bool {
    let by_its_mean = steps.first().is_some_and(|step| step.reached.is_some());
    by_its_mean || (is_stopped && steps.len() == 1)
}

/// A trigger as results.json writes it; null and incomplete ones are none.
#[must_use]
pub fn read_trigger(value: &Value) -> Option<Trigger> {
    Some(Trigger {
        container: value.get("container")?.as_str()?.to_string(),
        metric: value.get("metric")?.as_str()?.to_string(),
        value: value.get("value")?.as_f64()?,
        threshold: value.get("threshold").and_then(Value::as_f64)?,
        cores: value.get("cores").and_then(Value::as_f64),
    })
}

/// The first trigger under load, and how many ticks there were up to it.
fn judged(
    scenario: &ScenarioData,
    limits: &StressLimits,
    containers: &BTreeMap<String, ContainerLimits>,
) -> (Option<Trigger>, usize) {
    let mut means = RollingMeans::new(limits.window.as_secs_f64());
    for row in 0..scenario.time.len() {
        push_tick(&mut means, scenario, row);
        let is_loaded = scenario.queued.get(row).is_some_and(|q| *q > 0.0);
        if let Some(trigger) = means.judge(limits, containers).filter(|_| is_loaded) {
            return (Some(trigger), row + 1);
        }
    }
    (None, scenario.time.len())
}

fn window_at(scenario: &ScenarioData, limits: &StressLimits, ticks: usize) -> RollingMeans {
    let mut means = RollingMeans::new(limits.window.as_secs_f64());
    let end = scenario.time.get(ticks.saturating_sub(1)).copied().unwrap_or(0.0);
    let start = scenario.time.partition_point(|t| *t <= end - limits.window.as_secs_f64());
    for row in start..ticks {
        push_tick(&mut means, scenario, row);
    }
    means
}

fn max_level(scenario: &ScenarioData, ticks: usize) -> Option<u32> {
    let recorded = ["max_level", "drivers_queued"]
        .into_iter()
        .find_map(|key| scenario.metadata.get(key).and_then(Value::as_u64));
    let seen = || {
        let queued = scenario.queued.iter().take(ticks);
        queued.filter(|q| q.is_finite()).copied().reduce(f64::max).map(|q| q as u64)
    };
    recorded.or_else(seen).and_then(|level| u32::try_from(level).ok())
}

fn first_throttled(scenario: &ScenarioData) -> BTreeMap<String, u32> {
    let first = |name: &str, column: &[f64]| {
        column
            .iter()
            .zip(&scenario.queued)
            .find(|(throttled, queued)| **throttled >= THROTTLED_PERCENT && **queued > 0.0)
            .map(|(_, queued)| (name.to_string(), *queued as u32))
    };
    scenario
        .containers
        .iter()
        .filter_map(|series| first(&series.name, series.columns.get(Figure::CpuThrottledPercent)?))
        .collect()
}

fn one(
    scenario: &ScenarioData,
    name: &str,
    end: &RollingMeans,
    limits: &StressLimits,
    containers: &BTreeMap<String, ContainerLimits>,
) -> ContainerCapacity {
    let own = containers.get(name).copied().unwrap_or_default();
    let means = end.means().get(name).copied().unwrap_or_default();
    let peak = |figure| {
        let column = scenario.series(name).and_then(|series| series.columns.get(figure));
        column.unwrap_or_default().iter().copied().filter(|v| v.is_finite()).reduce(f64::max)
    };
    let memory_threshold = own.memory_percent.unwrap_or(limits.memory_percent);
    let cpu_threshold = own.cpu_percent.unwrap_or(limits.cpu_percent) * own.cores;
    let used = |value: Option<f64>, threshold: f64| value.map(|v| v / threshold);
    let nearest =
        [used(means.memory_percent, memory_threshold), used(means.cpu_percent, cpu_threshold)]
            .into_iter()
            .flatten()
            .reduce(f64::max);
    ContainerCapacity {
        name: name.to_string(),
        peak_memory_percent: peak(Figure::MemoryPercent),
        peak_cpu_percent: peak(Figure::CpuPercent),
        memory_percent: means.memory_percent,
        cpu_percent: means.cpu_percent,
        cpu_threshold,
        headroom_percent: nearest.map(|share| 100.0 * (1.0 - share)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::dataset::Phase;

    /// Levels of five seconds with a tick each second; from `failing_from` on all requests fail.
    fn ramp(levels: &[u32], failing_from: u32) -> ScenarioData {
        let mut data = ScenarioData::new("stress_test");
        let (mut answered, mut failed) = (0.0, 0.0);
        let (mut requests, mut failures) = (Vec::new(), Vec::new());
        for level in levels {
            for _ in 0..5 {
                data.time.push(data.time.len() as f64);
                data.queued.push(f64::from(*level));
                let sum = if *level >= failing_from { &mut failed } else { &mut answered };
                *sum += f64::from(*level);
                requests.push(answered);
                failures.push(failed);
            }
        }
        data.load_metrics =
            vec![("requests.t".to_string(), requests), ("failures.t".to_string(), failures)];
        data
    }

    fn read(data: &ScenarioData, limits: &StressLimits) -> Capacity {
        capacity(data, limits, &BTreeMap::new())
    }

    #[test]
    fn a_service_that_answers_nothing_carries_no_level() {
        let found = read(&ramp(&[0, 20, 40, 60], 20), &StressLimits::default());
        let trigger = found.trigger.expect("failed requests");
        assert_eq!((trigger.container.as_str(), trigger.metric.as_str()), ("load", "failed"));
        assert_eq!((trigger.value, found.sustained_level), (100.0, None));
    }

    #[test]
    fn a_ramp_that_was_stopped_at_its_first_level_carried_none() {
        let mut data = ramp(&[0, 20], 99);
        let trigger = |value: serde_json::Value| serde_json::json!({"trigger": value});
        data.metadata = trigger(serde_json::json!({"container": "web", "metric": "cpu",
            "value": 95.0, "threshold": 90.0}));
        assert!(read(&data, &StressLimits::default()).carries_nothing);
        data.metadata = trigger(serde_json::Value::Null);
        assert!(!read(&data, &StressLimits::default()).carries_nothing);
    }

    #[test]
    fn the_level_below_the_one_that_failed_is_carried() {
        let data = ramp(&[0, 20, 40, 60], 60);
        assert_eq!(read(&data, &StressLimits::default()).sustained_level, Some(40));
        let off = StressLimits { failed_percent: None, ..StressLimits::default() };
        assert_eq!(read(&data, &off).trigger, None);
    }

    #[test]
    fn a_recording_without_these_figures_is_judged_as_before() {
        let mut data = ramp(&[0, 20, 40, 60], 20);
        data.load_metrics = vec![("real_time_ratio".to_string(), vec![1.0; data.time.len()])];
        data.metadata = serde_json::json!({"trigger": null});
        let found = read(&data, &StressLimits::default());
        assert_eq!((found.trigger, found.sustained_level), (None, Some(60)));
    }

    #[test]
    fn a_ramp_that_nothing_stopped_still_tells_what_its_levels_reached() {
        let mut data = ramp(&[0, 20, 40], 20);
        data.metadata = serde_json::json!({"trigger": null});
        let found = read(&data, &StressLimits::default());
        assert_eq!((found.trigger, found.sustained_level), (None, None));
        assert_eq!(
            found.not_carried.map(|(level, why)| (level, why.metric)),
            Some((20, "failed".into()))
        );
    }

    #[test]
    fn what_failed_before_the_load_was_reset_is_not_counted_against_the_next_trial() {
        let mut data = ramp(&[20, 20], 99);
        let phase = |name: &str, start: f64, end: f64, ticks| Phase {
            name: name.into(),
            start,
            end,
            ticks,
            level: None,
            speed: None,
            end_reason: None,
        };
        // Requests that fail between the two phases.
        data.load_metrics[1].1[5..].fill(500.0);
        data.phases = vec![phase("a", 0.0, 4.5, 0..5), phase("b", 4.5, 9.5, 5..10)];
        assert!(read(&data, &StressLimits::default()).trigger.is_some());
        data.phases[1].start = 9.0;
        assert_eq!(read(&data, &StressLimits::default()).trigger, None);
    }
}
