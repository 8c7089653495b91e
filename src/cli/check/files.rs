//! The compose files: whether they parse, and what their services say against the config.

use std::net::TcpListener;

use super::facts::{self, Facts};
use super::names;
use super::row::{Row, within};
use crate::config::{Compose, Config};
use crate::stack::compose::{Project, Tool, caller};
use crate::stack::engine::Endpoint;

const FILE: &str = "compose file";
/// A check is an exec, about 0.09 s of CPU outside the container.
const CPU_S_PER_CHECK: f64 = 0.09;
/// From this share of a core on it is told as something to change.
const COSTLY_PERCENT: f64 = 5.0;

/// Rows about the files, and the services that the profiles enable; none where they do not parse.
pub async fn rows(
    config: &Config,
    compose: &Compose,
    endpoint: &Endpoint,
    tool: Option<&Tool>,
) -> (Vec<Row>, Option<Vec<Facts>>) {
    if let Some(missing) = compose.files.iter().find(|file| !file.is_file()) {
        let text = format!("there is no file {}", missing.display());
        return (vec![Row::failed(FILE, text, "correct stack.file in the config")], None);
    }
    let Some(tool) = tool else {
        return (vec![Row::note(FILE, "not read: there is no compose tool")], None);
    };
    let calls = Project::new(tool.clone(), caller(endpoint, compose), &config.project, compose);
    let text = match within(FILE, calls.config()).await {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => {
            let remedy = "the words above are the compose tool's own";
            return (vec![Row::failed(FILE, error.message, remedy)], None);
        }
        Err(row) => return (vec![row], None),
    };
    let all = match facts::services(&text) {
        Ok(all) => all,
        Err(why) => return (vec![Row::failed(FILE, why, "is it a compose file?")], None),
    };
    let enabled: Vec<Facts> =
        all.iter().filter(|s| s.enabled(&compose.profiles) && s.replicas > 0).cloned().collect();
    let mut rows = vec![file_row(compose, &enabled), names_row(config, &all, &enabled)];
    rows.extend(limits_row(config, &enabled));
    rows.extend(checks_row(&enabled));
    (rows, Some(enabled))
}

fn file_row(compose: &Compose, enabled: &[Facts]) -> Row {
    let files: Vec<String> = compose.files.iter().map(|f| f.display().to_string()).collect();
    let files = files.join(", ");
    if enabled.is_empty() {
        return Row::failed(
            FILE,
            format!("{files}: no service is enabled"),
            "name their profiles in stack.profiles",
        );
    }
    let names: Vec<&str> = enabled.iter().map(|s| s.name.as_str()).collect();
    Row::ok(FILE, format!("{files}: {}", names.join(", ")))
}

fn names_row(config: &Config, all: &[Facts], enabled: &[Facts]) -> Row {
    let known: Vec<String> = enabled.iter().map(|s| s.name.clone()).collect();
    let find = |name: &str| enabled.iter().find(|s| s.is_meant_by(name));
    let publishes = |name: &str, port: u16| {
        find(name).is_some_and(|s| s.ports.iter().any(|(inside, _)| *inside == port))
    };
    let row = names::row(config, &known, |name| find(name).is_some(), publishes);
    let off =
        |name: &str| find(name).is_none() && all.iter().any(|service| service.is_meant_by(name));
    match names::named(config).iter().find(|named| off(&named.name)) {
        Some(named) => {
            row.with_remedy(format!("enable the profile of {} in stack.profiles", named.name))
        }
        None => row,
    }
}

fn limits_row(config: &Config, enabled: &[Facts]) -> Option<Row> {
    let key = |s: &Facts| s.container_name.clone().unwrap_or_else(|| s.name.clone());
    let ignored = |s: &Facts| config.containers.get(&key(s)).is_some_and(|c| c.ignore);
    let bare = |has: fn(&Facts) -> bool| -> Vec<&str> {
        let without = enabled.iter().filter(|s| !has(s) && !ignored(s));
        without.map(|s| s.name.as_str()).collect()
    };
    let (unlimited, unchecked) = (bare(|s| s.limited), bare(|s| s.check_every.is_some()));
    let mut lines = Vec::new();
    if !unlimited.is_empty() {
        lines.push(format!("no memory limit: {}", unlimited.join(", ")));
    }
    if !unchecked.is_empty() {
        lines.push(format!("no health check: {}", unchecked.join(", ")));
    }
    (!lines.is_empty()).then(|| {
        Row::note("limits", lines.join("\n")).with_remedy(
            "without a limit memory is judged by growth only; without a check ready means running",
        )
    })
}

