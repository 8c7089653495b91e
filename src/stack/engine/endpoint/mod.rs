//! Where the engine is, found as the docker client finds it: `DOCKER_HOST`, else the context named
//! by `DOCKER_CONTEXT` or by the client's own configuration, else the default socket.

mod context;
mod failure;

use std::path::{Path, PathBuf};

use crate::net::host_port;
use crate::net::relay::{SshTarget, TlsFiles};
use crate::session::ports::StackError;

/// The engine's default socket.
pub const DEFAULT_SOCKET: &str = "unix:///var/run/docker.sock";
/// Ports of an engine that is asked over the network, without and with TLS.
const PORT: u16 = 2375;
const TLS_PORT: u16 = 2376;

/// Where an engine listens, as its user said it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// As `DOCKER_HOST` has it: `unix:///...`, `tcp://...`, `ssh://...`.
    pub host: String,
    /// Who said so, for messages.
    pub said_by: String,
    /// Certificates, where the engine is asked over TLS.
    pub tls: Option<TlsFiles>,
}

/// How an endpoint is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// A socket of this machine.
    Unix(PathBuf),
    /// HTTP without TLS.
    Tcp {
        /// Host name or address, an IPv6 address without brackets.
        host: String,
        /// Port.
        port: u16,
    },
    /// HTTP over TLS.
    Tls {
        /// Host name or address, an IPv6 address without brackets.
        host: String,
        /// Port.
        port: u16,
        /// Certificates.
        files: TlsFiles,
    },
    /// `docker system dial-stdio` over SSH.
    Ssh(SshTarget),
}

/// What tells the docker client where the engine is.
#[derive(Debug, Clone, Default)]
pub struct ClientEnv {
    /// `DOCKER_HOST`.
    pub host: Option<String>,
    /// `DOCKER_CONTEXT`.
    pub context: Option<String>,
    /// `DOCKER_TLS` is set: TLS, with a check of the certificate only with the next one.
    pub tls: bool,
    /// `DOCKER_TLS_VERIFY` is set, to anything: TLS with a check of the engine's certificate.
    pub tls_verify: bool,
    /// `DOCKER_CERT_PATH`.
    pub cert_path: Option<PathBuf>,
    /// Folder of the client's configuration: `DOCKER_CONFIG`, else `~/.docker`.
    pub config: Option<PathBuf>,
}

impl ClientEnv {
    /// The environment of this process.
    #[must_use]
    pub fn of_process() -> ClientEnv {
        let path = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let text = |name| std::env::var(name).ok().filter(|v| !v.is_empty());
        ClientEnv {
            host: text("DOCKER_HOST"),
            context: text("DOCKER_CONTEXT"),
            tls: text("DOCKER_TLS").is_some(),
            tls_verify: text("DOCKER_TLS_VERIFY").is_some(),
            cert_path: path("DOCKER_CERT_PATH"),
            config: path("DOCKER_CONFIG").or_else(|| Some(path("HOME")?.join(".docker"))),
        }
    }

    fn tls_files(&self) -> Option<TlsFiles> {
        if !self.tls && !self.tls_verify {
            return None;
        }
        let folder = self.cert_path.clone().or_else(|| self.config.clone());
        Some(TlsFiles::of(&folder.unwrap_or_default(), self.tls_verify))
    }

    /// The context in force and who named it, where it is another than the default one.
    fn current_context(&self) -> Option<(String, &'static str)> {
        let named = match &self.context {
            Some(context) => Some((context.clone(), "DOCKER_CONTEXT")),
            None => context::configured(self.config.as_deref()?)
                .map(|context| (context, "`docker context use`")),
        };
        named.filter(|(name, _)| name != "default")
    }
}

impl Endpoint {
    /// An endpoint named by `said_by`, without TLS.
    #[must_use]
    pub fn new(host: impl Into<String>, said_by: impl Into<String>) -> Endpoint {
        Endpoint { host: host.into(), said_by: said_by.into(), tls: None }
    }

    /// The endpoint that the docker client of this user would use.
    ///
    /// # Errors
    /// When a context is chosen that does not exist or cannot be read.
    pub async fn find() -> Result<Endpoint, StackError> {
        Endpoint::of(&ClientEnv::of_process()).await
    }

    /// The endpoint that a docker client with this environment would use.
    ///
    /// # Errors
    /// As [`Endpoint::find`].
    pub async fn of(env: &ClientEnv) -> Result<Endpoint, StackError> {
        if let Some(host) = &env.host {
            let tls = env.tls_files().filter(|_| is_network(host));
            return Ok(Endpoint { tls, ..Endpoint::new(host.clone(), "DOCKER_HOST") });
        }
        let Some((context, named_by)) = env.current_context() else {
            return Ok(Endpoint::new(DEFAULT_SOCKET, "default"));
        };
        context::endpoint(&context, env.config.as_deref()).await.map_err(|why| {
            StackError::environment(format!(
                "the docker context `{context}` (chosen by {named_by}) cannot be used: {why}; see \
                 `docker context ls`, choose another one, or set DOCKER_HOST"
            ))
        })
    }

