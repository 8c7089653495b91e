//! From series to readings: what one container's metrics were at each moment it was read.
//!
//! cAdvisor stamps all figures of one reading of a container with one time, and Prometheus keeps
//! it. So figures with the same time belong together, and a figure that a moment lacks is absent.

use std::collections::{BTreeMap, BTreeSet};

use super::labels::{Identity, identify};
use super::metrics::{self, Metric, Shape, metric};
use super::parse::{Matrix, Point, Series, tidy};
use crate::model::{Figure, FigureSet, Limits};

/// A container's figures at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Unix milliseconds.
    pub at_ms: i64,
    /// Gauges and counters as read.
    pub figures: FigureSet,
}

/// What an answer holds about one container.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Which container.
    pub identity: Identity,
    /// Its readings in ascending order of time.
    pub rows: Vec<Row>,
    /// Starts of its main process as told, with the moment each was first told (Unix ms).
    pub starts: Vec<Point>,
    /// What limits it, as last told.
    pub limits: Limits,
}

impl Found {
    /// Time of the first reading, Unix milliseconds.
    #[must_use]
    pub fn first_ms(&self) -> Option<i64> {
        self.rows.first().map(|row| row.at_ms)
    }

    /// Time of the last reading.
    #[must_use]
    pub fn last_ms(&self) -> Option<i64> {
        self.rows.last().map(|row| row.at_ms)
    }
}

/// A container of one life of its id: its unit, and the id where it has one.
type Key = (String, Option<String>);
/// The points of one metric, by the value of the label that splits it.
type Splits = BTreeMap<String, Vec<Point>>;

#[derive(Default)]
struct Gathered {
    identity: Option<Identity>,
    /// By origin: metric -> splits.
    origins: BTreeMap<String, BTreeMap<String, Splits>>,
}

/// Makes readings of all containers in an answer, in order of their keys.
#[must_use]
pub fn fold(matrix: Matrix) -> Vec<Found> {
    let mut gathered: BTreeMap<Key, Gathered> = BTreeMap::new();
    for series in matrix.series {
        gather(&mut gathered, series);
    }
    gathered.into_values().filter_map(found).collect()
}

fn gather(all: &mut BTreeMap<Key, Gathered>, series: Series) {
    let Some(name) = series.labels.get("__name__").cloned() else { return };
    let split = match metric(&name).map(|metric| metric.shape) {
        Some(Shape::Sum(label)) => series.labels.get(label).cloned().unwrap_or_default(),
        Some(Shape::Plain) => String::new(),
        None if metrics::FACTS.contains(&name.as_str()) => String::new(),
        None => return,
    };
    if split == "lo" && name.starts_with("container_network_") {
        return;
    }
    let Some(identity) = identify(&series.labels) else { return };
    let one = all.entry((identity.unit.clone(), identity.container_id.clone())).or_default();
    let metrics = one.origins.entry(identity.origin.clone()).or_default();
    let points = metrics.entry(name).or_default().entry(split).or_default();
    // A label that changes (a restart count) makes another series of the same thing.
    points.extend(series.points);
    one.identity.get_or_insert(identity);
}

fn found(mut gathered: Gathered) -> Option<Found> {
    let metrics = gathered.origins.values_mut().flat_map(BTreeMap::values_mut);
    metrics.flat_map(BTreeMap::values_mut).for_each(tidy);
    let readings = |metrics: &BTreeMap<String, Splits>| -> usize {
        let splits = metrics.iter().filter(|(name, _)| metric(name).is_some());
        splits.flat_map(|(_, splits)| splits.values()).map(Vec::len).sum()
    };
    let mut identity = gathered.identity?;
    // The same container scraped twice: the fuller record counts, never the sum.
    let (origin, metrics) =
        gathered.origins.into_iter().max_by_key(|(_, metrics)| readings(metrics))?;
    identity.origin = origin;
    let limit = last(&metrics, metrics::MEMORY_LIMIT).filter(|bytes| is_limit(*bytes));
    let cpus = last(&metrics, metrics::CPU_QUOTA)
        .zip(last(&metrics, metrics::CPU_PERIOD))
        .filter(|(quota, period)| *quota > 0.0 && *period > 0.0)
        .map(|(quota, period)| quota / period);
    let limits = Limits { memory_bytes: limit.map(|bytes| bytes as u64), cpus, pids: None };
    Some(Found { identity, rows: rows(&metrics), starts: starts(&metrics), limits })
}

