//! The table of figures: who gives each, how old it is, and what other sources say of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::row::Row;
use crate::analysis::provenance::{Agreement, FigureSources, Provenance};
use crate::model::SourceKind;
use crate::model::units::signed;

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FigureLine {
    /// Its name.
    pub figure: String,
    /// The source whose value counts.
    pub source: SourceKind,
    /// Its median age when it was asked for, seconds.
    pub age_s: f64,
    /// What other sources that give it say.
    pub agreement: Vec<Other>,
}

/// What another source says of a figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Other {
    /// The other source.
    pub source: SourceKind,
    /// Pairs of readings over all containers; 0: nothing could be compared.
    pub pairs: u64,
    /// Its largest median difference in a container, percent of the larger value; absent where no
    /// container has pairs enough.
    pub difference_percent: Option<f64>,
    /// That container.
    pub container: Option<String>,
    /// More than 5 % and more than a negligible amount. A few seconds prove nothing.
    pub differs: bool,
}

/// Pairs in one container from which on its difference is told: a rate over one second against a
/// rate over another second is noise.
const LEAST_PAIRS: u64 = 3;

/// The row with the table; none where nothing was read.
pub fn row(provenance: &Provenance) -> Option<Row> {
    let lines: Vec<FigureLine> =
        provenance.figures.iter().filter_map(|f| line(f, &provenance.agreement)).collect();
    if lines.is_empty() {
        return None;
    }
    let others = || lines.iter().flat_map(|line| &line.agreement);
    let compared = lines
        .iter()
        .filter(|line| line.agreement.iter().any(|o| o.difference_percent.is_some()))
        .count();
    let apart = others().filter(|other| other.differs).count();
    let text = format!("{} figures, {compared} of them compared between sources", lines.len());
    let row = match apart {
        0 => Row::ok("figures", text),
        n => Row::note("figures", format!("{text}; {n} comparisons differ by more than 5 %"))
            .with_remedy(
                "a few seconds prove nothing: `sources.cross_check = true` judges it in a run",
            ),
    };
    Some(Row { figures: lines, ..row })
}

fn line(figure: &FigureSources, agreement: &[Agreement]) -> Option<FigureLine> {
    let (counts, rest) = figure.sources.split_first()?;
    let mut of: BTreeMap<SourceKind, Vec<&Agreement>> =
        rest.iter().map(|share| (share.source, Vec::new())).collect();
    for found in agreement.iter().filter(|found| found.figure == figure.figure) {
        of.entry(found.second).or_default().push(found);
    }
    of.remove(&counts.source);
    let age_s = (counts.median_age_s * 1000.0).round() / 1000.0;
    Some(FigureLine {
        figure: figure.figure.clone(),
        source: counts.source,
        age_s,
        agreement: of.into_iter().map(|(source, found)| other(source, &found)).collect(),
    })
}

fn other(source: SourceKind, found: &[&Agreement]) -> Other {
    // What matters first: half of next to nothing is no difference.
    let weight = |a: &Agreement| (a.matters(), a.median_percent.abs());
    let told = found.iter().filter(|a| a.pairs >= LEAST_PAIRS);
    let worst = told.max_by(|a, b| {
        let (a, b) = (weight(a), weight(b));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    Other {
        source,
        pairs: found.iter().map(|a| a.pairs).sum(),
        difference_percent: worst.map(|a| (a.median_percent * 10.0).round() / 10.0),
        container: worst.map(|a| a.container.clone()),
        differs: worst.is_some_and(|a| a.matters()),
    }
}

/// The table for people, one line a figure and other source.
pub fn table(lines: &[FigureLine]) -> String {
    let width = lines.iter().map(|l| l.figure.len()).max().unwrap_or(0).max("figure".len());
    let mut out = String::new();
    let mut put = |figure: &str, source: &str, age: &str, agreement: &str| {
        let line = format!("  {figure:<width$}  {source:<10}  {age:>7}  {agreement}");
        let _ = writeln!(out, "{}", line.trim_end());
    };
    put("figure", "source", "age", "other sources");
    for line in lines {
        let age = format!("{:.2} s", line.age_s);
        let mut others = line.agreement.iter().map(words);
        let first = others.next().unwrap_or_default();
        put(&line.figure, line.source.name(), &age, &first);
        others.for_each(|other| put("", "", "", &other));
    }
    out
}

fn words(other: &Other) -> String {
    let Other { source, pairs, .. } = other;
    match other.difference_percent {
        None => format!("{source}: too few pairs ({pairs})"),
        Some(value) if other.differs => {
            format!("{source}: differs, {} % ({pairs} pairs)", signed(value, 1))
        }
        Some(value) => format!("{source}: {} % at most ({pairs} pairs)", signed(value, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::provenance::Collector;
    use crate::cli::check::row::Status;
    use crate::model::{Figure, Part, Sample};

    fn provenance(docker_mb: f64) -> Provenance {
        let mut collector = Collector::comparing(0.0);
        for second in 0..4 {
            let at = f64::from(second);
            let part = |source, at, cpu_s: f64, mb: f64| Part {
                source,
                at,
                figures: [(Figure::CpuUsageNs, cpu_s * 1e9), (Figure::AnonBytes, mb * 1_048_576.0)]
                    .into_iter()
                    .collect(),
            };
            let parts = vec![
                part(SourceKind::Cgroup, at, at, 100.0),
                part(SourceKind::Docker, at - 0.25, at, docker_mb),
            ];
            collector.take(at, &[Sample { name: "web".into(), incarnation: 0, parts }], &[]);
        }
        collector.finish(true)
    }

    #[test]
    fn figures_come_with_source_age_and_what_others_say() {
        let row = row(&provenance(100.0)).expect("a row");
        assert_eq!(row.status, Status::Ok);
        assert_eq!(row.detail, "2 figures, 2 of them compared between sources");
        let expected = "  figure        source          age  other sources
  cpu_usage_ns  cgroup       0.00 s  docker: +0.0 % at most (3 pairs)
  anon_bytes    cgroup       0.00 s  docker: +0.0 % at most (4 pairs)
";
        assert_eq!(table(&row.figures), expected);
    }

    #[test]
    fn a_source_that_says_otherwise_is_a_note_with_its_container() {
        let row = row(&provenance(80.0)).expect("a row");
        assert_eq!(row.status, Status::Note);
        let json = serde_json::to_value(&row).expect("JSON");
        let other = &json["figures"][1]["agreement"][0];
        assert_eq!((&other["source"], &other["container"]), (&"docker".into(), &"web".into()));
        assert_eq!(
            (&other["difference_percent"], &other["differs"]),
            (&(-20.0).into(), &true.into())
        );
        assert!(table(&row.figures).contains("docker: differs, -20.0 % (4 pairs)"));
    }

    #[test]
    fn few_pairs_tell_no_difference() {
        let mut provenance = provenance(80.0);
        provenance.agreement.iter_mut().for_each(|found| found.pairs = 2);
        let row = row(&provenance).expect("a row");
        assert_eq!(row.status, Status::Ok);
        assert!(table(&row.figures).contains("docker: too few pairs (2)"));
    }

    #[test]
    fn nothing_read_is_no_table() {
        assert_eq!(row(&Provenance::default()), None);
    }
}
