//! Tasks that leak, as isolate told them apart.

use crate::analysis::analyze::Analysis;
use crate::analysis::isolate::{Attribution, IsolatedContainer, Isolation, TaskEffect};
use crate::model::units::{MB, fixed};

use super::{Finding, FindingKind, Severity};

/// Key of the scenario.
const SCENARIO: &str = "isolate";

pub(super) fn find(analysis: &Analysis) -> Vec<Finding> {
    let Some(isolation) = &analysis.isolation else { return Vec::new() };
    let expected = &analysis.settings.expect.task_leak;
    let mut all: Vec<Finding> = isolation
        .culprits()
        .map(|(container, effect)| {
            let mut finding = named(isolation, container, effect);
            finding.expected = expected.contains(&id(&container.container, &effect.task));
            finding
        })
        .collect();
    all.extend(isolation.containers.iter().filter_map(unseparated));
    all.extend(isolation.containers.iter().flat_map(|c| undecided(isolation, c)));
    all.extend(too_short(isolation));
    all.extend(missed(isolation, expected));
    all
}

fn id(container: &str, task: &str) -> String {
    format!("{container}/{task}")
}

fn named(isolation: &Isolation, container: &IsolatedContainer, effect: &TaskEffect) -> Finding {
    let name = &container.container;
    let message = format!(
        "{name} keeps {} of {} in {}",
        per_unit(isolation, effect),
        effect.task,
        container.figure
    );
    Finding::about(FindingKind::TaskLeak, Severity::Critical, name, message)
        .with(effect.bytes_per_unit, None)
        .in_scenario(SCENARIO)
}

/// `32.1 KB (31.8 .. 32.4) a request`.
#[must_use]
pub fn per_unit(isolation: &Isolation, effect: &TaskEffect) -> String {
    let (Some(bytes), Some(low), Some(high)) =
        (effect.bytes_per_unit, effect.ci_low, effect.ci_high)
    else {
        return "an unknown amount".to_string();
    };
    let largest = [bytes, low, high].into_iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    let (scale, unit) = match largest {
        size if size >= MB => (MB, "MB"),
        size if size >= 1024.0 => (1024.0, "KB"),
        _ => (1.0, "bytes"),
    };
    let number = |value: f64| fixed(value / scale, 1);
    let unit_of_work = &isolation.unit;
    let article = if unit_of_work.starts_with('a') { "an" } else { "a" };
    format!(
        "{} {unit} ({} .. {}) {article} {unit_of_work}",
        number(bytes),
        number(low),
        number(high)
    )
}

fn unseparated(container: &IsolatedContainer) -> Option<Finding> {
    let Attribution::NotSeparated { tasks } = &container.attribution else { return None };
    let name = &container.container;
    let message = format!(
        "{name} grows, but the tasks cannot be told apart: it may be {}; their intervals overlap \
         the others'",
        tasks.join(", ")
    );
    let kind = FindingKind::Inconclusive;
    Some(Finding::about(kind, Severity::Warning, name, message).in_scenario(SCENARIO))
}

/// Tasks beside the named ones whose intervals do not tell.
fn undecided<'a>(
    isolation: &'a Isolation,
    container: &'a IsolatedContainer,
) -> impl Iterator<Item = Finding> + 'a {
    let tasks: &[String] = match &container.attribution {
        Attribution::Named { undecided, .. } => undecided,
        _ => &[],
    };
    let effects = container.effects.iter().filter(|effect| tasks.contains(&effect.task));
    effects.map(|effect| {
        let name = &container.container;
        let message = format!(
            "whether {} leaks in {name} too cannot be told: it keeps {}",
            effect.task,
            per_unit(isolation, effect)
        );
        let kind = FindingKind::Inconclusive;
        Finding::about(kind, Severity::Info, name, message).in_scenario(SCENARIO)
    })
}

/// One finding for all containers that were measured in too few rounds.
fn too_short(isolation: &Isolation) -> Option<Finding> {
    let few = isolation.containers.iter().filter_map(|c| match c.attribution {
        Attribution::TooFewRounds { rounds } => Some((c.container.as_str(), rounds)),
        _ => None,
    });
    let few: Vec<(&str, u32)> = few.collect();
    let fewest = few.iter().map(|(_, rounds)| *rounds).min()?;
    let who = match few.as_slice() {
        [(name, _)] => (*name).to_string(),
        many => format!("{} containers", many.len()),
    };
    let message =
        format!("no task can be named for {who}: {fewest} rounds were measured, 3 are needed");
    let name = few.first().map_or("", |(name, _)| name);
    let kind = FindingKind::InsufficientData;
    let mut finding = Finding::about(kind, Severity::Info, name, message).in_scenario(SCENARIO);
    finding.container = finding.container.filter(|_| few.len() == 1);
    Some(finding)
}

/// Planted tasks that were not named.
fn missed(isolation: &Isolation, expected: &[String]) -> Vec<Finding> {
    let found: Vec<String> =
        isolation.culprits().map(|(c, effect)| id(&c.container, &effect.task)).collect();
    let missing = expected.iter().filter(|wanted| !found.contains(wanted));
    missing
        .map(|wanted| {
            let (name, task) = wanted.split_once('/').unwrap_or((wanted, ""));
            let container = isolation.containers.iter().find(|c| c.container == name);
            let effect = container.and_then(|c| c.effects.iter().find(|e| e.task == task));
            let found = effect.map_or("it was not measured".to_string(), |effect| {
                format!("it keeps {}", per_unit(isolation, effect))
            });
            let message = format!("{task} was expected to leak in {name}: {found}");
            Finding::about(FindingKind::MissedLeak, Severity::Critical, name, message)
                .in_scenario(SCENARIO)
        })
        .collect()
}
