//! Rates: the one place where two readings of a counter become a figure a second.
//!
//! A rate exists only between two samples of the same container incarnation, from the same source,
//! and only when the counter did not fall (a counter that falls was reset) and time went on.

use super::figure::{Figure, FigureSet};
use super::sample::Sample;

/// Figures that are rates of one counter: `(rate, counter, factor)`, rate = factor x delta / seconds.
const PER_SECOND: &[(Figure, Figure, f64)] = &[
    // ns of CPU time a second of time, as percent of one core: 1e-9 * 100.
    (Figure::CpuPercent, Figure::CpuUsageNs, 1e-7),
    (Figure::MajorFaultsPerS, Figure::MajorFaults, 1.0),
    (Figure::IoReadBytesPerS, Figure::IoReadBytes, 1.0),
    (Figure::IoWriteBytesPerS, Figure::IoWriteBytes, 1.0),
    (Figure::IoReadOpsPerS, Figure::IoReadOps, 1.0),
    (Figure::IoWriteOpsPerS, Figure::IoWriteOps, 1.0),
    (Figure::NetRxBytesPerS, Figure::NetRxBytes, 1.0),
    (Figure::NetTxBytesPerS, Figure::NetTxBytes, 1.0),
];

/// Figures that are the ratio of two counters' deltas, percent: `(rate, part, whole)`.
const SHARES: &[(Figure, Figure, Figure)] =
    &[(Figure::CpuThrottledPercent, Figure::CpuThrottledPeriods, Figure::CpuPeriods)];

/// From this share of throttled quota periods on a container counts as throttled, percent: the CPU
/// it uses is then what its limit allows.
pub const THROTTLED_PERCENT: f64 = 25.0;

/// Host and runner figures: rates of one counter over the time between two ticks.
const TICK_PER_SECOND: &[(Figure, Figure, f64)] = &[
    (Figure::RunnerCpuPercent, Figure::RunnerCpuNs, 1e-7),
    // us of stall a second of time, as percent: 1e-6 * 100.
    (Figure::HostPsiMemoryFullPercent, Figure::HostPsiMemoryFullUs, 1e-4),
];

/// Host figures that are shares of two counters' deltas.
const TICK_SHARES: &[(Figure, Figure, Figure)] = &[
    (Figure::HostCpuPercent, Figure::HostCpuBusyNs, Figure::HostCpuTotalNs),
    (Figure::HostStealPercent, Figure::HostCpuStealNs, Figure::HostCpuTotalNs),
];

/// Figures of a container that follow from others, in the order in which they are made.
pub const DERIVED: &[Figure] = &[
    Figure::MemoryPercent,
    Figure::CpuPercent,
    Figure::IoReadBytesPerS,
    Figure::IoWriteBytesPerS,
    Figure::IoReadOpsPerS,
    Figure::IoWriteOpsPerS,
    Figure::NetRxBytesPerS,
    Figure::NetTxBytesPerS,
    Figure::CpuThrottledPercent,
    Figure::MajorFaultsPerS,
];

/// CPU beyond this many percent of one core is not a measurement but a broken counter (spikes of
/// 1e9 CPU seconds are on record).
const IMPOSSIBLE_CPU_PERCENT: f64 = 1_000_000.0;

/// The readings of one container at one moment, however they are stored.
pub trait Readings {
    /// Which life of the container they belong to.
    fn incarnation(&self) -> u32;
    /// A figure with its source and the moment it was read, from the first part that has it.
    fn reading(&self, figure: Figure) -> Option<(f64, super::SourceKind, f64)>;
}

impl Readings for Sample {
    fn incarnation(&self) -> u32 {
        self.incarnation
    }

    fn reading(&self, figure: Figure) -> Option<(f64, super::SourceKind, f64)> {
        self.get_with_time(figure)
    }
}

/// The counters that rates are made from.
const COUNTERS: &[Figure] = &[
    Figure::CpuUsageNs,
    Figure::MajorFaults,
    Figure::IoReadBytes,
    Figure::IoWriteBytes,
    Figure::IoReadOps,
    Figure::IoWriteOps,
    Figure::NetRxBytes,
    Figure::NetTxBytes,
    Figure::CpuThrottledPeriods,
    Figure::CpuPeriods,
];

