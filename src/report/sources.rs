//! What reports say of the figures' sources: cells of two tables.

use crate::analysis::Analysis;
use crate::analysis::provenance::{Agreement, FigureSources, SourceShare, Verdict};
use crate::model::units::signed;

/// Heads of the table of sources.
pub const HEAD: [&str; 6] = ["Figure", "Source", "Counts in %", "Given in %", "Age s", "Gaps"];

/// Heads of the table of agreement.
pub const AGREEMENT_HEAD: [&str; 7] =
    ["Figure", "Container", "Sources", "Difference %", "95 % interval", "Pairs", "Verdict"];

/// A row for each figure and source, not escaped.
#[must_use]
pub fn rows(analysis: &Analysis) -> Vec<[String; 6]> {
    let of = |figure: &FigureSources| -> Vec<[String; 6]> {
        figure.sources.iter().map(|share| row(&figure.figure, share)).collect()
    };
    analysis.provenance.figures.iter().flat_map(of).collect()
}

fn row(figure: &str, share: &SourceShare) -> [String; 6] {
    [
        figure.to_owned(),
        share.source.to_string(),
        format!("{:.1}", share.counted_percent),
        format!("{:.1}", share.given_percent),
        format!("{:.2} ({:.2})", share.median_age_s, share.p95_age_s),
        share.gaps.to_string(),
    ]
}

/// A row for each figure, container and two sources, those that differ first; not escaped.
#[must_use]
pub fn agreement(analysis: &Analysis) -> Vec<[String; 7]> {
    by_gravity(compared(analysis))
}

/// The rows of those that differ, or may.
#[must_use]
pub fn apart(analysis: &Analysis) -> Vec<[String; 7]> {
    let told = |a: &&Agreement| matches!(a.verdict, Verdict::Differ | Verdict::Unclear);
    by_gravity(compared(analysis).filter(told))
}

fn by_gravity<'a>(found: impl Iterator<Item = &'a Agreement>) -> Vec<[String; 7]> {
    let mut all: Vec<&Agreement> = found.collect();
    all.sort_by_key(|found| gravity(found.verdict));
    all.into_iter().map(agreement_row).collect()
}

/// How many comparisons came to what; none where nothing was compared.
#[must_use]
pub fn counts(analysis: &Analysis) -> Option<String> {
    let of = |verdict| compared(analysis).filter(|a| a.verdict == verdict).count();
    let all = compared(analysis).count();
    (all > 0).then(|| {
        format!(
            "{all} comparisons of a figure in a container: {} agree, {} differ, {} unclear, {} with too \
             few pairs to judge.",
            of(Verdict::Agree),
            of(Verdict::Differ),
            of(Verdict::Unclear),
            of(Verdict::TooFew),
        )
    })
}

fn compared(analysis: &Analysis) -> impl Iterator<Item = &Agreement> {
    let told = |a: &&Agreement| !analysis.settings.ignores(&a.container);
    analysis.provenance.agreement.iter().filter(told)
}

fn gravity(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Differ => 0,
        Verdict::Unclear => 1,
        Verdict::TooFew => 2,
        Verdict::Agree => 3,
    }
}

fn agreement_row(found: &Agreement) -> [String; 7] {
    let interval = found.low_percent.zip(found.high_percent);
    let interval = interval.map(|(low, high)| format!("{} .. {}", signed(low, 1), signed(high, 1)));
    let verdict = match found.verdict {
        Verdict::Agree => "agree",
        Verdict::Differ => "differ",
        Verdict::Unclear => "unclear",
        Verdict::TooFew => "too few pairs",
    };
    [
        found.figure.clone(),
        found.container.clone(),
        format!("{}, {}", found.first, found.second),
        signed(found.median_percent, 1),
        interval.unwrap_or_else(|| "–".to_owned()),
        found.pairs.to_string(),
        verdict.to_owned(),
    ]
}

/// What the tables rest on, in words.
#[must_use]
pub fn note(analysis: &Analysis) -> String {
    let provenance = &analysis.provenance;
    let extent = if provenance.whole { "all" } else { "the first" };
    format!(
        "Of {extent} {} ticks, in percent of all container samples. Age: median and 95th percentile, at \
         the tick. Gaps are those of the source, whatever the figure.",
        provenance.ticks
    )
}

/// How agreement is told, in words.
pub const AGREEMENT_NOTE: &str = "Second source against the first, in percent of the larger value: \
     gauges nearest in time, counters as rates. Told as different when the whole interval of the median is \
     beyond 5 %.";

#[cfg(test)]
mod tests {
    use crate::analysis::provenance::Collector;
    use crate::analysis::{FindingKind, Summary, analyze};
    use crate::model::{Figure, Part, Sample, SourceKind};
    use crate::report::fixture;
    use crate::report::html::{self, Report};
    use crate::report::markdown;

    /// The demo's run as if docker had said a fifth more of one container's memory.
    fn analysis() -> (crate::analysis::Dataset, crate::analysis::Analysis) {
        let mut data = fixture::demo();
        let mut collector = Collector::comparing(5.0);
        for second in 0..60 {
            let at = f64::from(second);
            let part = |source, at, value| Part {
                source,
                at,
                figures: [(Figure::AnonBytes, value)].into_iter().collect(),
            };
            let parts =
                vec![part(SourceKind::Cgroup, at, 4e7), part(SourceKind::Docker, at - 0.25, 5e7)];
            let sample = Sample { name: "<b>api</b>".into(), incarnation: 0, parts };
            collector.take(at, &[sample], &[]);
        }
        data.provenance = collector.finish(true);
        let analysis = analyze(&data, &fixture::settings(true));
        (data, analysis)
    }

    #[test]
    fn reports_name_sources_ages_and_what_differs() {
        let (data, analysis) = analysis();
        let report = Report { data: &data, analysis: &analysis, charts: &[] };
        let text = markdown::report(&report);
        let (_, rest) = text.split_once("\n## Sources\n").expect("the section");
        let (section, _) = rest.split_once("\n## ").expect("a next section");
        insta::assert_snapshot!(section);
        let page = html::report(&report);
        assert!(page.contains("<td>cgroup</td>") && page.contains("<h2>Sources</h2>"));
        assert!(page.contains("&lt;b&gt;api") && !page.contains("<b>api"));
    }

    #[test]
    fn a_difference_is_a_finding_that_warns() {
        let (_, analysis) = analysis();
        let of_it = |f: &&crate::analysis::Finding| f.kind == FindingKind::Disagreement;
        let finding = analysis.findings.iter().find(of_it).expect("a finding");
        assert_eq!(finding.message, "<b>api</b> anon_bytes: docker says 20.0 % more than cgroup");
        assert_eq!(
            finding.evidence,
            ["median of 12 pairs +20.0 % (95 % interval +20.0 to +20.0 %)"]
        );
        assert!(!finding.fails);
        let summary = serde_json::to_value(Summary::of(&analysis)).expect("JSON");
        assert_eq!(summary["sources"]["agreement"][0]["verdict"], "differ");
        assert_eq!(summary["sources"]["figures"][0]["sources"][1]["median_age_s"], 0.25);
    }
}