/// "No limit" is 0 here; the sentinels of the kernel are some 2^63.
fn is_limit(bytes: f64) -> bool {
    const NO_LIMIT: f64 = 4_611_686_018_427_387_904.0;
    bytes > 0.0 && bytes < NO_LIMIT
}

fn points<'a>(metrics: &'a BTreeMap<String, Splits>, name: &str) -> &'a [Point] {
    let splits = metrics.get(name).and_then(|splits| splits.values().next());
    splits.map_or(&[], Vec::as_slice)
}

fn last(metrics: &BTreeMap<String, Splits>, name: &str) -> Option<f64> {
    points(metrics, name).last().map(|point| point.value)
}

fn starts(metrics: &BTreeMap<String, Splits>) -> Vec<Point> {
    let mut starts: Vec<Point> = Vec::new();
    for point in points(metrics, metrics::START_TIME) {
        if point.value > 0.0 && starts.last().is_none_or(|known| known.value != point.value) {
            starts.push(*point);
        }
    }
    starts
}

fn rows(metrics: &BTreeMap<String, Splits>) -> Vec<Row> {
    let mut rows: BTreeMap<i64, FigureSet> =
        moments(metrics).into_iter().map(|at_ms| (at_ms, FigureSet::new())).collect();
    for (name, splits) in metrics {
        if let Some(metric) = metric(name) {
            put(&mut rows, metric, splits);
        }
    }
    let limit = points(metrics, metrics::MEMORY_LIMIT);
    for (at_ms, figures) in &mut rows {
        let told = told_at(limit, *at_ms).filter(|bytes| is_limit(*bytes));
        figures.set_some(Figure::MemoryLimitBytes, told);
    }
    let rows = rows.into_iter().filter(|(_, figures)| !figures.is_empty());
    rows.map(|(at_ms, figures)| Row { at_ms, figures }).collect()
}

/// The moments at which the container was read: those of its memory and CPU.
fn moments(metrics: &BTreeMap<String, Splits>) -> BTreeSet<i64> {
    const ANCHORS: [&str; 3] =
        [metrics::PRESENCE, "container_memory_usage_bytes", "container_cpu_usage_seconds_total"];
    let anchored = ANCHORS.iter().filter_map(|name| metrics.get(*name));
    anchored.flat_map(Splits::values).flatten().map(|point| point.at_ms).collect()
}

fn put(rows: &mut BTreeMap<i64, FigureSet>, metric: &Metric, splits: &Splits) {
    let nothing =
        metric.zero_is_nothing && { splits.values().flatten().all(|point| point.value == 0.0) };
    if nothing {
        return;
    }
    // `cpu="total"` beside the single ones would count all twice.
    let total = splits.get("total").filter(|_| metric.shape == Shape::Sum("cpu"));
    let parts: Vec<&Vec<Point>> = total.map_or_else(|| splits.values().collect(), |t| vec![t]);
    for (at_ms, value) in sums(&parts) {
        if let Some(figures) = rows.get_mut(&at_ms).filter(|_| value >= 0.0) {
            figures.set(metric.figure, value * metric.factor);
        }
    }
}

/// The sum at each moment at which every part that was there before and after has a value. A part
/// that is missing in between would make the counter fall and jump.
fn sums(parts: &[&Vec<Point>]) -> BTreeMap<i64, f64> {
    let mut sums: BTreeMap<i64, (f64, usize)> = BTreeMap::new();
    for point in parts.iter().copied().flatten() {
        let sum = sums.entry(point.at_ms).or_default();
        *sum = (sum.0 + point.value, sum.1 + 1);
    }
    let sorted = |end: fn(&[Point]) -> Option<&Point>| {
        let mut ends: Vec<i64> = parts.iter().filter_map(|p| Some(end(p)?.at_ms)).collect();
        ends.sort_unstable();
        ends
    };
    let (firsts, lasts) = (sorted(<[Point]>::first), sorted(<[Point]>::last));
    // Parts that have begun, less those that have ended.
    let spans = |at_ms: i64| {
        let begun = firsts.partition_point(|first| *first <= at_ms);
        begun - lasts.partition_point(|last| *last < at_ms)
    };
    let complete = sums.into_iter().filter(|(at_ms, (_, count))| *count == spans(*at_ms));
    complete.map(|(at_ms, (sum, _))| (at_ms, sum)).collect()
}

/// A fact at a moment: as last told before it, else as first told after it.
fn told_at(points: &[Point], at_ms: i64) -> Option<f64> {
    let after = points.partition_point(|point| point.at_ms <= at_ms);
    let before = after.checked_sub(1).and_then(|at| points.get(at));
    before.or(points.first()).map(|point| point.value)
}
