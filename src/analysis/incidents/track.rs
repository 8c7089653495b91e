//! All lives under one name: which evidence is about which life, by the engine's time.

use std::collections::HashMap;

use super::decide;
use super::life::{EXIT_KILLED, End, Life};
use super::past::Past;
use super::{Incident, IncidentKind, Totals};
use crate::model::{Container, RunState};

/// The engine describes a start some milliseconds before it tells of it, with the same clock.
const SAME_START_S: f64 = 2.0;

/// How the engine described a running container first in this life.
#[derive(Debug, Clone, Copy)]
struct Described {
    incarnation: u32,
    restart_count: u64,
    /// When it was described so, Unix seconds.
    since: f64,
}

/// The last reading of the counter.
#[derive(Debug, Clone, Copy)]
struct Counted {
    incarnation: u32,
    kills: u64,
    /// It is of a group whose life the engine has not described yet.
    ahead: bool,
}

/// What is known about one name.
#[derive(Debug, Default)]
pub(super) struct Track {
    /// Lives that are not decided yet, in order; the last one of an id may be running.
    pub lives: Vec<Life>,
    /// Lives that were decided lately, for witnesses that come late.
    past: Past,
    /// The container that was started last under this name.
    current: Option<String>,
    described: HashMap<String, Described>,
    counter: Option<Counted>,
    /// The last end that was decided: whose, and whether somebody asked for it.
    last_end: Option<(String, bool)>,
    /// Ends seen.
    ends: u64,
    /// The engine's restart count when it was first seen, and the ends seen by then.
    restart_base: Option<(u64, u64)>,
    /// Ends that the restart count knows and no event told of, and since when.
    missing: Option<(u64, f64)>,
    /// When the kills of decided lives were: from, to.
    pub told: Vec<(f64, f64)>,
    pub totals: Totals,
}

impl Track {
    /// A start event; answers whether another container had this name before.
    pub fn start(&mut self, id: &str, t: f64) -> bool {
        if let Some(life) = self.newest(id).filter(|life| life.end.is_none() && !life.start_told)
            && life.start.is_some_and(|start| (t - start).abs() <= SAME_START_S)
        {
            (life.start, life.start_told) = (Some(t), true);
            return false;
        }
        let recreated = self.begin(id, t);
        if let Some(life) = self.newest(id) {
            life.start_told = true;
        }
        recreated
    }

    /// A life begins at `t`, as an event or something else tells.
    fn begin(&mut self, id: &str, t: f64) -> bool {
        let ran_before = self.ran_before(id, t);
        let unasked = |(last, asked): &(String, bool)| last == id && !asked;
        let after_a_decided_end = self.last_end.as_ref().is_some_and(unasked);
        let mut next = Life::new(id, Some(t));
        match self.lives.iter_mut().rfind(|life| life.id == id) {
            Some(life) if life.end.is_some() => life.restarted = true,
            // Its end was not told: the stream of events broke.
            Some(life) if life.start.is_some() || ran_before => {
                life.end = Some(End { t, exit_code: None, presumed: true });
                life.restarted = true;
                self.ends += 1;
            }
            // What was said since the last end was said about this life.
            Some(life) => {
                next = std::mem::replace(life, Life::new(id, None));
                next.start = Some(t);
                self.lives.retain(|life| life.id != id || life.end.is_some());
                match self.newest(id) {
                    Some(ended) => ended.restarted = true,
                    None => self.totals.restarts += u64::from(after_a_decided_end),
                }
            }
            None => self.totals.restarts += u64::from(after_a_decided_end),
        }
        self.lives.push(next);
        let before = self.current.replace(id.to_owned());
        before.is_some_and(|before| before != id)
    }

    /// Whether the container is known to have run before `t`, without an end of it.
    fn ran_before(&self, id: &str, t: f64) -> bool {
        let ended = self.last_end.as_ref().is_some_and(|(last, _)| last == id)
            || self.lives.iter().any(|life| life.id == id && life.end.is_some());
        !ended && self.described.get(id).is_some_and(|seen| seen.since < t - SAME_START_S)
    }

