//! Which container leaks, how fast, and how sure that is.
//!
//! [`verdict`] is the seam: everything a judgement may rest on comes in as a [`LeakInput`], and a
//! sharper procedure replaces the body of that one function.

mod climbs;
mod confirm;
mod covariate;
mod cycles;
mod decide;
mod evidence;
mod figure;
mod fit;
mod floors;
mod input;
mod judge;
pub mod learned;
mod parts;
mod points;
pub mod power;
mod reason;
mod segment;
mod teeth;
mod verdict;

pub use confirm::{combined, needs_confirmation};
pub use evidence::Evidence;
pub use figure::{LeakFigure, choose};
pub use input::{LeakInput, Unit, Work};
pub use judge::{evidence, verdict};
pub use parts::PartGrowth;
pub use power::Noise;
pub use reason::Reason;
pub use segment::{Segment, usable};
pub use verdict::{LeakVerdict, Verdict};

#[cfg(test)]
mod cycles_tests;
#[cfg(test)]
mod families_tests;
#[cfg(test)]
mod tests;
