//! Agents of a simulation, driven through its control API.
//!
//! Level = agents of the first kind; the other kinds follow in their proportion. What was asked
//! for is counted here, since the driven system only knows what has arrived.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::time::Instant;

mod answer;
mod api;
#[cfg(test)]
mod tests;

use crate::config::{AgentsLoad, Spawn};
use crate::load::answers::Answers;
use crate::model::LoadReport;
use crate::session::ports::{Load, LoadError};
use api::{Api, CallError};

/// Time limit of a health call.
const HEALTH_LIMIT: Duration = Duration::from_secs(5);
/// Time limit of a call that a report is made from: a late report is worth nothing.
const REPORT_LIMIT: Duration = Duration::from_secs(2);
/// Time for the API to come up before the first load.
const UP_LIMIT: Duration = Duration::from_secs(60);
/// Time between health calls while it comes up.
const UP_POLL: Duration = Duration::from_millis(250);

/// The load.
pub struct Agents {
    config: AgentsLoad,
    api: Api,
    up_limit: Duration,
    /// Agents asked for since the last reset, by kind.
    asked: Mutex<Vec<u32>>,
    /// The one kind that is driven, where it is one.
    only: Mutex<Option<usize>>,
    /// Keeps calls that change something in order.
    order: tokio::sync::Mutex<()>,
    /// The API answered that it has no performance call.
    no_performance: AtomicBool,
    /// What became of the calls that ask for agents, by kind.
    answers: Answers,
    /// Why the API that is waited for is not up.
    not_up: Mutex<Option<String>>,
}

impl Agents {
    /// A load for this API. Nothing is called yet.
    ///
    /// # Errors
    /// An address or header that cannot be used.
    pub fn new(config: AgentsLoad) -> Result<Agents, LoadError> {
        Ok(Agents {
            api: Api::new(&config)?,
            asked: Mutex::new(vec![0; config.spawn.len()]),
            answers: Answers::of(config.spawn.iter().map(|spawn| spawn.name.clone())),
            only: Mutex::new(None),
            config,
            up_limit: UP_LIMIT,
            order: tokio::sync::Mutex::new(()),
            no_performance: AtomicBool::new(false),
            not_up: Mutex::new(None),
        })
    }

    /// Waits so long for the API to come up, instead of a minute.
    #[must_use]
    pub fn with_up_limit(mut self, limit: Duration) -> Agents {
        self.up_limit = limit;
        self
    }

    /// One health call (5 s at most): what `check` asks.
    ///
    /// # Errors
    /// The API is not up, with the remedy.
    pub async fn health(&self) -> Result<(), LoadError> {
        let limit = self.config.timeout.min(HEALTH_LIMIT);
        self.api.call(&self.config.health, None, Some(limit)).await?;
        Ok(())
    }

    async fn wait_until_up(&self) -> Result<(), LoadError> {
        let deadline = Instant::now() + self.up_limit;
        loop {
            let health = self.health().await;
            let why = health.as_ref().err().map(ToString::to_string);
            *self.not_up.lock().unwrap_or_else(PoisonError::into_inner) = why;
            match health {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() >= deadline => {
                    let waited = self.up_limit.as_secs_f64();
                    return Err(LoadError(format!("not up within {waited} s: {error}")));
                }
                Err(_) => tokio::time::sleep(UP_POLL).await,
            }
        }
    }

    /// Whether it runs already. A system that stands still without any agent is a fresh one (the
    /// stack was reset): what was asked of the old one is forgotten.
    async fn runs_already(&self) -> bool {
        let Ok(status) = self.api.json(&self.config.status, None, None).await else {
            return false;
        };
        let report = answer::report(&self.config, 0, &status, None, None);
        let runs = report.state.is_some_and(|s| same(&s, &self.config.running_state));
        if !runs && report.active == Some(0) {
            self.forget_asked();
        }
        runs
    }

    fn asked(&self, kind: usize) -> u32 {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.get(kind).copied().unwrap_or(0)
    }

