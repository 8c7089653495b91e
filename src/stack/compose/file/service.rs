//! One service, as far as a config, a check and a run care.

use serde_yaml_ng::Value;

use super::{HealthCheck, Port, health, json, port, scalar};
use crate::stack::compose::wanted::Wanted;

/// A service of the project.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its explicit `container_name`.
    pub container_name: Option<String>,
    /// How many containers of it; 0: none.
    pub replicas: u32,
    /// Profiles it belongs to; none: always.
    pub profiles: Vec<String>,
    /// It joins the project's default network.
    pub default_network: bool,
    /// Keys of the networks it names.
    pub networks: Vec<String>,
    /// What its file system gets from outside: keys of volumes, and paths.
    pub mounts: Vec<String>,
    /// Its health check, where it has one that is not switched off.
    pub health: Option<HealthCheck>,
    /// It has a memory limit.
    pub limited: bool,
    /// Its CPU limit, cores.
    pub cpus: Option<f64>,
    /// Published ports, ranges taken apart.
    pub ports: Vec<Port>,
    /// Its image, where it names one.
    pub image: Option<String>,
    /// Its image is built here.
    pub built: bool,
    /// Its image is never pulled.
    pub never_pulled: bool,
    /// It asks for a GPU.
    pub gpu: bool,
    /// It does its work and ends: another service waits for that.
    pub one_shot: bool,
    /// Services that it waits for until they ended well.
    pub(super) waits_for_end_of: Vec<String>,
    /// What its containers are to be made with.
    pub wanted: Wanted,
}

impl Service {
    /// Whether these profiles start it.
    #[must_use]
    pub fn enabled(&self, profiles: &[String]) -> bool {
        self.profiles.is_empty() || profiles.iter().any(|p| p == "*" || self.profiles.contains(p))
    }

    /// Whether it has a health check that is not switched off.
    #[must_use]
    pub fn has_health_check(&self) -> bool {
        self.health.is_some()
    }

    /// The name by which a config and results know its (first) container.
    #[must_use]
    pub fn key(&self) -> &str {
        self.container_name.as_deref().unwrap_or(&self.name)
    }

    /// Whether a name in the config means it: its service, its container's name, or a replica.
    #[must_use]
    pub fn is_meant_by(&self, name: &str) -> bool {
        let replica = || {
            let number = name.strip_prefix(self.name.as_str())?.strip_prefix('-')?;
            number.parse::<u32>().ok()
        };
        self.name == name
            || self.container_name.as_deref() == Some(name)
            || replica().is_some_and(|n| n >= 2 && n <= self.replicas)
    }
}

/// Reads a service.
pub(super) fn read(name: String, body: &Value) -> Service {
    let at = |path: &[&str]| at(body, path);
    let list = |key: &str| at(&[key]).and_then(Value::as_sequence).map_or(&[][..], Vec::as_slice);
    let replicas = at(&["deploy", "replicas"]).or_else(|| at(&["scale"])).and_then(scalar);
    let memory = at(&["mem_limit"]).or_else(|| at(&["deploy", "resources", "limits", "memory"]));
    let cpus = at(&["cpus"]).or_else(|| at(&["deploy", "resources", "limits", "cpus"]));
    let shares_network = at(&["network_mode"]).is_some();
    Service {
        container_name: at(&["container_name"]).and_then(scalar).filter(|name| !name.is_empty()),
        replicas: replicas.and_then(|n| n.parse().ok()).unwrap_or(1),
        profiles: list("profiles").iter().filter_map(scalar).collect(),
        default_network: match at(&["networks"]) {
            Some(Value::Mapping(networks)) => networks.contains_key("default"),
            Some(Value::Sequence(networks)) => {
                networks.iter().any(|n| n.as_str() == Some("default"))
            }
            _ => !shares_network,
        },
        networks: keys(at(&["networks"])),
        mounts: list("volumes").iter().filter_map(mount).collect(),
        health: at(&["healthcheck"]).and_then(health::read),
        limited: memory.and_then(scalar).is_some_and(|limit| !is_zero(&limit)),
        cpus: cpus.and_then(scalar).and_then(|n| n.trim().parse().ok()).filter(|n| *n > 0.0),
        // With another's network there is nothing to publish.
        ports: match shares_network {
            true => Vec::new(),
            false => list("ports").iter().flat_map(port::read).collect(),
        },
        image: at(&["image"]).and_then(scalar).filter(|image| !image.is_empty()),
        built: at(&["build"]).is_some(),
        never_pulled: at(&["pull_policy"]).and_then(Value::as_str) == Some("never"),
        gpu: wants_gpu(body),
        one_shot: false,
        waits_for_end_of: waits(body),
        wanted: Wanted::of(&json(body)),
        name,
    }
}

/// Marks the services that others wait for until they ended.
pub(super) fn mark_one_shots(services: &mut [Service]) {
    let waited: Vec<String> =
        services.iter().flat_map(|s| s.waits_for_end_of.iter().cloned()).collect();
    for service in services {
        service.one_shot = waited.contains(&service.name);
    }
}

fn at<'a>(body: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(body, |value, key| value.get(key)).filter(|value| !value.is_null())
}

/// The names in a list or in a mapping.
fn keys(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Sequence(list)) => list.iter().filter_map(scalar).collect(),
        Some(Value::Mapping(map)) => map.keys().filter_map(scalar).collect(),
        _ => Vec::new(),
    }
}

