//! Serving: settings in, one role's routes, until a signal ends it.

use std::io;
use std::sync::Arc;

use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::tell;

use super::args::{DemoServiceArgs, Role, Settings, SettingsError};
use super::peer::Peer;
use super::pid1::Signals;
use super::simulation::{self, Engine};
use super::stream::{self, Downstream, Processor};
use super::{cache, provoke, store, tasks};

/// Why a demo service did not start or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A setting is missing or wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The port cannot be listened on, the data folder cannot be made, or the like.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// What went wrong.
        source: io::Error,
    },
}

fn io_error(doing: impl Into<String>) -> impl FnOnce(io::Error) -> ServeError {
    move |source| ServeError::Io { doing: doing.into(), source }
}

/// Plays one role until SIGTERM or SIGINT. Blocks; makes its own runtime of one thread.
///
/// With `--hog-mb-per-s` it never returns: that is the child of the `child-oom` provocation.
pub fn serve(args: DemoServiceArgs) -> Result<(), ServeError> {
    if let Some(rate) = args.hog_mb_per_s {
        provoke::allocate_until_killed(rate);
    }
    let settings = Settings::resolve(args, |name| std::env::var(name).ok())?;
    keep_memory_honest();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(io_error("cannot start the runtime"))?;
    runtime.block_on(run(settings))
}

/// Without huge pages: one of 2 MB would appear in a reading as a step that nobody allocated.
fn keep_memory_honest() {
    // Refused by no kernel that has the call; where it is missing, readings are only coarser.
    let _ = nix::sys::prctl::set_thp_disable(true);
}

async fn run(settings: Settings) -> Result<(), ServeError> {
    let signals = Signals::install().map_err(io_error("cannot handle signals"))?;
    let address = format!("{}:{}", settings.host, settings.port);
    let listener = tokio::net::TcpListener::bind(&address)
        .await
        .map_err(io_error(format!("cannot listen on {address}")))?;
    let app = routes(&settings)?;
    tell::machines(&format!("{} listens on {address}", settings.role.name()));
    tokio::select! {
        ended = axum::serve(listener, app).into_future() => {
            ended.map_err(io_error("cannot serve any longer"))
        }
        signal = signals.until_asked_to_end() => {
            // Nothing is worth waiting for: a demo service has no promise to keep.
            tell::machines(&format!("{} ends on {signal}", settings.role.name()));
            Ok(())
        }
    }
}

fn routes(settings: &Settings) -> Result<Router, ServeError> {
    let role = settings.role;
    let mut app = match role {
        Role::Simulation => simulation(settings)?,
        Role::StreamProcessor => stream_processor(settings)?,
        Role::Cache => cache::router((settings.cache_mb as usize) << 20),
        Role::Store => store::router(settings.data_dir.clone())
            .map_err(io_error(format!("cannot use {}", settings.data_dir.display())))?,
    };
    if !settings.tasks.is_empty() {
        app = app.merge(tasks::router(&settings.tasks));
    }
    if settings.debug {
        app = app.merge(provoke::router());
    }
    Ok(app.route("/health", get(move || health(role))))
}

fn simulation(settings: &Settings) -> Result<Router, ServeError> {
    let stream = peer(&settings.stream_url, "DEMO_STREAM_URL")?;
    let engine = Engine::start(stream).map_err(io_error("cannot start a thread"))?;
    Ok(simulation::router(Arc::clone(&engine), settings.api_key.clone()))
}

fn stream_processor(settings: &Settings) -> Result<Router, ServeError> {
    let downstream = Downstream {
        cache: peer(&settings.cache_url, "DEMO_CACHE_URL")?,
        store: peer(&settings.store_url, "DEMO_STORE_URL")?,
    };
    let processor = Processor::start(settings.leak_mb_per_min, downstream)
        .map_err(io_error("cannot start a thread"))?;
    Ok(stream::router(processor))
}

fn peer(url: &Option<String>, variable: &'static str) -> Result<Option<Peer>, SettingsError> {
    url.as_deref().map(|url| Peer::new(url, variable)).transpose()
}

async fn health(role: Role) -> Json<Value> {
    Json(json!({ "status": "ok", "role": role.name() }))
}
