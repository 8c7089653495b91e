//! The duties of a container's first process: end on SIGTERM, reap orphans.
//!
//! The kernel ignores signals that PID 1 has no handler for; without one each `down` takes ten
//! seconds, until the engine kills it.

use std::io;

use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::tell;

/// The signals that matter, with their handlers installed.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    child: Signal,
}

impl Signals {
    /// Installs the handlers. Must be called within the runtime.
    pub fn install() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            child: signal(SignalKind::child())?,
        })
    }

    /// Reaps until asked to end; returns the name of the signal that asked.
    pub async fn until_asked_to_end(mut self) -> &'static str {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.child.recv() => reap(),
            }
        }
    }
}

/// Takes note of every child that has ended. One signal can stand for several.
fn reap() {
    loop {
        match waitpid(Pid::from_raw(-1), Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => return,
            Ok(status) => tell::machines(&format!("child ended: {status:?}")),
            Err(Errno::EINTR) => {}
            Err(_) => return,
        }
    }
}