/// The latest reading of each counter in one life of a container. A sample need not have all of
/// them: what is read in turn (see `docs/sources.md`) is in every nth.
#[derive(Debug, Clone, Default)]
pub struct LastCounters {
    incarnation: u32,
    readings: [Option<(f64, super::SourceKind, f64)>; COUNTERS.len()],
}

impl LastCounters {
    /// Of a life whose latest readings are known.
    pub fn of(
        incarnation: u32,
        latest: impl Fn(Figure) -> Option<(f64, super::SourceKind, f64)>,
    ) -> LastCounters {
        let mut last = LastCounters { incarnation, ..LastCounters::default() };
        for (counter, reading) in COUNTERS.iter().zip(&mut last.readings) {
            *reading = latest(*counter);
        }
        last
    }

    /// Takes over what the container's next sample has.
    pub fn note(&mut self, sample: &impl Readings) {
        if self.incarnation != sample.incarnation() {
            *self = LastCounters { incarnation: sample.incarnation(), ..LastCounters::default() };
        }
        for (counter, last) in COUNTERS.iter().zip(&mut self.readings) {
            *last = sample.reading(*counter).or(*last);
        }
    }
}

impl Readings for LastCounters {
    fn incarnation(&self) -> u32 {
        self.incarnation
    }

    fn reading(&self, figure: Figure) -> Option<(f64, super::SourceKind, f64)> {
        let at = COUNTERS.iter().position(|counter| *counter == figure)?;
        self.readings.get(at).copied().flatten()
    }
}

/// The counter that a rate needs two readings of; none for a figure that follows from one sample.
#[must_use]
pub fn counter_of(rate: Figure) -> Option<Figure> {
    let single = PER_SECOND.iter().find(|row| row.0 == rate).map(|row| row.1);
    single.or_else(|| SHARES.iter().find(|row| row.0 == rate).map(|row| row.1))
}

/// Figures that follow from a sample alone or from it and what was read before.
///
/// `previous` is the container's earlier samples ([`LastCounters`]) or its latest one, whatever its
/// incarnation; this function decides whether the two belong together.
#[must_use]
pub fn derive<P: Readings>(previous: Option<&P>, current: &Sample) -> FigureSet {
    let mut derived = FigureSet::with_capacity(DERIVED.len());
    derive_each(previous, current, |figure, value| {
        derived.set(figure, value);
    });
    derived
}

/// As [`derive()`], for readings in any form; each figure that follows is given to `emit` once.
pub fn derive_each<P: Readings, R: Readings>(
    previous: Option<&P>,
    current: &R,
    mut emit: impl FnMut(Figure, f64),
) {
    for &figure in DERIVED {
        if let Some(value) = derive_figure(figure, previous, current) {
            emit(figure, value);
        }
    }
}

/// One figure of [`DERIVED`]; none where it does not follow.
#[must_use]
pub fn derive_figure<P: Readings, R: Readings>(
    figure: Figure,
    previous: Option<&P>,
    current: &R,
) -> Option<f64> {
    let previous = previous.filter(|p| p.incarnation() == current.incarnation());
    let made = || {
        if figure == Figure::MemoryPercent {
            return memory_percent(current);
        }
        if let Some((_, counter, factor)) = PER_SECOND.iter().find(|(rate, ..)| *rate == figure) {
            return rate_of(previous?, current, *counter, *factor);
        }
        let (_, part, whole) = SHARES.iter().find(|(rate, ..)| *rate == figure)?;
        share_of(previous?, current, *part, *whole)
    };
    // A source that only knows rates (an old results file) gives them itself.
    let value = made().or_else(|| current.reading(figure).map(|(value, ..)| value));
    value.filter(|v| figure != Figure::CpuPercent || *v <= IMPOSSIBLE_CPU_PERCENT)
}

