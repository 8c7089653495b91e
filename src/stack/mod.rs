//! The stack under test: how containers are found, reset, waited for and listened to.
//!
//! `compose` drives a compose tool, `attach` watches what already runs. Both look at the world
//! through `engine`. What is decided (names, ownership, readiness) is pure and apart from what is
//! done.

#[cfg(feature = "app")]
pub mod attach;
#[cfg(feature = "app")]
pub mod compose;
#[cfg(feature = "app")]
pub mod engine;
#[cfg(feature = "app")]
pub mod folders;
#[cfg(feature = "app")]
pub mod holder;
#[cfg(feature = "app")]
pub mod lock;
pub mod naming;
#[cfg(feature = "app")]
pub mod process;
pub mod ready;

/// Label on everything this tool makes: the project.
pub const LABEL_PROJECT: &str = "runner.project";
/// Label on everything this tool makes: the run (its test id).
pub const LABEL_RUN: &str = "runner.run";
/// Label on everything this tool makes: the process that made it, see [`holder::Holder`].
pub const LABEL_PID: &str = "runner.pid";
