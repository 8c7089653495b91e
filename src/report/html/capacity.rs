//! What repeated trials and the scalability fit say, and the limits that fit.

use crate::analysis::capacity::Trials;
use crate::analysis::leak::Verdict;
use crate::analysis::{Analysis, ContainerAnalysis};
use crate::report::chart::paint::escape;
use crate::report::words;

use super::tables;

/// Below the stress table.
pub fn section(analysis: &Analysis) -> String {
    let mut text = String::new();
    if let Some(trials) = &analysis.trials {
        text.push_str(&of_trials(trials));
    }
    if let Some(scalability) = &analysis.scalability {
        text.push_str(&format!("<p>{}.</p>\n", escape(&words::scalability(scalability))));
    }
    text
}

fn of_trials(trials: &Trials) -> String {
    let level = |level: Option<u32>| level.map_or("–".to_string(), |level| level.to_string());
    let rows: String = trials
        .trials
        .iter()
        .map(|trial| {
            let gave_in = trial.trigger.as_ref().map(words::trigger_words);
            tables::row(&[
                escape(&trial.phase),
                level(trial.carried),
                level(trial.failed),
                gave_in.map_or("–".into(), |text| escape(&text)),
            ])
        })
        .collect();
    let head = ["Trial", "Carried", "Failed at", "What gave in"];
    format!("<p>{}.</p>\n{}", escape(&words::trials(trials)), tables::table(&head, &rows))
}

/// Limits that fit, a row a container.
pub fn limits(analysis: &Analysis) -> String {
    let known = |c: &&ContainerAnalysis| {
        let limits = &c.suggested;
        limits.memory_mb.is_some() || limits.more_than_mb.is_some() || limits.cpus.is_some()
    };
    let rows: String = analysis.containers.iter().filter(known).map(row).collect();
    if rows.is_empty() {
        return rows;
    }
    let head = ["Container", "Memory limit MB", "Would fit MB", "Cores now", "Would fit cores", ""];
    format!(
        "<h2>Limits that fit</h2>\n<p class=\"soft\">99th percentile of every loaded scenario, with \
         a fifth of the limit to spare.</p>\n<details><summary>Table</summary>\n{}</details>\n",
        tables::table(&head, &rows)
    )
}

fn row(c: &ContainerAnalysis) -> String {
    let dash = || "–".to_string();
    let leaks = c.leak.as_ref().is_some_and(|leak| leak.verdict == Verdict::Leak);
    let mut notes = Vec::new();
    if leaks {
        notes.push("it leaks: no limit fits for long");
    }
    if c.suggested.more_than_mb.is_some() {
        notes.push("it was OOM-killed at this limit: by how much it needs more was not measured");
    }
    if c.suggested.cpus_at_least {
        notes.push("it was throttled: it would use more CPU");
    }
    tables::row(&[
        escape(&c.name),
        c.limit_mb.map_or_else(dash, |mb| format!("{mb:.0}")),
        escape(&words::fitting_memory(&c.suggested)),
        format!("{:.2}", c.cores),
        c.suggested.cpus.map_or_else(dash, |cores| format!("{cores:.2}")),
        notes.join("; "),
    ])
}
