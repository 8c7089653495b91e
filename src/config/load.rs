//! What puts work on the stack, as configured.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::{mask, seconds};

/// The load.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
// There is one in a config.
#[expect(clippy::large_enum_variant)]
pub enum LoadConfig {
    /// Agents of a simulation, driven through its control API.
    Agents(AgentsLoad),
    /// HTTP requests at a fixed rate.
    Http(HttpLoad),
}

impl LoadConfig {
    /// What can be driven alone: the kinds of agents, or the tasks.
    #[must_use]
    pub fn tasks(&self) -> Vec<&str> {
        match self {
            LoadConfig::Agents(agents) => agents.spawn.iter().map(|s| s.name.as_str()).collect(),
            LoadConfig::Http(http) => http.tasks.iter().map(|t| t.name.as_str()).collect(),
        }
    }
}

/// Requests at a fixed rate, whatever the answers take (an open load). The level is requests a
/// second over all tasks, shared out by their weights.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HttpLoad {
    /// `service:port` or a URL ([`Address`](super::Address)).
    #[serde(serialize_with = "mask::serialize")]
    pub address: String,
    /// Headers of every request, credentials included: never recorded.
    #[serde(skip)]
    pub headers: BTreeMap<String, String>,
    /// Time limit of a request.
    #[serde(serialize_with = "seconds")]
    pub timeout: Duration,
    /// Most requests under way; what is due beyond is not sent, and counted as missed.
    pub max_in_flight: u32,
    /// The tasks.
    pub tasks: Vec<HttpTask>,
}

impl Default for HttpLoad {
    fn default() -> Self {
        HttpLoad {
            address: "http://localhost:8000".to_string(),
            headers: BTreeMap::new(),
            timeout: Duration::from_secs(10),
            max_in_flight: 256,
            tasks: Vec::new(),
        }
    }
}

/// One kind of request: `[[load.task]]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HttpTask {
    /// Its name.
    pub name: String,
    /// Method and path.
    pub call: Call,
    /// Body, sent as JSON; absent: none. Never recorded.
    #[serde(skip)]
    pub body: Option<String>,
    /// Its share of the rate, against the others'.
    pub weight: f64,
}

/// One HTTP call of a control API, written `"POST /simulation/start"`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Call {
    /// `GET`, `POST` or `PUT`.
    pub method: String,
    /// Path and query.
    #[serde(serialize_with = "mask::serialize")]
    pub path: String,
}

impl Call {
    /// A call from its two parts.
    #[must_use]
    pub fn new(method: &str, path: &str) -> Call {
        Call { method: method.to_string(), path: path.to_string() }
    }
}

/// How one kind of agent is made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spawn {
    /// The call; its body is `{"count": N}`.
    pub call: Call,
    /// Most agents in one call.
    pub max_per_call: u32,
    /// Agents of this kind for one level (1.0 driver and 1.0 rider).
    pub per_level: f64,
    /// Key of the count in results.json (`drivers`).
    pub name: String,
}

/// A control API. The default is the one of the replaced framework.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AgentsLoad {
    /// `service:port` or a URL ([`Address`](super::Address)).
    #[serde(serialize_with = "mask::serialize")]
    pub address: String,
    /// Headers of every call, credentials included: never recorded.
    #[serde(skip)]
    pub headers: BTreeMap<String, String>,
    /// Time limit of a call.
    #[serde(serialize_with = "seconds")]
    pub timeout: Duration,
    /// Answers 200 when the API is up (5 s limit).
    pub health: Call,
    /// Starts, or goes on after a pause.
    pub start: Call,
    /// Stops for good.
    pub stop: Call,
    /// Stops new work and drains.
    pub pause: Call,
    /// Takes all agents away.
    pub reset: Call,
    /// Sets the speed; its body is `{"multiplier": N}`.
    pub speed: Call,
    /// Tells the state.
    pub status: Call,
    /// JSON pointer to the state in the status.
    pub state: String,
    /// State that means drained, compared without case.
    pub drained_state: String,
    /// State in which agents work, compared without case.
    pub running_state: String,
    /// JSON pointer to the number of agents that are there, in the status.
    pub active: String,
    /// JSON pointer to the speed multiplier in the status.
    pub speed_pointer: String,
    /// Other numbers of the status, name -> JSON pointer.
    pub status_metrics: BTreeMap<String, String>,
    /// Kinds of agents.
    pub spawn: Vec<Spawn>,
    /// Tells how many agents are still to come.
    pub spawn_status: Call,
    /// JSON pointers whose sum is the number of agents still to come.
    pub pending: Vec<String>,
    /// Tells performance figures; absent: not asked.
    pub performance: Option<Call>,
    /// Numbers of the performance answer, name -> JSON pointer.
    pub performance_metrics: BTreeMap<String, String>,
}

impl Default for AgentsLoad {
    fn default() -> Self {
        let pointers = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, at)| ((*name).to_string(), (*at).to_string())).collect()
        };
        let spawn = |name: &str, max_per_call: u32| Spawn {
            call: Call::new("POST", &format!("/agents/{name}?mode=immediate")),
            max_per_call,
            per_level: 1.0,
            name: name.to_string(),
        };
        AgentsLoad {
            address: "http://localhost:8000".to_string(),
            headers: BTreeMap::new(),
            timeout: Duration::from_secs(30),
            health: Call::new("GET", "/health"),
            start: Call::new("POST", "/simulation/start"),
            stop: Call::new("POST", "/simulation/stop"),
            pause: Call::new("POST", "/simulation/pause"),
            reset: Call::new("POST", "/simulation/reset"),
            speed: Call::new("PUT", "/simulation/speed"),
            status: Call::new("GET", "/simulation/status"),
            state: "/state".to_string(),
            drained_state: "PAUSED".to_string(),
            running_state: "RUNNING".to_string(),
            active: "/drivers_total".to_string(),
            speed_pointer: "/speed_multiplier".to_string(),
            status_metrics: pointers(&[("active_trips", "/active_trips_count")]),
            spawn: vec![spawn("drivers", 100), spawn("riders", 2000)],
            spawn_status: Call::new("GET", "/agents/spawn-status"),
            pending: vec!["/drivers_pending".to_string(), "/riders_pending".to_string()],
            performance: Some(Call::new("GET", "/metrics/performance")),
            performance_metrics: pointers(&[("real_time_ratio", "/real_time_ratio")]),
        }
    }
}
