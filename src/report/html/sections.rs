//! Head, answers, findings and charts of the report.

use crate::analysis::{Analysis, Finding, FindingKind, Severity};
use crate::model::units::fixed;
use crate::report::chart::paint::escape;
use crate::report::{Drawn, console, facts, words};

use super::{Report, headline};

/// Status, the run in one sentence, when and where.
pub fn head(report: &Report<'_>) -> String {
    let analysis = report.analysis;
    let status = words::status(analysis.status);
    let started = report.data.started_at.as_deref().map(|at| format!("started {}", escape(at)));
    let lasted = facts::seconds(report.data).map(|s| format!("lasted {}", words::duration(s)));
    let links = (!report.charts.is_empty())
        .then(|| "<a href=\"charts/index.html\">all charts</a>".to_string());
    let run = Some(format!("run {}", escape(&analysis.test_id)));
    let about: Vec<String> = [run, started, lasted, links].into_iter().flatten().collect();
    format!(
        "<header>\n<span class=\"pill {status}\">{status}</span>\n<h1>{}</h1>\n\
         <p class=\"soft\">{}</p>\n</header>\n",
        escape(&headline(analysis)),
        about.join(" · ")
    )
}

/// What of the record could not be used: whoever reads on must know.
pub fn damage(analysis: &Analysis) -> String {
    if analysis.damage.is_empty() {
        return String::new();
    }
    let item = |text: String| format!("<li class=\"critical\">{}</li>\n", escape(&text));
    let items: String = analysis.damage.iter().map(|d| item(d.in_report())).collect();
    format!(
        "<h2>Damage</h2>\n<p class=\"soft\">This could not be used; all that follows rests on the \
         rest.</p>\n<ul class=\"findings\">\n{items}</ul>\n"
    )
}

/// The three questions.
pub fn answers(analysis: &Analysis) -> String {
    let cards = [how_much(analysis), who_first(analysis), who_leaks(analysis)];
    let cards: String = cards
        .into_iter()
        .flatten()
        .map(|(question, answer, more)| {
            format!(
                "<div class=\"card\"><h3>{question}</h3><strong>{}</strong><span class=\"soft\">{}\
                 </span></div>\n",
                escape(&answer),
                escape(&more)
            )
        })
        .collect();
    if cards.is_empty() {
        cards
    } else {
        format!("<section class=\"answers\">\n{cards}</section>\n")
    }
}