/// Host and runner rates between two ticks, `seconds` apart.
#[must_use]
pub fn derive_tick(previous: &FigureSet, current: &FigureSet, seconds: f64) -> FigureSet {
    let mut derived = FigureSet::new();
    for &(rate, counter, factor) in TICK_PER_SECOND {
        let value = delta(previous.get(counter), current.get(counter))
            .filter(|_| seconds > 0.0)
            .map(|d| d * factor / seconds);
        derived.set_some(rate, value);
    }
    for &(rate, part, whole) in TICK_SHARES {
        let part = delta(previous.get(part), current.get(part));
        let whole = delta(previous.get(whole), current.get(whole));
        derived.set_some(rate, share(part, whole));
    }
    derived
}

/// Figures that follow from a device's readings alone.
#[must_use]
pub fn derive_device(current: &FigureSet) -> FigureSet {
    let mut derived = FigureSet::new();
    let total = current.get(Figure::GpuMemoryTotalBytes).filter(|total| *total > 0.0);
    let used = current.get(Figure::GpuMemoryUsedBytes);
    derived.set_some(Figure::GpuMemoryPercent, used.zip(total).map(|(u, t)| 100.0 * u / t));
    derived
}

/// Growth a second between two readings `(value, seconds)` of one counter; none when it fell (it
/// was reset) or no time passed. Whether both belong to one life is for the caller to know.
#[must_use]
pub fn counter(before: (f64, f64), now: (f64, f64)) -> Option<f64> {
    let seconds = now.1 - before.1;
    let growth = delta(Some(before.0), Some(now.0)).filter(|_| seconds > 0.0)?;
    Some(growth / seconds).filter(|rate| rate.is_finite())
}

fn memory_percent(sample: &impl Readings) -> Option<f64> {
    let (limit, ..) = sample.reading(Figure::MemoryLimitBytes)?;
    let (used, ..) = sample.reading(Figure::MemoryWorkingSetBytes)?;
    (limit > 0.0).then(|| 100.0 * used / limit)
}

fn rate_of(
    previous: &impl Readings,
    current: &impl Readings,
    counter: Figure,
    factor: f64,
) -> Option<f64> {
    let (before, source_before, at_before) = previous.reading(counter)?;
    let (now, source_now, at_now) = current.reading(counter)?;
    let seconds = at_now - at_before;
    if source_before != source_now || seconds <= 0.0 {
        return None;
    }
    delta(Some(before), Some(now)).map(|d| d * factor / seconds)
}

fn share_of(
    previous: &impl Readings,
    current: &impl Readings,
    part: Figure,
    whole: Figure,
) -> Option<f64> {
    let (part_before, source_before, _) = previous.reading(part)?;
    let (part_now, source_now, _) = current.reading(part)?;
    if source_before != source_now {
        return None;
    }
    let whole_before = previous.reading(whole).map(|(value, ..)| value);
    let whole_now = current.reading(whole).map(|(value, ..)| value);
    let part = delta(Some(part_before), Some(part_now));
    share(part, delta(whole_before, whole_now))
}

/// Growth of a counter; none when it fell.
fn delta(before: Option<f64>, now: Option<f64>) -> Option<f64> {
    let d = now? - before?;
    (d >= 0.0).then_some(d)
}

