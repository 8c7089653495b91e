//! The machine's own count of OOM kills, or that of the groups above the containers', as an upper
//! bound: what the engine alone tells of and the
//! kernel did not count at that time was no kill.
//!
//! Each kill has a span of time in which the kernel can have done it, each pair of readings a number
//! of kills that it did between them. Kills that are certain take theirs first, then those that ended a
//! container; events that find none left are told away.

use super::decide;
use super::track::Track;

/// The count is read at a slightly other time than a container's own.
const SLACK_S: f64 = 0.5;
/// With more kills than this it is not looked for which ones are too many.
const MOST: usize = 2000;

/// Kills between two readings of the machine's counter.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rise {
    from: f64,
    to: f64,
    kills: u64,
}

/// The machine's counter, as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Machine {
    first: Option<f64>,
    last: Option<(f64, u64)>,
    rises: Vec<Rise>,
    /// When the stream of the engine's events was interrupted: events about then may be late.
    gaps: Vec<f64>,
}

/// An engine that hangs may tell so late what happened.
const HUNG_S: f64 = 60.0;
/// How far from an interruption an event may be late by it.
const ABOUT_GAP_S: f64 = 5.0;

impl Machine {
    pub fn reading(&mut self, t: f64, kills: u64) {
        self.first.get_or_insert(t);
        if let Some((from, before)) = self.last.replace((t, kills))
            && kills > before
        {
            self.rises.push(Rise { from, to: t, kills: kills - before });
        }
    }

    pub fn is_read(&self) -> bool {
        self.last.is_some()
    }

    pub fn gap(&mut self, t: f64) {
        self.gaps.push(t);
    }

    fn covers(&self, (from, to): (f64, f64)) -> bool {
        self.first.is_some_and(|first| first <= from) && self.last.is_some_and(|(t, _)| to <= t)
    }

    fn rises_in(&self, (from, to): (f64, f64)) -> std::ops::Range<usize> {
        let begin = self.rises.partition_point(|rise| rise.to < from - SLACK_S);
        let end = self.rises.partition_point(|rise| rise.from <= to + SLACK_S);
        begin..end.max(begin)
    }

    /// The span of an event that may have been held up with the engine.
    fn late(&self, (from, to): (f64, f64)) -> (f64, f64) {
        let held_up = self.gaps.iter().any(|gap| gap + ABOUT_GAP_S >= from && *gap <= to);
        (if held_up { from - HUNG_S } else { from }, to)
    }
}

/// How much a kill is one without the machine's word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// A counter or the kernel's log has it, or it was told already.
    Certain,
    /// It ended its container.
    Ended,
    /// The engine alone tells of it.
    Event,
}

/// A kill that takes its place among those that the machine counted.
#[derive(Debug, Clone, Copy)]
struct Claim {
    standing: Standing,
    span: (f64, f64),
    /// Track, life and kill; absent for one that was decided.
    place: Option<(usize, usize, usize)>,
}

/// Takes away what the machine did not count.
pub(super) fn reconcile<'a>(machine: &Machine, tracks: impl Iterator<Item = &'a mut Track>) {
    if !machine.is_read() {
        return;
    }
    // Whose counters cannot be read may run on another machine.
    let mut tracks: Vec<&mut Track> = tracks.filter(|track| track.is_counted()).collect();
    for life in tracks.iter_mut().flat_map(|track| &mut track.lives) {
        decide::join_surely(life);
    }
    let mut claims = claims(machine, &tracks);
    if claims.len() > MOST || !claims.iter().any(|claim| claim.standing == Standing::Event) {
        return;
    }
    claims.sort_by_key(|claim| claim.standing);
    let mut matching = Matching::new(machine, &claims);
    let mut refuted: Vec<(usize, usize, usize)> = Vec::new();
    for (index, claim) in claims.iter().enumerate() {
        let found = matching.place(index);
        let Some((track, life, kill)) = claim.place else { continue };
        let life = tracks.get_mut(track).and_then(|track| track.lives.get_mut(life));
        if let Some(kill) = life.and_then(|life| life.ledger.kills.get_mut(kill)) {
            kill.borne_out = found;
        }
        if !found && claim.standing == Standing::Event {
            refuted.extend(claim.place);
        }
    }
    // From the last to the first, so that places stay right.
    refuted.sort_unstable_by(|a, b| b.cmp(a));
    for (track, life, kill) in refuted {
        let life = tracks.get_mut(track).and_then(|track| track.lives.get_mut(life));
        if let Some(life) = life.filter(|life| kill < life.ledger.kills.len()) {
            life.ledger.kills.remove(kill);
        }
    }
}

