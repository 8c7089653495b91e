//! Why nobody answers at an endpoint, with the remedy.

use std::path::Path;

use super::Endpoint;
use crate::session::ports::StackError;

/// What an engine with TLS answers to a plain request.
const WANTS_TLS: &str = "Client sent an HTTP request to an HTTPS server";

impl Endpoint {
    /// Why nobody answers there, with the remedy; `reason` is the failed call's own.
    #[must_use]
    pub fn unreachable(&self, reason: &str) -> StackError {
        let Endpoint { host, said_by, .. } = self;
        StackError::environment(match self.socket() {
            Some(socket) => self.silent_socket(socket, reason),
            None if reason.contains(WANTS_TLS) => format!(
                "the remote engine {host} (from {said_by}) wants TLS; set DOCKER_TLS_VERIFY=1, and \
                 DOCKER_CERT_PATH to the folder with ca.pem, cert.pem and key.pem"
            ),
            None => format!(
                "the remote engine {host} (from {said_by}) does not answer: {reason}; check that \
                 it can be reached, or unset it to use the engine of this machine"
            ),
        })
    }

    fn silent_socket(&self, socket: &Path, reason: &str) -> String {
        let place = socket.display();
        match std::fs::metadata(socket) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => format!(
                "there is no Docker Engine: {place} does not exist; start it (`sudo systemctl \
                 start docker`, or `dockerd`), install it (docs.docker.com/engine/install), or set \
                 DOCKER_HOST"
            ),
            _ if denied(socket, reason) => format!(
                "no permission to use the Docker Engine at {place}; add this user to the group \
                 `docker` (`sudo usermod -aG docker $USER`, then log in again) or use sudo"
            ),
            _ => format!(
                "the Docker Engine at {place} (from {}) does not answer: {reason}; start or \
                 restart it (`sudo systemctl restart docker`)",
                self.said_by
            ),
        }
    }
}

fn denied(socket: &Path, reason: &str) -> bool {
    if reason.to_lowercase().contains("permission denied") {
        return true;
    }
    std::os::unix::net::UnixStream::connect(socket)
        .is_err_and(|e| e.kind() == std::io::ErrorKind::PermissionDenied)
}
