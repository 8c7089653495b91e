//! Duration: a panel a container, with the slope that its verdict rests on.

use crate::analysis::dataset::is_active;
use crate::analysis::leak::{Verdict, choose};
use crate::analysis::slope::Trend;
use crate::analysis::{ContainerAnalysis, Format, ScenarioData};
use crate::model::units::signed;
use crate::report::chart::{Band, GridPanel, PanelGrid, Series, SlopeLine, Threshold, Tone};
use crate::report::words;

use super::events::marks;
use super::series::{bands, cpu_threshold, line, of};
use super::{Chart, Metric, Source, Spec, order};

pub fn charts(source: Source<'_>) -> Vec<Chart> {
    Metric::BOTH.into_iter().flat_map(|metric| timelines(source, metric)).collect()
}

/// `duration_leak`, else the longest scenario with a phase under load; of a series, where containers
/// of other times or phases are scenarios of their own, all of them.
fn scenarios(source: Source<'_>) -> Vec<&ScenarioData> {
    let bare = source.data.format == Format::SeriesCsv;
    let filled = || source.data.scenarios.iter().filter(|s| !s.time.is_empty());
    if bare {
        return filled().collect();
    }
    let is_loaded = |s: &&ScenarioData| s.phases.iter().any(|p| is_active(&p.name));
    let by_name = filled().find(|s| s.name == "duration_leak");
    let longest = || filled().filter(is_loaded).max_by_key(|s| s.time.len());
    by_name.or_else(longest).into_iter().collect()
}

/// Panels whose scenarios have the same phases: they stand in one picture.
struct Together<'a> {
    bands: Vec<Band>,
    scenarios: Vec<&'a ScenarioData>,
    panels: Vec<GridPanel>,
}

/// Borders of phases that differ by less than this part of the time shown are one to the eye.
const ALIKE: f64 = 0.01;

fn are_alike(a: &[Band], b: &[Band]) -> bool {
    let end = a.iter().chain(b).map(|band| band.to).fold(0.0, f64::max);
    let near = |a: f64, b: f64| (a - b).abs() <= ALIKE * end;
    let pair =
        |(a, b): (&Band, &Band)| a.name == b.name && near(a.from, b.from) && near(a.to, b.to);
    a.len() == b.len() && a.iter().zip(b).all(pair)
}

/// All panels, the worst container first within each picture.
fn together<'a>(
    source: Source<'a>,
    metric: Metric,
    shown: &[&ContainerAnalysis],
) -> Vec<Together<'a>> {
    let mut all: Vec<Together<'a>> = Vec::new();
    for scenario in scenarios(source) {
        let bands = bands(scenario);
        match all.iter_mut().find(|known| are_alike(&known.bands, &bands)) {
            Some(known) => known.scenarios.push(scenario),
            None => all.push(Together { bands, scenarios: vec![scenario], panels: Vec::new() }),
        }
    }
    for one in &mut all {
        let of_scenarios: Vec<_> =
            one.scenarios.iter().map(|s| (*s, marks(source.data, s))).collect();
        let panel = |c: &&ContainerAnalysis| {
            let found =
                of_scenarios.iter().find(|(scenario, _)| scenario.series(&c.name).is_some());
            let (scenario, happened) = found?;
            let mut panel = match metric {
                Metric::Memory => memory(scenario, c),
                Metric::Cpu => cpu(source, scenario, c),
            }?;
            let own = happened.iter().filter(|mark| mark.container == panel.series.name);
            panel.events = own.map(|mark| mark.event.clone()).collect();
            Some(panel)
        };
        one.panels = shown.iter().filter_map(panel).collect();
    }
    all
}

