//! How times and sizes are written, and which known word an unknown one probably means.

use std::collections::HashSet;
use std::time::Duration;

/// Longest time a config may name: a hundred days. Anything above is a slip of the unit.
const LONGEST_SECONDS: f64 = 100.0 * 86_400.0;

/// A time: `"500ms"`, `"2s"`, `"1m30s"`, `"10m"`, `"2h"`, `"1d"`, or plain seconds as text.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return duration_from_seconds(seconds);
    }
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let (number, after) = leading_number(rest)?;
        let unit_end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        total += number
            * match unit {
                "ms" => 0.001,
                "s" => 1.0,
                "m" | "min" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => return None,
            };
        rest = after.trim_start();
    }
    if text.is_empty() {
        return None;
    }
    duration_from_seconds(total)
}

/// A time from seconds, where they are a sensible number of them.
pub(super) fn duration_from_seconds(seconds: f64) -> Option<Duration> {
    (0.0..=LONGEST_SECONDS).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}

/// A size in bytes: `"256m"`, `"256MB"`, `"1GiB"`, `"64k"`, `"1024"`. As in Compose files, all
/// units are powers of 1024.
#[must_use]
pub fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, unit) = leading_number(text)?;
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" | "kib" => 1024.0,
        "m" | "mb" | "mib" => 1_048_576.0,
        "g" | "gb" | "gib" => 1_073_741_824.0,
        "t" | "tb" | "tib" => 1_099_511_627_776.0,
        _ => return None,
    };
    let bytes = number * factor;
    // Above 2^53 a float no longer counts bytes; no machine has that much memory.
    (1.0..=9_007_199_254_740_992.0).contains(&bytes).then_some(bytes as u64)
}

fn leading_number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    Some((number.parse().ok()?, rest))
}

/// A time as a config writes it.
pub(super) fn duration_text(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    if !milliseconds.is_multiple_of(1000) {
        return format!("{milliseconds}ms");
    }
    match (milliseconds / 60_000, milliseconds / 1000 % 60) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, 0) => format!("{minutes}m"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}

/// The known word that `unknown` probably means, where one is close enough.
pub(super) fn nearest<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
    let wanted = plain(unknown);
    known
        .iter()
        .map(|word| (plain(word), *word, 1 + word.chars().count() / 4))
        // The distance is the difference in length at least, and dearer to find.
        .filter(|(plain, _, most)| wanted.len().abs_diff(plain.len()) <= *most)
        .map(|(plain, word, most)| (distance(&wanted, &plain), word, most))
        .filter(|(distance, _, most)| distance <= most)
        .map(|(distance, word, _)| (distance, word))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Nothing that long is a slip of the fingers; the bound keeps the distance cheap.
const LONGEST: usize = 80;

fn plain(word: &str) -> Vec<char> {
    word.to_lowercase().replace('-', "_").chars().take(LONGEST).collect()
}

/// Optimal string alignment: insertions, deletions, substitutions, swaps of neighbours.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for (i, x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, y) in b.iter().enumerate() {
            let substituted = rows[i][j] + usize::from(x != y);
            let mut best = substituted.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

/// Words that occur more than once, each of them once.
pub(super) fn repeated(words: &[String]) -> Vec<&str> {
    let (mut seen, mut told, mut found) = (HashSet::new(), HashSet::new(), Vec::new());
    for word in words {
        if !seen.insert(word.as_str()) && told.insert(word.as_str()) {
            found.push(word.as_str());
        }
    }
    found
}

/// Whether a word can be a key: lower-case letters, digits, `_` and `-`, not starting with either
/// of the last two.
pub(super) fn is_key(word: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    word.starts_with(allowed) && word.chars().all(|c| allowed(c) || matches!(c, '_' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_every_documented_way() {
        for (text, milliseconds) in [
            ("2s", 2000),
            ("1m30s", 90_000),
            ("10m", 600_000),
            ("1h 5m", 3_900_000),
            ("500ms", 500),
            ("1.5s", 1500),
            ("90", 90_000),
            ("1d", 86_400_000),
            ("0s", 0),
        ] {
            assert_eq!(duration(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "s", "2 parsecs", "-2s", "1e99s", "2s!", "NaN", "inf", "1..2s", "101d"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn a_size_counts_in_powers_of_1024_as_compose_does() {
        for (text, bytes) in [
            ("256m", 256 << 20),
            ("256MB", 256 << 20),
            ("1GiB", 1 << 30),
            ("1.5g", 3 << 29),
            ("64k", 64 << 10),
            ("1024", 1024),
            ("7 b", 7),
        ] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in ["", "m", "0", "-1m", "1x", "99999999999t", "1 m m"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_written_by_us_is_read_back() {
        for milliseconds in [0, 250, 1000, 1500, 59_000, 60_000, 61_000, 5_400_000] {
            let time = Duration::from_millis(milliseconds);
            assert_eq!(duration(&duration_text(time)), Some(time));
        }
    }

    #[test]
    fn a_slip_of_the_fingers_is_recognised_and_another_word_is_not() {
        let known = ["batch", "every", "interval", "memory_percent"];
        assert_eq!(nearest("bacth", &known), Some("batch"));
        assert_eq!(nearest("intervall", &known), Some("interval"));
        assert_eq!(nearest("memory-percent", &known), Some("memory_percent"));
        assert_eq!(nearest("colour", &known), None);
        assert_eq!(nearest(&"batch".repeat(100), &known), None);
    }

    #[test]
    fn a_word_that_occurs_again_is_told_once_in_the_order_in_which_that_shows() {
        let words = ["a", "b", "c", "b", "a", "b"].map(str::to_string);
        assert_eq!(repeated(&words), ["b", "a"]);
        assert_eq!(repeated(&words[..3]), [""; 0]);
    }
}
