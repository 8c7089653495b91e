//! Prometheus during a run: one query a tick for all containers.
//!
//! The newest scraped sample of each is taken with its own time, so that a container that was
//! removed does not linger as it does in a plain instant query (five minutes).

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, timeout_at};

use super::client::{Access, Prometheus};
use super::fold::{Found, fold};
use super::labels::identify;
use super::lingering::stands_still;
use super::metrics::{self, OFFERS, PRESENCE, one_of, selector};
use super::parse::Labels;
use super::ticks::spacing_ms;
use crate::config::PrometheusConfig;
use crate::model::{Container, Figure, Gap, SourceKind};
use crate::session::ports::{Reading, RunClock, Source};
use crate::source::cadvisor::CadvisorAddress;
use crate::source::stamp::starts_after;

/// The widest window asked for, and the first one: a scrape interval of a minute fits four times.
const WIDEST_MS: i64 = 300_000;
/// The narrowest one: neighbouring scrapes and a late one.
const NARROWEST_MS: i64 = 5_000;
/// Scrape intervals in a window.
const SCRAPES: i64 = 4;
/// Least time between two looks for containers that have no series yet.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// A sample older than this many scrape intervals is not the latest of something that still runs.
const STALE: i64 = 3;

/// Prometheus as a source.
pub struct PrometheusSource {
    clock: RunClock,
    api: Prometheus,
    address: CadvisorAddress,
    matchers: String,
    /// The values of the label `id` that belong to the stack's containers, by the engine's id.
    known: HashMap<String, BTreeSet<String>>,
    looked: Option<Instant>,
    window_ms: i64,
    spacing_ms: Option<i64>,
    /// OOM kills of earlier lives, by the engine's id: life and count at its first reading.
    oom_before: HashMap<String, (u32, f64)>,
}

impl PrometheusSource {
    /// A source at `address`; while that is not set, every reading is a gap.
    ///
    /// # Errors
    /// When the file of certificates cannot be used.
    pub fn new(
        clock: RunClock,
        config: &PrometheusConfig,
        address: CadvisorAddress,
    ) -> Result<PrometheusSource, String> {
        Ok(PrometheusSource {
            clock,
            api: Prometheus::new("", Access::of(config), config.timeout)?,
            address,
            matchers: config.matchers.clone(),
            known: HashMap::new(),
            looked: None,
            window_ms: WIDEST_MS,
            spacing_ms: None,
            oom_before: HashMap::new(),
        })
    }

    /// Which series belong to which container; asked for when a container has none yet.
    async fn look(&mut self, api: &Prometheus, targets: &[Container]) -> Result<(), String> {
        let complete = targets.iter().all(|target| self.known.contains_key(&target.id));
        let soon = self.looked.is_some_and(|at| at.elapsed() < LOOK_AGAIN);
        if complete || soon {
            return Ok(());
        }
        self.looked = Some(Instant::now());
        let now_ms = (self.clock.wall() * 1e3) as i64;
        let wanted = selector(PRESENCE, "", &self.matchers);
        // A little ahead: the other machine's clock may be.
        let sets = api.label_sets(&wanted, now_ms - WIDEST_MS, now_ms + 60_000).await;
        self.known = matched(&sets.map_err(|problem| problem.to_string())?, targets);
        Ok(())
    }

    async fn found(&mut self, targets: &[Container]) -> Result<Vec<Found>, String> {
        let base = self.address.get();
        let base = base.ok_or("Prometheus' address is not known (is its service up?)")?;
        let api = self.api.at(&base);
        self.look(&api, targets).await?;
        let ids: BTreeSet<&str> = targets
            .iter()
            .filter_map(|target| self.known.get(&target.id))
            .flatten()
            .map(String::as_str)
            .collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = selector(&metrics::names(), &one_of("id", ids), &self.matchers);
        let answer = api.samples(&wanted, self.window_ms, None).await;
        let found = fold(answer.map_err(|problem| problem.to_string())?);
        self.spacing_ms = spacing_ms(&found).or(self.spacing_ms);
        self.window_ms = match self.spacing_ms {
            Some(spacing) if !found.is_empty() => {
                (spacing * SCRAPES).clamp(NARROWEST_MS, WIDEST_MS)
            }
            // Nothing in it: look as far back as Prometheus itself does.
            _ => WIDEST_MS,
        };
        Ok(found)
    }

