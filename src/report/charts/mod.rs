//! The charts of a run: which there are, what is in them, and their files.
//!
//! `plan` turns an analysis into chart specifications, without drawing; [`write()`] draws each once
//! on two threads. The same run gives the same bytes.

mod duration;
mod events;
mod files;
mod gallery;
mod gpu;
mod isolate;
mod metrics;
mod oom;
mod order;
mod overview;
mod series;
mod speed;
mod stress;

use std::path::Path;

use crate::analysis::scenario_stats::ContainerStats;
use crate::analysis::stats::Summary;
use crate::analysis::{Analysis, Dataset};
use crate::report::chart::{Bars, Heatmap, Intervals, PanelGrid, Picture, Steps, Timeline};
use crate::store::StoreError;

use crate::report::Drawn;

/// What is wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// All containers, not only the worst [`WORST`].
    pub all: bool,
}

/// Containers whose lines are drawn, unless all are wanted.
pub const WORST: usize = 48;

/// Which of the two figures a chart shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Metric {
    Memory,
    Cpu,
}

impl Metric {
    const BOTH: [Metric; 2] = [Metric::Memory, Metric::Cpu];

    fn word(self) -> &'static str {
        match self {
            Metric::Memory => "memory",
            Metric::Cpu => "cpu",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Metric::Memory => "Memory",
            Metric::Cpu => "CPU",
        }
    }

    /// Within a sentence.
    fn in_words(self) -> &'static str {
        match self {
            Metric::Memory => "memory",
            Metric::Cpu => "CPU",
        }
    }

    /// The figure of a container, in the metric's unit.
    fn summary(self, stats: &ContainerStats) -> Option<Summary> {
        match self {
            Metric::Memory => stats.memory_mb(),
            Metric::Cpu => stats.cpu_percent().copied(),
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Metric::Memory => "MB",
            Metric::Cpu => "%",
        }
    }
}

/// A chart that is to be drawn.
struct Chart {
    /// Folder under `charts/`.
    folder: &'static str,
    /// File name without its ending.
    name: String,
    spec: Spec,
}

enum Spec {
    Heatmap(Heatmap),
    Timeline(Timeline),
    Grid(PanelGrid),
    Bars(Bars),
    Intervals(Intervals),
    Steps(Steps),
}

impl Spec {
    fn layout(&self) -> Picture {
        match self {
            Spec::Heatmap(chart) => chart.layout(),
            Spec::Timeline(chart) => chart.layout(),
            Spec::Grid(chart) => chart.layout(),
            Spec::Bars(chart) => chart.layout(),
            Spec::Intervals(chart) => chart.layout(),
            Spec::Steps(chart) => chart.layout(),
        }
    }
}

/// What the charts are made from.
#[derive(Clone, Copy)]
struct Source<'a> {
    data: &'a Dataset,
    analysis: &'a Analysis,
    options: &'a Options,
}

/// The charts that a run has data for, in the order of a report.
fn plan(source: Source<'_>) -> Vec<Chart> {
    let mut all = overview::charts(source);
    all.extend(stress::charts(source));
    all.extend(duration::charts(source));
    all.extend(speed::charts(source));
    all.extend(gpu::charts(source));
    all.extend(metrics::charts(source));
    all.extend(oom::charts(source));
    all.extend(isolate::charts(source));
    all
}

/// Draws all charts into `folder` (`charts/` of a run folder), with the script they share and a
/// gallery; charts of an earlier analysis that are no longer drawn are removed.
///
/// # Errors
/// When a file cannot be written.
pub fn write(
    folder: &Path,
    data: &Dataset,
    analysis: &Analysis,
    options: &Options,
) -> Result<Vec<Drawn>, StoreError> {
    let charts = plan(Source { data, analysis, options });
    files::write(folder, &charts, &analysis.test_id)
}

#[cfg(test)]
mod tests;
