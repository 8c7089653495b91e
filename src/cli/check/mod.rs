//! `runner check`: what a run needs, and whether it is there.
//!
//! Each group of probes answers rows; none changes anything unless `--up` asks for it. A probe that
//! hangs makes a failed row.

use std::cell::Cell;

mod cadvisor;
mod engine;
mod figures;
mod files;
mod gpu;
mod load;
mod machine;
mod names;
mod outside;
mod ports;
mod process;
mod prometheus;
mod render;
mod row;
mod services;
mod sources;
mod stack;
mod watched;

use super::args::CheckArgs;
use super::exit::Exit;
use super::resolve::{self, Chosen};
use super::signals::{self, Interrupt};
use super::wire;
use crate::config::mask::Secrets;
use crate::config::{Compose, Config, ProcessService, StackKind};
use crate::groups;
use crate::session::Signal;
use crate::session::ports::RunClock;
use crate::stack::compose::FAREWELL;
use crate::stack::engine::Endpoint;
use crate::tell;
use row::{Row, Status};

/// A check that listens to signals.
struct Checking {
    interrupt: Interrupt,
    /// The stack is being started, checked or taken down: a signal is for that to hear.
    up: Cell<bool>,
}

/// Runs the command.
pub fn command(args: &CheckArgs) -> Exit {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tell::people(format!("the asynchronous runtime cannot start: {error}"));
            return Exit::Environment;
        }
    };
    let exit = match runtime.block_on(check_or_leave(args)) {
        Ok((rows, signal)) => show(args, &rows, signal),
        Err((exit, message)) => {
            tell::people(message);
            exit
        }
    };
    // A compose tool that was cut short may still be ending.
    groups::farewell(FAREWELL);
    exit
}

type Checked = (Vec<Row>, Option<Signal>);

/// Until something is started a signal ends it where it is.
async fn check_or_leave(args: &CheckArgs) -> Result<Checked, (Exit, String)> {
    let interrupt = signals::listen().map_err(|e| (Exit::Environment, e.to_string()))?;
    let checking = Checking { interrupt, up: Cell::new(false) };
    let check = check(args, &checking);
    tokio::pin!(check);
    let checked = tokio::select! {
        biased;
        checked = &mut check => checked,
        signal = signals::heard(&checking.interrupt) => {
            let name = signal.name();
            if !checking.up.get() {
                let message = format!("{name} heard: the check was left where it was");
                return Err((Exit::Signal(signal.exit_code()), message));
            }
            tell::people(format!("{name} heard: taking down what was started (again to leave at once)"));
            check.await.map(|(rows, _)| (rows, Some(signal)))
        }
    };
    checked.map_err(|message| (Exit::Usage, message))
}

fn show(args: &CheckArgs, rows: &[Row], signal: Option<Signal>) -> Exit {
    if args.json {
        tell::machines(&render::json(rows));
    } else {
        tell::people(render::table(rows));
        tell::people(render::verdict(rows));
    }
    let failed = rows.iter().any(|row| row.status == Status::Failed);
    let exit = if failed { Exit::Environment } else { Exit::Clean };
    signal.map_or(exit, |signal| exit.and(Exit::Signal(signal.exit_code())))
}

async fn check(args: &CheckArgs, checking: &Checking) -> Result<Checked, String> {
    let Chosen { mut config, demo, why } = resolve::choose(&args.config).await?;
    resolve::keep_secret(Secrets::of(&config));
    let mut rows = vec![Row::ok("config", why.join("\n"))];
    let up = args.up;
    if demo
        && up
        && let Err(message) = wire::prepare_demo(&mut config, |_| {}).await
    {
        rows.push(Row::error("demo image", &message));
    }
    let signal = match config.stack.kind.clone() {
        StackKind::Compose(compose) => of_compose(&config, &compose, up, checking, &mut rows).await,
        StackKind::Attach { .. } => {
            of_attached(&config, &mut rows).await;
            None
        }
        StackKind::Process { services } => {
            of_processes(&config, &services, up, checking, &mut rows).await
        }
    };
    rows.push(machine::results(&config.results_dir()));
    rows.push(gpu::row(&config, false).await);
    rows.push(machine::host(&config.sources.proc_root).await);
    Ok((rows, signal))
}

