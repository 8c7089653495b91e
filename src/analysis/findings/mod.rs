//! What the analysis says: findings with their evidence, bottlenecks, and what to do.

mod advice;
mod finding;
mod gpus;
mod leaks;
mod limits;
mod load;
mod metrics;
pub mod remedies;
mod resources;
mod sources;
mod stack;
mod tasks;
mod unfinished;

pub use advice::{bottlenecks, recommendations};
pub use finding::{Finding, FindingKind, Severity};
pub use leaks::{could_hide, rate, too_much_could_hide, until_limit};
pub use limits::{in_words, is_failed_load};
pub use metrics::figure;
pub use resources::rate as resource_rate;
pub use tasks::per_unit;

use super::analyze::Analysis;

/// All findings of an analysis, the gravest first. `day` is the day of the run, by which accepted
/// findings expire.
#[must_use]
pub fn find(analysis: &Analysis, day: Option<chrono::NaiveDate>) -> Vec<Finding> {
    let mut all = leaks::find(analysis);
    all.extend(resources::find(analysis));
    all.extend(gpus::find(analysis));
    all.extend(tasks::find(analysis));
    all.extend(stack::find(analysis));
    all.extend(limits::find(analysis));
    all.extend(load::find(analysis));
    all.extend(metrics::find(analysis));
    all.extend(sources::find(analysis));
    all.extend(unfinished::find(analysis));
    for finding in &mut all {
        finding.settle(&analysis.settings, day);
    }
    all.sort_by(|a, b| {
        let gravity = |f: &Finding| (f.fails, f.severity, std::cmp::Reverse(f.kind));
        gravity(b)
            .cmp(&gravity(a))
            .then_with(|| b.value.unwrap_or(0.0).total_cmp(&a.value.unwrap_or(0.0)))
            .then_with(|| a.container.cmp(&b.container))
    });
    all
}

#[cfg(test)]
mod tests;
