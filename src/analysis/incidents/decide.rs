//! From one life to incidents: what ended it, and what its OOM kills were.

use super::ledger::Kill;
use super::life::{EXIT_KILLED, End, Life};
use super::{Confidence, Incident, IncidentKind};

/// The end of a main process may follow its OOM kill this late (7.2 s were seen in an emulated
/// machine, 0.1 s is usual).
pub(super) const KILL_TO_END_S: f64 = 10.0;
/// Up to here the two belong together without doubt.
const SURELY_TOGETHER_S: f64 = 3.0;
/// The `oom` event may come after the end (0.9 s were seen).
pub(super) const EVENT_AFTER_END_S: f64 = 5.0;
/// Readings come each tick; one that is this late will not come.
const READING_OVERDUE_S: f64 = 20.0;

/// How long after an end its witnesses may still come, seconds.
pub(super) fn patience(life: &Life, settle: f64) -> f64 {
    let presumed = life.end.is_some_and(|end| end.presumed);
    let waits_for_event = presumed || life.was_killed_unasked() && killer(life).is_none();
    if waits_for_event { settle.max(EVENT_AFTER_END_S) } else { settle }
}

/// Whether a late `oom` event is about this life rather than the next one.
pub(super) fn claims_event(life: &Life, t: f64) -> bool {
    life.was_killed_unasked()
        && killer(life).is_none()
        && life.end.is_some_and(|end| t - end.t <= EVENT_AFTER_END_S)
}

/// Whether an event at `t` falls into this life, or comes just after its end.
pub(super) fn is_in_time(life: &Life, t: f64) -> bool {
    life.end.is_none_or(|end| t <= end.t + EVENT_AFTER_END_S)
}

/// Whether an event at `t` can be about the end of this life, although the next one has begun.
pub(super) fn ended_just_before(life: &Life, t: f64) -> bool {
    life.end.is_some_and(|end| end.t <= t && t <= end.t + EVENT_AFTER_END_S)
}

/// The kill that ended this life. Where its group was seen empty, that tells when it ended: the
/// engine may tell much later. Where nobody told of the end, a kill after which no process was seen
/// alive is the one.
pub(super) fn killer(life: &Life) -> Option<usize> {
    let gone = life.gone()?;
    let mut from = gone - KILL_TO_END_S;
    if life.end.is_some_and(|end| end.presumed) {
        from = life.tasks.alive.map_or(from, |alive| alive.min(from));
    }
    let to = life.end.map_or(gone, |end| end.t).max(gone) + EVENT_AFTER_END_S;
    life.ledger.latest_between(from, to)
}

/// The end of a wrapper: its child's kill is followed by an end with a code of its own.
fn kill_beside_end(life: &Life) -> Option<&Kill> {
    let end = life.end?;
    let near = |kill: &&Kill| (end.t - kill.t).abs() <= SURELY_TOGETHER_S;
    life.ledger.kills.iter().rev().find(near)
}

/// Kills of a running container that can be told now: nothing ended since, so that they were not
/// the main process.
pub(super) fn settled_kills(name: &str, life: &mut Life, now: f64, settle: f64) -> Vec<Incident> {
    let read = life.ledger.last_reading;
    let mut told = Vec::new();
    if let Some(empty) = life.tasks.empty {
        // The engine hangs, or is away. It may still tell how the main process ended.
        if now >= empty + EVENT_AFTER_END_S.max(settle) && !life.main_was_told {
            told.extend(ended_unheard(name, life, empty));
        }
        return told;
    }
    if read.is_none() {
        life.ledger.join_repeated(life.tasks.count);
    }
    for kill in life.ledger.kills.iter_mut().filter(|kill| !kill.reported) {
        let may_be_refuted = kill.witness.event_alone() && read.is_some();
        let wait = if may_be_refuted { READING_OVERDUE_S.max(settle) } else { settle };
        if now >= kill.heard.unwrap_or(kill.t).max(kill.t) + wait {
            kill.reported = true;
            told.push(child(name, kill));
        }
    }
    told
}

/// A life whose group is empty, and of whose end the engine does not tell: the kills in it.
fn ended_unheard(name: &str, life: &mut Life, empty: f64) -> Vec<Incident> {
    life.ledger.close(empty);
    let Some(killer) = killer(life) else { return Vec::new() };
    life.main_was_told = true;
    let end = End { t: empty, exit_code: None, presumed: true };
    let mut told = children(name, life, Some(killer));
    if let Some(kill) = life.ledger.kills.get_mut(killer) {
        told.push(main(name, end, kill));
        kill.reported = true;
    }
    told
}

/// The kills that did not end the main process, and were not told yet.
fn children(name: &str, life: &mut Life, killer: Option<usize>) -> Vec<Incident> {
    let end = life.end;
    let kills = life.ledger.kills.iter_mut().enumerate();
    let others = kills.filter(|(index, kill)| Some(*index) != killer && !kill.reported);
    others
        .map(|(_, kill)| {
            kill.reported = true;
            let beside = |end: &End| (end.t - kill.t).abs() <= SURELY_TOGETHER_S;
            match end.filter(beside).filter(|_| killer.is_none()) {
                Some(end) => child_of_wrapper(name, kill, end),
                None => child(name, kill),
            }
        })
        .collect()
}

/// Leaves out what is told twice of a life for certain: nothing is killed in an empty group, and one
/// process only once.
pub(super) fn join_surely(life: &mut Life) {
    if let Some(empty) = life.tasks.empty {
        life.ledger.close(empty);
    }
    if life.end.is_some() && life.tasks.count == Some(1) {
        life.ledger.join_repeated(Some(1));
    }
}

