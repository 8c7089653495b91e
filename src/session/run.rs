//! The loop of a run: scenarios in order, each a reset and its phases, each phase a schedule of
//! ticks beside events, load outcomes and interrupts.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::config::{Action, Config, Reset};
use crate::model::event::{Trigger, Unfinished};
use crate::model::{Container, Event, EventKind};
use crate::os::is_out_of_descriptors;
use crate::scenario::plan::drives_load;
use crate::scenario::record::Record;
use crate::scenario::{Inputs, Kind, Plan, Planned, isolate, level};

use super::confirm::Confirmation;
use super::live::Observer;
use super::load_driver::LoadDriver;
use super::load_end::LoadSeen;
use super::outcome::{Abort, Outcome, Signal};
use super::phases::wanted;
use super::ports::{Hooks, Recorder, RunClock, StackError};
use super::stack_actor::StackHandle;
use super::ticker::Ticker;
use super::watch_stack::Watcher;

/// Called after each reset with the containers as they are now: addresses have changed.
pub type Moved = Box<dyn FnMut(&[Container]) + Send>;

/// What a run is made of.
pub struct Parts {
    /// The run's clock.
    pub clock: RunClock,
    /// The configuration.
    pub config: Arc<Config>,
    /// What will be done.
    pub plan: Plan,
    /// The stack.
    pub stack: StackHandle,
    /// The load, where there is one.
    pub load: Option<LoadDriver>,
    /// Who reads the figures.
    pub ticker: Ticker,
    /// Where the record goes.
    pub recorder: Box<dyn Recorder>,
    /// Who does what hooks say; none: there are no hooks.
    pub hooks: Option<Arc<dyn Hooks>>,
    /// Judges leaks while the run goes on, for `leak.confirm`; none: they are not confirmed.
    pub confirmation: Option<Confirmation>,
    /// Who shows it.
    pub observer: Box<dyn Observer>,
    /// Becomes something when the user wants an end.
    pub interrupt: watch::Receiver<Option<Signal>>,
    /// Tells sources and load where services are.
    pub moved: Moved,
    /// Leave the stack up at the end.
    pub keep_up: bool,
}

/// A run under way.
pub struct Session {
    pub(super) parts: Parts,
    pub(super) watcher: Watcher,
    pub(super) inputs: Inputs,
    pub(super) outcome: Outcome,
    pub(super) begun: bool,
    pub(super) ready: bool,
    /// The load was told something: only then is it for this run to stop it.
    pub(super) drove: bool,
    /// What this scenario has seen of the load.
    pub(super) seen: LoadSeen,
    /// The index of the next phase of this scenario that is not in the plan.
    pub(super) unplanned: u32,
    /// Something is so wrong that no further scenario runs.
    pub(super) over: bool,
    /// Why stress gave no level, where it ran.
    pub(super) stress_gave_nothing: Option<&'static str>,
}

/// How a scenario ended, for the run.
pub(super) enum Ended {
    /// By its own rules; what it recorded.
    Complete(Record),
    /// It did not run to its own end.
    Aborted(Record, Abort),
    /// A signal ended it.
    Interrupted(Record),
}

pub(super) type Io<T> = Result<T, Abort>;

