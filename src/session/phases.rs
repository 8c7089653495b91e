//! The phases of a scenario: each a schedule of ticks beside events, load outcomes, batches and
//! interrupts.

use tokio::sync::watch;

use crate::config::{Action, PhaseConfig, When};
use crate::model::EventKind;
use crate::scenario::plan::drives_load;
use crate::scenario::record::Record;
use crate::scenario::{Kind, PhaseEnd, PhaseRun, Planned, Situation};

use super::hooks::AfterHooks;
use super::judge::Judge;
use super::load_driver::{LoadAction, LoadDriver, LoadOutcome};
use super::outcome::{Abort, Signal};
use super::ports::RunClock;
use super::run::{Ended, Io, Session, before_load_abort, oom_abort, record_failed};
use super::ticker::{LoadNow, Occasion, Taken};

/// What a phase knows about its place.
pub(super) struct Place<'a> {
    pub(super) planned: &'a Planned,
    pub(super) phase: &'a PhaseConfig,
    pub(super) index: u32,
}

/// What the end of a phase means for its scenario.
pub(super) enum Border {
    /// The next phase follows.
    GoOn,
    /// It was the last one, by a rule of the scenario.
    Last,
    /// The scenario stops here.
    Stop(Stop),
}

/// How a scenario ends.
pub(super) enum Stop {
    /// By its own rules.
    Complete,
    /// By a signal.
    Interrupted,
    /// By something that went wrong.
    Aborted(Abort),
}

impl Stop {
    pub(super) fn of(self, record: Record) -> Ended {
        match self {
            Stop::Complete => Ended::Complete(record),
            Stop::Interrupted => Ended::Interrupted(record),
            Stop::Aborted(abort) => Ended::Aborted(record, abort),
        }
    }
}

impl Session {
    pub(super) async fn phases(&mut self, planned: &Planned, levels: &[Option<u32>]) -> Io<Ended> {
        let mut record = self.record(planned);
        let mut judge = Judge::new(&planned.spec.limits, &self.parts.config);
        self.watcher.begin_scenario();
        self.seen.begin();
        self.unplanned = u32::try_from(planned.spec.phases.len()).unwrap_or(u32::MAX);
        if let Some(first) = planned.spec.phases.first() {
            let place = Place { planned, phase: first, index: 0 };
            let due = self.parts.clock.now();
            self.tick(&place, due, true, &record).await?;
            self.begin_run()?;
        }
        if let Some(stop) = self.border(planned, None, When::Before, &mut record).await? {
            return Ok(stop.of(record));
        }
        for (index, phase) in planned.spec.phases.iter().enumerate() {
            let place = Place { planned, phase, index: u32::try_from(index).unwrap_or(u32::MAX) };
            let level = levels.get(index).copied().flatten();
            let stop = self.border(planned, Some(phase), When::Before, &mut record).await?;
            if let Some(stop) = stop {
                return Ok(stop.of(record));
            }
            let end = self.phase(&place, level, &mut record, &mut judge).await?;
            let last = match self.ended(&place, &end, &record)? {
                Border::Stop(stop) => return Ok(stop.of(record)),
                Border::Last => true,
                Border::GoOn => false,
            };
            let is_over = last || index + 1 == planned.spec.phases.len();
            if (phase.sampled || is_over)
                && let Some(abort) = self.unanswered(planned, &record, is_over).await
            {
                return Ok(Stop::Aborted(abort).of(record));
            }
            let stop = self.border(planned, Some(phase), When::After, &mut record).await?;
            if let Some(stop) = stop {
                return Ok(stop.of(record));
            }
            if last {
                break;
            }
        }
        if let Some(stop) = self.confirm(planned, &mut record, &mut judge).await? {
            return Ok(stop.of(record));
        }
        let stop = self.border(planned, None, When::After, &mut record).await?;
        Ok(stop.unwrap_or(Stop::Complete).of(record))
    }

