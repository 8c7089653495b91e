//! Concrete adapters: which stack, sources and load a configuration means.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::config::{Address, Config, LoadConfig, StackKind};
use crate::demo;
use crate::hooks::HookRunner;
use crate::load::agents::Agents;
use crate::load::http::Http;
use crate::model::{Container, SourceKind};
use crate::session::ports::{Load, RunClock, Source, Stack, StackError};
use crate::session::run::Moved;
use crate::session::sampler::Sampler;
use crate::session::ticker;
use crate::source::cadvisor::{CadvisorAddress, CadvisorSource};
use crate::source::cgroup::CgroupSource;
use crate::source::custom::Watch;
use crate::source::docker::{Delivery, DockerSource, EngineAddress};
use crate::source::procfs::ProcfsSource;
use crate::source::prometheus::PrometheusSource;
use crate::source::resources::{DiskSource, HandlesSource};
use crate::stack::attach::AttachStack;
use crate::stack::compose::{ComposeStack, Tool, caller};
use crate::stack::engine::Engine;
use crate::stack::process::ProcessStack;

/// A stack with what is known about where it runs.
pub struct Opened {
    /// The stack.
    pub stack: Box<dyn Stack>,
    /// Facts about the engine for run.json; null where there is none.
    pub engine: Value,
    /// Does what hooks say.
    pub hooks: Arc<HookRunner>,
    /// Where HTTP reaches the engine's API from here, where there is one.
    pub engine_host: Option<String>,
    /// Whether the containers run on another machine: its kernel cannot be read from here.
    pub remote: bool,
    /// Whether every service has a control group of its own.
    pub own_groups: bool,
    /// Whether its services end with this process.
    pub ends_with_runner: bool,
}

/// Whether the demo can run in containers: the engine's words, or why not with the remedy.
///
/// # Errors
/// The reason.
pub async fn containers_possible() -> Result<String, String> {
    let engine = Engine::connect().await.map_err(|e| e.message)?;
    if engine.is_remote() {
        let endpoint = engine.endpoint();
        return Err(format!(
            "the engine {} (from {}) is remote; unset it to use an engine of this machine",
            endpoint.host, endpoint.said_by
        ));
    }
    let caller = caller(engine.endpoint(), &crate::config::Compose::default());
    let tool = Tool::detect(&caller, &Tool::candidates()).await.map_err(|e| e.message)?;
    Ok(format!("Docker Engine {}, {}", engine.facts().version, tool))
}

/// The folder for files that outlive a command but not a reboot (locks, the demo's files).
pub fn state_folder() -> Result<PathBuf, String> {
    crate::stack::folders::run_dir().map_err(|e| e.message)
}

/// Opens the stack. Nothing is started or stopped yet.
///
/// # Errors
/// What the environment lacks, with the remedy.
pub async fn open_stack(config: &Config, test_id: &str) -> Result<Opened, StackError> {
    match &config.stack.kind {
        StackKind::Compose(_) => {
            let stack = ComposeStack::open(config, test_id).await?;
            let mut facts = engine_facts(stack.engine());
            facts["compose_tool"] = json!(stack.tool().to_string());
            let engine = stack.engine().clone();
            Ok(with_engine(Box::new(stack), &engine, facts))
        }
        StackKind::Attach { .. } => {
            let stack = AttachStack::open(config).await?;
            let engine = stack.engine().clone();
            Ok(with_engine(Box::new(stack), &engine, engine_facts(&engine)))
        }
        StackKind::Process { services } => {
            let stack = ProcessStack::open(config, services, test_id)?;
            let own_groups = stack.enforces_limits();
            Ok(Opened {
                engine: json!({ "kind": "process", "limits_enforced": own_groups }),
                stack: Box::new(stack),
                hooks: Arc::new(HookRunner::local()),
                engine_host: None,
                remote: false,
                own_groups,
                ends_with_runner: true,
            })
        }
    }
}

fn engine_facts(engine: &Engine) -> Value {
    let mut facts = serde_json::to_value(engine.facts()).unwrap_or(Value::Null);
    facts["stats"] = json!(Delivery::of_version(&engine.facts().version).to_string());
    facts
}

fn with_engine(stack: Box<dyn Stack>, engine: &Engine, facts: Value) -> Opened {
    Opened {
        stack,
        engine: facts,
        hooks: Arc::new(HookRunner::of_engine(engine.client().clone(), engine.is_remote())),
        engine_host: Some(engine.reached_at().to_owned()),
        remote: engine.is_remote(),
        own_groups: true,
        ends_with_runner: false,
    }
}

