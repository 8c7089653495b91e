//! The whole analysis of a run, in one value that reports and charts read from.

use serde::Serialize;

use super::capacity::{
    Capacity, Scalability, Speed, Trials, capacity, scalability, speed, throughput, trials,
};
use super::containers::{self, ContainerAnalysis, container_limits};
use super::damage::Damage;
use super::dataset::{Dataset, Format};
use super::findings::{self, Finding};
use super::forensics::{self, OomKill};
use super::gpu::GpuAnalysis;
use super::held::leak_scenario;
use super::incident_counts::{IncidentCounts, recorded};
use super::incidents::{MissedKills, missed_kills};
use super::isolate::{Isolation, isolate};
use super::load::{LoadAnalysis, load};
use super::metrics::{self, HealthAnalysis, MetricAnalysis};
use super::provenance::Provenance;
use super::scenario_stats::{self, ScenarioStats};
use super::settings::Settings;
use crate::model::EventKind;
use crate::model::event::Unfinished;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nothing that fails a run was found.
    Passed,
    /// A finding fails it.
    Failed,
    /// It did not come to its end, or measured nothing.
    Aborted,
    /// It is still going on.
    Running,
    /// Nothing that fails a run was found, but a part of what was recorded could not be used.
    Damaged,
}

/// Reason of a run that is analysed while it goes on.
pub const RUNNING: &str = "running";

impl Status {
    /// The word of summary.json and the reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Status::Passed => "passed",
            Status::Failed => "failed",
            Status::Aborted => "aborted",
            Status::Running => "running",
            Status::Damaged => "damaged",
        }
    }

    /// Whether the run, or the record of it, is not whole.
    #[must_use]
    pub fn is_partial(self) -> bool {
        matches!(self, Status::Aborted | Status::Running | Status::Damaged)
    }
}

/// Everything the analysis knows about a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Analysis {
    /// Name of the run.
    pub test_id: String,
    /// What it was read from.
    pub format: Format,
    /// How it ended.
    pub status: Status,
    /// Why it was aborted.
    pub abort_reason: Option<String>,
    /// What it was judged by.
    pub settings: Settings,
    /// Its scenarios, in order.
    pub scenarios: Vec<ScenarioStats>,
    /// Its containers, in order of first sight, without the ignored ones.
    pub containers: Vec<ContainerAnalysis>,
    /// GPUs, and what containers had of them.
    pub gpus: Vec<GpuAnalysis>,
    /// Metrics of the config.
    pub metrics: Vec<MetricAnalysis>,
    /// Health checks of the config.
    pub health: Vec<HealthAnalysis>,
    /// What stress found out.
    pub capacity: Option<Capacity>,
    /// The boundary that stress found, tried again.
    pub trials: Option<Trials>,
    /// How throughput bent under stress.
    pub scalability: Option<Scalability>,
    /// What speed scaling found out.
    pub speed: Option<Speed>,
    /// Which task leaks, where isolate ran.
    pub isolation: Option<Isolation>,
    /// What became of the load's requests.
    pub load: LoadAnalysis,
    /// Kills and restarts, by scenario and container.
    pub incidents: Vec<IncidentCounts>,
    /// OOM kills one by one, each with the minute before it.
    pub oom_kills: Vec<OomKill>,
    /// OOM kills that totals know of and nobody told.
    pub missed_kills: Vec<MissedKills>,
    /// What was left undone at the end of the run.
    pub unfinished: Vec<Unfinished>,
    /// Where figures came from, how old they were, and whether sources agree.
    pub provenance: Provenance,
    /// What of the record could not be used.
    pub damage: Vec<Damage>,
    /// What was found, the gravest first.
    pub findings: Vec<Finding>,
    /// What gives in first, in words.
    pub bottlenecks: Vec<String>,
    /// What to do, in words.
    pub recommendations: Vec<String>,
}

impl Analysis {
    /// The statistics of a scenario.
    #[must_use]
    pub fn scenario(&self, name: &str) -> Option<&ScenarioStats> {
        self.scenarios.iter().find(|scenario| scenario.name == name)
    }