    fn add_asked(&self, kind: usize, count: u32) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sum) = asked.get_mut(kind) {
            *sum = sum.saturating_add(count);
        }
    }

    fn forget_asked(&self) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.fill(0);
    }

    /// The level asked for so far: told by the first kind, or by the one that is driven alone.
    fn queued(&self) -> u32 {
        let kind = self.driven_alone().unwrap_or(0);
        let per_level = self.config.spawn.get(kind).map_or(1.0, |spawn| spawn.per_level);
        answer::level_of(f64::from(self.asked(kind)), per_level).unwrap_or(0)
    }

    fn driven_alone(&self) -> Option<usize> {
        *self.only.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tops one kind up. What was taken before a call failed is counted.
    async fn spawn(&self, kind: usize, spawn: &Spawn, level: u32) -> Result<(), CallError> {
        let wanted = answer::agents_for(level, spawn.per_level);
        let count = wanted.saturating_sub(self.asked(kind));
        for batch in answer::batches(count, spawn.max_per_call) {
            let body = json!({ "count": batch });
            let called = self.api.call(&spawn.call, Some(body), None).await;
            if let Err(error) = called {
                self.answers.failed(kind, &error.cause, error.message.clone());
                return Err(error);
            }
            self.answers.answered(kind);
            self.add_asked(kind, batch);
        }
        Ok(())
    }

    async fn performance(&self) -> Option<Value> {
        let call = self.config.performance.as_ref()?;
        if self.no_performance.load(Ordering::Relaxed) {
            return None;
        }
        let answer = self.api.json(call, None, Some(self.report_limit())).await;
        if let Err(CallError { status: Some(StatusCode::NOT_FOUND), .. }) = &answer {
            self.no_performance.store(true, Ordering::Relaxed);
        }
        answer.ok()
    }

    fn report_limit(&self) -> Duration {
        self.config.timeout.min(REPORT_LIMIT)
    }
}

#[async_trait]
impl Load for Agents {
    async fn start(&self) -> Result<(), LoadError> {
        self.wait_until_up().await?;
        let _order = self.order.lock().await;
        // Starting what runs already is an error for some systems.
        if self.runs_already().await {
            return Ok(());
        }
        self.api.call(&self.config.start, None, None).await?;
        Ok(())
    }

    async fn reach(&self, level: u32) -> Result<(), LoadError> {
        let _order = self.order.lock().await;
        let only = self.driven_alone();
        for (kind, spawn) in self.config.spawn.iter().enumerate() {
            if only.is_some_and(|only| only != kind) {
                continue;
            }
            self.spawn(kind, spawn, level).await?;
        }
        Ok(())
    }

    async fn pause(&self) -> Result<(), LoadError> {
        let _order = self.order.lock().await;
        self.api.call(&self.config.pause, None, None).await?;
        Ok(())
    }

    async fn resume(&self) -> Result<(), LoadError> {
        let _order = self.order.lock().await;
        self.api.call(&self.config.start, None, None).await?;
        Ok(())
    }

    async fn speed(&self, multiplier: f64) -> Result<(), LoadError> {
        let _order = self.order.lock().await;
        let body = json!({ "multiplier": crate::model::figure::Number(multiplier) });
        self.api.call(&self.config.speed, Some(body), None).await?;
        Ok(())
    }

    async fn reset(&self) -> Result<(), LoadError> {
        let _order = self.order.lock().await;
        self.api.call(&self.config.reset, None, None).await?;
        self.forget_asked();
        self.only(None)
    }

    fn only(&self, task: Option<&str>) -> Result<(), LoadError> {
        let of = |name: &str| self.config.spawn.iter().position(|spawn| spawn.name == name);
        let kind = match task {
            None => None,
            Some(name) => Some(of(name).ok_or_else(|| {
                LoadError(format!("there is no kind of agents named {name}; see [[load.spawn]]"))
            })?),
        };
        *self.only.lock().unwrap_or_else(PoisonError::into_inner) = kind;
        Ok(())
    }

    async fn stop(&self) -> Result<(), LoadError> {
        // Not in order: an interrupt does not wait for a spawn under way.
        self.api.call(&self.config.stop, None, None).await?;
        Ok(())
    }

    async fn report(&self) -> Result<LoadReport, LoadError> {
        let limit = Some(self.report_limit());
        let (status, spawn_status, performance) = tokio::join!(
            self.api.json(&self.config.status, None, limit),
            self.api.json(&self.config.spawn_status, None, limit),
            self.performance(),
        );
        let mut report = answer::report(
            &self.config,
            self.queued(),
            &status?,
            spawn_status.ok().as_ref(),
            performance.as_ref(),
        );
        self.answers.put("calls", false, &mut report.metrics);
        Ok(report)
    }

    fn trouble(&self) -> Option<String> {
        self.not_up.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn drained(&self, report: &LoadReport) -> bool {
        let state = report.state.as_deref();
        state.is_some_and(|state| same(state, &self.config.drained_state))
    }

    fn relocate(&self, resolve: &(dyn Fn(&str, u16) -> Option<String> + Sync)) {
        self.api.relocate(resolve);
        self.no_performance.store(false, Ordering::Relaxed);
    }
}

/// States are compared without case.
fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}