/// Makes the demo's image where the stack needs it, and tells the stack about it.
///
/// # Errors
/// When the engine does not take the image.
pub async fn prepare_demo(config: &mut Config, say: impl Fn(&str)) -> Result<(), String> {
    let StackKind::Compose(compose) = &mut config.stack.kind else { return Ok(()) };
    let engine = Engine::connect().await.map_err(|e| e.message)?;
    let exe = demo::image::running_executable();
    let image = demo::image::ensure(engine.client(), exe, |reference| {
        say(&format!("making the image {reference} of this executable (once)"));
    })
    .await
    .map_err(|e| e.to_string())?;
    if let Some(took) = image.made_in {
        say(&format!("made {} in {:.1} s", image.reference, took.as_secs_f64()));
    }
    compose.env.insert(demo::IMAGE_VARIABLE.to_string(), image.reference);
    Ok(())
}

/// Where sources and load find services that move at each reset.
#[derive(Clone, Default)]
pub struct Places {
    /// cAdvisor and Prometheus.
    apis: Vec<(Address, CadvisorAddress)>,
    load: Option<Arc<dyn Load>>,
    watch: Option<Watch>,
}

impl Places {
    /// The function that the session calls after each reset.
    #[must_use]
    pub fn moved(self) -> Moved {
        Box::new(move |containers| self.tell(containers))
    }

    /// Tells where services are now.
    pub fn tell(&self, containers: &[Container]) {
        for (address, handle) in &self.apis {
            let url = match address {
                Address::Url(url) => Some(url.clone()),
                Address::Service { name, port } => {
                    published(containers, name, *port).map(|at| format!("http://{at}"))
                }
            };
            handle.set(url.as_deref());
        }
        if let Some(load) = &self.load {
            load.relocate(&|service, port| published(containers, service, port));
        }
        if let Some(watch) = &self.watch {
            watch.moved(containers);
        }
    }
}

/// The base URL of the cAdvisor that the config names, where it is now.
#[must_use]
pub fn cadvisor_base(config: &Config, containers: &[Container]) -> Option<String> {
    match Address::parse(config.sources.cadvisor.as_deref()?).ok()? {
        Address::Url(url) => Some(url),
        Address::Service { name, port } => {
            published(containers, &name, port).map(|at| format!("http://{at}"))
        }
    }
}

/// `host:port` of a service's port, by its key or service.
pub fn published(containers: &[Container], service: &str, port: u16) -> Option<String> {
    let named = |c: &&Container| c.name == service || c.service.as_deref() == Some(service);
    containers.iter().find(named).and_then(|c| c.ports.get(&port)).cloned()
}

/// The sources that may be used, the cheapest first, and a line for each that cannot be.
///
/// # Errors
/// When none is left.
pub fn open_sources(
    config: &Config,
    opened: &Opened,
    clock: RunClock,
    places: &mut Places,
) -> Result<(Sampler, Vec<String>), StackError> {
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    let mut notes = Vec::new();
    for kind in candidates(config, opened) {
        match open_source(kind, config, opened, clock, places) {
            Ok(source) => sources.push(source),
            Err(why) => notes.push(format!("source {kind} is not used: {why}")),
        }
    }
    if sources.is_empty() {
        let why =
            if notes.is_empty() { "none fits this stack".to_string() } else { notes.join("; ") };
        return Err(StackError::environment(format!(
            "no source of figures can be used: {why}; see sources.only in the config"
        )));
    }
    sources.extend(slow_sources(config, opened, clock));
    Ok((Sampler::new(clock, sources, config.sources.cross_check), notes))
}

/// What is read seldom: descriptors and sockets, files. Only of this machine.
fn slow_sources(config: &Config, opened: &Opened, clock: RunClock) -> Vec<Box<dyn Source>> {
    let sources = &config.sources;
    let mut slow: Vec<Box<dyn Source>> = Vec::new();
    if opened.remote || !(sources.only.is_empty() || sources.only.contains(&SourceKind::Procfs)) {
        return slow;
    }
    if !sources.handles_interval.is_zero() {
        slow.push(Box::new(HandlesSource::new(sources, clock)));
    }
    let address = opened.engine_host.as_deref().map(EngineAddress::parse);
    if let (Some(Ok(address)), false) = (address, sources.disk_interval.is_zero())
        && let Ok(source) = DiskSource::new(clock, &address, sources.disk_interval)
    {
        slow.push(Box::new(source));
    }
    slow
}

