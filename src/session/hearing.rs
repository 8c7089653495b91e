//! What the session hears beside its ticks, from the load and from the stack, and what it records
//! of it.

use crate::analysis::findings::in_words;
use crate::model::EventKind;
use crate::model::event::Trigger;
use crate::scenario::record::Record;

use super::load_driver::{LoadAction, LoadOutcome};
use super::outcome::Abort;
use super::phases::Place;
use super::run::{Io, Session, record_failed};
use super::stack_actor::News;
use super::ticker::Taken;

impl Session {
    pub(super) fn load_outcome(
        &mut self,
        outcome: &LoadOutcome,
        record: &mut Record,
    ) -> Io<Option<String>> {
        if let Some(driver) = self.parts.load.as_mut() {
            driver.done(outcome);
        }
        let (action, value) = outcome.action.words();
        match &outcome.action {
            LoadAction::Reach(level) if outcome.error.is_none() => record.queued(*level),
            LoadAction::Reset if outcome.error.is_none() => {
                record.load_was_reset();
                self.seen.reset();
            }
            _ => {}
        }
        self.event(EventKind::Load {
            action: action.to_string(),
            value,
            task: match &outcome.action {
                LoadAction::Only(task) => Some(task.clone()),
                _ => None,
            },
            queued: Some(record.level()),
            error: outcome.error.clone(),
        })?;
        Ok(outcome.error.as_ref().map(|error| format!("{action}: {error}")))
    }

    pub(super) fn news(&mut self, news: News) -> Io<()> {
        match news {
            News::Event(event) => {
                let clock = self.parts.clock;
                self.watcher.event(&event, clock.now(), clock.wall());
                self.event(EventKind::Stack(event))
            }
            News::Containers(containers) => {
                self.take_over_containers(containers)?;
                // A restart may give a service another port on the host.
                (self.parts.moved)(self.watcher.containers());
                Ok(())
            }
            News::LastWords { name, words } => {
                let file = self.save_last_words(&name, &words);
                match file {
                    Ok(Some(file)) => self.event(EventKind::LastWords { name, file }),
                    Ok(None) => Ok(()),
                    Err(error) => Err(record_failed(&error)),
                }
            }
            News::Lost(message) => {
                Err(Abort { reason: "stack_taken_over", message, environment: false })
            }
            News::Trouble(message) => {
                self.warn(message.clone());
                self.event(EventKind::Warning { message })
            }
        }
    }

    pub(super) fn save_last_words(
        &mut self,
        name: &str,
        words: &super::ports::LastWords,
    ) -> std::io::Result<Option<String>> {
        if words.log.is_empty() && words.health.is_none() {
            return Ok(None);
        }
        let mut text = format!("# last log lines of {name}\n{}\n", words.log.trim_end());
        if let Some(health) = &words.health {
            text.push_str(&format!("\n# last health checks of {name}\n{}\n", health.trim_end()));
        }
        let file = format!("{name}-{:.0}.log", self.parts.clock.now());
        let path = self.parts.recorder.attach(&file, &text)?;
        Ok(Some(path.display().to_string()))
    }

    pub(super) fn tell_incidents(&mut self) -> Io<()> {
        for incident in self.watcher.take_incidents() {
            self.warn(incident.clone());
            self.event(EventKind::Warning { message: incident })?;
        }
        Ok(())
    }

    /// Memory above its alarm threshold is warned of once a container and scenario.
    pub(super) fn alarm(&mut self, place: &Place<'_>, taken: &Taken) -> Io<()> {
        if !place.phase.sampled {
            return Ok(());
        }
        for trigger in self.watcher.alarms(taken) {
            self.warn(format!(
                "{} uses {:.1} % of its memory limit",
                trigger.container, trigger.value
            ));
            self.event(EventKind::Threshold { trigger, warning: true })?;
        }
        Ok(())
    }

    pub(super) fn say_threshold(&mut self, trigger: &Trigger, record: &Record) -> Io<()> {
        self.parts.observer.note(&format!(
            "threshold reached at level {}: {}",
            record.level(),
            in_words(trigger)
        ));
        self.event(EventKind::Threshold { trigger: trigger.clone(), warning: false })
    }
}
