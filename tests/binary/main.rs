//! The program as its users run it: arguments, exit codes, files, real containers.

mod analyze;
mod compare;
mod docker;
mod gpu;
mod harness;
mod output;
mod process;
#[path = "../support/mod.rs"]
mod support;
mod usage;
