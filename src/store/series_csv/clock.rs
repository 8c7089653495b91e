//! Times of a series CSV: numbers in some unit, or dates.

use chrono::{DateTime, NaiveDateTime};

use super::{Row, Track, cells};
use crate::config::{SeriesConfig, TimeUnit};

/// How a file writes its times; the first one decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Numbers,
    Dates,
}

impl Written {
    pub fn of(cell: &str, delimiter: u8) -> Written {
        match cells::number(cell, delimiter) {
            None if date(cell).is_some() => Written::Dates,
            _ => Written::Numbers,
        }
    }

    /// The time in a cell, in the file's unit; seconds since 1970 for a date.
    pub fn read(self, cell: &str, delimiter: u8) -> Option<f64> {
        match self {
            Written::Numbers => cells::number(cell, delimiter),
            Written::Dates => date(cell),
        }
    }
}

/// ISO 8601 and what is usual beside it; without a zone UTC is meant.
fn date(text: &str) -> Option<f64> {
    const ZONED: [&str; 3] =
        ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f %z"];
    const BARE: [&str; 3] =
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y/%m/%d %H:%M:%S%.f"];
    let text = text.trim().trim_end_matches(" UTC");
    let zoned = || ZONED.iter().find_map(|form| DateTime::parse_from_str(text, form).ok());
    let bare = || BARE.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let at = DateTime::parse_from_rfc3339(text).ok().or_else(zoned).map(|at| at.to_utc());
    let at = at.or_else(|| bare().map(|at| at.and_utc()))?;
    Some(at.timestamp() as f64 + f64::from(at.timestamp_subsec_micros()) / 1e6)
}

/// Numbers from here on are seconds since 1970 in that unit: the second, the millisecond and so on
/// of the year 1973, which is long before containers. Smaller ones are relative, in seconds.
const EPOCHS: [(f64, TimeUnit); 3] =
    [(1e17, TimeUnit::Nanoseconds), (1e14, TimeUnit::Microseconds), (1e11, TimeUnit::Milliseconds)];

/// The unit of numbers whose column does not say it.
pub(super) fn by_magnitude(largest: f64) -> TimeUnit {
    let found = EPOCHS.iter().find(|(least, _)| largest >= *least);
    found.map_or(TimeUnit::Seconds, |(_, unit)| *unit)
}

/// Makes seconds of all times: of the unit that the config says, else the column's name, else their
/// size. Says what it took them for where the name says something else.
pub(super) fn to_seconds(
    rows: &mut [Row],
    column: &str,
    named: Option<TimeUnit>,
    config: &SeriesConfig,
    notes: &mut Vec<String>,
) {
    let largest = rows.iter().map(|row| row.time.abs()).fold(0.0, f64::max);
    let unit = config.time_unit.or(named).unwrap_or_else(|| {
        let unit = by_magnitude(largest);
        if unit != TimeUnit::Seconds {
            notes.push(format!(
                "{column} {largest:.0} is a time in {} since 1970 and was read as such \
                 (--set series.time_unit=s reads seconds)",
                unit.name()
            ));
        }
        unit
    });
    if unit != TimeUnit::Seconds {
        rows.iter_mut().for_each(|row| row.time *= unit.seconds());
    }
}

/// Figures further apart than this were not taken to find leaks, seconds.
const FARTHEST: f64 = 900.0;
/// Figures nearer to each other than this are of no sampler, seconds.
const NEAREST: f64 = 0.02;

/// Warns of rows so far apart, or so near to each other, that the unit is likely another.
pub(super) fn judge_spacing(tracks: &[Track], column: &str, notes: &mut Vec<String>) {
    let mut spacings: Vec<f64> = tracks.iter().filter_map(Track::spacing).collect();
    spacings.sort_unstable_by(f64::total_cmp);
    let Some(usual) = spacings.get(spacings.len() / 2).copied() else { return };
    let other = match usual {
        far if far >= FARTHEST => TimeUnit::Milliseconds,
        near if near <= NEAREST => TimeUnit::Seconds,
        _ => return,
    };
    let reading = match other {
        TimeUnit::Seconds => "if its times are in seconds",
        _ => "if they are milliseconds",
    };
    notes.push(format!(
        "the rows of a container lie {usual} s apart by {column}, which is unusual: {reading}, \
         --set series.time_unit={}",
        other.word()
    ));
}

/// Gives times to rows that have none, as a recording of `docker stats` has: a container that comes
/// again begins the next round.
pub(super) fn by_rounds(rows: &mut [Row], interval: f64) {
    let mut seen = std::collections::HashSet::new();
    let mut round = 0u32;
    for row in rows {
        if !seen.insert(row.container) {
            seen.clear();
            seen.insert(row.container);
            round += 1;
        }
        row.time = f64::from(round) * interval;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_with_and_without_a_zone() {
        let at = date("2026-03-01T08:00:02.5Z").expect("a date");
        for text in [
            "2026-03-01T09:00:02.5+01:00",
            "2026-03-01T09:00:02.5+0100",
            "2026-03-01 08:00:02.5",
            "2026-03-01T08:00:02.5",
            "2026-03-01 08:00:02.5 +0000 UTC",
        ] {
            assert_eq!(date(text), Some(at), "{text}");
        }
        assert_eq!(date("yesterday"), None);
        assert_eq!(date("2026-13-01T00:00:00Z"), None);
    }

    #[test]
    fn epochs_are_told_by_their_size_and_relative_times_are_seconds() {
        for (largest, unit) in [
            (3600.0, TimeUnit::Seconds),
            (1_772_352_000.0, TimeUnit::Seconds),
            (1_772_352_000_000.0, TimeUnit::Milliseconds),
            (1.772_352e15, TimeUnit::Microseconds),
            (1.772_352e18, TimeUnit::Nanoseconds),
        ] {
            assert_eq!(by_magnitude(largest), unit, "{largest}");
        }
    }
}
