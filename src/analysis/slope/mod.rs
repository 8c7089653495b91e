//! Slopes: how fast a figure grows.
//!
//! Ours is Theil-Sen over block medians with an interval that knows about autocorrelation
//! ([`Trend`]). The replaced framework's own slopes (end point, least squares over a scenario) are
//! kept beside it, for its fields of results.json only.

mod blocks;
mod plain;
mod theil_sen;
mod trend;

pub use blocks::{Block, BlockRule, blocks};
pub use plain::{endpoint, least_squares};
pub use theil_sen::{rank_interval, theil_sen};
pub(crate) use trend::median_interval;
pub use trend::{Trend, trend};

#[cfg(test)]
mod tests;
