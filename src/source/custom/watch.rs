//! The tasks that ask endpoints, and what a tick takes from them.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::board::Board;
use super::fetch::Request;
use super::pick::Answer;
use crate::config::{Address, Config, Endpoint, MetricConfig, Pick};
use crate::model::{Container, Gap, Watched};
use crate::session::ports::RunClock;
use crate::source::health::Check;
use crate::source::http;

/// Answers from this size on are read on another thread: a tick may be due meanwhile.
const LARGE: usize = 64 << 10;

/// Where an endpoint is now.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Place {
    /// Of which reset of the stack.
    pub era: u64,
    /// Its URL, or why it has none.
    pub url: Result<String, String>,
}

/// Something that is done at a place once an interval.
pub(crate) trait Job: Send + 'static {
    /// Does it once; whatever happens goes to the board.
    fn once(&mut self, place: &Place) -> impl Future<Output = ()> + Send;
}

/// Asks metrics and health checks while a run goes on. Dropped, it asks no more.
#[derive(Clone)]
pub struct Watch {
    shared: Arc<Shared>,
}

struct Shared {
    clock: RunClock,
    board: Board,
    /// Of each metric: its container, else the service that it is asked from.
    owners: Vec<Option<String>>,
    tasks: Vec<Task>,
    era: Mutex<u64>,
}

struct Task {
    endpoint: Endpoint,
    place: watch::Sender<Option<Place>>,
    handle: JoinHandle<()>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.tasks.iter().for_each(|task| task.handle.abort());
    }
}

impl Watch {
    /// Makes the tasks of a config; absent where it has neither metrics nor health checks. Nothing
    /// is asked before [`Watch::moved`] tells where services are.
    ///
    /// # Errors
    /// When TLS cannot be set up, or an address cannot be read.
    pub fn start(config: &Config, clock: RunClock) -> Result<Option<Watch>, String> {
        if config.metrics.is_empty() && config.health.is_empty() {
            return Ok(None);
        }
        let client = http::client()?;
        let board = Board::new(&config.metrics, &config.health);
        let mut tasks = Vec::new();
        for group in groups(&config.metrics) {
            let first = &config.metrics[group[0]];
            let picks = group.iter().map(|n| (*n, config.metrics[*n].pick.clone())).collect();
            let job = Ask {
                picks,
                request: Request::new(client.clone(), &first.headers, first.timeout),
                board: board.clone(),
                clock,
            };
            tasks.push(task(&first.address, first.interval, job)?);
        }
        for (index, check) in config.health.iter().enumerate() {
            let request = Request::new(client.clone(), &check.headers, check.timeout);
            let job = Check { index, request, board: board.clone(), clock };
            tasks.push(task(&check.address, check.interval, job)?);
        }
        let owner = |m: &MetricConfig| {
            let service = || Some(Endpoint::parse(&m.address).ok()?.service()?.to_string());
            m.rule.container.clone().or_else(service)
        };
        let owners = config.metrics.iter().map(owner).collect();
        let shared = Shared { clock, board, owners, tasks, era: Mutex::new(0) };
        Ok(Some(Watch { shared: Arc::new(shared) }))
    }

    /// The stack was reset, or is there for the first time: what was said before is forgotten, and
    /// everything is asked at once where it is now.
    pub fn moved(&self, containers: &[Container]) {
        let era = self.shared.board.begin(self.shared.clock.now());
        *self.shared.era.lock().unwrap_or_else(PoisonError::into_inner) = era;
        self.tell(era, containers);
    }

    /// What a tick at `now` takes. A restarted container may answer at another port: the tasks
    /// learn it here.
    pub fn take(&self, now: f64, containers: &[Container]) -> (Watched, Vec<Gap>) {
        let era = *self.shared.era.lock().unwrap_or_else(PoisonError::into_inner);
        if era > 0 {
            self.tell(era, containers);
        }
        self.shared.board.take(now, |index| {
            let owner = self.shared.owners.get(index).and_then(Option::as_ref);
            let life = owner.and_then(|owner| Some(find(containers, owner)?.incarnation));
            // Of nobody known: a reset of the stack may have reset it too.
            life.unwrap_or_else(|| u32::try_from(era.saturating_sub(1)).unwrap_or(u32::MAX))
        })
    }

    fn tell(&self, era: u64, containers: &[Container]) {
        for task in &self.shared.tasks {
            let place = Place { era, url: url(&task.endpoint, containers) };
            task.place.send_if_modified(|known| {
                let changed = known.as_ref() != Some(&place);
                *known = Some(place.clone());
                changed
            });
        }
    }
}

fn find<'a>(containers: &'a [Container], service: &str) -> Option<&'a Container> {
    let named = |c: &&Container| c.name == service || c.service.as_deref() == Some(service);
    containers.iter().find(named)
}

/// The URL of an endpoint now.
///
/// # Errors
/// Why there is none.
pub fn url(endpoint: &Endpoint, containers: &[Container]) -> Result<String, String> {
    let path = &endpoint.path;
    match &endpoint.address {
        Address::Url(url) => Ok(format!("{url}{path}")),
        Address::Service { name, port } => {
            let container =
                find(containers, name).ok_or_else(|| format!("there is no service {name}"))?;
            match container.ports.get(port) {
                Some(at) => Ok(format!("http://{at}{path}")),
                None => Err(format!("{name} does not publish port {port}")),
            }
        }
    }
}

