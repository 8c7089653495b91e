//! The compose files: whether they parse, and what their services say against the config.

use super::names;
use super::row::{Row, within};
use crate::config::{Compose, Config};
use crate::stack::compose::{Project, ProjectFile, Service, Tool, caller, clashes};
use crate::stack::engine::Endpoint;

const FILE: &str = "compose file";
/// A check is an exec, about 0.09 s of CPU outside the container.
const CPU_S_PER_CHECK: f64 = 0.09;
/// From this share of a core on it is told as something to change.
const COSTLY_PERCENT: f64 = 5.0;

/// Rows about the files, and what they say; nothing where they do not parse.
pub async fn rows(
    config: &Config,
    compose: &Compose,
    endpoint: &Endpoint,
    tool: Option<&Tool>,
) -> (Vec<Row>, Option<ProjectFile>) {
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
        Ok(Err(failure)) => return (vec![Row::failed(FILE, failure.what, failure.remedy)], None),
        Err(row) => return (vec![row], None),
    };
    let file = match ProjectFile::parse(&text) {
        Ok(file) => file,
        Err(why) => return (vec![Row::failed(FILE, why, "is it a compose file?")], None),
    };
    let enabled: Vec<&Service> = file.enabled(&compose.profiles).collect();
    let mut rows = vec![file_row(compose, &file, &enabled)];
    rows.push(names_row(config, &file.services, &enabled));
    rows.extend(clashes_row(&enabled));
    rows.extend(limits_row(config, &enabled));
    rows.extend(checks_row(&enabled));
    (rows, Some(file))
}

fn file_row(compose: &Compose, file: &ProjectFile, enabled: &[&Service]) -> Row {
    let files: Vec<String> = compose.files.iter().map(|f| f.display().to_string()).collect();
    let files = files.join(", ");
    if enabled.is_empty() {
        return nothing_enabled(&files, file);
    }
    let names: Vec<&str> = enabled.iter().map(|s| s.name.as_str()).collect();
    Row::ok(FILE, format!("{files}: {}", names.join(", ")))
}

fn nothing_enabled(files: &str, file: &ProjectFile) -> Row {
    let mut profiles: Vec<&str> =
        file.services.iter().flat_map(|s| s.profiles.iter().map(String::as_str)).collect();
    profiles.sort_unstable();
    profiles.dedup();
    if profiles.is_empty() {
        return Row::failed(
            FILE,
            format!("{files}: there is no service"),
            "enable their profiles in stack.profiles (newer tools hide what is off), or name all files \
             of the stack in stack.files",
        );
    }
    Row::failed(
        FILE,
        format!("{files}: no service is enabled"),
        format!("choose in stack.profiles: {}", profiles.join(", ")),
    )
}

/// Containers' names and ports of the host that several containers want.
fn clashes_row(enabled: &[&Service]) -> Option<Row> {
    let found = clashes(enabled);
    let lines: Vec<String> = found
        .iter()
        .map(|clash| match clash.services.as_slice() {
            [alone] => format!("{} is wanted by every container of {alone}", clash.shared),
            services => format!("{} is wanted by {}", clash.shared, services.join(", ")),
        })
        .collect();
    let chosen = found.iter().flat_map(|clash| &clash.services);
    let of_profiles = chosen
        .filter_map(|name| enabled.iter().find(|s| s.name == *name))
        .any(|service| !service.profiles.is_empty());
    let remedy = match of_profiles {
        true => "enable one of them in stack.profiles, or change one in the compose file",
        false => "change one in the compose file: only one container can have it",
    };
    (!lines.is_empty()).then(|| Row::failed("clashes", lines.join("\n"), remedy))
}

