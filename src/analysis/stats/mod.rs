//! Statistics on types that cannot be wrong: a [`Sample`] is finite and not empty, so that its
//! methods need no error.

mod autocorrelation;
mod mean;
mod sample;
mod summary;

pub use autocorrelation::{effective_size, lag1};
pub use mean::mean;
pub use sample::{Sample, Sorted, Unordered};
pub use summary::Summary;

#[cfg(test)]
mod tests;
