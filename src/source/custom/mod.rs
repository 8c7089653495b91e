//! Metrics of the config: numbers that the driven system tells about itself, in JSON answers or
//! Prometheus text pages.
//!
//! Each address has a task of its own that asks it once an interval, whatever number of metrics it
//! has, and puts what it said on a board. A tick takes from the board and waits for nobody: an
//! endpoint that hangs, lies or answers with ten megabytes costs its own figures.

#[cfg(feature = "app")]
pub mod board;
pub mod exposition;
#[cfg(feature = "app")]
pub mod fetch;
pub mod pick;
#[cfg(feature = "app")]
pub mod watch;

#[cfg(feature = "app")]
pub use watch::Watch;

#[cfg(all(test, feature = "app"))]
mod watch_tests;
