//! `runner run`: measure, then analyse and report what was measured.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Instant;

use chrono::{SecondsFormat, Utc};

use crate::analysis::Settings;
use crate::analysis::metrics::HealthWatch;
use crate::config::mask::Secrets;
use crate::config::{Config, Level};
use crate::groups;
use crate::scenario::Plan;
use crate::session::load_driver::LoadDriver;
use crate::session::ports::{Hooks, RunClock};
use crate::session::stack_actor::StackHandle;
use crate::session::ticker::Ticker;
use crate::session::{Outcome, Parts, Reserved, Session};
use crate::source::host::HostSource;
use crate::source::own::OwnSource;
use crate::stack::compose::FAREWELL;
use crate::stack::holder::Holder;
use crate::store::input::Input;
use crate::store::journal::{Journal, RunFile};
use crate::store::run_folder::{RESULTS, RunFolder, SAMPLES};
use crate::tell;

use super::args::RunArgs;
use super::exit::Exit;
use super::finish::{Wanted, finish};
use super::gpus;
use super::resolve::{self, Chosen};
use super::signals::{Interrupt, unless_heard};
use super::wire::{self, Places};
use super::{confirm, dry_run, signals, terminal};

/// A failure before anything was measured.
#[derive(Default)]
struct Failed {
    exit: Exit,
    message: String,
}

/// A run that was measured.
struct Measured {
    outcome: Outcome,
    folder: RunFolder,
    demo: bool,
    /// Becomes something at the next signal.
    interrupt: Interrupt,
}

/// Runs the command.
pub fn command(args: &RunArgs) -> Exit {
    let begun = Instant::now();
    // One thread: reading figures takes microseconds, and the stack needs the cores.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tell::people(format!("the asynchronous runtime cannot start: {error}"));
            return Exit::Environment;
        }
    };
    let exit = runtime.block_on(async {
        match signals::listen() {
            Ok(interrupt) if args.dry_run => dry(args, &interrupt).await,
            Ok(interrupt) => run(args, interrupt, begun).await,
            Err(error) => {
                tell::people(format!("signals cannot be listened to: {error}"));
                Exit::Environment
            }
        }
    });
    // A compose tool that was cut short may still be ending.
    groups::farewell(FAREWELL);
    exit
}

async fn dry(args: &RunArgs, interrupt: &Interrupt) -> Exit {
    match unless_heard(interrupt, planned(args)).await {
        Ok(Ok((config, plan, why))) => {
            why.iter().for_each(tell::people);
            tell::people(dry_run::text(&config, &plan));
            Exit::Clean
        }
        Ok(Err(failed)) => {
            tell::people(failed.message);
            failed.exit
        }
        Err(signal) => Exit::Signal(signal.exit_code()),
    }
}

async fn run(args: &RunArgs, interrupt: Interrupt, begun: Instant) -> Exit {
    match measure(args, interrupt).await {
        Ok(measured) => finish_or_leave(args, measured, begun).await,
        Err(failed) => {
            tell::people(failed.message);
            failed.exit
        }
    }
}

/// The config, flags applied, and what it plans; nothing is opened.
async fn planned(args: &RunArgs) -> Result<(Config, Plan, Vec<String>), Failed> {
    let usage = |message: String| Failed { exit: Exit::Usage, message };
    let Chosen { mut config, why, .. } = resolve::choose(&args.config).await.map_err(usage)?;
    apply_flags(&mut config, args)?;
    let plan = Plan::new(&config, &args.scenarios).map_err(|e| usage(e.to_string()))?;
    Ok((config, plan, why))
}

/// A run that is about to begin.
struct Ready {
    session: Session,
    folder: RunFolder,
    demo: bool,
}

/// What is being done before a run begins, and the folder that it will leave.
#[derive(Default)]
struct Preparing {
    doing: Cell<&'static str>,
    folder: RefCell<Option<RunFolder>>,
}