fn names_row(config: &Config, all: &[Service], enabled: &[&Service]) -> Row {
    let known: Vec<String> = enabled.iter().map(|s| s.name.clone()).collect();
    let find = |name: &str| enabled.iter().find(|s| s.is_meant_by(name));
    let publishes = |name: &str, port: u16| {
        find(name).is_some_and(|s| s.ports.iter().any(|p| p.inside == port))
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

fn limits_row(config: &Config, enabled: &[&Service]) -> Option<Row> {
    let ignored = |s: &Service| config.containers.get(s.key()).is_some_and(|c| c.ignore);
    let bare = |has: fn(&Service) -> bool| -> Vec<&str> {
        let without = enabled.iter().filter(|s| !has(s) && !ignored(s));
        without.map(|s| s.name.as_str()).collect()
    };
    // What does its work and ends is ready when it ended well.
    let unchecked = bare(|s| s.has_health_check() || s.one_shot);
    let unlimited = bare(|s| s.limited);
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

fn checks_row(enabled: &[&Service]) -> Option<Row> {
    let each = |s: &&Service| Some(f64::from(s.replicas) / s.health.as_ref()?.every_s);
    let rate: f64 = enabled.iter().filter_map(each).sum();
    if rate <= 0.0 {
        return None;
    }
    let cost = rate * CPU_S_PER_CHECK * 100.0;
    let often = match rate < 0.5 {
        true => format!("{:.0} a minute", rate * 60.0),
        false => format!("{rate:.1} a second"),
    };
    let text = format!("{often}, about {cost:.1} % of a core: each is an exec");
    let row = Row::note("health checks", text);
    let costly = cost >= COSTLY_PERCENT;
    Some(if costly { row.with_remedy("a longer healthcheck.interval costs less") } else { row })
}

#[cfg(test)]
mod tests {
    use super::super::row::Status;
    use super::*;

    fn services(yaml: &str) -> ProjectFile {
        ProjectFile::parse(&format!("services:\n{yaml}")).expect("a project")
    }

    fn all(file: &ProjectFile) -> Vec<&Service> {
        file.services.iter().collect()
    }

    #[test]
    fn checks_a_second_are_summed_over_replicas_and_their_cost_is_told() {
        let slow = "  b: {healthcheck: {test: x, interval: 30s}}\n";
        let fast = "  a: {healthcheck: {test: x, interval: 2s}, deploy: {replicas: 4}}\n";
        let file = services(&format!("{fast}{slow}"));
        let row = checks_row(&all(&file)).expect("a row");
        assert!(row.detail.starts_with("2.0 a second, about 18.3 %"), "{row:?}");
        assert!(row.remedy.is_some());
        assert_eq!(checks_row(&all(&services(slow))).expect("a row").remedy, None);
        assert_eq!(checks_row(&all(&services("  c: {}\n"))), None);
    }

    #[test]
    fn a_check_that_is_switched_off_is_none_and_a_one_shot_needs_none() {
        let file = services(
            "  quiet: {mem_limit: 1g, healthcheck: {test: [NONE]}}\n  job: {mem_limit: 1g}\n  web: \
             {mem_limit: 1g, healthcheck: {test: x}, depends_on: {job: {condition: \
             service_completed_successfully}}}\n",
        );
        let row = limits_row(&Config::minimal("x"), &all(&file)).expect("a row");
        assert_eq!(row.detail, "no health check: quiet");
        let row = checks_row(&all(&file)).expect("a row");
        assert!(row.detail.starts_with("2 a minute, about 0.3 %"), "{row:?}");
    }

    #[test]
    fn what_has_no_limit_is_a_note_unless_it_is_ignored() {
        let mut config = Config::minimal("x");
        let file = services("  db: {healthcheck: {test: x}}\n");
        let row = limits_row(&config, &all(&file)).expect("a row");
        assert_eq!((row.status, row.detail.as_str()), (Status::Note, "no memory limit: db"));
        let ignored = crate::config::ContainerConfig { ignore: true, ..Default::default() };
        config.containers.insert("db".into(), ignored);
        assert_eq!(limits_row(&config, &all(&file)), None);
    }

    #[test]
    fn what_two_services_cannot_both_have_fails() {
        let file = services(
            "  one: {container_name: model, ports: ['11434:11434']}\n  two: {container_name: \
             model, ports: ['11434:11434']}\n",
        );
        let row = clashes_row(&all(&file)).expect("a row");
        assert_eq!(row.status, Status::Failed);
        assert_eq!(
            row.detail,
            "container_name model is wanted by one, two\nhost port 11434 is wanted by one, two"
        );
        assert_eq!(clashes_row(&[&file.services[0]]), None);
        let many = services("  a: {scale: 2, ports: ['80:80']}\n");
        let row = clashes_row(&all(&many)).expect("a row");
        assert_eq!(row.detail, "host port 80 is wanted by every container of a");
    }

    #[test]
    fn where_nothing_is_enabled_the_profiles_there_are_are_named() {
        let compose = Compose::default();
        let choice = services("  a: {profiles: [gpu]}\n  b: {profiles: [cpu, gpu]}\n");
        let row = file_row(&compose, &choice, &[]);
        assert_eq!(row.remedy.as_deref(), Some("choose in stack.profiles: cpu, gpu"));
        let row = file_row(&compose, &ProjectFile::default(), &[]);
        assert!(row.detail.contains("there is no service"), "{row:?}");
    }
}
