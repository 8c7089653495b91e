//! Asks cAdvisor beside the ticks for OOM kills, and keeps them until somebody fetches them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Client;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::client::{CadvisorAddress, fetch};
use super::events::{KernelKill, parse_kills};
use crate::model::{Container, StackEvent, StackEventKind};
use crate::session::ports::RunClock;

/// Time between two questions. A kill waits this long at most; a verdict waits longer.
const PAUSE: Duration = Duration::from_secs(2);
/// Time limit of one question.
const LIMIT: Duration = Duration::from_secs(5);
/// Kills that one answer can hold; cAdvisor sends ten unless it is told otherwise.
const MOST: usize = 5000;
/// A kill of a container that nobody knows after this time is another stack's, seconds.
const FOREIGN_AFTER_S: f64 = 60.0;

/// What tells one kill from another.
type Key = (String, u64, Option<u32>);

/// The kills since the start of the run.
pub(super) struct Kills {
    clock: RunClock,
    found: Arc<Mutex<Vec<KernelKill>>>,
    names: HashMap<String, String>,
    unknown: Vec<KernelKill>,
    task: Option<JoinHandle<()>>,
}

impl Kills {
    pub fn new(clock: RunClock) -> Kills {
        Kills {
            clock,
            found: Arc::default(),
            names: HashMap::new(),
            unknown: Vec::new(),
            task: None,
        }
    }

    /// What was found since the last call, as events of the containers known by their ids.
    pub fn take(
        &mut self,
        client: &Client,
        address: &CadvisorAddress,
        targets: &[Container],
    ) -> Vec<StackEvent> {
        self.begin(client, address);
        for target in targets {
            if self.names.get(&target.id) != Some(&target.name) {
                self.names.insert(target.id.clone(), target.name.clone());
            }
        }
        let mut kills = std::mem::take(&mut self.unknown);
        kills.append(&mut self.found.lock().unwrap_or_else(PoisonError::into_inner));
        let now = self.clock.wall();
        let mut events = Vec::new();
        for kill in kills {
            match self.names.get(&kill.id) {
                Some(name) => events.push(event(kill, name)),
                None if now - kill.at < FOREIGN_AFTER_S => self.unknown.push(kill),
                None => {}
            }
        }
        events
    }

    fn begin(&mut self, client: &Client, address: &CadvisorAddress) {
        if self.task.is_none() {
            let since = self.clock.wall() - self.clock.now();
            let watch = watch(client.clone(), address.clone(), since, Arc::clone(&self.found));
            self.task = Some(tokio::spawn(watch));
        }
    }
}

impl Drop for Kills {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Asks again and again; a cAdvisor that hangs or refuses is asked at the next turn.
async fn watch(
    client: Client,
    address: CadvisorAddress,
    since: f64,
    found: Arc<Mutex<Vec<KernelKill>>>,
) {
    let mut told: HashSet<Key> = HashSet::new();
    loop {
        if let Some(base) = address.get() {
            let kills = ask(&client, &base, since).await.unwrap_or_default();
            let new = kills.into_iter().filter(|k| k.at >= since && told.insert(key(k)));
            found.lock().unwrap_or_else(PoisonError::into_inner).extend(new);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn ask(client: &Client, base: &str, since: f64) -> Result<Vec<KernelKill>, String> {
    let start = chrono::DateTime::from_timestamp(since as i64, 0).unwrap_or_default();
    let start = start.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let url = format!(
        "{base}/api/v1.3/events?oom_kill_events=true&subcontainers=true&max_events={MOST}\
         &start_time={start}"
    );
    let text = fetch(client.get(url), Instant::now() + LIMIT).await?;
    parse_kills(&text).map_err(|error| error.to_string())
}

fn key(kill: &KernelKill) -> Key {
    (kill.id.clone(), kill.at.to_bits(), kill.pid)
}

fn event(kill: KernelKill, name: &str) -> StackEvent {
    StackEvent {
        t: kill.at,
        id: kill.id,
        name: name.to_owned(),
        kind: StackEventKind::KernelOom { process: kill.process, pid: kill.pid },
    }
}
