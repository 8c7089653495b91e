//! The built-in demo: a small stack whose truth is known.
//!
//! One hidden subcommand of this binary plays four services ([`Role`]): a `simulation` with a
//! control API, a `stream-processor` that costs CPU and leaks, a `cache` that fills and stays, a
//! `store` that writes files. Because agents cost CPU *time* (read from the thread clock), the
//! level the stack carries is the same in a debug and a release build and on any machine.
//!
//! The same services run as containers ([`COMPOSE_FILE`], with an [`image`] made of the running
//! executable) and as local processes ([`services`]).

mod args;
mod backlog;
mod burn;
mod cache;
mod health;
pub mod image;
mod leak;
mod peer;
mod pid1;
mod provoke;
mod ratio;
mod service;
mod simulation;
mod store;
mod stream;
mod table;
mod tasks;
mod web;

pub use args::{DemoServiceArgs, Role, SettingsError};
pub use health::health_command;
pub use service::{ServeError, serve};
pub use table::{DemoService, EnvValue, services};

/// The compose file of the demo stack, as it is in the repository's `compose/demo.yml`.
pub const COMPOSE_FILE: &str = include_str!("../../compose/demo.yml");

/// The environment variable from which [`COMPOSE_FILE`] takes the image to run.
pub const IMAGE_VARIABLE: &str = "RUNNER_DEMO_IMAGE";

/// What the compose file passes on from its own environment to every service, and as what: for
/// running the same services as local processes.
pub const PASSED_ON: &[(&str, &str)] =
    &[("RUNNER_DEMO_TASKS", "DEMO_TASKS"), ("RUNNER_DEMO_DEBUG", "DEMO_DEBUG")];

/// The environment variable from which [`COMPOSE_FILE`] takes the control API's key.
pub const API_KEY_VARIABLE: &str = "RUNNER_DEMO_API_KEY";

/// The control API's key when [`API_KEY_VARIABLE`] is not set. Not a secret: the demo listens on
/// loopback only, and the key is there so that the demo shows how one is used.
pub const DEFAULT_API_KEY: &str = "demo";

/// What a pair of agents (a driver and a rider) costs in `simulation` at speed 1, in CPU
/// milliseconds a second.
pub const SIMULATION_MS_PER_PAIR: f64 = 4.0;

/// What a pair of agents costs in `stream-processor` at speed 1, in CPU milliseconds a second.
pub const STREAM_MS_PER_PAIR: f64 = 4.5;

/// What `stream-processor` leaks while it has work, in MB (2^20 bytes) a minute.
pub const LEAK_MB_PER_MIN: f64 = 40.0;
