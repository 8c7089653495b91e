//! The Docker Engine's stats: calls where the engine answers them at once, else one stream a running
//! container, whose latest frame is what a reading answers with (`delivery.rs` says which and why).

#[cfg(feature = "app")]
mod address;
#[cfg(feature = "app")]
mod calls;
#[cfg(feature = "app")]
mod client;
mod delivery;
pub mod parse;
#[cfg(feature = "app")]
mod stream;
mod wire;

#[cfg(feature = "app")]
pub use address::EngineAddress;
#[cfg(feature = "app")]
pub use client::DockerSource;
pub use delivery::Delivery;

#[cfg(all(test, feature = "app"))]
mod client_tests;
#[cfg(all(test, feature = "app"))]
mod one_shot_tests;
#[cfg(test)]
mod parse_tests;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod truth_tests;
#[cfg(all(test, feature = "app"))]
pub(crate) use client::OFFERS;
