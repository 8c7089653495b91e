//! Scenarios: what is done, in which order, and what ends it. Decisions only: nothing here waits,
//! reads or writes.
//!
//! A scenario is data, a list of phases with actions and stop conditions
//! ([`crate::config::ScenarioConfig`]). The built-in ones are written in the same parts as a user's.

pub mod builtin;
pub mod extent;
pub mod isolate;
pub mod level;
pub mod phase;
pub mod plan;
pub mod record;

pub use level::{Inputs, MissingInput};
pub use phase::{PhaseEnd, PhaseRun, Situation};
pub use plan::{Kind, Plan, PlanError, Planned};

#[cfg(test)]
mod tests;
