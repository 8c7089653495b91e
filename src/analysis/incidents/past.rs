//! Lives that were decided: a witness that comes after the verdict is told apart from a new kill.

use super::decide::{EVENT_AFTER_END_S, KILL_TO_END_S};
use super::life::{End, Life};
use super::{Confidence, Incident, IncidentKind};

/// How long a witness may be late.
const REMEMBERED_S: f64 = 60.0;
/// The kernel's log is stamped up to this much early by whoever reads it there.
const EARLY_S: f64 = 1.0;

/// The lives of one name that were decided lately.
#[derive(Debug, Default)]
pub(super) struct Past(Vec<Life>);

impl Past {
    pub fn add(&mut self, life: Life, now: f64) {
        self.0.retain(|old| old.end.is_some_and(|end| now - end.t <= REMEMBERED_S));
        self.0.push(life);
    }

    /// Whether the kernel's kill at `t` is one that was told already.
    pub fn knows(&mut self, id: &str, t: f64) -> bool {
        let known = |life: &&mut Life| life.id == id && life.ledger.awaits_log(t);
        let life = self.0.iter_mut().rev().find(known);
        life.map(|life| life.ledger.log(t)).is_some()
    }

    /// Whether the engine's `oom` event at `t` is about a kill that was told already.
    pub fn knows_event(&mut self, id: &str, t: f64) -> bool {
        let known = |life: &&mut Life| life.id == id && life.ledger.awaits_event(t);
        let life = self.0.iter_mut().rev().find(known);
        life.map(|life| life.ledger.event(t)).is_some()
    }

    /// An end that was told without an OOM kill, and had one after all: the kernel's log has it.
    pub fn had_a_logged_kill(&mut self, name: &str, id: &str, t: f64) -> Option<Incident> {
        let life = self.without_kill(id, t, EARLY_S).filter(|life| life.was_killed_unasked())?;
        life.ledger.log(t);
        Some(late_kill(name, life, t, "the kernel's log by way of cAdvisor"))
    }

    /// The same: the engine tells of it late.
    pub fn had_an_event(&mut self, name: &str, id: &str, t: f64) -> Option<Incident> {
        let life = self.without_kill(id, t, EVENT_AFTER_END_S)?;
        life.ledger.event(t);
        Some(late_kill(name, life, t, "oom event of the engine"))
    }

    /// Whether a life ended so that an event at `t` can be about it.
    pub fn ended_about(&self, id: &str, t: f64) -> bool {
        let about = |end: End| end.t >= t - EVENT_AFTER_END_S && end.t - t <= KILL_TO_END_S;
        self.0.iter().any(|life| life.id == id && life.end.is_some_and(about))
    }

    /// The life that ended about `t`, where no kill of it is known.
    fn without_kill(&mut self, id: &str, t: f64, late: f64) -> Option<&mut Life> {
        self.0.iter_mut().rev().find(|life| {
            let about = |end: End| end.t >= t - late && end.t - t <= KILL_TO_END_S;
            let known = !life.ledger.kills.is_empty() || life.flagged;
            life.id == id && life.end.is_some_and(about) && !known
        })
    }
}

/// A kill of a life that was decided without it.
fn late_kill(name: &str, life: &Life, t: f64, witness: &str) -> Incident {
    let main = life.was_killed_unasked();
    Incident {
        container: name.to_owned(),
        t,
        kind: if main { IncidentKind::OomMain } else { IncidentKind::OomChild },
        kills: 1,
        exit_code: life.end.and_then(|end| end.exit_code),
        evidence: vec![
            witness.to_owned(),
            "its end was first reported without an OOM kill".to_owned(),
        ],
        confidence: Confidence::High,
    }
}
