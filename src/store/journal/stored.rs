//! Takes what `samples.cols` holds of a journal, so that only the rest is read as text.
//!
//! Heads and ends of the ticks still come from `samples.jsonl` and go through the same parser and
//! the same [`Rows`]; only the containers' figures are taken from the columns, container by
//! container, on two threads.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::reader::Intake;
use super::rows::Rows;
use super::stored_container::{Place, ReadContainer, read};
use crate::analysis::{needs, parallel};
use crate::store::columnar::{Broken, Chunk, Stored};
use crate::store::columns::Budget;

/// How much of a large run is read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Want<'a> {
    /// Containers of which everything is read.
    pub whole: Option<&'a HashSet<String>>,
    /// Samples from which on only what the analysis needs is read; `None`: everything always.
    pub large: Option<u64>,
}

/// How far the columns went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Covered {
    pub bytes: u64,
    pub lines: u64,
}

/// Feeds `into` with all that the columns cover. After an error `into` is of no use; who reads the
/// text then names what is wrong.
pub(super) fn take(
    stored: &Stored,
    journal: &Path,
    want: Want<'_>,
    into: &mut Intake,
) -> Result<Covered, Broken> {
    let Intake { rows, parser, follow } = into;
    let mut places = Vec::new();
    for heads in stored.lines(journal)? {
        for line in heads.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            parser.parse(line, rows).map_err(|_| Broken)?;
            if rows.disordered || !follow.known(line, parser.seq) {
                return Err(Broken);
            }
            places.push(rows.placed());
        }
    }
    let ticks: usize = stored.blocks().iter().map(|block| block.ticks()).sum();
    if places.len() != ticks {
        return Err(Broken);
    }
    rows.budget.read(stored.covered());
    let containers = containers(stored);
    let samples: usize = containers.iter().flat_map(|c| &c.chunks).map(|(_, n, _)| n).sum();
    let kept = |(first, ticks, _): &(usize, usize, Chunk<'_>)| {
        let places = places.get(*first..first + ticks).unwrap_or_default();
        places.iter().filter(|(_, row)| row.is_some()).count() as u64
    };
    let results: u64 = containers.iter().flat_map(|c| &c.chunks).map(kept).sum();
    let partial = want.large.is_some_and(|large| results >= large.max(needs::LARGE));
    let all = |name: &str| !partial || want.whole.is_some_and(|whole| whole.contains(name));
    let left = AtomicU64::new(Budget::allowed(stored.covered()));
    let done = parallel::map(&containers, samples, |container| {
        read(container, &places, all(container.name), |cells| spend(&left, cells))
    });
    adopt(rows, done.into_iter().collect::<Result<_, _>>()?)?;
    Ok(Covered { bytes: stored.covered(), lines: places.len() as u64 })
}

/// What a hostile file may ask for is in proportion to the journal.
fn spend(left: &AtomicU64, cells: usize) -> Result<(), Broken> {
    let take = |left: u64| left.checked_sub(cells as u64);
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).map(drop).map_err(|_| Broken)
}

/// A container's chunks: the block's first tick, its ticks, the chunk.
#[derive(Debug)]
pub(super) struct Container<'a> {
    pub name: &'a str,
    pub chunks: Vec<(usize, usize, Chunk<'a>)>,
}

fn containers(stored: &Stored) -> Vec<Container<'_>> {
    let mut all: Vec<Container<'_>> = Vec::new();
    let mut index: HashMap<&str, usize> = HashMap::new();
    let mut first = 0;
    for block in stored.blocks() {
        for chunk in stored.chunks(block) {
            let at = *index.entry(chunk.name).or_insert(all.len());
            if at == all.len() {
                all.push(Container { name: chunk.name, chunks: Vec::new() });
            }
            if let Some(container) = all.get_mut(at) {
                container.chunks.push((first, block.ticks(), chunk));
            }
        }
        first += block.ticks();
    }
    all
}

/// Puts the series into their scenarios in the order in which a reader of the text sees them.
fn adopt(rows: &mut Rows, mut containers: Vec<ReadContainer>) -> Result<(), Broken> {
    let mut order: Vec<(usize, Place, usize)> = Vec::new();
    for (at, container) in containers.iter().enumerate() {
        let first = |(scenario, series): (usize, &Option<_>)| {
            let series: &super::stored_container::ReadSeries = series.as_ref()?;
            Some((scenario, series.first, at))
        };
        order.extend(container.scenarios.iter().enumerate().filter_map(first));
    }
    order.sort_unstable();
    for (scenario, _, at) in order {
        let Some(container) = containers.get_mut(at) else { continue };
        let Some(series) = container.scenarios.get_mut(scenario).and_then(Option::take) else {
            continue;
        };
        rows.adopt(scenario, &container.name, series).map_err(|_| Broken)?;
    }
    for container in containers {
        rows.adopt_last(container.name, container.last);
    }
    Ok(())
}
