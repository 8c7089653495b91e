//! Trips: what each pair of agents does, over and over, in real time.

use std::time::Duration;

/// The longest trip, and so the longest time that draining takes.
pub(super) const LONGEST_TRIP: Duration = Duration::from_secs(5);
const SHORTEST_TRIP: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// What a pair does until a time of the simulation's own clock.
#[derive(Debug, Clone, Copy)]
enum Pair {
    Waiting { until: Duration },
    Riding { until: Duration },
}

/// The trips of all pairs.
#[derive(Debug)]
pub(super) struct Trips {
    pairs: Vec<Pair>,
    completed: u64,
    seed: u64,
}

impl Default for Trips {
    fn default() -> Trips {
        // A fixed seed: two runs of the demo see the same trips.
        Trips { pairs: Vec::new(), completed: 0, seed: 0x2545_F491_4F6C_DD1D }
    }
}

impl Trips {
    /// Brings every pair up to `now`. There are `pairs` of them, never fewer than before. New
    /// trips begin only when `open`.
    pub fn advance(&mut self, now: Duration, pairs: usize, open: bool) {
        while self.pairs.len() < pairs {
            let until = now + self.random(Duration::ZERO, LONGEST_WAIT);
            self.pairs.push(Pair::Waiting { until });
        }
        for index in 0..self.pairs.len() {
            self.pairs[index] = match self.pairs[index] {
                Pair::Riding { until } if until <= now => {
                    self.completed += 1;
                    Pair::Waiting { until: now + self.random(Duration::ZERO, LONGEST_WAIT) }
                }
                Pair::Waiting { until } if until <= now && open => {
                    Pair::Riding { until: now + self.random(SHORTEST_TRIP, LONGEST_TRIP) }
                }
                same => same,
            };
        }
    }

    /// Ends every trip where it is.
    pub fn abort(&mut self, now: Duration) {
        for pair in &mut self.pairs {
            *pair = Pair::Waiting { until: now };
        }
    }

    /// Trips under way.
    pub fn active(&self) -> usize {
        self.pairs.iter().filter(|pair| matches!(pair, Pair::Riding { .. })).count()
    }

    /// Trips that came to their end.
    pub fn completed(&self) -> u64 {
        self.completed
    }

    /// A time in `from..to` (xorshift: good enough for trips, and no dependency).
    fn random(&mut self, from: Duration, to: Duration) -> Duration {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        let share = (self.seed >> 11) as f64 / (1u64 << 53) as f64;
        from + (to - from).mul_f64(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(25);

    /// Advances second by second of steps; returns the time reached.
    fn run(trips: &mut Trips, from: Duration, length: Duration, pairs: usize, open: bool) {
        let mut now = from;
        while now < from + length {
            now += STEP;
            trips.advance(now, pairs, open);
        }
    }

    #[test]
    fn most_pairs_are_on_a_trip_and_trips_come_to_an_end() {
        let mut trips = Trips::default();
        run(&mut trips, Duration::ZERO, Duration::from_secs(60), 100, true);
        assert!((70..=100).contains(&trips.active()), "{} active", trips.active());
        assert!(trips.completed() > 1000, "{} completed", trips.completed());
    }

    #[test]
    fn once_closed_every_trip_ends_within_the_longest_trip() {
        let mut trips = Trips::default();
        run(&mut trips, Duration::ZERO, Duration::from_secs(20), 500, true);
        let before = trips.active();
        run(&mut trips, Duration::from_secs(20), STEP, 500, false);
        assert!(trips.active() <= before && trips.active() > 0);
        run(&mut trips, Duration::from_secs(20) + STEP, LONGEST_TRIP, 500, false);
        assert_eq!(trips.active(), 0);
    }

    #[test]
    fn an_aborted_trip_is_not_a_completed_one() {
        let mut trips = Trips::default();
        run(&mut trips, Duration::ZERO, Duration::from_millis(1500), 10, true);
        trips.abort(Duration::from_millis(1500));
        assert_eq!((trips.active(), trips.completed()), (0, 0));
    }
}
