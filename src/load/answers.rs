//! What became of a load's requests (or calls), by what they were for: how many were answered, how many
//! failed, and of what.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Causes of one task that are told apart; the rest is `other`.
const MOST_CAUSES: usize = 12;
/// Characters of a body that a message shows.
const SHOWN: usize = 200;

/// The counts of each task since the start of the run.
pub(super) struct Answers {
    tasks: Vec<(String, Mutex<Tally>)>,
    latest: Mutex<Option<String>>,
}

#[derive(Default)]
struct Tally {
    answered: u64,
    failed: u64,
    causes: BTreeMap<String, u64>,
}

/// Why one failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// In the few words that failures are counted by: `404`, `connection refused`.
    pub(super) cause: String,
    /// In words, as the other side said it.
    pub(super) said: String,
}

impl Failure {
    /// Of an answer with a status that is no success, and the beginning of its body.
    pub(super) fn of_status(status: reqwest::StatusCode, body: &[u8]) -> Failure {
        let body = beginning(&String::from_utf8_lossy(body));
        Failure { cause: status.as_u16().to_string(), said: format!("{status}: {body}") }
    }

    /// Of a request without an answer, or without a whole one.
    pub(super) fn of_error(error: &reqwest::Error) -> Failure {
        let cause = crate::net::cause(error);
        Failure { cause: cause.to_string(), said: format!("{cause} ({})", chain(error)) }
    }
}

impl Answers {
    /// No counts yet of tasks of these names.
    pub(super) fn of(names: impl Iterator<Item = String>) -> Answers {
        let tasks = names.map(|name| (name, Mutex::default())).collect();
        Answers { tasks, latest: Mutex::default() }
    }

    /// A request of a task (by its index) was answered.
    pub(super) fn answered(&self, task: usize) {
        if let Some(mut tally) = self.tally(task) {
            tally.answered += 1;
        }
    }

    /// One failed.
    pub(super) fn failed(&self, task: usize, cause: &str, said: String) {
        if let Some(mut tally) = self.tally(task) {
            tally.failed += 1;
            let known = tally.causes.contains_key(cause) || tally.causes.len() < MOST_CAUSES;
            let cause = if known { cause } else { "other" };
            *tally.causes.entry(cause.to_string()).or_default() += 1;
        }
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(said);
    }

    /// What was said of the latest one that failed.
    pub(super) fn latest_failure(&self) -> Option<String> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The counts as numbers of a report: `WORD.TASK`, `failures.TASK`, `causes.CAUSE.TASK`.
    /// `also_unused`: also of tasks that nothing was asked for.
    pub(super) fn put(&self, word: &str, also_unused: bool, metrics: &mut BTreeMap<String, f64>) {
        for (index, (name, _)) in self.tasks.iter().enumerate() {
            let Some(tally) = self.tally(index) else { continue };
            if tally.answered + tally.failed == 0 && !also_unused {
                continue;
            }
            metrics.insert(format!("{word}.{name}"), tally.answered as f64);
            metrics.insert(format!("failures.{name}"), tally.failed as f64);
            for (cause, count) in &tally.causes {
                metrics.insert(format!("causes.{cause}.{name}"), *count as f64);
            }
        }
    }

    fn tally(&self, task: usize) -> Option<MutexGuard<'_, Tally>> {
        let (_, tally) = self.tasks.get(task)?;
        Some(tally.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The beginning of a body on one line, without control characters.
pub(super) fn beginning(body: &str) -> String {
    let body = body.trim();
    if body.is_empty() {
        return "(no body)".to_string();
    }
    let line: String =
        body.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.chars().count() < body.chars().count() { format!("{line}...") } else { line }
}

/// The innermost cause of an error, without the URL that may hold credentials.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_by_task_and_cause_and_the_kinds_of_causes_are_bounded() {
        let answers = Answers::of(["a", "b"].into_iter().map(str::to_string));
        answers.answered(0);
        for status in 400..420 {
            answers.failed(1, &status.to_string(), format!("{status}: no"));
        }
        answers.failed(1, "400", "400: again".to_string());
        let mut metrics = BTreeMap::new();
        answers.put("requests", true, &mut metrics);
        assert_eq!((metrics["requests.a"], metrics["failures.a"]), (1.0, 0.0));
        assert_eq!((metrics["requests.b"], metrics["failures.b"]), (0.0, 21.0));
        assert_eq!((metrics["causes.400.b"], metrics["causes.other.b"]), (2.0, 8.0));
        assert_eq!(answers.latest_failure().as_deref(), Some("400: again"));
    }

    #[test]
    fn tasks_that_nothing_was_asked_for_can_be_left_out() {
        let answers = Answers::of(["a", "b"].into_iter().map(str::to_string));
        answers.failed(1, "500", "500: boom".to_string());
        let mut metrics = BTreeMap::new();
        answers.put("calls", false, &mut metrics);
        assert_eq!(
            metrics.into_keys().collect::<Vec<_>>(),
            ["calls.b", "causes.500.b", "failures.b"]
        );
    }
}
