//! How fast and how fresh a cAdvisor is, and which flags would make it better.

use std::time::Duration;

/// The flags that made the recorded cAdvisors (0.49 and 0.60) fresh at the least cost: containers
/// of the engine only, a look each second whatever they do, and no figures that nobody reads.
pub const ADVISED_FLAGS: &str = "--docker_only \
    --housekeeping_interval=1s --allow_dynamic_housekeeping=false \
    --disable_metrics=advtcp,cpu_topology,cpuset,disk,hugetlb,memory_numa,percpu,process,\
    referenced_memory,resctrl,sched,tcp,udp";

/// What was measured on one cAdvisor.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Diagnosis {
    /// How long the call took that takes figures as they are.
    pub unforced: Duration,
    /// How long the call took that makes cAdvisor read the kernel first; none where it failed.
    pub forced: Option<Duration>,
    /// Ages of the figures as they are, seconds, ascending.
    pub ages: Vec<f64>,
}

impl Diagnosis {
    /// In words: call times and ages.
    #[must_use]
    pub fn describe(&self) -> String {
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let forced = match self.forced {
            Some(time) => format!("{:.0} ms with max_age=0s", ms(time)),
            None => "no answer in time with max_age=0s".to_owned(),
        };
        let calls = format!("a call takes {:.0} ms, {forced}", ms(self.unforced));
        match (self.age(0.5), self.age(0.9), self.ages.last()) {
            (Some(median), Some(most), Some(oldest)) => format!(
                "{calls}; unforced figures of {} containers are {median:.1} s old (median), \
                 {most:.1} s (90 %), {oldest:.1} s at most",
                self.ages.len()
            ),
            _ => format!("{calls}; it has no figures of any container"),
        }
    }

    /// What to do, where it is too slow for readings each `interval` with `limit` a call.
    #[must_use]
    pub fn remedy(&self, interval: Duration, limit: Duration) -> Option<String> {
        // Half of the limit is left for the others.
        let slow = self.unforced > limit / 2 || self.forced.is_none_or(|time| time > limit / 2);
        let usable = 2.0 * interval.as_secs_f64();
        let old = self.age(0.9).is_some_and(|age| age > usable);
        (slow || old).then(|| {
            format!(
                "start cAdvisor with {ADVISED_FLAGS} (a name that your version does not know can \
                 be left out), or sample at longer intervals"
            )
        })
    }

    fn age(&self, share: f64) -> Option<f64> {
        let last = self.ages.len().checked_sub(1)?;
        self.ages.get((share * last as f64).round() as usize).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(2);
    const LIMIT: Duration = Duration::from_secs(2);

    fn quick(ages: &[f64]) -> Diagnosis {
        let ms = Duration::from_millis;
        Diagnosis { unforced: ms(7), forced: Some(ms(25)), ages: ages.to_vec() }
    }

    #[test]
    fn a_quick_and_fresh_one_needs_nothing() {
        let fresh = quick(&[0.1, 0.5, 0.6, 0.9, 2.0]);
        assert_eq!(fresh.remedy(INTERVAL, LIMIT), None);
        assert_eq!(
            fresh.describe(),
            "a call takes 7 ms, 25 ms with max_age=0s; unforced figures of 5 containers are \
             0.6 s old (median), 2.0 s (90 %), 2.0 s at most"
        );
    }

    #[test]
    fn old_figures_and_slow_calls_are_answered_with_the_flags() {
        let old = quick(&[0.7, 17.0, 55.0]);
        let remedy = old.remedy(INTERVAL, LIMIT).expect("remedy");
        assert!(remedy.contains("--allow_dynamic_housekeeping=false"), "{remedy}");
        let stuck = Diagnosis { forced: None, ..quick(&[0.1]) };
        assert!(stuck.remedy(INTERVAL, LIMIT).is_some());
        assert!(stuck.describe().contains("no answer in time"), "{}", stuck.describe());
        let empty = quick(&[]);
        assert!(empty.describe().ends_with("no figures of any container"));
    }
}
