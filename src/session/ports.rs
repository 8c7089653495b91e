//! The ports: what the session needs of the world. Adapters in `source/`, `stack/`, `load/` and
//! `store/` implement them; tests implement them with fakes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use tokio::time::Instant;

use crate::config::{HookConfig, Reset};
use crate::model::{
    Container, Event, Figure, FigureSet, Gap, LoadReport, SourceKind, StackEvent, Tick,
};

/// The run's clock: monotonic seconds since the start of the run, and wall time as a label.
///
/// It is made once a run; sources and the session share copies of it. Under tokio's paused time
/// the monotonic part follows the paused clock.
#[derive(Debug, Clone, Copy)]
pub struct RunClock {
    start: Instant,
    start_wall: f64,
}

impl RunClock {
    /// Starts the clock now.
    #[must_use]
    pub fn start() -> RunClock {
        RunClock { start: Instant::now(), start_wall: unix_now() }
    }

    /// Monotonic seconds since the start of the run.
    #[must_use]
    pub fn now(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// The moment `seconds` after the start of the run.
    #[must_use]
    pub fn instant(&self, seconds: f64) -> Instant {
        self.start + Duration::from_secs_f64(seconds.max(0.0))
    }

    /// Wall clock now, Unix seconds; it runs with the monotonic clock, so that a step of the
    /// system's clock during a run does not tear labels apart.
    #[must_use]
    pub fn wall(&self) -> f64 {
        self.start_wall + self.now()
    }

    /// Monotonic seconds of a wall-clock time stamp (Unix seconds) that an engine or cAdvisor on
    /// this machine wrote.
    #[must_use]
    pub fn at_of_wall(&self, unix_seconds: f64) -> f64 {
        unix_seconds - self.start_wall
    }
}

/// Wall clock of this machine now, Unix seconds: what events carry, and what they are compared
/// with. It may step, so it is a label and never an end of an interval.
#[must_use]
pub fn unix_now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

/// What a source read about one target.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The target's key ([`Container::name`]).
    pub container: String,
    /// The incarnation it was read from, as the target said it.
    pub incarnation: u32,
    /// When the figures were true: seconds on the run's clock.
    pub at: f64,
    /// The figures: gauges and counters as read, no rates.
    pub figures: FigureSet,
}

/// What a source learnt beside its targets' figures.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Aside {
    /// What happened to targets, now or before.
    pub events: Vec<StackEvent>,
    /// Figures about no single target, of scope host.
    pub host: FigureSet,
}

/// One place where figures come from. It fails per target and never ends the run.
#[async_trait]
pub trait Source: Send {
    /// Which one this is.
    fn kind(&self) -> SourceKind;

    /// Every figure that it can give, best case.
    fn offers(&self) -> &'static [Figure];

    /// Least time between two readings: figures that move slowly and cost more are read seldom. A
    /// tick in which it is not asked has none of them, which is no gap.
    fn pace(&self) -> Duration {
        Duration::ZERO
    }

    /// Figures that a reading may leave out though the source works: it reads them in turn. Where it
    /// gave them once, no dearer source is asked for them.
    fn background(&self) -> &'static [Figure] {
        &[]
    }

    /// Reads all targets (running containers) before `deadline`. A target without an answer is a
    /// [`Gap`]. A stream answers with its latest frame and the time of that frame. Must not block
    /// the thread beyond some milliseconds, and may be cut (dropped) at the deadline. No targets:
    /// whatever is open for earlier ones is closed.
    async fn read(&mut self, targets: &[Container], deadline: Instant)
    -> Vec<Result<Reading, Gap>>;

    /// What else it knows by now; asked once a round, whether or not the source was read in it.
    /// Must answer at once.
    fn aside(&mut self, targets: &[Container]) -> Aside {
        let _ = targets;
        Aside::default()
    }
}

/// How a stack call went wrong.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct StackError {
    /// What happened and what to do, for people.
    pub message: String,
    /// The environment is not ready (exit 3) rather than something that broke on the way (4).
    pub environment: bool,
}

impl StackError {
    /// The environment lacks something: exit 3.
    #[must_use]
    pub fn environment(message: impl Into<String>) -> StackError {
        StackError { message: message.into(), environment: true }
    }

    /// It broke while running: exit 4.
    #[must_use]
    pub fn broke(message: impl Into<String>) -> StackError {
        StackError { message: message.into(), environment: false }
    }
}

/// What was done to bring the stack to a clean state.
#[derive(Debug, Clone, PartialEq)]
pub struct ResetReport {
    /// In words: `down -v, up -d, 4 of 4 ready`.
    pub what: String,
    /// Containers as they are now, all ready.
    pub containers: Vec<Container>,
}

/// Last words of a container: the end of its log and its last health-check output.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LastWords {
    /// The last lines of its log (100 at most).
    pub log: String,
    /// Output of the last health checks, where there are any.
    pub health: Option<String>,
}

