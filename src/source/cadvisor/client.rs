//! cAdvisor as a source: one call a tick for all containers.
//!
//! `max_age=0s` makes it read the kernel at once, but it then inspects every container, which
//! takes 15 to 36 s while one of them starts. So a forced call has a time limit, after which the
//! figures that cAdvisor has anyway are taken, with their age, and forcing rests for a while.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, RequestBuilder};
use tokio::time::{Instant, timeout_at};

use super::diagnosis::Diagnosis;
use super::kills::Kills;
use super::parse::{Machine, Snapshot, parse_machine, parse_stats};
use crate::model::{Container, Figure, Gap, SourceKind};
use crate::session::ports::{Aside, Reading, RunClock, Source};
use crate::source::http;
use crate::source::stamp::starts_after;

/// 5 KB a container and sample were recorded; this is some thousands of containers.
const LARGEST_ANSWER: usize = 64 << 20;
/// How long nothing is forced after a forced call that was too slow or refused, and v2.1 is not
/// asked after only v1.3 answered.
const REST: Duration = Duration::from_secs(20);
/// Share of the time that a forced call may take.
const FORCED_SHARE: f64 = 0.6;
/// Share of the time that the first question, about the machine, may take.
const MACHINE_SHARE: f64 = 0.2;
/// Share of the time left that the question about CPU limits may take.
const QUOTA_SHARE: f64 = 0.5;

/// What cAdvisor can hold, best case (cgroup v2, 0.60).
pub(crate) const OFFERS: &[Figure] = &[
    Figure::CpuUsageNs,
    Figure::CpuPeriods,
    Figure::CpuThrottledPeriods,
    Figure::CpuThrottledNs,
    Figure::CpuLimitCores,
    Figure::MemoryUsageBytes,
    Figure::MemoryWorkingSetBytes,
    Figure::MemoryLimitBytes,
    Figure::MemoryPeakBytes,
    Figure::MajorFaults,
    Figure::AnonBytes,
    Figure::ShmemBytes,
    Figure::CacheBytes,
    Figure::ActiveFileBytes,
    Figure::InactiveFileBytes,
    Figure::MappedFileBytes,
    Figure::KernelBytes,
    Figure::SwapBytes,
    Figure::IoReadBytes,
    Figure::IoWriteBytes,
    Figure::IoReadOps,
    Figure::IoWriteOps,
    Figure::NetRxBytes,
    Figure::NetTxBytes,
    Figure::NetErrors,
    Figure::Pids,
    Figure::OomKills,
    Figure::PsiCpuSomeUs,
    Figure::PsiMemorySomeUs,
    Figure::PsiMemoryFullUs,
    Figure::PsiIoSomeUs,
    Figure::PsiIoFullUs,
];

/// Where cAdvisor is now. A handle for whoever resets the stack, since the port changes then and
/// the source itself belongs to the sampler.
#[derive(Debug, Clone, Default)]
pub struct CadvisorAddress(Arc<Mutex<Option<String>>>);

impl CadvisorAddress {
    /// Sets the base URL (`http://127.0.0.1:49153`), or that cAdvisor is nowhere.
    pub fn set(&self, base: Option<&str>) {
        let base = base.map(|url| url.trim_end_matches('/').to_owned());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = base;
    }

    pub(crate) fn get(&self) -> Option<String> {
        let base = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        base.clone()
    }
}

/// cAdvisor's HTTP API.
pub struct CadvisorSource {
    clock: RunClock,
    client: Client,
    address: CadvisorAddress,
    base: Option<String>,
    machine: Option<Machine>,
    force_rests_until: Option<Instant>,
    v2_rests_until: Option<Instant>,
    quotas: Quotas,
    kills: Kills,
}

/// CPU limits by id, which only v1.3 tells: asked for once, and again when a target is new or was
/// restarted.
#[derive(Default)]
struct Quotas {
    cores: BTreeMap<String, f64>,
    /// Ids and incarnations of the targets they are about.
    of: Vec<(String, u32)>,
    rest_until: Option<Instant>,
}

