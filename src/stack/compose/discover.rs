//! What compose reads by itself. It stands with the config, which is read with it in the pure core.

pub use crate::config::discover::*;