/// Metrics that one request answers: same address, headers, interval and time limit.
fn groups(metrics: &[MetricConfig]) -> Vec<Vec<usize>> {
    type Key<'a> = (&'a str, &'a BTreeMap<String, String>, Duration, Duration);
    let mut groups: BTreeMap<Key<'_>, Vec<usize>> = BTreeMap::new();
    for (index, m) in metrics.iter().enumerate() {
        let key = (m.address.as_str(), &m.headers, m.interval, m.timeout);
        groups.entry(key).or_default().push(index);
    }
    groups.into_values().collect()
}

fn task(address: &str, interval: Duration, job: impl Job) -> Result<Task, String> {
    let endpoint = Endpoint::parse(address).map_err(|wanted| format!("expected {wanted}"))?;
    let (place, places) = watch::channel(None);
    Ok(Task { endpoint, place, handle: tokio::spawn(repeat(places, interval, job)) })
}

/// Does the job once an interval where the endpoint is; a new place begins at once.
async fn repeat(mut places: watch::Receiver<Option<Place>>, interval: Duration, mut job: impl Job) {
    loop {
        let place = places.borrow_and_update().clone();
        let Some(place) = place else {
            if places.changed().await.is_err() {
                return;
            }
            continue;
        };
        let mut due = tokio::time::interval(interval);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let moved = loop {
            let done = async {
                due.tick().await;
                job.once(&place).await;
            };
            tokio::select! {
                biased;
                moved = places.changed() => break moved,
                () = done => {}
            }
        };
        if moved.is_err() {
            return;
        }
    }
}

/// Reads all metrics of one address.
struct Ask {
    picks: Arc<[(usize, Pick)]>,
    request: Request,
    board: Board,
    clock: RunClock,
}

impl Job for Ask {
    async fn once(&mut self, place: &Place) {
        let answer = match &place.url {
            Ok(url) => self.request.get(url).await,
            Err(why) => Err(why.clone()),
        };
        let at = self.clock.now();
        let read = match answer {
            Ok(body) => read(body, Arc::clone(&self.picks)).await,
            Err(why) => self.picks.iter().map(|(index, _)| (*index, Err(why.clone()))).collect(),
        };
        for (index, value) in read {
            self.board.metric(place.era, index, at, value);
        }
    }
}

type Read = Vec<(usize, Result<f64, String>)>;

async fn read(body: Vec<u8>, picks: Arc<[(usize, Pick)]>) -> Read {
    if body.len() < LARGE {
        return numbers(&body, &picks);
    }
    let all = Arc::clone(&picks);
    let read = tokio::task::spawn_blocking(move || numbers(&body, &all)).await;
    read.unwrap_or_else(|_| {
        let failed = |(index, _): &(usize, Pick)| (*index, Err("reading it failed".to_string()));
        picks.iter().map(failed).collect()
    })
}

fn numbers(body: &[u8], picks: &[(usize, Pick)]) -> Read {
    let mut answer = Answer::new(body);
    let one =
        |(index, pick): &(usize, Pick)| (*index, answer.number(pick).map_err(|miss| miss.reason));
    picks.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    struct Count {
        done: Arc<AtomicU32>,
        takes: Duration,
    }

    impl Job for Count {
        async fn once(&mut self, place: &Place) {
            tokio::time::sleep(self.takes).await;
            self.done.fetch_add(if place.era == 1 { 1 } else { 1000 }, Ordering::Relaxed);
        }
    }

    fn place(era: u64) -> Option<Place> {
        Some(Place { era, url: Ok("http://h".into()) })
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_done_at_once_and_then_once_an_interval() {
        let done = Arc::new(AtomicU32::new(0));
        let job = Count { done: Arc::clone(&done), takes: Duration::from_millis(10) };
        let (sender, places) = watch::channel(None);
        let task = tokio::spawn(repeat(places, Duration::from_secs(5), job));
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(done.load(Ordering::Relaxed), 0, "nobody said where");
        sender.send_replace(place(1));
        tokio::time::sleep(Duration::from_secs(12)).await;
        assert_eq!(done.load(Ordering::Relaxed), 3, "at 0, 5 and 10 s");
        drop(sender);
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert!(task.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn what_hangs_is_left_when_the_service_moves() {
        let done = Arc::new(AtomicU32::new(0));
        let job = Count { done: Arc::clone(&done), takes: Duration::from_secs(3600) };
        let (sender, places) = watch::channel(place(1));
        tokio::spawn(repeat(places, Duration::from_secs(1), job));
        tokio::time::sleep(Duration::from_secs(10)).await;
        sender.send_replace(place(2));
        tokio::time::sleep(Duration::from_secs(3605)).await;
        assert_eq!(done.load(Ordering::Relaxed), 1000, "only the new place was asked to the end");
    }

    #[test]
    fn metrics_of_one_address_share_a_request() {
        use crate::config::MetricRule;
        let metric = |address: &str, interval: u64| MetricConfig {
            rule: MetricRule::named("x"),
            address: address.into(),
            pick: Pick::Pointer("/a".into()),
            interval: Duration::from_secs(interval),
            timeout: Duration::from_secs(1),
            headers: BTreeMap::new(),
        };
        let all = [metric("a:1/x", 1), metric("b:1", 1), metric("a:1/x", 1), metric("a:1/x", 2)];
        assert_eq!(groups(&all), [vec![0, 2], vec![3], vec![1]]);
    }
}
