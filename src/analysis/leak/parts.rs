//! Which part of a container's memory grows.

use serde::{Deserialize, Serialize};

use crate::analysis::dataset::Columns;
use crate::analysis::slope::{BlockRule, blocks, theil_sen};
use crate::model::Figure;
use crate::model::units::bytes_to_mb;

use super::{LeakFigure, LeakInput};

/// How a part of a container grows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartGrowth {
    /// `heap`, `shared_memory`, `swap`, `kernel`, `sockets`, `page_cache`, or `threads`. Page cache
    /// only where it is in the figure that was judged.
    pub part: String,
    /// MB/min; threads a minute for `threads`.
    pub per_min: f64,
    /// Share of the growth of all parts that grow, percent; absent for `threads`, which are counted
    /// and take memory in heap and kernel.
    pub share_percent: Option<f64>,
}

/// Parts in the order of the report: what is added, and what is taken off.
const PARTS: [(&str, &[Figure], &[Figure]); 6] = [
    ("heap", &[Figure::AnonBytes], &[]),
    ("shared_memory", &[Figure::ShmemBytes], &[]),
    ("swap", &[Figure::SwapBytes], &[]),
    ("kernel", &[Figure::KernelBytes], &[Figure::SlabReclaimableBytes]),
    ("sockets", &[Figure::SockBytes], &[]),
    ("page_cache", &[Figure::CacheBytes], &[Figure::ShmemBytes]),
];

/// Whether a part is in the figure judged: the figure's name says what was added up.
fn is_in(part: &str, figure: &LeakFigure) -> bool {
    let word = match part {
        "heap" => "anon",
        "shared_memory" => "shmem",
        "swap" => "swap",
        "kernel" => "kernel-slab_reclaimable",
        "sockets" => "sock",
        _ => return figure.holds_page_cache(),
    };
    figure.holds_page_cache() || figure.name.split('+').any(|name| name == word)
}

/// Slower growth is not told, MB/min.
const LEAST_RATE: f64 = 0.01;

/// A container that gains fewer threads a minute keeps its number.
const LEAST_THREADS: f64 = 0.1;

/// Growth of each part over the judged rows, the fastest first; those that were not measured or do
/// not grow are left out. Where the parts of the figure are all measured they add up to `whole`, the
/// growth that was judged.
#[must_use]
pub fn growth(
    input: &LeakInput<'_>,
    rows: std::ops::Range<usize>,
    rule: BlockRule,
    whole: f64,
) -> Vec<PartGrowth> {
    let rate = |values: &[f64]| -> Option<f64> {
        let time = &input.time[rows.clone()];
        let interval = crate::analysis::slope::median_interval(time)?;
        theil_sen(&blocks(time, values.get(rows.clone())?, interval, rule))
    };
    let mut grown: Vec<(&str, f64)> = PARTS
        .iter()
        .filter(|(name, ..)| is_in(name, &input.figure))
        .filter_map(|(name, add, less)| {
            let mb = sum(input.columns, add, less)?;
            Some((*name, rate(&mb).filter(|rate| *rate >= LEAST_RATE)?))
        })
        .collect();
    grown.sort_by(|a, b| b.1.total_cmp(&a.1));
    let all: f64 = grown.iter().map(|(_, rate)| rate).sum();
    let threads = input.columns.get(Figure::Pids).and_then(rate);
    grown
        .iter()
        .map(|(name, rate)| PartGrowth {
            part: (*name).to_string(),
            per_min: if input.figure.holds_page_cache() { *rate } else { whole * rate / all },
            share_percent: Some(100.0 * rate / all),
        })
        .chain(threads.filter(|rate| *rate >= LEAST_THREADS).map(|rate| PartGrowth {
            part: "threads".to_string(),
            per_min: rate,
            share_percent: None,
        }))
        .collect()
}

/// MB at each tick. What is taken off is left out where it was not measured.
fn sum(columns: &Columns, add: &[Figure], less: &[Figure]) -> Option<Vec<f64>> {
    let mut all: Vec<f64> = vec![0.0; columns.len()];
    for figure in add {
        let column = columns.get(*figure)?;
        all.iter_mut().zip(column).for_each(|(sum, v)| *sum += bytes_to_mb(*v));
    }
    for column in less.iter().filter_map(|figure| columns.get(*figure)) {
        let known = column.iter().map(|v| if v.is_finite() { bytes_to_mb(*v) } else { 0.0 });
        all.iter_mut().zip(known).for_each(|(sum, v)| *sum -= v);
    }
    Some(all)
}