fn claims(machine: &Machine, tracks: &[&mut Track]) -> Vec<Claim> {
    let mut claims = Vec::new();
    for (track_at, track) in tracks.iter().enumerate() {
        let told = track.told.iter();
        claims.extend(told.map(|span| Claim {
            standing: Standing::Certain,
            span: *span,
            place: None,
        }));
        for (life_at, life) in track.lives.iter().enumerate() {
            let killer = decide::killer(life).filter(|_| life.was_killed_unasked());
            for (kill_at, kill) in life.ledger.kills.iter().enumerate() {
                let alone = kill.witness.event_alone();
                let standing = match (alone && !kill.reported, killer == Some(kill_at)) {
                    (false, _) => Standing::Certain,
                    (true, true) => Standing::Ended,
                    (true, false) => Standing::Event,
                };
                let span = if alone { machine.late(kill.span()) } else { kill.span() };
                claims.push(Claim { standing, span, place: Some((track_at, life_at, kill_at)) });
            }
        }
    }
    claims.retain(|claim| machine.covers(claim.span));
    claims
}

/// Kills and the readings that counted them: as many pairs as there can be, earlier claims first.
struct Matching<'a> {
    machine: &'a Machine,
    claims: &'a [Claim],
    holders: Vec<Vec<usize>>,
}

impl<'a> Matching<'a> {
    fn new(machine: &'a Machine, claims: &'a [Claim]) -> Matching<'a> {
        Matching { machine, claims, holders: vec![Vec::new(); machine.rises.len()] }
    }

    /// Whether the claim finds a kill that the machine counted, others making room where they can.
    fn place(&mut self, claim: usize) -> bool {
        let mut visited = vec![false; self.holders.len()];
        self.find(claim, &mut visited)
    }

    fn find(&mut self, claim: usize, visited: &mut [bool]) -> bool {
        let Some(span) = self.claims.get(claim).map(|claim| claim.span) else { return false };
        for rise in self.machine.rises_in(span) {
            if std::mem::replace(&mut visited[rise], true) {
                continue;
            }
            if (self.holders[rise].len() as u64) < self.machine.rises[rise].kills {
                self.holders[rise].push(claim);
                return true;
            }
            for at in 0..self.holders[rise].len() {
                let other = self.holders[rise][at];
                if self.find(other, visited) {
                    self.holders[rise][at] = claim;
                    return true;
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Classifier, Group, IncidentKind, Total};
    use crate::model::{StackEvent, StackEventKind as Kind};

    fn event(t: f64, kind: Kind) -> StackEvent {
        StackEvent { t, id: "a".into(), name: "web".into(), kind }
    }

    /// A container that is killed `kills` times, every 10 s, with so many events and so many kills of
    /// the machine each time; its own counter goes with its group.
    fn killed(kills: u32, events: u32, machine: u64, tasks: u64) -> (u64, usize, bool) {
        let mut classifier = Classifier::offline();
        classifier.push(&event(0.0, Kind::Start));
        for second in 1..=kills * 10 + 12 {
            let now = f64::from(second);
            let so_far = u64::from(second.saturating_sub(1) / 10).min(u64::from(kills));
            classifier.total(Total::Machine, now, 70 + so_far * machine);
            let group = Group { kills: Some(0), tasks: Some(tasks) };
            classifier.group("web", so_far as u32, now, group);
            if second % 10 == 0 && second / 10 <= kills {
                for n in 0..events {
                    classifier.push(&event(now + 0.3 + f64::from(n) * 0.2, Kind::Oom));
                }
                let ended = now + 0.3 + f64::from(events) * 0.2;
                classifier.push(&event(ended, Kind::Die { exit_code: Some(137) }));
                classifier.push(&event(ended + 0.1, Kind::Start));
            }
        }
        let incidents = classifier.finish();
        let mains = incidents.iter().filter(|i| i.kind == IncidentKind::OomMain).count();
        let totals = classifier.totals()["web"];
        assert_eq!(totals.restarts, u64::from(kills));
        (totals.oom_kills, mains, totals.about)
    }

    #[test]
    fn events_beyond_what_the_machine_counted_are_no_kills() {
        for events in 1..=3 {
            assert_eq!(killed(24, events, 1, 5), (24, 24, false), "{events} events a kill");
        }
    }

    #[test]
    fn events_that_the_machine_bears_out_are_kills_of_their_own() {
        assert_eq!(killed(4, 3, 3, 5), (12, 4, false));
    }

    #[test]
    fn what_others_on_the_machine_lost_makes_no_kill_here() {
        assert_eq!(killed(4, 1, 3, 5), (4, 4, false));
    }
}