fn timelines(source: Source<'_>, metric: Metric) -> Vec<Chart> {
    let shown = order::shown(source, metric);
    let note = order::note(source, shown.len());
    let groups = together(source, metric, &shown);
    let pictures: Vec<(&Together<'_>, &[GridPanel])> = groups
        .iter()
        .flat_map(|group| {
            group.panels.chunks(PanelGrid::PER_PICTURE).map(move |part| (group, part))
        })
        .collect();
    let parts = pictures.len();
    let chart = |(n, (group, panels)): (usize, (&Together<'_>, &[GridPanel]))| {
        let (suffix, part) = match parts {
            1 => (String::new(), String::new()),
            _ => (format!("_{}", n + 1), format!(" ({} of {parts})", n + 1)),
        };
        let what = match metric {
            Metric::Memory => memory_words(&group.scenarios, &shown),
            Metric::Cpu => "percent of one core; those nearest to their cores first".to_string(),
        };
        Chart {
            folder: "duration",
            name: format!("duration_timeline_{}{suffix}", metric.word()),
            spec: Spec::Grid(PanelGrid {
                title: format!("{} through the phases{part}", metric.title()),
                subtitle: format!("{what}{note}"),
                unit: metric.unit().to_string(),
                panels: panels.to_vec(),
                bands: group.bands.clone(),
            }),
        }
    };
    pictures.into_iter().enumerate().map(chart).collect()
}

fn memory_words(scenarios: &[&ScenarioData], shown: &[&ContainerAnalysis]) -> String {
    let named = |c: &&ContainerAnalysis| {
        let series = scenarios.iter().find_map(|scenario| scenario.series(&c.name))?;
        Some(choose(&series.columns)?.name)
    };
    let mut names: Vec<String> = shown.iter().filter_map(named).collect();
    names.dedup();
    let figure = match names.as_slice() {
        [one] => one.replace('_', " "),
        _ => "the figure that a leak is looked for in".to_string(),
    };
    format!("{figure}; a scale of its own in each panel; dashed: the slope the verdict rests on")
}

/// The figure that the verdict rests on, which is free of page cache where the source tells.
fn memory(scenario: &ScenarioData, container: &ContainerAnalysis) -> Option<GridPanel> {
    let figure = choose(&scenario.series(&container.name)?.columns)?;
    let series = line(scenario, &container.name, figure.mb)?;
    let leak = container.leak.as_ref();
    let slope = leak.and_then(|leak| leak.slope_mb_per_min);
    let badge = leak.map(|leak| {
        let tone = match leak.verdict {
            Verdict::Leak => Tone::Alarm,
            Verdict::Suspect | Verdict::Inconclusive => Tone::Watch,
            Verdict::Ok | Verdict::InsufficientData => Tone::Calm,
        };
        let rate = slope.map(|slope| format!(" {} MB/min", signed(slope, 2))).unwrap_or_default();
        (format!("{}{rate}", words::verdict(leak.verdict)), tone)
    });
    Some(GridPanel {
        slopes: worth_a_line(container)
            .and_then(|slope| slope_line(scenario, &series, slope))
            .into_iter()
            .collect(),
        badge,
        threshold: container.limit_mb.map(|value| Threshold { value, name: "limit".to_string() }),
        events: Vec::new(),
        series,
    })
}

/// The slope, where it comes near the threshold: a line through noise would look like a finding.
fn worth_a_line(container: &ContainerAnalysis) -> Option<f64> {
    let leak = container.leak.as_ref()?;
    leak.slope_mb_per_min.filter(|slope| *slope >= 0.5 * leak.threshold_mb_per_min)
}

/// A line of that slope (a minute) through the middle of the figures under load.
fn slope_line(scenario: &ScenarioData, series: &Series, slope: f64) -> Option<SlopeLine> {
    let active = scenario.phases.iter().filter(|p| is_active(&p.name) && !p.ticks.is_empty());
    let longest = active.max_by_key(|phase| phase.ticks.len());
    let rows = longest.map_or(0..series.x.len(), |phase| phase.ticks.clone());
    // The verdict leaves out the start, where everything grows.
    let rows = rows.start + rows.len() / 10..rows.end.min(series.x.len());
    let (x, y) = (series.x.get(rows.clone())?, series.y.get(rows)?);
    let (from, to) = (*x.first()?, *x.last()?);
    let middle = (from + to) / 2.0;
    let mut rest: Vec<f64> = x
        .iter()
        .zip(y)
        .filter(|(_, y)| y.is_finite())
        .map(|(x, y)| y - slope / 60.0 * (x - middle))
        .collect();
    rest.sort_by(f64::total_cmp);
    let level = *rest.get(rest.len() / 2)?;
    let at = |x: f64| (x, level + slope / 60.0 * (x - middle));
    Some(SlopeLine { from: at(from), to: at(to) })
}

fn cpu(
    source: Source<'_>,
    scenario: &ScenarioData,
    container: &ContainerAnalysis,
) -> Option<GridPanel> {
    let series = of(scenario, &container.name, Metric::Cpu)?;
    let trend = trend(source, scenario, &container.name);
    let limit = source.analysis.settings.thresholds.cpu_slope_percent_per_min;
    let badge = trend.map(|trend| {
        let grows = trend.slope >= limit && trend.ci_low > limit / 4.0;
        let tone = if grows { Tone::Watch } else { Tone::Calm };
        (format!("{} %/min", signed(trend.slope, 2)), tone)
    });
    Some(GridPanel {
        series,
        badge,
        slopes: Vec::new(),
        threshold: Some(cpu_threshold(source, &container.name, &source.analysis.settings.stress)),
        events: Vec::new(),
    })
}

fn trend(source: Source<'_>, scenario: &ScenarioData, name: &str) -> Option<Trend> {
    let stats = source.analysis.scenario(&scenario.name)?;
    let phase = stats.phases.iter().find(|phase| is_active(&phase.name))?;
    phase.containers.iter().find(|part| part.name == name)?.cpu_trend
}
