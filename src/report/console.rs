//! The last screen of a run: the answers in a few lines.
//!
//! The text is made here without a terminal; only the words at the left have a colour.

use std::path::Path;

use crate::analysis::findings::{per_unit, rate, too_much_could_hide, until_limit};
use crate::analysis::isolate::{Attribution, IsolatedContainer};
use crate::analysis::leak::Verdict;
use crate::analysis::{Analysis, ContainerAnalysis, Dataset, Finding, FindingKind, Status};

use crate::tell::{Said, Tone, clean};

use super::facts;
use super::words;

/// What the last screen is made of.
#[derive(Debug, Clone, Copy)]
pub struct Screen<'a> {
    /// The run.
    pub data: &'a Dataset,
    /// What was found.
    pub analysis: &'a Analysis,
    /// Where the report lies, as the reader can open it.
    pub report_path: &'a Path,
    /// The built-in demo: the next step is the reader's own stack.
    pub demo: bool,
    /// How long it took, seconds; absent in a re-analysis, where the run's own length is said.
    pub wall_seconds: Option<f64>,
}

/// A line: a word, and what is said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The word at the left.
    pub label: &'static str,
    /// Its colour.
    pub tone: Tone,
    /// The rest, without line breaks.
    pub text: String,
}

/// Names in one line take this many characters at most.
const NAMES: usize = 90;

/// Who grows, as a report's headline says it: names and rates of the leaks.
pub(super) fn leaks(analysis: &Analysis) -> Vec<(&str, String)> {
    let one = |c: &'_ ContainerAnalysis| c.leak.as_ref().map(rate).unwrap_or_default();
    by_slope(analysis, Verdict::Leak).into_iter().map(|c| (c.name.as_str(), one(c))).collect()
}

/// The last screen, every line ended.
#[must_use]
pub fn last_screen(screen: &Screen<'_>) -> Said {
    let lines = lines(screen);
    let width = lines.iter().map(|line| line.label.len() + 2).max().unwrap_or(0).max(10);
    let mut said = Said::default();
    for line in &lines {
        said.push_in(line.tone, &format!("{:<width$}", line.label));
        // A name with a line break in it must not begin a line of its own.
        said.push(clean::one_line(&line.text).trim_end());
        said.push("\n");
    }
    said
}

/// The lines of the screen, in order. What was not measured has none.
#[must_use]
pub fn lines(screen: &Screen<'_>) -> Vec<Line> {
    let analysis = screen.analysis;
    let mut all = vec![head(screen)];
    let line = |label, tone, text| Line { label, tone, text };
    if matches!(analysis.status, Status::Aborted | Status::Running) {
        all.push(line("reason", Tone::Bad, words::abort(analysis).0));
    }
    all.extend(words::damage(analysis).map(|text| line("damage", Tone::Bad, text)));
    all.extend(failing(analysis).map(|f| line("fails", Tone::Bad, f.message.clone())));
    all.extend(growing(analysis));
    all.extend(filling(analysis).map(|f| line("grows", Tone::Watch, f.message.clone())));
    all.extend(settled(analysis));
    let silent = facts::silent(screen.data).into_iter();
    let silent = silent.map(|(name, why)| format!("metric {name} never had one: {why}"));
    all.extend(silent.map(|text| line("no value", Tone::Watch, text)));
    all.extend(capacity(analysis).map(|text| line("capacity", Tone::Plain, text)));
    all.extend(super::load::failing(analysis).map(|text| line("load", Tone::Watch, text)));
    all.extend(analysis.trials.iter().map(|t| line("trials", Tone::Plain, words::trials(t))));
    all.extend(speed(analysis).map(|text| line("speed", Tone::Plain, text)));
    all.extend(super::gpus::line(analysis).map(|text| line("GPU", Tone::Plain, text)));
    all.extend(isolation(analysis).map(|text| line("tasks", Tone::Plain, text)));
    all.push(line("events", Tone::Plain, events(screen)));
    all.push(last(screen));
    all
}

fn head(screen: &Screen<'_>) -> Line {
    let status = screen.analysis.status;
    let tone = match status {
        Status::Passed => Tone::Good,
        Status::Running => Tone::Watch,
        Status::Failed | Status::Aborted | Status::Damaged => Tone::Bad,
    };
    let seconds = screen.wall_seconds.or_else(|| facts::seconds(screen.data));
    let lasted = seconds.map_or_else(|| "unknown time".to_string(), words::duration);
    let path = screen.report_path.display();
    let text = format!("{}  {lasted:<18}  {path}", screen.analysis.test_id);
    Line { label: words::status(status), tone, text }
}

