//! The words every other folder speaks: figures, samples, ticks, containers, events, units.
//!
//! Nothing here reads a clock, a file or the network.

pub mod container;
pub mod device;
pub mod event;
pub mod figure;
pub mod rates;
pub mod sample;
pub mod tick;
pub mod units;
pub mod watched;

pub use container::{Container, Health, Limits, RunState};
pub use device::{Device, Mig};
pub use event::{Event, EventKind, StackEvent, StackEventKind};
pub use figure::{Figure, FigureSet, Kind, Scope};
pub use sample::{Part, Sample, SourceKind};
pub use tick::{Gap, LoadReport, Tick};
pub use watched::{HealthCheck, Measured, MetricRates, Watched};
