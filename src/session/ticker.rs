//! One tick: targets are read, rates are made, and the line of the journal is put together.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::analysis::metrics::HealthWatch;
use crate::model::rates::{LastCounters, derive, derive_tick};
use crate::model::{
    Container, Figure, FigureSet, Gap, LoadReport, MetricRates, Part, RunState, Sample, SourceKind,
    StackEvent, Tick, Watched,
};

use super::devices::{DeviceRound, DeviceSource};
use super::load_driver::Latest;
use super::ports::RunClock;
use super::sampler::{Sampled, Sampler};

/// Reads figures of this machine or of the runner itself; cheap and synchronous.
pub type Meter = Box<dyn FnMut() -> FigureSet + Send>;

/// Takes what metrics and health checks said by a time, for these containers; waits for nobody.
pub type Watch = Box<dyn FnMut(f64, &[Container]) -> (Watched, Vec<Gap>) + Send>;

/// What a tick is about.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// Key of the scenario.
    pub scenario: &'a str,
    /// Name of the phase.
    pub phase: &'a str,
    /// Index of the phase within the scenario.
    pub phase_index: u32,
    /// Sampling interval.
    pub interval: Duration,
    /// Whether it only gives rates to the next tick.
    pub priming: bool,
    /// When it was due, seconds on the run's clock.
    pub due: f64,
}

/// A tick with what follows from it and the one before.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The line of the journal.
    pub tick: Tick,
    /// Derived figures by container.
    pub rates: Vec<(String, FigureSet)>,
    /// Derived figures of the host and of the runner.
    pub machine: FigureSet,
    /// Metrics by name, counters a second; mean latencies of health checks as `health.NAME`, ms.
    pub metrics: BTreeMap<String, f64>,
    /// Health that changed, in words.
    pub health: Vec<String>,
    /// Sources that failed or came back.
    pub changes: Vec<(SourceKind, String)>,
    /// What sources have learnt to have happened.
    pub events: Vec<StackEvent>,
}

/// Takes ticks.
pub struct Ticker {
    clock: RunClock,
    sampler: Sampler,
    devices: Vec<Box<dyn DeviceSource>>,
    device_figures: BTreeMap<String, SourceKind>,
    host: Meter,
    own: Meter,
    timeout: Duration,
    seq: u64,
    previous: HashMap<String, LastCounters>,
    previous_machine: Option<(f64, FigureSet)>,
    watch: Option<Watch>,
    metrics: MetricRates,
    health: HealthWatch,
}

impl Ticker {
    /// A ticker over these sources; `timeout` cuts a read that does not come back.
    #[must_use]
    pub fn new(
        clock: RunClock,
        sampler: Sampler,
        host: Meter,
        own: Meter,
        timeout: Duration,
    ) -> Ticker {
        Ticker {
            clock,
            sampler,
            devices: Vec::new(),
            device_figures: BTreeMap::new(),
            host,
            own,
            timeout,
            seq: 0,
            previous: HashMap::new(),
            previous_machine: None,
            watch: None,
            metrics: MetricRates::default(),
            health: HealthWatch::default(),
        }
    }

    /// Reads these GPUs too.
    #[must_use]
    pub fn with_devices(mut self, devices: Vec<Box<dyn DeviceSource>>) -> Ticker {
        self.devices = devices;
        self
    }

    /// The same with metrics and health checks.
    #[must_use]
    pub fn with_watch(mut self, watch: Option<Watch>, health: HealthWatch) -> Ticker {
        self.watch = watch;
        self.health = health;
        self
    }

    /// Which source gives which figure, as far as was seen.
    #[must_use]
    pub fn provenance(&self) -> BTreeMap<String, SourceKind> {
        let named = self.sampler.provenance().into_iter();
        let named = named.filter_map(|(figure, source)| Some((figure, source.parse().ok()?)));
        self.device_figures.clone().into_iter().chain(named).collect()
    }

