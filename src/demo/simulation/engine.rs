//! Real time for the world: one thread pays what its agents cost, one sends the stream processor
//! its share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::world::World;
use crate::demo::backlog::Backlog;
use crate::demo::burn::burn;
use crate::demo::peer::Peer;
use crate::demo::ratio::RatioWindow;

/// Length of a step of the world.
const STEP: Duration = Duration::from_millis(25);
/// How often the stream processor is sent its work.
const BATCH: Duration = Duration::from_millis(100);
/// Work that may wait, here or on its way; what goes beyond is never done.
const BOUND: Duration = Duration::from_secs(1);
/// The window of the ratios.
const WINDOW: Duration = Duration::from_secs(5);

/// What the API and the two threads share.
#[derive(Debug)]
pub(in crate::demo) struct Engine {
    born: Instant,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub world: World,
    own: RatioWindow,
    delivered: RatioWindow,
    waiting: Backlog,
    outbox: Backlog,
    /// What the stream processor could not take so far.
    pub undelivered: Duration,
}

impl Inner {
    fn new() -> Inner {
        Inner {
            world: World::default(),
            own: RatioWindow::new(WINDOW),
            delivered: RatioWindow::new(WINDOW),
            waiting: Backlog::new(BOUND),
            outbox: Backlog::new(BOUND),
            undelivered: Duration::ZERO,
        }
    }

    /// Share of its own work that the simulation gets done.
    pub fn own_ratio(&self) -> f64 {
        self.own.ratio()
    }

    /// Share of the stream processor's work that it takes.
    pub fn delivered_ratio(&self) -> f64 {
        self.delivered.ratio()
    }

    /// An agent's second is done once both services have done their part.
    pub fn real_time_ratio(&self) -> f64 {
        self.own_ratio().min(self.delivered_ratio())
    }

    /// CPU time that waits here.
    pub fn waiting(&self) -> Duration {
        self.waiting.waiting()
    }

    /// Everything as after a start of the process; the agents' memory is given back.
    pub fn reset(&mut self) {
        *self = Inner::new();
    }
}

impl Engine {
    /// Starts the threads. Without a `stream` its share is not sent and counts as delivered.
    pub fn start(stream: Option<Peer>) -> std::io::Result<Arc<Engine>> {
        let engine = Arc::new(Engine { born: Instant::now(), inner: Mutex::new(Inner::new()) });
        let worker = Arc::clone(&engine);
        std::thread::Builder::new().name("agents".into()).spawn(move || worker.work())?;
        if let Some(peer) = stream {
            let sender = Arc::clone(&engine);
            std::thread::Builder::new().name("outbox".into()).spawn(move || sender.send(peer))?;
        }
        Ok(engine)
    }

    /// The state, for one short look or change. A panic elsewhere leaves it usable.
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Since the process started.
    pub(super) fn uptime(&self) -> Duration {
        self.born.elapsed()
    }

    fn work(&self) {
        let mut last = Instant::now();
        loop {
            let now = Instant::now();
            let (due, waiting) = self.step(now - last);
            last = now;
            let done = burn(waiting, now + STEP);
            let mut inner = self.lock();
            inner.waiting.done(done);
            // Due work counts in full, also what the queue refused: that is what falling behind is.
            inner.own.record(now - self.born, due, done);
            drop(inner);
            std::thread::sleep((now + STEP).saturating_duration_since(Instant::now()));
        }
    }

    /// Lets the world move on; returns what became due, and all that waits.
    fn step(&self, elapsed: Duration) -> (Duration, Duration) {
        let mut inner = self.lock();
        let due = inner.world.advance(elapsed);
        inner.waiting.offer(due.simulation);
        inner.outbox.offer(due.stream);
        (due.simulation, inner.waiting.waiting())
    }

    fn send(&self, mut peer: Peer) {
        loop {
            std::thread::sleep(BATCH);
            let offered = {
                let mut inner = self.lock();
                let offered = inner.outbox.waiting();
                inner.outbox.clear();
                offered
            };
            if offered.is_zero() {
                continue;
            }
            let taken = post_work(&mut peer, offered);
            let mut inner = self.lock();
            inner.delivered.record(self.born.elapsed(), offered, taken);
            inner.undelivered += offered.saturating_sub(taken);
        }
    }
}

/// Returns how much of `offered` was taken: nothing when the stream processor is away.
fn post_work(peer: &mut Peer, offered: Duration) -> Duration {
    let body = format!("{{\"agent_ms\":{:.6}}}", offered.as_secs_f64() * 1000.0);
    let accepted = peer
        .send("POST", "/work", &body)
        .ok()
        .and_then(|answer| serde_json::from_slice::<serde_json::Value>(&answer).ok())
        .and_then(|answer| answer.get("accepted_ms")?.as_f64())
        .filter(|ms| ms.is_finite() && *ms >= 0.0)
        .unwrap_or(0.0);
    // The body rounds to a nanosecond, so the answer may be that much above what was offered.
    Duration::try_from_secs_f64(accepted / 1000.0).unwrap_or(Duration::ZERO).min(offered)
}