fn checks_row(enabled: &[Facts]) -> Option<Row> {
    let rate: f64 =
        enabled.iter().filter_map(|s| Some(f64::from(s.replicas) / s.check_every?)).sum();
    if rate <= 0.0 {
        return None;
    }
    let cost = rate * CPU_S_PER_CHECK * 100.0;
    let text = format!("{rate:.1} a second, about {cost:.0} % of a core: each is an exec");
    let row = Row::note("health checks", text);
    let costly = cost >= COSTLY_PERCENT;
    Some(if costly { row.with_remedy("a longer healthcheck.interval costs less") } else { row })
}

/// Ports of the host that the services want: free while the stack is down.
pub fn ports_row(enabled: &[Facts], up: bool) -> Row {
    const NAME: &str = "ports";
    let fixed: Vec<(&str, u16)> = enabled
        .iter()
        .flat_map(|s| s.ports.iter().filter_map(|(_, host)| Some((s.name.as_str(), (*host)?))))
        .collect();
    if fixed.is_empty() {
        return Row::ok(NAME, "none is fixed: the engine chooses");
    }
    let ports: Vec<String> = fixed.iter().map(|(_, port)| port.to_string()).collect();
    if up {
        return Row::ok(NAME, format!("{} in use by the stack, which is up", ports.join(", ")));
    }
    let is_taken = |port: u16| {
        let bound = TcpListener::bind(("0.0.0.0", port));
        bound.is_err_and(|e| e.kind() == std::io::ErrorKind::AddrInUse)
    };
    let taken: Vec<String> = fixed
        .iter()
        .filter(|(_, port)| is_taken(*port))
        .map(|(name, port)| format!("{port} (wanted by {name})"))
        .collect();
    if taken.is_empty() {
        return Row::ok(NAME, format!("{} free", ports.join(", ")));
    }
    Row::failed(
        NAME,
        format!("in use: {}", taken.join(", ")),
        "end what listens there (`ss -ltnp`), or publish another port",
    )
}

#[cfg(test)]
mod tests {
    use super::super::row::Status;
    use super::*;

    fn service(name: &str) -> Facts {
        Facts { name: name.into(), replicas: 1, limited: true, ..Facts::default() }
    }

    #[test]
    fn checks_a_second_are_summed_over_replicas_and_their_cost_is_told() {
        let fast = Facts { check_every: Some(2.0), replicas: 4, ..service("a") };
        let slow = Facts { check_every: Some(30.0), ..service("b") };
        let row = checks_row(&[fast, slow.clone()]).expect("a row");
        assert!(row.detail.starts_with("2.0 a second, about 18 %"), "{row:?}");
        assert!(row.remedy.is_some());
        assert_eq!(checks_row(&[slow]).expect("a row").remedy, None);
        assert_eq!(checks_row(&[service("c")]), None);
    }

    #[test]
    fn what_has_no_limit_is_a_note_unless_it_is_ignored() {
        let mut config = Config::minimal("x");
        let bare = Facts { limited: false, check_every: Some(2.0), ..service("db") };
        let row = limits_row(&config, std::slice::from_ref(&bare)).expect("a row");
        assert_eq!((row.status, row.detail.as_str()), (Status::Note, "no memory limit: db"));
        let ignored = crate::config::ContainerConfig { ignore: true, ..Default::default() };
        config.containers.insert("db".into(), ignored);
        assert_eq!(limits_row(&config, &[bare]), None);
    }

    #[test]
    fn a_port_that_somebody_listens_on_fails_only_while_the_stack_is_down() {
        let listener = TcpListener::bind(("0.0.0.0", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let web = Facts { ports: vec![(80, Some(port))], ..service("web") };
        assert_eq!(ports_row(std::slice::from_ref(&web), false).status, Status::Failed);
        assert_eq!(ports_row(&[web], true).status, Status::Ok);
    }
}
