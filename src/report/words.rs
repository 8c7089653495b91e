//! What reports say in words: remedies, reasons of an abort, lengths of time.

use crate::analysis::capacity::{Scalability, Trials};
use crate::analysis::findings::{in_words, remedies};
use crate::analysis::leak::Verdict;
use crate::analysis::limits::SuggestedLimits;
use crate::analysis::load::LoadAnalysis;
use crate::analysis::{Analysis, Finding, FindingKind, RUNNING, Status};
use crate::model::event::Trigger;
use crate::model::units::{fixed, signed};

/// What to do about a finding; absent where it needs nothing.
pub fn remedy(analysis: &Analysis, finding: &Finding) -> Option<String> {
    let name = finding.container.as_deref().unwrap_or("the stack");
    let suggested = || {
        let limits = analysis.container(name).map(|c| c.suggested).unwrap_or_default();
        let fits = limits.memory_mb.map(|mb| format!("{mb} MB would fit what was measured"));
        let known = limits.cut_off().or(fits);
        known.map(|text| format!(" ({text})")).unwrap_or_default()
    };
    if finding.expected || finding.accepted.is_some() {
        return None;
    }
    Some(match finding.kind {
        FindingKind::Leak => {
            let heap = || format!("profile what {name} allocates while it is under load");
            let todo = analysis.container(name).map_or_else(heap, remedies::of_memory);
            format!("{todo}; a leak that is known can be accepted for a while with [[accept]]")
        }
        FindingKind::TaskLeak => format!(
            "look at what {name} keeps of that request, with a heap profile before and after it"
        ),
        FindingKind::Oom => {
            format!("raise the memory limit of {name}{}, or cut what it holds", suggested())
        }
        FindingKind::MissedLeak => {
            format!("check that the leak in {name} is still planted; if it is, measure for longer")
        }
        FindingKind::MissedKill => {
            "look into the kernel's log (dmesg) for the time of this scenario".to_string()
        }
        FindingKind::LoadFailed => {
            let task = finding.task.as_deref().unwrap_or("the load");
            format!(
                "see whether the path and body of {task} in [load] are right, and what the service says in its log"
            )
        }
        FindingKind::Crash | FindingKind::Restart => {
            format!("read the last log lines of {name} in the run folder")
        }
        FindingKind::Suspect | FindingKind::Inconclusive | FindingKind::InsufficientData => {
            "measure for longer: raise duration.active".to_string()
        }
        FindingKind::Memory => {
            let c = analysis.container(name);
            let fits = c.and_then(|c| Some((c.suggested.memory_mb? as f64, c.limit_mb?)));
            match fits {
                Some((fits, limit)) if fits <= limit => "its limit still fits, watch it".into(),
                _ => format!("raise the memory limit of {name}{}", suggested()),
            }
        }
        FindingKind::Cpu => format!("give {name} more CPU, or make its work cheaper"),
        FindingKind::CpuSlope => {
            format!("look for work in {name} that grows with time: queues, scans, retries")
        }
        FindingKind::ResourceLeak | FindingKind::DiskGrowth => {
            let grown = analysis.container(name).into_iter().flat_map(|c| &c.resources);
            let mut grown = grown.filter(|r| r.verdict == Verdict::Leak);
            let todo = remedies::of_resource(name, grown.find(|r| r.per_hour == finding.value)?);
            format!(
                "{todo}; a growth that is meant can be accepted with [[accept]] or a higher \
                 [resources] threshold"
            )
        }
        FindingKind::GpuLeak | FindingKind::GpuGrowth => {
            format!("look for tensors and caches that {name} keeps on the GPU")
        }
        FindingKind::GpuSuspect => "measure for longer: raise duration.active".to_string(),
        FindingKind::GpuThrottled => format!("look after cooling and power supply of {name}"),
        FindingKind::Metric => "look at what moves it, or move its limit in [[metric]]".to_string(),
        FindingKind::MetricGrowth => {
            "look for what is queued or kept and never done; see its chart".to_string()
        }
        FindingKind::Health => format!("see where {name} spends its time while it is asked"),
        FindingKind::Disagreement => {
            "look which source is right, and choose it with sources.only".to_string()
        }
        FindingKind::Unfinished => {
            let left = analysis.unfinished.iter().find(|left| left.message == finding.message);
            return left.map(|left| left.remedy.clone());
        }
        FindingKind::Threshold => return None,
    })
}

