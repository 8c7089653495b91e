//! The smallest leak that a measurement finds, before it is made and after.

use serde::{Deserialize, Serialize};

use crate::config::LeakConfig;

/// What memory does around its trend: an AR(1) process.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Noise {
    /// Standard deviation, MB.
    pub sd_mb: f64,
    /// Time over which it forgets where it was, seconds.
    pub correlation_seconds: f64,
}

impl Noise {
    /// What services with a runtime of their own do, for planning when nothing was measured yet:
    /// the middle of 0.3 to 4 MB with 15 to 120 s.
    pub const TYPICAL: Noise = Noise { sd_mb: 1.1, correlation_seconds: 45.0 };
}

/// What a measurement of a minute leaves open of a rate for each MB of noise, MB/min, and the power
/// of the length by which it shrinks. Fitted to [`detectable`]'s table.
const OPEN: f64 = 40.4;
const SHRINKS: f64 = 1.64;

/// Part of it that counts above the rate from which a container may be accused at all.
const ABOVE_LEAST: f64 = 0.31;

/// Blocks are no shorter, seconds: ticks further apart are fewer points.
const BLOCK: f64 = 30.0;

/// Longest correlation time that was looked at, seconds. Beyond it half the power of a longer one
/// is lost, as for the slope of a line with AR(1) errors.
const LONGEST: f64 = 120.0;

/// The smallest leak, MB/min, that is found (leak or suspect) with a probability of 80 % by
/// measuring `minutes` under steady load (after trimming) with a tick every `interval` seconds.
/// None for a length of nothing.
///
/// Fitted to what the procedure itself finds in AR(1) noise with a steady leak, 120 containers a
/// step (`--example evaluate -- --power 120 --seed 1`). MB/min measured and, after the slash, by
/// this formula; minutes before trimming 10 % of them:
///
/// | noise | 5 | 10 | 20 | 60 |
/// |---|---|---|---|---|
/// | 0.3 MB, 30 s | 1.24 / 1.28 | 0.55 / 0.60 | 0.53 / 0.53 | 0.50 / 0.51 |
/// | 1 MB, 15 s | 3.81 / 3.67 | 1.16 / 1.35 | 0.57 / 0.61 | 0.50 / 0.52 |
/// | 1 MB, 45 s | 3.97 / 3.67 | 1.39 / 1.35 | 0.64 / 0.61 | 0.51 / 0.52 |
/// | 1 MB, 120 s | 2.83 / 3.67 | 1.33 / 1.35 | 0.63 / 0.61 | 0.53 / 0.52 |
/// | 2.5 MB, 45 s | 9.94 / 8.82 | 3.42 / 3.00 | 1.07 / 1.13 | 0.53 / 0.55 |
/// | 4 MB, 90 s | 12.8 / 14.0 | 5.79 / 4.65 | 1.48 / 1.66 | 0.63 / 0.57 |
///
/// The correlation time hardly matters between 15 and 120 s: that it is not known, and blocks of 30 s
/// and more, cost more than what it is. Services that also collect, fill or step need more.
#[must_use]
pub fn detectable(noise: Noise, minutes: f64, interval: f64, config: &LeakConfig) -> Option<f64> {
    let usable = minutes > 0.0
        && interval >= 0.0
        && noise.sd_mb >= 0.0
        && !noise.correlation_seconds.is_nan();
    if !usable {
        return None;
    }
    let fewer = (interval / BLOCK).max(noise.correlation_seconds / LONGEST).max(1.0).sqrt();
    let open = OPEN * noise.sd_mb * fewer * minutes.powf(-SHRINKS);
    let (floor, least) = (config.floor_mb_per_min, config.suspect_mb_per_min);
    Some((floor + open).max(least + ABOVE_LEAST * open))
}

/// Minutes under load in which a leak of that rate is found with a probability of 80 %; none
/// within a week.
#[must_use]
pub fn minutes_for(noise: Noise, rate: f64, interval: f64, config: &LeakConfig) -> Option<f64> {
    let mut minutes = 1.0;
    while minutes < 7.0 * 24.0 * 60.0 {
        if detectable(noise, minutes, interval, config).is_some_and(|found| found <= rate) {
            return Some(minutes);
        }
        minutes *= 1.05;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_and_quieter_finds_smaller_leaks() {
        let at = |minutes| {
            detectable(Noise::TYPICAL, minutes, 2.0, &LeakConfig::default()).expect("a figure")
        };
        assert!(at(5.0) > at(10.0) && at(10.0) > at(20.0) && at(20.0) >= at(60.0));
        let quiet = Noise { sd_mb: 0.1, ..Noise::TYPICAL };
        assert!(
            detectable(quiet, 5.0, 2.0, &LeakConfig::default())
                < detectable(Noise::TYPICAL, 5.0, 2.0, &LeakConfig::default())
        );
        assert_eq!(detectable(Noise::TYPICAL, 0.0, 2.0, &LeakConfig::default()), None);
        assert_eq!(
            detectable(Noise { sd_mb: f64::NAN, ..quiet }, 5.0, 2.0, &LeakConfig::default()),
            None
        );
    }

    #[test]
    fn the_time_for_a_rate_is_the_time_after_which_it_is_found() {
        let minutes =
            minutes_for(Noise::TYPICAL, 1.0, 2.0, &LeakConfig::default()).expect("minutes");
        let found =
            detectable(Noise::TYPICAL, minutes, 2.0, &LeakConfig::default()).expect("a figure");
        assert!(found <= 1.0 && found > 0.85, "{minutes} {found}");
        assert_eq!(
            minutes_for(Noise::TYPICAL, 0.1, 2.0, &LeakConfig::default()),
            None,
            "below what is ever accused"
        );
    }

    #[test]
    fn the_measured_table_is_foretold() {
        // Standard deviation, correlation time, minutes before trimming, MB/min found in 80 of 100.
        let table = [
            (0.3, 30.0, 5.0, 1.244),
            (1.0, 15.0, 20.0, 0.569),
            (1.0, 45.0, 5.0, 3.971),
            (1.0, 45.0, 10.0, 1.386),
            (1.0, 120.0, 20.0, 0.634),
            (2.5, 45.0, 10.0, 3.423),
            (2.5, 45.0, 60.0, 0.532),
            (4.0, 90.0, 5.0, 12.842),
            (4.0, 90.0, 20.0, 1.483),
        ];
        let config = LeakConfig::default();
        for (sd_mb, correlation_seconds, minutes, measured) in table {
            let noise = Noise { sd_mb, correlation_seconds };
            let found = detectable(noise, 0.9 * minutes, 2.0, &config).expect("a figure");
            assert!((found / measured - 1.0).abs() < 0.15, "{noise:?} {minutes}: {found}");
        }
    }

    #[test]
    fn the_containers_own_thresholds_move_it() {
        let config = LeakConfig {
            suspect_mb_per_min: 5.0,
            floor_mb_per_min: 2.5,
            leak_mb_per_min: 10.0,
            ..LeakConfig::default()
        };
        let at = |config| detectable(Noise::TYPICAL, 54.0, 2.0, config).expect("a figure");
        assert!(at(&config) >= 5.0 && at(&LeakConfig::default()) < 0.6);
    }
}
