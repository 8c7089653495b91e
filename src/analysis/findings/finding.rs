//! A finding, and what becomes of it: expected, accepted, or a reason to fail.

use serde::{Deserialize, Serialize};

use crate::analysis::settings::Settings;

/// How grave a finding is in itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Worth a look.
    Warning,
    /// Worth stopping for.
    Critical,
}

/// What was found; the words of `fail_on` and `[[accept]]`. In order of gravity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// An OOM kill.
    Oom,
    /// A leak.
    Leak,
    /// Descriptors, sockets or threads that are never given back.
    ResourceLeak,
    /// A task whose work leaks.
    TaskLeak,
    /// A planted leak that was not found.
    MissedLeak,
    /// An OOM kill that a total knows of and no witness told.
    MissedKill,
    /// Half of a task's requests, or of the calls for a kind of agents, failed for a while.
    LoadFailed,
    /// A crash.
    Crash,
    /// A restart after an end with exit code 0, or whose cause is not recorded.
    Restart,
    /// Growth below the leak threshold.
    Suspect,
    /// Growth that could not be told.
    Inconclusive,
    /// Too little was measured for a verdict.
    InsufficientData,
    /// Memory near its limit.
    Memory,
    /// CPU near its cores.
    Cpu,
    /// CPU that grows under a steady load.
    CpuSlope,
    /// A writable layer, a volume or a log that grows.
    DiskGrowth,
    /// GPU memory that leaks.
    GpuLeak,
    /// GPU memory that grew by more than the config's bound.
    GpuGrowth,
    /// GPU memory that grows below the leak threshold, or may.
    GpuSuspect,
    /// A GPU slowed down by heat or its power supply.
    GpuThrottled,
    /// A metric at a limit of its own.
    Metric,
    /// A metric that grows under a steady load.
    MetricGrowth,
    /// A service that answers slowly or not at all.
    Health,
    /// Sources that were compared and differ.
    Disagreement,
    /// What stopped stress or speed.
    Threshold,
    /// Something at the end of the run that was not done.
    Unfinished,
}

impl FindingKind {
    /// Its word in files and configs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FindingKind::Oom => "oom",
            FindingKind::Leak => "leak",
            FindingKind::ResourceLeak => "resource_leak",
            FindingKind::TaskLeak => "task_leak",
            FindingKind::MissedLeak => "missed_leak",
            FindingKind::MissedKill => "missed_kill",
            FindingKind::LoadFailed => "load_failed",
            FindingKind::Crash => "crash",
            FindingKind::Restart => "restart",
            FindingKind::Suspect => "suspect",
            FindingKind::Inconclusive => "inconclusive",
            FindingKind::InsufficientData => "insufficient_data",
            FindingKind::Memory => "memory",
            FindingKind::Cpu => "cpu",
            FindingKind::CpuSlope => "cpu_slope",
            FindingKind::DiskGrowth => "disk_growth",
            FindingKind::GpuLeak => "gpu_leak",
            FindingKind::GpuGrowth => "gpu_growth",
            FindingKind::GpuSuspect => "gpu_suspect",
            FindingKind::GpuThrottled => "gpu_throttled",
            FindingKind::Metric => "metric",
            FindingKind::MetricGrowth => "metric_growth",
            FindingKind::Health => "health",
            FindingKind::Disagreement => "disagreement",
            FindingKind::Threshold => "threshold",
            FindingKind::Unfinished => "unfinished",
        }
    }

    /// Whether it fails a run without being listed in `fail_on`.
    fn fails_by_itself(self) -> bool {
        use FindingKind::{GpuGrowth, GpuLeak, Leak, LoadFailed, Metric, MetricGrowth, MissedLeak};
        use FindingKind::{Oom, ResourceLeak, TaskLeak, Unfinished};
        let leaks = matches!(self, Leak | TaskLeak | ResourceLeak | MissedLeak);
        let work = matches!(self, LoadFailed | Metric | MetricGrowth);
        leaks || work || matches!(self, Oom | GpuLeak | GpuGrowth | Unfinished)
    }
}

/// One thing the analysis says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// How grave in itself.
    pub severity: Severity,
    /// Which container; absent for the whole stack.
    pub container: Option<String>,
    /// Which task of the load, or kind of agents; absent where it is about none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// In which scenario.
    pub scenario: Option<String>,
    /// In words, with numbers.
    pub message: String,
    /// What it rests on beyond that, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// The number, in the unit of the threshold.
    pub value: Option<f64>,
    /// The threshold it was judged by.
    pub threshold: Option<f64>,
    /// It was planted (`[expect]`).
    pub expected: bool,
    /// Why it is accepted (`[[accept]]`), where it is.
    pub accepted: Option<String>,
    /// It fails the run.
    pub fails: bool,
}

impl Finding {
    /// A finding about a container; whether it fails the run is settled later.
    pub(super) fn about(
        kind: FindingKind,
        severity: Severity,
        container: &str,
        message: String,
    ) -> Finding {
        Finding {
            kind,
            severity,
            container: Some(container.to_string()),
            task: None,
            scenario: None,
            message,
            evidence: Vec::new(),
            value: None,
            threshold: None,
            expected: false,
            accepted: None,
            fails: false,
        }
    }

    /// With its number and threshold.
    pub(super) fn with(mut self, value: Option<f64>, threshold: Option<f64>) -> Finding {
        self.value = value;
        self.threshold = threshold;
        self
    }

    /// With its scenario.
    pub(super) fn in_scenario(mut self, scenario: &str) -> Finding {
        self.scenario = Some(scenario.to_string());
        self
    }

    /// Decides whether it fails the run: by its kind or `fail_on`, unless planted, accepted or
    /// expected in its scenario.
    pub(super) fn settle(&mut self, settings: &Settings, day: Option<chrono::NaiveDate>) {
        let entry = settings.accept.iter().find(|entry| {
            [&self.container, &self.task].contains(&&Some(entry.container.clone()))
                && entry.finding == self.kind.name()
                && day.is_none_or(|day| day <= entry.until)
        });
        self.accepted = entry.map(|entry| entry.why.clone());
        if self.kind == FindingKind::Oom {
            let scenario = self.scenario.as_deref().unwrap_or_default();
            self.expected |= settings.expect_oom.iter().any(|name| name == scenario);
        }
        let counts = self.kind.fails_by_itself()
            || settings.fail_on.iter().any(|word| word == self.kind.name());
        self.fails = counts && !self.expected && self.accepted.is_none();
    }
}
