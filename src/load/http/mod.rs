//! HTTP requests at a fixed rate, whatever the answers take: an open load. The level is requests a
//! second over all tasks.
//!
//! One task of the runtime sends what is due; each request is a task of its own, up to a bound.
//! Requests are counted when their answer is there, each by its own task, so that work done in a
//! stretch of time is known and not inferred from the rate asked for.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method};
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant};

mod rate;
#[cfg(test)]
mod tests;

use crate::config::{Address, HttpLoad, HttpTask, mask};
use crate::load::answers::{Answers, Failure};
use crate::model::LoadReport;
use crate::net;
use crate::session::ports::{Load, LoadError};
use rate::Schedule;

/// Behind by more than this, the sender does not catch up: a burst is another load.
const LONGEST_BACKLOG: Duration = Duration::from_millis(200);

/// The load.
pub struct Http {
    config: HttpLoad,
    address: Address,
    inner: Arc<Inner>,
    control: Mutex<Control>,
}

/// What requests share.
struct Inner {
    client: Client,
    headers: HeaderMap,
    base: RwLock<Option<String>>,
    in_flight: AtomicU32,
    missed: AtomicU64,
    answers: Answers,
}

#[derive(Default)]
struct Control {
    rate: u32,
    only: Option<usize>,
    paused: bool,
    sender: Option<JoinHandle<()>>,
}

impl Http {
    /// A load of these tasks. Nothing is sent yet.
    ///
    /// # Errors
    /// An address or header that cannot be used.
    pub fn new(config: HttpLoad) -> Result<Http, LoadError> {
        let address = Address::parse(&config.address)
            .map_err(|wanted| LoadError(format!("load.address: expected {wanted}")))?;
        let client = net::client(config.timeout)
            .map_err(|error| LoadError(format!("no HTTP client: {error}")))?;
        let base = match &address {
            Address::Url(url) => Some(url.clone()),
            Address::Service { .. } => None,
        };
        let inner = Inner {
            client,
            headers: headers(&config)?,
            base: RwLock::new(base),
            in_flight: AtomicU32::new(0),
            missed: AtomicU64::new(0),
            answers: Answers::of(config.tasks.iter().map(|task| task.name.clone())),
        };
        Ok(Http { config, address, inner: Arc::new(inner), control: Mutex::default() })
    }

    fn control(&self) -> std::sync::MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends at the rate that is asked for now, in place of what was sent before.
    fn send(&self, control: &mut Control) {
        if let Some(sender) = control.sender.take() {
            sender.abort();
        }
        if control.paused {
            return;
        }
        let weight = |(n, task): (usize, &HttpTask)| match control.only {
            Some(only) if only != n => 0.0,
            Some(_) => 1.0,
            None => task.weight,
        };
        let weights = self.config.tasks.iter().enumerate().map(weight).collect();
        let schedule = Schedule::new(control.rate, weights);
        let work = send_all(Arc::clone(&self.inner), self.config.clone(), schedule);
        control.sender = Some(tokio::spawn(work));
    }

    /// One request of the first task: whether the service answers at all.
    ///
    /// # Errors
    /// It does not, with the remedy.
    pub async fn probe(&self) -> Result<(), LoadError> {
        let Some(task) = self.config.tasks.first() else { return Ok(()) };
        let base = self.inner.base().ok_or_else(|| self.unpublished())?;
        let shown = mask::masked(&format!("{base}{}", task.call.path));
        match self.inner.request(&base, task).send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(LoadError(format!(
                "{} {shown}: {}; correct [[load.task]] {}",
                task.call.method,
                answer.status(),
                task.name
            ))),
            Err(error) => Err(LoadError(format!(
                "{} {shown}: nothing answers there ({}); is the service up, and load.address right?",
                task.call.method,
                error.without_url()
            ))),
        }
    }

    fn unpublished(&self) -> LoadError {
        LoadError(format!(
            "load.address: {} is not published on this machine; publish its port in the compose \
             file (ports: [\"127.0.0.1::8000\"]) or write a URL",
            mask::masked(&self.config.address)
        ))
    }
}

