//! One service of a process stack: started, health-checked, restarted when it dies.

use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use std::os::unix::process::ExitStatusExt;

use chrono::{SecondsFormat, Utc};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::Child;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::config::RestartPolicy;
use crate::model::{Health, RunState, StackEvent, StackEventKind};
use crate::session::ports::unix_now;

use super::limits::{Group, Groups};
use super::log::Log;
use super::prepare::Prepared;
use super::state::{Shared, State};
use super::{checks, mark, spawn};

/// A service that is kept running until it is stopped or dropped.
pub struct Running {
    /// As prepared.
    pub prepared: Arc<Prepared>,
    /// What it wrote.
    pub log: Log,
    state: Shared,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

/// What keeps a service running.
pub(super) struct Supervisor {
    pub(super) prepared: Arc<Prepared>,
    groups: Option<Groups>,
    pub(super) state: Shared,
    log: Log,
    events: mpsc::UnboundedSender<StackEvent>,
    stop: watch::Receiver<bool>,
}

impl Running {
    /// Starts a service; its first life is number `incarnation`.
    #[must_use]
    pub fn start(
        prepared: Prepared,
        groups: Option<Groups>,
        incarnation: u32,
        events: mpsc::UnboundedSender<StackEvent>,
    ) -> Running {
        let prepared = Arc::new(prepared);
        let state = Shared::new(incarnation);
        let log = Log::default();
        let (stop, stopped) = watch::channel(false);
        let supervisor = Supervisor {
            prepared: Arc::clone(&prepared),
            groups,
            state: state.clone(),
            log: log.clone(),
            events,
            stop: stopped,
        };
        Running { prepared, log, state, stop, task: tokio::spawn(supervisor.work()) }
    }

    /// What is known now.
    #[must_use]
    pub fn state(&self) -> State {
        self.state.now()
    }

    /// Asks it to end: SIGTERM to its process group, SIGKILL to all that is left after a while.
    pub fn ask_to_stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until it has ended, which must have been asked for. Cancel-safe.
    pub async fn ended(&mut self) {
        if !self.task.is_finished() {
            let _ = (&mut self.task).await;
        }
    }
}

/// Time between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);
/// The engine's back-off: doubled from 0.1 s to 60 s, reset after a life of 10 s.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
const LONG_LIFE: Duration = Duration::from_secs(10);
/// Time between two looks at the group's counter of OOM kills.
const OOM_LOOK: Duration = Duration::from_millis(250);
/// What was written before the end is there at once; a process that got away may hold the pipe.
const LAST_LINES: Duration = Duration::from_millis(300);

impl Supervisor {
    async fn work(mut self) {
        let mut wait = FIRST_WAIT;
        loop {
            let born = Instant::now();
            let Some(status) = self.live().await else { return };
            if born.elapsed() >= LONG_LIFE {
                wait = FIRST_WAIT;
            }
            if !self.restarts_after(status) {
                self.wait_for_stop().await;
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.wait_for_stop() => return,
            }
            wait = (wait * 2).min(LONGEST_WAIT);
            self.state.update(|state| {
                state.incarnation += 1;
                state.restarts += 1;
            });
        }
    }

    fn restarts_after(&self, status: ExitStatus) -> bool {
        match self.prepared.service.restart {
            RestartPolicy::Always => true,
            RestartPolicy::OnFailure => !status.success(),
            RestartPolicy::No => false,
        }
    }

