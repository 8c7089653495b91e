//! Series of dead containers: cAdvisor shows their last figures for minutes, beside those of the one
//! that took their place. The newest life wins, from its first reading on and for good.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::fold::Found;
use crate::model::{Figure, FigureSet};

/// A container of one id: its unit, and the id where it has one.
type Key = (String, Option<String>);

/// Which containers had their place taken, over the parts of a window.
#[derive(Debug, Default)]
pub(super) struct Lingering {
    replaced: HashSet<Key>,
    /// Who was seen last, by unit: an id that comes later is newer.
    newest: HashMap<String, Option<String>>,
    /// The same by key, for units that are made anew under it.
    holders: HashMap<String, Key>,
    seen: HashSet<Key>,
}

impl Lingering {
    /// Takes what is of dead containers out of the next part of the window. `spacing_ms` is the usual
    /// time between two readings.
    pub fn clear(&mut self, part: &mut Vec<Found>, spacing_ms: i64) {
        part.retain(|found| !found.rows.is_empty() && !self.replaced.contains(&key(found)));
        self.by_unit(part, spacing_ms);
        self.by_key(part);
        part.retain(|found| !found.rows.is_empty());
        for found in part.iter() {
            self.holders.insert(found.identity.key.clone(), key(found));
            self.seen.insert(key(found));
        }
    }

    /// A unit runs once at a time: its ids follow each other.
    fn by_unit(&mut self, part: &mut [Found], spacing_ms: i64) {
        let mut units: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, found) in part.iter().enumerate() {
            units.entry(found.identity.unit.clone()).or_default().push(at);
        }
        for (unit, mut ids) in units {
            let known = self.newest.get(&unit);
            sort(&mut ids, |a, b| by_age(&part[a], &part[b], known, spacing_ms));
            for pair in ids.windows(2) {
                let Some(begin) = part[pair[1]].first_ms() else { continue };
                part[pair[0]].rows.retain(|row| row.at_ms < begin);
                self.replaced.insert(key(&part[pair[0]]));
            }
            let Some(newest) = ids.last().map(|at| part[*at].identity.container_id.clone()) else {
                continue;
            };
            if let Some(before) = self.newest.insert(unit.clone(), newest.clone())
                && before != newest
            {
                self.replaced.insert((unit, before));
            }
        }
    }

    /// Another unit under the same key may be one beside it, or one that took its place: then the
    /// figures of the other stand still.
    fn by_key(&mut self, part: &mut [Found]) {
        for new in 0..part.len() {
            let (own, name) = (key(&part[new]), part[new].identity.key.clone());
            let Some(begin) = part[new].first_ms() else { continue };
            let was_there = |found: &Found| {
                let held = self.holders.get(&name) == Some(&key(found));
                held || found.first_ms().is_some_and(|first| first < begin)
            };
            if self.seen.contains(&own) {
                continue;
            }
            let old = (0..part.len()).find(|at| {
                let found = &part[*at];
                let another = found.identity.key == name && found.identity.unit != own.0;
                another && was_there(found) && stands_still(found, begin)
            });
            if let Some(old) = old {
                part[old].rows.retain(|row| row.at_ms < begin);
                self.replaced.insert(key(&part[old]));
            }
        }
    }
}

/// Insertion: ages from different witnesses need not be in one order, which `sort_by` may not be given.
fn sort(ids: &mut [usize], by: impl Fn(usize, usize) -> Ordering) {
    for end in 1..ids.len() {
        for at in (1..=end).rev() {
            if by(ids[at - 1], ids[at]) != Ordering::Greater {
                break;
            }
            ids.swap(at - 1, at);
        }
    }
}

fn key(found: &Found) -> Key {
    (found.identity.unit.clone(), found.identity.container_id.clone())
}

/// The older first: by the start that is told; else the one that was known before; else the one that
/// was read first; else the one that does nothing.
fn by_age(a: &Found, b: &Found, known: Option<&Option<String>>, spacing_ms: i64) -> Ordering {
    let start = |found: &Found| found.starts.iter().map(|point| point.value).reduce(f64::max);
    if let (Some(first), Some(second)) = (start(a), start(b))
        && first != second
    {
        return first.total_cmp(&second);
    }
    let is_known = |found: &Found| known == Some(&found.identity.container_id);
    if is_known(a) != is_known(b) {
        return is_known(b).cmp(&is_known(a));
    }
    let (first, second) = (a.first_ms().unwrap_or(i64::MAX), b.first_ms().unwrap_or(i64::MAX));
    if (first - second).abs() > spacing_ms {
        return first.cmp(&second);
    }
    stands_still(b, i64::MIN).cmp(&stands_still(a, i64::MIN)).then(a.last_ms().cmp(&b.last_ms()))
}

/// Whether a container's figures are the same at all readings from `begin` on and at the one before.
pub(super) fn stands_still(found: &Found, begin: i64) -> bool {
    let at = found.rows.partition_point(|row| row.at_ms < begin);
    let rows = found.rows.get(at.saturating_sub(1)..).unwrap_or_default();
    let used = |figures: &FigureSet| {
        [Figure::CpuUsageNs, Figure::MemoryUsageBytes, Figure::MemoryWorkingSetBytes]
            .map(|figure| figures.get(figure))
    };
    let told = rows.iter().any(|row| used(&row.figures).iter().any(Option::is_some));
    let same = rows.windows(2).all(|pair| used(&pair[0].figures) == used(&pair[1].figures));
    rows.len() >= 2 && told && same
}
