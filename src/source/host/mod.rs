//! Figures of the machine: CPU of all cores, load, memory, pressure, OOM kills.

#[cfg(feature = "app")]
mod client;
pub mod parse;

#[cfg(feature = "app")]
pub use client::HostSource;
