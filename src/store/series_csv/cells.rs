//! What stands in a cell: numbers, percent, sizes as `docker stats` writes them.

use crate::model::units::{GB, KB, MB};

/// A finite number. Where columns are separated by `;` a comma is a decimal point.
pub(super) fn number(text: &str, delimiter: u8) -> Option<f64> {
    let parsed = match delimiter {
        b';' if text.contains(',') => text.replacen(',', ".", 1).parse::<f64>(),
        _ => text.parse::<f64>(),
    };
    parsed.ok().filter(|value| value.is_finite())
}

/// A number that may have a `%` behind it.
pub(super) fn percent(text: &str, delimiter: u8) -> Option<f64> {
    number(text.trim_end_matches('%').trim_end(), delimiter)
}

/// `120.5MiB / 1.944GiB`: memory without reclaimable file pages and its limit, bytes. `docker stats`
/// writes the machine's memory where there is no limit, and `--` for what it does not know.
pub(super) fn docker_memory(text: &str) -> (Option<f64>, Option<f64>) {
    let mut sides = text.split('/').map(|side| size(side.trim()));
    (sides.next().flatten(), sides.next().flatten().filter(|limit| *limit > 0.0))
}

/// Units of `docker stats`, the longer names first.
const SIZES: [(&str, f64); 10] = [
    ("TiB", GB * 1024.0),
    ("GiB", GB),
    ("MiB", MB),
    ("KiB", KB),
    ("TB", 1e12),
    ("GB", 1e9),
    ("MB", 1e6),
    ("kB", 1e3),
    ("KB", 1e3),
    ("B", 1.0),
];

fn size(text: &str) -> Option<f64> {
    let (digits, bytes) =
        SIZES.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, *bytes)))?;
    let value: f64 = digits.trim_end().parse().ok()?;
    (value.is_finite() && value >= 0.0).then_some(value * bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_docker_stats_are_read_in_all_their_units() {
        assert_eq!(docker_memory("120.5MiB / 1.5GiB"), (Some(120.5 * MB), Some(1.5 * GB)));
        assert_eq!(docker_memory("0B / 0B"), (Some(0.0), None));
        assert_eq!(docker_memory("-- / --"), (None, None));
        assert_eq!(docker_memory("1.5kB"), (Some(1500.0), None));
        assert_eq!(docker_memory("nonsense / 4XB"), (None, None));
    }

    #[test]
    fn a_comma_is_a_decimal_point_only_between_semicolons() {
        assert_eq!(number("120,5", b';'), Some(120.5));
        assert_eq!(number("120,5", b'\t'), None);
        assert_eq!(percent("0.52%", b','), Some(0.52));
        assert_eq!(percent("--", b','), None);
        assert_eq!(number("inf", b','), None);
    }
}
