//! summary.json: small, stable, for machines. Keys keep their order and meaning; new ones may come.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::event::Trigger;
use crate::model::units::round_to;

use super::analyze::Analysis;
use super::capacity::{Scalability, Trials};
use super::containers::ContainerAnalysis;
use super::damage::Damage;
use super::findings::Finding;
use super::forensics::OomKill;
use super::gpu::GpuAnalysis;
use super::isolate::Isolation;
use super::leak::LeakVerdict;
use super::load::TaskLoad;
use super::metrics;
use super::metrics::summary::{HealthSummary, MetricSummary};
use super::provenance::Provenance;
use super::resources::ResourceVerdict;
use super::retention::Retention;
use super::settings::Settings;

/// Version of the shape of summary.json.
pub const SCHEMA_VERSION: u32 = 1;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Name of the run.
    pub test_id: String,
    /// `passed`, `failed`, `aborted`, `running` or `damaged`.
    pub status: String,
    /// Why it was aborted.
    pub abort_reason: Option<String>,
    /// What of the record could not be used; absent where all was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damage: Vec<Damage>,
    /// By container key.
    pub containers: BTreeMap<String, ContainerSummary>,
    /// GPUs and containers' parts of them; absent where there was none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gpus: Vec<GpuAnalysis>,
    /// What stress found out; absent where it did not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stress: Option<StressSummary>,
    /// The boundary tried again; absent where it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trials: Option<Trials>,
    /// How throughput bent under stress; absent where no throughput is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scalability: Option<Scalability>,
    /// What speed scaling found out; absent where it did not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<SpeedSummary>,
    /// Which task leaks; absent where isolate did not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolate: Option<Isolation>,
    /// What became of the load's requests; absent where it counts none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<LoadSummary>,
    /// Metrics of the config, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, MetricSummary>,
    /// Health checks of the config, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub health: BTreeMap<String, HealthSummary>,
    /// OOM kills one by one, each with the minute before it; absent where there was none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub oom_kills: Vec<OomKill>,
    /// Where figures came from; absent where the file does not say.
    #[serde(default, skip_serializing_if = "Provenance::is_empty")]
    pub sources: Provenance,
    /// What was found, the gravest first.
    pub findings: Vec<Finding>,
    /// What gives in first.
    pub bottlenecks: Vec<String>,
    /// What to do.
    pub recommendations: Vec<String>,
    /// What it was judged by.
    pub thresholds: Settings,
}

/// One container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContainerSummary {
    /// Whether it leaks; absent where no scenario could tell.
    pub leak: Option<LeakVerdict>,
    /// Descriptors, sockets, threads, disk space: those that were measured under load.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ResourceVerdict>,
    /// What it kept after the load was gone.
    pub retention: Option<Retention>,
    /// Highest CPU sample, percent of one core.
    pub peak_cpu_percent: Option<f64>,
    /// Highest working set sample, MB.
    pub peak_memory_mb: Option<f64>,
    /// Memory limit, MB.
    pub memory_limit_mb: Option<f64>,
    /// Cores its CPU thresholds are scaled by.
    pub cores: f64,
    /// OOM kills.
    pub oom_kills: u64,
    /// That number is not certain: witnesses contradict each other.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub oom_kills_about: bool,
    /// Restarts.
    pub restarts: u64,
    /// Crashes.
    pub crashes: u64,
    /// A limit that fits, MB.
    pub suggested_memory_mb: Option<u64>,
    /// A CPU limit that fits, cores; a lower bound where it was throttled.
    #[serde(default)]
    pub suggested_cpus: Option<f64>,
}

/// The stress scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StressSummary {
    /// Level queued at the trigger.
    pub max_level: Option<u32>,
    /// Highest level carried; absent where the ramp was too fast to tell.
    pub sustained_level: Option<u32>,
    /// What stopped it.
    pub trigger: Option<Trigger>,
    /// Level at which a container was first throttled.
    pub first_throttled_at_level: BTreeMap<String, u32>,
    /// What each container had left of its nearer threshold at the end, percent.
    pub headroom_percent: BTreeMap<String, f64>,
    /// It was aborted.
    pub aborted: bool,
}

/// The load of the whole run; of agents the calls that asked for them are counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadSummary {
    /// Requests that came to an end.
    pub total_requests: u64,
    /// Those that failed.
    pub total_failures: u64,
    /// Their share, from 0 to 1.
    pub error_rate: f64,
    /// By task, or kind of agents.
    pub endpoints: BTreeMap<String, EndpointSummary>,
}

