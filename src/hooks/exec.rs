//! A command in a container, through the engine.

use bollard::Docker;
use bollard::exec::{CreateExecOptions, StartExecResults};
use futures_util::StreamExt;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Failure;
use super::command::said;
use super::output::Kept;
use crate::model::Container;

/// Code of a program that an engine did not find or may not start.
const NOT_STARTED: [i64; 2] = [126, 127];

/// The engine.
pub(super) struct Engine {
    pub(super) docker: Docker,
    pub(super) remote: bool,
}

impl Engine {
    /// Runs a command in a container to its end.
    ///
    /// # Errors
    /// What the engine says, or another code than 0.
    pub(super) async fn run(
        &self,
        container: &Container,
        command: &[String],
        kept: &Kept,
    ) -> Result<(), Failure> {
        let name = &container.name;
        let told = |error: bollard::errors::Error| format!("{name}: the engine says: {error}");
        let options = CreateExecOptions {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command.to_vec()),
            ..CreateExecOptions::default()
        };
        let made = self.docker.create_exec(&container.id, options).await.map_err(told)?;
        let started = self.docker.start_exec(&made.id, None).await.map_err(told)?;
        let StartExecResults::Attached { mut output, .. } = started else {
            return Err(format!("{name}: the engine did not attach to the command"));
        };
        let mut guard = self.guard(&made.id, container).await;
        while let Some(part) = output.next().await {
            kept.add(&part.map_err(told)?.into_bytes());
        }
        let ended = self.docker.inspect_exec(&made.id).await.map_err(told)?;
        if ended.running == Some(true) {
            return Err(format!("{name}: the output ended before the command"));
        }
        guard.pid = None;
        match ended.exit_code {
            Some(0) => Ok(()),
            Some(code) if NOT_STARTED.contains(&code) => {
                Err(said(&format!("{} cannot be started in {name}", first(command)), kept))
            }
            Some(code) => {
                Err(said(&format!("{} in {name} ended with code {code}", first(command)), kept))
            }
            None => Err(format!("{name}: the engine does not tell how the command ended")),
        }
    }

    /// Closing the connection does not end the command: where its process can be told for sure it is
    /// killed when the hook is cut off.
    async fn guard(&self, exec: &str, container: &Container) -> Guard {
        let pid = match self.remote {
            true => None,
            false => self.docker.inspect_exec(exec).await.ok().and_then(|found| found.pid),
        };
        let pid = pid.filter(|pid| *pid > 1).and_then(|pid| i32::try_from(pid).ok());
        Guard { pid, id: container.id.clone() }
    }
}

fn first(command: &[String]) -> &str {
    command.first().map_or("", String::as_str)
}

struct Guard {
    pid: Option<i32>,
    id: String,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Some(pid) = self.pid else { return };
        // The number may mean another process where this one sees other pids than the engine.
        let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        if !self.id.is_empty() && groups.contains(&self.id) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}
