//! How long a scenario may take, and how many ticks: from its plan alone.

use std::time::Duration;

use crate::config::{PhaseConfig, ScenarioConfig};

/// A length between two ends; no longest one where a condition alone ends it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extent {
    /// At least so long.
    pub least: Duration,
    /// At most so long.
    pub most: Option<Duration>,
}

impl Extent {
    /// No time at all.
    pub const NONE: Extent = Extent { least: Duration::ZERO, most: Some(Duration::ZERO) };

    /// Of a phase: a condition may end it at once, its time ends it at the latest.
    #[must_use]
    pub fn of(phase: &PhaseConfig) -> Extent {
        let until = &phase.until;
        let conditional = until.drained || until.level_reached || until.threshold;
        let least = if conditional { Duration::ZERO } else { until.after.unwrap_or_default() };
        Extent { least, most: until.after }
    }

    /// Of all phases of a scenario, one after the other.
    #[must_use]
    pub fn of_scenario(scenario: &ScenarioConfig) -> Extent {
        let mut all = Extent::NONE;
        let mut may_end_here: Option<Duration> = None;
        for phase in &scenario.phases {
            let judged = phase.until.threshold || phase.until.threshold_at_end;
            if phase.threshold_ends_scenario && judged {
                let here = all.least + Extent::of(phase).least;
                may_end_here.get_or_insert(here);
            }
            all = all.then(Extent::of(phase));
        }
        Extent { least: may_end_here.unwrap_or(all.least), ..all }
    }

    /// This one, and then the other.
    #[must_use]
    pub fn then(self, other: Extent) -> Extent {
        let most = self.most.zip(other.most).map(|(a, b)| a.saturating_add(b));
        Extent { least: self.least.saturating_add(other.least), most }
    }
}

/// Ticks in so much time.
#[must_use]
pub fn ticks(length: Duration, interval: Duration) -> u64 {
    let ticks = length.as_secs_f64() / interval.as_secs_f64().max(1e-3);
    (ticks + 1e-6).floor() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DurationLeak, SpeedScaling, Stress, StressLimits};
    use crate::scenario::builtin;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn conditions_shorten_a_phase_and_times_end_it() {
        let numbers = DurationLeak::default();
        let extent = Extent::of_scenario(&builtin::duration(&numbers, &StressLimits::default()));
        // The level before, settle, active and cooldown are as long as they are; spawn and drain may be over at once.
        assert_eq!(extent.least, secs(30 + 5 + 300 + 600));
        assert_eq!(extent.most, Some(secs(30 + 120 + 5 + 300 + 600 + 600)));
    }

    #[test]
    fn a_threshold_may_end_a_scenario_at_its_first_judgement() {
        let extent = Extent::of_scenario(&builtin::stress(&Stress::default()));
        assert_eq!((extent.least, extent.most), (secs(10), Some(secs(10 + 1800))));
        let extent = Extent::of_scenario(&builtin::speed(&SpeedScaling::default()));
        assert_eq!(extent.least, secs(5 + 480));
    }

    #[test]
    fn a_phase_that_only_a_condition_ends_has_no_longest_time() {
        let mut spec = builtin::stress(&Stress::default());
        spec.phases[1].until.after = None;
        assert_eq!(Extent::of_scenario(&spec).most, None);
    }

    #[test]
    fn ticks_fall_on_multiples_of_the_interval() {
        assert_eq!(ticks(secs(30), secs(2)), 15);
        assert_eq!(ticks(secs(31), secs(2)), 15);
        assert_eq!(ticks(Duration::from_millis(1500), Duration::from_millis(500)), 3);
    }
}
