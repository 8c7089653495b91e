//! What an engine made a container with, as far as it can be compared with a compose file.

use bollard::models::{ContainerInspectResponse, HostConfig, MountType};

/// What a container was made with. What the engine does not tell is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Made {
    /// What is mounted.
    pub mounts: Vec<MadeMount>,
    /// Names of its networks.
    pub networks: Option<Vec<String>>,
    /// Whose network it uses, as the engine writes it: `host`, `container:ID`, a network's name.
    pub network_mode: Option<String>,
    /// Its command, without the entrypoint.
    pub command: Option<Vec<String>>,
    /// Names of its environment. Values are not kept.
    pub environment: Option<Vec<String>>,
}

/// One mount of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeMount {
    /// `volume`, `bind`, `tmpfs`, ...
    pub kind: String,
    /// The volume's name.
    pub name: Option<String>,
    /// The path on the engine's machine.
    pub source: Option<String>,
    /// Where in the container.
    pub target: String,
    /// Whether it may be written to.
    pub writable: Option<bool>,
}

impl Made {
    /// Reads an inspect answer.
    #[must_use]
    pub fn of(answer: &ContainerInspectResponse) -> Made {
        let config = answer.config.as_ref();
        let host = answer.host_config.as_ref();
        let networks = answer.network_settings.as_ref().and_then(|n| n.networks.as_ref());
        let environment = config.and_then(|c| c.env.as_ref());
        Made {
            mounts: mounts(answer, host),
            networks: networks.map(|all| {
                let mut names: Vec<String> = all.keys().cloned().collect();
                names.sort();
                names
            }),
            network_mode: host.and_then(|h| h.network_mode.clone()),
            command: config.and_then(|c| c.cmd.clone()),
            environment: environment.map(|all| {
                let name = |pair: &String| pair.split('=').next().unwrap_or(pair).to_owned();
                all.iter().map(name).collect()
            }),
        }
    }
}

fn mounts(answer: &ContainerInspectResponse, host: Option<&HostConfig>) -> Vec<MadeMount> {
    let told = answer.mounts.iter().flatten().filter_map(|mount| {
        Some(MadeMount {
            kind: mount.typ.as_ref()?.to_string(),
            name: mount.name.clone().filter(|n| !n.is_empty()),
            source: mount.source.clone().filter(|s| !s.is_empty()),
            target: mount.destination.clone()?,
            writable: mount.rw,
        })
    });
    // A tmpfs stands only in what was asked for.
    let memory = |target: &String| MadeMount {
        kind: "tmpfs".into(),
        name: None,
        source: None,
        target: target.clone(),
        writable: None,
    };
    let short = host.and_then(|h| h.tmpfs.as_ref()).into_iter().flat_map(|all| all.keys());
    let long = host.and_then(|h| h.mounts.as_ref()).into_iter().flatten();
    let long = long.filter(|m| m.typ == Some(MountType::TMPFS)).filter_map(|m| m.target.as_ref());
    told.chain(short.map(memory)).chain(long.map(memory)).collect()
}
