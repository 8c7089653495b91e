//! A leak that is slow and new is looked at twice: one more cycle of load, drain and cooldown, where
//! what the planned ones recorded calls for it.

use std::sync::Arc;

use crate::config::When;
use crate::model::EventKind;
use crate::scenario::record::Record;
use crate::scenario::{Kind, Planned, builtin};

use super::beside::Between;
use super::judge::Judge;
use super::phases::{Border, Place, Stop};
use super::run::{Io, Session};

/// Judges what was recorded of a scenario so far, by its key: the containers whose leak needs
/// another cycle to be believed. It runs on a thread of its own and may take long.
pub type Confirmation = Arc<dyn Fn(&str) -> Result<Vec<String>, String> + Send + Sync>;

impl Session {
    /// After the planned cycles of the duration scenario: judges, and runs one more cycle where a
    /// candidate asks for it.
    pub(super) async fn confirm(
        &mut self,
        planned: &Planned,
        record: &mut Record,
        judge: &mut Judge,
    ) -> Io<Option<Stop>> {
        let config = Arc::clone(&self.parts.config);
        if planned.kind != Kind::Duration || !config.leak.confirm {
            return Ok(None);
        }
        let Some(confirmation) = self.parts.confirmation.clone() else { return Ok(None) };
        self.parts.observer.note("judging what was measured");
        let key = planned.key.clone();
        let judging = tokio::task::spawn_blocking(move || confirmation(&key));
        let between = Between {
            planned,
            name: "judging".to_string(),
            interval: config.duration.cooldown_interval,
        };
        let Some(judged) = self.beside(&between, record, judging).await? else {
            return Ok(Some(Stop::Interrupted));
        };
        let candidates = match judged.unwrap_or_else(|error| Err(error.to_string())) {
            Ok(candidates) => candidates,
            Err(why) => {
                let message = format!("leaks cannot be confirmed: {why}");
                self.warn(message.clone());
                self.event(EventKind::Warning { message })?;
                return Ok(None);
            }
        };
        if candidates.is_empty() {
            return Ok(None);
        }
        self.parts
            .observer
            .note(&format!("one more cycle, to confirm what grows: {}", candidates.join(", ")));
        self.event(EventKind::Confirm { scenario: planned.key.clone(), containers: candidates })?;
        for phase in builtin::confirmation(&config.duration) {
            if let Some(stop) = self.border(planned, Some(&phase), When::Before, record).await? {
                return Ok(Some(stop));
            }
            let place = Place { planned, phase: &phase, index: self.next_index() };
            let end = self.phase(&place, None, record, judge).await?;
            if let Border::Stop(stop) = self.ended(&place, &end, record)? {
                return Ok(Some(stop));
            }
            if let Some(stop) = self.border(planned, Some(&phase), When::After, record).await? {
                return Ok(Some(stop));
            }
        }
        Ok(None)
    }
}