type Card = (&'static str, String, String);

fn how_much(analysis: &Analysis) -> Option<Card> {
    let capacity = analysis.capacity.as_ref()?;
    let answer = match (capacity.sustained_level, capacity.max_level) {
        (Some(level), _) => format!("Level {level}"),
        (None, Some(level)) => format!("Below level {level}"),
        (None, None) => "Unknown".to_string(),
    };
    let mut more = console::capacity(analysis).unwrap_or_default();
    if let Some(speed) = console::speed(analysis) {
        more.push_str(&format!(". Speed: {speed}"));
    }
    Some(("How much load", answer, more))
}

fn who_first(analysis: &Analysis) -> Option<Card> {
    let capacity = analysis.capacity.as_ref()?;
    let answer = match capacity.bottleneck() {
        Some(text) => text.replace(" cpu", " CPU"),
        None if capacity.aborted => "Aborted before a threshold".to_string(),
        None if capacity.not_carried.is_some() => "See how much load".to_string(),
        None => "Nobody, up to the highest level tried".to_string(),
    };
    let next = capacity.next(&analysis.settings);
    let mut more = next
        .map(|(name, room)| format!("next: {name}, {} % of its threshold left", fixed(room, 0)))
        .unwrap_or_default();
    for (name, level) in capacity.first_throttled_at_level.iter().take(4) {
        more.push_str(&format!("; {name} first throttled at level {level}"));
    }
    Some(("Who gives in first", answer, more.trim_start_matches("; ").to_string()))
}

fn who_leaks(analysis: &Analysis) -> Option<Card> {
    let verdicts = || analysis.containers.iter().filter_map(|c| Some(c.leak.as_ref()?.verdict));
    verdicts().next()?;
    let leaks = console::leaks(analysis);
    let question = "Who leaks";
    Some(match leaks.as_slice() {
        [] => (question, "Nobody for sure".to_string(), words::tally(verdicts())),
        [(name, rate)] => (question, (*name).to_string(), rate.clone()),
        many => {
            let rates: Vec<String> =
                many.iter().map(|(name, rate)| format!("{name} {rate}")).collect();
            (question, format!("{} containers", many.len()), rates.join("; "))
        }
    })
}

/// Findings with their evidence and what to do.
pub fn findings(analysis: &Analysis) -> String {
    if analysis.findings.is_empty() {
        return "<h2>Findings</h2>\n<p class=\"soft\">None.</p>\n".to_string();
    }
    let items: String = analysis.findings.iter().map(|f| finding(analysis, f)).collect();
    format!("<h2>Findings</h2>\n<ul class=\"findings\">\n{items}</ul>\n")
}

fn finding(analysis: &Analysis, finding: &Finding) -> String {
    let calm = finding.expected || finding.accepted.is_some();
    let class = match finding.severity {
        _ if calm => "calm",
        Severity::Critical => "critical",
        Severity::Warning => "warning",
        Severity::Info => "info",
    };
    let tag = match (&finding.accepted, finding.expected, finding.fails) {
        (_, true, _) => "<span class=\"tag good\">expected</span>".to_string(),
        (Some(why), ..) => format!("<span class=\"tag good\">accepted: {}</span>", escape(why)),
        (None, false, true) => "<span class=\"tag bad\">fails the run</span>".to_string(),
        _ => String::new(),
    };
    let unit = unit_of(finding.kind);
    let threshold = finding.threshold.map(|t| format!("threshold {}{unit}", trimmed(t)));
    let scenario = finding.scenario.as_ref().map(|name| format!("in {}", escape(name)));
    let kind = Some(format!("<code>{}</code>", finding.kind.name()));
    let todo = words::remedy(analysis, finding).map(|text| format!(" → {}", escape(&text)));
    let evidence: Vec<String> = [kind, scenario, threshold].into_iter().flatten().collect();
    let proof: String =
        finding.evidence.iter().map(|line| format!("<p>{}</p>", escape(line))).collect();
    format!(
        "<li class=\"{class}\">{}{tag}{proof}<p>{}{}</p></li>\n",
        escape(&finding.message),
        evidence.join(" · "),
        todo.unwrap_or_default()
    )
}

fn unit_of(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::Leak
        | FindingKind::MissedLeak
        | FindingKind::Suspect
        | FindingKind::Inconclusive => " MB/min",
        FindingKind::GpuLeak | FindingKind::GpuSuspect => " MB/min",
        FindingKind::GpuGrowth => " MB",
        FindingKind::GpuThrottled | FindingKind::Disagreement => " %",
        FindingKind::TaskLeak => " bytes",
        FindingKind::CpuSlope => " %/min",
        FindingKind::ResourceLeak => " an hour",
        FindingKind::DiskGrowth => " MB/h",
        FindingKind::Memory | FindingKind::Cpu => " %",
        _ => "",
    }
}

/// A number without needless decimals.
pub fn trimmed(value: f64) -> String {
    let text = fixed(value, 2);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// Charts drawn into the page, as many as keep it small; the rest are links.
pub fn charts(drawn: &[Drawn]) -> String {
    if drawn.is_empty() {
        return String::new();
    }
    let mut room = ROOM;
    let mut figures = String::new();
    let mut rest = Vec::new();
    for chart in drawn {
        let (name, title) = (escape(&chart.name), escape(&chart.title));
        if chart.svg.len() > room {
            rest.push(format!("<a href=\"charts/{name}.html\">{title}</a>"));
            continue;
        }
        room -= chart.svg.len();
        figures.push_str(&format!(
            "<figure>{}<figcaption><a href=\"charts/{name}.html\">with zoom and read-out</a>\
             </figcaption></figure>\n",
            chart.svg
        ));
    }
    let rest = if rest.is_empty() {
        String::new()
    } else {
        format!("<p>Further charts: {}</p>\n", rest.join(" · "))
    };
    format!("<h2>Charts</h2>\n{figures}{rest}")
}

/// Bytes that charts may take in the page.
const ROOM: usize = 3 << 20;