/// What repeated trials say, without a full stop.
pub fn trials(trials: &Trials) -> String {
    let count = trials.trials.len();
    let mut text = match (trials.confirmed, trials.lowest_failing) {
        (Some(carried), Some(failed)) => {
            format!("{count} trials: level {carried} carried in all of them, {failed} failed")
        }
        (Some(carried), None) => format!("{count} trials: level {carried} carried in all of them"),
        (None, Some(failed)) => format!("{count} trials: {failed} failed, none confirmed below it"),
        (None, None) => format!("{count} trials: no level was told"),
    };
    if let Some(mean) = trials.mean.filter(|_| count > 1) {
        text.push_str(&format!("; {mean:.0} carried in the mean"));
        text.push_str(&boundary(trials.ci_low, trials.ci_high));
    }
    if let [(only, _)] = trials.bottlenecks.iter().collect::<Vec<_>>()[..] {
        text.push_str(&format!("; {only} gave in each time"));
    }
    text
}

/// Where the boundary lies, as far as trials tell.
fn boundary(low: Option<f64>, high: Option<f64>) -> String {
    match (low, high) {
        (Some(low), Some(high)) => {
            format!(", the boundary lies at {} .. {} (95 %)", fixed(low, 0), fixed(high, 0))
        }
        (Some(low), None) => format!(", the boundary lies above {} (95 %)", fixed(low, 0)),
        (None, Some(high)) => format!(", the boundary lies below {} (95 %)", fixed(high, 0)),
        (None, None) => String::new(),
    }
}

/// The memory limit that fits, for a table.
pub fn fitting_memory(limits: &SuggestedLimits) -> String {
    match (limits.more_than_mb, limits.memory_mb) {
        (Some(mb), _) => format!("> {mb:.0}"),
        (None, Some(mb)) => mb.to_string(),
        (None, None) => "–".to_string(),
    }
}

/// A figure of a table; a dash where there is none.
pub fn cell(value: Option<f64>, digits: usize) -> String {
    value.filter(|v| v.is_finite()).map_or_else(|| "–".to_string(), |v| fixed(v, digits))
}

/// The same of a change, with its sign.
pub fn signed_cell(value: Option<f64>, digits: usize) -> String {
    value.filter(|v| v.is_finite()).map_or_else(|| "–".to_string(), |v| signed(v, digits))
}

/// What the scalability fit says, without a full stop.
pub fn scalability(found: &Scalability) -> String {
    let fit = format!(
        "Universal Scalability Law over {} levels of {}: contention {} %, coherency {} %, \
         relative error {:.1} %",
        found.levels,
        found.metric,
        fixed(found.sigma * 100.0, 2),
        fixed(found.kappa * 100.0, 4),
        found.relative_error * 100.0
    );
    match found.peak {
        Some(peak) => format!(
            "{fit}; the peak is at level {:.0} ({:.0} .. {:.0} at 95 %)",
            peak.level, peak.ci_low, peak.ci_high
        ),
        None => format!("{fit}; the peak was not passed: it is at least {:.0}", found.tested_to),
    }
}

