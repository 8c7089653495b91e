//! report.md: the same in short, for the summary of a CI job (1 MiB at most there).

use std::fmt::Write as _;

use crate::analysis::findings::{resource_rate, too_much_could_hide};
use crate::analysis::leak::{LeakVerdict, Verdict};
use crate::analysis::{Analysis, ContainerAnalysis, Finding};
use crate::report::html::{Report, headline};
use crate::tell::clean;

use super::words::{cell, signed_cell};
use super::{console, facts, words};

/// Rows of a table, and findings, that are listed.
const ROWS: usize = 200;

/// Characters of one text.
const LONG: usize = 300;

/// Writes the text.
#[must_use]
pub fn report(report: &Report<'_>) -> String {
    let analysis = report.analysis;
    let mut out = String::new();
    let status = words::status(analysis.status);
    let _ = writeln!(out, "# {}: {}\n", status, escape(&headline(analysis)));
    let lasted = facts::seconds(report.data).map(words::duration).unwrap_or_default();
    let _ = writeln!(out, "Run {}, {lasted}\n", escape(&analysis.test_id));
    damage(&mut out, analysis);
    if let Some(text) = console::capacity(analysis) {
        let _ = writeln!(out, "- **Capacity:** {}", escape(&text));
    }
    if let Some(text) = console::speed(analysis) {
        let _ = writeln!(out, "- **Speed:** {}", escape(&text));
    }
    for (name, rate) in console::leaks(analysis) {
        let _ = writeln!(out, "- **Leak:** {} {}", escape(name), escape(&rate));
    }
    if let Some(text) = console::isolation(analysis) {
        let _ = writeln!(out, "- **Tasks:** {}", escape(&text));
    }
    findings(&mut out, analysis);
    containers(&mut out, analysis);
    resources(&mut out, analysis);
    gpus(&mut out, analysis);
    watched(&mut out, analysis);
    sources(&mut out, analysis);
    let _ = writeln!(out, "\n## What was measured\n");
    for (name, text) in facts::measured(report.data) {
        let _ = writeln!(out, "- {name}: {}", escape(&text));
    }
    out
}

fn damage(out: &mut String, analysis: &Analysis) {
    if analysis.damage.is_empty() {
        return;
    }
    out.push_str("## Damage\n\nThis could not be used; all that follows rests on the rest.\n\n");
    for damage in analysis.damage.iter().take(ROWS) {
        let _ = writeln!(out, "- {}", escape(&damage.in_report()));
    }
    more(out, analysis.damage.len());
    out.push('\n');
}

fn findings(out: &mut String, analysis: &Analysis) {
    if analysis.findings.is_empty() {
        return;
    }
    out.push_str("\n## Findings\n\n");
    for finding in analysis.findings.iter().take(ROWS) {
        let tag = match (&finding.accepted, finding.expected, finding.fails) {
            (_, true, _) => " (expected)".to_string(),
            (Some(why), ..) => format!(" (accepted: {})", escape(why)),
            (None, false, true) => " (**fails the run**)".to_string(),
            _ => String::new(),
        };
        let todo = words::remedy(analysis, finding);
        let todo = todo.map(|text| format!(" – {}", escape(&text))).unwrap_or_default();
        let _ = writeln!(out, "- {}{tag}{todo}", escape(&finding.message));
        for line in &finding.evidence {
            let _ = writeln!(out, "  - {}", escape(line));
        }
    }
    more(out, analysis.findings.len());
    // Nobody is hidden: the rest of what fails the run is named.
    let rest = analysis.findings.iter().skip(ROWS).filter(|f| f.fails);
    let named = |f: &Finding| Some(format!("{} ({})", f.container.as_deref()?, f.kind.name()));
    let named: Vec<String> = rest.filter_map(named).map(|text| escape(&text)).collect();
    if !named.is_empty() {
        let _ = writeln!(out, "\nOf them fail the run: {}", named.join(", "));
    }
}

fn containers(out: &mut String, analysis: &Analysis) {
    if analysis.containers.is_empty() {
        return;
    }
    out.push_str(
        "\n## Containers\n\n| Container | Verdict | MB/min | Peak CPU % | Peak MB | Limit MB | \
         Would fit MB | OOM kills | Restarts |\n|---|---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for container in analysis.containers.iter().take(ROWS) {
        row(out, container);
    }
    more(out, analysis.containers.len());
}

/// Metrics and health checks.
fn watched(out: &mut String, analysis: &Analysis) {
    for table in super::metrics::tables(analysis) {
        let rule = "---|".repeat(table.head.len());
        let _ = writeln!(out, "\n## {}\n\n| {} |\n|{rule}", table.title, table.head.join(" | "));
        for cells in table.rows.iter().take(ROWS) {
            let cells: Vec<String> = cells.iter().map(|cell| escape(cell)).collect();
            let _ = writeln!(out, "| {} |", cells.join(" | "));
        }
        more(out, table.rows.len());
        // Remedies in it are longer than what a table's cell may hold.
        let note: Vec<String> = table.note.split_inclusive(". ").map(escape).collect();
        let _ = writeln!(out, "\n{}", note.concat());
    }
}

