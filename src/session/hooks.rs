//! Hooks in a run: between phases, beside the ticks, and never its end unless they are required.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{HookConfig, PhaseConfig, When};
use crate::model::EventKind;
use crate::model::event::HookRun;
use crate::scenario::Planned;
use crate::scenario::record::Record;

use super::beside::Between;
use super::outcome::Abort;
use super::ports::{HookDone, Hooks};
use super::run::{Io, Session, record_failed};

/// A hook that does not even end at its own limit is given up after so much more.
const GRACE: Duration = Duration::from_secs(5);

/// Sampling interval where a scenario has no phase.
const INTERVAL: Duration = Duration::from_secs(2);

/// What hooks mean for the run.
pub(super) enum AfterHooks {
    /// It goes on.
    GoOn,
    /// A signal came.
    Interrupted,
    /// One that is required failed.
    Failed(Abort),
}

impl Session {
    /// Runs the hooks of a border, in the order of the config: of a phase, or of the scenario where
    /// `phase` is none.
    pub(super) async fn hooks_at(
        &mut self,
        planned: &Planned,
        phase: Option<&PhaseConfig>,
        when: When,
        record: &mut Record,
    ) -> Io<AfterHooks> {
        let config = Arc::clone(&self.parts.config);
        let Some(hooks) = self.parts.hooks.clone() else { return Ok(AfterHooks::GoOn) };
        let name = phase.map(|phase| phase.name.as_str());
        let here = config.hooks.iter().filter(|hook| hook.is_at(&planned.spec.name, name, when));
        for hook in here {
            let interval = phase.or(planned.spec.phases.first()).map_or(INTERVAL, |p| p.interval);
            let between = Between { planned, name: format!("hook_{}", hook.name), interval };
            let after = self.hook(hook, &hooks, &between, name, record).await?;
            if !matches!(after, AfterHooks::GoOn) {
                return Ok(after);
            }
        }
        Ok(AfterHooks::GoOn)
    }

    async fn hook(
        &mut self,
        hook: &HookConfig,
        hooks: &Arc<dyn Hooks>,
        between: &Between<'_>,
        phase: Option<&str>,
        record: &mut Record,
    ) -> Io<AfterHooks> {
        self.parts.observer.note(&format!("hook {}", hook.name));
        let started = self.parts.clock.now();
        let containers = self.watcher.containers().to_vec();
        let limit = hook.timeout + GRACE;
        let hooks = Arc::clone(hooks);
        let work = async { tokio::time::timeout(limit, hooks.run(hook, &containers)).await };
        let Some(done) = self.beside(between, record, work).await? else {
            return Ok(AfterHooks::Interrupted);
        };
        let done = done.unwrap_or_else(|_| HookDone {
            failure: Some("it hangs, and was left".to_string()),
            ..HookDone::default()
        });
        let ran = HookRun {
            hook: hook.name.clone(),
            when: hook.when.word().to_string(),
            scenario: between.planned.key.clone(),
            phase: phase.map(str::to_string),
            seconds: self.parts.clock.now() - started,
            ok: done.failure.is_none(),
            file: self.keep_output(hook, &done, started)?,
            message: message(&done),
        };
        self.event(EventKind::Hook(ran))?;
        let Some(why) = done.failure else { return Ok(AfterHooks::GoOn) };
        let message = format!("hook {} failed: {why}", hook.name);
        if hook.required {
            return Ok(AfterHooks::Failed(Abort {
                reason: "hook_failed",
                message,
                environment: false,
            }));
        }
        self.warn(message.clone());
        self.event(EventKind::Warning { message })?;
        Ok(AfterHooks::GoOn)
    }

    fn keep_output(
        &mut self,
        hook: &HookConfig,
        done: &HookDone,
        started: f64,
    ) -> Io<Option<String>> {
        if done.output.is_empty() {
            return Ok(None);
        }
        let name = format!("{}-{started:.0}.out", hook.name);
        let kept = self.parts.recorder.hook_output(&name, &done.output);
        let path = kept.map_err(|error| record_failed(&error))?;
        Ok(Some(path.display().to_string()))
    }
}

fn message(done: &HookDone) -> Option<String> {
    let left_out =
        (done.left_out > 0).then(|| format!("{} bytes of its output were left out", done.left_out));
    let parts: Vec<String> = done.failure.iter().cloned().chain(left_out).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}