    /// The main process ended. The end may have been presumed already, or be that of a life whose
    /// next one is known.
    pub fn die(&mut self, id: &str, t: f64, exit_code: Option<i64>, expected: bool) {
        let end = End { t, exit_code, presumed: false };
        let presumed = |life: &&mut Life| {
            life.id == id && life.end.is_some_and(|e| e.presumed && t <= e.t + SAME_START_S)
        };
        if let Some(life) = self.lives.iter_mut().find(presumed) {
            life.end = Some(end);
            life.expected = expected;
            return;
        }
        self.ends += 1;
        let life = self.life(id);
        if life.start.is_none_or(|start| start <= t) {
            life.end = Some(end);
            life.expected = expected;
        }
    }

    /// This container was seen under the name. One that takes another's place during a reset of the
    /// runner's own, or is the first, is no recreation when it starts again.
    pub fn seen(&mut self, id: &str, resetting: bool) {
        if resetting || self.current.is_none() {
            self.current = Some(id.to_owned());
        }
    }

    /// How the engine described a container at `t`: another life than it described before has
    /// begun, whether an event tells of it, has told, or was lost.
    pub fn describe(&mut self, container: &Container, t: f64, resetting: bool) {
        if !matches!(container.state, RunState::Running | RunState::Paused) {
            return;
        }
        let now = Described {
            incarnation: container.incarnation,
            restart_count: container.restart_count,
            since: t,
        };
        let Some(before) = self.described.get(&container.id).copied() else {
            self.described.insert(container.id.clone(), now);
            return;
        };
        if now.incarnation <= before.incarnation {
            return;
        }
        let id = &container.id;
        let by_policy = now.restart_count > before.restart_count;
        let began = container.started_at.as_deref().and_then(unix_seconds).unwrap_or(t);
        let known = self.newest(id).is_some_and(|life| {
            life.end.is_none() && life.start.is_some_and(|start| start >= began - SAME_START_S)
        });
        if !known && resetting {
            self.lives.retain(|life| life.id != *id || life.end.is_some());
            self.lives.push(Life::new(id, Some(began)));
        } else if !known {
            self.begin(id, began);
        }
        if let Some(ended) = self.lives.iter_mut().rfind(|l| l.id == *id && l.end.is_some()) {
            ended.by_policy |= by_policy;
        }
        self.described.insert(id.clone(), now);
    }