    /// What the end of a phase means for the scenario, said where it is worth it.
    pub(super) fn ended(
        &mut self,
        place: &Place<'_>,
        end: &PhaseEnd,
        record: &Record,
    ) -> Io<Border> {
        let (planned, phase) = (place.planned, place.phase);
        match end {
            PhaseEnd::Interrupted => return Ok(Border::Stop(Stop::Interrupted)),
            PhaseEnd::Oom(container) => {
                return Ok(Border::Stop(Stop::Aborted(oom_abort(planned, container))));
            }
            PhaseEnd::LoadFailed(why) => {
                let message = format!("the load failed: {why}");
                let abort = Abort { reason: "load_failed", message, environment: false };
                return Ok(Border::Stop(Stop::Aborted(abort)));
            }
            PhaseEnd::Threshold(trigger) => {
                self.say_threshold(trigger, record)?;
                if planned.kind == Kind::Stress && record.batches() == 0 {
                    return Ok(Border::Stop(Stop::Aborted(before_load_abort(trigger))));
                }
                if phase.threshold_ends_scenario {
                    return Ok(Border::Last);
                }
            }
            PhaseEnd::TimedOut("spawn_timeout") => {
                let waited = phase.until.after.unwrap_or_default().as_secs_f64();
                let there = self.load_there(record);
                self.warn_of(format!(
                    "not all of the load was there after {waited:.0} s: {there}; going on with what is"
                ))?;
            }
            PhaseEnd::TimedOut(_) => {
                self.warn_of(format!(
                    "phase {} of {}: the load was not drained in time; going on",
                    phase.name, planned.spec.name
                ))?;
            }
            PhaseEnd::After | PhaseEnd::Drained | PhaseEnd::LevelReached => {}
        }
        Ok(Border::GoOn)
    }

    /// The hooks of a border: none where the scenario goes on.
    pub(super) async fn border(
        &mut self,
        planned: &Planned,
        phase: Option<&PhaseConfig>,
        when: When,
        record: &mut Record,
    ) -> Io<Option<Stop>> {
        Ok(match self.hooks_at(planned, phase, when, record).await? {
            AfterHooks::GoOn => None,
            AfterHooks::Interrupted => Some(Stop::Interrupted),
            AfterHooks::Failed(abort) => {
                self.over = true;
                Some(Stop::Aborted(abort))
            }
        })
    }

    pub(super) fn begin_run(&mut self) -> Io<()> {
        if self.begun {
            return Ok(());
        }
        self.begun = true;
        let provenance = self.parts.ticker.provenance();
        self.parts
            .recorder
            .begin(self.watcher.containers(), provenance)
            .map_err(|e| record_failed(&e))
    }

    pub(super) async fn phase(
        &mut self,
        place: &Place<'_>,
        level: Option<u32>,
        record: &mut Record,
        judge: &mut Judge,
    ) -> Io<PhaseEnd> {
        let start = self.parts.clock.now();
        let speed = place.phase.actions.iter().find_map(|action| match action {
            Action::Speed(speed) => Some(*speed),
            _ => None,
        });
        record.phase_start(place.phase, start, self.parts.clock.wall(), level, speed);
        let (in_force, speed_in_force) = record.in_force();
        self.event(EventKind::PhaseStart {
            scenario: place.planned.key.clone(),
            phase: place.phase.name.clone(),
            index: place.index,
            interval_s: place.phase.interval.as_secs_f64(),
            planned_s: place.phase.until.after.map(|d| d.as_secs_f64()),
            level: in_force,
            speed: speed_in_force,
            sampled: place.phase.sampled,
        })?;
        judge.begin_phase(place.phase);
        self.act(place.phase, level);
        let mut run = PhaseRun::new(place.phase, start);
        let end = self.wait(place, &mut run, record, judge).await?;
        let end = self.with_load(place, end, record)?;
        record.phase_end(&end, self.parts.clock.now(), self.parts.clock.wall());
        record.carried(judge.sustained());
        self.event(EventKind::PhaseEnd {
            scenario: place.planned.key.clone(),
            phase: place.phase.name.clone(),
            index: place.index,
            reason: end.word().to_string(),
        })?;
        Ok(end)
    }

    pub(super) fn act(&mut self, phase: &PhaseConfig, level: Option<u32>) {
        let Some(driver) = self.parts.load.as_mut() else { return };
        self.drove |= !phase.actions.is_empty();
        for action in &phase.actions {
            match action {
                Action::Start => driver.send(LoadAction::Start),
                Action::Reach(_) => {
                    if let Some(level) = level {
                        driver.send(LoadAction::Reach(level));
                    }
                }
                Action::Pause => driver.send(LoadAction::Pause),
                Action::Resume => driver.send(LoadAction::Resume),
                Action::Speed(speed) => driver.send(LoadAction::Speed(*speed)),
                Action::Reset => driver.send(LoadAction::Reset),
                Action::Only(task) => driver.send(LoadAction::Only(task.clone())),
                Action::Ramp { .. } => {}
            }
        }
    }

