//! One phase while it runs: when its next tick and batch are due, and what ends it.

use std::time::Duration;

use crate::config::{Action, PhaseConfig};
use crate::model::event::Trigger;

/// What the session knows when it asks whether a phase is over.
#[derive(Debug, Clone, Default)]
pub struct Situation {
    /// Seconds on the run's clock.
    pub now: f64,
    /// The load says that it is drained.
    pub drained: bool,
    /// The level asked for is there.
    pub level_reached: bool,
    /// The threshold that the rolling window reaches now.
    pub threshold: Option<Trigger>,
    /// An OOM kill was seen in this scenario, by the container's key.
    pub oom: Option<String>,
    /// The load failed for good, and why.
    pub load_failed: Option<String>,
}

/// What ended a phase.
#[derive(Debug, Clone, PartialEq)]
pub enum PhaseEnd {
    /// Its time.
    After,
    /// The load is drained.
    Drained,
    /// The level asked for is there.
    LevelReached,
    /// A threshold.
    Threshold(Trigger),
    /// Its time was over before the condition it waited for was met.
    TimedOut(&'static str),
    /// A container was OOM-killed.
    Oom(String),
    /// The load failed.
    LoadFailed(String),
    /// Ctrl-C or SIGTERM.
    Interrupted,
}

impl PhaseEnd {
    /// The word for it in events.jsonl.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            PhaseEnd::After => "after",
            PhaseEnd::Drained => "drained",
            PhaseEnd::LevelReached => "level_reached",
            PhaseEnd::Threshold(_) => "threshold",
            PhaseEnd::TimedOut(what) => what,
            PhaseEnd::Oom(_) => "oom",
            PhaseEnd::LoadFailed(_) => "load_failed",
            PhaseEnd::Interrupted => "interrupt",
        }
    }
}

/// A phase that runs.
#[derive(Debug, Clone)]
pub struct PhaseRun<'a> {
    phase: &'a PhaseConfig,
    start: f64,
    ticks: u64,
    next_batch: Option<f64>,
}

/// Ticks fall on multiples of the interval; this much is forgiven when comparing times.
const EPSILON: f64 = 1e-3;

impl<'a> PhaseRun<'a> {
    /// Begins a phase at `start`.
    #[must_use]
    pub fn new(phase: &'a PhaseConfig, start: f64) -> PhaseRun<'a> {
        let ramps = phase.actions.iter().any(|action| matches!(action, Action::Ramp { .. }));
        PhaseRun { phase, start, ticks: 0, next_batch: ramps.then_some(start) }
    }

    /// When it began.
    #[must_use]
    pub fn start(&self) -> f64 {
        self.start
    }

    /// When its next tick is due. The schedule does not drift: it is counted from the start of the
    /// phase, whatever a tick costs.
    #[must_use]
    pub fn next_tick(&self) -> f64 {
        self.start + (self.ticks + 1) as f64 * self.phase.interval.as_secs_f64()
    }

    /// Counts a tick. Of the ticks that fell due while a slow one ran the last is taken late, those
    /// before it are skipped; answers how many.
    pub fn ticked(&mut self, now: f64) -> u64 {
        let interval = self.phase.interval.as_secs_f64();
        let passed = ((now - self.start) / interval).floor().max(0.0) as u64;
        let due = self.ticks + 1;
        self.ticks = due.max(passed.saturating_sub(1));
        self.ticks - due
    }

    /// The batch to add now, if one is due. Missed ones are not made up for: load comes one batch
    /// at a time, and after a late one the pace goes on from there.
    pub fn batch_due(&mut self, now: f64) -> Option<u32> {
        let due = self.next_batch.filter(|due| now + EPSILON >= *due)?;
        let (batch, every) = self.ramp()?;
        let mut next = due + every.as_secs_f64();
        if next <= now + EPSILON {
            next = now + every.as_secs_f64();
        }
        self.next_batch = Some(next);
        Some(batch)
    }

    /// When the next batch is due.
    #[must_use]
    pub fn next_batch(&self) -> Option<f64> {
        self.next_batch
    }

    /// When its time is over, where it has one.
    #[must_use]
    pub fn end(&self) -> Option<f64> {
        self.phase.until.after.map(|after| self.start + after.as_secs_f64())
    }

    /// Whether it is over, and why. Bad news comes first; a condition that is met at the very end
    /// counts as met.
    #[must_use]
    pub fn judge(&self, now: &Situation) -> Option<PhaseEnd> {
        let until = &self.phase.until;
        if let Some(container) = &now.oom {
            return Some(PhaseEnd::Oom(container.clone()));
        }
        if let Some(why) = &now.load_failed {
            return Some(PhaseEnd::LoadFailed(why.clone()));
        }
        if let Some(judged) = now.threshold.as_ref().filter(|_| until.threshold) {
            return Some(PhaseEnd::Threshold(judged.clone()));
        }
        if until.drained && now.drained {
            return Some(PhaseEnd::Drained);
        }
        if until.level_reached && now.level_reached {
            return Some(PhaseEnd::LevelReached);
        }
        if self.end().is_none_or(|end| now.now + EPSILON < end) {
            return None;
        }
        if let Some(judged) = now.threshold.as_ref().filter(|_| until.threshold_at_end) {
            return Some(PhaseEnd::Threshold(judged.clone()));
        }
        Some(match (until.drained, until.level_reached) {
            (true, _) => PhaseEnd::TimedOut("drain_timeout"),
            (_, true) => PhaseEnd::TimedOut("spawn_timeout"),
            _ => PhaseEnd::After,
        })
    }

    fn ramp(&self) -> Option<(u32, Duration)> {
        self.phase.actions.iter().find_map(|action| match action {
            Action::Ramp { batch, every } => Some((*batch, *every)),
            _ => None,
        })
    }
}
