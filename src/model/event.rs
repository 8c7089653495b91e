//! Events: what happens between ticks. The stack reports [`StackEvent`]s; the run folder's
//! `events.jsonl` holds [`Event`]s.

use serde::{Deserialize, Serialize};

/// What the stack says about one container, as it happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StackEvent {
    /// Wall clock, Unix seconds, as the engine stamps it. In a line of the journal `t` is already
    /// the time at which it was recorded.
    #[serde(rename = "engine_t")]
    pub t: f64,
    /// The container's id.
    pub id: String,
    /// The container's key, where it is known.
    pub name: String,
    /// What happened.
    #[serde(flatten)]
    pub kind: StackEventKind,
}

/// What can happen to a container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum StackEventKind {
    /// The container was made.
    Create,
    /// Its main process started.
    Start,
    /// The kernel killed one of its processes for memory (the engine's `oom` event).
    Oom,
    /// The kernel's log has an OOM kill of one of its processes, as another program read it there.
    KernelOom {
        /// The victim.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        process: Option<String>,
        /// Its pid on the host.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pid: Option<u32>,
    },
    /// Its main process ended.
    Die {
        /// Exit code; 137 is any SIGKILL.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit_code: Option<i64>,
    },
    /// Somebody asked the engine to send a signal.
    Kill {
        /// The signal's number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<i32>,
    },
    /// Somebody asked the engine to stop it.
    Stop,
    /// Somebody asked the engine to restart it.
    Restart,
    /// Somebody changed its settings, a limit among them.
    Update,
    /// Somebody froze it.
    Pause,
    /// Somebody thawed it.
    Unpause,
    /// It was removed.
    Destroy,
    /// Its health changed.
    Health {
        /// `healthy`, `unhealthy` or `starting`.
        status: String,
    },
    /// The stream of events broke and was opened anew: something may have been missed.
    StreamGap {
        /// Why.
        reason: String,
    },
}

/// One line of `events.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Monotonic seconds since the start of the run.
    pub at: f64,
    /// Wall clock, Unix seconds: a label.
    pub t: f64,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What the run folder records between ticks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// A scenario begins (before its reset).
    ScenarioStart {
        /// Key in results.json.
        scenario: String,
        /// Its resolved parameters.
        params: serde_json::Value,
    },
    /// A scenario is over.
    ScenarioEnd {
        /// Key in results.json.
        scenario: String,
        /// It did not run to its own end.
        aborted: bool,
        /// Why not (`oom`, `user_interrupt`, `insufficient_agents`, `reset_failed`, ...).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// What the scenario found out live (trigger, levels): the record of results.json.
        #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
        metadata: serde_json::Value,
    },
    /// A scenario did not run at all.
    ScenarioSkipped {
        /// Key in results.json.
        scenario: String,
        /// Why, with the flag or scenario that would give what it lacks.
        reason: String,
    },
    /// A phase begins: the first tick that may belong to it comes after this.
    PhaseStart {
        /// Key in results.json.
        scenario: String,
        /// The phase.
        phase: String,
        /// Its index within the scenario, from 0.
        index: u32,
        /// Sampling interval, seconds.
        interval_s: f64,
        /// Planned length, seconds, where it has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        planned_s: Option<f64>,
        /// Load level in force: asked for in this phase or one before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        level: Option<u32>,
        /// Speed multiplier in force.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        speed: Option<f64>,
        /// Whether its ticks are results (a warm-up's are not).
        sampled: bool,
    },
    /// A phase is over.
    PhaseEnd {
        /// Key in results.json.
        scenario: String,
        /// The phase.
        phase: String,
        /// Its index.
        index: u32,
        /// What ended it (`after`, `drained`, `threshold`, `drain_timeout`, `oom`, `interrupt`).
        reason: String,
    },
    /// The stack was reset, or brought up.
    Reset {
        /// What was done, in words.
        what: String,
        /// Seconds it took.
        seconds: f64,
    },
    /// The load was told to do something, and did it or not.
    Load {
        /// `reach`, `pause`, `resume`, `speed`, `reset`, `start`, `stop`, `only`.
        action: String,
        /// The task that `only` is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        task: Option<String>,
        /// Level or speed asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<f64>,
        /// Level asked for so far.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        queued: Option<u32>,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// A stop condition or warning threshold was reached.
    Threshold {
        /// The record of what was reached.
        trigger: Trigger,
        /// Whether it ended the phase, or is a warning.
        warning: bool,
    },
    /// Something happened to a container.
    Stack(StackEvent),
    /// A container as it was found: at the start of a scenario, after a restart or recreation.
    Container(Box<super::Container>),
    /// A figure's source changed, or a source failed or came back.
    Source {
        /// Which.
        source: super::SourceKind,
        /// What and why.
        message: String,
    },
    /// Last words of a container that died, was killed or stays unhealthy were saved.
    LastWords {
        /// The container's key.
        name: String,
        /// File in the run folder.
        file: String,
    },
    /// A scenario goes on for one more cycle, to confirm leaks.
    Confirm {
        /// Key in results.json.
        scenario: String,
        /// The containers that need it.
        containers: Vec<String>,
    },
    /// A hook ran at the border of a scenario or phase.
    Hook(HookRun),
    /// A warning that belongs in the report.
    Warning {
        /// In words.
        message: String,
    },
    /// Something that belongs to the end of the run could not be done.
    Unfinished(Unfinished),
    /// The user or the system asked for an end.
    Interrupt {
        /// `SIGINT`, `SIGTERM` or `SIGHUP`.
        signal: String,
    },
    /// The run is complete.
    RunEnd {
        /// Why it was aborted, where it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        abort_reason: Option<String>,
    },
}

/// What was left undone at the end of a run: a stack that is still up, results that are not written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    /// What, and why.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// What a hook did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HookRun {
    /// Its name.
    pub hook: String,
    /// `before` or `after`.
    pub when: String,
    /// Key of the scenario in results.json.
    pub scenario: String,
    /// The phase; absent: the border of the scenario.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Seconds it took.
    pub seconds: f64,
    /// Whether it did what it was meant to.
    pub ok: bool,
    /// What went wrong, or what there is to say, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Its output, as a path within the run folder; absent where it said nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// Which container and which figure reached which threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    /// The container's key, or `host`, `load` or `metric`.
    pub container: String,
    /// `memory`, `cpu`, `oom`, `throttled`, `psi_memory`, `failed` (of the load: the share of its
    /// requests that failed, percent), or the name of a number of the load or of a metric.
    pub metric: String,
    /// Rolling mean at the trigger (percent for memory and CPU).
    pub value: f64,
    /// The threshold it reached, in the same unit.
    pub threshold: f64,
    /// Cores the CPU threshold was scaled by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_the_stack_survives_its_line_in_the_journal() {
        let kind = StackEventKind::Die { exit_code: Some(137) };
        let stack = StackEvent { t: 99.5, id: "a".into(), name: "web".into(), kind };
        let event = Event { at: 1.0, t: 100.0, kind: EventKind::Stack(stack) };
        let line = serde_json::to_string(&event).expect("a line");
        assert_eq!(serde_json::from_str::<Event>(&line).expect(&line), event);
    }
}
