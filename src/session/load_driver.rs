//! The load in tasks of its own: actions one after the other, reports beside them, so that neither
//! ever delays a tick.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::model::LoadReport;

use super::ports::{Load, LoadError, RunClock};

/// What the load can be told.
#[derive(Debug, Clone, PartialEq)]
pub enum LoadAction {
    /// Get ready.
    Start,
    /// Add load up to a level.
    Reach(u32),
    /// Stop new work.
    Pause,
    /// Go on.
    Resume,
    /// Set the speed multiplier.
    Speed(f64),
    /// Take all load away.
    Reset,
    /// This task only, until the next reset.
    Only(String),
}

impl LoadAction {
    /// Its word in events.jsonl, and its value.
    #[must_use]
    pub fn words(&self) -> (&'static str, Option<f64>) {
        match self {
            LoadAction::Start => ("start", None),
            LoadAction::Reach(level) => ("reach", Some(f64::from(*level))),
            LoadAction::Pause => ("pause", None),
            LoadAction::Resume => ("resume", None),
            LoadAction::Speed(speed) => ("speed", Some(*speed)),
            LoadAction::Reset => ("reset", None),
            LoadAction::Only(_) => ("only", None),
        }
    }
}

impl fmt::Display for LoadAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.words()) {
            (LoadAction::Only(task), (word, _)) => write!(f, "{word} {task}"),
            (_, (word, Some(value))) => write!(f, "{word} {value}"),
            (_, (word, None)) => f.write_str(word),
        }
    }
}

/// An action that is not done yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Unfinished {
    /// What was asked for.
    pub action: LoadAction,
    /// When it began, seconds on the run's clock.
    pub since: f64,
    /// Tries that failed so far.
    pub failed_tries: u32,
    /// Why the latest try failed, or what hinders the one under way; none where nothing is known but
    /// that it lasts.
    pub why: Option<String>,
}

/// The action under way, as its task tells it.
type UnderWay = Arc<Mutex<Option<Unfinished>>>;

/// How an action went.
#[derive(Debug, Clone)]
pub struct LoadOutcome {
    /// What was done.
    pub action: LoadAction,
    /// When it was done, seconds on the run's clock.
    pub at: f64,
    /// Why it failed.
    pub error: Option<String>,
}

/// The latest report and when it was taken.
#[derive(Debug, Clone, Default)]
pub struct Latest {
    /// Seconds on the run's clock.
    pub at: f64,
    /// What the load said; absent before the first answer.
    pub report: Option<LoadReport>,
    /// Why the last question was not answered.
    pub error: Option<String>,
}

/// The session's end of the load's tasks.
pub struct LoadDriver {
    load: Arc<dyn Load>,
    clock: RunClock,
    poll: Duration,
    actions: mpsc::UnboundedSender<LoadAction>,
    /// Outcomes, in order.
    pub outcomes: mpsc::UnboundedReceiver<LoadOutcome>,
    latest: watch::Receiver<Latest>,
    under_way: UnderWay,
    pending: u32,
    last_done: f64,
    tasks: [JoinHandle<()>; 2],
}

/// Tries of one action before it counts as failed.
const TRIES: u32 = 3;

impl LoadDriver {
    /// Gives the load its tasks; it is asked for a report every `poll`.
    #[must_use]
    pub fn spawn(load: Arc<dyn Load>, clock: RunClock, poll: Duration) -> LoadDriver {
        let (actions, inbox) = mpsc::unbounded_channel();
        let (done, outcomes) = mpsc::unbounded_channel();
        let (report, latest) = watch::channel(Latest::default());
        let under_way = UnderWay::default();
        let tasks = [
            tokio::spawn(act(Arc::clone(&load), clock, inbox, done, Arc::clone(&under_way))),
            tokio::spawn(ask(Arc::clone(&load), clock, poll, report)),
        ];
        LoadDriver {
            load,
            clock,
            poll,
            actions,
            outcomes,
            latest,
            under_way,
            pending: 0,
            last_done: 0.0,
            tasks,
        }
    }

    /// Drops what is under way, and what was said so far: neither an action nor a report of one
    /// scenario may reach into the next.
    pub fn cancel(&mut self) {
        *self = LoadDriver::spawn(Arc::clone(&self.load), self.clock, self.poll);
    }

    /// Queues an action.
    pub fn send(&mut self, action: LoadAction) {
        if self.actions.send(action).is_ok() {
            self.pending += 1;
        }
    }