    fn reading(&mut self, target: &Container, found: &[Found]) -> Result<Reading, String> {
        if !self.known.contains_key(&target.id) {
            return Err("Prometheus has no series of it (not scraped, or not in match)".into());
        }
        let of_it = found.iter().filter(|found| is(found, target));
        let newest = of_it.max_by(|a, b| newer(a, b));
        let row = newest.and_then(|found| found.rows.last());
        let row = row.ok_or_else(|| {
            let seconds = self.window_ms / 1000;
            format!("Prometheus has no sample of it from the last {seconds} s")
        })?;
        let t = row.at_ms as f64 / 1e3;
        if starts_after(target, t) {
            return Err("Prometheus has no sample since the restart yet".into());
        }
        let age = self.clock.wall() - t;
        if let Some(spacing) = self.spacing_ms.filter(|ms| age * 1e3 > (STALE * ms) as f64) {
            let every = spacing as f64 / 1e3;
            return Err(format!(
                "its newest sample is {age:.0} s old, though one comes every {every:.0} s (stopped, \
                 removed, or no longer scraped)"
            ));
        }
        let mut figures = row.figures.clone();
        if let Some(raw) = figures.get(Figure::OomKills) {
            figures.set(Figure::OomKills, self.of_this_life(target, raw));
        }
        Ok(Reading {
            container: target.name.clone(),
            incarnation: target.incarnation,
            at: self.clock.at_of_wall(t),
            figures,
        })
    }

    /// cAdvisor's count of OOM kills goes on over a restart; the kernel's begins anew.
    fn of_this_life(&mut self, target: &Container, raw: f64) -> f64 {
        let known = self.oom_before.entry(target.id.clone()).or_insert_with(|| {
            let before = if target.incarnation == 0 { 0.0 } else { raw };
            (target.incarnation, before)
        });
        if known.0 != target.incarnation {
            *known = (target.incarnation, raw);
        }
        if raw < known.1 {
            known.1 = 0.0;
        }
        raw - known.1
    }
}

/// Of several containers that bear the name, one runs: the one that was started last; else the one
/// that does something, since a dead one shows its last figures for minutes.
fn newer(a: &Found, b: &Found) -> Ordering {
    let start = |found: &Found| found.starts.iter().map(|point| point.value).reduce(f64::max);
    let starts = start(a).zip(start(b)).map_or(Ordering::Equal, |(a, b)| a.total_cmp(&b));
    let moves = |found: &Found| !stands_still(found, i64::MIN);
    starts
        .then_with(|| moves(a).cmp(&moves(b)))
        .then_with(|| a.first_ms().cmp(&b.first_ms()))
        .then_with(|| a.last_ms().cmp(&b.last_ms()))
}

/// Whether readings are of this container: by the engine's id, else by its name or service.
fn is(found: &Found, target: &Container) -> bool {
    let identity = &found.identity;
    match &identity.container_id {
        Some(id) => *id == target.id,
        None => is_named(identity, target),
    }
}

fn is_named(identity: &super::labels::Identity, target: &Container) -> bool {
    identity.engine_name == target.engine_name || identity.key == target.name
}

/// The values of the label `id` by container.
fn matched(sets: &[Labels], targets: &[Container]) -> HashMap<String, BTreeSet<String>> {
    let mut known: HashMap<String, BTreeSet<String>> = HashMap::new();
    let mut named: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for labels in sets {
        let Some(identity) = identify(labels) else { continue };
        let id = labels.get("id").cloned().unwrap_or_default();
        for target in targets {
            match &identity.container_id {
                Some(own) if *own == target.id => {
                    known.entry(target.id.clone()).or_default().insert(id.clone());
                }
                None if is_named(&identity, target) => {
                    named.entry(&target.id).or_default().insert(id.clone());
                }
                _ => {}
            }
        }
    }
    for (target, ids) in named {
        known.entry(target.to_owned()).or_insert(ids);
    }
    known
}

#[async_trait]
impl Source for PrometheusSource {
    fn kind(&self) -> SourceKind {
        SourceKind::Prometheus
    }

    fn offers(&self) -> &'static [Figure] {
        OFFERS
    }

    async fn read(
        &mut self,
        targets: &[Container],
        deadline: Instant,
    ) -> Vec<Result<Reading, Gap>> {
        if targets.is_empty() {
            return Vec::new();
        }
        let found = match timeout_at(deadline, self.found(targets)).await {
            Ok(found) => found,
            Err(_) => Err("Prometheus did not answer in time".to_owned()),
        };
        let mut answers = Vec::with_capacity(targets.len());
        for target in targets {
            let answer = match &found {
                Ok(found) => self.reading(target, found),
                Err(why) => Err(why.clone()),
            };
            let gap = |reason| Gap::about(SourceKind::Prometheus, &target.name, reason);
            answers.push(answer.map_err(gap));
        }
        answers
    }
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
