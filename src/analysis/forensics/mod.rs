//! OOM forensics: what a container did in the minute before the kernel killed something in it.
//!
//! The limit is reached by what grew, and the last figures before the kill tell which part of the
//! memory that was: a heap, shared memory, page cache that could not be given back, the kernel's
//! own. Only rows of the life that ended count, and none from after the kill.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::model::Figure;
use crate::model::units::{bytes_to_mb, round_to, signed};

use super::dataset::{Columns, Dataset, OomEvent, ScenarioData, Series};
use super::settings::Settings;

mod parts;
#[cfg(test)]
mod tests;

pub use parts::{MemoryPart, parts};

/// Seconds before a kill that are looked at.
pub const MINUTE: f64 = 60.0;

/// Most kills that are told one by one.
const MOST: usize = 100;

/// Which process the kernel chose, as far as the witnesses tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Victim {
    /// The container's main process: the container ended.
    Main,
    /// Another of its processes: the container went on.
    Child,
}

/// An OOM kill and what led to it. MB are 2^20 bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OomKill {
    /// The scenario's key.
    pub scenario: String,
    /// The container's key.
    pub container: String,
    /// When, Unix seconds.
    pub at: f64,
    /// Kills at this moment.
    pub kills: u64,
    /// Which process; absent where the file cannot tell, which may then be a plain restart.
    pub victim: Option<Victim>,
    /// The memory limit at the time.
    pub limit_mb: Option<f64>,
    /// What was charged to the container (or else its working set) at the last reading.
    pub last_mb: Option<f64>,
    /// Seconds between the first and the last reading that were compared.
    pub seconds: Option<f64>,
    /// By how much that figure grew between them.
    pub grew_mb: Option<f64>,
    /// Its parts, what grew most first; empty where none was measured.
    pub parts: Vec<PartGrowth>,
    /// Share of the time in which all tasks of the container waited for memory, percent.
    pub stalled_percent: Option<f64>,
}

/// What one part of the memory did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartGrowth {
    /// `anon`, `shmem`, `cache`, `kernel`, `sock`, `swap`.
    pub part: String,
    /// At the first reading.
    pub first_mb: f64,
    /// At the last reading.
    pub last_mb: f64,
    /// The difference.
    pub grew_mb: f64,
    /// Its share of all that grew; absent for a part that did not, and where the sum is below
    /// 0.1 MB.
    pub share_percent: Option<f64>,
}

/// Growth below this is no growth, MB.
const LEAST_MB: f64 = 0.1;

/// All OOM kills that the scenarios record, in order of time, each with its last minute.
#[must_use]
pub fn kills(data: &Dataset, settings: &Settings) -> Vec<OomKill> {
    let mut all: Vec<OomKill> = Vec::new();
    for scenario in &data.scenarios {
        for event in &scenario.oom_events {
            if settings.ignores(&event.container_name) || !is_oom(event) {
                continue;
            }
            let same = |kill: &&mut OomKill| {
                kill.container == event.container_name
                    && kill.at == event.timestamp
                    && kill.victim == victim(event)
            };
            if let Some(kill) = all.iter_mut().find(same) {
                kill.kills += 1;
            } else if all.len() < MOST {
                all.push(of_event(scenario, event));
            }
        }
    }
    all
}

/// The replaced framework names no kind: what it recorded was a kill or a restart.
fn is_oom(event: &OomEvent) -> bool {
    event.kind.as_deref().is_none_or(|kind| kind.contains("oom"))
}

fn victim(event: &OomEvent) -> Option<Victim> {
    let kind = event.kind.as_deref()?;
    Some(if kind.contains("main") { Victim::Main } else { Victim::Child })
}

fn of_event(scenario: &ScenarioData, event: &OomEvent) -> OomKill {
    let mut kill = OomKill {
        scenario: scenario.name.clone(),
        container: event.container_name.clone(),
        at: event.timestamp,
        kills: 1,
        victim: victim(event),
        limit_mb: None,
        last_mb: None,
        seconds: None,
        grew_mb: None,
        parts: Vec::new(),
        stalled_percent: None,
    };
    let Some(series) = scenario.series(&event.container_name) else { return kill };
    let Some(rows) = minute_before(scenario, series, event.timestamp) else { return kill };
    let columns = &series.columns;
    let limits = columns.get(Figure::MemoryLimitBytes).and_then(|c| c.get(rows.clone()));
    kill.limit_mb = limits.and_then(last_measured).filter(|mb| *mb > 0.0).map(bytes_to_mb);
    let total = [Figure::MemoryUsageBytes, Figure::MemoryWorkingSetBytes]
        .into_iter()
        .find_map(|figure| ends(columns.get(figure)?.get(rows.clone())?));
    if let Some((first, last)) = total {
        kill.last_mb = Some(bytes_to_mb(last));
        kill.grew_mb = Some(bytes_to_mb(last - first));
    }
    let time = scenario.time.get(rows.clone()).unwrap_or_default();
    kill.seconds = time.first().zip(time.last()).map(|(first, last)| last - first);
    kill.parts = growth(columns, &rows);
    kill.stalled_percent = stalled(columns, &rows, time);
    rounded(kill)
}

