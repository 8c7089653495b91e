//! What endpoints said last: written by the tasks that ask them, read by ticks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::{HealthConfig, MetricConfig, MetricKind};
use crate::model::{Gap, HealthCheck, Measured, SourceKind, Watched};

/// A reading older than this many intervals is a gap.
const STALE_INTERVALS: f64 = 2.0;

/// Checks that are kept between two ticks at most; the oldest go first.
const MOST_CHECKS: usize = 10_000;

/// What endpoints said last.
#[derive(Debug, Clone)]
pub struct Board {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    /// Counts the resets of the stack; what was asked before one is of no use after it.
    era: u64,
    /// When the era began, seconds on the run's clock.
    since: f64,
    metrics: Vec<Slot>,
    health: Vec<Checks>,
}

#[derive(Debug)]
struct Slot {
    name: String,
    kind: MetricKind,
    container: Option<String>,
    interval: f64,
    latest: Option<Result<(f64, f64), String>>,
}

#[derive(Debug)]
struct Checks {
    name: String,
    container: Option<String>,
    done: Vec<(HealthCheck, Option<String>)>,
}

impl Board {
    /// An empty board for these metrics and checks.
    #[must_use]
    pub fn new(metrics: &[MetricConfig], health: &[HealthConfig]) -> Board {
        let slot = |m: &MetricConfig| Slot {
            name: m.rule.name.clone(),
            kind: m.rule.kind,
            container: m.rule.container.clone(),
            interval: m.interval.as_secs_f64(),
            latest: None,
        };
        let checks = |h: &HealthConfig| Checks {
            name: h.rule.name.clone(),
            container: h.rule.container.clone(),
            done: Vec::new(),
        };
        let inner = Inner {
            era: 0,
            since: 0.0,
            metrics: metrics.iter().map(slot).collect(),
            health: health.iter().map(checks).collect(),
        };
        Board { inner: Arc::new(Mutex::new(inner)) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stack was reset: everything said so far is forgotten. Answers the new era.
    pub fn begin(&self, now: f64) -> u64 {
        let mut inner = self.lock();
        inner.era += 1;
        inner.since = now;
        inner.metrics.iter_mut().for_each(|slot| slot.latest = None);
        inner.health.iter_mut().for_each(|checks| checks.done.clear());
        inner.era
    }

    /// Notes what a metric was read as at `at`, or why not; asked in `era`.
    pub fn metric(&self, era: u64, index: usize, at: f64, read: Result<f64, String>) {
        let mut inner = self.lock();
        if inner.era != era {
            return;
        }
        if let Some(slot) = inner.metrics.get_mut(index) {
            slot.latest = Some(read.map(|value| (value, at)));
        }
    }

    /// Notes a health check that began in `era`; `why` says why it failed.
    pub fn check(&self, era: u64, index: usize, check: HealthCheck, why: Option<String>) {
        let mut inner = self.lock();
        if inner.era != era {
            return;
        }
        if let Some(checks) = inner.health.get_mut(index) {
            if checks.done.len() >= MOST_CHECKS {
                checks.done.remove(0);
            }
            checks.done.push((check, why));
        }
    }

    /// What a tick at `now` takes: the latest reading of each metric, all checks since the tick
    /// before, and a gap for each that has none. `life_of` tells which life a metric was read from.
    #[must_use]
    pub fn take(&self, now: f64, life_of: impl Fn(usize) -> u32) -> (Watched, Vec<Gap>) {
        let mut inner = self.lock();
        let (mut watched, mut gaps) = (Watched::default(), Vec::new());
        if inner.era == 0 {
            return (watched, gaps);
        }
        for (index, slot) in inner.metrics.iter().enumerate() {
            match slot.at(now, inner.since) {
                Ok(Some((value, at))) => {
                    let reading = Measured { value, at, life: life_of(index) };
                    match slot.kind {
                        MetricKind::Gauge => watched.gauges.insert(slot.name.clone(), reading),
                        MetricKind::Counter => watched.counters.insert(slot.name.clone(), reading),
                    };
                }
                Ok(None) => {}
                Err(why) => {
                    gaps.push(gap(&slot.container, format!("metric {}: {why}", slot.name)));
                }
            }
        }
        for checks in inner.health.iter_mut().filter(|checks| !checks.done.is_empty()) {
            for why in checks.done.iter().filter_map(|(_, why)| why.as_ref()) {
                gaps.push(gap(&checks.container, format!("health {}: {why}", checks.name)));
            }
            let done = checks.done.drain(..).map(|(check, _)| check).collect();
            watched.health.insert(checks.name.clone(), done);
        }
        (watched, gaps)
    }
}

impl Slot {
    /// The reading that is good at `now`, nothing yet, or why there is none.
    fn at(&self, now: f64, since: f64) -> Result<Option<(f64, f64)>, &str> {
        let patience = STALE_INTERVALS * self.interval;
        match &self.latest {
            None if now - since > patience => Err("no answer for two intervals"),
            None => Ok(None),
            Some(Err(why)) => Err(why),
            Some(Ok((_, at))) if now - at > patience => Err("no answer for two intervals"),
            Some(Ok(reading)) => Ok(Some(*reading)),
        }
    }
}

fn gap(container: &Option<String>, reason: String) -> Gap {
    Gap { source: SourceKind::Custom, container: container.clone(), reason }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::config::{HealthRule, MetricRule, Pick};

    fn board() -> Board {
        let metric = |name: &str, kind| MetricConfig {
            rule: MetricRule { kind, ..MetricRule::named(name) },
            address: "web:80/stats".into(),
            pick: Pick::Pointer("/a".into()),
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(2),
            headers: BTreeMap::new(),
        };
        let check = HealthConfig {
            rule: HealthRule::named("web"),
            address: "web:80/health".into(),
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            headers: BTreeMap::new(),
        };
        let metrics = [metric("depth", MetricKind::Gauge), metric("jobs", MetricKind::Counter)];
        Board::new(&metrics, &[check])
    }

    fn reasons(gaps: &[Gap]) -> Vec<&str> {
        gaps.iter().map(|gap| gap.reason.as_str()).collect()
    }

    #[test]
    fn the_latest_reading_is_taken_until_it_is_two_intervals_old() {
        let board = board();
        assert_eq!(
            board.take(0.0, |_| 0),
            (Watched::default(), Vec::new()),
            "nothing is asked yet"
        );
        let era = board.begin(1.0);
        board.metric(era, 0, 2.0, Ok(7.0));
        board.metric(era, 1, 2.0, Ok(40.0));
        for now in [3.0, 8.0, 12.0] {
            let (watched, gaps) = board.take(now, |index| index as u32);
            assert_eq!(watched.gauges["depth"], Measured { value: 7.0, at: 2.0, life: 0 });
            assert_eq!(watched.counters["jobs"], Measured { value: 40.0, at: 2.0, life: 1 });
            assert!(gaps.is_empty());
        }
        let (watched, gaps) = board.take(12.1, |_| 0);
        assert!(watched.is_empty());
        assert_eq!(
            reasons(&gaps),
            [
                "metric depth: no answer for two intervals",
                "metric jobs: no answer for two intervals"
            ]
        );
    }

    #[test]
    fn a_failed_read_is_a_gap_at_once_and_a_silent_start_after_two_intervals() {
        let board = board();
        let era = board.begin(100.0);
        board.metric(era, 0, 100.5, Err("HTTP 500".into()));
        let (watched, gaps) = board.take(101.0, |_| 0);
        assert!(watched.is_empty());
        assert_eq!(reasons(&gaps), ["metric depth: HTTP 500"], "the other one may still come");
        assert_eq!(board.take(110.1, |_| 0).1.len(), 2);
    }

    #[test]
    fn checks_are_taken_once_and_failures_have_no_latency() {
        let board = board();
        let era = board.begin(0.0);
        board.check(era, 0, HealthCheck { at: 1.0, ms: Some(3.5) }, None);
        board.check(era, 0, HealthCheck { at: 2.0, ms: None }, Some("HTTP 503".into()));
        let (watched, gaps) = board.take(3.0, |_| 0);
        assert_eq!(watched.health["web"].len(), 2);
        assert_eq!(reasons(&gaps), ["health web: HTTP 503"]);
        assert_eq!(board.take(4.0, |_| 0), (Watched::default(), Vec::new()));
    }

    #[test]
    fn what_was_asked_before_a_reset_does_not_count_after_it() {
        let board = board();
        let before = board.begin(0.0);
        board.metric(before, 0, 1.0, Ok(1.0));
        board.check(before, 0, HealthCheck { at: 1.0, ms: Some(1.0) }, None);
        let after = board.begin(2.0);
        board.metric(before, 0, 2.5, Ok(2.0));
        board.check(before, 0, HealthCheck { at: 1.9, ms: None }, Some("refused".into()));
        assert_eq!(board.take(3.0, |_| 0), (Watched::default(), Vec::new()));
        board.metric(after, 0, 3.0, Ok(3.0));
        assert_eq!(board.take(3.5, |_| 0).0.gauges["depth"].value, 3.0);
    }
}