/// What metrics and health checks the config has, for a ticker; absent where it has none.
///
/// # Errors
/// When they cannot be asked at all.
pub fn open_watch(
    config: &Config,
    clock: RunClock,
    places: &mut Places,
) -> Result<Option<ticker::Watch>, String> {
    let watch = Watch::start(config, clock)?;
    places.watch = watch.clone();
    Ok(watch.map(|watch| -> ticker::Watch {
        Box::new(move |now, containers| watch.take(now, containers))
    }))
}

/// The kinds of sources that fit this stack and config, the cheapest first.
pub fn candidates(config: &Config, opened: &Opened) -> Vec<SourceKind> {
    let mut kinds = Vec::new();
    if !opened.remote && opened.own_groups {
        kinds.push(SourceKind::Cgroup);
    }
    match opened.engine_host {
        Some(_) => kinds.push(SourceKind::Docker),
        None => kinds.push(SourceKind::Procfs),
    }
    if config.sources.cadvisor.is_some() {
        kinds.push(SourceKind::Cadvisor);
    }
    if config.sources.prometheus.is_some() {
        kinds.push(SourceKind::Prometheus);
    }
    let only = &config.sources.only;
    kinds.retain(|kind| only.is_empty() || only.contains(kind));
    kinds
}

fn open_source(
    kind: SourceKind,
    config: &Config,
    opened: &Opened,
    clock: RunClock,
    places: &mut Places,
) -> Result<Box<dyn Source>, String> {
    match kind {
        SourceKind::Cgroup => Ok(Box::new(CgroupSource::open(&config.sources, clock)?)),
        SourceKind::Docker => {
            let host = opened.engine_host.as_deref().unwrap_or_default();
            Ok(Box::new(DockerSource::new(clock, &EngineAddress::parse(host)?)?))
        }
        SourceKind::Cadvisor => {
            let text = config.sources.cadvisor.as_deref().unwrap_or_default();
            let address = Address::parse(text).map_err(|e| format!("expected {e}"))?;
            let handle = CadvisorAddress::default();
            places.apis.push((address, handle.clone()));
            Ok(Box::new(CadvisorSource::new(clock, handle)?))
        }
        SourceKind::Prometheus => {
            let prometheus = config.sources.prometheus.clone().unwrap_or_default();
            let address =
                Address::parse(&prometheus.address).map_err(|e| format!("expected {e}"))?;
            let handle = CadvisorAddress::default();
            places.apis.push((address, handle.clone()));
            Ok(Box::new(PrometheusSource::new(clock, &prometheus, handle)?))
        }
        SourceKind::Procfs => {
            Ok(Box::new(ProcfsSource::new(config.sources.proc_root.clone(), clock)))
        }
        kind => Err(format!("{kind} cannot be read live")),
    }
}

/// The load, where the config has one.
///
/// # Errors
/// An address or header that cannot be used.
pub fn open_load(config: &Config, places: &mut Places) -> Result<Option<Arc<dyn Load>>, String> {
    let Some(load) = &config.load else { return Ok(None) };
    let load: Arc<dyn Load> = match load {
        LoadConfig::Agents(agents) => {
            Arc::new(Agents::new(agents.clone()).map_err(|e| e.to_string())?)
        }
        LoadConfig::Http(http) => Arc::new(Http::new(http.clone()).map_err(|e| e.to_string())?),
    };
    places.load = Some(Arc::clone(&load));
    Ok(Some(load))
}

/// Facts about this machine for run.json.
#[must_use]
pub fn host_facts(proc_root: &Path) -> Value {
    let read = |name: &str| std::fs::read_to_string(proc_root.join(name)).ok();
    let kernel = read("sys/kernel/osrelease").map(|text| text.trim().to_string());
    let host = read("sys/kernel/hostname").map(|text| text.trim().to_string());
    let memory = read("meminfo").and_then(|text| {
        let line = text.lines().find_map(|l| l.strip_prefix("MemTotal:"))?.trim();
        line.strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kb| kb * 1024)
    });
    let cpu_model = read("cpuinfo").and_then(|text| {
        let line = text.lines().find(|l| l.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_string())
    });
    let cores = std::thread::available_parallelism().ok().map(std::num::NonZero::get);
    let mut facts = serde_json::Map::new();
    let all = [
        ("hostname", host.map(Value::from)),
        ("kernel", kernel.map(Value::from)),
        ("cpu_model", cpu_model.map(Value::from)),
        ("cores", cores.map(Value::from)),
        ("memory_bytes", memory.map(Value::from)),
        ("architecture", Some(Value::from(std::env::consts::ARCH))),
    ];
    for (key, value) in all {
        if let Some(value) = value {
            facts.insert(key.to_string(), value);
        }
    }
    Value::Object(facts)
}