async fn of_compose(
    config: &Config,
    compose: &Compose,
    up: bool,
    checking: &Checking,
    rows: &mut Vec<Row>,
) -> Option<Signal> {
    let endpoint = match Endpoint::find().await {
        Ok(endpoint) => endpoint,
        Err(error) => {
            rows.push(Row::error("engine", &error.message));
            return None;
        }
    };
    let (row, engine) = engine::engine(&endpoint, config, true).await;
    rows.push(row);
    let (row, tool) = engine::tool(&endpoint, compose).await;
    rows.push(row);
    let (file_rows, file) = files::rows(config, compose, &endpoint, tool.as_ref()).await;
    rows.extend(file_rows);
    let enabled = file.as_ref().map(|f| f.enabled(&compose.profiles).collect::<Vec<_>>());
    let expected: Option<usize> =
        enabled.as_ref().map(|all| all.iter().map(|s| s.replicas as usize).sum());
    let Some(engine) = engine else {
        rows.push(Row::note("services", "not looked at: there is no engine"));
        return None;
    };
    rows.extend(engine::owner(&engine, config).await);
    control_groups(config, &engine, rows);
    let (opened, containers) = match stack::look(config, &engine).await {
        Ok(found) => found,
        Err(row) => {
            rows.push(row);
            return None;
        }
    };
    let runs = services::any_runs(&containers);
    if let Some(enabled) = enabled.as_ref().filter(|_| !engine.is_remote()) {
        rows.push(ports::row(enabled, runs));
    }
    if let Some(file) = &file {
        rows.extend(outside::rows(file, compose, tool.as_ref(), &engine).await);
    }
    if up {
        return start(config, expected, checking, rows).await;
    }
    rows.extend(stack::rows(config, &opened, &containers, expected, RunClock::start()).await);
    None
}

/// What is wrong so far would only be told again by a start.
async fn start(
    config: &Config,
    expected: Option<usize>,
    checking: &Checking,
    rows: &mut Vec<Row>,
) -> Option<Signal> {
    if rows.iter().any(|row| row.status == Status::Failed) {
        rows.push(Row::note("start", "not tried: see what failed above"));
        return None;
    }
    checking.up.set(true);
    let (started, signal) = stack::rows_started(config, expected, &checking.interrupt).await;
    checking.up.set(false);
    rows.extend(started);
    signal
}

async fn of_attached(config: &Config, rows: &mut Vec<Row>) {
    let endpoint = match Endpoint::find().await {
        Ok(endpoint) => endpoint,
        Err(error) => return rows.push(Row::error("engine", &error.message)),
    };
    let (row, engine) = engine::engine(&endpoint, config, false).await;
    rows.push(row);
    let Some(engine) = engine else { return };
    control_groups(config, &engine, rows);
    match stack::look(config, &engine).await {
        Err(row) => rows.push(row),
        Ok((opened, containers)) => {
            rows.push(names_of_attached(config, &containers));
            rows.extend(stack::rows(config, &opened, &containers, None, RunClock::start()).await);
        }
    }
}

fn names_of_attached(config: &Config, containers: &[crate::model::Container]) -> Row {
    let find = |name: &str| {
        containers.iter().find(|c| c.name == name || c.service.as_deref() == Some(name))
    };
    let known: Vec<String> = containers.iter().map(|c| c.name.clone()).collect();
    let publishes = |name: &str, port: u16| find(name).is_some_and(|c| c.ports.contains_key(&port));
    names::row(config, &known, |name| find(name).is_some(), publishes)
}

fn control_groups(config: &Config, engine: &crate::stack::engine::Engine, rows: &mut Vec<Row>) {
    if !engine.is_remote() {
        rows.push(machine::control_groups(config, engine.facts().cgroup_driver.as_deref()));
    }
}

async fn of_processes(
    config: &Config,
    services: &[ProcessService],
    up: bool,
    checking: &Checking,
    rows: &mut Vec<Row>,
) -> Option<Signal> {
    rows.extend(process::rows(config, services).await);
    rows.push(machine::control_groups(config, None));
    if up {
        return start(config, Some(services.len()), checking, rows).await;
    }
    rows.push(Row::not_up("services", "local processes are started by each run"));
    rows.push(load::row(config, &[], false).await);
    rows.extend(watched::rows(config, &[], false).await);
    None
}
