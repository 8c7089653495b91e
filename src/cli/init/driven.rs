//! Which service a load can be put on: one that speaks HTTP, as its health check or its port says.

use crate::config::Address;
use crate::stack::compose::{Port, Protocol, Service};

/// A service that speaks HTTP, and a request that it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Driven {
    /// `service:port`.
    pub address: String,
    /// Path of its health check, else the root.
    pub path: String,
}

/// Names of the fronts of a stack.
const FRONTS: [&str; 9] =
    ["gateway", "api", "web", "app", "front", "nginx", "proxy", "server", "backend"];
/// Consoles, monitoring, name servers: they speak HTTP beside what they are for.
const ASIDE: [&str; 23] = [
    "grafana",
    "prometheus",
    "adminer",
    "pgadmin",
    "phpmyadmin",
    "kafka-ui",
    "kafdrop",
    "portainer",
    "jaeger",
    "kibana",
    "mailhog",
    "mailpit",
    "cadvisor",
    "exporter",
    "flower",
    "mongo-express",
    "dozzle",
    "minio",
    "rabbitmq",
    "alertmanager",
    "loki",
    "tempo",
    "dns",
];

/// The service to begin with, of those that are enabled.
pub fn driven(services: &[&Service]) -> Option<Driven> {
    let candidates = services.iter().filter(|s| !s.one_shot).filter_map(|s| candidate(s));
    candidates.min_by_key(|(rank, _)| *rank).map(|(_, driven)| driven)
}

/// Lower is better.
type Rank = (bool, bool, bool);

fn candidate(service: &Service) -> Option<(Rank, Driven)> {
    let published = |port: u16| service.ports.iter().any(|p| is_tcp(p) && p.inside == port);
    let asked = service.health.as_ref().and_then(|check| check.asks.as_ref());
    let asked = asked.filter(|ask| published(ask.port));
    let by_port = || service.ports.iter().find(|p| is_tcp(p) && is_http(p.inside));
    let (port, path) = match asked {
        Some(ask) => (ask.port, usable(&ask.path)),
        None => (by_port()?.inside, "/".to_owned()),
    };
    let address = format!("{}:{port}", service.name);
    // A name that an address cannot hold is not offered.
    let Ok(Address::Service { .. }) = Address::parse(&address) else { return None };
    let named = |words: &[&str]| {
        let image = service.image.as_deref().unwrap_or_default();
        words.iter().any(|word| service.name.contains(word) || image.contains(word))
    };
    let rank = (named(&ASIDE), asked.is_none(), !named(&FRONTS));
    Some((rank, Driven { address, path }))
}

fn is_tcp(port: &Port) -> bool {
    port.protocol == Protocol::Tcp
}

/// A path as a call may hold it.
fn usable(path: &str) -> String {
    let plain =
        path.starts_with('/') && path.chars().all(|c| c.is_ascii_graphic() && !"\"'\\".contains(c));
    if plain { path.to_owned() } else { "/".to_owned() }
}

/// Ports on which HTTP is usual, and nothing else.
fn is_http(port: u16) -> bool {
    matches!(
        port,
        80 | 81 | 443 | 1337 | 2015 | 3000..=3010 | 3100 | 4000 | 4173 | 4200 | 4321
            | 5000 | 5001 | 5173 | 5601 | 6333 | 7860 | 8000..=8099 | 8123 | 8188 | 8200 | 8443
            | 8500 | 8501 | 8787 | 8888 | 9080 | 9090 | 9200 | 11434 | 15672
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::compose::ProjectFile;

    fn of(yaml: &str) -> Option<(String, String)> {
        let file = ProjectFile::parse(&format!("services:\n{yaml}")).expect("a project");
        let all: Vec<&Service> = file.services.iter().collect();
        driven(&all).map(|driven| (driven.address, driven.path))
    }

    #[test]
    fn only_what_speaks_http_is_offered_and_a_health_check_knows_best() {
        let some = |address: &str, path: &str| Some((address.to_owned(), path.to_owned()));
        for (services, offered) in [
            ("  dns: {ports: ['15353:53/udp', '18053:80/tcp']}\n", some("dns:80", "/")),
            ("  dns: {ports: ['53:53/udp']}\n  db: {ports: ['5432:5432']}\n", None),
            ("  web: {expose: ['80']}\n", None),
            ("  odd: {ports: ['7777:7777']}\n", None),
            (
                "  odd: {ports: ['7777:7777'], healthcheck: {test: 'curl \
                 http://localhost:7777/ok'}}\n",
                some("odd:7777", "/ok"),
            ),
            (
                "  grafana: {ports: ['3000:3000']}\n  shop: {ports: ['8080']}\n",
                some("shop:8080", "/"),
            ),
            (
                "  docs: {ports: ['81:80']}\n  gateway: {ports: ['80:80']}\n",
                some("gateway:80", "/"),
            ),
            ("  a b: {ports: ['80:80']}\n", None),
        ] {
            assert_eq!(of(services), offered, "{services}");
        }
    }
}
