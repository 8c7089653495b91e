//! The load, metrics and health checks as rows of cells, for the page and for the text.

use crate::analysis::Analysis;
use crate::analysis::findings::figure;
use crate::analysis::metrics::{
    GrowthVerdict, HealthAnalysis, HealthState, MetricAnalysis, MetricPhase, Origin,
};

/// A table of texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its title.
    pub title: &'static str,
    /// What its columns hold.
    pub head: Vec<&'static str>,
    /// Its rows.
    pub rows: Vec<Vec<String>>,
    /// What a reader must know about it.
    pub note: String,
}

const NONE: &str = "–";

/// The tables that a run has something for.
#[must_use]
pub fn tables(analysis: &Analysis) -> Vec<Table> {
    let load = super::load::table(analysis);
    [load, metrics(&analysis.metrics), health(&analysis.health)].into_iter().flatten().collect()
}

fn metrics(all: &[MetricAnalysis]) -> Option<Table> {
    let rows = all.iter().flat_map(|m| {
        let silent = m.phases.is_empty().then(|| silent(m));
        m.phases.iter().map(|phase| metric(m, phase)).chain(silent)
    });
    let rows: Vec<_> = rows.collect();
    let judged = all.iter().filter_map(growth).collect::<Vec<_>>().join(" ");
    let counted = "Known: ticks in which the metric was known, of all ticks of the phase.";
    (!rows.is_empty()).then(|| Table {
        title: "Metrics",
        head: vec![
            "Metric", "Unit", "Of", "Scenario", "Phase", "Min", "Median", "p95", "Max", "Known",
        ],
        rows,
        note: format!("{counted} {judged}").trim_end().to_string(),
    })
}

fn metric(m: &MetricAnalysis, phase: &MetricPhase) -> Vec<String> {
    vec![
        m.rule.name.clone(),
        m.rule.figure_unit(),
        m.rule.container.clone().unwrap_or_else(|| "the run".to_string()),
        phase.scenario.clone(),
        phase.phase.clone().unwrap_or_else(|| NONE.to_string()),
        figure(phase.min),
        figure(phase.median),
        figure(phase.p95),
        figure(phase.max),
        format!("{}/{}", phase.count, phase.ticks),
    ]
}

/// A metric that was configured and never known.
fn silent(m: &MetricAnalysis) -> Vec<String> {
    let mut row = vec![
        m.rule.name.clone(),
        m.rule.figure_unit(),
        m.rule.container.clone().unwrap_or_else(|| "the run".to_string()),
    ];
    row.resize(9, NONE.to_string());
    row.push("never".to_string());
    row
}

/// What was said about growth, in a sentence.
fn growth(m: &MetricAnalysis) -> Option<String> {
    let growth = m.growth.as_ref()?;
    let (name, unit) = (&m.rule.name, m.rule.figure_unit());
    let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
    let verdict = growth.verdict.name();
    let Some(((per_min, low), high)) = growth.per_min.zip(growth.ci_low).zip(growth.ci_high) else {
        let why = growth.reason.as_deref().unwrap_or("too little was measured");
        return Some(format!("Growth of {name}: {verdict}, {why}."));
    };
    let sign = if growth.verdict == GrowthVerdict::Grows { "at or above" } else { "threshold" };
    Some(format!(
        "Growth of {name} under load: {verdict}, {}{unit}/min ({} .. {}), {sign} {}.",
        figure(per_min),
        figure(low),
        figure(high),
        figure(growth.threshold)
    ))
}

