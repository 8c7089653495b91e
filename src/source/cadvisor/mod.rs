//! cAdvisor's HTTP API: one call a tick for all containers, v2.1 with v1.3 as the fall-back.

#[cfg(feature = "app")]
mod client;
pub mod diagnosis;
pub mod events;
mod figures;
#[cfg(feature = "app")]
mod kills;
pub mod parse;
mod wire;

#[cfg(feature = "app")]
pub use client::{CadvisorAddress, CadvisorSource};

#[cfg(all(test, feature = "app"))]
mod client_tests;
#[cfg(test)]
mod parse_tests;
#[cfg(all(test, feature = "app"))]
pub(crate) use client::OFFERS;
