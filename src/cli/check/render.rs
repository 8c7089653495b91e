//! The rows as a table for people, and as JSON for machines.

use serde_json::json;

use super::figures;
use super::row::{Row, Status};
use crate::tell::{Said, Tone};

/// Columns of the table: what fits a CI log.
const WIDTH: usize = 100;
/// Width of the status and the gap after it.
const STATUS: usize = 8;

/// The table.
#[must_use]
pub fn table(rows: &[Row]) -> Said {
    let name_width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
    let indent = STATUS + name_width + 2;
    let mut out = Said::default();
    for row in rows {
        let text = match &row.remedy {
            Some(remedy) => format!("{}\n-> {remedy}", row.detail),
            None => row.detail.clone(),
        };
        let mut lines = text.lines().flat_map(|line| wrapped(line, WIDTH.saturating_sub(indent)));
        let first = lines.next().unwrap_or_default();
        let name = &row.name;
        let (tone, word) = word(row.status);
        out.push_in(tone, word);
        let gap = STATUS.saturating_sub(word.len());
        out.push(&format!("{:gap$}{name:<name_width$}  {first}\n", ""));
        for line in lines {
            out.push(&format!("{:indent$}{line}\n", ""));
        }
        if !row.figures.is_empty() {
            out.push(&figures::table(&row.figures));
        }
    }
    out
}

/// The word of a status, and its colour.
fn word(status: Status) -> (Tone, &'static str) {
    match status {
        Status::Ok => (Tone::Good, "ok"),
        Status::Note => (Tone::Watch, "note"),
        Status::NotUp => (Tone::Dim, "not up"),
        Status::Failed => (Tone::Bad, "failed"),
    }
}

/// A text in lines of at most `width` characters, broken between words; a word that is longer (a
/// path) has a line of its own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        let length = line.chars().count();
        if length == 0 {
            line.push_str(word);
        } else if length + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_string());
        }
    }
    lines
}

/// The last line: whether a run can start.
#[must_use]
pub fn verdict(rows: &[Row]) -> String {
    match rows.iter().filter(|row| row.status == Status::Failed).count() {
        0 => "ready: `runner run` can start".to_string(),
        1 => "not ready: 1 thing failed".to_string(),
        n => format!("not ready: {n} things failed"),
    }
}

/// The same as JSON.
#[must_use]
pub fn json(rows: &[Row]) -> String {
    let ready = rows.iter().all(|row| row.status != Status::Failed);
    let value = json!({ "schema_version": 1, "ready": ready, "rows": rows });
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        let long = "word ".repeat(40);
        vec![
            Row::ok("engine", "Docker Engine 20.10"),
            Row::failed("compose file", long, "write a valid one"),
            Row::not_up("services", "no container"),
        ]
    }

    #[test]
    fn no_line_is_wider_than_100_columns_and_a_remedy_has_a_line_of_its_own() {
        let table = table(&rows()).to_string();
        assert!(table.lines().all(|line| line.chars().count() <= WIDTH), "{table}");
        assert!(table.lines().any(|line| line.trim() == "-> write a valid one"), "{table}");
        assert!(table.starts_with("ok      engine        Docker Engine 20.10\n"), "{table}");
    }

    #[test]
    fn json_has_the_same_rows_and_says_whether_a_run_can_start() {
        let value: serde_json::Value = serde_json::from_str(&json(&rows())).expect("JSON");
        assert_eq!(value["ready"], false);
        assert_eq!(value["rows"][1]["status"], "failed");
        assert_eq!(value["rows"][2]["status"], "not_up");
        assert_eq!(value["rows"][0].get("remedy"), None);
    }
}
