//! The one loop of a run: clock, sampler, executor, interrupts, and the ports they need.

mod beside;
pub mod confirm;
pub mod devices;
mod hearing;
mod hooks;
pub mod judge;
pub mod live;
pub mod load_driver;
mod load_end;
pub mod outcome;
mod phases;
pub mod ports;
mod reserve;
pub mod run;
pub mod sampler;
mod settling;
pub mod stack_actor;
pub mod ticker;
pub mod view;
pub mod watch_stack;

pub use outcome::{Abort, Outcome, Signal};
pub use reserve::Reserved;
pub use run::{Parts, Session};

#[cfg(test)]
mod tests;
