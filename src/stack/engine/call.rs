//! Calls of the engine under a time limit, and how they go wrong.

use std::future::Future;
use std::time::Duration;

use crate::net::relay;
use crate::session::ports::StackError;

/// How an engine call went wrong.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// It did not come back in time.
    #[error("the engine did not answer within {} s ({call})", limit.as_secs())]
    Hung {
        /// What was asked.
        call: String,
        /// How long was waited.
        limit: Duration,
    },
    /// There is no such thing.
    #[error("the engine knows no such thing ({0})")]
    Absent(String),
    /// It answered with an error, or the connection broke.
    #[error("{0}")]
    Failed(String),
}

impl From<EngineError> for StackError {
    fn from(error: EngineError) -> StackError {
        StackError::broke(format!("Docker Engine: {error}"))
    }
}

/// A call under a time limit.
pub(super) async fn within<T>(
    call: &str,
    limit: Duration,
    future: impl Future<Output = Result<T, bollard::errors::Error>>,
) -> Result<T, EngineError> {
    match within_plain(call, limit, future).await? {
        Ok(answer) => Ok(answer),
        Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, message }) => {
            Err(EngineError::Absent(message))
        }
        // The relay's own answer: there was no way to the engine.
        Err(bollard::errors::Error::DockerResponseServerError {
            status_code: relay::UNREACHABLE,
            message,
        }) => Err(EngineError::Failed(message)),
        Err(bollard::errors::Error::RequestTimeoutError) => {
            Err(EngineError::Hung { call: call.to_owned(), limit })
        }
        Err(error) => Err(EngineError::Failed(chain(&error))),
    }
}

pub(super) async fn within_plain<T>(
    call: &str,
    limit: Duration,
    future: impl Future<Output = T>,
) -> Result<T, EngineError> {
    tokio::time::timeout(limit, future)
        .await
        .map_err(|_| EngineError::Hung { call: call.to_owned(), limit })
}

/// An error with its causes: the outer one often says only "client error (Connect)".
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}
