//! Small things that every role's HTTP interface needs.

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A refusal: a status and `{"detail": ...}`.
#[derive(Debug)]
pub(super) struct Refusal(pub StatusCode, pub String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "detail": self.1 }))).into_response()
    }
}

/// The value of `key` in a query string. Values of this API need no decoding.
pub(super) fn query_value<'a>(query: Option<&'a str>, key: &str) -> Option<&'a str> {
    query?.split('&').filter_map(|pair| pair.split_once('=')).find(|(k, _)| *k == key).map(|p| p.1)
}

/// Lets a request pass that carries `key` in X-API-Key, or any when there is no key.
pub(super) async fn require_key(key: Option<String>, request: Request, next: Next) -> Response {
    match key {
        Some(key) if !carries(request.headers(), &key) => {
            Refusal(StatusCode::UNAUTHORIZED, "X-API-Key is missing or wrong".into())
                .into_response()
        }
        _ => next.run(request).await,
    }
}

fn carries(headers: &HeaderMap, key: &str) -> bool {
    headers.get("x-api-key").is_some_and(|given| given.as_bytes() == key.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_value_is_found_by_its_whole_key() {
        let query = Some("amode=x&mode=immediate&empty=");
        assert_eq!(query_value(query, "mode"), Some("immediate"));
        assert_eq!(query_value(query, "empty"), Some(""));
        assert_eq!(query_value(query, "other"), None);
        assert_eq!(query_value(None, "mode"), None);
    }

    #[test]
    fn the_key_must_be_the_very_one() {
        let mut headers = HeaderMap::new();
        assert!(!carries(&headers, "demo"));
        headers.insert("X-API-Key", "demo2".parse().unwrap());
        assert!(!carries(&headers, "demo"));
        headers.insert("X-API-Key", "demo".parse().unwrap());
        assert!(carries(&headers, "demo"));
    }
}