/// Why a run was aborted, and what to do about it; both in words.
pub fn abort(analysis: &Analysis) -> (String, String) {
    let killed = || {
        let oom = analysis.incidents.iter().find(|i| i.oom_kills > 0 || i.restarts > 0);
        oom.map_or_else(|| "a container".to_string(), |i| i.container.clone())
    };
    let trigger = analysis.capacity.as_ref().and_then(|c| c.trigger.as_ref());
    let reason = analysis.abort_reason.as_deref().unwrap_or("nothing_measured");
    let saved = "what was measured so far is in the report";
    let (why, what) = match reason {
        "stress_test_oom" | "oom" => {
            let name = killed();
            let is_kill = analysis.incidents.iter().any(|i| i.oom_kills > 0);
            let what = if is_kill { "an OOM kill" } else { "a restart" };
            (
                format!("{what} of {name} in {}", scenario_of(reason)),
                format!("raise the memory limit of {name}, or stop stress earlier; {saved}"),
            )
        }
        "stress_test_insufficient_agents" => (
            "stress carried fewer than 2 agents, too few for the scenarios after it".to_string(),
            "give what stopped it more room, or add load in smaller batches".to_string(),
        ),
        "stress_test_threshold_before_load" => (
            trigger.map_or_else(
                || "a threshold was reached before any load".to_string(),
                |t| format!("{} before any load", trigger_words(t)),
            ),
            "let the stack settle for longer, quiet the machine, or raise the threshold"
                .to_string(),
        ),
        "user_interrupt" => ("interrupted".to_string(), saved.to_string()),
        RUNNING => (
            "this run is still going on".to_string(),
            "wait for its end: it then writes its own results".to_string(),
        ),
        "reset_failed" => (
            "the stack could not be made ready".to_string(),
            "`runner check` tells what is missing".to_string(),
        ),
        "load_failed" => (
            load_failed(&analysis.load),
            "`runner check` tells whether its address answers".to_string(),
        ),
        "record_failed" => (
            "the record could not be written".to_string(),
            "look at the run folder and its disk, or choose another folder with -o".to_string(),
        ),
        "disk_full" => (
            "the disk is full".to_string(),
            "free space on the disk, or choose another folder with -o".to_string(),
        ),
        "too_many_open_files" => (
            "too many files were open".to_string(),
            "raise the limit: ulimit -n (the hard limit: ulimit -Hn)".to_string(),
        ),
        "run_folder_removed" => (
            "the run folder was removed while the run went on".to_string(),
            "keep it until the run is over, or choose another folder with -o".to_string(),
        ),
        "stack_taken_over" => (
            "another run has taken the stack over".to_string(),
            "let one of them end first, or give them other `project`s".to_string(),
        ),
        "nothing_measured" => (
            "nothing was measured".to_string(),
            "`runner check` tells which source answers".to_string(),
        ),
        other => (other.replace('_', " "), saved.to_string()),
    };
    (why, what)
}

/// Why the load failed, with the driven system's own words where they were recorded.
fn load_failed(load: &LoadAnalysis) -> String {
    if let Some(error) = &load.error {
        return format!("the load could not be driven: {error}");
    }
    let Some(dead) = load.unanswered() else { return "the load could not be driven".to_string() };
    let tasks: Vec<String> = dead
        .tasks
        .iter()
        .take(3)
        .map(|task| format!("{}: {}", task.task, task.in_words()))
        .collect();
    format!("nothing was answered in {}: {}", dead.scenario, tasks.join("; "))
}

fn scenario_of(reason: &str) -> &'static str {
    if reason == "oom" { "a scenario" } else { "stress" }
}

/// The trigger in words; a load metric and a kill read differently from a percentage.
pub fn trigger_words(trigger: &Trigger) -> String {
    match trigger.metric.as_str() {
        "oom" => format!("{} was OOM-killed", trigger.container),
        _ => in_words(trigger),
    }
}

/// What of the record could not be used, in one line; nothing where all was.
pub fn damage(analysis: &Analysis) -> Option<String> {
    let first = analysis.damage.first()?.in_report();
    Some(match analysis.damage.len() {
        1 => first,
        more => format!("{more} places, the first: {first}"),
    })
}

/// `failed`, in the words of summary.json.
pub fn status(status: Status) -> &'static str {
    status.word()
}

/// A verdict as people write it.
pub fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Leak => "leak",
        Verdict::Suspect => "suspect",
        Verdict::Ok => "ok",
        Verdict::Inconclusive => "inconclusive",
        Verdict::InsufficientData => "no verdict",
    }
}