/// Which tasks leak, where they were taken apart.
#[must_use]
pub fn isolation(analysis: &Analysis) -> Option<String> {
    let isolation = analysis.isolation.as_ref()?;
    let named: Vec<String> = isolation
        .culprits()
        .map(|(c, effect)| {
            format!("{} of {} keeps {}", effect.task, c.container, per_unit(isolation, effect))
        })
        .collect();
    let unsure = isolation.containers.iter().filter_map(|c| match &c.attribution {
        Attribution::NotSeparated { tasks } => {
            Some(format!("{} grows, not told apart: {}", c.container, tasks.join(", ")))
        }
        _ => None,
    });
    let told: Vec<String> = named.into_iter().chain(unsure).collect();
    let short = |c: &IsolatedContainer| matches!(c.attribution, Attribution::TooFewRounds { .. });
    Some(match (told.is_empty(), isolation.containers.iter().any(short)) {
        (false, _) => told.join("; "),
        (true, true) => "too few rounds were measured".to_string(),
        (true, false) => format!("none of {} leaks", isolation.tasks.len()),
    })
}

/// Findings that fail the run and have no line of their own below.
fn failing(analysis: &Analysis) -> impl Iterator<Item = &Finding> {
    let has_line = |finding: &Finding| {
        // GPU leaks are told with their names by their messages.
        let kinds = [FindingKind::Leak, FindingKind::Suspect, FindingKind::Inconclusive];
        kinds.contains(&finding.kind) && finding.scenario.as_deref() != Some("isolate")
    };
    analysis.findings.iter().filter(move |f| f.fails && !has_line(f))
}

/// Descriptors, threads and disk space that grow and do not fail the run.
fn filling(analysis: &Analysis) -> impl Iterator<Item = &Finding> {
    let kinds = [FindingKind::ResourceLeak, FindingKind::DiskGrowth];
    analysis.findings.iter().filter(move |f| kinds.contains(&f.kind) && !f.fails)
}

/// Leaks, suspects and what could not be told: a line each, the gravest first.
fn growing(analysis: &Analysis) -> Vec<Line> {
    let kinds = [
        (Verdict::Leak, "leak", FindingKind::Leak),
        (Verdict::Suspect, "suspect", FindingKind::Suspect),
        (Verdict::Inconclusive, "inconclusive", FindingKind::Inconclusive),
    ];
    let of = |wanted| by_slope(analysis, wanted);
    let shown = kinds.iter().flat_map(|(verdict, ..)| of(*verdict));
    let width = shown.map(|c| c.name.chars().count()).max().unwrap_or(0).min(48);
    let mut all = Vec::new();
    for (verdict, label, kind) in kinds {
        let mut found = of(verdict);
        let listed = if verdict == Verdict::Leak { found.len() } else { OTHERS };
        let rest = found.split_off(listed.min(found.len()));
        for container in found {
            let finding = analysis
                .findings
                .iter()
                .find(|f| f.kind == kind && f.container.as_ref() == Some(&container.name));
            all.push(grower(container, finding, label, width));
        }
        // Nobody is hidden: the rest is named without its figures.
        if !rest.is_empty() {
            let names: Vec<&str> = rest.iter().map(|c| c.name.as_str()).collect();
            let text = format!("and {} more: {}", rest.len(), names.join(", "));
            all.push(Line { label, tone: Tone::Watch, text });
        }
    }
    all
}

/// Suspects, and containers that could not be told, that get a line of their own.
const OTHERS: usize = 4;

fn by_slope(analysis: &Analysis, wanted: Verdict) -> Vec<&ContainerAnalysis> {
    let slope = |c: &ContainerAnalysis| {
        c.leak.as_ref().and_then(|leak| leak.slope_mb_per_min).unwrap_or(f64::NEG_INFINITY)
    };
    let mut found: Vec<&ContainerAnalysis> = with(analysis, wanted).collect();
    found.sort_by(|a, b| slope(b).total_cmp(&slope(a)));
    found
}

fn with(analysis: &Analysis, wanted: Verdict) -> impl Iterator<Item = &ContainerAnalysis> {
    let is = move |c: &&ContainerAnalysis| c.leak.as_ref().is_some_and(|l| l.verdict == wanted);
    analysis.containers.iter().filter(is)
}

