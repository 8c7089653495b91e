//! The classifier: takes evidence in the order it comes, and tells what happened once it is settled.

use std::collections::BTreeMap;

use super::life::EXIT_KILLED;
use super::machine::{Machine, reconcile};
use super::track::Track;
use super::{Confidence, Incident, IncidentKind, Total, Totals};
use crate::model::{Container, RunState, StackEvent, StackEventKind};

/// What one reading tells of a container's group; absent what was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Group {
    /// OOM kills in it so far, by the kernel's counter, which begins at 0 in a new incarnation.
    pub kills: Option<u64>,
    /// Tasks in it.
    pub tasks: Option<u64>,
}

/// Tells OOM kills, crashes, stops and recreations apart, counting each kill once.
///
/// All times are Unix seconds. Feed it with [`push`](Classifier::push), [`group`](Classifier::group),
/// `machine` and [`observe`](Classifier::observe) as things come;
/// [`poll`](Classifier::poll) answers what is settled, [`finish`](Classifier::finish) the rest.
#[derive(Debug)]
pub struct Classifier {
    settle: f64,
    now: f64,
    resetting: bool,
    tracks: BTreeMap<String, Track>,
    names: BTreeMap<String, String>,
    machine: Machine,
    groups: Machine,
    ready: Vec<Incident>,
}

impl Classifier {
    /// For use while things happen: a verdict 1.5 s after the event. A kill whose container ends
    /// much later is told twice then, first as a child's, and still counted once.
    #[must_use]
    pub fn live() -> Classifier {
        Classifier::new(1.5)
    }

    /// For records: it waits as long as any witness was ever late.
    #[must_use]
    pub fn offline() -> Classifier {
        Classifier::new(12.0)
    }

    fn new(settle: f64) -> Classifier {
        Classifier {
            settle,
            now: f64::NEG_INFINITY,
            resetting: false,
            tracks: BTreeMap::new(),
            names: BTreeMap::new(),
            machine: Machine::default(),
            groups: Machine::default(),
            ready: Vec::new(),
        }
    }

    /// While the runner itself resets or ends the stack, stops and recreations are its own doing
    /// and no incidents. Crashes and OOM kills still are.
    pub fn set_resetting(&mut self, resetting: bool) {
        self.resetting = resetting;
    }

    /// It is `now`: what is pushed next is heard of then, whenever it happened.
    pub fn hear(&mut self, now: f64) {
        self.now = now;
    }

    /// An event of the stack.
    pub fn push(&mut self, event: &StackEvent) {
        if let StackEventKind::StreamGap { .. } = event.kind {
            self.machine.gap(event.t);
            self.groups.gap(event.t);
            return;
        }
        let name = self.name_of(event);
        let resetting = self.resetting;
        let track = self.tracks.entry(name.clone()).or_default();
        match &event.kind {
            StackEventKind::Start => {
                let recreated = track.start(&event.id, event.t);
                if recreated && !resetting {
                    track.totals.recreations += 1;
                    self.ready.push(recreation(&name, event));
                }
            }
            StackEventKind::Oom => self.ready.extend(track.oom(&name, &event.id, event.t)),
            StackEventKind::KernelOom { .. } => {
                self.ready.extend(track.kernel_kill(&name, &event.id, event.t));
            }
            StackEventKind::Die { exit_code } => {
                track.die(&event.id, event.t, *exit_code, resetting);
            }
            StackEventKind::Kill { signal } => {
                track.latest(&event.id).kill_request(event.t, *signal);
            }
            StackEventKind::Stop | StackEventKind::Restart => {
                track.latest(&event.id).stop_request(event.t);
            }
            StackEventKind::Pause => track.latest(&event.id).paused(event.t),
            StackEventKind::Unpause => track.latest(&event.id).unpaused(event.t),
            StackEventKind::Create
            | StackEventKind::Update
            | StackEventKind::Destroy
            | StackEventKind::Health { .. }
            | StackEventKind::StreamGap { .. } => {}
        }
        track.heard(self.now);
    }

    /// What was read of a container's group at `t`.
    pub fn group(&mut self, name: &str, incarnation: u32, t: f64, group: Group) {
        let track = self.tracks.entry(name.to_owned()).or_default();
        if let Some(kills) = group.kills {
            track.reading(incarnation, t, kills);
        }
        if let Some(tasks) = group.tasks {
            track.tasks(incarnation, t, tasks);
        }
    }

    /// A count of OOM kills that outlives containers, read at `t`.
    pub fn total(&mut self, total: Total, t: f64, kills: u64) {
        match total {
            Total::Machine => self.machine.reading(t, kills),
            Total::Groups => self.groups.reading(t, kills),
        }
    }

    /// A container as the engine described it at `t`.
    pub fn observe(&mut self, container: &Container, t: f64) {
        self.names.insert(container.id.clone(), container.name.clone());
        let track = self.tracks.entry(container.name.clone()).or_default();
        track.seen(&container.id, self.resetting);
        track.describe(container, t, self.resetting);
        track.note_flag(container, t);
        if let Some(lost) = track.lost_ends(container, t) {
            let incident = unseen_end(container, t, lost);
            track.totals.add(&incident);
            self.ready.push(incident);
        }
    }

    /// What is settled by `now`, in order of time.
    pub fn poll(&mut self, now: f64) -> Vec<Incident> {
        // The nearest total decides: the machine's has the kills of everybody.
        let total = if self.groups.is_read() { &self.groups } else { &self.machine };
        reconcile(total, self.tracks.values_mut());
        for (name, track) in &mut self.tracks {
            let incidents = track.settle(name, now, self.settle);
            self.ready.extend(incidents);
        }
        let mut told = std::mem::take(&mut self.ready);
        told.sort_by(|a, b| a.t.total_cmp(&b.t));
        told
    }

    /// Everything that is left, as far as it can be told.
    pub fn finish(&mut self) -> Vec<Incident> {
        self.poll(f64::INFINITY)
    }

    /// Sums by container, of what was told so far.
    #[must_use]
    pub fn totals(&self) -> BTreeMap<String, Totals> {
        self.tracks.iter().map(|(name, track)| (name.clone(), track.totals)).collect()
    }

    fn name_of(&mut self, event: &StackEvent) -> String {
        if event.name.is_empty() {
            let known = self.names.get(&event.id);
            return known.unwrap_or(&event.id).clone();
        }
        if !self.names.contains_key(&event.id) {
            self.names.insert(event.id.clone(), event.name.clone());
        }
        event.name.clone()
    }
}

fn recreation(name: &str, event: &StackEvent) -> Incident {
    let short = event.id.get(..12).unwrap_or(&event.id);
    Incident {
        container: name.to_owned(),
        t: event.t,
        kind: IncidentKind::Recreated,
        kills: 0,
        exit_code: None,
        evidence: vec![format!("the container {short} was started under its name")],
        confidence: Confidence::High,
    }
}

fn unseen_end(container: &Container, t: f64, lost: u64) -> Incident {
    let down = !matches!(container.state, RunState::Running | RunState::Paused);
    let oom = down && container.oom_killed && container.exit_code == Some(EXIT_KILLED);
    let mut evidence =
        vec![format!("the engine's restart count rose by {lost} more than events told")];
    if oom {
        evidence.push(format!("exit code {EXIT_KILLED} and the engine's OOMKilled"));
    }
    Incident {
        container: container.name.clone(),
        t,
        kind: if oom { IncidentKind::OomMain } else { IncidentKind::Crash },
        kills: u64::from(oom),
        exit_code: container.exit_code.filter(|_| down),
        evidence,
        confidence: Confidence::Low,
    }
}