impl Session {
    /// A run of these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Session {
        let watcher = Watcher::new(parts.config.thresholds.memory_alarm_percent);
        Session {
            parts,
            watcher,
            inputs: Inputs::default(),
            outcome: Outcome::default(),
            begun: false,
            ready: false,
            drove: false,
            seen: LoadSeen::default(),
            unplanned: 0,
            over: false,
            stress_gave_nothing: None,
        }
    }

    /// Runs all scenarios, then takes down what the run made. Everything measured is recorded as
    /// it happens; nothing is kept for the end.
    pub async fn run(mut self) -> Outcome {
        let plan = self.parts.plan.clone();
        for (index, planned) in plan.scenarios.iter().enumerate() {
            let next = plan.scenarios.get(index + 1);
            if let Err(abort) = self.scenario(planned, next).await {
                self.note_abort(abort);
                break;
            }
            if self.outcome.signal.is_some() || self.over {
                break;
            }
        }
        self.finish().await;
        self.outcome.ticks = self.parts.ticker.count();
        self.outcome
    }

    async fn finish(&mut self) {
        if let Some(driver) = self.parts.load.as_mut().filter(|_| self.ready && self.drove) {
            // What is still being tried must not add load after the stop.
            driver.cancel();
            let limit = Duration::from_secs(10);
            let _ = tokio::time::timeout(limit, driver.load().stop()).await;
        }
        // As below: what cannot be recorded now loses nothing that was measured.
        let _ = self.hear_out();
        self.watcher.begin_reset();
        if !self.parts.keep_up {
            self.take_down().await;
        }
        let abort_reason = self.outcome.abort.as_ref().map(|abort| abort.reason.to_string());
        // The run is over: a failure to write this line loses nothing that was measured.
        let _ = self.event(EventKind::RunEnd { abort_reason });
    }

    /// Takes down what the run made. It goes on through a first signal: what it would leave behind,
    /// nobody else takes down.
    async fn take_down(&mut self) {
        let (result, signal) = self.down_heard().await;
        if let Some(signal) = signal {
            self.outcome.signal = Some(signal);
            // Nothing that was measured is lost with this line.
            let _ = self.event(EventKind::Interrupt { signal: signal.name().to_string() });
        }
        match result {
            Ok(what) => self.parts.observer.note(&what),
            Err(error) => self.left_undone(Unfinished {
                message: format!("the stack was not taken down: {error}"),
                remedy: "look what is left (docker ps -a) and take it down by hand; the next run \
                         of this project replaces what this one made"
                    .to_string(),
            }),
        }
    }

    /// The answer of `down`, and the first signal where it came meanwhile.
    async fn down_heard(&mut self) -> (Result<String, StackError>, Option<Signal>) {
        let mut interrupt = self.parts.interrupt.clone();
        let heard = self.outcome.signal.is_some();
        let observer = &mut self.parts.observer;
        let down = self.parts.stack.down();
        tokio::pin!(down);
        tokio::select! {
            biased;
            result = &mut down => (result, None),
            signal = wanted(&mut interrupt), if !heard => {
                observer.note(&format!(
                    "{} heard: waiting for the stack to be taken down (again to leave at once)",
                    signal.name()
                ));
                (down.await, Some(signal))
            }
        }
    }

    fn left_undone(&mut self, left: Unfinished) {
        self.warn(format!("{}; {}", left.message, left.remedy));
        // Where the record cannot be written, the outcome still carries it.
        let _ = self.event(EventKind::Unfinished(left.clone()));
        self.outcome.unfinished.push(left);
    }

    /// Runs one scenario. `Err` ends the run; a scenario that was aborted by itself does not.
    async fn scenario(&mut self, planned: &Planned, next: Option<&Planned>) -> Io<()> {
        let levels = match self.resolve_levels(planned) {
            Ok(levels) => levels,
            Err(reason) => return self.skip(planned, &reason),
        };
        let params = params(planned, &levels, &self.parts.config);
        self.event(EventKind::ScenarioStart { scenario: planned.key.clone(), params })?;
        self.parts.observer.note(&format!("scenario {}", planned.spec.name));
        match self.prepare(planned).await {
            Ok(true) => {}
            Ok(false) => {
                return self.scenario_end(planned, &Ended::Interrupted(self.record(planned)));
            }
            Err(abort) => {
                let ended = Ended::Aborted(self.record(planned), abort.clone());
                // The abort ends the run whether or not this line can be written.
                let _ = self.scenario_end(planned, &ended);
                return Err(abort);
            }
        }
        let mut ended = self.phases(planned, &levels).await?;
        if let Ended::Complete(record) = ended {
            ended = self.settled(planned, record).await?;
        }
        self.load_is_over();
        if let Some(driver) = self.parts.load.as_mut() {
            driver.cancel();
        }
        self.hear_out()?;
        self.learn(planned, &ended);
        self.scenario_end(planned, &ended)?;
        if let Ended::Interrupted(_) = ended {
            return Ok(());
        }
        self.leave_idle(planned, next).await;
        Ok(())
    }

    pub(super) fn record(&self, planned: &Planned) -> Record {
        Record::new(planned.kind, self.parts.clock.now())
    }

    fn skip(&mut self, planned: &Planned, reason: &str) -> Io<()> {
        let scenario = planned.key.clone();
        self.warn(format!("scenario {} does not run: {reason}", planned.spec.name));
        self.event(EventKind::ScenarioSkipped { scenario, reason: reason.to_string() })
    }

    /// Levels of all `Reach` actions in order of the phases, resolved before the scenario starts.
    fn resolve_levels(&mut self, planned: &Planned) -> Result<Vec<Option<u32>>, String> {
        let config = Arc::clone(&self.parts.config);
        if self.inputs.duration_level.is_none() {
            self.inputs.duration_level = level::resolve(&config.duration.level, &self.inputs).ok();
        }
        planned
            .spec
            .phases
            .iter()
            .map(|phase| {
                phase.actions.iter().find_map(|action| match action {
                    Action::Reach(wanted) => Some(level::resolve(wanted, &self.inputs)),
                    _ => None,
                })
            })
            .map(|resolved| {
                resolved.transpose().map_err(|missing| match self.stress_gave_nothing {
                    Some(why) => format!(
                        "it needs {}, which stress did not give ({why}); give the level with \
                         `--agents N`",
                        missing.of
                    ),
                    None => missing.to_string(),
                })
            })
            .collect()
    }

    /// Brings stack and load to a clean state. False when a signal came.
    async fn prepare(&mut self, planned: &Planned) -> Io<bool> {
        let how = match (planned.reset, self.ready) {
            (Some(how), _) => how,
            (None, true) => return Ok(true),
            (None, false) => self.parts.config.stack.reset,
        };
        if self.ready && how == Reset::Never {
            return Ok(true);
        }
        let started = self.parts.clock.now();
        self.hear_out()?;
        self.watcher.begin_reset();
        self.ready = false;
        self.parts.observer.note(match how {
            Reset::Never => "looking at the stack",
            Reset::Containers => "resetting the stack (containers)",
            Reset::Volumes => "resetting the stack (containers and volumes)",
        });
        let mut interrupt = self.parts.interrupt.clone();
        let result = tokio::select! {
            biased;
            signal = wanted(&mut interrupt) => {
                self.interrupted(signal)?;
                return Ok(false);
            }
            result = self.parts.stack.reset(how) => result,
        };
        let report = result.map_err(|error| Abort {
            reason: "reset_failed",
            environment: error.environment && !self.begun,
            message: error.message,
        })?;
        let seconds = self.parts.clock.now() - started;
        self.parts.observer.note(&format!("{} ({seconds:.1} s)", report.what));
        self.event(EventKind::Reset { what: report.what, seconds })?;
        self.drop_old_news();
        self.ready = true;
        self.take_over_containers(report.containers)?;
        (self.parts.moved)(self.watcher.containers());
        if let Some(driver) = self.parts.load.as_mut() {
            // What the load said was about the stack before.
            driver.cancel();
        }
        Ok(true)
    }

    /// Records what the stack has told so far; nothing of it may be lost to a reset.
    pub(super) fn hear_out(&mut self) -> Io<()> {
        while let Ok(news) = self.parts.stack.news.try_recv() {
            self.news(news)?;
        }
        self.watcher.settle(self.parts.clock.wall());
        self.tell_incidents()
    }

    fn drop_old_news(&mut self) {
        while self.parts.stack.news.try_recv().is_ok() {}
    }

    pub(super) fn take_over_containers(&mut self, containers: Vec<Container>) -> Io<()> {
        let wall = self.parts.clock.wall();
        for container in self.watcher.replace(containers, wall) {
            self.event(EventKind::Container(Box::new(container)))?;
        }
        Ok(())
    }

    /// What later scenarios build on.
    fn learn(&mut self, planned: &Planned, ended: &Ended) {
        match (planned.kind, ended) {
            (Kind::Stress, Ended::Complete(record)) if record.level() < 2 => {
                self.stress_gave_nothing = Some("stress_test_insufficient_agents");
                self.note_abort(Abort {
                    reason: "stress_test_insufficient_agents",
                    message: format!(
                        "stress reached only level {}: fewer than 2 agents cannot be driven on; \
                         lower the load of one agent or raise the container's limits",
                        record.level()
                    ),
                    environment: false,
                });
            }
            (Kind::Stress, Ended::Complete(record)) => {
                self.inputs.max_level = Some(record.level());
                self.inputs.sustained_level = record.sustained_level();
            }
            (Kind::Duration, Ended::Complete(record)) => {
                self.inputs.duration_level = Some(record.level());
            }
            // An OOM kill in duration or speed aborts that scenario; the next one goes on.
            (kind, Ended::Aborted(_, abort)) => {
                if kind == Kind::Stress {
                    self.stress_gave_nothing = Some(abort.reason);
                }
                self.note_abort(abort.clone());
            }
            _ => {}
        }
    }

    fn scenario_end(&mut self, planned: &Planned, ended: &Ended) -> Io<()> {
        let (record, reason) = match ended {
            Ended::Complete(record) => (record, None),
            Ended::Aborted(record, abort) => (record, Some(abort.reason.to_string())),
            Ended::Interrupted(record) => (record, Some("user_interrupt".to_string())),
        };
        let metadata = record.metadata(self.parts.config.load.as_ref(), self.parts.clock.now());
        self.event(EventKind::ScenarioEnd {
            scenario: planned.key.clone(),
            aborted: reason.is_some(),
            reason,
            metadata,
        })
    }

    /// A stack that is not reset before the next scenario must not carry this one's load into it.
    async fn leave_idle(&mut self, planned: &Planned, next: Option<&Planned>) {
        let taken_as_it_is = |next: &Planned| matches!(next.reset, None | Some(Reset::Never));
        if !drives_load(&planned.spec) || !next.is_some_and(taken_as_it_is) {
            return;
        }
        let Some(driver) = &self.parts.load else { return };
        let limit = Duration::from_secs(30);
        let mut interrupt = self.parts.interrupt.clone();
        let load = driver.load();
        let reset = tokio::time::timeout(limit, load.reset());
        let result = tokio::select! {
            biased;
            // The next scenario hears it too, and ends the run.
            _ = wanted(&mut interrupt) => return,
            result = reset => result,
        };
        match result {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.warn(format!("resetting the load failed: {error}")),
            Err(_) => self.warn("resetting the load took more than 30 s".to_string()),
        }
    }

    pub(super) fn interrupted(&mut self, signal: Signal) -> Io<()> {
        self.outcome.signal = Some(signal);
        self.note_abort(Abort {
            reason: "user_interrupt",
            message: format!("ended by {}; what was measured is saved", signal.name()),
            environment: false,
        });
        let down = if self.parts.keep_up { "" } else { ", taking the stack down" };
        self.parts.observer.note(&format!(
            "{} heard: ending the load{down}, saving what was measured (again to leave at once)",
            signal.name()
        ));
        self.event(EventKind::Interrupt { signal: signal.name().to_string() })
    }

    pub(super) fn note_abort(&mut self, abort: Abort) {
        self.parts.observer.warn(&abort.message);
        self.outcome.abort.get_or_insert(abort);
    }

    pub(super) fn warn(&mut self, message: String) {
        self.parts.observer.warn(&message);
    }

    /// A warning that belongs in the report.
    pub(super) fn warn_of(&mut self, message: String) -> Io<()> {
        self.warn(message.clone());
        self.event(EventKind::Warning { message })
    }

    pub(super) fn event(&mut self, kind: EventKind) -> Io<()> {
        let clock = self.parts.clock;
        let event = Event { at: clock.now(), t: clock.wall(), kind };
        self.parts.recorder.event(&event).map_err(|e| record_failed(&e))
    }
}