    /// Waits for whatever comes next until the phase is over.
    pub(super) async fn wait(
        &mut self,
        place: &Place<'_>,
        run: &mut PhaseRun<'_>,
        record: &mut Record,
        judge: &mut Judge,
    ) -> Io<PhaseEnd> {
        let clock = self.parts.clock;
        let mut interrupt = self.parts.interrupt.clone();
        let mut failed: Option<String> = None;
        loop {
            // After a slow tick the next one may be due at once: the rest has its turn all the same.
            while let Some(outcome) = self.outcome_now() {
                failed = self.load_outcome(&outcome, record)?.or(failed);
            }
            self.hear_out()?;
            if self.load_is_free() {
                self.batch(run, record);
            }
            let batch = run.next_batch().filter(|_| self.load_is_free());
            let next_tick = run.next_tick();
            tokio::select! {
                biased;
                signal = wanted(&mut interrupt) => {
                    self.interrupted(signal)?;
                    return Ok(PhaseEnd::Interrupted);
                }
                () = tokio::time::sleep_until(clock.instant(next_tick)) => {
                    let taken = self.tick(place, next_tick, false, record).await?;
                    let skipped = run.ticked(clock.now());
                    if skipped > 0 {
                        self.warn(format!("{skipped} ticks were skipped: reading took too long"));
                    }
                    record.tick(&taken.rates);
                    judge.tick(&taken, self.watcher.containers());
                    self.alarm(place, &taken)?;
                }
                () = until(clock, batch) => self.batch(run, record),
                outcome = next_outcome(self.parts.load.as_mut()) => {
                    failed = self.load_outcome(&outcome, record)?.or(failed);
                }
                Some(news) = self.parts.stack.news.recv() => self.news(news)?,
                () = until(clock, run.end()) => {}
            }
            self.watcher.settle(clock.wall());
            self.tell_incidents()?;
            let situation = Situation {
                now: clock.now(),
                drained: self.parts.load.as_ref().is_some_and(LoadDriver::drained),
                level_reached: self.parts.load.as_ref().is_some_and(LoadDriver::level_reached),
                threshold: judge.reached(self.watcher.containers()),
                oom: self.watcher.oom().filter(|_| place.planned.spec.stop_on_oom),
                load_failed: failed.clone(),
            };
            if let Some(end) = run.judge(&situation) {
                return Ok(end);
            }
        }
    }

    pub(super) fn outcome_now(&mut self) -> Option<LoadOutcome> {
        self.parts.load.as_mut()?.outcomes.try_recv().ok()
    }

    pub(super) fn load_is_free(&self) -> bool {
        self.parts.load.as_ref().is_some_and(|driver| !driver.busy())
    }

    pub(super) fn batch(&mut self, run: &mut PhaseRun<'_>, record: &mut Record) {
        let Some(batch) = run.batch_due(self.parts.clock.now()) else { return };
        if let Some(driver) = self.parts.load.as_mut() {
            driver.send(LoadAction::Reach(record.level() + batch));
            record.batch_sent();
        }
    }

    pub(super) async fn tick(
        &mut self,
        place: &Place<'_>,
        due: f64,
        priming: bool,
        record: &Record,
    ) -> Io<Taken> {
        let latest = self.parts.load.as_ref().map(LoadDriver::latest).unwrap_or_default();
        self.seen.heard(&latest);
        let drives = drives_load(&place.planned.spec);
        let load = LoadNow { queued: drives.then(|| record.level()), latest };
        let occasion = Occasion {
            scenario: &place.planned.key,
            phase: &place.phase.name,
            phase_index: place.index,
            interval: place.phase.interval,
            priming: priming || !place.phase.sampled,
            due,
        };
        let taken = self.parts.ticker.take(occasion, self.watcher.containers(), &load).await;
        for (source, message) in &taken.changes {
            self.parts.observer.warn(&format!("{source}: {message}"));
            self.event(EventKind::Source { source: *source, message: message.clone() })?;
        }
        for message in &taken.health {
            self.parts.observer.warn(message);
            self.event(EventKind::Warning { message: message.clone() })?;
        }
        self.parts.recorder.tick(&taken.tick).map_err(|e| record_failed(&e))?;
        self.watcher.counters(&taken);
        for event in &taken.events {
            let clock = self.parts.clock;
            self.watcher.event(event, clock.now(), clock.wall());
            self.event(EventKind::Stack(event.clone()))?;
        }
        if !priming {
            let view = super::view::of(place.planned, place.phase, record, &taken);
            self.parts.observer.view(&view);
        }
        Ok(taken)
    }
}

/// Pends until a signal came.
pub(super) async fn wanted(interrupt: &mut watch::Receiver<Option<Signal>>) -> Signal {
    match interrupt.wait_for(Option::is_some).await.map(|signal| *signal) {
        Ok(Some(signal)) => signal,
        // Nobody can send any more: no signal will come.
        _ => std::future::pending().await,
    }
}

async fn until(clock: RunClock, at: Option<f64>) {
    match at {
        Some(at) => tokio::time::sleep_until(clock.instant(at)).await,
        None => std::future::pending().await,
    }
}

async fn next_outcome(driver: Option<&mut LoadDriver>) -> LoadOutcome {
    match driver {
        Some(driver) => match driver.outcomes.recv().await {
            Some(outcome) => outcome,
            None => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}
