//! What the sources of GPUs have in common: whose process it is that holds GPU memory, and a thread
//! of their own, since a driver may hang.

#[cfg(feature = "app")]
mod driver;
pub mod owner;
#[cfg(feature = "app")]
mod owners;
pub mod share;
#[cfg(feature = "app")]
mod worker;

#[cfg(feature = "app")]
pub use driver::{Driver, DriverRead};
#[cfg(feature = "app")]
pub use owners::{Owner, Owners};
#[cfg(feature = "app")]
pub use worker::Worker;
