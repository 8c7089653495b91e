//! The moments after a scenario: what happened at its very end counts as its own.

use std::time::Duration;

use crate::scenario::record::Record;
use crate::scenario::{Kind, Planned};

use super::phases::wanted;
use super::run::{Ended, Io, Session, oom_abort};

/// A kill is told apart from a plain end after 1.5 s (see the incidents' classifier).
const SETTLES: f64 = 1.6;

/// An engine's event is heard of within this time, seconds.
const HEARD: f64 = 0.25;

/// Trouble that goes on longer is no longer about the scenario's end, seconds.
const LONGEST: f64 = 6.0;

impl Session {
    /// Waits until what happened in the last moments of a complete scenario is told apart: after
    /// stress always, since others build on it; after any other only where a container ended or was
    /// killed just now.
    pub(super) async fn settled(&mut self, planned: &Planned, record: Record) -> Io<Ended> {
        let clock = self.parts.clock;
        let started = clock.now();
        let mut interrupt = self.parts.interrupt.clone();
        loop {
            self.hear_out()?;
            let oom = self.watcher.oom().filter(|_| planned.spec.stop_on_oom);
            if let Some(container) = oom {
                let abort = oom_abort(planned, &container);
                return Ok(Ended::Aborted(record, abort));
            }
            let trouble = self.watcher.trouble_at();
            let least = if planned.kind == Kind::Stress { SETTLES } else { HEARD };
            let until = trouble.map_or(0.0, |at| at + SETTLES).max(started + least);
            let until = until.min(started + LONGEST);
            if until <= clock.now() {
                return Ok(Ended::Complete(record));
            }
            let limit = clock.instant(until) + Duration::from_millis(10);
            tokio::select! {
                biased;
                signal = wanted(&mut interrupt) => {
                    self.interrupted(signal)?;
                    return Ok(Ended::Interrupted(record));
                }
                Some(news) = self.parts.stack.news.recv() => self.news(news)?,
                () = tokio::time::sleep_until(limit) => {}
            }
        }
    }
}
