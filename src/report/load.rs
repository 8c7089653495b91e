//! What became of the load's requests, as rows of cells and in words.

use crate::analysis::load::{TaskLoad, Unit};
use crate::analysis::{Analysis, FindingKind};

use super::metrics::Table;
use super::words::cell;

/// Causes that are told of one task.
const CAUSES: usize = 4;

/// The table of the load; none where it counts nothing.
#[must_use]
pub fn table(analysis: &Analysis) -> Option<Table> {
    let scenarios = analysis.load.scenarios.iter();
    let rows = scenarios.flat_map(|load| load.tasks.iter().map(|task| row(&load.scenario, task)));
    let rows: Vec<_> = rows.collect();
    (!rows.is_empty()).then(|| Table {
        title: "Load",
        head: vec!["Task", "Scenario", "Requests", "Failed", "Failed %", "Most frequent causes"],
        rows,
        note: "Requests: all that came to an end. Of agents: calls that asked for them."
            .to_string(),
    })
}

fn row(scenario: &str, task: &TaskLoad) -> Vec<String> {
    let causes: Vec<String> = task
        .causes
        .iter()
        .take(CAUSES)
        .map(|(cause, count)| format!("{count} × {cause}"))
        .collect();
    let name = match task.unit {
        Unit::Request => task.task.clone(),
        Unit::Call => format!("{} (calls)", task.task),
    };
    vec![
        name,
        scenario.to_string(),
        task.all().to_string(),
        task.failed.to_string(),
        cell(task.error_percent(), 2),
        if causes.is_empty() { "–".to_string() } else { causes.join(", ") },
    ]
}

/// The tasks of which some failed and that no failing finding names, the worst first.
#[must_use]
pub fn failing(analysis: &Analysis) -> Option<String> {
    let told = |task: &TaskLoad| {
        let mut found = analysis.findings.iter().filter(|f| f.kind == FindingKind::LoadFailed);
        found.any(|f| f.fails && f.task.as_ref() == Some(&task.task))
    };
    let mut tasks = analysis.load.tasks();
    tasks.retain(|task| task.failed > 0 && !told(task));
    tasks.sort_by(|a, b| {
        b.error_percent().unwrap_or(0.0).total_cmp(&a.error_percent().unwrap_or(0.0))
    });
    let more = tasks.len().saturating_sub(3);
    let mut text: Vec<String> =
        tasks.iter().take(3).map(|task| format!("{}: {}", task.task, task.in_words())).collect();
    if more > 0 {
        text.push(format!("and {more} more"));
    }
    (!text.is_empty()).then(|| text.join("; "))
}

#[cfg(test)]
mod tests {
    use crate::analysis::analyze;
    use crate::report::fixture;
    use crate::report::html::{Report, report};
    use crate::report::markdown;

    #[test]
    fn page_and_text_have_the_failures_by_task_with_their_causes() {
        let mut data = fixture::demo();
        let soak = &mut data.scenarios[2];
        let counted = |value: f64| vec![value; soak.time.len()];
        soak.load_metrics = vec![
            ("requests.login".into(), counted(90.0)),
            ("failures.login".into(), counted(10.0)),
            ("causes.503.login".into(), counted(7.0)),
            ("causes.connection refused.login".into(), counted(3.0)),
        ];
        let analysis = analyze(&data, &fixture::settings(true));
        let report_of = Report { data: &data, analysis: &analysis, charts: &[] };
        let page = report(&report_of);
        assert!(page.contains("<h2>Load</h2>"), "{page}");
        assert!(page.contains("<td>7 × 503, 3 × connection refused</td>"), "{page}");
        let text = markdown::report(&report_of);
        let row =
            "| login | duration\\_leak | 100 | 10 | 10.00 | 7 × 503, 3 × connection refused |";
        assert!(text.contains(row), "{text}");
    }
}
