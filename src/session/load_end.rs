//! What the load did by the end of a phase: an action that is not done, agents of whom none ever came,
//! requests of which none was answered. What was measured then was measured without a load.

use std::time::Duration;

use crate::analysis::capacity::Work;
use crate::config::{Action, PhaseConfig};
use crate::model::{EventKind, LoadReport};
use crate::scenario::record::Record;
use crate::scenario::{PhaseEnd, Planned};

use super::load_driver::{Latest, LoadAction, Unfinished};
use super::outcome::Abort;
use super::phases::Place;
use super::run::{Io, Session};

/// What a scenario has seen of its load.
#[derive(Debug, Clone, Default)]
pub(super) struct LoadSeen {
    /// Most of it that was there since it was last reset; none where nobody said.
    most_active: Option<u32>,
    /// What it had counted when the scenario before was over.
    counted_before: Work,
}

impl LoadSeen {
    /// A scenario begins.
    pub(super) fn begin(&mut self) {
        self.most_active = None;
    }

    /// The load was reset.
    pub(super) fn reset(&mut self) {
        self.most_active = None;
    }

    /// A report that may be about the level.
    pub(super) fn heard(&mut self, latest: &Latest) {
        let active = latest.report.as_ref().and_then(|report| report.active);
        self.most_active = self.most_active.max(active);
    }
}

impl Session {
    /// The end of a phase, or that the load failed where its actions are not done by then, or none of
    /// it ever came.
    pub(super) fn with_load(
        &mut self,
        place: &Place<'_>,
        end: PhaseEnd,
        record: &mut Record,
    ) -> Io<PhaseEnd> {
        // What is done by now is not under way.
        while let Some(outcome) = self.outcome_now() {
            if let Some(why) = self.load_outcome(&outcome, record)? {
                return Ok(if is_cut(&end) { end } else { PhaseEnd::LoadFailed(why) });
            }
        }
        let Some(driver) = self.parts.load.as_ref() else { return Ok(end) };
        if let Some(unfinished) = driver.unfinished() {
            let next = place.planned.spec.phases.get(place.index as usize + 1);
            if !may_last(place.phase, next, &end, &unfinished, record.level()) {
                return self.not_done(place, &unfinished, record);
            }
        }
        if end == PhaseEnd::TimedOut("spawn_timeout") {
            let latest = driver.latest();
            self.seen.heard(&latest);
            if self.seen.most_active == Some(0) && record.level() > 0 {
                let text = format!("not one agent came: {}", there(&latest, record.level()));
                self.load_error(&LoadAction::Reach(record.level()), &text, record)?;
                return Ok(PhaseEnd::LoadFailed(text));
            }
        }
        Ok(end)
    }

    /// Records that an action was not done when its phase ended.
    fn not_done(
        &mut self,
        place: &Place<'_>,
        unfinished: &Unfinished,
        record: &Record,
    ) -> Io<PhaseEnd> {
        let lasted = self.parts.clock.now() - unfinished.since;
        let why = unfinished.why.clone().unwrap_or_else(|| "no answer yet".to_string());
        let error =
            format!("not done when phase {} ended, after {lasted:.0} s: {why}", place.phase.name);
        self.load_error(&unfinished.action, &error, record)?;
        Ok(PhaseEnd::LoadFailed(format!("{}: {error}", unfinished.action)))
    }

    fn load_error(&mut self, action: &LoadAction, error: &str, record: &Record) -> Io<()> {
        let (action, value) = action.words();
        self.event(EventKind::Load {
            action: action.to_string(),
            value,
            task: None,
            queued: Some(record.level()),
            error: Some(error.to_string()),
        })
    }

    /// Why nothing of what a scenario measured was under load: none of its requests was answered. A
    /// scenario that goes on is given up only when some have failed.
    pub(super) async fn unanswered(
        &mut self,
        planned: &Planned,
        record: &Record,
        is_over: bool,
    ) -> Option<Abort> {
        let driver = self.parts.load.as_ref().filter(|_| record.level() > 0)?;
        let since = |report: &LoadReport| {
            counted(report).map(|work| work.since(self.seen.counted_before).unwrap_or(work))
        };
        if since(&driver.latest().report?)?.answered > 0.0 {
            return None;
        }
        // The latest report may be a second old.
        let load = driver.load();
        let asked = tokio::time::timeout(Duration::from_secs(1), load.report());
        let report = asked.await.ok()?.ok()?;
        let work = since(&report)?;
        let number = |name: &str| report.metrics.get(name).copied().unwrap_or(0.0);
        let waits = number("in_flight") + number("missed") > 0.0;
        if work.answered > 0.0 || !(work.failed > 0.0 || (is_over && waits)) {
            return None;
        }
        let why = load.trouble().unwrap_or_else(|| "no answer yet".to_string());
        Some(Abort {
            reason: "load_failed",
            message: format!(
                "nothing was answered in scenario {}: {:.0} requests failed, {:.0} are under way; \
                 {why}",
                planned.spec.name,
                work.failed,
                number("in_flight")
            ),
            environment: false,
        })
    }

    /// A scenario is over: what the load counted in it is not the next one's.
    pub(super) fn load_is_over(&mut self) {
        let latest = self.parts.load.as_ref().and_then(|driver| driver.latest().report);
        if let Some(work) = latest.as_ref().and_then(counted) {
            self.seen.counted_before = work;
        }
    }

