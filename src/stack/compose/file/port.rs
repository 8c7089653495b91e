//! Published ports, in every way in which they are written.

use std::net::IpAddr;

use serde_yaml_ng::Value;

use super::scalar;

/// How a port is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP, and whatever is not named.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

/// A published port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    /// Inside the container.
    pub inside: u16,
    /// On the host, where it is fixed; else the engine chooses.
    pub host: Option<u16>,
    /// Address of the host, where it is not all of them.
    pub address: Option<IpAddr>,
    /// How it is spoken to.
    pub protocol: Protocol,
}

impl Port {
    /// Whether both cannot be published on one host.
    #[must_use]
    pub fn excludes(&self, other: &Port) -> bool {
        let same_place = match (self.address, other.address) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        };
        self.host.is_some()
            && self.host == other.host
            && self.protocol == other.protocol
            && same_place
    }
}

/// Reads one entry of `ports`; a range gives several ports, what is not understood none.
pub(super) fn read(value: &Value) -> Vec<Port> {
    let protocol = |text: Option<String>| match text.as_deref() {
        Some("udp") => Protocol::Udp,
        Some("sctp") => Protocol::Sctp,
        _ => Protocol::Tcp,
    };
    let field = |key: &str| value.get(key).and_then(scalar);
    if value.is_mapping() {
        let inside = field("target").unwrap_or_default();
        return ports(&inside, field("published"), field("host_ip"), protocol(field("protocol")));
    }
    let Some(text) = scalar(value) else { return Vec::new() };
    let (text, word) = match text.split_once('/') {
        Some((text, word)) => (text.to_owned(), Some(word.to_owned())),
        None => (text, None),
    };
    let mut parts = text.rsplitn(3, ':').map(str::to_owned);
    let inside = parts.next().unwrap_or_default();
    let host = parts.next();
    ports(&inside, host, parts.next(), protocol(word))
}

fn ports(
    inside: &str,
    host: Option<String>,
    address: Option<String>,
    protocol: Protocol,
) -> Vec<Port> {
    let Some(inside) = range(inside) else { return Vec::new() };
    let host = host.as_deref().and_then(range);
    let address = address.and_then(|a| a.trim_matches(['[', ']']).parse::<IpAddr>().ok());
    let address = address.filter(|a| !a.is_unspecified());
    // A range on the host for one port: the engine takes a free one of it.
    let fixed = host.filter(|host| host.len() == inside.len());
    let host_of = |nth: usize| fixed.as_ref().and_then(|host| host.clone().nth(nth));
    let port = |(nth, inside)| {
        let host = host_of(nth).filter(|host| *host > 0);
        Port { inside, host, address, protocol }
    };
    inside.clone().enumerate().map(port).collect()
}

/// `80`, `8000-8010`.
fn range(text: &str) -> Option<std::ops::RangeInclusive<u16>> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
    (from <= to).then_some(from..=to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(yaml: &str) -> Vec<Port> {
        read(&serde_yaml_ng::from_str(yaml).expect("YAML"))
    }

    #[test]
    fn every_way_of_writing_a_port_is_understood() {
        let port = |inside, host, address: Option<&str>, protocol| Port {
            inside,
            host,
            address: address.map(|a| a.parse().expect("an address")),
            protocol,
        };
        let local = Some("127.0.0.1");
        for (written, wanted) in [
            ("80", vec![port(80, None, None, Protocol::Tcp)]),
            ("'8080:80'", vec![port(80, Some(8080), None, Protocol::Tcp)]),
            ("'127.0.0.1:8080:80/tcp'", vec![port(80, Some(8080), local, Protocol::Tcp)]),
            ("'127.0.0.1::80'", vec![port(80, None, local, Protocol::Tcp)]),
            ("'0.0.0.0:5353:53/udp'", vec![port(53, Some(5353), None, Protocol::Udp)]),
            ("'[::1]:81:80'", vec![port(80, Some(81), Some("::1"), Protocol::Tcp)]),
            ("{target: 81, published: '9090'}", vec![port(81, Some(9090), None, Protocol::Tcp)]),
            (
                "{target: 53, published: 53, protocol: udp, host_ip: 127.0.0.1}",
                vec![port(53, Some(53), local, Protocol::Udp)],
            ),
            (
                "'7000-7001:8000-8001'",
                vec![
                    port(8000, Some(7000), None, Protocol::Tcp),
                    port(8001, Some(7001), None, Protocol::Tcp),
                ],
            ),
            ("'7000-7010:80'", vec![port(80, None, None, Protocol::Tcp)]),
            ("'${PORT}:x'", vec![]),
            ("[1]", vec![]),
        ] {
            assert_eq!(of(written), wanted, "{written}");
        }
    }

    #[test]
    fn ports_exclude_each_other_on_one_address_and_protocol_only() {
        for (one, other, excludes) in [
            ("'80:1'", "'80:2'", true),
            ("'80:1'", "'127.0.0.1:80:1'", true),
            ("'127.0.0.2:80:1'", "'127.0.0.1:80:1'", false),
            ("'53:53/udp'", "'53:53'", false),
            ("'80:1'", "'81:1'", false),
            ("'1'", "'1'", false),
        ] {
            assert_eq!(of(one)[0].excludes(&of(other)[0]), excludes, "{one} {other}");
        }
    }
}
