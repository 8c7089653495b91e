//! All lives under one name: which evidence is about which life.

use super::decide;
use super::life::{EXIT_KILLED, End, Life};
use super::past::Past;
use super::{Incident, IncidentKind, Totals};
use crate::model::{Container, RunState};

/// What is known about one name.
#[derive(Debug, Default)]
pub(super) struct Track {
    /// Lives that are not decided yet, in order; the last one of an id may be running.
    lives: Vec<Life>,
    /// Lives that were decided lately, for witnesses that come late.
    past: Past,
    /// The container that was started last under this name.
    current: Option<String>,
    /// The last counter reading: incarnation and value.
    counter: Option<(u32, u64)>,
    /// The last end that was decided: whose, and whether somebody asked for it.
    last_end: Option<(String, bool)>,
    /// Ends seen, by `die` events.
    pub ends: u64,
    /// The engine's restart count when it was first seen, and the ends seen by then.
    restart_base: Option<(u64, u64)>,
    /// Ends that the restart count knows and no event told of, and since when.
    missing: Option<(u64, f64)>,
    pub totals: Totals,
}

impl Track {
    /// A start; answers whether another container had this name before.
    pub fn start(&mut self, id: &str, t: f64) -> bool {
        let last = self.lives.iter_mut().rfind(|life| life.id == id);
        let unasked = |(last, asked): &(String, bool)| last == id && !asked;
        let mut next = Life::new(id, Some(t));
        match last {
            Some(life) if life.end.is_some() => life.restarted = true,
            // Its end was not told: the stream of events broke.
            Some(life) if life.start.is_some() => {
                life.end = Some(End { t, exit_code: None });
                life.restarted = true;
                self.ends += 1;
            }
            // What was said since the last end was said about this life.
            Some(life) => {
                next = std::mem::replace(life, Life::new(id, None));
                next.start = Some(t);
                self.lives.retain(|life| life.id != id || life.end.is_some());
                self.totals.restarts += u64::from(self.last_end.as_ref().is_some_and(unasked));
            }
            None => {
                self.totals.restarts += u64::from(self.last_end.as_ref().is_some_and(unasked));
            }
        }
        self.lives.push(next);
        let before = self.current.replace(id.to_owned());
        before.is_some_and(|before| before != id)
    }

    /// This container was seen under the name. One that takes another's place during a reset of the
    /// runner's own, or is the first, is no recreation when it starts again.
    pub fn seen(&mut self, id: &str, resetting: bool) {
        if resetting || self.current.is_none() {
            self.current = Some(id.to_owned());
        }
    }

    pub fn oom(&mut self, id: &str, t: f64) {
        let mine = |life: &&mut Life| life.id == id && decide::claims_event(life, t);
        if let Some(life) = self.lives.iter_mut().find(mine) {
            life.ledger.event(t);
        } else {
            self.life(id).ledger.event(t);
        }
    }

    /// The kernel's log has a kill at `t`, told by a program that stamps it up to a second early and
    /// tells it some seconds late. Answers an incident where it makes another one of an end that was
    /// told as a crash.
    pub fn kernel_kill(&mut self, name: &str, id: &str, t: f64) -> Option<Incident> {
        let waiting = |life: &&mut Life| life.id == id && life.ledger.awaits_log(t);
        if let Some(life) = self.lives.iter_mut().rev().find(waiting) {
            life.ledger.log(t);
            return None;
        }
        if self.past.knows(id, t) {
            return None;
        }
        if let Some(incident) = self.past.was_no_crash(name, id, t) {
            self.totals.crashes = self.totals.crashes.saturating_sub(1);
            self.totals.add(&incident);
            return Some(incident);
        }
        const EARLY_S: f64 = 1.0;
        let lived =
            |life: &&mut Life| life.id == id && life.start.is_none_or(|start| start <= t + EARLY_S);
        match self.lives.iter_mut().rev().find(lived) {
            Some(life) => life.ledger.log(t),
            None => self.life(id).ledger.log(t),
        }
        None
    }

    /// The running life of a container, made where none is known.
    pub fn life(&mut self, id: &str) -> &mut Life {
        let running = |life: &Life| life.id == id && life.end.is_none();
        let at = self.lives.iter().rposition(running);
        let at = at.unwrap_or_else(|| {
            self.lives.push(Life::new(id, None));
            self.lives.len() - 1
        });
        self.current.get_or_insert_with(|| id.to_owned());
        &mut self.lives[at]
    }

