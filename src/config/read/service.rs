//! `[[stack.service]]`: the services of a stack of local processes.

use std::path::Path;
use std::time::Duration;

use super::expand::{Environment, secrets};
use super::range::POSITIVE;
use super::section::Section;
use super::tree::{Node, Value};
use super::values;
use crate::config::{HealthProbe, Probe, ProcessService, RestartPolicy};

pub(super) fn services(
    stack: &Section<'_>,
    base_dir: &Path,
    environment: Environment<'_>,
) -> Vec<ProcessService> {
    let services =
        stack.sections("service", |s| service(s, base_dir, environment)).unwrap_or_default();
    if services.is_empty() {
        stack.missing("service", "write [[stack.service]] with name and command");
    }
    let names: Vec<String> = services.iter().map(|s| s.name.clone()).collect();
    for name in values::repeated(&names) {
        let what = format!("two services are named {name:?}");
        stack.wrong("service", what, "give each a name of its own");
    }
    for service in &services {
        for text in service.command.iter().chain(service.env.values()) {
            if let Some(problem) = unknown_reference(text, service, &services) {
                let key = format!("service {:?}", service.name);
                stack.wrong(&key, problem, "refer to a port that its service lists in ports");
            }
        }
    }
    services
}

fn service(s: &Section<'_>, base_dir: &Path, environment: Environment<'_>) -> ProcessService {
    let name = s.required_text("name", "web");
    let usable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    // The name becomes that of a folder: these two are other folders.
    if !name.chars().all(usable) || matches!(name.as_str(), "." | "..") {
        s.wrong("name", format!("{name:?} is no name"), "use letters, digits, -, _ and .");
    }
    let command = s.texts("command", COMMAND);
    match command.first() {
        None if !s.has("command") => s.missing("command", format!("write command = {COMMAND}")),
        None => s.wrong("command", "no program", format!("write command = {COMMAND}")),
        Some(program) => check_program(s, program, base_dir),
    }
    let ports = ports(s);
    let restarts = [
        ("always", RestartPolicy::Always),
        ("on-failure", RestartPolicy::OnFailure),
        ("no", RestartPolicy::No),
    ];
    ProcessService {
        name,
        command,
        env: secrets(s, "env", environment, is_placeholder),
        health: s.has("health").then(|| s.section("health", |h| health(h, &ports))),
        ports,
        memory_bytes: memory(s),
        cpus: s.switchable("cpus", None, POSITIVE, 0.5),
        restart: s.choice("restart", &restarts, RestartPolicy::Always),
    }
}

const COMMAND: &str = "[\"./web\", \"--port\", \"${port:8000}\"]";

fn is_placeholder(name: &str) -> bool {
    name == "dir" || name.starts_with("port:") || name.starts_with("address:")
}

/// A program that is a path must be there; a bare word is looked up in PATH when it starts.
fn check_program(s: &Section<'_>, program: &str, base_dir: &Path) {
    let path = base_dir.join(program);
    if program.contains('/') && !program.contains("${") && !path.is_file() {
        s.wrong(
            "command",
            format!("there is no file {}", path.display()),
            "correct the path; it starts from the config file's folder",
        );
    }
}

fn ports(s: &Section<'_>) -> Vec<u16> {
    let Some(node) = s.find("ports") else {
        return Vec::new();
    };
    let Value::List(items) = &node.value else {
        s.expected("ports", node, "a list of ports", "[8000]");
        return Vec::new();
    };
    items.iter().filter_map(|item| port(s, "ports", item, "[8000]")).collect()
}

fn port(s: &Section<'_>, key: &str, node: &Node, example: &str) -> Option<u16> {
    let port = match node.value {
        Value::Integer(value) => u16::try_from(value).ok().filter(|port| *port > 0),
        _ => None,
    };
    if port.is_none() {
        s.expected(key, node, "a port from 1 to 65535", example);
    }
    port
}

fn memory(s: &Section<'_>) -> Option<u64> {
    let node = s.find("memory")?;
    let bytes = match &node.value {
        Value::Text(text) => values::size(text),
        Value::Integer(value) => u64::try_from(*value).ok().filter(|bytes| *bytes > 0),
        _ => None,
    };
    if bytes.is_none() {
        s.expected("memory", node, "a size such as \"256m\" or \"1GiB\"", "\"256m\"");
    }
    bytes
}

fn health(s: &Section<'_>, ports: &[u16]) -> HealthProbe {
    let http = s.maybe_text("http", "/health");
    let command = s.texts("command", "[\"./check\"]");
    let own = s.find("port").and_then(|node| port(s, "port", node, "8000"));
    if let Some(port) = own.filter(|port| !ports.contains(port)) {
        let what = format!("{port} is not one of the service's ports");
        s.wrong("port", what, "add it to ports");
    }
    if http.is_some() != command.is_empty() {
        s.wrong("http", "expected either http or command", "write http = \"/health\"");
    }
    let probe = match http {
        Some(path) => {
            if !path.starts_with('/') {
                s.wrong("http", "a path starts with /", "write http = \"/health\"");
            }
            let port = own.or(ports.first().copied());
            if port.is_none() {
                s.missing("port", "write ports = [8000] in the service");
            }
            Probe::Http { port: port.unwrap_or_default(), path }
        }
        None => Probe::Command(command),
    };
    HealthProbe {
        probe,
        interval: s.time("interval", Duration::from_secs(2)),
        timeout: s.time("timeout", Duration::from_secs(5)),
        retries: s.whole("retries", 3, 1),
    }
}

/// A `${port:N}` or `${address:service:N}` that leads nowhere.
fn unknown_reference(
    text: &str,
    own: &ProcessService,
    services: &[ProcessService],
) -> Option<String> {
    text.split("${").skip(1).find_map(|rest| {
        let (reference, _) = rest.split_once('}')?;
        let parts: Vec<&str> = reference.split(':').collect();
        let (service, port) = match parts.as_slice() {
            ["port", port] => (Some(own), *port),
            ["address", name, port] => (services.iter().find(|s| s.name == *name), *port),
            ["dir"] => return None,
            _ => return Some(format!("${{{reference}}} is no placeholder")),
        };
        let port = port.parse::<u16>().ok();
        let known = service.zip(port).is_some_and(|(s, port)| s.ports.contains(&port));
        (!known).then(|| format!("${{{reference}}} leads nowhere"))
    })
}