impl Inner {
    fn base(&self) -> Option<String> {
        self.base.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn request(&self, base: &str, task: &HttpTask) -> reqwest::RequestBuilder {
        let method = Method::from_bytes(task.call.method.as_bytes()).unwrap_or(Method::GET);
        let url = format!("{base}{}", task.call.path);
        let request = self.client.request(method, url).headers(self.headers.clone());
        match &task.body {
            Some(body) => request.header(CONTENT_TYPE, "application/json").body(body.clone()),
            None => request,
        }
    }
}

/// Counts a request as over, also when it is dropped on the way.
struct InFlight(Arc<Inner>);

impl InFlight {
    fn new(inner: &Arc<Inner>) -> InFlight {
        inner.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(inner))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn send_all(inner: Arc<Inner>, config: HttpLoad, mut schedule: Schedule) {
    let Some(gap) = schedule.gap().map(Duration::from_secs_f64) else { return };
    let mut due = Instant::now();
    loop {
        tokio::time::sleep_until(due).await;
        due += gap;
        if due + LONGEST_BACKLOG < Instant::now() {
            due = Instant::now();
        }
        let Some(task) = schedule.next() else { return };
        if inner.in_flight.load(Ordering::Relaxed) >= config.max_in_flight {
            inner.missed.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        let Some(base) = inner.base() else {
            inner.missed.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        let Some(what) = config.tasks.get(task) else { return };
        let request = inner.request(&base, what);
        let guard = InFlight::new(&inner);
        let (method, address) = (what.call.method.clone(), format!("{base}{}", what.call.path));
        tokio::spawn(async move {
            let answers = &guard.0.answers;
            match answered(request).await {
                Ok(()) => answers.answered(task),
                Err(Failure { cause, said }) => {
                    let said = format!("{method} {}: {said}", mask::masked(&address));
                    answers.failed(task, &cause, said);
                }
            }
        });
    }
}

/// Bytes of the answer of a request that failed that are kept.
const KEPT: usize = 1024;

/// The whole answer came, and was a success; or why not.
async fn answered(request: reqwest::RequestBuilder) -> Result<(), Failure> {
    let of_error = |error| Failure::of_error(&error);
    let mut answer = request.send().await.map_err(of_error)?;
    let status = answer.status();
    let mut body = Vec::new();
    // Read to its end, so that the connection can be used again, and thrown away.
    loop {
        match answer.chunk().await {
            Ok(Some(part)) if !status.is_success() && body.len() < KEPT => {
                body.extend(part.iter().take(KEPT - body.len()));
            }
            Ok(Some(_)) => {}
            Ok(None) => break,
            // The status says more than that its body was cut off.
            Err(_) if !status.is_success() => break,
            Err(error) => return Err(of_error(error)),
        }
    }
    if status.is_success() { Ok(()) } else { Err(Failure::of_status(status, &body)) }
}

#[async_trait]
impl Load for Http {
    async fn start(&self) -> Result<(), LoadError> {
        if self.inner.base().is_none() {
            return Err(self.unpublished());
        }
        self.control().paused = false;
        Ok(())
    }

    async fn reach(&self, level: u32) -> Result<(), LoadError> {
        let mut control = self.control();
        control.rate = level;
        self.send(&mut control);
        Ok(())
    }

    async fn pause(&self) -> Result<(), LoadError> {
        let mut control = self.control();
        control.paused = true;
        self.send(&mut control);
        Ok(())
    }

    async fn resume(&self) -> Result<(), LoadError> {
        let mut control = self.control();
        control.paused = false;
        self.send(&mut control);
        Ok(())
    }

    async fn speed(&self, multiplier: f64) -> Result<(), LoadError> {
        if (multiplier - 1.0).abs() < f64::EPSILON {
            return Ok(());
        }
        let why = "an http load has no speed; set its level instead (requests a second)";
        Err(LoadError(why.to_string()))
    }

    async fn reset(&self) -> Result<(), LoadError> {
        let mut control = self.control();
        control.rate = 0;
        control.only = None;
        self.send(&mut control);
        Ok(())
    }

    fn only(&self, task: Option<&str>) -> Result<(), LoadError> {
        let of = |name: &str| self.config.tasks.iter().position(|task| task.name == name);
        let only = match task {
            None => None,
            Some(name) => Some(of(name).ok_or_else(|| {
                LoadError(format!("there is no task named {name}; see [[load.task]]"))
            })?),
        };
        self.control().only = only;
        Ok(())
    }

    async fn stop(&self) -> Result<(), LoadError> {
        self.reset().await
    }

    async fn report(&self) -> Result<LoadReport, LoadError> {
        let in_flight = self.inner.in_flight.load(Ordering::Relaxed);
        let control = self.control();
        let mut report = LoadReport {
            queued: Some(control.rate),
            active: Some(if control.paused { 0 } else { control.rate }),
            state: Some(if control.paused { "PAUSED" } else { "RUNNING" }.to_string()),
            ..LoadReport::default()
        };
        let mut set = |name: String, value: u64| report.metrics.insert(name, value as f64);
        set("in_flight".to_string(), u64::from(in_flight));
        set("missed".to_string(), self.inner.missed.load(Ordering::Relaxed));
        self.inner.answers.put("requests", true, &mut report.metrics);
        Ok(report)
    }

    fn trouble(&self) -> Option<String> {
        self.inner.answers.latest_failure()
    }

    fn drained(&self, report: &LoadReport) -> bool {
        let idle = report.metrics.get("in_flight").is_some_and(|n| *n == 0.0);
        idle && report.state.as_deref() == Some("PAUSED")
    }

    fn relocate(&self, resolve: &(dyn Fn(&str, u16) -> Option<String> + Sync)) {
        if let Address::Service { name, port } = &self.address {
            let base = resolve(name, *port).map(|at| format!("http://{at}"));
            *self.inner.base.write().unwrap_or_else(PoisonError::into_inner) = base;
        }
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        if let Some(sender) = self.control().sender.take() {
            sender.abort();
        }
    }
}

fn headers(config: &HttpLoad) -> Result<HeaderMap, LoadError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &config.headers {
        let unusable = || LoadError(format!("load.headers.{name} is not usable as a header"));
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unusable())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| unusable())?;
        value.set_sensitive(true);
        headers.insert(key, value);
    }
    Ok(headers)
}