/// The rows of a container within a minute before `at` (Unix seconds): of the life that the kill
/// was in, and up to the last reading in which the kernel had not counted it. None where there is
/// no reading.
#[must_use]
pub fn minute_before(scenario: &ScenarioData, series: &Series, at: f64) -> Option<Range<usize>> {
    let end = scenario.wall.partition_point(|t| *t <= at);
    let start = scenario.wall.partition_point(|t| *t < at - MINUTE);
    let is_read = |row: &usize| memory_at(&series.columns, *row).is_some();
    let last = (start..end).rev().find(is_read)?;
    let life = |row: usize| series.incarnation.get(row).copied().unwrap_or(0);
    // A reading that has the kill in its counter is from after it, unless all have it.
    let counted = |row: usize| series.columns.at(Figure::OomKills, row);
    let before_last = (start..last).rev().find(is_read);
    let is_after = before_last.is_some_and(|before| {
        life(before) != life(last) || counted(before).zip(counted(last)).is_some_and(|(a, b)| b > a)
    });
    let last = before_last.filter(|_| is_after).unwrap_or(last);
    let first = (start..=last).rev().take_while(|row| life(*row) == life(last)).last()?;
    let first = (first..=last).find(is_read)?;
    Some(first..last + 1)
}

fn memory_at(columns: &Columns, row: usize) -> Option<f64> {
    let figures =
        [Figure::MemoryUsageBytes, Figure::MemoryWorkingSetBytes, Figure::AnonBytes].into_iter();
    // A container that ended reads zero.
    figures.filter_map(|figure| columns.at(figure, row)).find(|bytes| *bytes > 0.0)
}

fn growth(columns: &Columns, rows: &Range<usize>) -> Vec<PartGrowth> {
    let all = parts(columns).into_iter().filter_map(|part| {
        let (first, last) = ends(part.mb.get(rows.clone())?)?;
        Some((part.name, first, last))
    });
    let all: Vec<(&str, f64, f64)> = all.collect();
    let sum: f64 = all.iter().map(|(_, first, last)| (last - first).max(0.0)).sum();
    let mut all: Vec<PartGrowth> = all
        .into_iter()
        .map(|(name, first, last)| {
            let grew = last - first;
            let share = (sum >= LEAST_MB && grew > 0.0).then(|| 100.0 * grew / sum);
            PartGrowth {
                part: name.to_string(),
                first_mb: first,
                last_mb: last,
                grew_mb: grew,
                share_percent: share,
            }
        })
        .collect();
    all.sort_by(|a, b| b.grew_mb.total_cmp(&a.grew_mb));
    all
}

fn stalled(columns: &Columns, rows: &Range<usize>, time: &[f64]) -> Option<f64> {
    // Of a large run the pressure is read where something was killed; elsewhere it is not there.
    let column = (!columns.is_partial()).then(|| columns.get(Figure::PsiMemoryFullUs))??;
    let (first, last) = ends(column.get(rows.clone())?)?;
    let seconds = time.last()? - time.first()?;
    (seconds > 0.0 && last >= first).then(|| (last - first) / 1e4 / seconds)
}

/// The first and the last value that were measured.
fn ends(column: &[f64]) -> Option<(f64, f64)> {
    let first = column.iter().copied().find(|v| v.is_finite())?;
    Some((first, last_measured(column)?))
}

fn last_measured(column: &[f64]) -> Option<f64> {
    column.iter().rev().copied().find(|v| v.is_finite())
}

fn rounded(mut kill: OomKill) -> OomKill {
    let round = |value: &mut f64| *value = round_to(*value, 3);
    let single = [
        &mut kill.limit_mb,
        &mut kill.last_mb,
        &mut kill.seconds,
        &mut kill.grew_mb,
        &mut kill.stalled_percent,
    ];
    single.into_iter().flatten().for_each(round);
    for part in &mut kill.parts {
        [&mut part.first_mb, &mut part.last_mb, &mut part.grew_mb].into_iter().for_each(round);
        part.share_percent = part.share_percent.map(|share| round_to(share, 1));
    }
    kill
}

impl OomKill {
    /// The part that grew most, where one grew at all.
    #[must_use]
    pub fn culprit(&self) -> Option<&PartGrowth> {
        self.parts.first().filter(|part| part.grew_mb >= LEAST_MB && part.share_percent.is_some())
    }

    /// What led to it, in words; nothing where nothing was measured before it.
    #[must_use]
    pub fn describe(&self) -> Option<String> {
        let seconds = self.seconds?;
        let mut text = match self.victim {
            Some(Victim::Main) => "its main process was killed".to_string(),
            Some(Victim::Child) => "another of its processes was killed".to_string(),
            None => "a kill or a restart, the file does not tell".to_string(),
        };
        if let Some(last) = self.last_mb {
            text.push_str(&format!("; last reading {last:.1} MB"));
            if let Some(limit) = self.limit_mb {
                text.push_str(&format!(" of {limit:.0} MB"));
            }
        }
        match (self.culprit(), self.grew_mb) {
            _ if seconds <= 0.0 => text.push_str("; one reading only, so what grew is not known"),
            (Some(part), _) => text.push_str(&format!(
                "; in the {seconds:.0} s before, {} grew by {:.1} MB ({:.0} % of what grew)",
                part.part,
                part.grew_mb,
                part.share_percent.unwrap_or_default()
            )),
            (None, Some(grew)) if self.parts.is_empty() => text.push_str(&format!(
                "; in the {seconds:.0} s before it changed by {} MB; the file does not tell \
                 its parts",
                signed(grew, 1)
            )),
            _ => text.push_str(&format!(
                "; no part grew in the {seconds:.0} s before: it went faster than the interval \
                 shows"
            )),
        }
        if let Some(stalled) = self.stalled_percent {
            text.push_str(&format!("; all tasks waited for memory {stalled:.0} % of the time"));
        }
        Some(text)
    }
}
