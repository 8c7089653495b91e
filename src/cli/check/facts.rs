//! What the compose tool's `config` says about services as far as `check` cares: limits, health
//! checks, ports. Read leniently, for the tools write the same thing in different ways.

use serde_yaml_ng::Value;

/// A service of the compose files.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts {
    /// Its name.
    pub name: String,
    /// Its explicit `container_name`.
    pub container_name: Option<String>,
    /// How many containers of it are wanted.
    pub replicas: u32,
    /// Profiles it belongs to; none: always.
    pub profiles: Vec<String>,
    /// It has a memory limit.
    pub limited: bool,
    /// Seconds between its health checks; absent without one.
    pub check_every: Option<f64>,
    /// Published ports: inside, and the fixed one on the host where there is one.
    pub ports: Vec<(u16, Option<u16>)>,
}

/// Docker's interval of a health check that names none.
const DEFAULT_INTERVAL_S: f64 = 30.0;

impl Facts {
    /// Whether these profiles start it.
    #[must_use]
    pub fn enabled(&self, profiles: &[String]) -> bool {
        self.profiles.is_empty() || profiles.iter().any(|p| p == "*" || self.profiles.contains(p))
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

/// The services in the output of `config`.
///
/// # Errors
/// When it is no YAML, or has no services.
pub fn services(yaml: &str) -> Result<Vec<Facts>, String> {
    let mut root: Value = serde_yaml_ng::from_str(yaml).map_err(|e| e.to_string())?;
    root.apply_merge().map_err(|e| e.to_string())?;
    let services = root.get("services").and_then(Value::as_mapping).ok_or("it has no services")?;
    Ok(services.iter().filter_map(|(name, body)| Some(facts(scalar(name)?, body))).collect())
}

fn facts(name: String, body: &Value) -> Facts {
    let at = |path: &[&str]| {
        path.iter().try_fold(body, |value, key| value.get(key)).filter(|value| !value.is_null())
    };
    let limit = at(&["mem_limit"]).or_else(|| at(&["deploy", "resources", "limits", "memory"]));
    let check = at(&["healthcheck"]);
    let disabled = at(&["healthcheck", "disable"]).and_then(Value::as_bool).unwrap_or(false);
    let every = at(&["healthcheck", "interval"]).and_then(scalar).and_then(|t| seconds(&t));
    let replicas = at(&["deploy", "replicas"]).or_else(|| at(&["scale"])).and_then(scalar);
    let list = |value: Option<&'_ Value>| value.and_then(Value::as_sequence).cloned();
    let profiles = list(at(&["profiles"])).unwrap_or_default();
    let ports = list(at(&["ports"])).unwrap_or_default();
    Facts {
        container_name: at(&["container_name"]).and_then(scalar),
        replicas: replicas.and_then(|n| n.parse().ok()).unwrap_or(1),
        profiles: profiles.iter().filter_map(scalar).collect(),
        limited: limit.and_then(scalar).is_some_and(|limit| limit != "0"),
        check_every: (check.is_some() && !disabled).then(|| every.unwrap_or(DEFAULT_INTERVAL_S)),
        ports: ports.iter().filter_map(port).collect(),
        name,
    }
}

/// `127.0.0.1:8080:80/tcp`, `80`, or a map with `target` and `published`.
fn port(value: &Value) -> Option<(u16, Option<u16>)> {
    if let Some(target) = value.get("target") {
        let published = value.get("published").and_then(scalar).and_then(|p| p.parse().ok());
        return Some((scalar(target)?.parse().ok()?, published.filter(|p| *p > 0)));
    }
    let text = scalar(value)?;
    let text = text.split('/').next()?;
    let mut parts = text.rsplit(':');
    let inside = parts.next()?.parse().ok()?;
    Some((inside, parts.next().and_then(|p| p.parse().ok()).filter(|p| *p > 0)))
}

/// `1m30s`, `2s`, `500ms`.
fn seconds(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        total += number
            * match rest.get(..unit)? {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = rest.get(unit..)?;
    }
    (total > 0.0).then_some(total)
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YAML: &str = r#"
services:
  web:
    container_name: shop-web
    mem_limit: 64m
    deploy: {replicas: 3}
    healthcheck: {test: [CMD, "true"], interval: 1m30s}
    ports: ["127.0.0.1:8080:80/tcp", {target: 81, published: "9090"}, "127.0.0.1::82"]
  db:
    deploy: {resources: {limits: {memory: "67108864"}}}
    healthcheck: {disable: true}
    profiles: [core]
  bare: {healthcheck: {test: [CMD, x]}, ports: [443]}
"#;

    #[test]
    fn limits_checks_and_ports_are_read_in_every_tools_way_of_writing() {
        let all = services(YAML).expect("services");
        let [web, db, bare] = all.as_slice() else { panic!("{all:?}") };
        assert!(web.limited && db.limited && !bare.limited);
        assert_eq!(
            [web.check_every, db.check_every, bare.check_every],
            [Some(90.0), None, Some(30.0)]
        );
        assert_eq!(web.ports, [(80, Some(8080)), (81, Some(9090)), (82, None)]);
        assert_eq!(bare.ports, [(443, None)]);
        assert!(!db.enabled(&[]) && db.enabled(&["core".to_string()]));
    }

    #[test]
    fn a_name_means_a_service_its_container_or_a_replica_that_is_there() {
        let all = services(YAML).expect("services");
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
    fn durations_are_sums_of_their_parts() {
        for (text, wanted) in [
            ("2s", Some(2.0)),
            ("1m30s", Some(90.0)),
            ("500ms", Some(0.5)),
            ("2", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), wanted, "{text}");
        }
    }
}