    /// How much of the load is there when its time to come is over, in words.
    pub(super) fn load_there(&self, record: &Record) -> String {
        let latest = self.parts.load.as_ref().map(|driver| driver.latest()).unwrap_or_default();
        there(&latest, record.level())
    }
}

fn counted(report: &LoadReport) -> Option<Work> {
    Work::counted(report.metrics.iter().map(|(name, value)| (name.as_str(), *value)))
}

/// `12 of 20 are there, 8 pending, 2 calls for riders failed`.
fn there(latest: &Latest, level: u32) -> String {
    let report = latest.report.as_ref();
    let mut text = match report.and_then(|report| report.active) {
        Some(active) => format!("{active} of {level} are there"),
        None => format!("how many of {level} are there is not known"),
    };
    if let Some(pending) = report.and_then(|report| report.metrics.get("pending")) {
        text.push_str(&format!(", {pending:.0} pending"));
    }
    for (name, failed) in report.iter().flat_map(|report| &report.metrics) {
        if let Some(kind) = name.strip_prefix("failures.").filter(|_| *failed > 0.0) {
            text.push_str(&format!(", {failed:.0} calls for {kind} failed"));
        }
    }
    if let Some(error) = &latest.error {
        text.push_str(&format!("; {error}"));
    }
    text
}

/// It was ended from outside; what the load did then says nothing.
fn is_cut(end: &PhaseEnd) -> bool {
    matches!(end, PhaseEnd::Interrupted | PhaseEnd::Oom(_) | PhaseEnd::LoadFailed(_))
}

fn ramps(phase: &PhaseConfig) -> bool {
    phase.actions.iter().any(|action| matches!(action, Action::Ramp { .. }))
}

/// Whether an action may be under way at the end of a phase. A batch of a ramp may, where the ramp
/// had come to a level and nothing says that it fails; and what was asked before a ramp, for batches
/// wait for it.
fn may_last(
    phase: &PhaseConfig,
    next: Option<&PhaseConfig>,
    end: &PhaseEnd,
    unfinished: &Unfinished,
    level: u32,
) -> bool {
    if is_cut(end) {
        return true;
    }
    if ramps(phase) {
        let is_batch = matches!(unfinished.action, LoadAction::Reach(_));
        let fails = unfinished.failed_tries > 0;
        return matches!(end, PhaseEnd::Threshold(_)) || (is_batch && level > 0 && !fails);
    }
    matches!(end, PhaseEnd::Threshold(_)) || next.is_some_and(ramps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DurationLeak, Stress, StressLimits};
    use crate::model::event::Trigger;
    use crate::scenario::builtin;

    fn unfinished(action: LoadAction, failed_tries: u32) -> Unfinished {
        Unfinished { action, since: 0.0, failed_tries, why: None }
    }

    fn threshold() -> PhaseEnd {
        PhaseEnd::Threshold(Trigger {
            container: "web".into(),
            metric: "cpu".into(),
            value: 95.0,
            threshold: 90.0,
            cores: None,
        })
    }

    #[test]
    fn a_batch_under_way_at_the_end_of_a_ramp_is_no_failure_and_one_that_fails_is() {
        let phases = builtin::stress(&Stress::default()).phases;
        let [_, ramp] = &phases[..] else { panic!("idle and ramp") };
        let batch = |tries| unfinished(LoadAction::Reach(30), tries);
        let may = |end: &PhaseEnd, tries, level| may_last(ramp, None, end, &batch(tries), level);
        assert!(may(&PhaseEnd::After, 0, 20));
        assert!(!may(&PhaseEnd::After, 1, 20));
        assert!(!may(&PhaseEnd::After, 0, 0), "nothing was ever taken");
        assert!(may(&threshold(), 1, 20), "an overload is what stress looks for");
        let start = unfinished(LoadAction::Start, 0);
        assert!(!may_last(ramp, None, &PhaseEnd::After, &start, 0));
    }

    #[test]
    fn what_was_asked_before_a_ramp_may_last_into_it_and_into_nothing_else() {
        let stress = builtin::stress(&Stress::default()).phases;
        let start = unfinished(LoadAction::Start, 0);
        assert!(may_last(&stress[0], stress.get(1), &PhaseEnd::After, &start, 0));
        let duration = builtin::duration(&DurationLeak::default(), &StressLimits::default()).phases;
        let timed_out = PhaseEnd::TimedOut("spawn_timeout");
        assert!(!may_last(&duration[0], duration.get(1), &timed_out, &start, 0));
        assert!(may_last(&duration[0], duration.get(1), &PhaseEnd::Interrupted, &start, 0));
    }

    #[test]
    fn what_did_not_come_is_told_with_pending_and_failed_agents() {
        let metrics = [("pending", 8.0), ("failures.riders", 2.0), ("failures.drivers", 0.0)];
        let report = LoadReport {
            active: Some(12),
            metrics: metrics.map(|(name, count)| (name.to_string(), count)).into(),
            ..LoadReport::default()
        };
        let latest = Latest { at: 1.0, report: Some(report), error: None };
        let wanted = "12 of 20 are there, 8 pending, 2 calls for riders failed";
        assert_eq!(there(&latest, 20), wanted);
        let unknown = Latest { error: Some("GET /status: 404".to_string()), ..Latest::default() };
        assert!(there(&unknown, 20).ends_with("is not known; GET /status: 404"));
    }
}