    /// The running life, else the one that ended last: requests come on either side of an end.
    pub fn latest(&mut self, id: &str) -> &mut Life {
        match self.lives.iter().rposition(|life| life.id == id) {
            Some(at) => &mut self.lives[at],
            None => self.life(id),
        }
    }

    pub fn reading(&mut self, incarnation: u32, t: f64, kills: u64) {
        let begun = |life: &Life| life.start.is_none_or(|start| start <= t);
        let at = self.lives.iter().rposition(begun);
        let life = at.map(|at| &self.lives[at]);
        let anew = self.counter.is_some_and(|(known, _)| known != incarnation);
        if anew && life.is_some_and(|life| life.end.is_some()) {
            // The group of the next life is there before its start is told.
            return;
        }
        // Without a start that was seen, kills before the first reading are not this run's.
        let seen_start = life.is_some_and(|life| life.start.is_some());
        let rise = match self.counter.replace((incarnation, kills)) {
            Some((same, before)) if same == incarnation && kills >= before => kills - before,
            None if !seen_start => 0,
            _ => kills,
        };
        let life = match at {
            Some(at) => &mut self.lives[at],
            None => {
                let id = self.current.clone().unwrap_or_default();
                self.life(&id)
            }
        };
        let refuted = life.ledger.reading(t, rise);
        self.totals.oom_kills = self.totals.oom_kills.saturating_sub(refuted);
    }

    /// `OOMKilled` says something about an end only until the next start.
    pub fn note_flag(&mut self, container: &Container, t: f64) {
        let down = !matches!(container.state, RunState::Running | RunState::Paused);
        let killed = container.oom_killed && container.exit_code == Some(EXIT_KILLED);
        let last = self.lives.iter_mut().rfind(|l| l.id == container.id);
        if let Some(life) = last.filter(|life| life.end.is_some_and(|end| t >= end.t)) {
            life.flagged |= down && killed;
        }
    }

    /// Ends that the restart count knows of and no event told, once events had time to come.
    pub fn lost_ends(&mut self, container: &Container, t: f64) -> Option<u64> {
        const EVENTS_ARE_HERE_S: f64 = 5.0;
        let count = container.restart_count;
        let (base, ends) = *self.restart_base.get_or_insert((count, self.ends));
        if count < base {
            self.restart_base = Some((count, self.ends));
            return None;
        }
        let missing = (count - base).saturating_sub(self.ends - ends);
        match self.missing {
            _ if missing == 0 => self.missing = None,
            Some((_, since)) if t >= since + EVENTS_ARE_HERE_S => {
                self.missing = None;
                self.restart_base = Some((count, self.ends));
                self.totals.restarts += missing;
                return Some(missing);
            }
            Some(_) => {}
            None => self.missing = Some((missing, t)),
        }
        None
    }

    pub fn settle(&mut self, name: &str, now: f64, settle: f64) -> Vec<Incident> {
        let mut told = Vec::new();
        let mut kept = Vec::new();
        for mut life in std::mem::take(&mut self.lives) {
            match life.end {
                Some(end) if now >= end.t + decide::patience(&life, settle) => {
                    told.extend(decide::ended(name, &mut life));
                    let asked = life.request().is_some();
                    self.totals.restarts += u64::from(life.restarted && !asked);
                    self.last_end = Some((life.id.clone(), asked));
                    self.past.add(life, now);
                }
                Some(_) => kept.push(life),
                None => {
                    told.extend(decide::settled_kills(name, &mut life, now, settle));
                    kept.push(life);
                }
            }
        }
        self.lives = kept;
        for incident in &told {
            self.totals.add(incident);
        }
        told
    }
}

impl Totals {
    pub(super) fn add(&mut self, incident: &Incident) {
        self.oom_kills += incident.kills;
        match incident.kind {
            IncidentKind::OomMain => self.oom_ends += 1,
            IncidentKind::Crash => self.crashes += 1,
            IncidentKind::Stopped => self.stops += 1,
            IncidentKind::OomChild
            | IncidentKind::Exit
            | IncidentKind::Restart
            | IncidentKind::Recreated => {}
        }
    }
}