    /// One life, to its end. `None` when the service was told to stop, or cannot be started.
    async fn live(&mut self) -> Option<ExitStatus> {
        let group = match self.group() {
            Ok(group) => group,
            Err(why) => return self.broken(why).await,
        };
        let mut child = match spawn::spawn(&self.prepared, group.as_ref()) {
            Ok(child) => child,
            Err(why) => {
                if let Some(group) = group {
                    group.remove().await;
                }
                return self.broken(why).await;
            }
        };
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        let mut readers = self.follow_log(&mut child);
        self.born(pid);
        let mut stop = self.stop.clone();
        let status = tokio::select! {
            status = child.wait() => status.ok(),
            () = checks::check_for_ever(self) => None,
            () = self.watch_kills(group.as_ref()) => None,
            _ = stop.wait_for(|stop| *stop) => None,
        };
        let t = unix_now();
        if status.is_none() {
            end(&mut child, pid).await;
        }
        self.tell_kills(group.as_ref(), t);
        self.end_the_rest(pid, group.as_ref());
        let all_read = async { while readers.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(LAST_LINES, all_read).await;
        if let Some(status) = status {
            self.died(status, t);
        }
        if let Some(group) = group {
            group.remove().await;
        }
        status
    }

    fn group(&self) -> Result<Option<Group>, String> {
        let incarnation = self.state.now().incarnation;
        let make = |groups: &Groups| groups.group(&self.prepared.service, incarnation);
        let group = self.groups.as_ref().map(make).transpose();
        group.map_err(|error| format!("its control group cannot be made: {error}"))
    }

    fn born(&self, pid: Option<i32>) {
        let checked = self.prepared.service.health.is_some();
        self.state.update(|state| {
            state.run = RunState::Running;
            state.pid = pid;
            state.health = if checked { Health::Starting } else { Health::None };
            state.started_at = Some(Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true));
            state.since = Some(Instant::now());
            state.oom_kills = 0;
            state.exit_code = None;
        });
        self.tell(StackEventKind::Start, unix_now());
    }

    fn died(&self, status: ExitStatus, t: f64) {
        let again = self.restarts_after(status);
        let code = exit_code(status);
        self.state.update(|state| {
            state.run = if again { RunState::Restarting } else { RunState::Exited };
            state.pid = None;
            state.exit_code = Some(code);
        });
        self.tell(StackEventKind::Die { exit_code: Some(code) }, t);
    }

    fn follow_log(&self, child: &mut Child) -> JoinSet<()> {
        let mut readers = JoinSet::new();
        if let Some(out) = child.stdout.take() {
            readers.spawn(self.log.clone().collect(out));
        }
        if let Some(err) = child.stderr.take() {
            readers.spawn(self.log.clone().collect(err));
        }
        readers
    }

    /// Tells OOM kills as they happen: that of a child does not end the service.
    async fn watch_kills(&self, group: Option<&Group>) {
        loop {
            tokio::time::sleep(OOM_LOOK).await;
            // The end of the first process is told with its kill, in order.
            self.tell_kills(group, unix_now());
        }
    }

    fn tell_kills(&self, group: Option<&Group>, t: f64) {
        let Some(kills) = group.and_then(Group::oom_kills) else { return };
        let told = self.state.now().oom_kills;
        self.state.update(|state| state.oom_kills = kills.max(told));
        for _ in told..kills {
            self.tell(StackEventKind::Oom, t);
        }
    }

    /// What the first process leaves behind dies with it, as in a container.
    fn end_the_rest(&self, pid: Option<i32>, group: Option<&Group>) {
        if let Some(pid) = pid {
            let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
        }
        if let Some(group) = group {
            group.kill();
        }
        mark::end_processes(Path::new("/proc"), |owner| owner == self.prepared.owner);
    }

    async fn broken(&mut self, why: String) -> Option<ExitStatus> {
        self.state.update(|state| {
            state.run = RunState::Created;
            state.pid = None;
            state.broken = Some(why);
        });
        self.wait_for_stop().await;
        None
    }

    async fn wait_for_stop(&mut self) {
        // An error means that nobody can tell us to stop any more: that is a stop.
        let _ = self.stop.wait_for(|stop| *stop).await;
    }

    pub(super) fn tell(&self, kind: StackEventKind, t: f64) {
        let (id, name) = (self.prepared.id.clone(), self.prepared.service.name.clone());
        let _ = self.events.send(StackEvent { t, id, name, kind });
    }
}

/// SIGTERM to the group, then SIGKILL.
async fn end(child: &mut Child, pid: Option<i32>) {
    let Some(pid) = pid else { return };
    let group = Pid::from_raw(pid);
    let _ = killpg(group, Signal::SIGTERM);
    if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
        let _ = killpg(group, Signal::SIGKILL);
        let _ = child.wait().await;
    }
}

/// As a shell and the engine say it: 128 + signal for a process that was killed.
pub(super) fn exit_code(status: ExitStatus) -> i64 {
    let signal = status.signal().map(|signal| 128 + i64::from(signal));
    status.code().map(i64::from).or(signal).unwrap_or(-1)
}
