//! What is known about a service, shared between the task that keeps it and those who ask.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::prepare::Prepared;
use crate::config::RestartPolicy;
use crate::model::{Container, Health, Limits, RunState};

/// What is known about a service now.
#[derive(Debug, Clone)]
pub struct State {
    /// State of its first process.
    pub run: RunState,
    /// Its health.
    pub health: Health,
    /// Pid of its first process.
    pub pid: Option<i32>,
    /// Lives so far, from 0, over resets.
    pub incarnation: u32,
    /// Restarts since the reset.
    pub restarts: u64,
    /// Exit code of the last life.
    pub exit_code: Option<i64>,
    /// OOM kills in this life, or in the last one between two lives.
    pub oom_kills: u64,
    /// When this life began, RFC 3339.
    pub started_at: Option<String>,
    /// The same on the monotonic clock.
    pub since: Option<Instant>,
    /// It was healthy, or up for a while, since the reset.
    pub was_ready: bool,
    /// Output of the last health check that failed.
    pub last_check: Option<String>,
    /// Why it could not be started at all.
    pub broken: Option<String>,
}

/// A state that is shared.
#[derive(Debug, Clone)]
pub struct Shared(Arc<Mutex<State>>);

impl Shared {
    /// Not started yet; the first life will be number `incarnation`.
    #[must_use]
    pub fn new(incarnation: u32) -> Shared {
        Shared(Arc::new(Mutex::new(State {
            run: RunState::Created,
            health: Health::None,
            pid: None,
            incarnation,
            restarts: 0,
            exit_code: None,
            oom_kills: 0,
            started_at: None,
            since: None,
            was_ready: false,
            last_check: None,
            broken: None,
        })))
    }

    /// As it is now.
    #[must_use]
    pub fn now(&self) -> State {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes it.
    pub fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl State {
    /// How long this life has lasted.
    #[must_use]
    pub fn running_for(&self) -> Duration {
        match (self.run, self.since) {
            (RunState::Running, Some(since)) => since.elapsed(),
            _ => Duration::ZERO,
        }
    }

    /// The service as a container.
    #[must_use]
    pub fn container(&self, prepared: &Prepared) -> Container {
        let service = &prepared.service;
        let port = |(wanted, real): &(u16, u16)| (*wanted, format!("127.0.0.1:{real}"));
        Container {
            name: service.name.clone(),
            id: prepared.id.clone(),
            engine_name: service.name.clone(),
            service: Some(service.name.clone()),
            incarnation: self.incarnation,
            pid: self.pid,
            started_at: self.started_at.clone(),
            state: self.run,
            health: self.health,
            exit_code: self.exit_code,
            restart_count: self.restarts,
            oom_killed: self.oom_kills > 0,
            one_shot: service.restart != RestartPolicy::Always,
            limits: Limits { memory_bytes: service.memory_bytes, cpus: service.cpus, pids: None },
            image: None,
            ports: prepared.ports.iter().map(port).collect(),
        }
    }
}
