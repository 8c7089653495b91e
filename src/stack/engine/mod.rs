//! The Docker Engine: one connection, every call under a time limit. A hung engine costs an error,
//! never the run.
//!
//! Paths are sent without a version prefix: 20.10 ends at API 1.41, 29.0 begins at 1.44, and each
//! engine answers an unversioned path with its own newest form, which `convert` reads leniently.

mod call;
mod connect;
mod convert;
mod endpoint;
mod events;
mod facts;
mod made;
mod objects;
mod tracker;

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::query_parameters::{
    InspectContainerOptions, ListContainersOptionsBuilder, LogsOptionsBuilder,
};
use futures_util::StreamExt;

pub use call::EngineError;
pub use convert::{Inspected, inspected};
pub use endpoint::{ClientEnv, DEFAULT_SOCKET, Endpoint, Transport};
pub use facts::EngineFacts;
pub use made::{Made, MadeMount};
pub use objects::{NetworkFound, VolumeFound};
pub use tracker::{Selection, Tracker};

use call::{chain, within, within_plain};
use connect::{Clients, clients};
use facts::EngineClock;

use crate::model::Container;
use crate::session::ports::{LastWords, StackError};
use crate::stack::naming::Labels;

/// Time limit of one call. While a container starts, an inspect can stall for seconds.
pub const CALL_LIMIT: Duration = Duration::from_secs(15);
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const LOG_LINES: &str = "100";
const LOG_BYTES: usize = 256 * 1024;

/// A connection to one engine. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    clients: Clients,
    endpoint: Endpoint,
    facts: EngineFacts,
    clock: EngineClock,
}

impl Engine {
    /// Connects to the engine that the docker client would use.
    ///
    /// # Errors
    /// When nobody answers there: with the remedy.
    pub async fn connect() -> Result<Engine, StackError> {
        Engine::connect_to(Endpoint::find().await?).await
    }

    /// Connects to the engine at `endpoint` and asks it who it is.
    ///
    /// # Errors
    /// When nobody answers there: with the remedy.
    pub async fn connect_to(endpoint: Endpoint) -> Result<Engine, StackError> {
        Engine::connect_with(endpoint, Path::new("ssh")).await
    }

    /// The same with the program that serves as `ssh`.
    ///
    /// # Errors
    /// As [`Engine::connect_to`].
    pub async fn connect_with(endpoint: Endpoint, ssh: &Path) -> Result<Engine, StackError> {
        let clients = clients(&endpoint, ssh)?;
        let docker = &clients.docker;
        // A relay's own limits must be over first: it knows more.
        let limit = if clients.relay.is_some() { CALL_LIMIT } else { CONNECT_LIMIT };
        let (facts, clock) = facts::ask(docker, &endpoint, limit).await?;
        Ok(Engine { clients, endpoint, facts, clock })
    }

    /// What is known about it.
    #[must_use]
    pub fn facts(&self) -> &EngineFacts {
        &self.facts
    }

    /// Where it listens.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Where HTTP reaches it from here, as `unix://` or `tcp://`: the endpoint itself, or the
    /// socket of a relay that lives as long as this engine or a clone of it.
    #[must_use]
    pub fn reached_at(&self) -> &str {
        &self.clients.reached_at
    }