fn grower(
    container: &ContainerAnalysis,
    finding: Option<&Finding>,
    label: &'static str,
    width: usize,
) -> Line {
    let rate = container.leak.as_ref().map(rate).unwrap_or_default();
    let mut text = format!("{:<width$} {rate}", container.name);
    let expected = finding.is_some_and(|f| f.expected);
    let accepted = finding.and_then(|f| f.accepted.as_ref());
    if expected {
        text.push_str("  expected");
    } else if let Some(why) = accepted {
        text.push_str(&format!("  accepted: {why}"));
    } else if let Some(until) = until_limit(container).filter(|_| label == "leak") {
        text.push_str(&format!("; {until}"));
    }
    let calm = expected || accepted.is_some();
    let tone = match label {
        "leak" if calm => Tone::Good,
        "leak" => Tone::Bad,
        _ if finding.is_some_and(|f| f.fails) => Tone::Bad,
        _ => Tone::Watch,
    };
    Line { label, tone, text }
}

/// Who does not leak, and who could not be judged.
fn settled(analysis: &Analysis) -> Vec<Line> {
    let mut all = Vec::new();
    // Whose memory is steady may still lose descriptors or fill a disk, which has lines of its own.
    let steady = with(analysis, Verdict::Ok);
    let steady = steady.filter(|c| !c.resources.iter().any(|r| r.verdict == Verdict::Leak));
    let mut fine = words::names(steady.map(|c| c.name.as_str()), NAMES);
    if !fine.is_empty() {
        fine.extend(least_sharp(analysis).map(|text| format!("; {text}")));
        all.push(Line { label: "ok", tone: Tone::Good, text: fine });
    }
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for container in with(analysis, Verdict::InsufficientData) {
        let reason = container.leak.as_ref().and_then(|l| l.reason.as_deref()).unwrap_or_default();
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, names)) => names.push(&container.name),
            None => reasons.push((reason, vec![&container.name])),
        }
    }
    for (reason, names) in reasons {
        let who = words::names(names.into_iter(), NAMES);
        let text = format!("{who}: {reason}");
        all.push(Line { label: "no verdict", tone: Tone::Watch, text });
    }
    all
}

/// What could hide in the acquittal that is worth least, where that is more than the threshold.
fn least_sharp(analysis: &Analysis) -> Option<String> {
    let finds = |c: &ContainerAnalysis| c.leak.as_ref().and_then(|l| l.detectable_mb_per_min);
    let acquitted = with(analysis, Verdict::Ok);
    let weak = acquitted.filter_map(|c| Some((c, too_much_could_hide(c.leak.as_ref()?)?)));
    let (worst, text) =
        weak.max_by(|a, b| finds(a.0).unwrap_or(0.0).total_cmp(&finds(b.0).unwrap_or(0.0)))?;
    Some(match with(analysis, Verdict::Ok).nth(1) {
        Some(_) => format!("in {} {text}", worst.name),
        None => text,
    })
}

/// How much load, and who gives in first; absent where stress did not run.
pub(super) fn capacity(analysis: &Analysis) -> Option<String> {
    let capacity = analysis.capacity.as_ref()?;
    let carried = capacity.sustained_level.map(|level| format!("level {level} carried"));
    let kill = analysis
        .incidents
        .iter()
        .find(|i| i.scenario == "stress_test" && (i.oom_kills > 0 || i.restarts > 0));
    let at = capacity.max_level.map(|level| format!("at {level} ")).unwrap_or_default();
    Some(match (&capacity.trigger, carried) {
        (Some(trigger), _) if capacity.max_level == Some(0) => {
            format!("{} before any load", words::trigger_words(trigger))
        }
        (Some(trigger), carried) => {
            let mut what = words::trigger_words(trigger);
            if trigger.container == "host" {
                what = format!("host-bound: no container reached its limit ({what})");
            }
            match carried {
                Some(carried) => format!("{carried}; {at}{what}"),
                None if capacity.carries_nothing => format!("no level carried; {at}{what}"),
                None => format!("{at}{what}; too fast a ramp to tell the level carried"),
            }
        }
        (None, carried) if capacity.aborted => {
            let what = match kill {
                Some(i) if i.oom_kills > 0 => format!("{} was OOM-killed", i.container),
                Some(i) => format!("{} restarted", i.container),
                None => "it was aborted".to_string(),
            };
            match carried {
                Some(carried) => format!("{carried}; {at}{what}"),
                None => format!("unknown: {at}{what}"),
            }
        }
        (None, carried) if capacity.not_carried.is_some() => {
            let (level, why) = capacity.not_carried.as_ref()?;
            let why = words::trigger_words(why);
            let none = if capacity.carries_nothing { "no level carried" } else { "unknown" };
            format!("{}; at {level} {why}", carried.as_deref().unwrap_or(none))
        }
        (None, Some(carried)) => format!("{carried}, the highest tried; no threshold reached"),
        (None, None) => "unknown: no level was held for long enough".to_string(),
    })
}