fn health(all: &[HealthAnalysis]) -> Option<Table> {
    let rows: Vec<_> = all.iter().map(check).collect();
    let missing = all.iter().filter_map(|h| {
        Some(format!("{} has no thresholds: {}.", h.rule.name, h.no_limits.as_ref()?))
    });
    let missing: Vec<String> = missing.collect();
    let shares = "States are those of the rolling mean after each check; a check without an answer \
                  is failing and has no latency.";
    (!rows.is_empty()).then(|| Table {
        title: "Health",
        head: vec![
            "Service",
            "Baseline p50 ms",
            "Baseline p95 ms",
            "Degraded from ms",
            "Unhealthy from ms",
            "Worst state",
            "In",
            "Highest mean ms",
            "Degraded %",
            "Unhealthy %",
            "Failed",
        ],
        rows,
        note: format!("{shares} {}", missing.join(" ")).trim_end().to_string(),
    })
}

fn check(h: &HealthAnalysis) -> Vec<String> {
    let ms = |value: Option<f64>| value.map_or_else(|| NONE.to_string(), |v| format!("{v:.1}"));
    let limit = |value: fn(&crate::analysis::metrics::HealthLimits) -> f64| {
        h.limits.as_ref().map_or_else(
            || NONE.to_string(),
            |l| match l.origin {
                Origin::Given => format!("{:.1}", value(l)),
                Origin::Calibrated => format!("{:.1} (calibrated)", value(l)),
            },
        )
    };
    let worst = h.worst();
    let share = |n: usize| {
        let judged = h.limits.is_some();
        let shares = h.shares().filter(|_| judged);
        shares.map_or_else(|| NONE.to_string(), |shares| format!("{:.1}", shares[n]))
    };
    let (failures, checks) =
        h.scenarios.iter().fold((0, 0), |(failed, all), s| (failed + s.failures, all + s.checks));
    let bad = worst.filter(|w| w.worst > HealthState::Healthy);
    vec![
        h.rule.name.clone(),
        ms(h.baseline.map(|b| b.p50_ms)),
        ms(h.baseline.map(|b| b.p95_ms)),
        limit(|l| l.degraded_ms),
        limit(|l| l.unhealthy_ms),
        worst.map_or(NONE, |w| w.worst.name()).to_string(),
        bad.map_or_else(|| NONE.to_string(), |w| w.scenario.clone()),
        ms(worst.and_then(|w| w.worst_mean_ms)),
        share(0),
        share(1),
        format!("{failures}/{checks}"),
    ]
}

#[cfg(test)]
mod tests {
    use crate::analysis::analyze;
    use crate::report::fixture;
    use crate::report::html::{self, Report};
    use crate::report::markdown;

    use super::*;

    #[test]
    fn the_tables_of_a_run_with_metrics_and_health() {
        let (data, settings) = fixture::watched();
        let analysis = analyze(&data, &settings);
        let mut text = String::new();
        for table in tables(&analysis) {
            text.push_str(&format!("{}\n{}\n", table.title, table.head.join(" | ")));
            for row in &table.rows {
                assert_eq!(row.len(), table.head.len());
                text.push_str(&row.join(" | "));
                text.push('\n');
            }
            text.push_str(&format!("{}\n\n", table.note));
        }
        for finding in &analysis.findings {
            if finding.message.starts_with("metric") || finding.message.starts_with("health") {
                text.push_str(&format!("{}\n", finding.message));
            }
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn page_and_text_hold_them_and_escape_names() {
        let (mut data, mut settings) = fixture::watched();
        settings.metrics[0].unit = "<b>|jobs".into();
        for scenario in &mut data.scenarios {
            scenario.gaps.clear();
        }
        let analysis = analyze(&data, &settings);
        let report = Report { data: &data, analysis: &analysis, charts: &[] };
        let page = html::report(&report);
        assert!(page.contains("<h2>Metrics</h2>") && page.contains("<h2>Health</h2>"));
        assert!(page.contains("&lt;b&gt;|jobs") && !page.contains("<b>|jobs"));
        let text = markdown::report(&report);
        assert!(text.contains("## Metrics") && text.contains("&lt;b&gt;\\|jobs"), "{text}");
    }

    #[test]
    fn a_run_without_any_has_no_tables() {
        assert_eq!(tables(&analyze(&fixture::demo(), &fixture::settings(true))), []);
    }
}
