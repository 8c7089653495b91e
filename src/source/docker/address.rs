//! Where an engine listens, and a client that reaches it there.

use std::path::PathBuf;

use reqwest::Client;

use crate::source::http;

/// Where the engine listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineAddress {
    /// A Unix socket of this machine.
    Unix(PathBuf),
    /// An `http://` or `https://` base URL without a trailing slash.
    Http(String),
}

impl EngineAddress {
    /// Reads an address as `DOCKER_HOST` and Docker contexts write it.
    ///
    /// # Errors
    /// When no stats can be read over such an address (`ssh://`, `npipe://`).
    pub fn parse(host: &str) -> Result<EngineAddress, String> {
        let host = host.trim().trim_end_matches('/');
        match host.split_once("://") {
            Some(("unix", path)) => Ok(EngineAddress::Unix(PathBuf::from(path))),
            Some(("tcp", rest)) => Ok(EngineAddress::Http(format!("http://{rest}"))),
            Some(("http" | "https", _)) => Ok(EngineAddress::Http(host.to_owned())),
            None if host.starts_with('/') => Ok(EngineAddress::Unix(PathBuf::from(host))),
            _ => {
                Err(format!("no stats can be read over '{host}': use a unix:// or tcp:// address"))
            }
        }
    }

    /// A client of the engine, and the base URL for its calls.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub(crate) fn client(&self) -> Result<(Client, String), String> {
        Ok(match self {
            EngineAddress::Unix(path) => (http::unix_client(path)?, "http://localhost".to_owned()),
            EngineAddress::Http(base) => (http::client()?, base.clone()),
        })
    }
}
