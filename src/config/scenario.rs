//! Scenarios, as configured: the numbers of the built-in ones, and the parts that a user's own is
//! written from. Defaults are the numbers of the replaced framework.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Reset, seconds, some_seconds};

/// Baseline: the idle stack.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Baseline {
    /// Time left out at the start.
    #[serde(serialize_with = "seconds")]
    pub warmup: Duration,
    /// Time sampled.
    #[serde(serialize_with = "seconds")]
    pub length: Duration,
    /// Sampling interval.
    #[serde(serialize_with = "seconds")]
    pub interval: Duration,
}

impl Default for Baseline {
    fn default() -> Self {
        Baseline { warmup: secs(10), length: secs(30), interval: secs(2) }
    }
}

/// What stops a stress scenario (and a speed step), beside its time limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StressLimits {
    /// Rolling mean of memory, percent of the limit.
    pub memory_percent: f64,
    /// Rolling mean of CPU, percent of the container's cores.
    pub cpu_percent: f64,
    /// Throttled share of quota periods, percent; absent: reported only.
    pub throttled_percent: Option<f64>,
    /// Rolling mean of a GPU's memory, percent of what it has; absent: not judged.
    pub gpu_memory_percent: Option<f64>,
    /// Busy share of all the host's cores, percent; absent: not judged.
    pub host_cpu_percent: Option<f64>,
    /// Share of time in which all tasks of the host waited for memory, percent.
    pub host_psi_memory_full_percent: Option<f64>,
    /// Share of the load's requests that failed in the window, percent: more is not carried; absent:
    /// not judged.
    pub failed_percent: Option<f64>,
    /// A load metric below its value, by name (`real_time_ratio = 0.8`).
    pub load_below: BTreeMap<String, f64>,
    /// A load metric above its value, by name.
    pub load_above: BTreeMap<String, f64>,
    /// A metric of the config below its value, by name (`health.NAME`: a check's latency, ms).
    pub metric_below: BTreeMap<String, f64>,
    /// A metric of the config above its value, by name.
    pub metric_above: BTreeMap<String, f64>,
    /// Length of the rolling window.
    #[serde(serialize_with = "seconds", deserialize_with = "super::from_seconds")]
    pub window: Duration,
}

impl Default for StressLimits {
    fn default() -> Self {
        StressLimits {
            memory_percent: 90.0,
            cpu_percent: 90.0,
            throttled_percent: None,
            gpu_memory_percent: Some(95.0),
            host_cpu_percent: Some(90.0),
            host_psi_memory_full_percent: Some(10.0),
            failed_percent: Some(5.0),
            load_below: BTreeMap::new(),
            load_above: BTreeMap::new(),
            metric_below: BTreeMap::new(),
            metric_above: BTreeMap::new(),
            window: secs(10),
        }
    }
}

/// Stress: add load until something gives in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stress {
    /// Level added per batch (drivers; riders follow).
    pub batch: u32,
    /// Time between batches.
    #[serde(serialize_with = "seconds")]
    pub every: Duration,
    /// Sampling interval.
    #[serde(serialize_with = "seconds")]
    pub interval: Duration,
    /// Time limit.
    #[serde(serialize_with = "seconds")]
    pub limit: Duration,
    /// What stops it.
    pub limits: StressLimits,
    /// How often the boundary is tried again after the ramp; 0: not at all.
    pub trials: u32,
    /// Level added per batch in a trial.
    pub trial_batch: u32,
    /// Time between batches in a trial.
    #[serde(serialize_with = "seconds")]
    pub trial_every: Duration,
    /// The load metric that stands for throughput; absent: level times real-time ratio.
    pub throughput: Option<String>,
}

impl Default for Stress {
    fn default() -> Self {
        Stress {
            batch: 10,
            every: secs(3),
            interval: secs(2),
            limit: secs(30 * 60),
            limits: StressLimits::default(),
            trials: 0,
            trial_batch: 5,
            trial_every: secs(10),
            throughput: None,
        }
    }
}

/// Duration/leak: active, drain, cooldown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DurationLeak {
    /// Level; by default half of what stress reached.
    pub level: Level,
    /// Speed multiplier while active.
    pub speed: f64,
    /// Time for all agents to be there.
    #[serde(serialize_with = "seconds")]
    pub spawn_timeout: Duration,
    /// Time left out once they are there.
    #[serde(serialize_with = "seconds")]
    pub settle: Duration,
    /// Length of the active phase.
    #[serde(serialize_with = "seconds")]
    pub active: Duration,
    /// Its sampling interval.
    #[serde(serialize_with = "seconds")]
    pub active_interval: Duration,
    /// Longest drain.
    #[serde(serialize_with = "seconds")]
    pub drain_timeout: Duration,
    /// Its sampling interval.
    #[serde(serialize_with = "seconds")]
    pub drain_interval: Duration,
    /// Length of the cooldown.
    #[serde(serialize_with = "seconds")]
    pub cooldown: Duration,
    /// Its sampling interval.
    #[serde(serialize_with = "seconds")]
    pub cooldown_interval: Duration,
    /// How often load and drain are repeated.
    pub cycles: u32,
}

