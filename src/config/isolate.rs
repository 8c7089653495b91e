//! The isolate scenario, as configured: each task of the load alone, in turns.

use std::time::Duration;

use serde::Serialize;

use super::seconds;

/// Isolate: one task at a time, in randomised order, with a rest after each.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Isolate {
    /// Tasks to take apart; empty: all of the load's.
    pub tasks: Vec<String>,
    /// Level of every task: requests a second of an `http` load, agents of an `agents` load.
    pub level: u32,
    /// How often each task has its turn.
    pub rounds: u32,
    /// Length of a turn.
    #[serde(serialize_with = "seconds")]
    pub slot: Duration,
    /// Rest after each turn; its second half tells what was kept.
    #[serde(serialize_with = "seconds")]
    pub rest: Duration,
    /// Each task's first turn, which is not measured: connections, pools and first uses of code.
    #[serde(serialize_with = "seconds")]
    pub warmup: Duration,
    /// Sampling interval.
    #[serde(serialize_with = "seconds")]
    pub interval: Duration,
    /// Seed of the order; absent: drawn when the run starts, and recorded.
    pub seed: Option<u32>,
}

impl Default for Isolate {
    fn default() -> Self {
        Isolate {
            tasks: Vec::new(),
            level: 10,
            rounds: 4,
            slot: Duration::from_secs(30),
            rest: Duration::from_secs(15),
            warmup: Duration::from_secs(10),
            interval: Duration::from_secs(1),
            seed: None,
        }
    }
}
