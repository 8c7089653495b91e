//! report.html: the answers, the findings and the figures of a run on one page that needs nothing
//! beside it: charts are drawn into it. Every name from outside is escaped.

mod capacity;
mod hooks;
mod isolate;
mod resources;
mod sections;
mod sources;
mod tables;

use crate::analysis::findings::is_failed_load;
use crate::analysis::{Analysis, Dataset, Status};
use crate::report::chart::paint::escape;
use crate::report::{Drawn, page, words};

const STYLE: &str = include_str!("style.css");

/// What the report is made of.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// The run.
    pub data: &'a Dataset,
    /// What was found.
    pub analysis: &'a Analysis,
    /// The charts that were drawn; they lie in `charts/` beside the report.
    pub charts: &'a [Drawn],
}

/// Writes the page.
#[must_use]
pub fn report(report: &Report<'_>) -> String {
    let analysis = report.analysis;
    let title = format!("Run {}", escape(&analysis.test_id));
    let mut body = sections::head(report);
    body.push_str(&sections::damage(analysis));
    body.push_str(&sections::answers(analysis));
    body.push_str(&sections::findings(analysis));
    body.push_str(&tables::containers(analysis));
    body.push_str(&resources::table(analysis));
    body.push_str(&tables::gpus(analysis));
    body.push_str(&tables::stress(analysis));
    body.push_str(&tables::speed(analysis));
    body.push_str(&capacity::limits(analysis));
    body.push_str(&tables::watched(analysis));
    body.push_str(&isolate::section(analysis));
    body.push_str(&sections::charts(report.charts));
    body.push_str(&tables::slopes(analysis));
    body.push_str(&sources::section(analysis));
    body.push_str(&hooks::section(report.data));
    body.push_str(&tables::measured(report.data));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>\n{chart}{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        chart = page::STYLE,
    )
}

/// The run in one sentence.
pub(super) fn headline(analysis: &Analysis) -> String {
    match analysis.status {
        Status::Aborted => return format!("Aborted: {}", words::abort(analysis).0),
        Status::Running => return format!("So far: {}", words::abort(analysis).0),
        Status::Passed | Status::Failed | Status::Damaged => {}
    }
    let leaks = crate::report::console::leaks(analysis);
    let mut verdicts = analysis.containers.iter().filter_map(|c| Some(c.leak.as_ref()?.verdict));
    let is_any = verdicts.clone().next().is_some();
    let grows = match leaks.as_slice() {
        [] if verdicts.any(words::is_judged) => "No leak found".to_string(),
        [] if is_any => "No verdict on leaks".to_string(),
        [] => String::new(),
        [(name, _)] => format!("{name} leaks"),
        many => format!("{} containers leak", many.len()),
    };
    let trigger = analysis.capacity.as_ref().and_then(|c| Some((c, c.trigger.as_ref()?)));
    let bound = trigger.map(|(capacity, trigger)| {
        let level = match (capacity.sustained_level, capacity.max_level) {
            (Some(level), _) => Some(format!("level {level}")),
            (None, Some(level)) => Some(format!("less than level {level}")),
            (None, None) => None,
        };
        let who = match trigger.container.as_str() {
            "host" => "the host gives in before any container",
            "load" if is_failed_load(trigger) => "its requests fail first",
            "load" | "metric" => &format!("{} reaches its threshold first", trigger.metric),
            name => &format!("{name} gives in first"),
        };
        level.map_or(who.to_string(), |level| format!("the stack carries {level}, {who}"))
    });
    let parts: Vec<String> =
        [Some(grows).filter(|text| !text.is_empty()), bound].into_iter().flatten().collect();
    if parts.is_empty() { "Measured".to_string() } else { parts.join("; ") }
}

#[cfg(test)]
mod tests {
    use crate::analysis::analyze;
    use crate::report::fixture;

    use super::*;

    fn page(data: &Dataset, planted: bool) -> String {
        let analysis = analyze(data, &fixture::settings(planted));
        report(&Report { data, analysis: &analysis, charts: &[] })
    }

    #[test]
    fn the_page_answers_the_three_questions() {
        let page = page(&fixture::demo(), true);
        for words in [
            "stream-processor leaks; the stack carries level 100, stream-processor gives in first",
            "+39.9 MB/min (38.2 .. 41.6, approximate)",
            "expected",
            "docker compose 2.40.3",
            "0.6 % CPU, 14 MB",
        ] {
            assert!(page.contains(words), "{words}");
        }
        assert!(!page.contains("http://") && !page.contains("https://"), "it must open offline");
    }

    #[test]
    fn names_from_outside_stay_text() {
        let mut data = fixture::demo();
        for series in data.scenarios.iter_mut().flat_map(|s| &mut s.containers) {
            series.name = series.name.replace("stream", "<script>alert(1)</script>");
        }
        data.test_id = "<img src=x>".into();
        let page = page(&data, false);
        assert!(!page.contains("<script>") && !page.contains("<img src=x"), "escaped");
        assert!(page.contains("&lt;script&gt;alert(1)"));
    }

    #[test]
    fn an_aborted_run_says_why_and_has_no_empty_sections() {
        let page = page(&fixture::killed(), true);
        assert!(page.contains("Aborted: an OOM kill of stream-processor in stress"));
        assert!(!page.contains("<h2>Speed</h2>"));
    }
}
