//! Tasks of the load, and kinds of agents, of which half failed for a while.

use crate::analysis::analyze::Analysis;
use crate::analysis::load::{BURST_SECONDS, TaskLoad};

use super::{Finding, FindingKind, Severity};

pub(super) fn find(analysis: &Analysis) -> Vec<Finding> {
    let all = analysis.load.scenarios.iter();
    let all = all.flat_map(|load| load.tasks.iter().map(move |task| (&load.scenario, task)));
    all.filter_map(|(scenario, task)| Some(failing(task)?.in_scenario(scenario))).collect()
}

fn failing(task: &TaskLoad) -> Option<Finding> {
    let burst = task.burst?;
    let cause = task.causes.first().map(|(cause, _)| format!(" ({cause})")).unwrap_or_default();
    let message = format!(
        "{}: {} of {} {} failed within {BURST_SECONDS:.0} s{cause}; {} of {} in all",
        task.task,
        burst.failed,
        burst.all,
        task.unit.word(),
        task.failed,
        task.all()
    );
    let percent = 100.0 * burst.failed as f64 / burst.all as f64;
    let finding = Finding::about(FindingKind::LoadFailed, Severity::Critical, "", message);
    let finding = finding.with(Some(percent), Some(50.0));
    Some(Finding { container: None, task: Some(task.task.clone()), ..finding })
}