/// Everything that an ended life amounts to.
pub(super) fn ended(name: &str, life: &mut Life) -> Vec<Incident> {
    let Some(end) = life.end else {
        return Vec::new();
    };
    join_surely(life);
    life.ledger.join_repeated(life.tasks.count);
    let request = life.request();
    let killer = killer(life).filter(|_| life.was_killed_unasked());
    let mut incidents = children(name, life, killer);
    if life.main_was_told {
        return incidents;
    }
    let of_main = killer.and_then(|index| life.ledger.kills.get(index).copied());
    incidents.extend(match (request, of_main) {
        (Some(request), _) => (!life.expected).then(|| stopped(name, end, request)),
        (None, Some(kill)) => Some(main(name, end, &kill)),
        (None, None) if flag_alone(life) => Some(main_by_flag(name, end)),
        (None, None) => Some(by_itself(name, end, life)),
    });
    incidents
}

/// The flag counts where the life has no kill that could have set it.
fn flag_alone(life: &Life) -> bool {
    life.flagged && life.was_killed_unasked() && life.ledger.kills.is_empty()
}

fn child(name: &str, kill: &Kill) -> Incident {
    Incident {
        container: name.to_owned(),
        t: kill.t,
        kind: IncidentKind::OomChild,
        kills: 1,
        exit_code: None,
        evidence: vec![witness_words(kill), "the main process did not end with it".to_owned()],
        confidence: if kill.witness.event_alone() { Confidence::Medium } else { Confidence::High },
    }
}

/// A kill that was followed by the end of a main process with an exit code of its own.
fn child_of_wrapper(name: &str, kill: &Kill, end: End) -> Incident {
    let apart = (end.t - kill.t).abs();
    Incident {
        exit_code: end.exit_code,
        evidence: vec![
            witness_words(kill),
            format!("the main process ended with {} {apart:.2} s from it", exit_words(end)),
        ],
        ..child(name, kill)
    }
}

fn main(name: &str, end: End, kill: &Kill) -> Incident {
    let apart = end.t - kill.t;
    let mut evidence = vec![witness_words(kill)];
    evidence.extend(if end.presumed {
        vec!["no process was left, and the engine did not tell of its end".to_owned()]
    } else {
        vec![format!("{}, {apart:.2} s after it", exit_words(end)), asked_words(end)]
    });
    if kill.reported {
        evidence.push("this kill was first reported as that of a child".to_owned());
    }
    Incident {
        container: name.to_owned(),
        t: kill.t,
        kind: IncidentKind::OomMain,
        kills: u64::from(!kill.reported),
        exit_code: end.exit_code,
        evidence,
        confidence: if apart.abs() <= SURELY_TOGETHER_S && end.exit_code.is_some() {
            Confidence::High
        } else {
            Confidence::Medium
        },
    }
}

fn main_by_flag(name: &str, end: End) -> Incident {
    Incident {
        container: name.to_owned(),
        t: end.t,
        kind: IncidentKind::OomMain,
        kills: 1,
        exit_code: end.exit_code,
        evidence: vec![
            format!("exit code {EXIT_KILLED} and the engine's OOMKilled"),
            "no oom event came".to_owned(),
            "nobody asked the engine to end it".to_owned(),
        ],
        confidence: Confidence::Low,
    }
}

fn stopped(name: &str, end: End, request: String) -> Incident {
    Incident {
        container: name.to_owned(),
        t: end.t,
        kind: IncidentKind::Stopped,
        kills: 0,
        exit_code: end.exit_code,
        evidence: vec![request, exit_words(end)],
        confidence: Confidence::High,
    }
}

fn by_itself(name: &str, end: End, life: &Life) -> Incident {
    let (kind, confidence) = match end.exit_code {
        Some(0) => (IncidentKind::Exit, Confidence::High),
        // A SIGKILL from outside the engine, or a program that chose this code.
        Some(EXIT_KILLED) => (IncidentKind::Crash, Confidence::Medium),
        Some(_) => (IncidentKind::Crash, Confidence::High),
        None if life.restarted && !life.by_policy => (IncidentKind::Restart, Confidence::Low),
        None => (IncidentKind::Crash, Confidence::Low),
    };
    let mut evidence = vec![exit_words(end), asked_words(end)];
    if end.presumed && life.by_policy {
        evidence.push("the engine's restart count rose with it".to_owned());
    }
    evidence.push(match (kill_beside_end(life), life.ledger.kills.len()) {
        (Some(kill), _) => format!(
            "one of its processes was OOM-killed {:.2} s from it: a wrapper ends with a code of its \
             own then",
            (end.t - kill.t).abs()
        ),
        (None, 0) => "no OOM kill was seen".to_owned(),
        (None, n) => format!("{n} OOM kills of children before, but it ended by itself"),
    });
    Incident {
        container: name.to_owned(),
        t: end.t,
        kind,
        kills: 0,
        exit_code: end.exit_code,
        evidence,
        confidence,
    }
}

fn exit_words(end: End) -> String {
    match end.exit_code {
        Some(code) => format!("exit code {code}"),
        None => "the exit code is unknown".to_owned(),
    }
}

/// An end that no event told of may have been asked for.
fn asked_words(end: End) -> String {
    match end.exit_code {
        Some(_) => "nobody asked the engine to end it",
        None => "whether somebody asked for its end is unknown",
    }
    .to_owned()
}

fn witness_words(kill: &Kill) -> String {
    let witness = kill.witness;
    let told = [
        (witness.event, "oom event of the engine"),
        (witness.counter, "the kernel's counter"),
        (witness.log, "the kernel's log by way of cAdvisor"),
    ];
    let told: Vec<&str> = told.iter().filter(|(did, _)| *did).map(|(_, who)| *who).collect();
    let told = told.join(" and ");
    if witness.event { told } else { format!("{told}; no oom event came") }
}