/// How far the load could be sped up; absent where speed scaling did not run.
pub(super) fn speed(analysis: &Analysis) -> Option<String> {
    let speed = analysis.speed.as_ref()?;
    let highest = speed.max_speed_achieved?;
    let step = speed.steps.iter().rfind(|step| step.trigger.is_some());
    let stopped = step.and_then(|step| Some((step.multiplier, step.trigger.as_ref()?)));
    Some(match (stopped, speed.max_speed_sustained) {
        (None, _) => format!("{highest}x, the highest tried; no threshold reached"),
        (Some((at, trigger)), Some(sustained)) => {
            format!("{sustained}x sustained; at {at}x {}", words::trigger_words(trigger))
        }
        (Some((at, trigger)), None) => {
            format!("none sustained; at {at}x {}", words::trigger_words(trigger))
        }
    })
}

fn events(screen: &Screen<'_>) -> String {
    let analysis = screen.analysis;
    let sum = |count: fn(&ContainerAnalysis) -> u64| -> u64 {
        analysis.containers.iter().map(count).sum()
    };
    let who = |count: fn(&ContainerAnalysis) -> u64| {
        let hit = analysis.containers.iter().filter(|c| count(c) > 0);
        let names: Vec<&str> = hit.map(|c| c.name.as_str()).collect();
        if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) }
    };
    let kills = words::counted(sum(|c| c.oom_kills), "OOM kill", "OOM kills");
    let restarts = words::counted(sum(|c| c.restarts), "restart", "restarts");
    let about = if analysis.containers.iter().any(|c| c.oom_kills_about) { "about " } else { "" };
    let mut text =
        format!("{about}{kills}{}, {restarts}{}", who(|c| c.oom_kills), who(|c| c.restarts));
    if sum(|c| c.crashes) > 0 {
        let crashes = words::counted(sum(|c| c.crashes), "crash", "crashes");
        text.push_str(&format!(", {crashes}{}", who(|c| c.crashes)));
    }
    let gaps = facts::gap_count(screen.data);
    if gaps > 0 {
        text.push_str(&format!(", {}", words::counted(gaps, "gap", "gaps")));
    }
    if let Some(own) = facts::own_cost(screen.data) {
        text.push_str(&format!("; runner itself {own}"));
    }
    text
}

/// What to do now.
fn last(screen: &Screen<'_>) -> Line {
    let analysis = screen.analysis;
    let line = |label, text| Line { label, tone: Tone::Plain, text };
    match analysis.status {
        Status::Aborted | Status::Running => line("remedy", words::abort(analysis).1),
        Status::Damaged => line(
            "remedy",
            "look for a whole copy of the files; what could be read is in the report".to_string(),
        ),
        Status::Failed => {
            let gravest = analysis.findings.iter().find(|f| f.fails);
            let text = gravest.and_then(|f| words::remedy(analysis, f));
            let open = || format!("read {}", screen.report_path.display());
            line("remedy", text.unwrap_or_else(open))
        }
        Status::Passed if screen.demo => {
            line("next", "your own stack: runner init docker-compose.yml".to_string())
        }
        Status::Passed => {
            let todo = analysis.findings.iter().find_map(|f| {
                let text = words::remedy(analysis, f)?;
                let name = f.container.as_deref();
                Some(
                    name.filter(|n| !text.contains(n))
                        .map_or(text.clone(), |n| format!("{n}: {text}")),
                )
            });
            let open = || format!("the figures behind this: {}", screen.report_path.display());
            line("next", todo.unwrap_or_else(open))
        }
    }
}

#[cfg(test)]
#[path = "console_tests.rs"]
mod tests;
