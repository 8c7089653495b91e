//! From an endpoint to clients: directly for a socket or plain TCP, through a relay for TLS and SSH.

use std::path::Path;
use std::sync::Arc;

use bollard::{API_DEFAULT_VERSION, Docker};

use super::endpoint::{Endpoint, Transport};
use super::{CALL_LIMIT, chain};
use crate::net;
use crate::net::relay::{Relay, Ssh, Tls, Way};
use crate::session::ports::StackError;
use crate::stack::folders::run_dir;

/// Clients of one engine.
#[derive(Debug, Clone)]
pub(super) struct Clients {
    /// The engine's API in types.
    pub docker: Docker,
    /// The same as bytes, for answers that go on for ever.
    pub http: reqwest::Client,
    /// What stands before a path for `http`.
    pub base: String,
    /// Where HTTP reaches the engine from here: `unix://` or `tcp://`.
    pub reached_at: String,
    /// Ends with the last clone.
    pub relay: Option<Arc<Relay>>,
}

/// Makes clients of the engine at `endpoint`; nobody needs to answer there yet. `ssh` is the
/// program for endpoints behind SSH.
///
/// # Errors
/// When the endpoint is no address, or what it needs (certificates, a folder) is not there.
pub(super) fn clients(endpoint: &Endpoint, ssh: &Path) -> Result<Clients, StackError> {
    match endpoint.transport()? {
        Transport::Unix(path) => over_socket(&path, endpoint, None),
        Transport::Tcp { host, port } => over_tcp(&host, port, endpoint),
        Transport::Tls { host, port, files } => {
            let tls = Tls::new(&host, port, files).map_err(|why| {
                let Endpoint { host, said_by, .. } = endpoint;
                StackError::environment(format!(
                    "the remote engine {host} (from {said_by}) cannot be asked over TLS: {why}"
                ))
            })?;
            through(Way::Tls(tls), endpoint)
        }
        Transport::Ssh(target) => through(Way::Ssh(Ssh::new(ssh.to_owned(), target)), endpoint),
    }
}

fn through(way: Way, endpoint: &Endpoint) -> Result<Clients, StackError> {
    let folder = run_dir()?;
    let relay = Relay::open(&folder, way).map_err(|e| {
        StackError::environment(format!(
            "no socket for the way to {} can be made in {}: {e}; set XDG_RUNTIME_DIR to a folder \
             of your own with a short path",
            endpoint.host,
            folder.display()
        ))
    })?;
    let path = relay.socket().to_owned();
    over_socket(&path, endpoint, Some(Arc::new(relay)))
}

fn over_socket(
    path: &Path,
    endpoint: &Endpoint,
    relay: Option<Arc<Relay>>,
) -> Result<Clients, StackError> {
    let reached_at = format!("unix://{}", path.display());
    let docker = Docker::connect_with_unix(&reached_at, CALL_LIMIT.as_secs(), API_DEFAULT_VERSION)
        .map_err(|e| endpoint.unreachable(&e.to_string()))?;
    let http = net::streaming_client(Some(path)).map_err(|e| endpoint.unreachable(&chain(&e)))?;
    Ok(Clients { docker, http, base: "http://localhost".to_owned(), reached_at, relay })
}

fn over_tcp(host: &str, port: u16, endpoint: &Endpoint) -> Result<Clients, StackError> {
    let place =
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let reached_at = format!("tcp://{place}");
    let docker = Docker::connect_with_http(&reached_at, CALL_LIMIT.as_secs(), API_DEFAULT_VERSION)
        .map_err(|e| endpoint.unreachable(&e.to_string()))?;
    let http = net::streaming_client(None).map_err(|e| endpoint.unreachable(&chain(&e)))?;
    Ok(Clients { docker, http, base: format!("http://{place}"), reached_at, relay: None })
}
