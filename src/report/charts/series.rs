//! Columns of a scenario as lines of a chart: seconds from its first tick, MB or percent.

use crate::analysis::{Phase, ScenarioData};
use crate::model::Figure;
use crate::model::units::bytes_to_mb;
use crate::report::chart::{Band, Series, Threshold};

use super::{Metric, Source};

/// The scenario's zero on its own time axis.
pub fn zero(scenario: &ScenarioData) -> f64 {
    scenario.time.first().copied().unwrap_or(0.0)
}

/// Seconds since the scenario's first tick.
pub fn times(scenario: &ScenarioData) -> Vec<f64> {
    let zero = zero(scenario);
    scenario.time.iter().map(|t| t - zero).collect()
}

/// A line of any figures; absent where there are none at all.
pub fn line(scenario: &ScenarioData, name: &str, mut y: Vec<f64>) -> Option<Series> {
    if !y.iter().any(|v| v.is_finite()) {
        return None;
    }
    y.resize(scenario.time.len(), f64::NAN);
    Some(Series { name: name.to_string(), x: times(scenario), y, gap_after: gap_after(scenario) })
}

/// Working set in MB, or CPU in percent of one core.
pub fn of(scenario: &ScenarioData, name: &str, metric: Metric) -> Option<Series> {
    let columns = &scenario.series(name)?.columns;
    let y = match metric {
        Metric::Memory => {
            let bytes = columns.get(Figure::MemoryWorkingSetBytes)?;
            bytes.iter().copied().map(bytes_to_mb).collect()
        }
        Metric::Cpu => columns.get(Figure::CpuPercent)?.to_vec(),
    };
    line(scenario, name, y)
}

/// Points further apart than three times the slowest phase's interval have a gap between them.
pub fn gap_after(scenario: &ScenarioData) -> f64 {
    let usual = |time: &[f64]| {
        let mut steps: Vec<f64> = time.windows(2).map(|w| w[1] - w[0]).collect();
        steps.sort_by(f64::total_cmp);
        steps.get(steps.len() / 2).copied()
    };
    let phases = scenario.phases.iter().filter_map(|p| scenario.time.get(p.ticks.clone()));
    let slowest = phases.filter_map(usual).reduce(f64::max);
    slowest.or_else(|| usual(&scenario.time)).map_or(f64::INFINITY, |step| 3.0 * step.max(1.0))
}

/// The phases as bands.
pub fn bands(scenario: &ScenarioData) -> Vec<Band> {
    let zero = zero(scenario);
    let band = |phase: &Phase| Band {
        from: (phase.start - zero).max(0.0),
        to: phase.end - zero,
        name: phase.name.clone(),
    };
    scenario.phases.iter().filter(|phase| !phase.ticks.is_empty()).map(band).collect()
}

/// CPU threshold lines of these containers, each once, the first four.
pub fn cpu_thresholds<'a>(
    source: Source<'_>,
    names: impl Iterator<Item = &'a str>,
    limits: &crate::config::StressLimits,
) -> Vec<Threshold> {
    let mut all: Vec<Threshold> = Vec::new();
    for name in names {
        let one = cpu_threshold(source, name, limits);
        if all.len() < 4 && !all.iter().any(|known| known.name == one.name) {
            all.push(one);
        }
    }
    all
}

/// What a container's CPU must not reach, percent of one core.
pub fn cpu_threshold(
    source: Source<'_>,
    name: &str,
    limits: &crate::config::StressLimits,
) -> Threshold {
    let own = source.analysis.settings.container(name);
    let percent = own.cpu_percent.unwrap_or(limits.cpu_percent);
    let cores = source.analysis.container(name).map_or(1.0, |c| c.cores);
    let word = if cores == 1.0 { "core" } else { "cores" };
    Threshold { value: percent * cores, name: format!("{percent:.0} % of {cores} {word}:") }
}