    /// Counts an outcome that was taken from [`LoadDriver::outcomes`].
    pub fn done(&mut self, outcome: &LoadOutcome) {
        self.pending = self.pending.saturating_sub(1);
        self.last_done = outcome.at;
    }

    /// Whether actions are still under way.
    #[must_use]
    pub fn busy(&self) -> bool {
        self.pending > 0
    }

    /// The action that is under way, where one is: the first of those that are.
    #[must_use]
    pub fn unfinished(&self) -> Option<Unfinished> {
        let mut unfinished = locked(&self.under_way).clone().filter(|_| self.busy())?;
        let why = unfinished.why.take().or_else(|| self.load.trouble());
        // A report that fails beside it says what is wrong with the driven system.
        unfinished.why = why.or_else(|| self.latest.borrow().error.clone());
        Some(unfinished)
    }

    /// The latest report. What it says of the level is left out while an action is under way: it
    /// may be about the load as it was before.
    #[must_use]
    pub fn latest(&self) -> Latest {
        let mut latest = self.latest.borrow().clone();
        let stale = self.busy() || latest.at <= self.last_done;
        if let Some(report) = latest.report.as_mut().filter(|_| stale) {
            report.active = None;
        }
        latest
    }

    /// A report that was taken after the last action was done: what it says is about the load as
    /// it was asked for.
    fn settled(&self) -> Option<LoadReport> {
        let latest = self.latest.borrow();
        if self.busy() || latest.at <= self.last_done {
            return None;
        }
        latest.report.clone()
    }

    /// Whether the level asked for is there.
    #[must_use]
    pub fn level_reached(&self) -> bool {
        self.settled().is_some_and(|report| match (report.active, report.queued) {
            (Some(active), Some(queued)) => active >= queued,
            // A load that cannot tell how much of it is there has what it took.
            (None, _) => true,
            (Some(_), None) => false,
        })
    }

    /// Whether the load is drained.
    #[must_use]
    pub fn drained(&self) -> bool {
        self.settled().is_some_and(|report| self.load.drained(&report))
    }

    /// The load itself, for the end of a run.
    #[must_use]
    pub fn load(&self) -> Arc<dyn Load> {
        Arc::clone(&self.load)
    }
}

impl Drop for LoadDriver {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn act(
    load: Arc<dyn Load>,
    clock: RunClock,
    mut inbox: mpsc::UnboundedReceiver<LoadAction>,
    done: mpsc::UnboundedSender<LoadOutcome>,
    under_way: UnderWay,
) {
    while let Some(action) = inbox.recv().await {
        let begun =
            Unfinished { action: action.clone(), since: clock.now(), failed_tries: 0, why: None };
        *locked(&under_way) = Some(begun);
        let mut result = perform(load.as_ref(), &action).await;
        for again in 1..TRIES {
            let Err(error) = &result else { break };
            if let Some(unfinished) = locked(&under_way).as_mut() {
                unfinished.failed_tries = again;
                unfinished.why = Some(error.to_string());
            }
            tokio::time::sleep(Duration::from_secs(u64::from(again))).await;
            result = perform(load.as_ref(), &action).await;
        }
        let error = result.err().map(|e| e.to_string());
        if done.send(LoadOutcome { action, at: clock.now(), error }).is_err() {
            return;
        }
    }
}

fn locked(under_way: &UnderWay) -> MutexGuard<'_, Option<Unfinished>> {
    under_way.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn perform(load: &dyn Load, action: &LoadAction) -> Result<(), LoadError> {
    match action {
        LoadAction::Start => load.start().await,
        LoadAction::Reach(level) => load.reach(*level).await,
        LoadAction::Pause => load.pause().await,
        LoadAction::Resume => load.resume().await,
        LoadAction::Speed(speed) => load.speed(*speed).await,
        LoadAction::Reset => load.reset().await,
        LoadAction::Only(task) => load.only(Some(task)),
    }
}

async fn ask(load: Arc<dyn Load>, clock: RunClock, poll: Duration, out: watch::Sender<Latest>) {
    let mut ticks = tokio::time::interval(poll);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let asked = clock.now();
        match load.report().await {
            Ok(report) => {
                out.send_replace(Latest { at: asked, report: Some(report), error: None });
            }
            // The last report stays, ever older: the tick says its age.
            Err(error) => out.send_modify(|latest| latest.error = Some(error.to_string())),
        }
    }
}