fn share(part: Option<f64>, whole: Option<f64>) -> Option<f64> {
    let whole = whole.filter(|w| *w > 0.0)?;
    Some(100.0 * part? / whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Part, SourceKind};

    fn sample(incarnation: u32, source: SourceKind, at: f64, cpu_ns: f64) -> Sample {
        let figures = [(Figure::CpuUsageNs, cpu_ns)].into_iter().collect();
        Sample { name: "web".into(), incarnation, parts: vec![Part { source, at, figures }] }
    }

    fn cpu(previous: &Sample, current: &Sample) -> Option<f64> {
        derive(Some(previous), current).get(Figure::CpuPercent)
    }

    #[test]
    fn every_rate_of_the_tables_is_derived() {
        let rates = PER_SECOND.iter().map(|row| row.0).chain(SHARES.iter().map(|row| row.0));
        assert!(rates.into_iter().all(|rate| DERIVED.contains(&rate)));
    }

    #[test]
    fn cpu_percent_is_cpu_time_over_the_time_between_the_two_readings() {
        let before = sample(0, SourceKind::Cgroup, 10.0, 1e9);
        let now = sample(0, SourceKind::Cgroup, 12.0, 4e9);
        assert!((cpu(&before, &now).expect("rate") - 150.0).abs() < 1e-9);
    }

    #[test]
    fn there_is_no_rate_over_a_restart_a_fallen_counter_another_source_or_no_time() {
        let before = sample(0, SourceKind::Cgroup, 10.0, 4e9);
        assert_eq!(cpu(&before, &sample(1, SourceKind::Cgroup, 12.0, 5e9)), None);
        assert_eq!(cpu(&before, &sample(0, SourceKind::Cgroup, 12.0, 1e9)), None);
        assert_eq!(cpu(&before, &sample(0, SourceKind::Docker, 12.0, 5e9)), None);
        assert_eq!(cpu(&before, &sample(0, SourceKind::Cgroup, 10.0, 5e9)), None);
    }

    #[test]
    fn a_counter_that_is_read_in_turn_has_a_rate_over_the_time_between_its_readings() {
        let net = |at, rx: Option<f64>| {
            let mut one = sample(0, SourceKind::Cgroup, at, at * 1e9);
            one.parts[0].figures.set_some(Figure::NetRxBytes, rx);
            one
        };
        let mut last = LastCounters::default();
        let mut rates = Vec::new();
        for one in [net(1.0, Some(100.0)), net(2.0, None), net(3.0, None), net(5.0, Some(500.0))] {
            let derived = derive(Some(&last), &one);
            rates.push((derived.get(Figure::CpuPercent), derived.get(Figure::NetRxBytesPerS)));
            last.note(&one);
        }
        let cpu = Some(100.0);
        assert_eq!(rates, [(None, None), (cpu, None), (cpu, None), (cpu, Some(100.0))]);
        // Another life has nothing to do with it.
        let mut reborn = net(6.0, Some(600.0));
        reborn.incarnation = 1;
        assert!(derive(Some(&last), &reborn).is_empty());
        last.note(&reborn);
        assert_eq!(last.reading(Figure::NetRxBytes), Some((600.0, SourceKind::Cgroup, 6.0)));
    }

    #[test]
    fn the_counters_of_all_rates_are_kept() {
        let parts = DERIVED.iter().filter_map(|rate| counter_of(*rate));
        let wholes = SHARES.iter().map(|row| row.2);
        assert!(parts.chain(wholes).all(|counter| COUNTERS.contains(&counter)));
    }

    #[test]
    fn an_impossible_spike_is_not_a_figure() {
        let before = sample(0, SourceKind::Cgroup, 10.0, 0.0);
        assert_eq!(cpu(&before, &sample(0, SourceKind::Cgroup, 11.0, 1e18)), None);
    }

    #[test]
    fn memory_percent_needs_a_limit() {
        let mut one = sample(0, SourceKind::Cgroup, 1.0, 0.0);
        one.parts[0].figures.set(Figure::MemoryWorkingSetBytes, 50.0);
        assert_eq!(derive(None::<&Sample>, &one).get(Figure::MemoryPercent), None);
        one.parts[0].figures.set(Figure::MemoryLimitBytes, 200.0);
        assert_eq!(derive(None::<&Sample>, &one).get(Figure::MemoryPercent), Some(25.0));
    }

    #[test]
    fn the_share_of_throttled_periods_is_a_ratio_of_two_deltas() {
        let mut a = sample(0, SourceKind::Cgroup, 1.0, 0.0);
        let mut b = sample(0, SourceKind::Cgroup, 2.0, 0.0);
        a.parts[0].figures.set(Figure::CpuPeriods, 100.0);
        a.parts[0].figures.set(Figure::CpuThrottledPeriods, 10.0);
        b.parts[0].figures.set(Figure::CpuPeriods, 110.0);
        b.parts[0].figures.set(Figure::CpuThrottledPeriods, 15.0);
        assert_eq!(derive(Some(&a), &b).get(Figure::CpuThrottledPercent), Some(50.0));
    }
}