    /// Whether it is, or may be, on another machine.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.endpoint.is_remote()
    }

    /// A few words for people: version and where it is.
    #[must_use]
    pub fn describe(&self) -> String {
        let place = if self.is_remote() { "remote, " } else { "" };
        format!("Docker Engine {} ({place}{})", self.facts.version, self.endpoint.host)
    }

    /// The client underneath, for sources that read statistics from it.
    #[must_use]
    pub fn client(&self) -> &Docker {
        &self.clients.docker
    }

    /// A word that tells this engine from others, for locks.
    #[must_use]
    pub fn identity(&self) -> &str {
        self.facts.id.as_deref().unwrap_or(&self.endpoint.host)
    }

    /// Ids of all containers that carry this label (`key=value`), in whatever state.
    ///
    /// # Errors
    /// When the engine does not answer in time, or refuses.
    pub async fn ids_by_label(&self, label: &str) -> Result<Vec<String>, EngineError> {
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let call = self.clients.docker.list_containers(Some(options));
        let list = within("container list", CALL_LIMIT, call).await?;
        Ok(list.into_iter().filter_map(|c| c.id).collect())
    }

    /// Labels of the running containers that carry a label of this name.
    ///
    /// # Errors
    /// When the engine does not answer in time, or refuses.
    pub async fn labels_of_running(&self, name: &str) -> Result<Vec<Labels>, EngineError> {
        let filters = HashMap::from([("label", vec![name])]);
        let options = ListContainersOptionsBuilder::new().filters(&filters).build();
        let call = self.clients.docker.list_containers(Some(options));
        let list = within("container list", CALL_LIMIT, call).await?;
        Ok(list.into_iter().map(|c| c.labels.unwrap_or_default().into_iter().collect()).collect())
    }

    /// One container by id or name; `None` when there is none (any more).
    ///
    /// # Errors
    /// When the engine does not answer in time, or refuses.
    pub async fn inspect(&self, id: &str) -> Result<Option<Inspected>, EngineError> {
        let call = self.clients.docker.inspect_container(id, None::<InspectContainerOptions>);
        match within(&format!("inspect of {id}"), CALL_LIMIT, call).await {
            Ok(answer) => Ok(Some(inspected(answer, self.endpoint.machine()))),
            Err(EngineError::Absent(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Containers with these ids, those that are gone left out.
    ///
    /// # Errors
    /// When the engine does not answer in time, or refuses.
    pub async fn inspect_all(&self, ids: Vec<String>) -> Result<Vec<Inspected>, EngineError> {
        let answers: Vec<_> = futures_util::stream::iter(ids)
            .map(|id| async move { self.inspect(&id).await })
            .buffered(8)
            .collect()
            .await;
        let mut found = Vec::new();
        for answer in answers {
            found.extend(answer?);
        }
        Ok(found)
    }

    /// The end of a container's log and its last health checks. What cannot be read says why.
    pub async fn last_words(&self, container: &Container) -> LastWords {
        let log = match within_plain("log", CALL_LIMIT, self.log_tail(&container.id)).await {
            Ok(log) => log,
            Err(e) => format!("(the log cannot be read: {e})\n"),
        };
        let health = match self.inspect(&container.id).await {
            Ok(Some(found)) if !found.checks.is_empty() => Some(found.checks.join("\n")),
            _ => None,
        };
        LastWords { log, health }
    }

    async fn log_tail(&self, id: &str) -> String {
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail(LOG_LINES).build();
        let mut text = Vec::new();
        let mut stream = Box::pin(self.clients.docker.logs(id, Some(options)));
        while let Some(part) = stream.next().await {
            match part {
                Ok(output) => text.extend_from_slice(&bytes(&output)),
                Err(e) => {
                    text.extend_from_slice(format!("(the log cannot be read: {e})\n").as_bytes());
                    break;
                }
            }
        }
        // The end matters; a line may be endless.
        let from = text.len().saturating_sub(LOG_BYTES);
        String::from_utf8_lossy(&text[from..]).into_owned()
    }

    pub(super) async fn ping(&self, limit: Duration) -> Result<(), EngineError> {
        within("ping", limit, self.clients.docker.ping()).await.map(|_| ())
    }
}

fn bytes(output: &LogOutput) -> Vec<u8> {
    match output {
        LogOutput::StdErr { message }
        | LogOutput::StdOut { message }
        | LogOutput::StdIn { message }
        | LogOutput::Console { message } => message.to_vec(),
    }
}

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod remote_tests;
#[cfg(test)]
mod tests;
