//! The table of what may leak beside memory.

use crate::analysis::findings::resource_rate;
use crate::analysis::leak::Verdict;
use crate::analysis::resources::ResourceVerdict;
use crate::analysis::{Analysis, ContainerAnalysis};
use crate::report::chart::paint::escape;
use crate::report::words;

use super::tables;

/// Most rows that are shown; leaks come first.
const ROWS: usize = 200;

/// A row for each resource of each container, folded away where nothing leaks.
pub fn table(analysis: &Analysis) -> String {
    let of = |c: &'_ ContainerAnalysis| -> Vec<(String, ResourceVerdict)> {
        c.resources.iter().map(|r| (c.name.clone(), r.clone())).collect()
    };
    let mut all: Vec<(String, ResourceVerdict)> = analysis.containers.iter().flat_map(of).collect();
    if all.is_empty() {
        return String::new();
    }
    all.sort_by_key(|(_, found)| gravity(found.verdict));
    let rows: String = all.iter().take(ROWS).map(|(name, found)| row(name, found)).collect();
    let head = ["Container", "Resource", "Verdict", "At the end", "Growth", "Limit"];
    let leaks = all.iter().any(|(_, found)| found.verdict == Verdict::Leak);
    let open = if leaks { " open" } else { "" };
    format!(
        "<h2>Descriptors, sockets, threads, disk</h2>\n<p class=\"soft\">Growth an hour under load, \
         by the same procedure as for memory.</p>\n<details{open}><summary>{}</summary>\n\
         {}</details>\n",
        words::tally(all.iter().map(|(_, found)| found.verdict)),
        tables::table(&head, &rows)
    )
}

fn gravity(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Leak => 0,
        Verdict::Suspect => 1,
        Verdict::Inconclusive => 2,
        Verdict::Ok => 3,
        Verdict::InsufficientData => 4,
    }
}

fn row(name: &str, found: &ResourceVerdict) -> String {
    let amount = |value: Option<f64>| {
        value.map_or_else(|| "–".to_string(), |v| format!("{v:.0} {}", found.unit))
    };
    let growth = match found.per_hour {
        Some(_) => resource_rate(found),
        None => found.reason.clone().unwrap_or_else(|| "–".to_string()),
    };
    tables::row(&[
        escape(name),
        escape(&found.resource),
        escape(words::verdict(found.verdict)),
        amount(found.level),
        escape(&growth),
        amount(found.limit),
    ])
}