/// The stack under test.
#[async_trait]
pub trait Stack: Send {
    /// Brings the stack to a clean state, and waits until all services are ready. `how` is never
    /// more than the config consents to; with `never` it brings up what is down, or just looks.
    /// Cancel-safe: what was started on the way stays until `down` or the next reset.
    async fn reset(&mut self, how: Reset) -> Result<ResetReport, StackError>;

    /// The containers as they are now, in a stable order. Incarnations are counted by the stack.
    async fn containers(&mut self) -> Result<Vec<Container>, StackError>;

    /// Who has taken the stack over, as seen at the last look: what is there is not what this run
    /// made.
    fn lost(&self) -> Option<String> {
        None
    }

    /// The next event. Cancel-safe; pends for ever when there will be none.
    async fn next_event(&mut self) -> StackEvent;

    /// The last words of a container, by its key.
    async fn last_words(&mut self, name: &str) -> LastWords;

    /// `host:port` of a service's port as reachable from here; `None` when it is not published.
    fn address(&self, service: &str, port: u16) -> Option<String>;

    /// Stops what this run made (and only that). Called once at the end unless `--keep-up`.
    async fn down(&mut self) -> Result<String, StackError>;

    /// One line for people: kind, project, engine.
    fn describe(&self) -> String;
}

/// How a load call went wrong, with the remedy where one is known.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct LoadError(pub String);

/// What puts work on the stack. Calls run beside the ticks, never in their way; `report` may be
/// called while another call runs.
#[async_trait]
pub trait Load: Send + Sync {
    /// Makes the driven system ready to take load (waits for its API, starts it).
    async fn start(&self) -> Result<(), LoadError>;

    /// Adds load until `level` is queued (never lowers it). Returns when the request was taken,
    /// not when the level is there.
    async fn reach(&self, level: u32) -> Result<(), LoadError>;

    /// Stops new work; what is under way finishes (drain).
    async fn pause(&self) -> Result<(), LoadError>;

    /// Goes on after a pause.
    async fn resume(&self) -> Result<(), LoadError>;

    /// Sets the speed multiplier.
    async fn speed(&self, multiplier: f64) -> Result<(), LoadError>;

    /// Takes all load away and resets the driven system (its own reset call, not the stack).
    async fn reset(&self) -> Result<(), LoadError>;

    /// From now on this task only, until the next `reset`; none: all of them. Takes effect at the
    /// next `reach`.
    ///
    /// # Errors
    /// The load has no such task.
    fn only(&self, task: Option<&str>) -> Result<(), LoadError> {
        match task {
            None => Ok(()),
            Some(task) => Err(LoadError(format!("this load cannot drive {task} alone"))),
        }
    }

    /// Ends the load for good: at the end of a run or an interrupt.
    async fn stop(&self) -> Result<(), LoadError>;

    /// What the load says about itself now. Must come back within the interval or fail.
    async fn report(&self) -> Result<LoadReport, LoadError>;

    /// What was wrong with the latest answer of the driven system that hinders the load, in words
    /// with its address; none where nothing is. Must answer at once.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// Whether this report says that the load is drained.
    fn drained(&self, report: &LoadReport) -> bool;

    /// Tells where the services are now (after a reset their ports change). Given a service and
    /// its port it answers `host:port`.
    fn relocate(&self, resolve: &(dyn Fn(&str, u16) -> Option<String> + Sync));
}

/// How a hook went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HookDone {
    /// What it said, up to a bound.
    pub output: Vec<u8>,
    /// Bytes beyond that bound.
    pub left_out: u64,
    /// Why it failed, in words with the remedy.
    pub failure: Option<String>,
}

/// Does what hooks say.
#[async_trait]
pub trait Hooks: Send + Sync {
    /// Runs a hook to its end, or to its time limit. Dropped before, what it started is ended.
    async fn run(&self, hook: &HookConfig, containers: &[Container]) -> HookDone;
}

/// Where a run's record goes. What was recorded is with the kernel on return: a killed runner
/// loses nothing.
pub trait Recorder: Send {
    /// Completes run.json once the stack was read for the first time: its containers, and which
    /// source gives which figure.
    fn begin(
        &mut self,
        containers: &[Container],
        sources: BTreeMap<String, SourceKind>,
    ) -> std::io::Result<()>;
    /// Appends a tick.
    fn tick(&mut self, tick: &Tick) -> std::io::Result<()>;
    /// Appends an event.
    fn event(&mut self, event: &Event) -> std::io::Result<()>;
    /// Saves a text file beside the journal (last words); answers its path in the run folder.
    fn attach(&mut self, name: &str, text: &str) -> std::io::Result<PathBuf>;
    /// Saves what a hook said, as it said it; answers its path in the run folder.
    fn hook_output(&mut self, name: &str, output: &[u8]) -> std::io::Result<PathBuf>;
}
