//! Which task leaks: the table of the isolate scenario.

use crate::analysis::isolate::{Attribution, IsolatedContainer, Isolation, TaskEffect};
use crate::analysis::{Analysis, findings};
use crate::report::chart::paint::escape;

use super::tables::{row, table};
use crate::report::words::cell;

/// A row a container and task; empty where the scenario did not run.
pub fn section(analysis: &Analysis) -> String {
    let Some(isolation) = &analysis.isolation else { return String::new() };
    let rows: String = isolation
        .containers
        .iter()
        .flat_map(|c| c.effects.iter().map(move |e| (c, e)))
        .fold(String::new(), |mut rows, (container, effect)| {
            rows.push_str(&line(isolation, container, effect));
            rows
        });
    let head = ["Container", "Task", "Kept", "Rounds", "Units", "MB/min at its rate", "Verdict"];
    format!(
        "<h2>Tasks</h2>\n{}<p class=\"soft\">Kept: what the container holds in the rest after a \
         turn of the task less what it held before, without what grows when nothing runs, a {}. \
         Each interval is wide enough for all tasks of a container together. Order of the turns: \
         random, seed {}.</p>\n",
        table(&head, &rows),
        escape(&isolation.unit),
        isolation.seed
    )
}

fn line(isolation: &Isolation, container: &IsolatedContainer, effect: &TaskEffect) -> String {
    let work = isolation.tasks.iter().find(|work| work.task == effect.task);
    let is_in = |tasks: &[String]| tasks.contains(&effect.task);
    let verdict = match &container.attribution {
        Attribution::Named { tasks, .. } if is_in(tasks) => "<span class=\"bad\">leaks</span>",
        Attribution::Named { undecided: tasks, .. } | Attribution::NotSeparated { tasks }
            if is_in(tasks) =>
        {
            "<span class=\"watch\">may leak</span>"
        }
        Attribution::TooFewRounds { .. } => "<span class=\"soft\">too few rounds</span>",
        _ => "<span class=\"good\">ok</span>",
    };
    let kept = match effect.bytes_per_unit {
        Some(_) => escape(&findings::per_unit(isolation, effect)),
        None => "–".to_string(),
    };
    row(&[
        escape(&container.container),
        escape(&effect.task),
        kept,
        effect.rounds.to_string(),
        cell(work.map(|work| work.units), 0),
        cell(effect.mb_per_min, 2),
        verdict.to_string(),
    ])
}
