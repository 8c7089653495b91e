//! The journal of a window: phases, ticks and events in the order of time.

use std::collections::BTreeMap;
use std::io;

use serde_json::{Value, json};

use crate::model::{Event, EventKind, SourceKind};
use crate::source::prometheus::lives::{Happened, Lives, Told};
use crate::source::prometheus::metrics::OFFERS;
use crate::source::prometheus::ticks::{Hole, Span, Ticks};
use crate::source::prometheus::time::shown;
use crate::store::journal::Journal;
use crate::tell;

use super::download::Ended;
use super::{SCENARIO, Wanted};

/// Holes that are told one by one.
const TOLD_HOLES: usize = 10;

/// Which source gives which figure.
pub fn sources() -> BTreeMap<String, SourceKind> {
    OFFERS.iter().map(|figure| (figure.name().to_owned(), SourceKind::Prometheus)).collect()
}

/// Writes what is read.
pub struct Record {
    journal: Journal,
    sources: BTreeMap<String, SourceKind>,
    spans: Vec<Span>,
    from_ms: i64,
    to_ms: i64,
    params: Value,
    /// Made with the first readings: they tell how long a tick is.
    ticks: Option<Ticks>,
    lives: Lives,
    interval_ms: i64,
    /// Phases that have begun.
    begun: usize,
    /// Readings left out by `--step`.
    pub thinned: u64,
    /// Readings taken.
    pub readings: u64,
    holes: usize,
    keep: BTreeMap<String, i64>,
    step_ms: Option<i64>,
}

impl Record {
    pub fn new(journal: Journal, wanted: &Wanted, sources: BTreeMap<String, SourceKind>) -> Record {
        Record {
            journal,
            sources,
            spans: wanted.spans.clone(),
            from_ms: wanted.from_ms,
            to_ms: wanted.to_ms,
            params: json!({
                "from": shown(wanted.from_ms),
                "to": shown(wanted.to_ms),
                "match": wanted.matchers,
                "step_s": wanted.step_ms.map(|ms| ms as f64 / 1e3),
            }),
            ticks: None,
            lives: Lives::new(i64::MAX),
            interval_ms: 0,
            begun: 0,
            thinned: 0,
            readings: 0,
            holes: 0,
            keep: BTreeMap::new(),
            step_ms: wanted.step_ms,
        }
    }

    /// Lives over the parts of the window, and the usual time between two readings.
    pub fn lives(&mut self, spacing_ms: Option<i64>) -> (&mut Lives, i64) {
        if self.ticks.is_none() {
            let spacing = spacing_ms.unwrap_or(60_000);
            self.interval_ms = self.step_ms.unwrap_or(0).max(spacing);
            self.lives = Lives::new(self.from_ms + 3 * self.interval_ms);
            let spans = self.spans.clone();
            self.ticks = Some(Ticks::new(SCENARIO, self.from_ms, self.interval_ms, spans));
        }
        (&mut self.lives, self.interval_ms)
    }

    /// The usual time between two readings, once it is known.
    pub fn interval_ms(&self) -> Option<i64> {
        self.ticks.is_some().then_some(self.interval_ms)
    }

    /// Containers found so far.
    pub fn containers(&self) -> usize {
        self.lives.containers().len()
    }

    /// Writes a part of the window that ends at `end_ms`.
    pub fn part(&mut self, told: Told, end_ms: i64) -> io::Result<()> {
        let mut events = told.events.into_iter().peekable();
        // What is there at the beginning belongs to no phase yet.
        if self.begun == 0 {
            self.event_at(
                self.from_ms,
                EventKind::ScenarioStart { scenario: SCENARIO.into(), params: self.params.clone() },
            )?;
            let fresh = (self.from_ms + 3 * self.interval_ms) as f64 / 1e3;
            let early = |event: &Happened| matches!(event, Happened::Seen(_, t) if *t <= fresh);
            while let Some(Happened::Seen(container, _)) = events.next_if(|e| early(e)) {
                self.event_at(self.from_ms, EventKind::Container(container))?;
            }
            self.phases_until(self.from_ms)?;
        }
        for happened in events {
            let at_ms = (happened.t() * 1e3) as i64;
            self.phases_until(at_ms)?;
            self.event_at(
                at_ms,
                match happened {
                    Happened::Seen(container, _) => EventKind::Container(container),
                    Happened::Stack(event) => EventKind::Stack(event),
                },
            )?;
        }
        self.phases_until(end_ms)?;
        for sample in told.samples {
            if self.is_thinned(&sample.name, sample.at_ms) {
                self.thinned += 1;
                continue;
            }
            self.readings += 1;
            if let Some(tick) = self.ticks.as_mut().and_then(|ticks| ticks.push(sample)) {
                self.journal.tick(&tick)?;
            }
        }
        let holes = self.ticks.as_mut().map(Ticks::holes).unwrap_or_default();
        for hole in holes {
            self.hole(&hole, "no samples");
        }
        Ok(())
    }