async fn measure(args: &RunArgs, interrupt: Interrupt) -> Result<Measured, Failed> {
    let preparing = Preparing::default();
    let prepared = unless_heard(&interrupt, prepare(args, &interrupt, &preparing)).await;
    let ready = match prepared {
        Ok(Ok(ready)) => ready,
        other => {
            if let Some(folder) = preparing.folder.take() {
                folder.remove_if_empty();
            }
            return Err(match other {
                Ok(failed) => failed.err().unwrap_or_default(),
                Err(signal) => Failed {
                    exit: Exit::Signal(signal.exit_code()),
                    message: format!(
                        "{} heard while {}: nothing was started",
                        signal.name(),
                        preparing.doing.get()
                    ),
                },
            });
        }
    };
    let Ready { session, folder, demo } = ready;
    let outcome = session.run().await;
    Ok(Measured { outcome, folder, demo, interrupt })
}

/// All that comes before the first scenario; nothing is started. It may be left at any time.
async fn prepare(
    args: &RunArgs,
    interrupt: &Interrupt,
    preparing: &Preparing,
) -> Result<Ready, Failed> {
    let usage = |message: String| Failed { exit: Exit::Usage, message };
    let missing = |message: String| Failed { exit: Exit::Environment, message };
    preparing.doing.set("choosing where the stack runs");
    let Chosen { mut config, demo, why } = resolve::choose(&args.config).await.map_err(usage)?;
    apply_flags(&mut config, args)?;
    let secrets = resolve::keep_secret(Secrets::of(&config));
    let plan = Plan::new(&config, &args.scenarios).map_err(|e| usage(e.to_string()))?;
    for line in &why {
        tell::people(line);
    }
    if demo {
        preparing.doing.set("making the demo's image");
        wire::prepare_demo(&mut config, |line| tell::people(line)).await.map_err(missing)?;
    }
    let config = Arc::new(config);
    let clock = RunClock::start();
    let started = Utc::now();
    let folder = RunFolder::create(&config.results_dir(), started, config.results.mode)
        .map_err(|e| missing(e.to_string()))?;
    preparing.folder.replace(Some(folder.clone()));
    preparing.doing.set("looking for the engine and the compose tool");
    let opened = wire::open_stack(&config, folder.test_id()).await;
    let opened = opened.map_err(|error| missing(error.message))?;
    let mut run =
        RunFile::new(folder.test_id(), &started.to_rfc3339_opts(SecondsFormat::Millis, true));
    // Where /proc cannot be read, a run that goes on is taken for one that was killed.
    run.holder = Holder::me().ok().map(|me| me.to_string());
    run.config = serde_json::to_value(config.as_ref()).unwrap_or_default();
    run.plan = serde_json::to_value(&plan).unwrap_or_default();
    run.host = wire::host_facts(&config.sources.proc_root);
    run.engine = opened.engine.clone();
    let mut places = Places::default();
    let (sampler, notes) =
        wire::open_sources(&config, &opened, clock, &mut places).map_err(|e| missing(e.message))?;
    let load = wire::open_load(&config, &mut places).map_err(usage)?;
    let found = gpus::open(&config, opened.remote, clock).await;
    run.devices = found.devices;
    let watch = wire::open_watch(&config, clock, &mut places).map_err(missing)?;
    let health = HealthWatch::new(config.health.iter().map(|check| check.rule.clone()));
    preparing.doing.set("opening the record");
    let journal = Journal::hiding(&folder, &run, secrets).map_err(|e| missing(e.to_string()))?;
    let mut host = HostSource::new(&config.sources.proc_root);
    let remote = opened.remote;
    let mut own = OwnSource::new(&config.sources.proc_root);
    let ticker = Ticker::new(
        clock,
        sampler,
        Box::new(move || if remote { Default::default() } else { host.read() }),
        Box::new(move || own.read()),
        config.sources.timeout,
    )
    .with_devices(found.sources)
    .with_watch(watch, health);
    let mut observer = terminal::observer();
    observer.note(&opened.stack.describe());
    for device in &run.devices {
        observer.note(&gpus::describe(device));
    }
    for note in &notes {
        observer.warn(note);
    }
    if args.keep_up && opened.ends_with_runner {
        observer.warn("--keep-up has no effect: local processes end with the runner");
    }
    let poll = std::time::Duration::from_secs(1);
    let session = Session::new(Parts {
        clock,
        config: Arc::clone(&config),
        plan,
        stack: StackHandle::spawn(opened.stack),
        load: load.map(|load| LoadDriver::spawn(load, clock, poll)),
        ticker,
        recorder: Box::new(Reserved::new(journal)),
        confirmation: config.leak.confirm.then(|| {
            let cores = run_cores();
            let settings = Settings { host_cores: cores, ..Settings::from(config.as_ref()) };
            confirm::confirmation(folder.path().to_path_buf(), settings)
        }),
        hooks: (!config.hooks.is_empty()).then_some(opened.hooks as Arc<dyn Hooks>),
        observer,
        interrupt: interrupt.clone(),
        moved: places.moved(),
        keep_up: args.keep_up,
    });
    Ok(Ready { session, folder, demo })
}

