//! A stack, a load, a source and a recorder in memory, under tokio's paused time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::analysis::metrics::HealthWatch;
use crate::config::{Config, HookConfig, LoadConfig, Reset};
use crate::model::*;
use crate::scenario::Plan;
use crate::session::confirm::Confirmation;
use crate::session::live::Silent;
use crate::session::load_driver::LoadDriver;
use crate::session::ports::*;
use crate::session::sampler::Sampler;
use crate::session::stack_actor::StackHandle;
use crate::session::ticker::Ticker;
use crate::session::{Outcome, Parts, Session, Signal};

/// CPU of the one container, percent of a core for each level; its limit is half a core.
pub const CPU_PER_LEVEL: f64 = 1.0;

/// What happens, and what is to happen.
#[derive(Default)]
pub struct World {
    /// Level that is there.
    pub level: u32,
    pub speed: f64,
    pub state: &'static str,
    /// Calls of the load with their times.
    pub calls: Vec<(f64, String)>,
    pub resets: u32,
    pub downs: u32,
    /// Lives of the container.
    pub life: u32,
    /// CPU time of this life, ns, and until when it was counted.
    cpu: (f64, f64),
    pub ticks: Vec<Tick>,
    pub events: Vec<Event>,

    /// CPU of the container without load, percent.
    pub idle_cpu: f64,
    pub read_takes: Duration,
    pub reach_takes: Duration,
    pub start_takes: Duration,
    /// A call of the load that fails.
    pub broken_call: &'static str,
    /// A call of the load that is never answered, and what the load says of it.
    pub hanging_call: &'static str,
    pub trouble: Option<&'static str>,
    pub never_drains: bool,
    /// Share of the agents asked for that come.
    pub share_that_comes: f64,
    pub reset_fails: bool,
    pub reset_hangs: bool,
    /// The container is OOM-killed once at this level.
    pub oom_at_level: Option<u32>,
    /// The container is OOM-killed once at this time.
    pub oom_at: Option<f64>,
    /// The container ends and starts again, by nobody's doing.
    pub crash_at: Option<f64>,
    /// Hooks that began: when, which, with how many containers.
    pub hooks: Vec<(f64, String, usize)>,
    pub hooks_dropped: usize,
    /// How often leaks were judged while the run went on.
    pub judged: usize,
    pub hook_takes: Duration,
    pub hook_fails: Option<&'static str>,
    /// The load counts its requests; none: it counts none.
    pub requests: Option<Requests>,
    /// The disk is full after so many ticks.
    pub disk_holds: Option<usize>,
    pub down_takes: Duration,
    pub down_fails: Option<&'static str>,
    /// Another run takes the stack over.
    pub taken_over_at: Option<f64>,
}

/// Requests of one task at the rate of the level.
#[derive(Default)]
pub struct Requests {
    /// From this level on all fail.
    pub fail_from: u32,
    /// Answered, failed, and until when they were counted.
    pub done: (f64, f64, f64),
}

impl Requests {
    fn counted(&mut self, now: f64, level: u32) -> BTreeMap<String, f64> {
        let (answered, failed, until) = self.done;
        let new = ((now - until) * f64::from(level)).round();
        self.done = match level >= self.fail_from {
            true => (answered, failed + new, now),
            false => (answered + new, failed, now),
        };
        let counts = [("requests.t", self.done.0), ("failures.t", self.done.1)];
        counts.map(|(name, count)| (name.to_string(), count)).into()
    }
}

pub type Shared = Arc<Mutex<World>>;

#[derive(Clone)]
struct Hands {
    world: Shared,
    clock: RunClock,
    events: mpsc::UnboundedSender<StackEvent>,
}

