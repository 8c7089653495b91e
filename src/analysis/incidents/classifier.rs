//! The classifier: takes evidence in the order it comes, and tells what happened once it is settled.

use std::collections::BTreeMap;

use super::life::{EXIT_KILLED, End};
use super::track::Track;
use super::{Confidence, Incident, IncidentKind, Totals};
use crate::model::{Container, RunState, StackEvent, StackEventKind};

/// Tells OOM kills, crashes, stops and recreations apart, counting each kill once.
///
/// All times are Unix seconds. Feed it with [`push`](Classifier::push),
/// [`counter`](Classifier::counter) and [`observe`](Classifier::observe) as things come;
/// [`poll`](Classifier::poll) answers what is settled, [`finish`](Classifier::finish) the rest.
#[derive(Debug)]
pub struct Classifier {
    settle: f64,
    resetting: bool,
    tracks: BTreeMap<String, Track>,
    names: BTreeMap<String, String>,
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
            resetting: false,
            tracks: BTreeMap::new(),
            names: BTreeMap::new(),
            ready: Vec::new(),
        }
    }

    /// While the runner itself resets or ends the stack, stops and recreations are its own doing
    /// and no incidents. Crashes and OOM kills still are.
    pub fn set_resetting(&mut self, resetting: bool) {
        self.resetting = resetting;
    }

    /// An event of the stack.
    pub fn push(&mut self, event: &StackEvent) {
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
            StackEventKind::Oom => track.oom(&event.id, event.t),
            StackEventKind::KernelOom { .. } => {
                self.ready.extend(track.kernel_kill(&name, &event.id, event.t));
            }
            StackEventKind::Die { exit_code } => {
                track.ends += 1;
                let life = track.life(&event.id);
                life.end = Some(End { t: event.t, exit_code: *exit_code });
                life.expected = resetting;
            }
            StackEventKind::Kill { signal } => {
                track.latest(&event.id).kill_request(event.t, *signal);
            }
            StackEventKind::Stop | StackEventKind::Restart => {
                track.latest(&event.id).stop_request(event.t);
            }
            StackEventKind::Create
            | StackEventKind::Update
            | StackEventKind::Pause
            | StackEventKind::Unpause
            | StackEventKind::Destroy
            | StackEventKind::Health { .. }
            | StackEventKind::StreamGap { .. } => {}
        }
    }

    /// The kernel's counter of OOM kills of a container's group, read at `t`. It starts at 0 in a
    /// new incarnation.
    pub fn counter(&mut self, name: &str, incarnation: u32, t: f64, kills: u64) {
        let track = self.tracks.entry(name.to_owned()).or_default();
        track.reading(incarnation, t, kills);
    }

    /// A container as the engine described it at `t`.
    pub fn observe(&mut self, container: &Container, t: f64) {
        self.names.insert(container.id.clone(), container.name.clone());
        let track = self.tracks.entry(container.name.clone()).or_default();
        track.seen(&container.id, self.resetting);
        track.note_flag(container, t);
        if let Some(lost) = track.lost_ends(container, t) {
            let incident = unseen_end(container, t, lost);
            track.totals.add(&incident);
            self.ready.push(incident);
        }
    }

    /// What is settled by `now`, in order of time.
    pub fn poll(&mut self, now: f64) -> Vec<Incident> {
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
