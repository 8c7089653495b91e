//! The thread in which a driver's calls are made. A driver that hangs holds up this thread and
//! nothing else: a tick waits for it once, until its deadline, and then not again until it came
//! back.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};

use crate::model::{Container, Device, Figure, Gap, SourceKind};
use crate::session::devices::{DeviceRound, DeviceSource};
use crate::session::ports::RunClock;

use super::driver::{Driver, DriverRead};
use super::owners::{Owner, Owners};
use super::share::{Whose, shares};

/// The GPUs of one vendor, read in a thread of their own.
pub struct Worker {
    source: SourceKind,
    clock: RunClock,
    proc_root: PathBuf,
    devices: Vec<Device>,
    ask: mpsc::Sender<Request>,
    round: State,
}

struct Request {
    owners: Owners,
    answer: oneshot::Sender<DeviceRound>,
}

/// How the round stands.
enum State {
    /// None was begun.
    Idle,
    /// Begun at this tick.
    Asked(oneshot::Receiver<DeviceRound>),
    /// Begun at an earlier tick, at that time on the run's clock, and still not answered.
    Hangs(oneshot::Receiver<DeviceRound>, f64),
    /// The thread has ended.
    Gone,
}

impl Worker {
    /// Starts the thread and makes the driver in it; `make` may hang too and is given up after
    /// `limit`.
    ///
    /// # Errors
    /// Why there are no devices, in the words of `make`.
    pub async fn open<D: Driver + 'static>(
        source: SourceKind,
        clock: RunClock,
        proc_root: PathBuf,
        limit: Duration,
        make: impl FnOnce() -> Result<D, String> + Send + 'static,
    ) -> Result<Worker, String> {
        let (ask, requests) = mpsc::channel::<Request>();
        let (tell, made) = oneshot::channel();
        std::thread::Builder::new()
            .name(source.name().to_string())
            .spawn(move || match make() {
                Err(why) => drop(tell.send(Err(why))),
                Ok(driver) => {
                    let devices = driver.devices();
                    if tell.send(Ok(devices)).is_ok() {
                        serve(source, clock, driver, &requests);
                    }
                }
            })
            .map_err(|e| format!("a thread cannot be started ({e})"))?;
        let devices = match timeout(limit, made).await {
            Ok(Ok(made)) => made?,
            Ok(Err(_)) => return Err("the driver's library broke down when it was started".into()),
            Err(_) => return Err(format!("the driver did not start in {} s", limit.as_secs())),
        };
        Ok(Worker { source, clock, proc_root, devices, ask, round: State::Idle })
    }

    fn nothing(&self, reason: String) -> DeviceRound {
        let mut round = DeviceRound::nothing(self.source, self.clock.now());
        round.gaps.push(Gap::of_all(self.source, reason));
        round
    }

    fn hung(&self, since: f64) -> DeviceRound {
        let seconds = self.clock.now() - since;
        self.nothing(match seconds {
            s if s < 10.0 => "no answer within its time limit".to_string(),
            _ => "it has not answered for more than 10 s".to_string(),
        })
    }
}

#[async_trait]
impl DeviceSource for Worker {
    fn devices(&self) -> &[Device] {
        &self.devices
    }

    fn begin(&mut self, targets: &[Container]) {
        self.round = match std::mem::replace(&mut self.round, State::Gone) {
            State::Gone => State::Gone,
            State::Hangs(mut answer, since) => match answer.try_recv() {
                Err(oneshot::error::TryRecvError::Empty) => State::Hangs(answer, since),
                // What it says now was true then; it is asked anew.
                Ok(_) | Err(oneshot::error::TryRecvError::Closed) => self.asked(targets),
            },
            State::Idle | State::Asked(_) => self.asked(targets),
        };
    }

    async fn finish(&mut self, deadline: Instant) -> DeviceRound {
        match std::mem::replace(&mut self.round, State::Gone) {
            State::Idle => {
                self.round = State::Idle;
                DeviceRound::nothing(self.source, self.clock.now())
            }
            State::Gone => self.nothing("the driver's library broke down".to_string()),
            State::Hangs(answer, since) => {
                self.round = State::Hangs(answer, since);
                self.hung(since)
            }
            State::Asked(mut answer) => {
                let since = self.clock.now();
                match timeout_at(deadline, &mut answer).await {
                    Ok(Ok(round)) => {
                        self.round = State::Idle;
                        round
                    }
                    Ok(Err(_)) => self.nothing("the driver's library broke down".to_string()),
                    Err(_) => {
                        self.round = State::Hangs(answer, since);
                        self.hung(since)
                    }
                }
            }
        }
    }
}

impl Worker {
    fn asked(&self, targets: &[Container]) -> State {
        let (answer, round) = oneshot::channel();
        let owners = Owners::new(self.proc_root.clone(), targets);
        match self.ask.send(Request { owners, answer }) {
            Ok(()) => State::Asked(round),
            Err(_) => State::Gone,
        }
    }
}

/// The thread: answers requests until the worker is gone.
fn serve(
    source: SourceKind,
    clock: RunClock,
    mut driver: impl Driver,
    requests: &mpsc::Receiver<Request>,
) {
    let mut seen = BTreeSet::new();
    while let Ok(Request { owners, answer }) = requests.recv() {
        let at = clock.now();
        let read = driver.read(&owners);
        // Whoever asked may have given up.
        let _ = answer.send(round(source, at, read, &owners, &mut seen));
    }
}

fn round(
    source: SourceKind,
    at: f64,
    read: DriverRead,
    owners: &Owners,
    seen: &mut BTreeSet<String>,
) -> DeviceRound {
    let shares = shares(&read.processes, seen, |pid| match owners.of(pid) {
        Owner::Container(name) => Whose::Container(name.to_string()),
        Owner::Foreign => Whose::Foreign,
        Owner::Unknown => Whose::Unknown,
    });
    let mut round = DeviceRound::nothing(source, at);
    round.devices = read.figures.into_iter().filter(|(_, figures)| !figures.is_empty()).collect();
    for (key, held) in shares.devices {
        round.devices.entry(key).or_default().set(Figure::GpuStackMemoryBytes, held);
    }
    round.containers = shares.containers;
    let gap = |(key, reason): (String, String)| Gap::about(source, &key, reason);
    round.gaps = read.troubles.into_iter().map(gap).collect();
    round
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