    /// Path of the socket, where it is one.
    #[must_use]
    pub fn socket(&self) -> Option<&Path> {
        self.host.strip_prefix("unix://").map(Path::new)
    }

    /// Whether the engine is behind a network: its machine need not be this one.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.socket().is_none()
    }

    /// How it is reached.
    ///
    /// # Errors
    /// When it is no address of an engine.
    pub fn transport(&self) -> Result<Transport, StackError> {
        let Endpoint { host, said_by, tls } = self;
        let wrong = |why: &str| {
            StackError::environment(format!(
                "`{}` (from {said_by}) is no engine address{why}; use unix:///path/to/socket, \
                 tcp://host:port or ssh://user@host",
                without_password(host)
            ))
        };
        let (scheme, rest) = host.split_once("://").ok_or_else(|| wrong(""))?;
        let place = |default| {
            let authority = rest.split('/').next().unwrap_or(rest);
            let (host, port) = host_port(authority).map_err(|e| wrong(&format!(" ({e})")))?;
            Ok::<_, StackError>((host, port.unwrap_or(default)))
        };
        match (scheme, tls) {
            ("unix", _) if rest.starts_with('/') => Ok(Transport::Unix(PathBuf::from(rest))),
            ("tcp", None) | ("http", _) => {
                let (host, port) = place(PORT)?;
                Ok(Transport::Tcp { host, port })
            }
            ("tcp", Some(files)) => {
                let (host, port) = place(TLS_PORT)?;
                Ok(Transport::Tls { host, port, files: files.clone() })
            }
            ("ssh", _) => {
                let target = SshTarget::parse(rest).map_err(|e| wrong(&format!(" ({e})")))?;
                Ok(Transport::Ssh(target))
            }
            ("https", _) => Err(wrong(" (for TLS use tcp:// with DOCKER_TLS_VERIFY=1)")),
            _ => Err(wrong("")),
        }
    }

    /// How it is reached, in a word for people: `TLS`, `TLS, certificate not checked`, `SSH`,
    /// `without TLS`; nothing for a socket.
    #[must_use]
    pub fn protection(&self) -> Option<&'static str> {
        match self.transport().ok()? {
            Transport::Unix(_) => None,
            Transport::Tcp { .. } => Some("without TLS"),
            Transport::Tls { files, .. } if files.verify => Some("TLS"),
            Transport::Tls { .. } => Some("TLS, its certificate is not checked"),
            Transport::Ssh(_) => Some("SSH"),
        }
    }

    /// The name under which ports published by this engine are reached.
    #[must_use]
    pub fn machine(&self) -> &str {
        let Some((scheme, rest)) = self.host.split_once("://") else {
            return "127.0.0.1";
        };
        if scheme == "unix" {
            return "127.0.0.1";
        }
        let authority = rest.split('/').next().unwrap_or(rest);
        let host = authority.rsplit_once('@').map_or(authority, |(_, h)| h);
        match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => host,
        }
    }

    /// The environment that leads docker's tools to this endpoint: what to set, and what must not
    /// be set. `DOCKER_HOST` and certificates serve for contexts too: docker-compose 1.29 does not
    /// know `DOCKER_CONTEXT`, and a context's folder names its files as `DOCKER_CERT_PATH` does.
    #[must_use]
    pub fn tool_env(&self) -> (Vec<(String, String)>, Vec<&'static str>) {
        let mut set = vec![("DOCKER_HOST".to_owned(), self.host.clone())];
        let mut unset = vec!["DOCKER_CONTEXT"];
        match &self.tls {
            None => unset.extend(["DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"]),
            Some(files) => {
                set.push(("DOCKER_CERT_PATH".to_owned(), files.folder.display().to_string()));
                let (on, off) = if files.verify {
                    ("DOCKER_TLS_VERIFY", "DOCKER_TLS")
                } else {
                    ("DOCKER_TLS", "DOCKER_TLS_VERIFY")
                };
                set.push((on.to_owned(), "1".to_owned()));
                unset.push(off);
            }
        }
        (set, unset)
    }
}

/// The address as it may be shown.
fn without_password(host: &str) -> String {
    let Some((scheme, rest)) = host.split_once("://") else { return host.to_owned() };
    match rest.rsplit_once('@').and_then(|(user, place)| Some((user.split_once(':')?.0, place))) {
        Some((user, place)) => format!("{scheme}://{user}:***@{place}"),
        None => host.to_owned(),
    }
}

/// Whether certificates matter at all for this address.
fn is_network(host: &str) -> bool {
    host.starts_with("tcp://")
}

#[cfg(test)]
mod tests;