    /// Ticks taken so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.seq
    }

    /// Takes a tick of the containers that run.
    pub async fn take(
        &mut self,
        occasion: Occasion<'_>,
        containers: &[Container],
        load: &LoadNow,
    ) -> Taken {
        let at = self.clock.now();
        let targets = targets(containers);
        // Read at the tick's own time, so that rates are over the time between two ticks.
        let machine = self.machine(at);
        let limit = self.timeout.min(occasion.interval);
        let deadline = tokio::time::Instant::now() + limit;
        // They are read while the sampler reads the rest.
        for source in &mut self.devices {
            source.begin(&targets);
        }
        let Sampled { mut samples, mut gaps, changes, aside } =
            self.sampler.sample(&targets, occasion.interval, deadline).await;
        let mut devices = BTreeMap::new();
        for source in &mut self.devices {
            let round = source.finish(deadline).await;
            note_figures(&mut self.device_figures, &round);
            add_to_samples(&mut samples, &round);
            devices.extend(round.devices);
            gaps.extend(round.gaps);
        }
        add_restart_counts(&mut samples, &targets, at);
        let (watched, silent) = match &mut self.watch {
            Some(watch) => watch(self.clock.now(), containers),
            None => Default::default(),
        };
        gaps.extend(silent);
        let mut tick = Tick { watched, devices, ..self.line(occasion, at, samples, gaps, load) };
        tick.host.fill_from(&aside.host);
        let rates = self.rates(&tick);
        let mut metrics = self.metrics.figures(&tick.watched);
        metrics.extend(crate::analysis::metrics::latencies(&tick.watched.health));
        let health = self.health.tick(&tick);
        self.seq += 1;
        Taken { tick, rates, machine, metrics, health, changes, events: aside.events }
    }

    fn line(
        &self,
        occasion: Occasion<'_>,
        at: f64,
        samples: Vec<Sample>,
        gaps: Vec<Gap>,
        load: &LoadNow,
    ) -> Tick {
        let interval = occasion.interval.as_secs_f64();
        let late = at - occasion.due;
        let (_, machine) = self.previous_machine.as_ref().cloned().unwrap_or_default();
        let (host, runner) = split(&machine);
        Tick {
            seq: self.seq,
            at,
            t: self.clock.wall() - (self.clock.now() - at),
            scenario: occasion.scenario.to_string(),
            phase: occasion.phase.to_string(),
            phase_index: occasion.phase_index,
            priming: occasion.priming,
            late_s: (late > interval / 10.0).then_some(late),
            samples,
            host,
            devices: BTreeMap::new(),
            runner,
            load: load.report(at, interval),
            watched: Watched::default(),
            gaps,
        }
    }

    /// Reads host and runner; answers the rates since the tick before.
    fn machine(&mut self, at: f64) -> FigureSet {
        let mut now = (self.host)();
        now.fill_from(&(self.own)());
        let mut derived = match &self.previous_machine {
            Some((before, figures)) => derive_tick(figures, &now, at - before),
            None => FigureSet::new(),
        };
        derived.fill_from(&now);
        self.previous_machine = Some((at, now));
        derived
    }

    fn rates(&mut self, tick: &Tick) -> Vec<(String, FigureSet)> {
        let mut all = Vec::with_capacity(tick.samples.len());
        for sample in &tick.samples {
            if !self.previous.contains_key(&sample.name) {
                self.previous.insert(sample.name.clone(), LastCounters::default());
            }
            let Some(previous) = self.previous.get_mut(&sample.name) else { continue };
            let derived = derive(Some(&*previous), sample);
            all.push((sample.name.clone(), with_derived(sample, &derived)));
            previous.note(sample);
        }
        all
    }
}

/// What is known about the load when a tick is taken.
#[derive(Debug, Clone, Default)]
pub struct LoadNow {
    /// Level asked for.
    pub queued: Option<u32>,
    /// The latest report.
    pub latest: Latest,
}

impl LoadNow {
    fn report(&self, at: f64, interval: f64) -> LoadReport {
        let mut report = self.latest.report.clone().unwrap_or_default();
        report.queued = self.queued.or(report.queued);
        let age = at - self.latest.at;
        if self.latest.report.is_some() && age > (interval / 2.0).max(1.5) {
            report.age_s = Some(age);
        }
        report
    }
}

/// Those that run; a stack of which all run, as nearly always, needs no copy.
fn targets(containers: &[Container]) -> Cow<'_, [Container]> {
    if containers.iter().all(samples) {
        return Cow::Borrowed(containers);
    }
    Cow::Owned(containers.iter().filter(|c| samples(c)).cloned().collect())
}

/// A sample's figures, those that were derived before those that were read.
fn with_derived(sample: &Sample, derived: &FigureSet) -> FigureSet {
    let parts = sample.parts.iter().map(|part| &part.figures);
    let most = parts.clone().map(FigureSet::len).sum::<usize>() + derived.len();
    let mut figures = FigureSet::with_capacity(most);
    parts.for_each(|part| figures.fill_from(part));
    derived.iter().for_each(|(figure, value)| figures.set(figure, value));
    figures
}

fn samples(container: &Container) -> bool {
    matches!(container.state, RunState::Running | RunState::Paused)
}

/// The engine's restart counter belongs to every sample; it comes from inspects, not from a source.
/// Samples are in the order of their targets.
fn add_restart_counts(samples: &mut [Sample], targets: &[Container], at: f64) {
    let mut targets = targets.iter();
    for sample in samples {
        let Some(container) = targets.find(|c| c.name == sample.name) else { continue };
        let restarts = container.restart_count as f64;
        let figures = [(Figure::RestartCount, restarts)].into_iter().collect();
        sample.parts.push(Part { source: SourceKind::Engine, at, figures });
    }
}

/// What a container's processes have of GPUs, beside its other figures.
fn add_to_samples(samples: &mut [Sample], round: &DeviceRound) {
    for sample in samples {
        let figures = round.containers.get(&sample.name).cloned();
        let source = round.source;
        let part = figures.map(|figures| Part { source, at: round.at, figures });
        sample.parts.extend(part);
    }
}

fn note_figures(known: &mut BTreeMap<String, SourceKind>, round: &DeviceRound) {
    let all = round.devices.values().chain(round.containers.values()).flat_map(FigureSet::iter);
    for (figure, _) in all {
        if !known.contains_key(figure.name()) {
            known.insert(figure.name().to_string(), round.source);
        }
    }
}

fn split(machine: &FigureSet) -> (FigureSet, FigureSet) {
    let of = |scope| machine.iter().filter(|(f, _)| f.row().scope == scope).collect();
    (of(crate::model::Scope::Host), of(crate::model::Scope::Runner))
}
