//! What became of the load's requests, by its own counters: demand is what was asked for, work is
//! what was answered.

/// Requests that were answered and that failed: counted so far, or in a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Work {
    /// Answered with success.
    pub answered: f64,
    /// Failed, or answered with an error.
    pub failed: f64,
}

/// Fewer failed requests than this are no share: one may be anything.
const LEAST_FAILED: f64 = 2.0;

impl Work {
    /// The counters of all tasks (`requests.NAME`, `failures.NAME`) among the numbers of a load; none
    /// where it counts no requests.
    #[must_use]
    pub fn counted<'a>(metrics: impl IntoIterator<Item = (&'a str, f64)>) -> Option<Work> {
        let mut counts_requests = false;
        let mut sum = Work::default();
        for (name, value) in metrics.into_iter().filter(|(_, value)| value.is_finite()) {
            match name.split_once('.').map_or(name, |(kind, _)| kind) {
                "requests" => {
                    counts_requests = true;
                    sum.answered += value;
                }
                "failures" => sum.failed += value,
                _ => {}
            }
        }
        counts_requests.then_some(sum)
    }

    /// What was done since an earlier count; none where a counter fell, for it began anew.
    #[must_use]
    pub fn since(self, before: Work) -> Option<Work> {
        let done =
            Work { answered: self.answered - before.answered, failed: self.failed - before.failed };
        (done.answered >= 0.0 && done.failed >= 0.0).then_some(done)
    }

    /// Both stretches together.
    #[must_use]
    pub fn and(self, other: Work) -> Work {
        Work { answered: self.answered + other.answered, failed: self.failed + other.failed }
    }

    /// All requests that came to an end.
    #[must_use]
    pub fn all(self) -> f64 {
        self.answered + self.failed
    }

    /// Share of them that failed, percent; none where there was none, or where a single one failed.
    #[must_use]
    pub fn failed_percent(self) -> Option<f64> {
        let tells = self.all() > 0.0 && (self.failed >= LEAST_FAILED || self.failed == 0.0);
        tells.then(|| 100.0 * self.failed / self.all())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counters_of_all_tasks_are_added_and_other_numbers_are_not() {
        let metrics = [
            ("requests.a", 10.0),
            ("requests.b", 5.0),
            ("failures.a", 1.0),
            ("failures.b", 2.0),
            ("causes.404.a", 1.0),
            ("in_flight", 7.0),
        ];
        let work = Work::counted(metrics).expect("it counts");
        assert_eq!(work, Work { answered: 15.0, failed: 3.0 });
        assert_eq!(Work::counted([("failures.drivers", 3.0), ("calls.drivers", 1.0)]), None);
        assert_eq!(Work::counted([("real_time_ratio", 1.0)]), None);
    }

    #[test]
    fn a_counter_that_began_anew_and_a_single_failure_tell_no_share() {
        let work = |answered, failed| Work { answered, failed };
        assert_eq!(work(3.0, 0.0).since(work(9.0, 0.0)), None);
        assert_eq!(work(9.0, 3.0).since(work(4.0, 1.0)), Some(work(5.0, 2.0)));
        assert_eq!(work(2.0, 1.0).failed_percent(), None);
        assert_eq!(work(0.0, 0.0).failed_percent(), None);
        assert_eq!(work(0.0, 2.0).failed_percent(), Some(100.0));
        assert_eq!(work(9.0, 0.0).failed_percent(), Some(0.0));
    }
}