impl Hands {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("the world")
    }

    fn happens(&self, kind: StackEventKind) {
        let event =
            StackEvent { t: self.clock.wall(), id: "id-web".into(), name: "web".into(), kind };
        let _ = self.events.send(event);
    }

    fn oom(&self) {
        self.happens(StackEventKind::Oom);
        self.ends(137);
    }

    fn ends(&self, code: i64) {
        self.happens(StackEventKind::Die { exit_code: Some(code) });
        let mut world = self.world();
        world.life += 1;
        world.cpu = (0.0, self.clock.now());
        drop(world);
        self.happens(StackEventKind::Start);
    }

    /// Takes what is due out of `at`.
    fn due(&self, at: fn(&mut World) -> &mut Option<f64>) -> bool {
        let now = self.clock.now();
        at(&mut self.world()).take_if(|at| *at <= now).is_some()
    }

    fn containers(&self) -> Vec<Container> {
        let life = self.world().life;
        vec![Container {
            id: "id-web".into(),
            service: Some("web".into()),
            incarnation: life,
            pid: Some(1),
            started_at: Some(life.to_string()),
            health: Health::Healthy,
            restart_count: u64::from(life),
            limits: Limits { memory_bytes: Some(100 << 20), cpus: Some(0.5), pids: None },
            ..Container::named("web")
        }]
    }
}

struct FakeStack(Hands, mpsc::UnboundedReceiver<StackEvent>);