/// `data:/var/lib`, or a map with `source`.
fn mount(value: &Value) -> Option<String> {
    if let Some(source) = value.get("source") {
        return scalar(source);
    }
    scalar(value)?.split_once(':').map(|(source, _)| source.to_owned())
}

/// `0`, `0b`, `0m`: no limit.
fn is_zero(size: &str) -> bool {
    let digits = size.trim().trim_end_matches(|c: char| c.is_ascii_alphabetic());
    digits.parse::<f64>().is_ok_and(|n| n == 0.0)
}

fn wants_gpu(body: &Value) -> bool {
    let reserved = at(body, &["deploy", "resources", "reservations", "devices"]);
    let reserved = reserved.and_then(Value::as_sequence).into_iter().flatten();
    let capable = |device: &Value| {
        keys(device.get("capabilities")).iter().any(|c| c == "gpu")
            || at(device, &["driver"]).and_then(scalar).is_some_and(|d| d.contains("nvidia"))
    };
    let files = at(body, &["devices"]).and_then(Value::as_sequence).into_iter().flatten();
    let is_gpu = |device: &Value| {
        let path = scalar(device).or_else(|| at(device, &["source"]).and_then(scalar));
        path.is_some_and(|p| {
            ["/dev/kfd", "/dev/dri", "/dev/nvidia"].iter().any(|g| p.starts_with(g))
        })
    };
    at(body, &["gpus"]).is_some()
        || at(body, &["runtime"]).and_then(Value::as_str) == Some("nvidia")
        || reserved.into_iter().any(capable)
        || files.into_iter().any(is_gpu)
}

fn waits(body: &Value) -> Vec<String> {
    let waits = at(body, &["depends_on"]).and_then(Value::as_mapping);
    let ended = |how: &Value| {
        how.get("condition").and_then(Value::as_str) == Some("service_completed_successfully")
    };
    let waits = waits.into_iter().flatten().filter(|(_, how)| ended(how));
    waits.filter_map(|(name, _)| scalar(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::ProjectFile;
    use super::*;

    fn services(yaml: &str) -> Vec<Service> {
        ProjectFile::parse(yaml).expect("a project").services
    }

    #[test]
    fn limits_are_read_in_every_tool_s_way_of_writing_and_zero_is_none() {
        let all = services(
            "services:\n  a: {mem_limit: 64m, cpus: 1.5}\n  b: {deploy: {resources: {limits: \
             {memory: '67108864', cpus: '0.5'}}}}\n  c: {mem_limit: '0', cpus: 0}\n  d: {mem_limit: \
             0b}\n  e: {mem_limit: null}\n",
        );
        let found: Vec<_> = all.iter().map(|s| (s.limited, s.cpus)).collect();
        let expected =
            [(true, Some(1.5)), (true, Some(0.5)), (false, None), (false, None), (false, None)];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_name_means_a_service_its_container_or_a_replica_that_is_there() {
        let all = services("services:\n  web: {container_name: shop-web, deploy: {replicas: 3}}\n");
        for (name, meant) in [
            ("web", true),
            ("shop-web", true),
            ("web-2", true),
            ("web-3", true),
            ("web-4", false),
            ("web-1", false),
            ("we", false),
        ] {
            assert_eq!(all[0].is_meant_by(name), meant, "{name}");
        }
    }

    #[test]
    fn gpus_are_seen_however_they_are_asked_for() {
        for (body, gpu) in [
            ("gpus: all", true),
            ("runtime: nvidia", true),
            ("devices: ['/dev/kfd', '/dev/dri']", true),
            ("deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}", true),
            ("deploy: {resources: {reservations: {devices: [{capabilities: [tpu]}]}}}", false),
            ("devices: ['/dev/ttyUSB0:/dev/ttyUSB0']", false),
        ] {
            let all = services(&format!("services: {{a: {{{body}}}}}"));
            assert_eq!(all[0].gpu, gpu, "{body}");
        }
    }

    #[test]
    fn what_another_service_waits_for_until_it_ended_is_a_one_shot() {
        let all = services(
            "services:\n  web: {depends_on: {migrate: {condition: \
             service_completed_successfully}, db: {condition: service_healthy}}}\n  migrate: {}\n  \
             db: {}\n",
        );
        let one_shots: Vec<&str> =
            all.iter().filter(|s| s.one_shot).map(|s| s.name.as_str()).collect();
        assert_eq!(one_shots, ["migrate"]);
    }

    #[test]
    fn networks_mounts_and_profiles_are_read_from_lists_and_maps() {
        let all = services(
            "services:\n  a: {networks: [x, default], volumes: ['data:/d', './here:/h', {type: \
             volume, source: more}], profiles: [core]}\n  b: {networks: {y: null}}\n  c: \
             {network_mode: host, ports: ['80:80']}\n",
        );
        assert_eq!(all[0].networks, ["x", "default"]);
        assert_eq!(all[0].mounts, ["data", "./here", "more"]);
        assert!(all[0].default_network && !all[1].default_network && !all[2].default_network);
        assert!(!all[0].enabled(&[]) && all[0].enabled(&["core".into()]));
        assert!(all[0].enabled(&["*".into()]) && all[1].enabled(&[]));
        assert_eq!((all[1].networks.as_slice(), all[2].ports.len()), (&["y".to_owned()][..], 0));
    }
}
