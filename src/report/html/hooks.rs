//! What hooks did, with links to what they said.

use crate::analysis::Dataset;
use crate::model::EventKind;
use crate::model::event::HookRun;
use crate::report::chart::paint::escape;

use super::tables::{row, table};
use crate::report::words::cell;

/// A row a hook that ran; empty where none did.
pub fn section(data: &Dataset) -> String {
    let runs = data.events.iter().filter_map(|event| match &event.kind {
        EventKind::Hook(run) => Some((event.at, run)),
        _ => None,
    });
    let rows: String = runs.map(|(at, run)| line(at, run)).collect();
    if rows.is_empty() {
        return rows;
    }
    let head = ["At s", "Hook", "Where", "Took s", "Outcome", "Output"];
    format!(
        "<h2>Hooks</h2>\n{}<p class=\"soft\">Ticks taken while a hook ran are in samples.jsonl, but \
         in no figure and no verdict.</p>\n",
        table(&head, &rows)
    )
}

fn line(at: f64, run: &HookRun) -> String {
    let place = match &run.phase {
        Some(phase) => format!("{} {} of {}", run.when, phase, run.scenario),
        None => format!("{} {}", run.when, run.scenario),
    };
    let message = run.message.as_deref().unwrap_or_default();
    let outcome = match run.ok {
        true if message.is_empty() => "done".to_string(),
        true => escape(message),
        false => format!("<span class=\"bad\">{}</span>", escape(message)),
    };
    row(&[
        cell(Some(at), 0),
        escape(&run.hook),
        escape(&place),
        cell(Some(run.seconds), 1),
        outcome,
        run.file.as_deref().map_or_else(|| "–".to_string(), link),
    ])
}

/// A link within the run folder, and nowhere else.
fn link(file: &str) -> String {
    let name = escape(file);
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if file.starts_with("hooks/") && !file.contains("..") && file.chars().all(plain) {
        format!("<a href=\"{name}\">{name}</a>")
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Event;
    use crate::report::fixture;

    fn run(file: &str, message: Option<&str>) -> EventKind {
        EventKind::Hook(HookRun {
            hook: "heap".into(),
            when: "after".into(),
            scenario: "duration_leak".into(),
            phase: Some("active".into()),
            seconds: 1.5,
            ok: message.is_none(),
            message: message.map(str::to_string),
            file: Some(file.into()),
        })
    }

    #[test]
    fn what_a_hook_said_is_linked_and_a_failure_is_named() {
        let mut data = fixture::demo();
        assert_eq!(section(&data), "");
        let kinds = [
            run("hooks/heap-12.out", None),
            run("hooks/../../etc/passwd", Some("no <heap>")),
            run("javascript:alert(1)", None),
        ];
        data.events = kinds.into_iter().map(|kind| Event { at: 12.0, t: 0.0, kind }).collect();
        let text = section(&data);
        assert!(text.contains("<a href=\"hooks/heap-12.out\">"), "{text}");
        assert!(text.contains("after active of duration_leak") && text.contains("no &lt;heap&gt;"));
        assert_eq!(text.matches("<a href").count(), 1, "{text}");
    }
}