    /// Takes what of the record could not be used: what was found in the rest stands, but a run of
    /// which a part is unknown has not passed.
    pub fn take_damage(&mut self, damage: Vec<Damage>) {
        if !damage.is_empty() && self.status == Status::Passed {
            self.status = Status::Damaged;
        }
        self.damage = damage;
    }

    /// A container.
    #[must_use]
    pub fn container(&self, name: &str) -> Option<&ContainerAnalysis> {
        self.containers.iter().find(|container| container.name == name)
    }
}

/// Analyses a run by what its file records of kills and restarts.
#[must_use]
pub fn analyze(data: &Dataset, settings: &Settings) -> Analysis {
    analyze_with(data, settings, recorded(data))
}

/// Analyses a run; `incidents` are what is known better than by its file.
#[must_use]
pub fn analyze_with(
    data: &Dataset,
    settings: &Settings,
    incidents: Vec<IncidentCounts>,
) -> Analysis {
    let limits = container_limits(data, settings);
    let scenarios = scenario_stats::of_run(data, settings);
    let held = leak_scenario(data);
    let containers =
        containers::analyze(data, settings, held.as_ref(), &limits, &scenarios, &incidents);
    let by_name = |name: &str| data.scenarios.iter().find(|s| s.name == name && !s.time.is_empty());
    let capacity = by_name("stress_test").map(|s| capacity(s, &settings.stress, &limits));
    let mut analysis = Analysis {
        test_id: data.test_id.clone(),
        format: data.format,
        status: Status::Passed,
        abort_reason: data.abort_reason.clone(),
        settings: settings.clone(),
        load: load(data, capacity.as_ref()),
        capacity,
        trials: by_name("stress_trials").and_then(|s| trials(s, &settings.stress, &limits)),
        scalability: by_name("stress_test").and_then(|s| {
            let (metric, points) = throughput(s, settings.throughput.as_deref())?;
            scalability(&metric, &points)
        }),
        speed: by_name("speed_scaling").map(|s| speed(s, &settings.speed, &limits)),
        gpus: super::gpu::analyze(data, settings, held.as_ref()),
        metrics: metrics::analyze(data, settings, held.as_ref()),
        health: metrics::analyze_health(data, settings),
        isolation: isolate(data, settings),
        scenarios,
        containers,
        missed_kills: missed_kills(data, &incidents),
        incidents,
        oom_kills: forensics::kills(data, settings),
        unfinished: unfinished(data),
        provenance: data.provenance.clone(),
        damage: Vec::new(),
        findings: Vec::new(),
        bottlenecks: Vec::new(),
        recommendations: Vec::new(),
    };
    conclude(&mut analysis, data);
    analysis
}

/// Adds what could not be done after the analysis to it: what is written then still says so.
pub fn add_unfinished(analysis: &mut Analysis, data: &Dataset, left: Unfinished) {
    analysis.unfinished.push(left);
    conclude(analysis, data);
}

/// What follows from all the rest.
fn conclude(analysis: &mut Analysis, data: &Dataset) {
    analysis.findings = findings::find(analysis, run_date(data));
    analysis.bottlenecks = findings::bottlenecks(analysis);
    analysis.recommendations = findings::recommendations(analysis);
    let has_ticks = data.scenarios.iter().any(|scenario| !scenario.time.is_empty());
    analysis.status = if data.abort_reason.as_deref() == Some(RUNNING) {
        Status::Running
    } else if data.abort_reason.is_some() || !has_ticks {
        Status::Aborted
    } else if analysis.findings.iter().any(|finding| finding.fails) {
        Status::Failed
    } else {
        Status::Passed
    };
}

/// What the journal says was left undone.
fn unfinished(data: &Dataset) -> Vec<Unfinished> {
    let left = data.events.iter().filter_map(|event| match &event.kind {
        EventKind::Unfinished(left) => Some(left.clone()),
        _ => None,
    });
    left.collect()
}

/// Day of the run, by which `[[accept]]` entries expire: a re-analysis years later says the same.
fn run_date(data: &Dataset) -> Option<chrono::NaiveDate> {
    let started = data.started_at.as_deref().and_then(|text| text.get(..10)?.parse().ok());
    let named = || {
        let day = data.test_id.get(..8)?;
        chrono::NaiveDate::parse_from_str(day, "%Y%m%d").ok()
    };
    started.or_else(named)
}
