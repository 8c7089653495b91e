//! What is meant: the configuration after it was read, checked and completed with defaults.
//!
//! Nothing downstream asks what was typed. `read` turns TOML and `--set` into these types and
//! reports all problems at once, with line and key.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

mod address;
pub mod discover;
mod hook;
mod isolate;
mod load;
pub mod mask;
mod metric;
mod prometheus;
mod read;
mod resources;
mod scenario;
pub(crate) mod selector;
mod series;
mod stack;

pub use address::Address;
pub use hook::{HookAct, HookConfig, When};
pub use isolate::Isolate;
pub use load::{AgentsLoad, Call, HttpLoad, HttpTask, LoadConfig, Spawn};
pub use mask::masked_words;
pub use metric::{
    Aggregate, Endpoint, HealthConfig, HealthRule, MetricConfig, MetricKind, MetricRule, Pick,
};
pub use prometheus::PrometheusConfig;
pub use read::{ConfigText, Judgement, Place, Problem, Problems, judgement, read, read_file, size};
pub use resources::ResourceConfig;
pub use scenario::{
    Action, Baseline, DurationLeak, Level, PhaseConfig, ScenarioConfig, SpeedScaling, Stress,
    StressLimits, Until,
};
pub use selector::{Matcher, Selector};
pub use series::{SeriesConfig, TimeUnit};
pub use stack::{
    Compose, HealthProbe, Probe, ProcessService, Reset, RestartPolicy, StackConfig, StackKind,
};

use crate::model::SourceKind;

/// Every key with its default, as a commented config: what users read.
pub const REFERENCE: &str = include_str!("../../config/reference.toml");

/// Everything a run needs to know, valid by construction.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Config {
    /// Names the project: compose project, labels, lock. `[a-z0-9][a-z0-9_-]*`.
    pub project: String,
    /// Folder that relative paths start from: the config file's.
    #[serde(skip)]
    pub base_dir: PathBuf,
    /// Where the config came from, for messages (`runner.toml`, `built-in demo`).
    pub origin: String,
    /// The stack under test.
    pub stack: StackConfig,
    /// Where figures come from.
    pub sources: SourcesConfig,
    /// What puts work on the stack; none: scenarios without load only.
    pub load: Option<LoadConfig>,
    /// Numbers that the driven system tells: `[[metric]]`.
    pub metrics: Vec<MetricConfig>,
    /// Health checks of services: `[[health]]`.
    pub health: Vec<HealthConfig>,
    /// What is known about single containers, by key.
    pub containers: BTreeMap<String, ContainerConfig>,
    /// Scenarios to run when no `-s` is given, by the names that `-s` takes.
    pub scenarios: Vec<String>,
    /// Numbers of the baseline scenario.
    pub baseline: Baseline,
    /// Numbers of the stress scenario.
    pub stress: Stress,
    /// Numbers of the duration/leak scenario.
    pub duration: DurationLeak,
    /// Numbers of the speed scenario.
    pub speed: SpeedScaling,
    /// Numbers of the isolate scenario.
    pub isolate: Isolate,
    /// Scenarios written by the user.
    pub custom: Vec<ScenarioConfig>,
    /// What is done at the borders of scenarios and phases.
    pub hooks: Vec<HookConfig>,
    /// Thresholds of the analysis.
    pub thresholds: Thresholds,
    /// Thresholds of the leak verdict.
    pub leak: LeakConfig,
    /// Growth of what leaks beside memory.
    pub resources: ResourceConfig,
    /// Where results go.
    pub results: ResultsConfig,
    /// How a series CSV is read.
    pub series: SeriesConfig,
    /// Planted findings: a run that finds exactly these succeeds.
    pub expect: Expect,
    /// Known findings that do not fail a run until their date.
    pub accept: Vec<Accept>,
    /// Verdicts and findings that fail a run beside the default ones (`suspect`, `inconclusive`,
    /// `restart`, `threshold`, ...).
    pub fail_on: Vec<String>,
}

