//! The role `stream-processor`: burns the CPU time it is sent, touches cache and store, and leaks
//! while it has work.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::backlog::Backlog;
use super::burn::burn;
use super::leak::{Leak, WorkTime};
use super::peer::Peer;
use super::web::Refusal;

/// Work that may wait; more is refused, which is how the simulation sees it fall behind.
const BOUND: Duration = Duration::from_millis(500);
/// Length of one slice of the worker.
const SLICE: Duration = Duration::from_millis(10);
/// Of what waits, a slice burns one part in so many: a batch is spread over the time to the next,
/// since half a core spent at once would be throttled.
const SPREAD: u32 = 5;
const SMALLEST_BURN: Duration = Duration::from_micros(500);
/// Step of the leak.
const LEAK_STEP: Duration = Duration::from_millis(50);
/// Without work for so long, cache and store are left alone.
const QUIET: Duration = Duration::from_millis(300);
/// How often cache and store are touched.
const TOUCH: Duration = Duration::from_millis(200);
/// Keys and bytes of one touch of the cache: 12 MB/s fill its 48 MB in 4 s, whatever the level.
const TOUCH_KEYS: u32 = 150;
const KEY_BYTES: u32 = 16 << 10;
/// Bytes appended to the store per millisecond of work.
const APPEND_PER_MS: f64 = 4096.0;

/// What the handlers and the threads share.
#[derive(Debug)]
pub(super) struct Processor {
    inner: Mutex<Inner>,
    work_came: Condvar,
}

#[derive(Debug)]
struct Inner {
    backlog: Backlog,
    last_work: Option<Instant>,
    received: Duration,
    leaked: u64,
}

/// Where the processor passes results on; either may be absent.
#[derive(Debug, Default)]
pub(super) struct Downstream {
    pub cache: Option<Peer>,
    pub store: Option<Peer>,
}

#[derive(Deserialize)]
struct Work {
    agent_ms: f64,
}

impl Processor {
    /// Starts the threads: worker, leak, downstream.
    pub fn start(leak_mb_per_min: f64, downstream: Downstream) -> std::io::Result<Arc<Processor>> {
        let processor = Arc::new(Processor {
            inner: Mutex::new(Inner {
                backlog: Backlog::new(BOUND),
                last_work: None,
                received: Duration::ZERO,
                leaked: 0,
            }),
            work_came: Condvar::new(),
        });
        let thread = |name: &str| std::thread::Builder::new().name(name.into());
        let worker = Arc::clone(&processor);
        thread("worker").spawn(move || worker.work())?;
        let leaker = Arc::clone(&processor);
        thread("retain").spawn(move || leaker.leak(Leak::new(leak_mb_per_min)))?;
        let toucher = Arc::clone(&processor);
        thread("downstream").spawn(move || toucher.pass_on(downstream))?;
        Ok(processor)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues work; returns what was accepted and what waits now.
    fn accept(&self, work: Duration) -> (Duration, Duration) {
        let mut inner = self.lock();
        if !work.is_zero() {
            inner.last_work = Some(Instant::now());
        }
        let accepted = inner.backlog.offer(work);
        inner.received += accepted;
        let waiting = inner.backlog.waiting();
        drop(inner);
        self.work_came.notify_one();
        (accepted, waiting)
    }

    fn work(&self) {
        loop {
            let end = Instant::now() + SLICE;
            let waiting = self.wait_for_work();
            let done = burn((waiting / SPREAD).max(SMALLEST_BURN).min(waiting), end + SLICE);
            self.lock().backlog.done(done);
            std::thread::sleep(end.saturating_duration_since(Instant::now()));
        }
    }

    /// Blocks while nothing waits, so that an idle processor costs nothing.
    fn wait_for_work(&self) -> Duration {
        let guard = self
            .work_came
            .wait_while(self.lock(), |inner| inner.backlog.waiting().is_zero())
            .unwrap_or_else(PoisonError::into_inner);
        guard.backlog.waiting()
    }

    fn leak(&self, mut leak: Leak) {
        let mut time = WorkTime::default();
        loop {
            std::thread::sleep(LEAK_STEP);
            let last_work = self.lock().last_work;
            leak.grow(time.advance(last_work));
            self.lock().leaked = leak.bytes();
        }
    }

    /// Whether work came in lately.
    fn busy(&self) -> bool {
        self.lock().last_work.is_some_and(|time| time.elapsed() < QUIET)
    }

    fn pass_on(&self, mut downstream: Downstream) {
        let mut passed = Duration::ZERO;
        loop {
            std::thread::sleep(TOUCH);
            if !self.busy() {
                continue;
            }
            let received = self.lock().received;
            let bytes = (received - passed).as_secs_f64() * 1000.0 * APPEND_PER_MS;
            passed = received;
            // Cache or store being away is no reason to stop: the next touch tries again.
            if let Some(cache) = &mut downstream.cache {
                let body = format!("{{\"count\":{TOUCH_KEYS},\"value_bytes\":{KEY_BYTES}}}");
                let _ = cache.send("PUT", "/keys", &body);
            }
            if let Some(store) = &mut downstream.store {
                let _ = store.send("POST", "/append", &format!("{{\"bytes\":{}}}", bytes as u64));
            }
        }
    }
}

/// `POST /work` and `GET /stats`.
pub(super) fn router(processor: Arc<Processor>) -> Router {
    Router::new()
        .route("/work", post(work))
        .route("/stats", axum::routing::get(stats))
        .with_state(processor)
}

async fn work(
    Shared(processor): Shared<Arc<Processor>>,
    Json(body): Json<Work>,
) -> Result<Json<Value>, Refusal> {
    let work = Duration::try_from_secs_f64(body.agent_ms / 1000.0).map_err(|error| {
        Refusal(StatusCode::UNPROCESSABLE_ENTITY, format!("agent_ms {}: {error}", body.agent_ms))
    })?;
    let (accepted, waiting) = processor.accept(work);
    Ok(Json(json!({ "accepted_ms": millis(accepted), "backlog_ms": millis(waiting) })))
}

async fn stats(Shared(processor): Shared<Arc<Processor>>) -> Json<Value> {
    let inner = processor.lock();
    Json(json!({
        "received_ms": millis(inner.received),
        "backlog_ms": millis(inner.backlog.waiting()),
        "refused_ms": millis(inner.backlog.refused()),
        "retained_mb": inner.leaked as f64 / 1_048_576.0,
    }))
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_beyond_the_bound_is_refused() {
        let processor = Processor::start(0.0, Downstream::default()).unwrap();
        let (accepted, _) = processor.accept(Duration::from_secs(3600));
        assert_eq!(accepted, BOUND);
    }

    #[test]
    fn it_is_busy_only_after_work() {
        let processor = Processor::start(0.0, Downstream::default()).unwrap();
        processor.accept(Duration::ZERO);
        assert!(!processor.busy());
        processor.accept(Duration::from_micros(1));
        assert!(processor.busy());
    }
}
