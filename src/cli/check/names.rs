//! Names in the config that mean no service: a threshold for a container that is not there would
//! silently never be used.

use std::collections::BTreeSet;

use super::row::Row;
use crate::config::{Address, Config, Endpoint, LoadConfig};

/// A name in the config, and the key where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The key, for messages.
    pub key: String,
    /// The name.
    pub name: String,
    /// The port of an address.
    pub port: Option<u16>,
}

/// Every name of a container or service in the config.
#[must_use]
pub fn named(config: &Config) -> Vec<Named> {
    let plain = |key: String, name: &str| Named { key, name: name.to_string(), port: None };
    let mut all: Vec<Named> = Vec::new();
    all.extend(config.containers.keys().map(|n| plain(format!("[containers.{n}]"), n)));
    all.extend(config.expect.leak.iter().map(|n| plain("expect.leak".to_string(), n)));
    all.extend(config.accept.iter().map(|a| plain("[[accept]] container".into(), &a.container)));
    all.extend(load_address(config).and_then(|text| service_of("load.address", text)));
    for metric in &config.metrics {
        let key = format!("metric {}", metric.rule.name);
        all.extend(metric.rule.container.as_ref().map(|n| plain(format!("{key}: container"), n)));
        all.extend(endpoint_of(&format!("{key}: address"), &metric.address));
    }
    for check in &config.health {
        let key = format!("health {}", check.rule.name);
        all.extend(check.rule.container.as_ref().map(|n| plain(format!("{key}: container"), n)));
        all.extend(endpoint_of(&format!("{key}: address"), &check.address));
    }
    let cadvisor = config.sources.cadvisor.as_deref();
    all.extend(cadvisor.and_then(|text| service_of("sources.cadvisor", text)));
    let prometheus = config.sources.prometheus.as_ref().map(|p| p.address.as_str());
    all.extend(prometheus.and_then(|text| service_of("sources.prometheus.address", text)));
    all
}

/// The load's address as the config writes it.
#[must_use]
pub fn load_address(config: &Config) -> Option<&str> {
    match config.load.as_ref()? {
        LoadConfig::Agents(agents) => Some(&agents.address),
        LoadConfig::Http(http) => Some(&http.address),
    }
}

fn service_of(key: &str, text: &str) -> Option<Named> {
    match Address::parse(text) {
        Ok(Address::Service { name, port }) => {
            Some(Named { key: key.to_string(), name, port: Some(port) })
        }
        _ => None,
    }
}

fn endpoint_of(key: &str, text: &str) -> Option<Named> {
    match Endpoint::parse(text).ok()?.address {
        Address::Service { name, port } => {
            Some(Named { key: key.to_string(), name, port: Some(port) })
        }
        Address::Url(_) => None,
    }
}

/// The row about them. `known` are the names there are; `is_known` and `publishes` tell whether a
/// name means something, and whether that publishes a port.
pub fn row(
    config: &Config,
    known: &[String],
    is_known: impl Fn(&str) -> bool,
    publishes: impl Fn(&str, u16) -> bool,
) -> Row {
    const NAME: &str = "config names";
    let all = named(config);
    let mut wrong = Vec::new();
    for Named { key, name, port } in &all {
        if !is_known(name) {
            wrong.push(format!("{key} names {name}, which is no service of this stack"));
        } else if let Some(port) = port.filter(|port| !publishes(name, *port)) {
            wrong.push(format!("{key}: {name} does not publish port {port} on this machine"));
        }
    }
    if wrong.is_empty() {
        // A metric that names a container, and its address, are two places of one name.
        let names: BTreeSet<&str> = all.iter().map(|named| named.name.as_str()).collect();
        let text = match names.len() {
            0 => "the config names no service".to_string(),
            1 => "the one service named in the config is there".to_string(),
            count => format!("all {count} services named in the config are there"),
        };
        return Row::ok(NAME, text);
    }
    Row::failed(
        NAME,
        wrong.join("\n"),
        format!("correct the config, or publish the port; the services are {}", known.join(", ")),
    )
}

#[cfg(test)]
mod tests {
    use super::super::row::Status;
    use super::*;
    use crate::config::{AgentsLoad, ContainerConfig};

    fn config() -> Config {
        let mut config = Config::minimal("shop");
        config.containers.insert("web".into(), ContainerConfig::default());
        config.containers.insert("typo".into(), ContainerConfig::default());
        config.expect.leak = vec!["gone".into()];
        config.sources.cadvisor = Some("http://localhost:8080".into());
        let address = "web:8000".to_string();
        config.load = Some(LoadConfig::Agents(AgentsLoad { address, ..AgentsLoad::default() }));
        config
    }

    #[test]
    fn every_name_that_means_no_service_is_told_with_its_key() {
        let row = row(&config(), &["web".to_string()], |n| n == "web", |_, port| port == 8000);
        assert_eq!(row.status, Status::Failed);
        assert!(row.detail.contains("[containers.typo] names typo"), "{row:?}");
        assert!(row.detail.contains("expect.leak names gone"), "{row:?}");
        assert_eq!(row.detail.lines().count(), 2, "{row:?}");
    }

    #[test]
    fn a_service_is_counted_once_however_often_it_is_named() {
        let mut config = config();
        config.containers.remove("typo");
        config.expect.leak = vec!["db".into(), "web".into()];
        let row = row(&config, &[], |_| true, |_, _| true);
        assert_eq!(row.detail, "all 2 services named in the config are there");
    }

    #[test]
    fn a_port_that_is_not_published_is_told() {
        let row = row(&config(), &[], |_| true, |_, port| port == 80);
        assert!(row.detail.contains("load.address: web does not publish port 8000"), "{row:?}");
    }
}
