//! The table of docs/sources.md is what the sources' lists say.

use crate::model::Figure;
use crate::model::figure::TABLE;

const COLUMNS: [(&str, &[Figure]); 7] = [
    ("cgroup", super::cgroup::OFFERS),
    ("docker", super::docker::OFFERS),
    ("procfs", super::procfs::OFFERS),
    ("cadvisor", super::cadvisor::OFFERS),
    ("prometheus", super::prometheus::metrics::OFFERS),
    ("handles", super::resources::HANDLES_OFFERS),
    ("disk", super::resources::DISK_OFFERS),
];

fn table() -> String {
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let mut out =
        format!("| figure | {} |\n|---|{}\n", names.join(" | "), ":-:|".repeat(names.len()));
    for row in TABLE {
        let gives = |(_, offers): &(&str, &[Figure])| offers.contains(&row.figure);
        if COLUMNS.iter().any(gives) {
            let cells = COLUMNS.each_ref().map(|column| if gives(column) { "x" } else { "-" });
            out.push_str(&format!("| {} | {} |\n", row.name, cells.join(" | ")));
        }
    }
    out
}

#[test]
fn the_documented_table_is_what_the_sources_offer() {
    let page = include_str!("../../docs/sources.md");
    let (_, rest) = page.split_once("<!-- offers -->\n").expect("start of the table");
    let (documented, _) = rest.split_once("<!-- /offers -->").expect("end of the table");
    assert_eq!(documented, table(), "put the table on the right into docs/sources.md");
}