impl Default for DurationLeak {
    fn default() -> Self {
        DurationLeak {
            level: Level::reference("stress.max_level", 2.0),
            speed: 1.0,
            spawn_timeout: secs(120),
            settle: secs(5),
            active: secs(300),
            active_interval: secs(2),
            drain_timeout: secs(600),
            drain_interval: secs(4),
            cooldown: secs(600),
            cooldown_interval: secs(8),
            cycles: 1,
        }
    }
}

/// Speed scaling: the same load, ever faster.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpeedScaling {
    /// Base level; by default the duration level.
    pub level: Level,
    /// Level of every step, whatever the multiplier; absent: max(1, base / multiplier).
    pub fixed_level: Option<u32>,
    /// The multipliers, in order.
    pub multipliers: Vec<f64>,
    /// Length of a step.
    #[serde(serialize_with = "seconds")]
    pub step: Duration,
    /// Sampling interval.
    #[serde(serialize_with = "seconds")]
    pub interval: Duration,
    /// Time for all agents to be there.
    #[serde(serialize_with = "seconds")]
    pub spawn_timeout: Duration,
    /// Time left out once they are there.
    #[serde(serialize_with = "seconds")]
    pub settle: Duration,
    /// What stops it; judged on the last window of a step.
    pub limits: StressLimits,
}

impl Default for SpeedScaling {
    fn default() -> Self {
        SpeedScaling {
            level: Level::reference("duration.level", 1.0),
            fixed_level: None,
            multipliers: (1..=10).map(|power| f64::from(1u32 << power)).collect(),
            step: secs(480),
            interval: secs(2),
            spawn_timeout: secs(120),
            settle: secs(5),
            limits: StressLimits::default(),
        }
    }
}

/// A load level: a number, or a reference to what an earlier scenario found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// So many.
    Fixed(u32),
    /// `stress.max_level`, `stress.sustained_level` or `duration.level`, divided and rounded down,
    /// but at least 1.
    Reference {
        /// What is referred to.
        of: String,
        /// What it is divided by.
        divisor: f64,
    },
}

impl Level {
    /// A reference.
    #[must_use]
    pub fn reference(of: &str, divisor: f64) -> Level {
        Level::Reference { of: of.to_string(), divisor }
    }
}

/// A scenario written by a user: `[[scenario]]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScenarioConfig {
    /// What `-s` takes, and its key in results.json.
    pub name: String,
    /// Reset before it; absent: as `stack.reset` says. It can only ask for less.
    pub reset: Option<Reset>,
    /// An OOM kill ends it.
    pub stop_on_oom: bool,
    /// An OOM kill in it is no finding that fails the run.
    pub expect_oom: bool,
    /// What `threshold` in `until` means.
    pub limits: StressLimits,
    /// Its phases, in order.
    pub phases: Vec<PhaseConfig>,
}

/// One phase of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhaseConfig {
    /// Its name.
    pub name: String,
    /// Sampling interval.
    #[serde(serialize_with = "seconds")]
    pub interval: Duration,
    /// Whether its ticks are results; a warm-up's are not.
    pub sampled: bool,
    /// What is done to the load when it begins, in order.
    pub actions: Vec<Action>,
    /// What ends it: whichever comes first.
    pub until: Until,
    /// Whether a threshold reached in it ends the scenario too.
    pub threshold_ends_scenario: bool,
}

/// What is done to the load.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Start the driven system.
    Start,
    /// Add load up to a level.
    Reach(Level),
    /// Add `batch` every `every`, from what is there, until the phase ends.
    Ramp {
        /// Level per batch.
        batch: u32,
        /// Time between batches.
        #[serde(serialize_with = "seconds")]
        every: Duration,
    },
    /// Stop new work, let the rest finish.
    Pause,
    /// Go on.
    Resume,
    /// Set the speed multiplier.
    Speed(f64),
    /// Take all load away (the driven system's own reset).
    Reset,
    /// From now on this task of the load only, until the next `Reset`.
    Only(String),
}

/// What ends a phase: whichever comes first. At least one is given.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Until {
    /// So long.
    #[serde(serialize_with = "some_seconds")]
    pub after: Option<Duration>,
    /// The load is drained.
    pub drained: bool,
    /// The level asked for is there.
    pub level_reached: bool,
    /// A threshold of the scenario's limits is reached, judged at every tick.
    pub threshold: bool,
    /// The threshold is judged once, when the phase ends (on its last window).
    pub threshold_at_end: bool,
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