/// Whether it says one way or the other.
pub fn is_judged(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Leak | Verdict::Suspect | Verdict::Ok)
}

/// `none of 6 judged leaks; 2 inconclusive; 13 with too little measured`: only what was judged
/// counts as free of leaks.
pub fn tally(verdicts: impl Iterator<Item = Verdict>) -> String {
    let all: Vec<Verdict> = verdicts.collect();
    let count = |wanted| all.iter().filter(|verdict| **verdict == wanted).count();
    let judged = all.iter().filter(|verdict| is_judged(**verdict)).count();
    let mut text = match (count(Verdict::Leak), judged) {
        (_, 0) => "none judged".to_string(),
        (0, judged) => format!("none of {judged} judged leaks"),
        (1, judged) => format!("1 of {judged} judged leaks"),
        (leaks, judged) => format!("{leaks} of {judged} judged leak"),
    };
    for (verdict, what) in [
        (Verdict::Suspect, "suspect"),
        (Verdict::Inconclusive, "inconclusive"),
        (Verdict::InsufficientData, "with too little measured"),
    ] {
        match count(verdict) {
            0 => {}
            n => text.push_str(&format!("; {n} {what}")),
        }
    }
    text
}

/// `3 min 14 s`, `1 h 2 min`, `12 s`.
pub fn duration(seconds: f64) -> String {
    if !(0.0..1e12).contains(&seconds) {
        return "unknown time".to_string();
    }
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

/// `1 restart`, `2 restarts`.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Names in a row as far as they fit, and how many more there are.
pub fn names<'a>(names: impl Iterator<Item = &'a str>, width: usize) -> String {
    let all: Vec<&str> = names.collect();
    let mut text = String::new();
    for (n, name) in all.iter().enumerate() {
        let comma = if n > 0 { ", " } else { "" };
        if n > 0 && text.chars().count() + name.chars().count() + 16 > width && n + 1 < all.len() {
            text.push_str(&format!(" and {} more", all.len() - n));
            break;
        }
        text.push_str(comma);
        text.push_str(name);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_read_as_people_say_them() {
        let said = [0.4, 59.6, 194.0, 3725.0, f64::NAN].map(duration);
        assert_eq!(said, ["0 s", "1 min 0 s", "3 min 14 s", "1 h 2 min", "unknown time"]);
    }

    #[test]
    fn a_fit_without_contention_says_zero_and_not_minus_zero() {
        let found = Scalability {
            metric: "x".into(),
            lambda: 1.0,
            sigma: -1e-9,
            kappa: -0.0,
            relative_error: 0.01,
            levels: 8,
            tested_to: 80.0,
            peak: None,
        };
        let text = scalability(&found);
        assert!(text.contains("contention 0.00 %, coherency 0.0000 %"), "{text}");
        assert_eq!((cell(Some(-0.001), 2), signed_cell(None, 2)), ("0.00".into(), "–".into()));
    }

    #[test]
    fn what_was_not_judged_does_not_count_as_free_of_leaks() {
        use Verdict::{Inconclusive, InsufficientData, Leak, Ok, Suspect};
        let said = |verdicts: &[Verdict]| tally(verdicts.iter().copied());
        let mostly_short = [&[Ok; 6][..], &[Inconclusive; 2], &[InsufficientData; 13]].concat();
        let expected = "none of 6 judged leaks; 2 inconclusive; 13 with too little measured";
        assert_eq!(said(&mostly_short), expected);
        assert_eq!(said(&[Leak, Suspect, Ok]), "1 of 3 judged leaks; 1 suspect");
        assert_eq!(said(&[Leak, Leak]), "2 of 2 judged leak");
        assert_eq!(said(&[InsufficientData]), "none judged; 1 with too little measured");
    }

    #[test]
    fn names_that_do_not_fit_are_counted() {
        assert_eq!(names(["a", "b"].into_iter(), 20), "a, b");
        let many = ["simulation", "cache", "store", "stream-processor"];
        assert_eq!(names(many.into_iter(), 30), "simulation and 3 more");
    }
}
