//! One container in both runs: what changed, and how sure that is.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::analysis::dataset::{ScenarioData, Series};
use crate::analysis::leak::{LeakFigure, LeakInput, LeakVerdict, Verdict, verdict};
use crate::analysis::{ContainerAnalysis, Settings};
use crate::config::LeakConfig;

use super::Run;
use super::pairing::at_ticks_of;

/// What became of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It grows faster than before, by as much as makes a leak, and that is sure.
    Worse,
    /// It may grow faster by more than a leak; what was measured cannot tell.
    Inconclusive,
    /// It grows faster than before, by less than a leak.
    Suspect,
    /// It is in one of the runs only.
    Unpaired,
    /// It is sure that it does not grow faster by as much as a leak.
    NoWorse,
    /// It grows more slowly, by as much as makes a leak, and that is sure.
    Better,
}

impl Change {
    /// Order of what a reader looks at first: the larger, the graver.
    #[must_use]
    pub fn severity(self) -> u8 {
        match self {
            Change::Worse => 5,
            Change::Suspect => 4,
            Change::Inconclusive => 3,
            Change::Unpaired => 2,
            Change::NoWorse => 1,
            Change::Better => 0,
        }
    }
}

/// A slope with its interval, MB (2^20 bytes) a minute.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Slope {
    /// Estimate.
    pub mb_per_min: f64,
    /// Lower end of the interval.
    pub ci_low: f64,
    /// Upper end of the interval.
    pub ci_high: f64,
}

impl Slope {
    fn of(verdict: &LeakVerdict) -> Option<Slope> {
        Some(Slope {
            mb_per_min: verdict.slope_mb_per_min?,
            ci_low: verdict.ci_low?,
            ci_high: verdict.ci_high?,
        })
    }
}

/// One container in both runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContainerComparison {
    /// Its key.
    pub name: String,
    /// What became of it.
    pub change: Change,
    /// Why there is no clear answer, in words.
    pub reason: Option<String>,
    /// What was compared (`anon+shmem+swap`, `working_set`).
    pub figure: Option<String>,
    /// Its slope in the base.
    pub base: Option<Slope>,
    /// Its slope in the current run.
    pub current: Option<Slope>,
    /// Slope of the difference (current less base).
    pub difference: Option<Slope>,
    /// Confidence level of the intervals.
    pub ci_level: f64,
    /// The interval of the difference rests on less than the method was made for.
    pub approximate: bool,
    /// Minutes compared.
    pub minutes: Option<f64>,
    /// Its leak verdict in the base.
    pub base_verdict: Option<Verdict>,
    /// Its leak verdict in the current run.
    pub current_verdict: Option<Verdict>,
}

impl ContainerComparison {
    /// Whether both runs measured it.
    #[must_use]
    pub fn is_in_both(&self) -> bool {
        self.change != Change::Unpaired
    }
}

/// All containers of either run.
pub fn containers(
    (base, then): (Run<'_>, &ScenarioData),
    (current, now, active): (Run<'_>, &ScenarioData, Range<usize>),
    settings: &Settings,
) -> Vec<ContainerComparison> {
    let mut names: Vec<&str> = now.containers.iter().map(|c| c.name.as_str()).collect();
    for series in &then.containers {
        if !names.contains(&series.name.as_str()) {
            names.push(&series.name);
        }
    }
    names.retain(|name| !settings.ignores(name));
    names
        .iter()
        .map(|name| {
            let pair = Pair {
                then,
                now,
                active: active.clone(),
                series: (then.series(name), now.series(name)),
            };
            let known = (base.analysis.container(name), current.analysis.container(name));
            told(name, &pair, known, &settings.leak_of(name))
        })
        .collect()
}

struct Pair<'a> {
    then: &'a ScenarioData,
    now: &'a ScenarioData,
    active: Range<usize>,
    series: (Option<&'a Series>, Option<&'a Series>),
}

fn told(
    name: &str,
    pair: &Pair<'_>,
    known: (Option<&ContainerAnalysis>, Option<&ContainerAnalysis>),
    config: &LeakConfig,
) -> ContainerComparison {
    let verdicts = (known.0.and_then(|c| c.leak.as_ref()), known.1.and_then(|c| c.leak.as_ref()));
    let mut told = ContainerComparison {
        name: name.to_string(),
        change: Change::Unpaired,
        reason: None,
        figure: None,
        base: verdicts.0.and_then(Slope::of),
        current: verdicts.1.and_then(Slope::of),
        difference: None,
        ci_level: config.ci_level,
        approximate: false,
        minutes: None,
        base_verdict: verdicts.0.map(|v| v.verdict),
        current_verdict: verdicts.1.map(|v| v.verdict),
    };
    match pair.series {
        (Some(_), None) => told.reason = Some("only in the base".into()),
        (None, Some(_)) => told.reason = Some("only in the current run".into()),
        (None, None) => told.reason = Some("not measured".into()),
        (Some(then), Some(now)) => judge(&mut told, pair, (then, now), config),
    }
    told
}

fn judge(
    told: &mut ContainerComparison,
    pair: &Pair<'_>,
    (then, now): (&Series, &Series),
    config: &LeakConfig,
) {
    told.change = Change::Inconclusive;
    let inputs = (
        LeakInput::new(pair.then, then, pair.active.clone()),
        LeakInput::new(pair.now, now, pair.active.clone()),
    );
    let (Some(base), Some(current)) = inputs else {
        told.reason = Some("one of the runs has no memory figure of it".into());
        return;
    };
    if base.figure.name != current.figure.name {
        told.reason = Some(format!(
            "the base was measured by {}, the current run by {}",
            base.figure.name, current.figure.name
        ));
        return;
    }
    told.figure = Some(current.figure.name.clone());
    let paired = at_ticks_of(pair.now, pair.then, &base.figure.mb);
    let difference: Vec<f64> = current
        .figure
        .mb
        .iter()
        .zip(&paired)
        .map(|(now, then)| if *now > 0.0 { now - then } else { f64::NAN })
        .collect();
    let up = verdict(&of_difference(&current, &difference, 1.0), config);
    told.difference = Slope::of(&up);
    told.approximate = up.approximate;
    told.minutes = up.minutes;
    told.reason.clone_from(&up.reason);
    told.change = match up.verdict {
        Verdict::Leak => Change::Worse,
        Verdict::Suspect => Change::Suspect,
        Verdict::Ok if is_better(&current, &difference, config) => Change::Better,
        Verdict::Ok => Change::NoWorse,
        Verdict::Inconclusive | Verdict::InsufficientData => Change::Inconclusive,
    };
}

/// Seen from the other side it is a leak: what grew in the base does not grow any more.
fn is_better(current: &LeakInput<'_>, difference: &[f64], config: &LeakConfig) -> bool {
    verdict(&of_difference(current, difference, -1.0), config).verdict == Verdict::Leak
}

/// The difference as a series of its own. It is lifted above zero, which stands for an ended
/// container there; a slope does not notice.
fn of_difference<'a>(current: &LeakInput<'a>, difference: &[f64], sign: f64) -> LeakInput<'a> {
    let turned = difference.iter().map(|d| d * sign);
    let least = turned.clone().filter(|d| d.is_finite()).fold(f64::INFINITY, f64::min);
    let lift = if least.is_finite() { 1.0 - least } else { 0.0 };
    let mut input = current.clone();
    input.figure =
        LeakFigure { name: current.figure.name.clone(), mb: turned.map(|d| d + lift).collect() };
    // A limit says nothing about a difference, and what follows the load follows it in both.
    input.limit_mb = None;
    input.working_set_mb = Vec::new();
    input
}