fn row(out: &mut String, c: &ContainerAnalysis) {
    let leak = c.leak.as_ref();
    let _ = writeln!(
        out,
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
        escape(&c.name),
        leak.map_or_else(|| "–".to_string(), verdict),
        signed_cell(leak.and_then(|l| l.slope_mb_per_min), 2),
        cell(c.peak_cpu_percent, 1),
        cell(c.peak_memory_mb, 1),
        cell(c.limit_mb, 0),
        escape(&words::fitting_memory(&c.suggested)),
        c.oom_kills,
        c.restarts,
    );
}

/// A verdict, and what an acquittal leaves open where that is more than the threshold.
fn verdict(leak: &LeakVerdict) -> String {
    let word = words::verdict(leak.verdict);
    too_much_could_hide(leak).map_or_else(|| word.to_string(), |hides| format!("{word}: {hides}"))
}

/// Resources beside memory that are not known to be steady.
fn resources(out: &mut String, analysis: &Analysis) {
    let all = analysis.containers.iter().flat_map(|c| c.resources.iter().map(move |r| (c, r)));
    let grown: Vec<_> = all.filter(|(_, r)| r.verdict == Verdict::Leak).collect();
    if grown.is_empty() {
        return;
    }
    out.push_str("\n## Descriptors, sockets, threads, disk\n\n");
    for (container, found) in grown.iter().take(ROWS) {
        let _ = writeln!(out, "- {}: {}", escape(&container.name), escape(&resource_rate(found)));
    }
    more(out, grown.len());
}

fn gpus(out: &mut String, analysis: &Analysis) {
    let rows = crate::report::gpus::rows(analysis);
    if rows.is_empty() {
        return;
    }
    let head = crate::report::gpus::HEAD.join(" | ");
    let _ = writeln!(out, "\n## GPUs\n\n| {head} |\n|---|{}", "--:|".repeat(9));
    for cells in rows.iter().take(ROWS) {
        let cells = cells.each_ref().map(|cell| escape(cell));
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    more(out, rows.len());
}

/// Where figures came from, and what differs of what was compared.
fn sources(out: &mut String, analysis: &Analysis) {
    let rows = crate::report::sources::rows(analysis);
    if rows.is_empty() {
        return;
    }
    let head = crate::report::sources::HEAD.join(" | ");
    let _ = writeln!(out, "\n## Sources\n\n| {head} |\n|---|---|{}", "--:|".repeat(4));
    for cells in rows.iter().take(ROWS) {
        let _ = writeln!(out, "| {} |", cells.each_ref().map(|cell| escape(cell)).join(" | "));
    }
    more(out, rows.len());
    let _ = writeln!(out, "\n{}", crate::report::sources::note(analysis));
    let Some(counts) = crate::report::sources::counts(analysis) else { return };
    let _ = writeln!(out, "\n### Agreement of sources\n\n{counts}\n");
    let told = crate::report::sources::apart(analysis);
    if told.is_empty() {
        return;
    }
    let head = crate::report::sources::AGREEMENT_HEAD.join(" | ");
    let _ = writeln!(out, "| {head} |\n|{}", "---|".repeat(7));
    for cells in told.iter().take(ROWS) {
        let _ = writeln!(out, "| {} |", cells.each_ref().map(|cell| escape(cell)).join(" | "));
    }
    more(out, told.len());
    let _ = writeln!(out, "\n{}", crate::report::sources::AGREEMENT_NOTE);
}

fn more(out: &mut String, all: usize) {
    if all > ROWS {
        let _ = writeln!(out, "\nand {} more, in report.html", all - ROWS);
    }
}

/// Text that Markdown takes as it is, also within a table.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars().take(LONG) {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '$' => {
                safe.push('\\');
                safe.push(c);
            }
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            // Else it mentions whoever has that name.
            '@' => safe.push_str("&#64;"),
            c => safe.push(clean::shown(c)),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use crate::analysis::{Dataset, analyze};
    use crate::report::fixture;

    use super::*;

    fn text(data: &Dataset, planted: bool) -> String {
        let analysis = analyze(data, &fixture::settings(planted));
        super::report(&Report { data, analysis: &analysis, charts: &[] })
    }

    #[test]
    fn the_demo_in_short() {
        insta::assert_snapshot!(text(&fixture::demo(), true));
    }

    #[test]
    fn a_name_from_outside_breaks_no_table_and_mentions_nobody() {
        let mut data = fixture::demo();
        for series in data.scenarios.iter_mut().flat_map(|s| &mut s.containers) {
            series.name = series.name.replace("cache", "a|b\n<b>@you</b>");
        }
        let text = text(&data, true);
        assert!(text.contains("| a\\|b &lt;b&gt;&#64;you&lt;/b&gt; |"), "{text}");
    }

    #[test]
    fn a_thousand_findings_fit_a_job_summary() {
        let data = fixture::demo();
        let mut analysis = analyze(&data, &fixture::settings(false));
        let mut one = analysis.findings[0].clone();
        one.message = "x|".repeat(4000);
        analysis.findings = vec![one; 1000];
        let text = super::report(&Report { data: &data, analysis: &analysis, charts: &[] });
        assert!(text.len() < 1 << 20, "{}", text.len());
        assert!(text.contains("and 800 more"));
        let named = text.lines().find_map(|line| line.strip_prefix("Of them fail the run: "));
        assert_eq!(named.map(|names| names.split(", ").count()), Some(800), "all by name");
    }
}