#[async_trait]
impl Stack for FakeStack {
    async fn reset(&mut self, how: Reset) -> Result<ResetReport, StackError> {
        if self.0.world().reset_hangs {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        let mut world = self.0.world();
        if world.reset_fails {
            return Err(StackError::environment("web is unhealthy; see its log"));
        }
        world.resets += 1;
        if how != Reset::Never {
            (world.level, world.speed, world.state) = (0, 1.0, "STOPPED");
            world.life += 1;
            world.cpu = (0.0, self.0.clock.now());
        }
        drop(world);
        Ok(ResetReport { what: "reset".into(), containers: self.0.containers() })
    }

    async fn containers(&mut self) -> Result<Vec<Container>, StackError> {
        Ok(self.0.containers())
    }

    async fn next_event(&mut self) -> StackEvent {
        match self.1.recv().await {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }

    async fn last_words(&mut self, _: &str) -> LastWords {
        LastWords { log: "good bye".into(), health: None }
    }

    fn lost(&self) -> Option<String> {
        let at = self.0.world().taken_over_at?;
        (at <= self.0.clock.now()).then(|| "run x (pid 7) uses it".into())
    }

    fn address(&self, _: &str, _: u16) -> Option<String> {
        None
    }

    async fn down(&mut self) -> Result<String, StackError> {
        let takes = self.0.world().down_takes;
        tokio::time::sleep(takes).await;
        self.0.world().downs += 1;
        match self.0.world().down_fails {
            Some(why) => Err(StackError::broke(why)),
            None => Ok("down".into()),
        }
    }

    fn describe(&self) -> String {
        "fake".into()
    }
}

struct FakeLoad(Hands, Mutex<u32>);

impl FakeLoad {
    fn call(&self, words: String) -> Result<(), LoadError> {
        let mut world = self.0.world();
        let fails = !world.broken_call.is_empty() && words.starts_with(world.broken_call);
        world.calls.push((self.0.clock.now(), words));
        if fails { Err(LoadError("it broke".into())) } else { Ok(()) }
    }
}

impl FakeLoad {
    async fn hangs(&self, call: &str) {
        let hangs = self.0.world().hanging_call == call;
        if hangs {
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl Load for FakeLoad {
    async fn start(&self) -> Result<(), LoadError> {
        self.hangs("start").await;
        let takes = self.0.world().start_takes;
        tokio::time::sleep(takes).await;
        self.call("start".into())?;
        self.0.world().state = "RUNNING";
        Ok(())
    }

    async fn reach(&self, level: u32) -> Result<(), LoadError> {
        self.hangs("reach").await;
        let takes = self.0.world().reach_takes;
        tokio::time::sleep(takes).await;
        self.call(format!("reach {level}"))?;
        *self.1.lock().expect("asked") = level;
        let mut world = self.0.world();
        world.level = (f64::from(level) * world.share_that_comes) as u32;
        let kills = world.oom_at_level.take_if(|at| level >= *at).is_some();
        drop(world);
        if kills {
            self.0.oom();
        }
        Ok(())
    }

    async fn pause(&self) -> Result<(), LoadError> {
        self.call("pause".into())?;
        let mut world = self.0.world();
        world.state = if world.never_drains { "DRAINING" } else { "PAUSED" };
        Ok(())
    }

    async fn resume(&self) -> Result<(), LoadError> {
        self.call("resume".into())?;
        self.0.world().state = "RUNNING";
        Ok(())
    }

    async fn speed(&self, multiplier: f64) -> Result<(), LoadError> {
        self.call(format!("speed {multiplier}"))?;
        self.0.world().speed = multiplier;
        Ok(())
    }

    async fn reset(&self) -> Result<(), LoadError> {
        self.call("reset".into())?;
        *self.1.lock().expect("asked") = 0;
        self.0.world().level = 0;
        Ok(())
    }

    async fn stop(&self) -> Result<(), LoadError> {
        self.call("stop".into())
    }

    fn only(&self, task: Option<&str>) -> Result<(), LoadError> {
        task.map_or(Ok(()), |task| self.call(format!("only {task}")))
    }

    async fn report(&self) -> Result<LoadReport, LoadError> {
        let (mut world, now) = (self.0.world(), self.0.clock.now());
        let level = world.level;
        let metrics = world.requests.as_mut().map(|requests| requests.counted(now, level));
        Ok(LoadReport {
            metrics: metrics.unwrap_or_default(),
            queued: Some(*self.1.lock().expect("asked")),
            active: Some(world.level),
            speed: Some(world.speed),
            state: Some(world.state.into()),
            ..LoadReport::default()
        })
    }

    fn trouble(&self) -> Option<String> {
        self.0.world().trouble.map(str::to_string)
    }

    fn drained(&self, report: &LoadReport) -> bool {
        report.state.as_deref() == Some("PAUSED")
    }

    fn relocate(&self, _: &(dyn Fn(&str, u16) -> Option<String> + Sync)) {}
}

struct FakeSource(Hands);

#[async_trait]
impl Source for FakeSource {
    fn kind(&self) -> SourceKind {
        SourceKind::Cgroup
    }

    fn offers(&self) -> &'static [Figure] {
        &[Figure::CpuUsageNs, Figure::MemoryWorkingSetBytes, Figure::MemoryLimitBytes]
    }

    async fn read(&mut self, targets: &[Container], _: Instant) -> Vec<Result<Reading, Gap>> {
        let takes = self.0.world().read_takes;
        if self.0.due(|world| &mut world.oom_at) {
            self.0.oom();
        }
        if self.0.due(|world| &mut world.crash_at) {
            self.0.ends(3);
        }
        tokio::time::sleep(takes).await;
        let now = self.0.clock.now();
        let mut world = self.0.world();
        let percent = world.idle_cpu + f64::from(world.level) * CPU_PER_LEVEL;
        let (used, until) = world.cpu;
        world.cpu = (used + (now - until) * percent * 1e7, now);
        let figures = [
            (Figure::CpuUsageNs, world.cpu.0),
            (Figure::MemoryWorkingSetBytes, f64::from(50 << 20)),
            (Figure::MemoryLimitBytes, f64::from(100 << 20)),
        ];
        let reading = |target: &Container| Reading {
            container: target.name.clone(),
            incarnation: target.incarnation,
            at: now,
            figures: figures.iter().copied().collect(),
        };
        targets.iter().map(|target| Ok(reading(target))).collect()
    }
}

struct FakeRecorder(Shared);

impl Recorder for FakeRecorder {
    fn begin(&mut self, _: &[Container], _: BTreeMap<String, SourceKind>) -> std::io::Result<()> {
        Ok(())
    }

    fn tick(&mut self, tick: &Tick) -> std::io::Result<()> {
        let mut world = self.0.lock().expect("the world");
        if world.disk_holds.is_some_and(|most| world.ticks.len() >= most) {
            return Err(std::io::Error::from(std::io::ErrorKind::StorageFull));
        }
        world.ticks.push(tick.clone());
        Ok(())
    }

    fn event(&mut self, event: &Event) -> std::io::Result<()> {
        self.0.lock().expect("the world").events.push(event.clone());
        Ok(())
    }

    fn attach(&mut self, name: &str, _: &str) -> std::io::Result<PathBuf> {
        Ok(PathBuf::from(name))
    }

    fn hook_output(&mut self, name: &str, _: &[u8]) -> std::io::Result<PathBuf> {
        Ok(PathBuf::from("hooks").join(name))
    }
}

struct FakeHooks(Shared, RunClock);

/// Tells the world when a hook is dropped before its end.
struct Dropped(Shared, bool);

impl Drop for Dropped {
    fn drop(&mut self) {
        if !self.1 {
            self.0.lock().expect("the world").hooks_dropped += 1;
        }
    }
}

#[async_trait]
impl Hooks for FakeHooks {
    async fn run(&self, hook: &HookConfig, containers: &[Container]) -> HookDone {
        let mut dropped = Dropped(Arc::clone(&self.0), false);
        let takes = {
            let mut world = self.0.lock().expect("the world");
            world.hooks.push((self.1.now(), hook.name.clone(), containers.len()));
            world.hook_takes
        };
        tokio::time::sleep(takes).await;
        dropped.1 = true;
        let failure = self.0.lock().expect("the world").hook_fails.map(str::to_string);
        HookDone { output: b"heap".to_vec(), left_out: 0, failure }
    }
}

/// A run to be.
pub struct Bench {
    pub config: Config,
    pub world: World,
    /// When the user wants an end.
    pub interrupt_at: Option<f64>,
    pub keep_up: bool,
    /// What a judgement in the middle of the run says; none: nobody judges.
    pub candidates: Option<Result<&'static [&'static str], &'static str>>,
}

/// A run that was.
pub struct Ran {
    pub outcome: Outcome,
    pub world: World,
    pub seconds: f64,
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl Bench {
    /// The four scenarios with short numbers; stress ends at level 50.
    pub fn new() -> Bench {
        let mut config = Config::minimal("fake");
        config.stack.reset = Reset::Volumes;
        config.load = Some(LoadConfig::Agents(Default::default()));
        config.sources.timeout = secs(2);
        let second = secs(1);
        (config.baseline.warmup, config.baseline.length) = (secs(2), secs(5));
        config.baseline.interval = second;
        (config.stress.interval, config.stress.every, config.stress.limit) =
            (second, secs(5), secs(90));
        config.stress.limits.window = secs(4);
        let duration = &mut config.duration;
        (duration.spawn_timeout, duration.settle) = (secs(20), secs(2));
        (duration.active, duration.active_interval) = (secs(20), second);
        (duration.drain_timeout, duration.drain_interval) = (secs(10), second);
        (duration.cooldown, duration.cooldown_interval) = (secs(10), secs(2));
        let speed = &mut config.speed;
        (speed.multipliers, speed.step) = (vec![2.0, 4.0], secs(8));
        (speed.interval, speed.settle) = (second, second);
        speed.limits.window = secs(4);
        let world =
            World { speed: 1.0, state: "STOPPED", share_that_comes: 1.0, ..World::default() };
        Bench { config, world, interrupt_at: None, keep_up: false, candidates: None }
    }

    /// Runs the scenarios.
    pub async fn run(self, scenarios: &[&str]) -> Ran {
        let names: Vec<String> = scenarios.iter().map(|name| (*name).to_string()).collect();
        let plan = Plan::new(&self.config, &names).expect("a plan");
        let clock = RunClock::start();
        let (events, inbox) = mpsc::unbounded_channel();
        let world = Arc::new(Mutex::new(self.world));
        let hands = Hands { world: Arc::clone(&world), clock, events };
        let (tell, interrupt) = watch::channel(None);
        if let Some(at) = self.interrupt_at {
            tokio::spawn(async move {
                tokio::time::sleep_until(clock.instant(at)).await;
                tell.send_replace(Some(Signal::Interrupt));
                std::future::pending::<()>().await;
            });
        }
        let sampler = Sampler::new(clock, vec![Box::new(FakeSource(hands.clone()))], false);
        let watch =
            (!self.config.metrics.is_empty()).then(|| super::watched::watch(Arc::clone(&world)));
        let checks = self.config.health.iter().map(|check| check.rule.clone());
        let load: Arc<dyn Load> = Arc::new(FakeLoad(hands.clone(), Mutex::new(0)));
        let session = Session::new(Parts {
            clock,
            plan,
            stack: StackHandle::spawn(Box::new(FakeStack(hands, inbox))),
            load: Some(LoadDriver::spawn(load, clock, Duration::from_millis(700))),
            ticker: Ticker::new(
                clock,
                sampler,
                Box::new(FigureSet::new),
                Box::new(FigureSet::new),
                self.config.sources.timeout,
            )
            .with_watch(watch, HealthWatch::new(checks)),
            config: Arc::new(self.config),
            recorder: Box::new(FakeRecorder(Arc::clone(&world))),
            confirmation: self.candidates.map(|candidates| {
                let asked = Arc::clone(&world);
                let confirmation: Confirmation = Arc::new(move |_| {
                    let mut asked = asked.lock().expect("the world");
                    asked.judged += 1;
                    candidates
                        .map(|names| names.iter().map(|n| (*n).to_string()).collect())
                        .map_err(str::to_string)
                });
                confirmation
            }),
            hooks: Some(Arc::new(FakeHooks(Arc::clone(&world), clock))),
            observer: Box::new(Silent),
            interrupt,
            moved: Box::new(|_| {}),
            keep_up: self.keep_up,
        });
        let limit = secs(100_000);
        let outcome = tokio::time::timeout(limit, session.run()).await.expect("the run ends");
        let world = std::mem::take(&mut *world.lock().expect("the world"));
        Ran { outcome, world, seconds: clock.now() }
    }
}

impl Ran {
    /// Scenarios with how they ended.
    pub fn ends(&self) -> Vec<(&str, &str)> {
        self.world.events.iter().filter_map(end_of).collect()
    }

    /// Why a scenario was skipped.
    pub fn skipped(&self, key: &str) -> String {
        let reason = |event: &Event| match &event.kind {
            EventKind::ScenarioSkipped { scenario, reason } if scenario == key => {
                Some(reason.clone())
            }
            _ => None,
        };
        self.world.events.iter().find_map(reason).expect("it was skipped")
    }

    /// The metadata of a scenario.
    pub fn metadata(&self, key: &str) -> serde_json::Value {
        let of = |event: &Event| match &event.kind {
            EventKind::ScenarioEnd { scenario, metadata, .. } if scenario == key => {
                Some(metadata.clone())
            }
            _ => None,
        };
        self.world.events.iter().find_map(of).expect("it ended")
    }

    /// Phases of a scenario with what ended them.
    pub fn phases(&self, key: &str) -> Vec<(String, String)> {
        let of = |event: &Event| match &event.kind {
            EventKind::PhaseEnd { scenario, phase, reason, .. } if scenario == key => {
                Some((phase.clone(), reason.clone()))
            }
            _ => None,
        };
        self.world.events.iter().filter_map(of).collect()
    }

    /// Times of a phase's ticks since its start.
    pub fn ticks(&self, key: &str, name: &str) -> Vec<f64> {
        let start = self.world.events.iter().find_map(|event| match &event.kind {
            EventKind::PhaseStart { scenario, phase, .. } if scenario == key && phase == name => {
                Some(event.at)
            }
            _ => None,
        });
        let start = start.expect("the phase began");
        let of_phase = |t: &&Tick| t.scenario == key && t.phase == name && t.at > start;
        self.world.ticks.iter().filter(of_phase).map(|tick| tick.at - start).collect()
    }

    /// Words of the load's calls.
    pub fn calls(&self) -> Vec<&str> {
        self.world.calls.iter().map(|(_, words)| words.as_str()).collect()
    }
}

fn end_of(event: &Event) -> Option<(&str, &str)> {
    match &event.kind {
        EventKind::ScenarioEnd { scenario, reason, .. } => {
            Some((scenario, reason.as_deref().unwrap_or("complete")))
        }
        EventKind::ScenarioSkipped { scenario, .. } => Some((scenario, "skipped")),
        _ => None,
    }
}
