//! The tables of the report.

use std::cmp::Ordering;

use crate::analysis::capacity::ContainerCapacity;
use crate::analysis::findings::could_hide;
use crate::analysis::leak::{LeakVerdict, Verdict};
use crate::analysis::retention::Retention;
use crate::analysis::scenario_stats::{PhaseStats, ScenarioStats};
use crate::analysis::{Analysis, ContainerAnalysis, Dataset};
use crate::model::units::{fixed, signed};
use crate::report::chart::paint::escape;
use crate::report::words::{cell, fitting_memory, signed_cell};
use crate::report::{console, facts, words};

pub(super) fn row(cells: &[String]) -> String {
    let cells: String = cells.iter().map(|cell| format!("<td>{cell}</td>")).collect();
    format!("<tr>{cells}</tr>\n")
}

pub(super) fn table(head: &[&str], rows: &str) -> String {
    let head: String = head.iter().map(|name| format!("<th>{}</th>", escape(name))).collect();
    format!(
        "<div class=\"scroll\"><table><thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n"
    )
}

/// A row a container: verdict, rate, what it kept, its peaks and limits, what happened to it.
pub fn containers(analysis: &Analysis) -> String {
    if analysis.containers.is_empty() {
        return String::new();
    }
    let mut all: Vec<&ContainerAnalysis> = analysis.containers.iter().collect();
    all.sort_by(|a, b| gravity(b).partial_cmp(&gravity(a)).unwrap_or(Ordering::Equal));
    let rows: String = all.into_iter().map(container).collect();
    let head = [
        "Container",
        "Verdict",
        "MB/min",
        "Interval",
        "Kept after load",
        "Peak CPU %",
        "Cores",
        "Peak MB",
        "Limit MB",
        "Would fit MB",
        "OOM kills",
        "Restarts",
    ];
    format!(
        "<h2>Containers</h2>\n{}<p class=\"soft\">Kept after load: cooldown end less active end of \
         the working set. Would fit: a limit with a fifth to spare above the 99th percentile under \
         load.</p>\n",
        table(&head, &rows)
    )
}

/// Those that grow first; the others as they came.
fn gravity(c: &ContainerAnalysis) -> (u64, u8, f64) {
    let leak = c.leak.as_ref();
    let rank = match leak.map(|leak| leak.verdict) {
        Some(Verdict::Leak) => 4,
        Some(Verdict::Suspect) => 3,
        Some(Verdict::Inconclusive) => 2,
        Some(Verdict::InsufficientData) => 1,
        Some(Verdict::Ok) | None => 0,
    };
    let slope = leak.and_then(|leak| leak.slope_mb_per_min).filter(|_| rank > 0);
    (c.oom_kills, rank, slope.unwrap_or(0.0))
}

fn container(c: &ContainerAnalysis) -> String {
    let dash = || "–".to_string();
    let leak = c.leak.as_ref();
    let tight = c.suggested.more_than_mb.is_some()
        || c.suggested.memory_mb.zip(c.limit_mb).is_some_and(|(fits, limit)| fits as f64 > limit);
    let fits = escape(&fitting_memory(&c.suggested));
    let count = |n: u64| match n {
        0 => "0".to_string(),
        n => format!("<span class=\"bad\">{n}</span>"),
    };
    row(&[
        escape(&c.name),
        leak.map_or_else(dash, verdict),
        signed_cell(leak.and_then(|l| l.slope_mb_per_min), 2),
        leak.and_then(interval).unwrap_or_else(dash),
        c.retention.as_ref().map_or_else(dash, kept),
        cell(c.peak_cpu_percent, 1),
        super::sections::trimmed(c.cores),
        cell(c.peak_memory_mb, 1),
        cell(c.limit_mb, 0),
        if tight { format!("<span class=\"watch\">{fits}</span>") } else { fits },
        count(c.oom_kills),
        count(c.restarts),
    ])
}

/// The verdict in its colour; why there is no clear one is its read-out.
fn verdict(leak: &LeakVerdict) -> String {
    let class = match leak.verdict {
        Verdict::Leak => "bad",
        Verdict::Suspect | Verdict::Inconclusive => "watch",
        Verdict::Ok => "good",
        Verdict::InsufficientData => "soft",
    };
    let hides = || could_hide(leak);
    let why = leak.reason.clone().or_else(hides).map(|t| escape(&t)).unwrap_or_default();
    let word = words::verdict(leak.verdict);
    format!("<span class=\"{class}\" title=\"{why}\">{word}</span>")
}

fn interval(leak: &LeakVerdict) -> Option<String> {
    let approximate = if leak.approximate { "≈ " } else { "" };
    let (low, high) = (fixed(leak.ci_low?, 2), fixed(leak.ci_high?, 2));
    Some(format!("{approximate}{low} .. {high}"))
}

/// What is left of the working set when the load is gone.
fn kept(kept: &Retention) -> String {
    let share = kept.returned_percent.map(|p| match p {
        p if p > 0.0 => format!(" ({p:.0} % came back)"),
        _ => " (nothing came back)".to_string(),
    });
    format!("{} MB{}", signed(kept.delta_mb, 1), share.unwrap_or_default())
}

/// GPUs, and what containers had of them.
pub fn gpus(analysis: &Analysis) -> String {
    let rows = crate::report::gpus::rows(analysis);
    if rows.is_empty() {
        return String::new();
    }
    let cells = |cells: &[String; 10]| row(&cells.each_ref().map(|cell| escape(cell)));
    let rows: String = rows.iter().map(cells).collect();
    format!(
        "<h2>GPUs</h2>\n{}<p class=\"soft\">Busy: share of time in which at least one kernel ran, not \
         how full the GPU was. A device's memory is judged where its containers are not known.\
         </p>\n",
        table(&crate::report::gpus::HEAD, &rows)
    )
}

