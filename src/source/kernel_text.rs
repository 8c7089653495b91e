//! The few text formats that the kernel uses again and again: a number, `key value` lines,
//! pressure stall totals and the table of network devices.
//!
//! All of them skip what they do not understand: a newer kernel adds keys, and a key that cannot be
//! read is a figure that is absent.

use memchr::memchr;

use crate::model::{Figure, FigureSet};

/// From here on a limit in bytes means "none": version 1 rounds 2^63 - 1 down to a whole page, whose
/// size differs between machines, version 2 has 2^64 - 1; no machine has an eighth of that.
pub const NO_LIMIT_BYTES: f64 = (1u64 << 60) as f64;

/// A whole number as the kernel writes it.
///
/// Only digits count: `max`, `-1`, `1e3` and `nan` are no number here.
#[must_use]
pub fn number(text: &str) -> Option<f64> {
    text.trim_ascii().parse::<u64>().ok().map(|value| value as f64)
}

/// Lines of the form `key value`, as in `memory.stat`, `cpu.stat` or `/proc/vmstat`.
pub fn keyed(text: &str) -> impl Iterator<Item = (&str, f64)> {
    entries(text).filter_map(|(key, value)| Some((key, number(value)?)))
}

/// The same with values as they stand, for files of which few lines count.
pub fn entries(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    let lines = std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
        let line = rest.get(..end)?;
        rest = rest.get(end + 1..).unwrap_or_default();
        Some(line)
    });
    lines.filter_map(|line| {
        let space = memchr(b' ', line.as_bytes())?;
        Some((line.get(..space)?, line.get(space + 1..)?))
    })
}

/// The number of one key in a text of `key value` lines.
#[must_use]
pub fn value_of(text: &str, key: &str) -> Option<f64> {
    keyed(text).find(|(found, _)| *found == key).map(|(_, value)| value)
}

/// Shared memory where it is not shown by itself (kernels before 4.20, and what is made of them): the
/// page cache that is on neither file list.
#[must_use]
pub fn shmem_from_lists(figures: &FigureSet) -> Option<f64> {
    let cache = figures.get(Figure::CacheBytes)?;
    let active = figures.get(Figure::ActiveFileBytes)?;
    let inactive = figures.get(Figure::InactiveFileBytes)?;
    Some((cache - active - inactive).max(0.0))
}

/// Totals of a pressure file (`cpu.pressure`, `/proc/pressure/memory`), microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pressure {
    /// Time in which some task waited.
    pub some_us: Option<f64>,
    /// Time in which all tasks waited.
    pub full_us: Option<f64>,
}

/// Reads the totals of a pressure file; the averages are left to whoever has two readings.
#[must_use]
pub fn pressure(text: &str) -> Pressure {
    let mut found = Pressure::default();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let kind = words.next();
        let total = words.find_map(|word| number(word.strip_prefix("total=")?));
        match kind {
            Some("some") => found.some_us = total,
            Some("full") => found.full_us = total,
            _ => {}
        }
    }
    found
}

/// Traffic of all network devices but loopback.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct NetTotals {
    /// Bytes received.
    pub rx_bytes: f64,
    /// Bytes sent.
    pub tx_bytes: f64,
    /// Packets in error or dropped, both directions.
    pub errors: f64,
}

/// Sums `/proc/PID/net/dev` over all devices but `lo`; none when no device could be read at all.
#[must_use]
pub fn net_dev(text: &str) -> Option<NetTotals> {
    let mut totals = NetTotals::default();
    let mut devices = 0;
    for (device, columns) in text.lines().filter_map(|line| line.split_once(':')) {
        let Some(traffic) = device_traffic(columns) else {
            continue;
        };
        devices += 1;
        if device.trim() != "lo" {
            totals.rx_bytes += traffic.rx_bytes;
            totals.tx_bytes += traffic.tx_bytes;
            totals.errors += traffic.errors;
        }
    }
    (devices > 0).then_some(totals)
}

/// One line of the table. Columns: received bytes, packets, errs, drop, fifo, frame, compressed,
/// multicast, then the same eight for sent ones (net/core/net-procfs.c).
fn device_traffic(columns: &str) -> Option<NetTotals> {
    const COLUMNS: usize = 12;
    let mut values = [0.0; COLUMNS];
    let mut words = columns.split_ascii_whitespace();
    for value in &mut values {
        *value = number(words.next()?)?;
    }
    let [rx_bytes, _, rx_errs, rx_drop, _, _, _, _, tx_bytes, _, tx_errs, tx_drop] = values;
    Some(NetTotals { rx_bytes, tx_bytes, errors: rx_errs + rx_drop + tx_errs + tx_drop })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_digits_are_a_number() {
        assert_eq!(number(" 42\n"), Some(42.0));
        for text in ["max", "-1", "1e3", "nan", "inf", "", "4 2"] {
            assert_eq!(number(text), None, "{text:?}");
        }
    }

    #[test]
    fn lines_without_a_number_are_skipped_and_the_last_needs_no_end() {
        let text = "\nanon 5\nno_value\nfile max\nshmem  7 \n key 1\nlast 9";
        let all: Vec<_> = keyed(text).collect();
        assert_eq!(all, [("anon", 5.0), ("shmem", 7.0), ("last", 9.0)]);
        let raw: Vec<_> = entries("a b c\nd ").collect();
        assert_eq!(raw, [("a", "b c"), ("d", "")]);
    }

    #[test]
    fn pressure_totals_are_read_and_a_missing_full_line_is_absent() {
        let both = "some avg10=0.67 avg60=2.41 avg300=1.19 total=5001284\nfull avg10=0.08 avg60=0.50 avg300=0.20 total=12\n";
        assert_eq!(pressure(both).some_us, Some(5_001_284.0));
        assert_eq!(pressure(both).full_us, Some(12.0));
        assert_eq!(pressure("some avg10=0.00 total=7\n").full_us, None);
    }

    #[test]
    fn traffic_is_summed_over_all_devices_but_loopback() {
        let text = "Inter-|   Receive  |  Transmit\n face |bytes packets\n    lo: 9 9 9 9 0 0 0 0 9 9 9 9 0 0 0 0\n  eth0: 100 1 2 3 0 0 0 0 200 1 4 5 0 0 0 0\n  eth1: 10 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\n";
        let totals = net_dev(text).expect("devices");
        assert_eq!((totals.rx_bytes, totals.tx_bytes, totals.errors), (110.0, 220.0, 14.0));
    }

    #[test]
    fn loopback_alone_is_no_traffic_and_no_device_is_no_figure() {
        assert_eq!(net_dev("lo: 9 9 9 9 0 0 0 0 9 9 9 9 0 0 0 0"), Some(NetTotals::default()));
        assert_eq!(net_dev("Inter-| Receive\n face |bytes\n"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_a_reader_panic(text in ".*\\n?.*") {
            let _ = (number(&text), keyed(&text).count(), pressure(&text), net_dev(&text));
        }
    }
}
