//! What puts work on the stack: one folder a kind, each behind the [`Load`](crate::session::ports::Load) port.

pub mod agents;
mod answers;
pub mod http;
