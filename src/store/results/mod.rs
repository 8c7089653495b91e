//! results.json: everything of the replaced framework's file with the same names and units, and
//! more. Written from a [`crate::analysis::Dataset`]; ours and the predecessor's are read back.

mod cut;
#[cfg(test)]
mod journey;
mod metadata;
mod reader;
mod recovered;
mod sample;
mod samples;
#[cfg(test)]
mod tests;
mod watched;
mod writer;

pub use reader::{Results, parse_results, read_results};
pub(crate) use recovered::is_recovered;
pub use writer::{Extras, INLINE_SAMPLES, Written, write_results};
