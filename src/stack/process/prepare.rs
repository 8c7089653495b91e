//! A service with its placeholders replaced and its ports chosen.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use super::expand::{Places, expand};
use super::mark;
use crate::config::{Probe, ProcessService};
use crate::session::ports::StackError;

/// Real ports, by service and configured port.
pub type Ports = BTreeMap<(String, u16), u16>;

/// A service that can be started.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// As configured.
    pub service: ProcessService,
    /// Its id: another one after each reset, the same over restarts.
    pub id: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Environment beside the runner's own.
    pub env: Vec<(String, String)>,
    /// Words of a command probe.
    pub probe: Option<Vec<String>>,
    /// Real ports, by configured port.
    pub ports: Vec<(u16, u16)>,
    /// The folder it runs in: the config's.
    pub work_dir: PathBuf,
    /// Which run and service its processes belong to, as their environment says it.
    pub owner: String,
}

/// Where services are prepared.
pub struct Site<'a> {
    /// The run's mark.
    pub mark: String,
    /// How often the stack was started.
    pub round: u32,
    /// Folder of the config.
    pub base_dir: &'a Path,
    /// Real ports.
    pub ports: &'a Ports,
}

/// Replaces what stands for something else.
///
/// # Errors
/// A placeholder that stands for nothing: whose, which, and what there is.
pub fn prepare(service: &ProcessService, dir: &Path, site: &Site<'_>) -> Result<Prepared, String> {
    let places = Places { own: &service.name, ports: site.ports, dir };
    let told = |text: &String| expand(text, &places).map_err(|e| format!("{}: {e}", service.name));
    let words = |words: &[String]| -> Result<Vec<String>, String> {
        let mut words = words.iter().map(told).collect::<Result<Vec<_>, _>>()?;
        if let Some(program) = words.first_mut().filter(|program| program.contains('/')) {
            // A path starts from the config's folder, as the config's other paths do.
            *program = site.base_dir.join(&program).display().to_string();
        }
        Ok(words)
    };
    let probe = match service.health.as_ref().map(|health| &health.probe) {
        Some(Probe::Command(command)) => Some(words(command)?),
        _ => None,
    };
    let owner = format!("{}/{}", site.mark, service.name);
    let env = service.env.iter().map(|(key, value)| Ok((key.clone(), told(value)?)));
    let mark = Ok((mark::VARIABLE.to_string(), owner.clone()));
    let own =
        |port: &u16| site.ports.get(&(service.name.clone(), *port)).map(|real| (*port, *real));
    Ok(Prepared {
        id: format!("process-{}-{}", service.name, site.round),
        command: words(&service.command)?,
        env: env.chain([mark]).collect::<Result<_, String>>()?,
        probe,
        ports: service.ports.iter().filter_map(own).collect(),
        work_dir: site.base_dir.to_path_buf(),
        owner,
        service: service.clone(),
    })
}

/// Free loopback ports. Another process could take one before the service does; then the service
/// fails to bind, which its log and the readiness message tell.
///
/// # Errors
/// When there is none.
pub fn choose_ports(services: &[ProcessService]) -> Result<Ports, StackError> {
    let mut held = Vec::new();
    let mut ports = Ports::new();
    for service in services {
        for &port in &service.ports {
            let listener = TcpListener::bind(("127.0.0.1", 0));
            let real = listener.and_then(|l| Ok((l.local_addr()?.port(), l)));
            let (real, listener) = real
                .map_err(|e| StackError::environment(format!("no free port on 127.0.0.1: {e}")))?;
            ports.insert((service.name.clone(), port), real);
            // Held until all are chosen, so that no two are the same.
            held.push(listener);
        }
    }
    Ok(ports)
}
