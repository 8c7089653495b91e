//! Ports of the host that the services want.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

use super::row::Row;
use crate::stack::compose::{Port, Protocol, Service};

/// The row about them: free while the stack is down.
pub fn row(enabled: &[&Service], up: bool) -> Row {
    const NAME: &str = "ports";
    let fixed: Vec<(&str, &Port)> = enabled
        .iter()
        .flat_map(|s| s.ports.iter().map(|port| (s.name.as_str(), port)))
        .filter(|(_, port)| port.host.is_some())
        .collect();
    if fixed.is_empty() {
        return Row::ok(NAME, "none is fixed: the engine chooses");
    }
    let mut ports: Vec<String> = fixed.iter().map(|(_, port)| shown(port)).collect();
    ports.dedup();
    if up {
        return Row::ok(NAME, format!("{} in use by the stack, which is up", ports.join(", ")));
    }
    let taken: Vec<String> = fixed
        .iter()
        .filter(|(_, port)| is_taken(port))
        .map(|(name, port)| format!("{} (wanted by {name})", shown(port)))
        .collect();
    if taken.is_empty() {
        return Row::ok(NAME, format!("{} free", ports.join(", ")));
    }
    Row::failed(
        NAME,
        format!("in use: {}", taken.join(", ")),
        "end what listens there (`ss -lntup`), or publish another port",
    )
}

fn shown(port: &Port) -> String {
    let host = port.host.unwrap_or_default();
    match port.protocol {
        Protocol::Tcp => host.to_string(),
        Protocol::Udp => format!("{host}/udp"),
        Protocol::Sctp => format!("{host}/sctp"),
    }
}

/// Whether somebody has it. Of an address that is not this machine's nothing is known.
fn is_taken(port: &Port) -> bool {
    let Some(host) = port.host else { return false };
    let place = SocketAddr::new(port.address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), host);
    let error = match port.protocol {
        Protocol::Tcp => TcpListener::bind(place).err(),
        Protocol::Udp => UdpSocket::bind(place).err(),
        Protocol::Sctp => None,
    };
    error.is_some_and(|e| e.kind() == ErrorKind::AddrInUse)
}

#[cfg(test)]
mod tests {
    use super::super::row::Status;
    use super::*;
    use crate::stack::compose::ProjectFile;

    fn web(port: &str) -> Service {
        let yaml = format!("services: {{web: {{ports: ['{port}']}}}}");
        ProjectFile::parse(&yaml).expect("a project").services.remove(0)
    }

    #[test]
    fn a_port_that_somebody_listens_on_fails_only_while_the_stack_is_down() {
        let listener = TcpListener::bind(("0.0.0.0", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let web = web(&format!("{port}:80"));
        assert_eq!(row(&[&web], false).status, Status::Failed);
        assert_eq!(row(&[&web], true).status, Status::Ok);
    }

    #[test]
    fn a_udp_port_is_looked_for_among_udp_ports() {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a port");
        let port = socket.local_addr().expect("an address").port();
        let taken = row(&[&web(&format!("127.0.0.1:{port}:53/udp"))], false);
        assert_eq!(taken.status, Status::Failed);
        assert!(taken.detail.contains(&format!("{port}/udp (wanted by web)")), "{taken:?}");
    }
}