impl CadvisorSource {
    /// A source at `address`; while that is not set, every reading is a gap.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(clock: RunClock, address: CadvisorAddress) -> Result<CadvisorSource, String> {
        Ok(CadvisorSource {
            clock,
            client: http::client()?,
            address,
            base: None,
            machine: None,
            force_rests_until: None,
            v2_rests_until: None,
            quotas: Quotas::default(),
            kills: Kills::new(clock),
        })
    }

    /// Looks up the address; what was learnt about another cAdvisor is forgotten.
    fn locate(&mut self) -> Result<(), String> {
        let base = self.address.get();
        if base != self.base {
            self.machine = None;
            self.force_rests_until = None;
            self.v2_rests_until = None;
            self.quotas = Quotas::default();
            self.base = base;
        }
        let known = self.base.as_ref().map(|_| ());
        known.ok_or_else(|| "cAdvisor's address is not known (is its service up?)".to_owned())
    }

    /// Asks v1.3 for the CPU limits where targets changed. It costs cAdvisor 0.5 ms a container, so
    /// that one that does not answer is left alone for a while.
    async fn learn_quotas(&mut self, targets: &[Container], deadline: Instant) {
        let of: Vec<(String, u32)> =
            targets.iter().map(|target| (target.id.clone(), target.incarnation)).collect();
        if of == self.quotas.of || rests(self.quotas.rest_until) {
            return;
        }
        match self.v1(share_of_time(QUOTA_SHARE, deadline)).await {
            Ok(snapshots) => {
                let limits = snapshots.into_iter();
                self.quotas.cores = limits.filter_map(|s| Some((s.id, s.limits.cpus?))).collect();
                self.quotas.of = of;
            }
            Err(_) => self.quotas.rest_until = Some(Instant::now() + REST),
        }
    }

    /// Measures how fast and how fresh this cAdvisor is.
    ///
    /// # Errors
    /// When it does not answer at all.
    pub async fn diagnose(&mut self, limit: Duration) -> Result<Diagnosis, String> {
        self.locate()?;
        self.learn_machine(Instant::now() + limit).await;
        let begun = Instant::now();
        let snapshots = self.v2("", begun + limit).await?;
        let unforced = begun.elapsed();
        let now = self.clock.wall();
        let samples = snapshots.iter().filter_map(|s| s.sample.as_ref().ok());
        let mut ages: Vec<f64> = samples.map(|sample| (now - sample.at).max(0.0)).collect();
        ages.sort_by(f64::total_cmp);
        let begun = Instant::now();
        let forced = self.v2("&max_age=0s", begun + limit).await.ok();
        Ok(Diagnosis { unforced, forced: forced.map(|_| begun.elapsed()), ages })
    }

    /// The machine's size, once; a limit of that size is none.
    async fn learn_machine(&mut self, deadline: Instant) {
        if self.machine.is_some() {
            return;
        }
        let Some(base) = &self.base else { return };
        let request = self.client.get(format!("{base}/api/v2.1/machine"));
        if let Ok(text) = fetch(request, share_of_time(MACHINE_SHARE, deadline)).await {
            self.machine = parse_machine(&text).ok();
        }
    }

    /// Forced figures of v2.1, else unforced ones, else those of v1.3.
    async fn snapshots(&mut self, deadline: Instant) -> Result<Vec<Snapshot>, String> {
        self.locate()?;
        self.learn_machine(deadline).await;
        if rests(self.v2_rests_until) {
            return self.v1(deadline).await;
        }
        if !rests(self.force_rests_until) {
            let limit = share_of_time(FORCED_SHARE, deadline);
            if let Ok(snapshots) = self.v2("&max_age=0s", limit).await {
                return Ok(snapshots);
            }
            self.force_rests_until = Some(Instant::now() + REST);
        }
        let why = match self.v2("", deadline).await {
            Ok(snapshots) => return Ok(snapshots),
            Err(why) => why,
        };
        let snapshots = self.v1(deadline).await.map_err(|_| why)?;
        self.v2_rests_until = Some(Instant::now() + REST);
        Ok(snapshots)
    }

    async fn v2(&self, more: &str, deadline: Instant) -> Result<Vec<Snapshot>, String> {
        let path = "/api/v2.1/stats?type=docker&recursive=true&count=1";
        let base = self.base.as_deref().unwrap_or_default();
        self.ask(self.client.get(format!("{base}{path}{more}")), deadline).await
    }

    /// v1.3 takes its options in a body only; without them it sends 60 samples a container.
    async fn v1(&self, deadline: Instant) -> Result<Vec<Snapshot>, String> {
        let base = self.base.as_deref().unwrap_or_default();
        let request =
            self.client.post(format!("{base}/api/v1.3/docker/")).body(r#"{"num_stats":1}"#);
        self.ask(request, deadline).await
    }

    async fn ask(
        &self,
        request: RequestBuilder,
        deadline: Instant,
    ) -> Result<Vec<Snapshot>, String> {
        let text = fetch(request, deadline).await?;
        let machine = self.machine.unwrap_or_default();
        parse_stats(&text, &machine).map_err(|error| error.to_string())
    }

    fn reading(&self, target: &Container, snapshots: &[Snapshot]) -> Result<Reading, String> {
        let snapshot = snapshots
            .iter()
            .find(|snapshot| snapshot.id == target.id)
            .ok_or("cAdvisor does not know this container")?;
        let sample = snapshot.sample.clone()?;
        if starts_after(target, sample.at) {
            return Err("cAdvisor has no figures since the restart yet".to_owned());
        }
        let mut figures = sample.figures;
        if let Some(cores) = self.quotas.cores.get(&target.id) {
            figures.set(Figure::CpuLimitCores, *cores);
        }
        Ok(Reading {
            container: target.name.clone(),
            incarnation: target.incarnation,
            at: self.clock.at_of_wall(sample.at),
            figures,
        })
    }
}

