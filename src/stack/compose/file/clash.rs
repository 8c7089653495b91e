//! What two services cannot have at once on one engine: a container's name, a port of the host.

use std::collections::BTreeMap;
use std::fmt;

use super::{Port, Protocol, Service};

/// What cannot be had twice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shared {
    /// The explicit name of a container.
    Name(String),
    /// A port of the host.
    Port(u16, Protocol),
}

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shared::Name(name) => write!(f, "container_name {name}"),
            Shared::Port(port, Protocol::Tcp) => write!(f, "host port {port}"),
            Shared::Port(port, Protocol::Udp) => write!(f, "host port {port}/udp"),
            Shared::Port(port, Protocol::Sctp) => write!(f, "host port {port}/sctp"),
        }
    }
}

/// Something that several containers want and one can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// What.
    pub shared: Shared,
    /// The services that want it; one alone wants it for several containers.
    pub services: Vec<String>,
}

/// What these services cannot have together.
#[must_use]
pub fn clashes(services: &[&Service]) -> Vec<Clash> {
    let mut wanted: BTreeMap<Shared, Vec<(&Service, Option<Port>)>> = BTreeMap::new();
    for service in services {
        if let Some(name) = &service.container_name {
            wanted.entry(Shared::Name(name.clone())).or_default().push((service, None));
        }
        for port in &service.ports {
            let Some(host) = port.host else { continue };
            let shared = Shared::Port(host, port.protocol);
            wanted.entry(shared).or_default().push((service, Some(*port)));
        }
    }
    wanted.into_iter().filter_map(|(shared, wanting)| clash(shared, &wanting)).collect()
}

fn clash(shared: Shared, wanting: &[(&Service, Option<Port>)]) -> Option<Clash> {
    let beside = |one: usize, other: usize| match (wanting[one].1, wanting[other].1) {
        (Some(a), Some(b)) => a.excludes(&b),
        _ => true,
    };
    let excluded = |one: usize| {
        let many = wanting[one].0.replicas > 1;
        many || (0..wanting.len()).any(|other| other != one && beside(one, other))
    };
    let mut services: Vec<String> = (0..wanting.len())
        .filter(|one| excluded(*one))
        .map(|one| wanting[one].0.name.clone())
        .collect();
    services.dedup();
    (!services.is_empty()).then_some(Clash { shared, services })
}

#[cfg(test)]
mod tests {
    use super::super::ProjectFile;
    use super::*;

    fn of(yaml: &str) -> Vec<String> {
        let file = ProjectFile::parse(yaml).expect("a project");
        let all: Vec<&Service> = file.services.iter().collect();
        let told = |c: Clash| format!("{}: {}", c.shared, c.services.join(", "));
        clashes(&all).into_iter().map(told).collect()
    }

    #[test]
    fn names_and_host_ports_that_are_wanted_twice_are_found() {
        let found =
            of("services:\n  one: {container_name: model, ports: ['11434:11434']}\n  two: \
                        {container_name: model, ports: ['11434:11434', '53:53/udp']}\n  three: \
                        {ports: ['53:53', '80']}\n");
        assert_eq!(found, ["container_name model: one, two", "host port 11434: one, two"]);
    }

    #[test]
    fn several_containers_of_one_service_cannot_share_either() {
        let found = of("services:\n  a: {deploy: {replicas: 2}, ports: ['80:80']}\n  b: {deploy: \
                        {replicas: 2}, ports: ['80']}\n");
        assert_eq!(found, ["host port 80: a"]);
    }

    #[test]
    fn one_port_on_two_addresses_is_no_clash() {
        let found = of("services:\n  a: {ports: ['127.0.0.1:80:80']}\n  b: {ports: \
                        ['127.0.0.2:80:80']}\n");
        assert_eq!(found, [""; 0]);
    }
}