/// One task of the load, or kind of agents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndpointSummary {
    /// Requests that came to an end.
    pub requests: u64,
    /// Those that failed.
    pub failures: u64,
    /// Their share, from 0 to 1.
    pub error_rate: f64,
    /// How many failed of what; absent where none did, or nobody says.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub causes: BTreeMap<String, u64>,
}

impl LoadSummary {
    /// Of these tasks; none where there is none.
    pub(super) fn of(tasks: &[TaskLoad]) -> Option<LoadSummary> {
        let total_requests = tasks.iter().map(TaskLoad::all).sum();
        let total_failures = tasks.iter().map(|task| task.failed).sum();
        let endpoint = |task: &TaskLoad| EndpointSummary {
            requests: task.all(),
            failures: task.failed,
            error_rate: share(task.failed, task.all()),
            causes: task.causes.iter().cloned().collect(),
        };
        (total_requests > 0).then(|| LoadSummary {
            total_requests,
            total_failures,
            error_rate: share(total_failures, total_requests),
            endpoints: tasks.iter().map(|task| (task.task.clone(), endpoint(task))).collect(),
        })
    }
}

fn share(part: u64, whole: u64) -> f64 {
    round_to(part as f64 / whole.max(1) as f64, 5)
}

/// The speed scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpeedSummary {
    /// Last multiplier run.
    pub max_speed_achieved: Option<f64>,
    /// Last multiplier below the thresholds.
    pub max_speed_sustained: Option<f64>,
    /// A threshold ended it.
    pub stopped_by_threshold: bool,
}

impl Summary {
    /// The summary of an analysis. Figures are rounded for readers: MB and percent to 3 places.
    #[must_use]
    pub fn of(analysis: &Analysis) -> Summary {
        let container = |c: &ContainerAnalysis| (c.name.clone(), ContainerSummary::of(c));
        Summary {
            schema_version: SCHEMA_VERSION,
            test_id: analysis.test_id.clone(),
            status: analysis.status.word().to_string(),
            abort_reason: analysis.abort_reason.clone(),
            damage: analysis.damage.clone(),
            containers: analysis.containers.iter().map(container).collect(),
            gpus: analysis.gpus.iter().map(rounded_gpu).collect(),
            stress: stress(analysis),
            trials: analysis.trials.clone(),
            scalability: analysis.scalability.clone(),
            speed: analysis.speed.as_ref().map(|speed| SpeedSummary {
                max_speed_achieved: speed.max_speed_achieved,
                max_speed_sustained: speed.max_speed_sustained,
                stopped_by_threshold: speed.stopped_by_threshold,
            }),
            isolate: analysis.isolation.as_ref().map(rounded_isolation),
            load: LoadSummary::of(&analysis.load.tasks()),
            metrics: metrics::summary::metrics(&analysis.metrics),
            health: metrics::summary::health(&analysis.health),
            oom_kills: analysis.oom_kills.clone(),
            sources: analysis.provenance.rounded(),
            findings: analysis.findings.iter().map(rounded_finding).collect(),
            bottlenecks: analysis.bottlenecks.clone(),
            recommendations: analysis.recommendations.clone(),
            thresholds: analysis.settings.clone(),
        }
    }
}

impl ContainerSummary {
    fn of(container: &ContainerAnalysis) -> ContainerSummary {
        ContainerSummary {
            leak: container.leak.as_ref().map(rounded_leak),
            resources: container.resources.iter().map(rounded_resource).collect(),
            retention: container.retention.as_ref().map(rounded_retention),
            peak_cpu_percent: rounded(container.peak_cpu_percent),
            peak_memory_mb: rounded(container.peak_memory_mb),
            memory_limit_mb: rounded(container.limit_mb),
            cores: container.cores,
            oom_kills: container.oom_kills,
            oom_kills_about: container.oom_kills_about,
            restarts: container.restarts,
            crashes: container.crashes,
            suggested_memory_mb: container.suggested.memory_mb,
            suggested_cpus: container.suggested.cpus,
        }
    }
}

fn stress(analysis: &Analysis) -> Option<StressSummary> {
    let capacity = analysis.capacity.as_ref()?;
    let trigger = capacity.trigger.clone().map(|trigger| Trigger {
        value: round_to(trigger.value, 3),
        threshold: round_to(trigger.threshold, 3),
        ..trigger
    });
    let room = capacity.containers.iter().filter(|c| !analysis.settings.ignores(&c.name));
    Some(StressSummary {
        max_level: capacity.max_level,
        sustained_level: capacity.sustained_level,
        trigger,
        first_throttled_at_level: capacity.first_throttled_at_level.clone(),
        headroom_percent: room
            .filter_map(|c| Some((c.name.clone(), round_to(c.headroom_percent?, 1))))
            .collect(),
        aborted: capacity.aborted,
    })
}

