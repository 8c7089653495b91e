//! OOM and restart truth: what happened to a container, from witnesses none of which is enough.
//!
//! - The engine's `oom` event comes once per kill, now and then late or never, and on cgroup v1 also
//!   when a group hangs at its limit with its killer switched off.
//!   Several may come for one kill there.
//! - The kernel's own counter is exact, but goes away with the group when the main process is killed.
//! - The machine's counter is exact and stays, but has everybody's kills: there are no more of the
//!   stack's than of the machine's.
//! - A group without a process tells that the main one is gone, while the engine may hang.
//! - The kernel's log, as cAdvisor reads it, has every kill, but comes seconds late.
//! - `OOMKilled` means "some process of this run was killed", is set at different moments by different
//!   engines, and can be missed. It is used only where nothing else spoke.
//! - Exit code 137 is any SIGKILL; a shell whose child was killed also ends with it.
//!
//! A [`Classifier`] is fed in order, live or from a run folder ([`replay`]), and counts each kill
//! once: an event and a rise of the counter are witnesses of the same kill. A plain crash is never
//! called OOM. [`missed_kills`] checks the sum against totals that outlive every container.

use serde::{Deserialize, Serialize};

mod classifier;
mod decide;
mod ledger;
mod life;
mod machine;
mod missed;
mod of_dataset;
mod past;
mod replay;
mod track;

#[cfg(test)]
mod fixture_tests;
#[cfg(test)]
mod journal_tests;
#[cfg(test)]
mod tests;

pub use classifier::{Classifier, Group};
pub use missed::{MissedKills, Total, missed_kills};
pub use of_dataset::{InScenario, counts, describe, of_dataset, oom_events};
pub use replay::{Outcome, feed_tick, replay};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentKind {
    /// An OOM kill ended the container: its main process was killed, or ended with 137 because its
    /// child was (a shell does that; the two look the same from outside).
    OomMain,
    /// The kernel killed another process of the container; the main one went on, or ended later by
    /// itself.
    OomChild,
    /// The main process ended by itself with a code that is not 0, or with one that nobody knows.
    Crash,
    /// The same container was started again; nothing tells how it ended, or who asked for it
    /// (Prometheus knows no events).
    Restart,
    /// The main process ended by itself with code 0.
    Exit,
    /// Somebody asked the engine to stop, kill or restart it.
    Stopped,
    /// Another container took its place under the same name.
    Recreated,
}

impl IncidentKind {
    /// Whether the kernel killed something for memory.
    #[must_use]
    pub fn is_oom(self) -> bool {
        matches!(self, IncidentKind::OomMain | IncidentKind::OomChild)
    }
}

/// How sure the verdict is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// It rests on one weak witness (a flag, a restart count).
    Low,
    /// One good witness, nothing against it.
    Medium,
    /// Witnesses agree, or one was exact.
    High,
}

/// Something that happened to a container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// The container's key.
    pub container: String,
    /// When, Unix seconds: of an OOM kill its event or the first counter reading with it, else the
    /// end of the main process.
    pub t: f64,
    /// What.
    pub kind: IncidentKind,
    /// OOM kills that this incident stands for: each kill is in one incident only.
    pub kills: u64,
    /// Exit code of a main process that ended; of a child's kill, where that end followed from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// What it was concluded from, in words.
    pub evidence: Vec<String>,
    /// How sure it is.
    pub confidence: Confidence,
}

/// Sums of one container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// OOM kills of any of its processes.
    pub oom_kills: u64,
    /// Ends of the container by an OOM kill.
    pub oom_ends: u64,
    /// Ends by itself with a code that is not 0.
    pub crashes: u64,
    /// Starts after an end that nobody asked for.
    pub restarts: u64,
    /// Ends that somebody asked for.
    pub stops: u64,
    /// Times that another container took its place.
    pub recreations: u64,
    /// The number of kills is not certain: witnesses contradict each other, or cannot be told apart.
    pub about: bool,
}
