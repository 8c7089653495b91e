//! Services as local processes: what a machine without a container engine runs the stack with.
//!
//! They are started, health-checked and restarted as an engine would; each in a session of its
//! own, and, where this user may make control groups, under its memory and CPU limits. Nothing
//! outlives the runner: the kernel ends the services with it, a guard ends what they started (see
//! `guard`), and the files of a runner that was killed are removed by the next one (see `mark`).

mod checks;
mod expand;
mod guard;
mod health;
mod limits;
mod log;
mod mark;
mod prepare;
mod readiness;
mod service;
mod spawn;
mod state;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::config::{Config, ProcessService, Reset};
use crate::model::{Container, StackEvent};
use crate::session::ports::{LastWords, ResetReport, Stack, StackError};
use crate::stack::folders::{OwnFolder, files_dir, is_in_memory, run_dir};
use crate::stack::lock::ProjectLock;

pub use guard::{COMMAND as GUARD_COMMAND, command as guard_command};

use guard::Guard;
use limits::Groups;
use mark::Mark;
use prepare::{Site, choose_ports, prepare};
use service::Running;

/// A stack of local processes.
pub struct ProcessStack {
    project: String,
    services: Vec<ProcessService>,
    base_dir: PathBuf,
    ready_timeout: Duration,
    mark: Mark,
    groups: Result<Groups, String>,
    folder: OwnFolder,
    running: Vec<Running>,
    events_out: mpsc::UnboundedSender<StackEvent>,
    events: mpsc::UnboundedReceiver<StackEvent>,
    /// The next life's number of each service, over resets.
    lives: BTreeMap<String, u32>,
    round: u32,
    /// This program, to start a guard with; none in tests, whose program is another one.
    program: Option<&'static Path>,
    guard: Option<Guard>,
    cgroup_root: PathBuf,
    _lock: ProjectLock,
}

/// Where processes are looked for.
const PROC: &str = "/proc";

impl ProcessStack {
    /// A stack of these services, and the removal of what dead runs left. Nothing is started yet.
    /// `run` names the run in the lock.
    ///
    /// # Errors
    /// When another run uses the project, or the folder for the services' files cannot be made.
    pub fn open(
        config: &Config,
        services: &[ProcessService],
        run: &str,
    ) -> Result<ProcessStack, StackError> {
        let mut stack = ProcessStack::open_in(&run_dir()?, &files_dir()?, config, services, run)?;
        stack.program = Some(Path::new("/proc/self/exe"));
        Ok(stack)
    }

    fn open_in(
        locks: &Path,
        files: &Path,
        config: &Config,
        services: &[ProcessService],
        run: &str,
    ) -> Result<ProcessStack, StackError> {
        let cannot = |path: &Path, e: std::io::Error| {
            StackError::environment(format!("{} cannot be made: {e}", path.display()))
        };
        let lock = ProjectLock::take(locks, "processes", &config.project, run)?;
        let root = &config.sources.cgroup_root;
        let all = files.join("processes");
        mark::clear_remains(Path::new(PROC), &all, &Groups::parents(root));
        let mark = Mark::mine(&config.project).map_err(|e| cannot(Path::new(PROC), e))?;
        let folder = all.join(mark.to_string());
        let folder = OwnFolder::make(&folder).map_err(|e| cannot(&folder, e))?;
        let (events_out, events) = mpsc::unbounded_channel();
        Ok(ProcessStack {
            project: config.project.clone(),
            services: services.to_vec(),
            base_dir: config.base_dir.clone(),
            ready_timeout: config.stack.ready_timeout,
            groups: Groups::make(root, &mark.to_string(), services.len()),
            mark,
            folder,
            running: Vec::new(),
            events_out,
            events,
            lives: BTreeMap::new(),
            round: 0,
            program: None,
            guard: None,
            cgroup_root: root.clone(),
            _lock: lock,
        })
    }

    /// Whether the limits are enforced by the kernel; else they are thresholds only.
    #[must_use]
    pub fn enforces_limits(&self) -> bool {
        self.groups.is_ok()
    }

    /// Why the limits are thresholds only, where they are.
    #[must_use]
    pub fn limits_problem(&self) -> Option<&str> {
        self.groups.as_ref().err().map(String::as_str)
    }

    /// Cancel-safe: who was asked to stop and is not awaited stays in the list.
    async fn stop_all(&mut self) {
        for running in &self.running {
            running.ask_to_stop();
        }
        futures_util::future::join_all(self.running.iter_mut().map(Running::ended)).await;
        for running in self.running.drain(..) {
            let next = running.state().incarnation + 1;
            self.lives.insert(running.prepared.service.name.clone(), next);
        }
    }