fn run_cores() -> Option<f64> {
    std::thread::available_parallelism().ok().map(|cores| cores.get() as f64)
}

/// `--agents`, `--speed` and `--out` replace what the config says.
fn apply_flags(config: &mut Config, args: &RunArgs) -> Result<(), Failed> {
    if let Some(level) = args.agents {
        config.duration.level = Level::Fixed(level);
        config.speed.level = Level::Fixed(level);
    }
    if let Some(speed) = args.speed {
        if !speed.is_finite() || speed <= 0.0 {
            let message = format!("--speed {speed}: expected a number above 0, e.g. --speed 2");
            return Err(Failed { exit: Exit::Usage, message });
        }
        config.duration.speed = speed;
    }
    // Drawn here and not where it is used: the record has it, and a run can be repeated.
    config.isolate.seed.get_or_insert_with(|| Utc::now().timestamp_subsec_nanos());
    if let Some(out) = &args.out {
        config.results.dir = resolve::absolute(out);
    }
    Ok(())
}

/// Analyses on a thread of its own, so that a signal is heard meanwhile: it ends the process at
/// once. What was measured is saved; files are written whole or not at all.
async fn finish_or_leave(args: &RunArgs, measured: Measured, begun: Instant) -> Exit {
    let interrupt = measured.interrupt.clone();
    // The signal that ended the measurement is no wish to go without its results; a second one is,
    // and ends the process where it is heard.
    let heard = measured.outcome.signal.is_some();
    let path = measured.folder.path().to_path_buf();
    let args = args.clone();
    let finishing = tokio::task::spawn_blocking(move || finish_run(&args, &measured, begun));
    tokio::select! {
        biased;
        exit = finishing => exit.unwrap_or(Exit::Aborted),
        signal = signals::heard(&interrupt), if !heard => {
            tell::people(format!(
                "ended by {} before the analysis was done; what was measured is saved: \
                 runner analyze {}",
                signal.name(),
                path.display()
            ));
            // The thread would go on with the analysis; the process does not wait for it.
            std::process::exit(i32::from(signal.exit_code()));
        }
    }
}

fn finish_run(args: &RunArgs, measured: &Measured, begun: Instant) -> Exit {
    let Measured { outcome, folder, .. } = measured;
    let mut exit = Exit::Clean;
    if let Some(signal) = outcome.signal {
        exit = exit.and(Exit::Signal(signal.exit_code()));
    }
    if let Some(abort) = &outcome.abort {
        exit = exit.and(if abort.environment { Exit::Environment } else { Exit::Aborted });
    }
    if !outcome.unfinished.is_empty() {
        exit = exit.and(Exit::Aborted);
    }
    if outcome.ticks == 0 {
        tell::people(format!(
            "nothing was measured; the record of the attempt is in {}",
            folder.path().display()
        ));
        return exit.and(Exit::Aborted);
    }
    if !folder.file(SAMPLES).exists() {
        tell::people(format!(
            "the run folder {} was removed while the run went on: what was measured is lost",
            folder.path().display()
        ));
        return exit.and(Exit::Aborted);
    }
    let wanted = Wanted {
        charts: !args.no_charts,
        demo: measured.demo,
        wall_seconds: Some(begun.elapsed().as_secs_f64()),
        unfinished: outcome.unfinished.clone(),
        ..Wanted::default()
    };
    let input = Input::RunFolder(folder.path().to_path_buf());
    // Somebody may have analysed the run while it went on; its own end writes its results.
    let _ = std::fs::remove_file(folder.file(RESULTS));
    match finish(&input, folder.path(), &wanted) {
        Ok(done) => {
            tell::people(done.screen);
            done.damage.iter().for_each(|damage| tell::people(damage.to_string()));
            done.unwritten_lines().into_iter().for_each(tell::people);
            exit.and(done.exit)
        }
        Err(error) => {
            tell::people(error.to_string());
            exit.and(Exit::Aborted)
        }
    }
}