fn params(planned: &Planned, levels: &[Option<u32>], config: &Config) -> serde_json::Value {
    let mut params = serde_json::json!({
        "kind": planned.kind,
        "reset": planned.reset,
        "levels": levels.iter().flatten().collect::<Vec<_>>(),
        "limits": planned.spec.limits,
        "phases": planned.spec.phases,
    });
    if planned.kind == Kind::Isolate {
        params["isolate"] = isolate::params(&config.isolate, config.load.as_ref());
    }
    params
}

pub(super) fn oom_abort(planned: &Planned, container: &str) -> Abort {
    let reason = if planned.kind == Kind::Stress { "stress_test_oom" } else { "oom" };
    Abort {
        reason,
        message: format!("{container} was OOM-killed in scenario {}", planned.spec.name),
        environment: false,
    }
}

pub(super) fn before_load_abort(trigger: &Trigger) -> Abort {
    Abort {
        reason: "stress_test_threshold_before_load",
        message: format!(
            "{} was at its threshold before any load ({} {:.1} >= {:.1}); \
             free the machine or raise the threshold",
            trigger.container, trigger.metric, trigger.value, trigger.threshold
        ),
        environment: false,
    }
}

const SAVED: &str = "what was measured so far is saved";

pub(super) fn record_failed(error: &std::io::Error) -> Abort {
    let (reason, rest) = match error.kind() {
        ErrorKind::NotFound => {
            ("run_folder_removed", "the run folder was removed while the run went on")
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => ("disk_full", SAVED),
        _ if is_out_of_descriptors(error) => ("too_many_open_files", SAVED),
        _ => ("record_failed", SAVED),
    };
    let message = format!("the record cannot be written: {error}; {rest}");
    Abort { reason, message, environment: false }
}
