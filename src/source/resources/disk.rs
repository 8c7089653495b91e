//! Measures what containers wrote: layers, volumes, logs. Asking the engine where they lie and walking
//! files take time, so both happen beside the ticks, the walk on a thread of its own, and a reading
//! has what the last walk found.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Client;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::model::{Container, Figure, FigureSet, Gap, SourceKind};
use crate::session::ports::{Reading, RunClock, Source};
use crate::source::docker::EngineAddress;
use crate::source::http;

use super::parse::{Inspect, Places};
use super::places::{Measured, measure};

pub(crate) const OFFERS: &[Figure] =
    &[Figure::WritableLayerBytes, Figure::VolumeBytes, Figure::LogBytes, Figure::DiskFreeBytes];

/// Largest answer to an inspect.
const LARGEST_INSPECT: usize = 4 << 20;
/// Longest wait for one inspect; while a container starts, the engine may stall.
const INSPECT_LIMIT: Duration = Duration::from_secs(5);
/// How often a walk's end is looked for.
const LOOK: Duration = Duration::from_secs(1);

/// What a walk found.
struct Walked {
    /// When it ended, on the run's clock.
    at: f64,
    found: HashMap<String, (u32, Measured)>,
    /// Where the files of containers lie, by id.
    places: HashMap<String, Places>,
}

/// Measures writable layers, volumes and logs of the containers of an engine on this machine.
pub struct DiskSource {
    clock: RunClock,
    engine: Engine,
    pace: Duration,
    places: HashMap<String, Places>,
    walk: Option<JoinHandle<Option<Walked>>>,
    next_walk: Instant,
}

impl DiskSource {
    /// A source on the engine at `address`, which must be on this machine; measures every `pace`.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(
        clock: RunClock,
        address: &EngineAddress,
        pace: Duration,
    ) -> Result<DiskSource, String> {
        let (client, base) = address.client()?;
        let next_walk = Instant::now();
        let (engine, places) = (Engine { client, base }, HashMap::new());
        Ok(DiskSource { clock, engine, pace, places, walk: None, next_walk })
    }

    fn start_walk(&mut self, targets: &[Container]) {
        let targets: Vec<Target> =
            targets.iter().map(|t| (t.name.clone(), t.id.clone(), t.incarnation)).collect();
        let known = std::mem::take(&mut self.places);
        let (engine, clock) = (self.engine.clone(), self.clock);
        self.next_walk = Instant::now() + self.pace;
        self.walk = Some(tokio::spawn(async move {
            let places = engine.find(known, &targets).await;
            let walk = tokio::task::spawn_blocking(move || walk(targets, places, clock));
            walk.await.ok()
        }));
    }
}

/// Name, id and incarnation of a container.
type Target = (String, String, u32);

fn walk(targets: Vec<Target>, places: HashMap<String, Places>, clock: RunClock) -> Walked {
    let of = |(name, id, life): Target| Some((name, (life, measure(places.get(&id)?))));
    let found = targets.into_iter().filter_map(of).collect();
    Walked { at: clock.now(), found, places }
}

/// Who knows where the files lie.
#[derive(Debug, Clone)]
struct Engine {
    client: Client,
    base: String,
}

impl Engine {
    /// Where the files of all targets lie, as far as that is not known; those of gone ones are
    /// forgotten. Hundreds of new containers take the engine a second or more.
    async fn find(
        &self,
        mut known: HashMap<String, Places>,
        targets: &[Target],
    ) -> HashMap<String, Places> {
        let mut places = HashMap::with_capacity(targets.len());
        let mut answers = true;
        for (_, id, _) in targets {
            let mut found = known.remove(id);
            if found.is_none() && answers {
                let answer = timeout(INSPECT_LIMIT, self.inspect(id)).await;
                // One that hangs is asked again by the next walk.
                answers = answer.is_ok();
                found = answer.ok().flatten();
            }
            places.extend(found.map(|found| (id.clone(), found)));
        }
        places
    }

    async fn inspect(&self, id: &str) -> Option<Places> {
        let url = format!("{}/containers/{id}/json", self.base);
        let answer = self.client.get(url).send().await.ok()?.error_for_status().ok()?;
        let body = http::body(answer, LARGEST_INSPECT).await.ok()?;
        serde_json::from_slice::<Inspect>(&body).ok().map(|inspect| inspect.places())
    }
}

#[async_trait]
impl Source for DiskSource {
    fn kind(&self) -> SourceKind {
        SourceKind::Engine
    }

    fn offers(&self) -> &'static [Figure] {
        OFFERS
    }

    fn pace(&self) -> Duration {
        LOOK.min(self.pace)
    }

    async fn read(
        &mut self,
        targets: &[Container],
        _deadline: Instant,
    ) -> Vec<Result<Reading, Gap>> {
        if targets.is_empty() {
            self.places.clear();
            return Vec::new();
        }
        if self.walk.is_none() && Instant::now() >= self.next_walk {
            self.start_walk(targets);
        }
        let Some(walk) = self.walk.as_mut() else { return Vec::new() };
        let Ok(ended) = timeout(Duration::from_millis(1), walk).await else { return Vec::new() };
        self.walk = None;
        let Ok(Some(Walked { at, mut found, places })) = ended else { return Vec::new() };
        self.places = places;
        let readings = targets
            .iter()
            .filter_map(|target| Some(reading(target, at, found.remove(&target.name)?)));
        readings.filter(|reading| !reading.figures.is_empty()).map(Ok).collect()
    }
}

fn reading(target: &Container, at: f64, (incarnation, measured): (u32, Measured)) -> Reading {
    let mut figures = FigureSet::new();
    let bytes = |bytes: Option<u64>| bytes.map(|b| b as f64);
    figures.set_some(Figure::WritableLayerBytes, bytes(measured.layer));
    figures.set_some(Figure::VolumeBytes, bytes(measured.volumes));
    figures.set_some(Figure::LogBytes, bytes(measured.log));
    figures.set_some(Figure::DiskFreeBytes, bytes(measured.free));
    Reading { container: target.name.clone(), incarnation, at, figures }
}
