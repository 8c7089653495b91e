//! The boundary found by stress, tried again: how repeatable is it?

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::analysis::dataset::{Phase, ScenarioData, clip};
use crate::analysis::stats::{Sample, mean};
use crate::config::StressLimits;
use crate::model::event::Trigger;

use super::levels::{LevelMean, levels};
use super::{ContainerLimits, read_trigger, sustained};

/// One approach to the boundary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Its phase.
    pub phase: String,
    /// Highest level carried; absent where even the first was too much.
    pub carried: Option<u32>,
    /// The level that was too much; absent where the trial ended without one.
    pub failed: Option<u32>,
    /// What gave in.
    pub trigger: Option<Trigger>,
}

/// What repeated trials say together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trials {
    /// Each of them.
    pub trials: Vec<Trial>,
    /// Highest level that every trial carried (confirmed passing).
    pub confirmed: Option<u32>,
    /// Lowest level that failed in any trial.
    pub lowest_failing: Option<u32>,
    /// Mean of the levels carried.
    pub mean: Option<f64>,
    /// Lower end of the 95 % interval of the boundary; absent with fewer than two trials, and where
    /// a trial carried nothing.
    pub ci_low: Option<f64>,
    /// Upper end of its interval; absent with fewer than two trials, and where a trial ended without
    /// a level that was too much.
    pub ci_high: Option<f64>,
    /// What gave in, container and metric, by how many trials.
    pub bottlenecks: BTreeMap<String, usize>,
}

/// Reads the trials off their scenario; none where it has none. A trial is a phase whose name
/// begins with `trial`.
///
/// Reported as RFC 9971 (MLRsearch) reports a boundary: the highest load confirmed to pass and the
/// lowest that failed.
///
/// Method of the interval: a trial tells its boundary only to within a step, between the level it
/// carried and the one that failed. So the mean boundary lies between the means of these two, each
/// known by Student's t over the trials: the interval goes from the lower end of the one to the
/// upper end of the other, and trials that agree still leave the step.
#[must_use]
pub fn trials(
    scenario: &ScenarioData,
    limits: &StressLimits,
    containers: &BTreeMap<String, ContainerLimits>,
) -> Option<Trials> {
    let named = scenario.phases.iter().filter(|phase| phase.name.starts_with("trial"));
    let steps = levels(scenario, limits, containers);
    let trials: Vec<Trial> = named.filter_map(|phase| trial(scenario, phase, &steps)).collect();
    if trials.is_empty() {
        return None;
    }
    let carried: Vec<f64> = trials.iter().filter_map(|t| t.carried.map(f64::from)).collect();
    let failed: Vec<f64> = trials.iter().filter_map(|t| t.failed.map(f64::from)).collect();
    let of_all = |levels: &[f64]| levels.len() == trials.len();
    let ends = |levels: &[f64]| interval(levels).filter(|_| of_all(levels));
    let mut bottlenecks = BTreeMap::new();
    for trigger in trials.iter().filter_map(|trial| trial.trigger.as_ref()) {
        *bottlenecks.entry(format!("{} {}", trigger.container, trigger.metric)).or_default() += 1;
    }
    Some(Trials {
        confirmed: trials.iter().filter_map(|t| t.carried).min().filter(|_| of_all(&carried)),
        lowest_failing: trials.iter().filter_map(|t| t.failed).min(),
        // There is no level below none.
        ci_low: ends(&carried).map(|(low, _)| low.max(0.0)),
        ci_high: ends(&failed).map(|(_, high)| high),
        mean: mean(carried),
        bottlenecks,
        trials,
    })
}

/// The trial of one phase, by the levels of the whole scenario.
fn trial(scenario: &ScenarioData, phase: &Phase, levels: &[LevelMean]) -> Option<Trial> {
    let rows = clip(&phase.ticks, scenario.time.len());
    if rows.is_empty() {
        return None;
    }
    let within = |level: &&LevelMean| rows.contains(&level.first_tick);
    let steps: Vec<LevelMean> = levels.iter().filter(within).cloned().collect();
    // A phase that a threshold ended has its last level as the one that was too much.
    let stopped = phase.end_reason.as_deref() == Some("threshold");
    let first_bad = steps.iter().find(|step| step.reached.is_some());
    let failed = first_bad.or_else(|| steps.last().filter(|_| stopped));
    Some(Trial {
        phase: phase.name.clone(),
        carried: sustained(&steps, stopped),
        failed: failed.map(|step| step.level),
        trigger: recorded_trigger(scenario, &phase.name)
            .or_else(|| failed.and_then(|step| step.reached.clone())),
    })
}

/// What the session recorded as the end of a phase.
fn recorded_trigger(scenario: &ScenarioData, phase: &str) -> Option<Trigger> {
    let phases = scenario.metadata.get("phases")?.as_array()?;
    let own = phases.iter().find(|p| p.get("phase").and_then(|n| n.as_str()) == Some(phase))?;
    read_trigger(own.get("trigger")?)
}