    /// Says, and records, that a part of the window could not be read.
    pub fn unread(&mut self, from_ms: i64, to_ms: i64, why: &str) -> io::Result<()> {
        let message = format!("{} to {} was not read: {why}", shown(from_ms), shown(to_ms));
        tell::people(format!("  {message}"));
        self.event_at(from_ms, EventKind::Source { source: SourceKind::Prometheus, message })
    }

    /// Records a warning of the report.
    pub fn warn(&mut self, message: String) -> io::Result<()> {
        tell::people(format!("  {message}"));
        self.event_at(self.from_ms, EventKind::Warning { message })
    }

    fn is_thinned(&mut self, name: &str, at_ms: i64) -> bool {
        let Some(step) = self.step_ms else { return false };
        let slot = at_ms.div_euclid(step);
        match self.keep.get_mut(name) {
            Some(kept) if *kept == slot => true,
            Some(kept) => {
                *kept = slot;
                false
            }
            None => {
                self.keep.insert(name.to_owned(), slot);
                false
            }
        }
    }

    fn hole(&mut self, hole: &Hole, what: &str) {
        self.holes += 1;
        if self.holes <= TOLD_HOLES {
            let seconds = (hole.to_ms - hole.from_ms) as f64 / 1e3;
            tell::people(format!(
                "  gap: {}: {what} for {seconds:.0} s after {}",
                hole.name,
                shown(hole.from_ms)
            ));
        }
    }

    /// Ends and begins the phases whose borders lie before a moment.
    fn phases_until(&mut self, at_ms: i64) -> io::Result<()> {
        while let Some(span) = self.spans.get(self.begun).cloned() {
            let first = self.begun == 0;
            if !first && span.from_ms >= at_ms {
                return Ok(());
            }
            if !first {
                self.phase_end(self.begun - 1)?;
            }
            let index = self.begun as u32;
            self.begun += 1;
            self.event_at(
                span.from_ms,
                EventKind::PhaseStart {
                    scenario: SCENARIO.into(),
                    phase: span.name.clone(),
                    index,
                    interval_s: self.interval_ms as f64 / 1e3,
                    planned_s: Some((span.to_ms - span.from_ms) as f64 / 1e3),
                    level: None,
                    speed: None,
                    sampled: true,
                },
            )?;
        }
        Ok(())
    }

    fn phase_end(&mut self, index: usize) -> io::Result<()> {
        let Some(span) = self.spans.get(index).cloned() else { return Ok(()) };
        self.event_at(
            span.to_ms,
            EventKind::PhaseEnd {
                scenario: SCENARIO.into(),
                phase: span.name,
                index: index as u32,
                reason: "after".into(),
            },
        )
    }

    fn event_at(&mut self, at_ms: i64, kind: EventKind) -> io::Result<()> {
        let at = (at_ms - self.from_ms) as f64 / 1e3;
        self.journal.event(&Event { at, t: at_ms as f64 / 1e3, kind })
    }

    /// Writes the end of the window, and run.json as a whole.
    pub fn finish(mut self, ended: &Ended) -> io::Result<()> {
        if let Some(tick) = self.ticks.as_mut().and_then(Ticks::close) {
            self.journal.tick(&tick)?;
        }
        let reason = ended.reason();
        let complete = reason.is_none();
        let gone = self.ticks.as_ref().map(|t| t.gone(self.to_ms)).filter(|_| complete);
        for hole in gone.unwrap_or_default() {
            self.hole(&hole, "no more samples");
        }
        if self.holes > TOLD_HOLES {
            tell::people(format!(
                "  and {} more gaps (each is in samples.jsonl)",
                self.holes - TOLD_HOLES
            ));
        }
        if self.begun > 0 {
            if complete {
                self.phases_until(self.to_ms)?;
                self.phase_end(self.begun - 1)?;
            }
            self.event_at(
                self.to_ms,
                EventKind::ScenarioEnd {
                    scenario: SCENARIO.into(),
                    aborted: !complete,
                    reason: reason.map(str::to_owned),
                    metadata: Value::Null,
                },
            )?;
        }
        self.event_at(self.to_ms, EventKind::RunEnd { abort_reason: reason.map(str::to_owned) })?;
        let containers = self.lives.containers();
        self.journal.begin(&containers, self.sources).map_err(io::Error::other)?;
        self.journal.finish()
    }
}
