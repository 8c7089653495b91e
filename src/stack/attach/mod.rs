//! Containers that already run: watched, never reset, never taken down.

use async_trait::async_trait;

use crate::config::{Config, Reset, StackConfig, StackKind};
use crate::model::{Container, RunState, StackEvent};
use crate::session::ports::{LastWords, ResetReport, Stack, StackError};
use crate::stack::engine::{Engine, Selection, Tracker};

/// Containers of somebody else.
#[derive(Debug)]
pub struct AttachStack {
    tracker: Tracker,
    selection: Selection,
}

impl AttachStack {
    /// Connects to the engine and begins to listen. A remote engine may be watched without
    /// further consent: nothing is changed.
    ///
    /// # Errors
    /// When the engine does not answer, or the config names no containers.
    pub async fn open(config: &Config) -> Result<AttachStack, StackError> {
        AttachStack::open_with(&config.stack, Engine::connect().await?)
    }

    /// The same with a given engine. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the config names no containers.
    pub fn open_with(config: &StackConfig, engine: Engine) -> Result<AttachStack, StackError> {
        let StackKind::Attach { project, containers } = &config.kind else {
            return Err(StackError::environment(
                "the stack of this config is not to be attached to",
            ));
        };
        let selection = match project {
            Some(project) => Selection::Project(project.clone()),
            None if containers.is_empty() => {
                return Err(StackError::environment(
                    "no container to attach to is named; set `stack.project` to a compose project \
                     or `stack.containers` to names or ids",
                ));
            }
            None => Selection::Containers(containers.clone()),
        };
        Ok(AttachStack { tracker: Tracker::start(engine, selection.clone()), selection })
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        self.tracker.engine()
    }

    fn what(&self) -> String {
        match &self.selection {
            Selection::Project(project) => format!("compose project `{project}`"),
            Selection::Containers(names) => format!("containers {}", names.join(", ")),
        }
    }

    /// Names asked for that no container has.
    fn unknown(&self, containers: &[Container]) -> Vec<String> {
        match &self.selection {
            Selection::Project(_) => Vec::new(),
            Selection::Containers(names) => names
                .iter()
                .filter(|n| {
                    let n = n.trim_start_matches('/');
                    !containers.iter().any(|c| c.engine_name == n || c.id.starts_with(n))
                })
                .cloned()
                .collect(),
        }
    }
}

/// What was found, in words: how many run, and who does not and why.
fn found(what: &str, containers: &[Container]) -> String {
    let running = containers.iter().filter(|c| c.state == RunState::Running).count();
    let idle: Vec<String> = containers
        .iter()
        .filter(|c| c.state != RunState::Running)
        .map(|c| match (c.state, c.exit_code) {
            (RunState::Exited, Some(code)) => format!("{} (exited with {code})", c.name),
            (state, _) => format!("{} ({})", c.name, format!("{state:?}").to_lowercase()),
        })
        .collect();
    let mut text = format!("attached to {what}: {running} of {} running", containers.len());
    if !idle.is_empty() {
        text.push_str(&format!("; not running: {}", idle.join(", ")));
    }
    text
}

#[async_trait]
impl Stack for AttachStack {
    async fn reset(&mut self, _: Reset) -> Result<ResetReport, StackError> {
        self.tracker.look_anew();
        let containers = self.tracker.containers().await?;
        let unknown = self.unknown(&containers);
        if !unknown.is_empty() {
            return Err(StackError::environment(format!(
                "no container is called {}; see `docker ps -a`",
                unknown.join(", ")
            )));
        }
        if !containers.iter().any(|c| c.state == RunState::Running) {
            return Err(StackError::environment(format!(
                "{} has no running container on {}; start it, or see `docker ps -a`",
                self.what(),
                self.engine().describe()
            )));
        }
        Ok(ResetReport { what: found(&self.what(), &containers), containers })
    }

    async fn containers(&mut self) -> Result<Vec<Container>, StackError> {
        Ok(self.tracker.containers().await?)
    }

    async fn next_event(&mut self) -> StackEvent {
        self.tracker.next_event().await
    }

    async fn last_words(&mut self, name: &str) -> LastWords {
        self.tracker.last_words(name).await
    }

    fn address(&self, service: &str, port: u16) -> Option<String> {
        self.tracker.address(service, port)
    }

    async fn down(&mut self) -> Result<String, StackError> {
        Ok("left running: it was only attached to".to_owned())
    }

    fn describe(&self) -> String {
        format!("attached to {}, {}", self.what(), self.engine().describe())
    }
}

#[cfg(test)]
mod tests;
