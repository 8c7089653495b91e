//! What an engine says about itself.

use std::time::Duration;

use bollard::Docker;
use serde::Serialize;
use tokio::time::Instant;

use super::call::within;
use super::endpoint::Endpoint;
use crate::session::ports::{StackError, unix_now};

/// What is known about the engine, for run.json and `check`.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct EngineFacts {
    /// Where it listens.
    pub host: String,
    /// Who said so: `DOCKER_HOST`, ``docker context `NAME` ``, `default`.
    pub said_by: String,
    /// How a distant one is reached: `TLS`, `SSH`, `without TLS`; absent for a local socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protection: Option<&'static str>,
    /// Whether it is on another machine.
    pub remote: bool,
    /// Its id; absent where it does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its version (`20.10.24`).
    pub version: String,
    /// The newest API version it speaks.
    pub api_version: String,
    /// `1` or `2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup_version: Option<String>,
    /// `cgroupfs` or `systemd`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup_driver: Option<String>,
    /// `overlay2`, `overlayfs` (containerd image store), ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_driver: Option<String>,
    /// Its operating system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operating_system: Option<String>,
    /// Its kernel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// Logical CPUs of its machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<u64>,
    /// Memory of its machine, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// What it warns of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// The engine's own clock, as far as one answer tells it.
#[derive(Debug, Clone, Copy)]
pub(super) struct EngineClock {
    unix_seconds: f64,
    at: Instant,
}

impl EngineClock {
    /// Unix seconds on the engine's clock now; on ours where it did not say.
    pub fn now(&self) -> f64 {
        self.unix_seconds + self.at.elapsed().as_secs_f64()
    }
}

/// Asks the engine who it is and what time it has.
pub(super) async fn ask(
    docker: &Docker,
    endpoint: &Endpoint,
    limit: Duration,
) -> Result<(EngineFacts, EngineClock), StackError> {
    let version = within("version", limit, docker.version())
        .await
        .map_err(|e| endpoint.unreachable(&e.to_string()))?;
    // Only for the record: an engine that is slow to count its images is still an engine.
    let info = within("info", limit, docker.info()).await.unwrap_or_default();
    let clock = EngineClock {
        unix_seconds: info.system_time.as_deref().and_then(unix_seconds).unwrap_or_else(unix_now),
        at: Instant::now(),
    };
    let text = |value: Option<String>| value.filter(|v| !v.is_empty());
    let facts = EngineFacts {
        host: endpoint.host.clone(),
        said_by: endpoint.said_by.clone(),
        protection: endpoint.protection(),
        remote: endpoint.is_remote(),
        id: text(info.id),
        version: version.version.unwrap_or_default(),
        api_version: version.api_version.unwrap_or_default(),
        cgroup_version: info.cgroup_version.map(|v| v.to_string()),
        cgroup_driver: info.cgroup_driver.map(|v| v.to_string()),
        storage_driver: text(info.driver),
        operating_system: text(info.operating_system),
        kernel: text(info.kernel_version),
        cpus: info.ncpu.and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0),
        memory_bytes: info.mem_total.and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0),
        warnings: info.warnings.unwrap_or_default(),
    };
    Ok((facts, clock))
}

fn unix_seconds(rfc3339: &str) -> Option<f64> {
    let time = chrono::DateTime::parse_from_rfc3339(rfc3339).ok()?;
    Some(time.timestamp_micros() as f64 / 1e6)
}
