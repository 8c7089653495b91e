//! Lives that were decided: a witness that comes after the verdict is told apart from a new kill.

use super::decide::KILL_TO_END_S;
use super::life::Life;
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

    /// An end by SIGKILL that was told as a crash, and was the kernel's doing after all.
    pub fn was_no_crash(&mut self, name: &str, id: &str, t: f64) -> Option<Incident> {
        let life = self.0.iter_mut().rev().find(|life| {
            let ended =
                life.end.is_some_and(|end| end.t >= t - EARLY_S && end.t - t <= KILL_TO_END_S);
            life.id == id
                && ended
                && life.was_killed_unasked()
                && life.ledger.kills.is_empty()
                && !life.flagged
        })?;
        life.ledger.log(t);
        Some(Incident {
            container: name.to_owned(),
            t,
            kind: IncidentKind::OomMain,
            kills: 1,
            exit_code: life.end.and_then(|end| end.exit_code),
            evidence: vec![
                "the kernel's log by way of cAdvisor".to_owned(),
                "this end was first reported as a crash".to_owned(),
            ],
            confidence: Confidence::High,
        })
    }
}
