//! Process trees from `/proc`: CPU time, resident memory by kind, IO, threads.
//!
//! This is how a process stack is sampled where it has no control groups of its own. A service is
//! its first process, all descendants and its session. `/proc` counts CPU time in clock ticks
//! (10 ms), and pages that two processes share are counted in both.

#[cfg(feature = "app")]
mod client;
pub mod parse;

#[cfg(all(test, feature = "app"))]
pub(crate) use client::OFFERS;
#[cfg(feature = "app")]
pub use client::ProcfsSource;
