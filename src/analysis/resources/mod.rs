//! Does a container leak descriptors, sockets, threads or disk space? The same verdict as for
//! memory, in the resource's own unit an hour.

use serde::{Deserialize, Serialize};

use crate::config::{LeakConfig, ResourceConfig};
use crate::model::Figure;
use crate::model::units::{MB, PAGE_MB};

use super::dataset::{ScenarioData, Series};
use super::leak::{LeakFigure, LeakInput, Unit, Verdict, verdict};

#[cfg(test)]
mod tests;

/// How one resource of a container moved under load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResourceVerdict {
    /// The figure, by its name in every file (`open_fds`, `sockets`, `pids`, ...).
    pub resource: String,
    /// Unit of the amounts: `descriptors`, `sockets`, `threads`, or `MB` (2^20 bytes).
    pub unit: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Why there is no clear one, in words.
    pub reason: Option<String>,
    /// Growth an hour.
    pub per_hour: Option<f64>,
    /// Lower end of its interval.
    pub ci_low: Option<f64>,
    /// Upper end of its interval.
    pub ci_high: Option<f64>,
    /// Growth an hour from which it is a leak.
    pub threshold_per_hour: f64,
    /// Amount at the end of the phase under load.
    pub level: Option<f64>,
    /// Most there can be, where that is known.
    pub limit: Option<f64>,
    /// Hours until the limit is reached, at the upper and the lower end of the interval; no second
    /// one where the lower end is not above zero.
    pub hours_to_limit: Option<(f64, Option<f64>)>,
}

impl ResourceVerdict {
    /// Whether it is a handle, which a process runs out of, rather than space on a disk.
    #[must_use]
    pub fn is_handle(&self) -> bool {
        self.unit != "MB"
    }
}

/// A resource that is judged.
struct Resource {
    figure: Figure,
    unit: &'static str,
    /// The unit of its growth.
    rate: &'static str,
    /// Figure units in one unit of the verdict.
    scale: f64,
    /// The step in which it is counted, in units of the verdict.
    step: f64,
    floor: fn(&ResourceConfig) -> f64,
    /// What is left of it, or the most there can be.
    limit: Limit,
}

#[derive(Clone, Copy)]
enum Limit {
    Unknown,
    Most(Figure),
    Left(Figure),
}

const fn handles(
    figure: Figure,
    unit: &'static str,
    floor: fn(&ResourceConfig) -> f64,
    limit: Limit,
) -> Resource {
    let rate = match figure {
        Figure::OpenFds => "descriptors/h",
        Figure::Sockets => "sockets/h",
        _ => "threads/h",
    };
    Resource { figure, unit, rate, scale: 1.0, step: 1.0, floor, limit }
}

const fn space(figure: Figure, floor: fn(&ResourceConfig) -> f64, limit: Limit) -> Resource {
    Resource { figure, unit: "MB", rate: "MB/h", scale: MB, step: PAGE_MB, floor, limit }
}

const RESOURCES: [Resource; 6] = [
    handles(
        Figure::OpenFds,
        "descriptors",
        |c| c.open_fds_per_hour,
        Limit::Most(Figure::OpenFdsLimit),
    ),
    handles(Figure::Sockets, "sockets", |c| c.sockets_per_hour, Limit::Unknown),
    handles(Figure::Pids, "threads", |c| c.threads_per_hour, Limit::Unknown),
    space(
        Figure::WritableLayerBytes,
        |c| c.writable_layer_mb_per_hour,
        Limit::Left(Figure::DiskFreeBytes),
    ),
    space(Figure::VolumeBytes, |c| c.volume_mb_per_hour, Limit::Unknown),
    space(Figure::LogBytes, |c| c.log_mb_per_hour, Limit::Unknown),
];

/// Judges what was measured of a container's resources over the ticks under load. A resource that
/// was not measured has no verdict.
#[must_use]
pub fn judge(
    scenario: &ScenarioData,
    series: &Series,
    active: &std::ops::Range<usize>,
    floors: &ResourceConfig,
    leak: &LeakConfig,
) -> Vec<ResourceVerdict> {
    let judged = RESOURCES.iter().filter(|resource| (resource.floor)(floors) > 0.0);
    judged
        .filter_map(|resource| {
            one(resource, scenario, series, active, (resource.floor)(floors), leak)
        })
        .collect()
}

fn one(
    resource: &Resource,
    scenario: &ScenarioData,
    series: &Series,
    active: &std::ops::Range<usize>,
    per_hour: f64,
    leak: &LeakConfig,
) -> Option<ResourceVerdict> {
    let column = series.columns.get(resource.figure)?;
    let under_load = column.get(active.clone())?;
    let last = under_load.iter().rev().copied().find(|v| v.is_finite())? / resource.scale;
    // None at all is an amount like any other here, while a memory of zero is an ended container.
    let amounts = column.iter().map(|v| v / resource.scale + 1.0).collect();
    let input = LeakInput {
        figure: LeakFigure { name: resource.figure.name().to_string(), mb: amounts },
        resolution_mb: resource.step,
        working_set_mb: Vec::new(),
        limit_mb: None,
        unit: Unit { name: resource.rate, scale: 60.0 },
        ..LeakInput::new(scenario, series, active.clone())?
    };
    let found = verdict(&input, &leak.scaled_to(per_hour / 60.0));
    let hourly = |slope: Option<f64>| slope.map(|s| s * 60.0);
    let limit = limit(resource, series, last);
    let grows = matches!(found.verdict, Verdict::Leak | Verdict::Suspect);
    Some(ResourceVerdict {
        resource: resource.figure.name().to_string(),
        unit: resource.unit.to_string(),
        verdict: found.verdict,
        reason: found.reason,
        per_hour: hourly(found.slope_mb_per_min),
        ci_low: hourly(found.ci_low),
        ci_high: hourly(found.ci_high),
        threshold_per_hour: per_hour,
        level: Some(last),
        limit,
        hours_to_limit: limit
            .filter(|_| grows)
            .and_then(|limit| hours(limit - last, hourly(found.ci_low)?, hourly(found.ci_high)?)),
    })
}

fn limit(resource: &Resource, series: &Series, level: f64) -> Option<f64> {
    let last = |figure| {
        let column = series.columns.get(figure)?;
        column.iter().rev().copied().find(|v| v.is_finite() && *v > 0.0)
    };
    match resource.limit {
        Limit::Unknown => None,
        Limit::Most(figure) => last(figure).map(|most| most / resource.scale),
        Limit::Left(figure) => last(figure).map(|left| level + left / resource.scale),
    }
}

fn hours(left: f64, low: f64, high: f64) -> Option<(f64, Option<f64>)> {
    (left > 0.0 && high > 0.0).then(|| (left / high, (low > 0.0).then(|| left / low)))
}
