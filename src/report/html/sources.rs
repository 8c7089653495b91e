//! Where figures came from, folded up: who doubts a figure looks here.

use crate::analysis::Analysis;
use crate::report::chart::paint::escape;
use crate::report::sources;

use super::tables;

/// Sources and ages of the figures, and agreement where sources were read side by side.
pub fn section(analysis: &Analysis) -> String {
    let rows = sources::rows(analysis);
    if rows.is_empty() {
        return String::new();
    }
    let body =
        |rows: &[Vec<String>]| -> String { rows.iter().map(|row| tables::row(row)).collect() };
    let escaped = |cells: &[String]| -> Vec<String> { cells.iter().map(|c| escape(c)).collect() };
    let all: Vec<_> = rows.iter().map(|row| escaped(row)).collect();
    let mut out = format!(
        "<h2>Sources</h2>\n<details><summary>{} figures</summary>\n<p class=\"soft\">{}</p>\n{}\
         </details>\n",
        analysis.provenance.figures.len(),
        escape(&sources::note(analysis)),
        tables::table(&sources::HEAD, &body(&all)),
    );
    let agreement = sources::agreement(analysis);
    if !agreement.is_empty() {
        let all: Vec<_> = agreement.iter().map(|row| escaped(row)).collect();
        out.push_str(&format!(
            "<details><summary>Agreement of sources</summary>\n<p class=\"soft\">{}</p>\n{}\
             </details>\n",
            sources::AGREEMENT_NOTE,
            tables::table(&sources::AGREEMENT_HEAD, &body(&all)),
        ));
    }
    out
}
