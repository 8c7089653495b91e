//! The HTTP clients of the sources: over a Unix socket or TCP, and an answer of bounded size.

use std::path::Path;

use reqwest::{Client, Response};

use crate::net;

/// A client for figures: services of the stack's own network.
///
/// # Errors
/// When TLS cannot be set up.
pub(crate) fn client() -> Result<Client, String> {
    net::streaming_client(None).map_err(|e| root_cause(&e))
}

/// A client whose every connection goes to the Unix socket at `path`.
///
/// # Errors
/// When TLS cannot be set up.
pub(crate) fn unix_client(path: &Path) -> Result<Client, String> {
    net::streaming_client(Some(path)).map_err(|e| root_cause(&e))
}

/// Reads a whole body of at most `limit` bytes.
///
/// # Errors
/// When the connection breaks or the body is larger.
pub(crate) async fn body(mut response: Response, limit: usize) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| root_cause(&e))? {
        if body.len() + chunk.len() > limit {
            return Err(format!("the answer is larger than {limit} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The innermost cause: "connection refused" says more than "error sending request".
pub(crate) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// The first line of a plain-text answer, cut to a length that fits a message.
pub(crate) fn first_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.lines().next().unwrap_or("").chars().take(160).collect()
}
