//! A stack of local processes: whether the programs are there, and whether limits can be enforced.

use std::path::{Path, PathBuf};

use super::names;
use super::row::{Row, within};
use crate::config::{Config, ProcessService};
use crate::session::ports::Stack;
use crate::stack::process::ProcessStack;

/// Rows about the services of a process stack.
pub async fn rows(config: &Config, services: &[ProcessService]) -> Vec<Row> {
    let known: Vec<String> = services.iter().map(|s| s.name.clone()).collect();
    let find = |name: &str| services.iter().find(|s| s.name == name);
    let publishes = |name: &str, port: u16| find(name).is_some_and(|s| s.ports.contains(&port));
    let names = names::row(config, &known, |name| find(name).is_some(), publishes);
    vec![programs_row(services, &config.base_dir), names, limits_row(config, services).await]
}

fn programs_row(services: &[ProcessService], base_dir: &Path) -> Row {
    const NAME: &str = "programs";
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let missing: Vec<String> = services
        .iter()
        .filter_map(|s| Some((s, s.command.first()?)))
        .filter(|(_, program)| !is_there(program, base_dir, &folders))
        .map(|(service, program)| format!("{program} (of {})", service.name))
        .collect();
    if missing.is_empty() {
        let names: Vec<&str> = services.iter().map(|s| s.name.as_str()).collect();
        return Row::ok(NAME, format!("there for {}", names.join(", ")));
    }
    Row::failed(
        NAME,
        format!("no such program: {}", missing.join(", ")),
        "install it, or write its absolute path in the service's command",
    )
}

/// A program by its path, which starts from the config's folder, or by its name in one of the folders. What `${...}` will be is not known.
fn is_there(program: &str, base_dir: &Path, folders: &[PathBuf]) -> bool {
    if program.contains("${") {
        return true;
    }
    if program.contains('/') {
        return is_program(&base_dir.join(program));
    }
    folders.iter().any(|folder| is_program(&folder.join(program)))
}

fn is_program(path: &Path) -> bool {
    path.is_file() && nix::unistd::access(path, nix::unistd::AccessFlags::X_OK).is_ok()
}

async fn limits_row(config: &Config, services: &[ProcessService]) -> Row {
    const NAME: &str = "limits";
    let limited = services.iter().any(|s| s.memory_bytes.is_some() || s.cpus.is_some());
    if !limited {
        return Row::note(NAME, "no service has one: memory is judged by growth only");
    }
    let run = format!("check-{}", std::process::id());
    let mut stack = match ProcessStack::open(config, services, &run) {
        Ok(stack) => stack,
        Err(error) => return Row::error(NAME, &error.message),
    };
    let problem = stack.limits_problem().map(str::to_string);
    // Nothing was started: this removes the groups and the folder that opening made.
    if let Err(row) = within(NAME, stack.down()).await {
        return row;
    }
    let Some(why) = problem else {
        return Row::ok(NAME, "enforced through control groups");
    };
    let why = format!("thresholds only: no control group can be made ({why})");
    Row::note(NAME, why).with_remedy(
        "run as a user who may make control groups (root, or a delegated systemd scope) to enforce \
         them",
    )
}

#[cfg(test)]
mod tests {
    use super::super::row::Status;
    use super::*;
    use crate::config::RestartPolicy;

    fn service(name: &str, program: &str) -> ProcessService {
        ProcessService {
            name: name.into(),
            command: vec![program.into()],
            env: Default::default(),
            ports: vec![],
            health: None,
            memory_bytes: None,
            cpus: None,
            restart: RestartPolicy::Always,
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_named_with_its_service() {
        let services = [service("shell", "sh"), service("ghost", "no-such-program-here")];
        let row = programs_row(&services, Path::new("."));
        assert_eq!(row.status, Status::Failed);
        assert_eq!(row.detail, "no such program: no-such-program-here (of ghost)");
        assert_eq!(programs_row(&services[..1], Path::new(".")).status, Status::Ok);
    }

    #[test]
    fn a_file_that_cannot_be_run_is_no_program() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("tool");
        std::fs::write(&file, "").expect("a file");
        assert!(!is_there(&file.display().to_string(), Path::new("."), &[]));
        assert!(is_there("${dir}/tool", Path::new("."), &[]));
    }
}