    fn start_all(&mut self, keep_files: bool) -> Result<(), StackError> {
        self.round += 1;
        self.watch_over()?;
        let ports = choose_ports(&self.services)?;
        let mark = self.mark.to_string();
        let site = Site { mark, round: self.round, base_dir: &self.base_dir, ports: &ports };
        for service in &self.services {
            let dir = self.folder_of(&service.name, keep_files).map_err(|e| {
                StackError::environment(format!(
                    "the folder of service {} in {} cannot be made anew: {e}",
                    service.name,
                    self.folder.path().display()
                ))
            })?;
            let prepared = prepare(service, &dir, &site).map_err(StackError::environment)?;
            let groups = self.groups.as_ref().ok().cloned();
            let life = self.lives.get(&service.name).copied().unwrap_or(0);
            let out = self.events_out.clone();
            self.running.push(Running::start(prepared, groups, life, out));
        }
        Ok(())
    }

    /// Starts the guard, once.
    fn watch_over(&mut self) -> Result<(), StackError> {
        let Some(program) = self.program.filter(|_| self.guard.is_none()) else { return Ok(()) };
        let guard = Guard::start(program, &self.mark.to_string(), &self.cgroup_root);
        let guard = guard.map_err(|e| {
            StackError::environment(format!(
                "the process that ends what a killed run leaves cannot be started: {e}; raise the \
                 limit of processes (ulimit -u)"
            ))
        })?;
        self.guard = Some(guard);
        Ok(())
    }

    fn folder_of(&self, service: &str, keep_files: bool) -> std::io::Result<PathBuf> {
        if !keep_files {
            self.folder.clear(service)?;
        }
        self.folder.child(service)
    }

    async fn wait_until_ready(&self) -> Result<(), StackError> {
        let begun = Instant::now();
        loop {
            let standing = readiness::look(&self.running);
            if standing.waiting.is_empty() {
                return Ok(());
            }
            if standing.hopeless || begun.elapsed() >= self.ready_timeout {
                return Err(StackError::environment(format!(
                    "not ready after {:.1} s: {}",
                    begun.elapsed().as_secs_f64(),
                    standing.waiting.join("; ")
                )));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn found(&self) -> Vec<Container> {
        self.running.iter().map(|running| running.state().container(&running.prepared)).collect()
    }

    /// Ends and removes all that carries this run's mark.
    fn leave_nothing(&self) {
        let mine = format!("{}/", self.mark);
        mark::end_processes(Path::new(PROC), |owner| owner.starts_with(&mine));
        if let Ok(groups) = &self.groups {
            groups.remove();
        }
        self.folder.remove();
    }
}

impl Drop for ProcessStack {
    fn drop(&mut self) {
        self.leave_nothing();
    }
}

#[async_trait]
impl Stack for ProcessStack {
    async fn reset(&mut self, how: Reset) -> Result<ResetReport, StackError> {
        let first = self.running.is_empty();
        if first || how != Reset::Never {
            self.stop_all().await;
            self.start_all(how != Reset::Volumes)?;
        }
        self.wait_until_ready().await?;
        let verb = if first { "started" } else { "restarted" };
        let count = self.running.len();
        let what = format!("{verb} {count} processes, {count} of {count} ready");
        Ok(ResetReport { what, containers: self.found() })
    }

    async fn containers(&mut self) -> Result<Vec<Container>, StackError> {
        Ok(self.found())
    }

    async fn next_event(&mut self) -> StackEvent {
        match self.events.recv().await {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }

    async fn last_words(&mut self, name: &str) -> LastWords {
        let found = self.running.iter().find(|r| r.prepared.service.name == name);
        found.map_or_else(LastWords::default, |running| LastWords {
            log: running.log.text(),
            health: running.state().last_check,
        })
    }

    fn address(&self, service: &str, port: u16) -> Option<String> {
        let running = self.running.iter().find(|r| r.prepared.service.name == service)?;
        let (_, real) = running.prepared.ports.iter().find(|(wanted, _)| *wanted == port)?;
        Some(format!("127.0.0.1:{real}"))
    }

    async fn down(&mut self) -> Result<String, StackError> {
        let count = self.running.len();
        self.stop_all().await;
        self.leave_nothing();
        Ok(format!("stopped {count} processes"))
    }

    fn describe(&self) -> String {
        let limits = match &self.groups {
            Ok(groups) => format!("limits enforced through control groups ({})", groups.version()),
            Err(why) => format!(
                "limits are thresholds only, nobody enforces them: no control group can be made \
                 ({why}); run as root, or in a delegated group: systemd-run --user --scope -p \
                 Delegate=yes"
            ),
        };
        let names: Vec<&str> = self.services.iter().map(|s| s.name.as_str()).collect();
        let files = if is_in_memory(self.folder.path()) {
            "; the folders of the services (${dir}) lie on a tmpfs: what they write there counts as \
             their memory; set TMPDIR to a folder on a disk"
        } else {
            ""
        };
        format!("stack {}: local processes {}; {limits}{files}", self.project, names.join(", "))
    }
}
