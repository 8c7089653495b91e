//! What a person reads after a run: charts, the pages around them, a text for a CI job, and the
//! last screen of a terminal.

pub mod chart;
#[cfg(feature = "app")]
pub mod charts;
pub mod comparison;
pub mod console;
mod drawn;
pub mod facts;
#[cfg(test)]
mod fixture;
mod gpus;
pub mod html;
pub mod limits_file;
mod load;
pub mod markdown;
pub mod metrics;
pub mod page;
mod sources;
mod words;

pub use drawn::Drawn;