fn rounded(value: Option<f64>) -> Option<f64> {
    value.map(|v| round_to(v, 3))
}

fn rounded_gpu(gpu: &GpuAnalysis) -> GpuAnalysis {
    let mut gpu = gpu.clone();
    for value in [
        &mut gpu.mean_percent,
        &mut gpu.peak_percent,
        &mut gpu.peak_memory_mb,
        &mut gpu.memory_mb,
        &mut gpu.peak_power_w,
        &mut gpu.peak_temperature_c,
        &mut gpu.growth_mb,
    ] {
        *value = rounded(*value);
    }
    for (_, share) in &mut gpu.throttled {
        *share = round_to(*share, 1);
    }
    for phase in &mut gpu.phases {
        for value in [&mut phase.slope_mb_per_min, &mut phase.ci_low, &mut phase.ci_high] {
            *value = round_to(*value, 3);
        }
    }
    gpu.leak = gpu.leak.as_ref().map(rounded_leak);
    gpu
}

fn rounded_leak(leak: &LeakVerdict) -> LeakVerdict {
    let mut leak = leak.clone();
    for value in [
        &mut leak.slope_mb_per_min,
        &mut leak.ci_low,
        &mut leak.ci_high,
        &mut leak.bytes_per_unit,
        &mut leak.minutes,
        &mut leak.more_minutes,
        &mut leak.probability,
        &mut leak.detectable_mb_per_min,
        &mut leak.levels_at_mb,
    ] {
        *value = rounded(*value);
    }
    for part in &mut leak.parts {
        part.per_min = round_to(part.per_min, 3);
        part.share_percent = part.share_percent.map(|share| round_to(share, 1));
    }
    if let Some(noise) = &mut leak.noise {
        noise.sd_mb = round_to(noise.sd_mb, 3);
        noise.correlation_seconds = round_to(noise.correlation_seconds, 1);
    }
    leak.minutes_to_limit =
        leak.minutes_to_limit.map(|(low, high)| (round_to(low, 1), high.map(|h| round_to(h, 1))));
    leak
}

fn rounded_resource(found: &ResourceVerdict) -> ResourceVerdict {
    ResourceVerdict {
        per_hour: rounded(found.per_hour),
        ci_low: rounded(found.ci_low),
        ci_high: rounded(found.ci_high),
        level: rounded(found.level),
        limit: rounded(found.limit),
        hours_to_limit: found
            .hours_to_limit
            .map(|(soonest, latest)| (round_to(soonest, 3), rounded(latest))),
        ..found.clone()
    }
}

fn rounded_isolation(isolation: &Isolation) -> Isolation {
    let mut isolation = isolation.clone();
    for task in &mut isolation.tasks {
        task.units = round_to(task.units, 1);
        task.units_per_min = round_to(task.units_per_min, 1);
    }
    for effect in isolation.containers.iter_mut().flat_map(|c| &mut c.effects) {
        effect.ci_level = round_to(effect.ci_level, 4);
        let all = [&mut effect.bytes_per_unit, &mut effect.ci_low, &mut effect.ci_high];
        all.into_iter().for_each(|value| *value = value.map(|v| round_to(v, 1)));
        effect.mb_per_min = rounded(effect.mb_per_min);
    }
    isolation
}

fn rounded_retention(retention: &Retention) -> Retention {
    let round = |v: f64| round_to(v, 3);
    Retention {
        active_end_mb: round(retention.active_end_mb),
        cooldown_end_mb: round(retention.cooldown_end_mb),
        delta_mb: round(retention.delta_mb),
        delta_percent: rounded(retention.delta_percent),
        memory_released: retention.memory_released,
        active_end_median_mb: rounded(retention.active_end_median_mb),
        cooldown_end_median_mb: rounded(retention.cooldown_end_median_mb),
        active_end_leak_mb: rounded(retention.active_end_leak_mb),
        cooldown_end_leak_mb: rounded(retention.cooldown_end_leak_mb),
        returned_percent: rounded(retention.returned_percent),
    }
}

fn rounded_finding(finding: &Finding) -> Finding {
    Finding { value: rounded(finding.value), ..finding.clone() }
}
