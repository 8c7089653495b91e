//! From the engine's answers to the tool's words. Every field may be missing: engines from 20.10
//! to 29 leave out different ones, and what is missing is absent, never zero.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    ContainerInspectResponse, ContainerState, ContainerStateStatusEnum, HealthStatusEnum,
    HostConfig, PortBinding, RestartPolicyNameEnum,
};

use super::made::Made;
use crate::model::{Container, Health, Limits, RunState};
use crate::stack::naming::{self, COMPOSE_SERVICE, Labels};

/// A container as the engine shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspected {
    /// The record; its incarnation is not counted yet.
    pub container: Container,
    /// Its labels.
    pub labels: Labels,
    /// Output of its last health checks (three at most), oldest first.
    pub checks: Vec<String>,
    /// Why the engine could not start it.
    pub error: Option<String>,
    /// It shares the network of the host: its ports need no publishing.
    pub host_network: bool,
    /// When it was made, for the order of two with one key.
    pub created: Option<i64>,
    /// What it was made with.
    pub made: Made,
}

/// The record of an inspect answer; `machine` is where published ports are reached.
#[must_use]
pub fn inspected(answer: ContainerInspectResponse, machine: &str) -> Inspected {
    let made = Made::of(&answer);
    let labels: Labels = answer
        .config
        .as_ref()
        .and_then(|c| c.labels.clone())
        .unwrap_or_default()
        .into_iter()
        .collect();
    let engine_name = answer.name.unwrap_or_default().trim_start_matches('/').to_owned();
    let state = answer.state.unwrap_or_default();
    let host = answer.host_config.unwrap_or_default();
    let run_state = run_state(&state);
    let started_at = state.started_at.clone().filter(|t| is_time(t));
    let image = answer.config.and_then(|c| c.image).filter(|i| !i.is_empty()).or(answer.image);
    let container = Container {
        name: naming::key(&engine_name, &labels),
        id: answer.id.unwrap_or_default(),
        engine_name,
        service: labels.get(COMPOSE_SERVICE).cloned(),
        incarnation: 0,
        pid: state.pid.and_then(|p| i32::try_from(p).ok()).filter(|p| *p > 0),
        exit_code: match run_state {
            RunState::Exited | RunState::Restarting | RunState::Dead => state.exit_code,
            _ => None,
        },
        started_at,
        state: run_state,
        health: health(&state),
        restart_count: answer.restart_count.and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
        oom_killed: state.oom_killed.unwrap_or(false),
        one_shot: one_shot(&host),
        limits: limits(&host),
        image,
        ports: answer
            .network_settings
            .and_then(|n| n.ports)
            .map(|p| ports(&p, machine))
            .unwrap_or_default(),
    };
    Inspected {
        container,
        labels,
        checks: checks(&state),
        error: state.error.filter(|e| !e.is_empty()),
        host_network: host.network_mode.as_deref() == Some("host"),
        created: answer.created.map(|t| t.timestamp_millis()),
        made,
    }
}

/// The engine writes year 1 for "never".
fn is_time(text: &str) -> bool {
    !text.is_empty() && !text.starts_with("0001-")
}

fn run_state(state: &ContainerState) -> RunState {
    use ContainerStateStatusEnum as S;
    match state.status {
        Some(S::CREATED) => RunState::Created,
        Some(S::RUNNING | S::STOPPING) => RunState::Running,
        Some(S::PAUSED) => RunState::Paused,
        Some(S::RESTARTING) => RunState::Restarting,
        Some(S::EXITED) => RunState::Exited,
        Some(S::REMOVING | S::DEAD) => RunState::Dead,
        Some(S::EMPTY) | None if state.running == Some(true) => RunState::Running,
        Some(S::EMPTY) | None => RunState::Exited,
    }
}

fn health(state: &ContainerState) -> Health {
    match state.health.as_ref().and_then(|h| h.status) {
        Some(HealthStatusEnum::STARTING) => Health::Starting,
        Some(HealthStatusEnum::HEALTHY) => Health::Healthy,
        Some(HealthStatusEnum::UNHEALTHY) => Health::Unhealthy,
        Some(HealthStatusEnum::NONE | HealthStatusEnum::EMPTY) | None => Health::None,
    }
}

fn checks(state: &ContainerState) -> Vec<String> {
    let log = state.health.as_ref().and_then(|h| h.log.as_deref()).unwrap_or_default();
    log.iter()
        .skip(log.len().saturating_sub(3))
        .map(|check| {
            let output = check.output.as_deref().unwrap_or_default().trim_end();
            match check.exit_code {
                Some(code) => format!("exit {code}: {output}"),
                None => output.to_owned(),
            }
        })
        .collect()
}

/// Nothing starts it again once it ended with 0: no restart policy (docker run's default, written `no` or
/// empty), or `on-failure`.
fn one_shot(host: &HostConfig) -> bool {
    use RestartPolicyNameEnum as P;
    let policy = host.restart_policy.as_ref().and_then(|p| p.name);
    !matches!(policy, Some(P::ALWAYS | P::UNLESS_STOPPED))
}

fn limits(host: &HostConfig) -> Limits {
    let positive = |n: Option<i64>| n.filter(|n| *n > 0);
    Limits {
        memory_bytes: positive(host.memory).map(i64::unsigned_abs),
        cpus: cpus(host),
        pids: positive(host.pids_limit).map(i64::unsigned_abs),
    }
}

/// NanoCpus, else quota / period, else the size of the CPU set.
fn cpus(host: &HostConfig) -> Option<f64> {
    let positive = |n: Option<i64>| n.filter(|n| *n > 0);
    if let Some(nano) = positive(host.nano_cpus) {
        return Some(nano as f64 / 1e9);
    }
    if let Some(quota) = positive(host.cpu_quota) {
        // The kernel's default period is 100 ms.
        let period = positive(host.cpu_period).unwrap_or(100_000);
        return Some(quota as f64 / period as f64);
    }
    host.cpuset_cpus.as_deref().and_then(set_size).map(f64::from)
}

/// How many CPUs a list like `0-2,5` names.
fn set_size(list: &str) -> Option<u32> {
    let mut size = 0;
    for part in list.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        size += last.checked_sub(first)? + 1;
    }
    (size > 0).then_some(size)
}

/// Published TCP ports: an address that listens everywhere is reached at `machine`.
fn ports(map: &HashMap<String, Option<Vec<PortBinding>>>, machine: &str) -> BTreeMap<u16, String> {
    let mut ports = BTreeMap::new();
    for (port, bindings) in map {
        let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
        let (Ok(number), "tcp") = (number.parse::<u16>(), protocol) else {
            continue;
        };
        let addresses: Vec<String> = bindings
            .iter()
            .flatten()
            .filter_map(|b| {
                let published = b.host_port.as_deref().filter(|p| !p.is_empty())?;
                let host = match b.host_ip.as_deref() {
                    None | Some("" | "0.0.0.0" | "::") => machine.to_owned(),
                    Some(ip) if ip.contains(':') => format!("[{ip}]"),
                    Some(ip) => ip.to_owned(),
                };
                Some(format!("{host}:{published}"))
            })
            .collect();
        // IPv4 first: a service often listens on that alone.
        let best = addresses.iter().find(|a| !a.starts_with('[')).or(addresses.first());
        if let Some(address) = best {
            ports.insert(number, address.clone());
        }
    }
    ports
}

#[cfg(test)]
mod tests;