/// What stopped stress, and how much room everything else had.
pub fn stress(analysis: &Analysis) -> String {
    let Some(capacity) = &analysis.capacity else { return String::new() };
    let mut all: Vec<_> =
        capacity.containers.iter().filter(|c| !analysis.settings.ignores(&c.name)).collect();
    let room = |c: &ContainerCapacity| c.headroom_percent.unwrap_or(f64::INFINITY);
    all.sort_by(|a, b| room(a).total_cmp(&room(b)).then(a.name.cmp(&b.name)));
    let rows: String = all
        .into_iter()
        .map(|c| {
            let throttled = capacity.first_throttled_at_level.get(&c.name);
            row(&[
                escape(&c.name),
                cell(c.cpu_percent, 1),
                cell(Some(c.cpu_threshold), 1),
                cell(c.memory_percent, 1),
                cell(c.peak_cpu_percent, 1),
                cell(c.peak_memory_percent, 1),
                c.headroom_percent.map_or("–".into(), |room| format!("{} %", fixed(room, 0))),
                throttled.map_or("–".into(), |level| format!("level {level}")),
            ])
        })
        .collect();
    let head = [
        "Container",
        "CPU % at the end",
        "CPU threshold %",
        "Memory % at the end",
        "Peak CPU %",
        "Peak memory %",
        "Headroom",
        "First throttled",
    ];
    let steal = capacity.host_steal_percent.map(|s| format!(", {s:.1} % stolen"));
    let host = capacity
        .host_cpu_percent
        .map(|cpu| format!(" Host CPU at the end {cpu:.1} %{}.", steal.unwrap_or_default()));
    format!(
        "<h2>Stress</h2>\n<p>{}.{}</p>\n{}{}",
        escape(&console::capacity(analysis).unwrap_or_default()),
        host.unwrap_or_default(),
        table(&head, &rows),
        super::capacity::section(analysis)
    )
}

/// The steps of speed scaling.
pub fn speed(analysis: &Analysis) -> String {
    let Some(speed) = &analysis.speed else { return String::new() };
    let rows: String = speed
        .steps
        .iter()
        .map(|step| {
            let reached = step.trigger.as_ref().map(words::trigger_words);
            row(&[
                format!("{}×", step.multiplier),
                step.level.map_or("–".into(), |level| level.to_string()),
                step.ticks.to_string(),
                reached.map_or("below the thresholds".into(), |text| escape(&text)),
            ])
        })
        .collect();
    let text = console::speed(analysis).unwrap_or_default();
    let head = ["Speed", "Level", "Ticks", "Last window"];
    format!("<h2>Speed</h2>\n<p>{}.</p>\n{}", escape(&text), table(&head, &rows))
}

/// Metrics and health checks.
pub fn watched(analysis: &Analysis) -> String {
    let one = |t: crate::report::metrics::Table| {
        let cells = |cells: Vec<String>| cells.iter().map(|c| escape(c)).collect::<Vec<_>>();
        let rows: String = t.rows.into_iter().map(|cells_of| row(&cells(cells_of))).collect();
        let (head, note) = (table(&t.head, &rows), escape(&t.note));
        format!("<h2>{}</h2>\n{head}<p class=\"soft\">{note}</p>\n", t.title)
    };
    crate::report::metrics::tables(analysis).into_iter().map(one).collect()
}

/// Slopes of every phase under load and after it, folded away.
pub fn slopes(analysis: &Analysis) -> String {
    let has_trend = |scenario: &&ScenarioStats| {
        scenario.phases.iter().any(|p| p.containers.iter().any(|c| c.memory_trend.is_some()))
    };
    let tables: String = analysis.scenarios.iter().filter(has_trend).map(slopes_of).collect();
    if tables.is_empty() {
        return tables;
    }
    format!(
        "<h2>Slopes of the phases</h2>\n<p class=\"soft\">Robust slope of the leak figure in MB a \
         minute (and of CPU in percent a minute), over a whole phase; the verdict leaves out the \
         start.</p>\n<details open><summary>Table</summary>\n{tables}</details>\n"
    )
}

fn slopes_of(scenario: &ScenarioStats) -> String {
    let phases: Vec<&PhaseStats> = scenario.phases.iter().filter(|p| !p.ticks.is_empty()).collect();
    let mut head = vec!["Container".to_string()];
    for phase in &phases {
        head.push(format!("{} MB/min", phase.name));
        head.push(format!("{} CPU %/min", phase.name));
    }
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let rows: String = scenario
        .containers
        .iter()
        .enumerate()
        .map(|(n, container)| {
            let mut cells = vec![escape(&container.name)];
            for phase in &phases {
                let part = phase.containers.get(n);
                cells.push(signed_cell(part.and_then(|p| p.memory_trend).map(|t| t.slope), 2));
                cells.push(signed_cell(part.and_then(|p| p.cpu_trend).map(|t| t.slope), 2));
            }
            row(&cells)
        })
        .collect();
    table(&head, &rows)
}

/// What was measured, by what.
pub fn measured(data: &Dataset) -> String {
    let rows: String = facts::measured(data)
        .into_iter()
        .map(|(name, text)| row(&[name.to_string(), escape(&text)]))
        .collect();
    format!(
        "<h2>What was measured</h2>\n<div class=\"scroll\"><table class=\"facts\"><tbody>\n{rows}\
         </tbody></table></div>\n<footer>MB are 2^20 bytes; CPU is in percent of one core. The raw \
         figures: results.json, samples.jsonl, summary.json.</footer>\n"
    )
}