impl Config {
    /// The config of an attached compose project, with defaults everywhere else and no load: what
    /// tests and built-in stacks start from.
    #[must_use]
    pub fn minimal(project: &str) -> Config {
        Config {
            project: project.to_string(),
            base_dir: PathBuf::from("."),
            origin: "built-in".to_string(),
            stack: StackConfig {
                kind: StackKind::Attach {
                    project: Some(project.to_string()),
                    containers: Vec::new(),
                },
                reset: Reset::Never,
                take_over: false,
                allow_remote: false,
                ready_timeout: Duration::from_secs(300),
            },
            sources: SourcesConfig::default(),
            load: None,
            metrics: Vec::new(),
            health: Vec::new(),
            containers: BTreeMap::new(),
            scenarios: vec!["baseline".to_string()],
            baseline: Baseline::default(),
            stress: Stress::default(),
            duration: DurationLeak::default(),
            speed: SpeedScaling::default(),
            isolate: Isolate::default(),
            custom: Vec::new(),
            hooks: Vec::new(),
            thresholds: Thresholds::default(),
            leak: LeakConfig::default(),
            resources: ResourceConfig::default(),
            results: ResultsConfig::default(),
            series: SeriesConfig::default(),
            expect: Expect::default(),
            accept: Vec::new(),
            fail_on: Vec::new(),
        }
    }

    /// The archive's folder as a path that can be opened: `results.dir` starts from the config's
    /// folder.
    #[must_use]
    pub fn results_dir(&self) -> PathBuf {
        self.base_dir.join(&self.results.dir)
    }
}

/// Where figures come from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SourcesConfig {
    /// Sources that may be used; empty: every one that answers.
    pub only: Vec<SourceKind>,
    /// Open all sources and compare them.
    pub cross_check: bool,
    /// Of more than twenty containers, reads what moves slowly in turn.
    pub in_turn: bool,
    /// Time limit of one read.
    #[serde(serialize_with = "seconds")]
    pub timeout: Duration,
    /// cAdvisor, as `service:port` or a URL; absent: not used.
    #[serde(serialize_with = "mask::serialize_some")]
    pub cadvisor: Option<String>,
    /// How often descriptors and sockets are counted; zero: never.
    #[serde(serialize_with = "seconds")]
    pub handles_interval: Duration,
    /// How often writable layers, volumes and log files are measured; zero: never.
    #[serde(serialize_with = "seconds")]
    pub disk_interval: Duration,
    /// A Prometheus that scrapes cAdvisor or a kubelet; absent: not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<PrometheusConfig>,
    /// Where the cgroup file systems are mounted.
    pub cgroup_root: PathBuf,
    /// Where the proc file system is mounted.
    pub proc_root: PathBuf,
    /// Where the sys file system is mounted.
    pub sys_root: PathBuf,
    /// NVIDIA's management library, a path or a name that the loader finds.
    pub nvml_library: PathBuf,
}

impl Default for SourcesConfig {
    fn default() -> Self {
        SourcesConfig {
            only: Vec::new(),
            cross_check: false,
            in_turn: true,
            timeout: Duration::from_secs(2),
            cadvisor: None,
            handles_interval: Duration::from_secs(10),
            disk_interval: Duration::from_secs(60),
            prometheus: None,
            cgroup_root: PathBuf::from("/sys/fs/cgroup"),
            proc_root: PathBuf::from("/proc"),
            sys_root: PathBuf::from("/sys"),
            nvml_library: PathBuf::from("libnvidia-ml.so.1"),
        }
    }
}

/// What is known about one container.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerConfig {
    /// Cores it can really use (1.0 for one busy thread, whatever its limit says).
    pub effective_cores: Option<f64>,
    /// Leak threshold of its own, MB/min.
    pub leak_mb_per_min: Option<f64>,
    /// Memory threshold of its own in stress, percent of the limit.
    pub memory_percent: Option<f64>,
    /// CPU threshold of its own in stress, percent of its cores.
    pub cpu_percent: Option<f64>,
    /// Left out of thresholds, verdicts and charts.
    pub ignore: bool,
}

/// Thresholds of the analysis; the numbers of the replaced framework.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Thresholds {
    /// Memory warning, percent of the limit.
    pub memory_warning_percent: f64,
    /// Memory critical, percent of the limit.
    pub memory_critical_percent: f64,
    /// CPU warning, percent of the container's cores.
    pub cpu_warning_percent: f64,
    /// CPU critical, percent of the container's cores.
    pub cpu_critical_percent: f64,
    /// CPU growth that is flagged, percent a minute.
    pub cpu_slope_percent_per_min: f64,
    /// Memory above this is warned of while the run goes on, percent of the limit.
    pub memory_alarm_percent: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds {
            memory_warning_percent: 70.0,
            memory_critical_percent: 85.0,
            cpu_warning_percent: 70.0,
            cpu_critical_percent: 85.0,
            cpu_slope_percent_per_min: 5.0,
            memory_alarm_percent: 95.0,
        }
    }
}

