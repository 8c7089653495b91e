//! Hooks: commands in containers, commands on this machine, HTTP calls, each with a time limit and a
//! bound on what is kept of its output.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use bollard::Docker;

mod command;
mod exec;
mod http;
mod output;
#[cfg(test)]
mod tests;

use crate::config::{HookAct, HookConfig};
use crate::model::{Container, RunState};
use crate::session::ports::{HookDone, Hooks};
use output::Kept;

/// How a hook went wrong, in words with the remedy.
pub(crate) type Failure = String;

/// Runs hooks.
#[derive(Default)]
pub struct HookRunner {
    engine: Option<exec::Engine>,
    /// Where services are, as the load and sources are told it.
    places: RwLock<Vec<Container>>,
}

impl HookRunner {
    /// Hooks of a stack without an engine: `exec` runs beside a service's process.
    #[must_use]
    pub fn local() -> HookRunner {
        HookRunner::default()
    }

    /// Hooks of a stack on an engine; `remote`: it runs on another machine.
    #[must_use]
    pub fn of_engine(docker: Docker, remote: bool) -> HookRunner {
        HookRunner { engine: Some(exec::Engine { docker, remote }), ..HookRunner::default() }
    }

    async fn act(&self, hook: &HookConfig, kept: &Kept) -> Result<(), Failure> {
        match &hook.act {
            HookAct::Command { command } => command::run(command, &[], kept).await,
            HookAct::Exec { container, command } => self.exec(container, command, kept).await,
            HookAct::Http { address, call } => {
                let places = self.places.read().unwrap_or_else(PoisonError::into_inner).clone();
                http::call(address, call, hook.timeout, &places, kept).await
            }
        }
    }

    async fn exec(&self, name: &str, command: &[String], kept: &Kept) -> Result<(), Failure> {
        let found = {
            let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
            places.iter().find(|container| container.name == name).cloned()
        };
        let Some(container) = found else {
            return Err(format!("there is no container {name}; correct hook.container"));
        };
        if container.state != RunState::Running {
            return Err(format!("{name} does not run"));
        }
        match &self.engine {
            Some(engine) => engine.run(&container, command, kept).await,
            None => {
                let pid = container.pid.map(|pid| pid.to_string()).unwrap_or_default();
                let env = [
                    ("RUNNER_CONTAINER".to_string(), container.name.clone()),
                    ("RUNNER_PID".to_string(), pid),
                ];
                command::run(command, &env, kept).await
            }
        }
    }
}

#[async_trait]
impl Hooks for HookRunner {
    async fn run(&self, hook: &HookConfig, containers: &[Container]) -> HookDone {
        *self.places.write().unwrap_or_else(PoisonError::into_inner) = containers.to_vec();
        let kept = Kept::default();
        let result = tokio::time::timeout(hook.timeout, self.act(hook, &kept)).await;
        let failure = match result {
            Ok(Ok(())) => None,
            Ok(Err(why)) => Some(why),
            Err(_) => Some(format!(
                "it did not end within {}; it was ended (hook.timeout sets the limit)",
                seconds(hook.timeout)
            )),
        };
        let (output, left_out) = kept.take();
        HookDone { output, left_out, failure }
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}