fn rests(until: Option<Instant>) -> bool {
    until.is_some_and(|until| Instant::now() < until)
}

fn share_of_time(share: f64, deadline: Instant) -> Instant {
    let now = Instant::now();
    now + deadline.saturating_duration_since(now).mul_f64(share)
}

pub(super) async fn fetch(request: RequestBuilder, deadline: Instant) -> Result<Vec<u8>, String> {
    let call = async {
        let response = request.send().await.map_err(|e| http::root_cause(&e))?;
        let status = response.status();
        let text = http::body(response, LARGEST_ANSWER).await?;
        if status.is_success() {
            return Ok(text);
        }
        let said = http::first_line(&text);
        Err(format!("cAdvisor answered {status}: {said}"))
    };
    match timeout_at(deadline, call).await {
        Err(_) => Err("cAdvisor did not answer in time".to_owned()),
        Ok(answer) => answer,
    }
}

#[async_trait]
impl Source for CadvisorSource {
    fn kind(&self) -> SourceKind {
        SourceKind::Cadvisor
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
        let snapshots = self.snapshots(deadline).await;
        if snapshots.is_ok() {
            self.learn_quotas(targets, deadline).await;
        }
        let answer = |target: &Container| match &snapshots {
            Ok(snapshots) => self.reading(target, snapshots),
            Err(why) => Err(why.clone()),
        };
        targets
            .iter()
            .map(|target| {
                answer(target)
                    .map_err(|reason| Gap::about(SourceKind::Cadvisor, &target.name, reason))
            })
            .collect()
    }

    fn aside(&mut self, targets: &[Container]) -> Aside {
        let events = self.kills.take(&self.client, &self.address, targets);
        Aside { events, ..Aside::default() }
    }
}
