//! A container of the stack: the key it has in every result, and what is known about it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What limits a container.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Memory limit, bytes; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// CPU limit, cores (quota / period); absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<f64>,
    /// Tasks limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pids: Option<u64>,
}

/// State of the main process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Made, not started yet.
    Created,
    /// Running.
    Running,
    /// Frozen by the engine.
    Paused,
    /// Ended; the restart policy waits before the next start.
    Restarting,
    /// Ended.
    Exited,
    /// Being removed, or dead for the engine.
    Dead,
}

/// What the health check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// No health check is configured.
    None,
    /// No answer yet.
    Starting,
    /// The last check passed.
    Healthy,
    /// Checks failed as often as the retries allow.
    Unhealthy,
}

/// One container (or one process of a process stack) at one time.
///
/// `name` is the key everywhere: the explicit `container_name`, else the compose service
/// (`service-2` for replicas), else the engine's name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Container {
    /// Key in all results.
    pub name: String,
    /// The engine's id; for a process, `pid-<first pid>`. A recreated container has a new one.
    pub id: String,
    /// The engine's name (`demo_simulation_1`).
    pub engine_name: String,
    /// The compose service, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Counts the lives of this name within a run from 0: a restart or recreation is a new one.
    /// Rates are only made within one incarnation.
    pub incarnation: u32,
    /// Pid of the main process in the host's pid namespace, while it runs on this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    /// When this incarnation started, RFC 3339, as the engine says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// State of the main process.
    pub state: RunState,
    /// What the health check says.
    pub health: Health,
    /// Exit code of a container that ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// Restarts by the restart policy, as the engine counts them.
    #[serde(default)]
    pub restart_count: u64,
    /// The engine's `OOMKilled` flag; its meaning differs between versions.
    #[serde(default)]
    pub oom_killed: bool,
    /// A one-shot (`restart: no` or `on-failure`): nothing starts it again once it ended with 0, which means
    /// ready.
    #[serde(default)]
    pub one_shot: bool,
    /// Limits.
    #[serde(default)]
    pub limits: Limits,
    /// Image reference and digest or id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Ports published on the host: container port -> `host:port`.
    #[serde(default, with = "ports", skip_serializing_if = "BTreeMap::is_empty")]
    pub ports: BTreeMap<u16, String>,
}

impl Container {
    /// A running container of which only its name is known; engine name and id are the same word.
    #[must_use]
    pub fn named(name: &str) -> Container {
        Container {
            name: name.to_string(),
            id: name.to_string(),
            engine_name: name.to_string(),
            service: None,
            incarnation: 0,
            pid: None,
            started_at: None,
            state: RunState::Running,
            health: Health::None,
            exit_code: None,
            restart_count: 0,
            oom_killed: false,
            one_shot: false,
            limits: Limits::default(),
            image: None,
            ports: BTreeMap::new(),
        }
    }
}

/// Ports as text: an event is a tagged map, in which serde cannot turn a key back into a number.
mod ports {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(
        ports: &BTreeMap<u16, String>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        let text: BTreeMap<String, &String> =
            ports.iter().map(|(port, at)| (port.to_string(), at)).collect();
        text.serialize(s)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<BTreeMap<u16, String>, D::Error> {
        let text = BTreeMap::<String, String>::deserialize(d)?;
        let ports = text.into_iter().map(|(port, at)| Ok((port.parse()?, at)));
        ports.collect::<Result<_, std::num::ParseIntError>>().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use crate::model::{Event, EventKind};

    #[test]
    fn a_container_with_ports_survives_an_event_line() {
        let text = r#"{"at":1.0,"t":2.0,"event":"container","name":"web","id":"a","engine_name":"w",
            "incarnation":0,"state":"running","health":"none","ports":{"8000":"127.0.0.1:3"}}"#;
        let event: Event = serde_json::from_str(text).expect("an event");
        let EventKind::Container(container) = &event.kind else { panic!("no container") };
        assert_eq!(container.ports.get(&8000).map(String::as_str), Some("127.0.0.1:3"));
        let again = serde_json::to_string(&event).expect("a line");
        assert_eq!(serde_json::from_str::<Event>(&again).expect("an event"), event);
    }
}
