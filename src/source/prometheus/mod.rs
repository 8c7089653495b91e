//! Prometheus as a source: figures of cAdvisor or of a kubelet that it has scraped, live during a
//! run and of any past window.
//!
//! Only samples as they were scraped are used, at their own times: a range query repeats or skips
//! them at its steps, an instant query of `metric[range]` gives them as they are.

#[cfg(feature = "app")]
pub mod client;
pub mod fold;
pub mod labels;
mod lingering;
#[cfg(feature = "app")]
pub mod live;
pub mod lives;
pub mod metrics;
pub mod parse;
pub mod ticks;
pub mod time;

#[cfg(test)]
mod fold_tests;
#[cfg(test)]
mod lives_tests;
#[cfg(test)]
mod parse_tests;

#[cfg(feature = "app")]
pub use client::{Access, Problem, Prometheus};
#[cfg(feature = "app")]
pub use live::PrometheusSource;
