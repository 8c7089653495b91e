//! The role `simulation`: agents behind a control API.
//!
//! [`world`] knows what happens, [`engine`] makes it happen in real time (and sends the stream
//! processor its work), [`api`] is how it is told.

mod agents;
mod api;
mod engine;
mod state;
#[cfg(test)]
mod tests;
mod trips;
mod world;

pub(super) use api::router;
pub(super) use engine::Engine;
