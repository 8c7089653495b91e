//! Moments and lengths as people type them: RFC 3339, Unix seconds, or relative to now.

use std::time::Duration;

/// A moment as Unix milliseconds; `now_ms` is what `now` and `-2h` are relative to.
///
/// # Errors
/// What was expected, in words that follow the option's name.
pub fn moment(text: &str, now_ms: i64) -> Result<i64, String> {
    let text = text.trim();
    let relative = text.strip_prefix("now").unwrap_or(text);
    if relative.is_empty() && !text.is_empty() {
        return Ok(now_ms);
    }
    if let Some(ago) = relative.strip_prefix('-') {
        if let Some(ago) = length(ago) {
            return Ok(now_ms - i64::try_from(ago.as_millis()).unwrap_or(i64::MAX / 2));
        }
    } else if let Ok(seconds) = text.parse::<f64>() {
        return unix(seconds).ok_or_else(|| wanted(text));
    }
    chrono::DateTime::parse_from_rfc3339(text)
        .map(|time| time.timestamp_millis())
        .map_err(|_| wanted(text))
}

/// Larger than any second of Unix time of this millennium: milliseconds, as browsers write them.
const SURELY_MILLISECONDS: f64 = 1e11;

fn unix(seconds: f64) -> Option<i64> {
    let ms = if seconds >= SURELY_MILLISECONDS { seconds } else { seconds * 1e3 };
    (ms.is_finite() && (0.0..1e14).contains(&ms)).then_some(ms.round() as i64)
}

fn wanted(text: &str) -> String {
    format!(
        "{text:?} is no time; write RFC 3339 with its zone (2026-11-20T10:00:00Z), Unix seconds, \
         -2h, or now"
    )
}

/// A length such as `90s`, `15m`, `2h30m`, `7d`.
#[must_use]
pub fn length(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut seconds = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest.get(..digits)?.parse().ok()?;
        let unit_len =
            rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |n| digits + n);
        let factor = match rest.get(digits..unit_len)? {
            "ms" => 0.001,
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            "w" => 604_800.0,
            _ => return None,
        };
        seconds += number * factor;
        rest = rest.get(unit_len..)?;
    }
    Duration::try_from_secs_f64(seconds).ok().filter(|d| d.as_secs() < 1_000_000_000)
}

/// A moment for people, UTC.
#[must_use]
pub fn shown(at_ms: i64) -> String {
    let time = chrono::DateTime::from_timestamp_millis(at_ms);
    time.map_or_else(|| at_ms.to_string(), |t| t.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: i64 = 1_795_230_893_000;

    #[test]
    fn moments_are_read_in_every_form_that_people_use() {
        for (text, wanted) in [
            ("now", NOW),
            ("-2h", NOW - 7_200_000),
            ("now-2h30m", NOW - 9_000_000),
            ("-1.5d", NOW - 129_600_000),
            ("1795230893", NOW),
            ("1795230893.25", NOW + 250),
            ("1795230893000", NOW),
            ("2026-11-21T03:14:53Z", NOW),
            ("2026-11-21T04:14:53+01:00", NOW),
            (" 2026-11-21T03:14:53.500Z ", NOW + 500),
        ] {
            assert_eq!(moment(text, NOW), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_told_with_what_is() {
        for text in ["", "yesterday", "2026-11-21", "2026-11-21T03:14:53", "-", "-2x", "-5", "1e99"]
        {
            let error = moment(text, NOW).expect_err(text);
            assert!(error.contains("RFC 3339"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), more in "[-+.0-9a-z]{0,12}") {
            let _ = moment(&text, NOW);
            let _ = moment(&more, NOW);
            let _ = length(&more);
        }

        #[test]
        fn what_is_shown_is_read_again(seconds in 0..4_000_000_000i64) {
            prop_assert_eq!(moment(&shown(seconds * 1000), NOW), Ok(seconds * 1000));
        }
    }
}
