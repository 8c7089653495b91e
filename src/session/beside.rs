//! Work between two phases: ticks go on, and none of them is a result.

use std::future::Future;
use std::time::Duration;

use crate::config::{PhaseConfig, Until};
use crate::model::EventKind;
use crate::scenario::record::Record;
use crate::scenario::{PhaseRun, Planned};

use super::phases::{Place, wanted};
use super::run::{Io, Session};

/// A stretch of time between two phases.
pub(super) struct Between<'a> {
    pub(super) planned: &'a Planned,
    /// Its name in the journal.
    pub(super) name: String,
    pub(super) interval: Duration,
}

impl Session {
    /// Waits for `work` while ticks are taken as those of a phase that is not sampled. The last one
    /// is taken when the work is done, so that the next phase's first tick covers its own interval.
    /// None when a signal came: the work is dropped.
    ///
    /// Outcomes of the load are left for the next phase to hear: it decides what they mean.
    pub(super) async fn beside<T>(
        &mut self,
        between: &Between<'_>,
        record: &mut Record,
        work: impl Future<Output = T>,
    ) -> Io<Option<T>> {
        let phase = PhaseConfig {
            name: between.name.clone(),
            interval: between.interval,
            sampled: false,
            actions: Vec::new(),
            until: Until::default(),
            threshold_ends_scenario: false,
        };
        let place = Place { planned: between.planned, phase: &phase, index: self.next_index() };
        let clock = self.parts.clock;
        let start = clock.now();
        record.phase_start(&phase, start, clock.wall(), None, None);
        let (level, speed) = record.in_force();
        self.event(EventKind::PhaseStart {
            scenario: between.planned.key.clone(),
            phase: phase.name.clone(),
            index: place.index,
            interval_s: phase.interval.as_secs_f64(),
            planned_s: None,
            level,
            speed,
            sampled: false,
        })?;
        let done = self.until_done(&place, record, work).await?;
        let word = if done.is_some() { "done" } else { "interrupt" };
        if done.is_some() {
            let now = clock.now();
            self.tick(&place, now, false, record).await?;
        }
        record.between_end(clock.now(), clock.wall());
        self.event(EventKind::PhaseEnd {
            scenario: between.planned.key.clone(),
            phase: phase.name.clone(),
            index: place.index,
            reason: word.to_string(),
        })?;
        Ok(done)
    }

    async fn until_done<T>(
        &mut self,
        place: &Place<'_>,
        record: &Record,
        work: impl Future<Output = T>,
    ) -> Io<Option<T>> {
        let clock = self.parts.clock;
        let mut interrupt = self.parts.interrupt.clone();
        let mut run = PhaseRun::new(place.phase, clock.now());
        tokio::pin!(work);
        loop {
            self.hear_out()?;
            let due = run.next_tick();
            tokio::select! {
                biased;
                signal = wanted(&mut interrupt) => {
                    self.interrupted(signal)?;
                    return Ok(None);
                }
                done = &mut work => return Ok(Some(done)),
                () = tokio::time::sleep_until(clock.instant(due)) => {
                    self.tick(place, due, false, record).await?;
                    run.ticked(clock.now());
                }
                Some(news) = self.parts.stack.news.recv() => self.news(news)?,
            }
        }
    }

    /// An index for a phase that is not in the plan.
    pub(super) fn next_index(&mut self) -> u32 {
        self.unplanned += 1;
        self.unplanned - 1
    }
}
