//! The running stack: services, sources, load. It is looked at without changing anything, or, with
//! `--up`, started first and taken down afterwards.

use super::row::{Row, within};
use super::{load, prometheus, services, sources, watched};
use crate::cli::signals::{self, Interrupt};
use crate::cli::wire::{self, Opened, Places};
use crate::config::{Config, StackConfig, StackKind};
use crate::model::Container;
use crate::session::Signal;
use crate::session::ports::RunClock;
use crate::session::ports::Stack;
use crate::stack::attach::AttachStack;
use crate::stack::engine::Engine;

/// The containers of a stack that is looked at only, with how they are read.
pub async fn look(config: &Config, engine: &Engine) -> Result<(Opened, Vec<Container>), Row> {
    let kind = match &config.stack.kind {
        StackKind::Attach { .. } => config.stack.kind.clone(),
        _ => StackKind::Attach { project: Some(config.project.clone()), containers: Vec::new() },
    };
    let stack = StackConfig { kind, ..config.stack.clone() };
    let mut stack = AttachStack::open_with(&stack, engine.clone())
        .map_err(|error| Row::error("services", &error.message))?;
    let found = within("services", stack.containers()).await?;
    let containers = found.map_err(|error| Row::error("services", &error.message))?;
    let opened = Opened {
        stack: Box::new(stack),
        engine: serde_json::Value::Null,
        hooks: std::sync::Arc::default(),
        engine_host: Some(engine.reached_at().to_owned()),
        remote: engine.is_remote(),
        own_groups: true,
        ends_with_runner: false,
    };
    Ok((opened, containers))
}

/// Rows about what runs.
pub async fn rows(
    config: &Config,
    opened: &Opened,
    containers: &[Container],
    expected: Option<usize>,
    clock: RunClock,
) -> Vec<Row> {
    let up = services::any_runs(containers);
    let mut rows = vec![services::row(config, containers, expected)];
    if up {
        rows.extend(source_rows(config, opened, containers, clock).await);
    } else if matches!(config.stack.kind, StackKind::Attach { .. }) {
        rows.push(Row::note("sources", "nothing runs that could be read"));
    } else {
        rows.push(Row::not_up("sources", "nothing runs that could be read"));
    }
    rows.extend(prometheus::row(config, containers).await);
    rows.push(load::row(config, containers, up).await);
    rows.extend(watched::rows(config, containers, up).await);
    rows
}

async fn source_rows(
    config: &Config,
    opened: &Opened,
    containers: &[Container],
    clock: RunClock,
) -> Vec<Row> {
    let mut config = config.clone();
    config.sources.cross_check = true;
    let mut places = Places::default();
    let (sampler, notes) = match wire::open_sources(&config, opened, clock, &mut places) {
        Ok(opened) => opened,
        Err(error) => return vec![Row::error("sources", &error.message)],
    };
    places.tell(containers);
    let kinds: Vec<_> = wire::candidates(&config, opened)
        .into_iter()
        .filter(|kind| !notes.iter().any(|n| n.starts_with(&format!("source {kind} "))))
        .collect();
    let mut rows: Vec<Row> = notes.iter().map(|note| Row::note("sources", note)).collect();
    // First, while nobody has made its figures fresh by asking for them.
    let cadvisor = super::cadvisor::row(&config, containers, clock).await;
    rows.extend(sources::rows(&config, sampler, &kinds, containers, || clock.now()).await);
    rows.extend(cadvisor);
    rows
}

/// Starts the stack as a run would, checks it, and takes down what was started.
pub async fn rows_started(
    config: &Config,
    expected: Option<usize>,
    interrupt: &Interrupt,
) -> (Vec<Row>, Option<Signal>) {
    let clock = RunClock::start();
    let test_id = format!("check-{}", std::process::id());
    let mut opened = match within("start", wire::open_stack(config, &test_id)).await {
        Ok(Ok(opened)) => opened,
        Ok(Err(error)) => return (vec![Row::error("start", &error.message)], None),
        Err(row) => return (vec![row], None),
    };
    let mut rows = Vec::new();
    let started = clock.now();
    // Its own time limits: the compose tool's and stack.ready_timeout.
    let signal = tokio::select! {
        biased;
        signal = signals::heard(interrupt) => Some(signal),
        report = opened.stack.reset(config.stack.reset) => {
            match report {
                Err(error) => rows.push(Row::error("start", &error.message)),
                Ok(report) => {
                    let seconds = clock.now() - started;
                    rows.push(Row::ok("start", format!("{} ({seconds:.1} s)", report.what)));
                    let found = report.containers;
                    rows.extend(self::rows(config, &opened, &found, expected, clock).await);
                }
            }
            None
        }
    };
    rows.push(match opened.stack.down().await {
        Ok(what) => Row::ok("taken down", what),
        Err(error) => Row::error("taken down", &error.message),
    });
    (rows, signal)
}
