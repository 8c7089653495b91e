//! How a series CSV is read where the file itself does not say.

use std::time::Duration;

use serde::Serialize;

use super::some_seconds;

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum TimeUnit {
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Microseconds.
    #[serde(rename = "us")]
    Microseconds,
    /// Nanoseconds.
    #[serde(rename = "ns")]
    Nanoseconds,
}

impl TimeUnit {
    /// All of them, the longest first.
    pub const ALL: [TimeUnit; 4] =
        [TimeUnit::Seconds, TimeUnit::Milliseconds, TimeUnit::Microseconds, TimeUnit::Nanoseconds];

    /// The word that a config has for it: `s`, `ms`, `us`, `ns`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            TimeUnit::Seconds => "s",
            TimeUnit::Milliseconds => "ms",
            TimeUnit::Microseconds => "us",
            TimeUnit::Nanoseconds => "ns",
        }
    }

    /// Its name in sentences.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TimeUnit::Seconds => "seconds",
            TimeUnit::Milliseconds => "milliseconds",
            TimeUnit::Microseconds => "microseconds",
            TimeUnit::Nanoseconds => "nanoseconds",
        }
    }

    /// Its length in seconds.
    #[must_use]
    pub fn seconds(self) -> f64 {
        match self {
            TimeUnit::Seconds => 1.0,
            TimeUnit::Milliseconds => 1e-3,
            TimeUnit::Microseconds => 1e-6,
            TimeUnit::Nanoseconds => 1e-9,
        }
    }
}

/// `[series]`: what a series CSV leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct SeriesConfig {
    /// The unit of its times; absent: what the file shows.
    pub time_unit: Option<TimeUnit>,
    /// Time between two rounds of a recording of `docker stats` whose lines have no time.
    #[serde(serialize_with = "some_seconds")]
    pub interval: Option<Duration>,
}