    /// The engine's `oom` event. It belongs to the life that it falls into by the engine's time; one
    /// that comes just after an end belongs to that end, unless the next life had begun.
    pub fn oom(&mut self, name: &str, id: &str, t: f64) -> Option<Incident> {
        let unexplained = |life: &&mut Life| life.id == id && decide::claims_event(life, t);
        if let Some(life) = self.lives.iter_mut().find(unexplained) {
            life.ledger.event(t);
            return None;
        }
        let begun = |life: &&mut Life| life.id == id && life.start.is_none_or(|start| start <= t);
        let newest = self.lives.iter_mut().rev().find(begun);
        if let Some(life) = newest.filter(|life| decide::is_in_time(life, t)) {
            life.ledger.event(t);
            return None;
        }
        // A life that runs now may have begun later; then it is about one that was decided.
        let runs = |life: &Life| life.id == id && life.start.is_none_or(|start| start <= t);
        if self.lives.iter().any(runs) || !self.past.ended_about(id, t) {
            self.life(id).ledger.event(t);
            return None;
        }
        if self.past.knows_event(id, t) {
            return None;
        }
        let incident = self.past.had_an_event(name, id, t)?;
        self.correct(&incident);
        Some(incident)
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
        if let Some(incident) = self.past.had_a_logged_kill(name, id, t) {
            self.correct(&incident);
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

    /// A kill that became known after its end was told without it.
    fn correct(&mut self, incident: &Incident) {
        let was_a_crash = incident.kind == IncidentKind::OomMain;
        self.totals.crashes = self.totals.crashes.saturating_sub(u64::from(was_a_crash));
        self.totals.add(incident);
    }

    fn newest(&mut self, id: &str) -> Option<&mut Life> {
        self.lives.iter_mut().rfind(|life| life.id == id)
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

    /// What was told since is heard of at `now`.
    pub fn heard(&mut self, now: f64) {
        for kill in self.lives.iter_mut().flat_map(|life| &mut life.ledger.kills) {
            kill.heard.get_or_insert(now);
        }
    }

    /// Whether a counter of its own was ever read.
    pub fn is_counted(&self) -> bool {
        self.counter.is_some()
    }

    /// The life that a reading at `t` is about; none where it is of the group of the next one, whose
    /// start is not told yet.
    fn life_read(&mut self, incarnation: u32, t: f64) -> Option<&mut Life> {
        let begun = |life: &Life| life.start.is_none_or(|start| start <= t);
        let at = self.lives.iter().rposition(begun);
        let anew = self.counter.is_some_and(|known| known.incarnation != incarnation);
        match at {
            Some(at) if anew && self.lives[at].end.is_some() => None,
            Some(at) => Some(&mut self.lives[at]),
            None => {
                let id = self.current.clone().unwrap_or_default();
                Some(self.life(&id))
            }
        }
    }

    /// The kernel's counter, read at `t`.
    pub fn reading(&mut self, incarnation: u32, t: f64, kills: u64) {
        let before = self.counter;
        let fell = before.filter(|k| k.incarnation == incarnation && kills < k.kills && !k.ahead);
        let was_killed = self.lives.last().is_some_and(Life::was_killed_empty);
        if let Some(known) = fell.filter(|_| was_killed) {
            // The same group cannot count backwards: it was made anew, and nobody has told.
            self.renewed(t);
            self.counter = Some(Counted { kills: 0, ahead: true, ..known });
        }
        let Some(life) = self.life_read(incarnation, t) else { return };
        let (start, seen_start) = (life.start, life.start.is_some());
        let now = Counted { incarnation, kills, ahead: false };
        let rise = match self.counter {
            Some(known) if known.ahead => kills.saturating_sub(known.kills),
            Some(known) if known.incarnation == incarnation && kills >= known.kills => {
                kills - known.kills
            }
            // Without a start that was seen, kills before the first reading are not this run's.
            None if !seen_start => 0,
            _ => kills,
        };
        let ahead = self.counter.is_some_and(|k| k.ahead && k.incarnation == incarnation);
        self.counter = Some(Counted { ahead, ..now });
        let Some(life) = self.life_read(incarnation, t) else { return };
        let id = life.id.clone();
        let refuted = life.ledger.reading(t, rise, start);
        for kill in refuted {
            self.totals.oom_kills -= u64::from(kill.reported).min(self.totals.oom_kills);
            // It can have been about the life before, whose group was gone by then.
            let before =
                |life: &&mut Life| life.id == id && decide::ended_just_before(life, kill.t);
            if let Some(life) = self.lives.iter_mut().find(before).filter(|_| !kill.reported) {
                life.ledger.event(kill.t);
            }
        }
    }

    /// So many tasks were in the container's group at `t`.
    pub fn tasks(&mut self, incarnation: u32, t: f64, count: u64) {
        let another = self.life_read(incarnation, t).is_some_and(|life| life.tasks(t, count));
        if another {
            self.renewed(t);
            if let Some(life) = self.life_read(incarnation, t) {
                life.tasks(t, count);
            }
        }
    }

    /// The group is another one than at the reading before: its container was started again while
    /// the engine told nothing.
    fn renewed(&mut self, t: f64) {
        let Some(life) = self.lives.last_mut().filter(|life| life.end.is_none()) else { return };
        let last = [life.tasks.alive, life.ledger.last_reading].into_iter().flatten();
        life.tasks.empty = life.tasks.empty.or(last.reduce(f64::max));
        let id = life.id.clone();
        life.end = Some(End { t, exit_code: None, presumed: true });
        life.restarted = true;
        self.ends += 1;
        self.lives.push(Life::new(&id, Some(t)));
        if let Some(counter) = &mut self.counter {
            counter.ahead = true;
        }
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
                    self.totals.about |= life.ledger.about;
                    self.last_end = Some((life.id.clone(), asked));
                    self.told.extend(life.ledger.kills.iter().map(|kill| kill.span()));
                    self.past.add(life, now);
                }
                Some(_) => kept.push(life),
                None => {
                    told.extend(decide::settled_kills(name, &mut life, now, settle));
                    self.totals.about |= life.ledger.about;
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

/// A time as the engine writes it, Unix seconds.
fn unix_seconds(text: &str) -> Option<f64> {
    let time = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    Some(time.timestamp() as f64 + f64::from(time.timestamp_subsec_nanos()) / 1e9)
}
