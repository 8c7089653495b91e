//! The stack under test, as configured.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::{mask, seconds};

/// How far a reset may go: the user's consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reset {
    /// Nothing is taken down; what is down may be brought up.
    Never,
    /// Containers are remade, volumes stay.
    Containers,
    /// Containers and volumes are remade.
    Volumes,
}

/// The stack under test.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StackConfig {
    /// What it is made of.
    pub kind: StackKind,
    /// Consent to resets.
    pub reset: Reset,
    /// Consent to take over containers of the same project that this tool did not make.
    pub take_over: bool,
    /// Consent to do all this on an engine that is not on this machine.
    pub allow_remote: bool,
    /// Time until all services must be ready.
    #[serde(serialize_with = "seconds")]
    pub ready_timeout: Duration,
}

/// What the stack is made of.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StackKind {
    /// Services of compose files.
    Compose(Compose),
    /// Local processes.
    Process {
        /// The services.
        services: Vec<ProcessService>,
    },
    /// Containers that already run; never reset, never taken down.
    Attach {
        /// Compose project whose containers are meant.
        project: Option<String>,
        /// Or containers by engine name or id.
        containers: Vec<String>,
    },
}

/// A compose stack.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Compose {
    /// Compose files, absolute.
    pub files: Vec<PathBuf>,
    /// Profiles to enable.
    pub profiles: Vec<String>,
    /// The built-in demo is meant: its files and image are put in place when it is used, and its
    /// services run as local processes where there is no engine.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub demo: bool,
    /// `--project-directory`, absolute: the first file's folder by default.
    pub directory: PathBuf,
    /// Extra environment of the compose tool. Values are never recorded.
    #[serde(skip)]
    pub env: BTreeMap<String, String>,
    /// The config itself names the project: a copy of the files beside another project is meant.
    #[serde(skip)]
    pub project_named: bool,
    /// What of this compose reads by itself, without the config naming it: a line each, for people.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// When a process service is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RestartPolicy {
    /// Whenever it ends.
    Always,
    /// When it ends with another code than 0.
    OnFailure,
    /// Never: a one-shot, ready when it ended with 0.
    No,
}

/// One service of a process stack.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProcessService {
    /// Its key.
    pub name: String,
    /// Program and arguments. `${port:8000}` is its own port, `${address:other:8000}` another
    /// service's `host:port`, `${dir}` a fresh folder of its own (remade at a reset).
    #[serde(serialize_with = "mask::command::serialize")]
    pub command: Vec<String>,
    /// Environment, with the same placeholders. Values are never recorded.
    #[serde(skip)]
    pub env: BTreeMap<String, String>,
    /// Ports it listens on, as the config names them; the real ones are chosen on loopback.
    pub ports: Vec<u16>,
    /// How its health is checked; absent: running is ready.
    pub health: Option<HealthProbe>,
    /// Memory limit, bytes.
    pub memory_bytes: Option<u64>,
    /// CPU limit, cores.
    pub cpus: Option<f64>,
    /// When it is started again.
    pub restart: RestartPolicy,
}

/// A health check of a process service.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HealthProbe {
    /// What is asked.
    pub probe: Probe,
    /// Time between checks.
    #[serde(serialize_with = "seconds")]
    pub interval: Duration,
    /// Time limit of a check.
    #[serde(serialize_with = "seconds")]
    pub timeout: Duration,
    /// Failures in a row that make it unhealthy.
    pub retries: u32,
}

/// What a health check asks.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// `GET path` on one of its ports answers 200.
    Http {
        /// One of the service's ports.
        port: u16,
        /// Path and query.
        #[serde(serialize_with = "mask::serialize")]
        path: String,
    },
    /// A command exits 0.
    Command(#[serde(serialize_with = "mask::command::serialize")] Vec<String>),
}
