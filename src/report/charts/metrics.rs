//! Metrics and health latencies over time: a timeline for each scenario that has any.

use crate::analysis::metrics::{HealthAnalysis, MetricAnalysis, Origin, column};
use crate::analysis::{HealthSeries, ScenarioData};
use crate::report::chart::{Panel, Series, Threshold, Timeline};

use super::series::{bands, gap_after, line, zero};
use super::{Chart, Source, Spec, events};

/// Panels of one picture.
const PANELS: usize = 4;

/// Pictures of one scenario; a config with more metrics than that has its figures in the tables.
const PICTURES: usize = 8;

pub fn charts(source: Source<'_>) -> Vec<Chart> {
    let scenarios = source.data.scenarios.iter().enumerate();
    let measured = scenarios.filter(|(_, scenario)| !scenario.time.is_empty());
    measured.flat_map(|(n, scenario)| of_scenario(source, n, scenario)).collect()
}

/// A scenario's name as part of a file's: a file from elsewhere may name it as it likes.
fn safe(name: &str, number: usize) -> String {
    let usable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !name.is_empty() && name.len() <= 60 && name.chars().all(usable) {
        return name.to_string();
    }
    format!("scenario_{}", number + 1)
}

fn of_scenario(source: Source<'_>, number: usize, scenario: &ScenarioData) -> Vec<Chart> {
    let metrics = source.analysis.metrics.iter().filter_map(|m| metric(scenario, m));
    let panels: Vec<Panel> = metrics.chain(health(source, scenario)).collect();
    let name = safe(&scenario.name, number);
    let chart = |(page, panels): (usize, &[Panel])| {
        let more = if page == 0 { String::new() } else { format!("_{}", page + 1) };
        Chart {
            folder: "metrics",
            name: format!("metrics_{name}{more}"),
            spec: Spec::Timeline(Timeline {
                title: format!("Metrics: {}", scenario.name),
                subtitle: "numbers that the services tell about themselves".to_string(),
                panels: panels.to_vec(),
                bands: bands(scenario),
                events: events::marks(source.data, scenario).into_iter().map(|m| m.event).collect(),
            }),
        }
    };
    panels.chunks(PANELS).take(PICTURES).enumerate().map(chart).collect()
}

fn metric(scenario: &ScenarioData, metric: &MetricAnalysis) -> Option<Panel> {
    let rule = &metric.rule;
    let values = column(scenario, &rule.name)?;
    let series = line(scenario, &rule.name, values.to_vec())?;
    let threshold = |value: Option<f64>, name: &str| {
        value.map(|value| Threshold { value, name: name.to_string() })
    };
    let thresholds = [threshold(rule.max, "max"), threshold(rule.min, "min")];
    Some(Panel {
        label: rule.name.clone(),
        unit: rule.figure_unit(),
        series: vec![series],
        thresholds: thresholds.into_iter().flatten().collect(),
    })
}

/// All services in one panel; thresholds where there is one service.
fn health(source: Source<'_>, scenario: &ScenarioData) -> Option<Panel> {
    let checks: Vec<(&HealthAnalysis, Series)> = source
        .analysis
        .health
        .iter()
        .filter_map(|check| {
            let series = scenario.health.iter().find(|s| s.name == check.rule.name)?;
            Some((check, latency(scenario, series)?))
        })
        .collect();
    let limits = match checks.as_slice() {
        [] => return None,
        [(check, _)] => check.limits,
        _ => None,
    };
    let thresholds = limits.map(|limits| {
        let word = match limits.origin {
            Origin::Given => "",
            Origin::Calibrated => " (calibrated)",
        };
        let one = |value, name: &str| Threshold { value, name: format!("{name}{word}") };
        vec![one(limits.degraded_ms, "degraded"), one(limits.unhealthy_ms, "unhealthy")]
    });
    Some(Panel {
        label: "health latency".to_string(),
        unit: "ms".to_string(),
        series: checks.into_iter().map(|(_, series)| series).collect(),
        thresholds: thresholds.unwrap_or_default(),
    })
}

/// Each check at its own time; a failed one is a gap, never a zero.
fn latency(scenario: &ScenarioData, series: &HealthSeries) -> Option<Series> {
    let zero = zero(scenario);
    let x = series.checks.iter().map(|(_, check)| (check.at - zero).max(0.0)).collect();
    let y: Vec<f64> = series.checks.iter().map(|(_, c)| c.ms.unwrap_or(f64::NAN)).collect();
    let known = y.iter().any(|v| v.is_finite());
    let name = format!("health.{}", series.name);
    known.then(|| Series { name, x, y, gap_after: gap_after(scenario) })
}

#[cfg(test)]
mod tests {
    use crate::analysis::analyze;
    use crate::report::chart::Timeline;
    use crate::report::charts::{Options, Source};
    use crate::report::fixture;

    use super::*;

    fn planned(name: &str) -> Vec<(String, Timeline)> {
        let (mut data, settings) = fixture::watched();
        data.scenarios[1].name = name.to_string();
        let analysis = analyze(&data, &settings);
        let options = Options::default();
        let timeline = |chart: Chart| match chart.spec {
            Spec::Timeline(timeline) => Some((chart.name, timeline)),
            _ => None,
        };
        let source = Source { data: &data, analysis: &analysis, options: &options };
        charts(source).into_iter().filter_map(timeline).collect()
    }

    #[test]
    fn metrics_and_latencies_have_panels_with_their_limits_and_gaps() {
        let all = planned("soak");
        let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["metrics_baseline", "metrics_soak"]);
        let panels = &all[1].1.panels;
        let labels: Vec<(&str, &str)> =
            panels.iter().map(|p| (p.label.as_str(), p.unit.as_str())).collect();
        assert_eq!(
            labels,
            [("queue_depth", "jobs"), ("orders_total", "orders/s"), ("health latency", "ms")]
        );
        assert_eq!(panels[0].thresholds.len(), 1);
        let latency = &panels[2];
        assert!(latency.series[0].y.iter().any(|y| y.is_nan()), "a failed check is a gap");
        assert!(latency.series[0].y.iter().all(|y| *y != 0.0));
        let calibrated = |t: &Threshold| t.name.ends_with("(calibrated)");
        assert!(latency.thresholds.len() == 2 && latency.thresholds.iter().all(calibrated));
    }

    #[test]
    fn a_hostile_name_of_a_scenario_is_no_path() {
        assert_eq!(planned("../../etc/x")[1].0, "metrics_scenario_2");
    }
}
