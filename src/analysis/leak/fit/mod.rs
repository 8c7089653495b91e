//! What growth there is in a few dozen points, whatever else the series does.
//!
//! Pure numbers: points in, competing explanations with their rates of lasting growth out. What a
//! verdict makes of them is decided in `super::decide`.

mod columns;
mod explain;
mod gls;
mod student;

pub use columns::{Covariate, Points};
pub use explain::{Explanation, Shape, explain};

#[cfg(test)]
mod tests;