/// Thresholds of the leak verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LeakConfig {
    /// An estimate of at least this is a leak, MB/min.
    pub leak_mb_per_min: f64,
    /// An estimate from this up to the leak threshold is suspect, MB/min.
    pub suspect_mb_per_min: f64,
    /// The lower end of the interval must be above this for either, MB/min.
    pub floor_mb_per_min: f64,
    /// Less than this under load is insufficient data, minutes (before trimming).
    pub min_minutes: f64,
    /// Length of a block whose median is one point, seconds; absent: max(30 s, length / 40).
    pub block_seconds: Option<f64>,
    /// Share of the active phase left out at its start.
    pub trim: f64,
    /// Confidence level of the interval.
    pub ci_level: f64,
    /// Leak threshold of GPU memory, MB/min; suspect and floor move in proportion. Absent: as for
    /// other memory.
    pub gpu_leak_mb_per_min: Option<f64>,
    /// GPU memory that grows by more than this over a phase under load is a finding, MB; absent:
    /// not judged.
    pub gpu_growth_mb: Option<f64>,
    /// A candidate leak below [`LeakConfig::confirm_below_mb_per_min`] has to be confirmed by a
    /// second cycle or a longer active phase before it is called a leak.
    pub confirm: bool,
    /// A faster leak needs no confirmation, MB/min.
    pub confirm_below_mb_per_min: f64,
    /// Sure growth that reaches the container's limit within so many seconds is suspect, however slow.
    pub horizon: f64,
}

impl LeakConfig {
    /// The same with another leak threshold (perhaps in another unit): suspect and floor move in
    /// proportion.
    #[must_use]
    pub fn scaled_to(&self, leak_per_min: f64) -> LeakConfig {
        let factor = leak_per_min / self.leak_mb_per_min.max(f64::MIN_POSITIVE);
        LeakConfig {
            leak_mb_per_min: leak_per_min,
            suspect_mb_per_min: self.suspect_mb_per_min * factor,
            floor_mb_per_min: self.floor_mb_per_min * factor,
            ..self.clone()
        }
    }
}

impl Default for LeakConfig {
    fn default() -> Self {
        LeakConfig {
            leak_mb_per_min: 1.0,
            suspect_mb_per_min: 0.5,
            floor_mb_per_min: 0.25,
            min_minutes: 4.5,
            block_seconds: None,
            trim: 0.1,
            ci_level: 0.95,
            gpu_leak_mb_per_min: None,
            gpu_growth_mb: None,
            confirm: false,
            confirm_below_mb_per_min: 5.0,
            horizon: 24.0 * 3600.0,
        }
    }
}

/// Where results go.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ResultsConfig {
    /// The archive: run folders are made in it.
    pub dir: PathBuf,
    /// Samples are inline in results.json up to this many container samples.
    pub inline_samples: usize,
    /// Who may read a run folder, as `chmod` has it.
    #[serde(serialize_with = "octal")]
    pub mode: u32,
}

impl Default for ResultsConfig {
    fn default() -> Self {
        ResultsConfig { dir: PathBuf::from("results"), inline_samples: 500_000, mode: 0o700 }
    }
}

/// Planted findings.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Expect {
    /// Containers that must be found leaking.
    pub leak: Vec<String>,
    /// Smallest rate at which they must be found, MB/min.
    pub leak_mb_per_min: Option<f64>,
    /// Tasks that isolate must name, as `container/task`.
    pub task_leak: Vec<String>,
}

impl Expect {
    /// Whether anything is expected at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.leak.is_empty() && self.task_leak.is_empty()
    }
}

/// A known finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accept {
    /// The container's key.
    pub container: String,
    /// The finding (`leak`, `oom`, ...).
    pub finding: String,
    /// Until when, `YYYY-MM-DD`, inclusive.
    pub until: chrono::NaiveDate,
    /// Why it is accepted.
    pub why: String,
}

fn octal<S: serde::Serializer>(mode: &u32, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(&format!("{mode:04o}"))
}

pub(crate) fn seconds<S: serde::Serializer>(d: &Duration, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_f64(d.as_secs_f64())
}

pub(crate) fn from_seconds<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
    Duration::try_from_secs_f64(f64::deserialize(d)?).map_err(serde::de::Error::custom)
}

pub(crate) fn some_seconds<S: serde::Serializer>(
    d: &Option<Duration>,
    s: S,
) -> Result<S::Ok, S::Error> {
    match d {
        Some(d) => s.serialize_some(&d.as_secs_f64()),
        None => s.serialize_none(),
    }
}
