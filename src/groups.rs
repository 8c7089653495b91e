//! Process groups of programs that were started and are waited for (the compose tool, hooks).
//!
//! Each is a group of its own, so that Ctrl-C on the terminal does not reach it. Whoever waits for one
//! ends it in order; where this process leaves at once nobody waits any more, and it is ended from here.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

static LIVING: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// A group that is to be ended with this process; no more once this is dropped.
#[derive(Debug)]
pub struct Living(Pid);

impl Living {
    /// The group whose first process has this pid.
    #[must_use]
    pub fn of(pid: Option<u32>) -> Option<Living> {
        let group = Pid::from_raw(i32::try_from(pid?).ok()?);
        LIVING.lock().unwrap_or_else(PoisonError::into_inner).push(group);
        Some(Living(group))
    }

    /// Whether a process of it is left.
    #[must_use]
    pub fn is_there(&self) -> bool {
        killpg(self.0, None).is_ok()
    }

    /// Nobody waits for it any more. Where a process of it is left it stays known, and is ended with
    /// this process.
    pub fn abandon(self) {
        if self.is_there() {
            std::mem::forget(self);
        }
    }

    /// Sends a signal to all of it. Gone already is as good.
    pub fn send(&self, signal: Signal) {
        let _ = killpg(self.0, signal);
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        let mut all = LIVING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = all.iter().position(|group| *group == self.0) {
            all.swap_remove(at);
        }
    }
}

fn living() -> Vec<Pid> {
    LIVING.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Kills all of them: this process leaves at once.
pub fn kill() {
    for group in living() {
        let _ = killpg(group, Signal::SIGKILL);
    }
}

/// How long those that were killed may take to be gone.
const DYING: Duration = Duration::from_secs(1);

/// Waits until those that were asked to end have ended, and kills them after `limit`: this process
/// leaves in order.
pub fn farewell(limit: Duration) {
    if !all_gone_within(limit) {
        kill();
        all_gone_within(DYING);
    }
}

fn all_gone_within(limit: Duration) -> bool {
    let begun = Instant::now();
    loop {
        if !living().into_iter().any(is_left) {
            return true;
        }
        if begun.elapsed() >= limit {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a process of the group is left. One that ended and that nobody waits for any more is none.
fn is_left(group: Pid) -> bool {
    let reap = || waitpid(Pid::from_raw(-group.as_raw()), Some(WaitPidFlag::WNOHANG));
    while reap().is_ok_and(|status| status != WaitStatus::StillAlive) {}
    killpg(group, None).is_ok()
}
