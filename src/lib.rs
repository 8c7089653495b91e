//! `runner` answers three questions about a stack of containers: how much load it carries, which
//! container gives in first, and which one leaks memory.
//!
//! The library is a pure core (`model`, `config`, parsers, `analysis`, archived formats) with a
//! thin asynchronous shell behind the default feature `app`. ARCHITECTURE.md tells how one sample
//! travels from the kernel to a chart.

#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod analysis;
#[cfg(feature = "app")]
pub mod cli;
pub mod config;
#[cfg(feature = "app")]
pub mod demo;
#[cfg(feature = "app")]
mod groups;
#[cfg(feature = "app")]
pub mod hooks;
#[cfg(feature = "app")]
pub mod load;
pub mod model;
#[cfg(feature = "app")]
pub mod net;
mod os;
pub mod outside;
pub mod report;
pub mod scenario;
#[cfg(feature = "app")]
pub mod session;
pub mod source;
pub mod stack;
pub mod store;
pub mod tell;

#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod testing;