/// The 95 % interval of the mean of a few values, by Student's t; none with fewer than two.
fn interval(values: &[f64]) -> Option<(f64, f64)> {
    let sample = Sample::of(values.iter().copied()).filter(|sample| sample.size() > 1.0)?;
    let t = StudentsT::new(0.0, 1.0, sample.size() - 1.0).ok()?.inverse_cdf(0.975);
    let half = t * sample.sd() / sample.size().sqrt();
    Some((sample.mean() - half, sample.mean() + half))
}

#[cfg(test)]
mod tests {
    use crate::analysis::dataset::{Columns, Series};
    use crate::model::Figure;

    use super::*;

    /// Trials of six levels of ten ticks each; CPU is one percent a level, and each trial gives in
    /// at 90 % a little elsewhere.
    fn scenario(offsets: &[f64]) -> ScenarioData {
        let mut data = ScenarioData::new("stress_trials");
        let mut cpu = Vec::new();
        for (n, offset) in offsets.iter().enumerate() {
            let start = data.time.len();
            for step in 0..6 {
                let level = 70.0 + 5.0 * f64::from(step);
                for _ in 0..10 {
                    data.time.push(data.time.len() as f64);
                    data.queued.push(level);
                    cpu.push(level + offset);
                }
            }
            // Between two trials there is no load.
            data.time.push(data.time.len() as f64);
            data.queued.push(0.0);
            cpu.push(0.0);
            data.phases.push(Phase {
                name: format!("trial_{}", n + 1),
                start: start as f64,
                end: data.time.len() as f64,
                ticks: start..data.time.len() - 1,
                level: None,
                speed: None,
                end_reason: Some("threshold".into()),
            });
        }
        let mut columns = Columns::new(data.time.len());
        for (row, value) in cpu.into_iter().enumerate() {
            columns.set(Figure::CpuPercent, row, value);
        }
        data.containers.push(Series { name: "web".into(), columns, incarnation: Vec::new() });
        data
    }

    fn told(offsets: &[f64]) -> Trials {
        trials(&scenario(offsets), &StressLimits::default(), &one_core()).expect("trials")
    }

    fn one_core() -> BTreeMap<String, ContainerLimits> {
        let one = ContainerLimits { cores: 1.0, ..ContainerLimits::default() };
        BTreeMap::from([("web".to_string(), one)])
    }

    #[test]
    fn the_boundary_is_what_all_carry_and_the_lowest_that_failed() {
        let found = told(&[0.0, 6.0, 0.0]);
        let carried: Vec<_> = found.trials.iter().map(|t| t.carried).collect();
        assert_eq!(carried, [Some(85), Some(80), Some(85)]);
        assert_eq!((found.confirmed, found.lowest_failing), (Some(80), Some(85)));
        assert_eq!(found.bottlenecks, BTreeMap::from([("web cpu".to_string(), 3)]));
        let (mean, low, high) = (found.mean, found.ci_low, found.ci_high);
        assert!((mean.expect("mean") - 83.333).abs() < 0.01);
        // t(0.975, 2) = 4.303, standard error 1.667; the levels that failed are a step higher.
        assert!(
            (low.expect("low") - 76.16).abs() < 0.02
                && (high.expect("high") - (90.5 + 5.0)).abs() < 0.02
        );
    }

    #[test]
    fn trials_that_agree_still_leave_the_step_between_the_levels() {
        let found = told(&[0.0, 0.0]);
        assert_eq!((found.mean, found.ci_low, found.ci_high), (Some(85.0), Some(85.0), Some(90.0)));
    }

    #[test]
    fn a_boundary_that_a_trial_did_not_reach_has_no_upper_end() {
        let mut data = scenario(&[0.0, -20.0]);
        data.phases[1].end_reason = Some("ended".into());
        let found = trials(&data, &StressLimits::default(), &one_core()).expect("trials");
        assert_eq!((found.trials[1].carried, found.trials[1].failed), (Some(95), None));
        assert!(found.ci_low.is_some() && found.ci_high.is_none(), "{found:?}");
    }

    #[test]
    fn one_trial_has_no_interval_and_a_trial_that_carried_nothing_confirms_nothing() {
        let one = told(&[0.0]);
        assert_eq!((one.mean, one.ci_low), (Some(85.0), None));
        let none = told(&[0.0, 25.0]);
        assert_eq!((none.trials[1].carried, none.confirmed, none.ci_low), (None, None, None));
        assert_eq!(none.lowest_failing, Some(70));
    }

    #[test]
    fn a_scenario_without_trials_has_none() {
        let mut data = scenario(&[0.0]);
        data.phases[0].name = "ramp".into();
        assert!(trials(&data, &StressLimits::default(), &BTreeMap::new()).is_none());
    }
}
