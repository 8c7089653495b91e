//! The program as its users run it: arguments, exit codes, files, real containers.

mod analyze;
mod compare;
mod compose_files;
mod docker;
mod gpu;
mod harness;
mod hostile;
mod output;
mod process;
mod record;
#[path = "../support/mod.rs"]
mod support;
mod usage;
