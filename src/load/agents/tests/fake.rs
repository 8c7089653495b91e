//! A control API on loopback that answers well, or as a test tells it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode as Status;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::net::TcpListener;

use super::agents;
use crate::load::agents::Agents;

/// What the fake was asked: `POST /agents/drivers?mode=immediate {"count":10}`.
type Asked = Arc<Mutex<Vec<String>>>;
type Answer = Arc<dyn Fn(&str, usize) -> Option<Response> + Send + Sync>;

/// A control API on loopback.
pub(super) struct Fake {
    pub(super) at: SocketAddr,
    asked: Asked,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Fake {
    /// Answers with what `answer` says about a call and how many came before it, else well.
    pub(super) async fn with(
        answer: impl Fn(&str, usize) -> Option<Response> + Send + Sync + 'static,
    ) -> Fake {
        let asked = Asked::default();
        let state = (asked.clone(), Arc::new(answer) as Answer);
        let app = Router::new().fallback(handle).with_state(state);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        Fake { at, asked, server }
    }

    pub(super) async fn good() -> Fake {
        Fake::with(|_, _| None).await
    }

    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub(super) fn load(&self) -> Agents {
        agents(|config| config.address = format!("http://{}", self.at))
    }
}

async fn handle(State((asked, answer)): State<(Asked, Answer)>, request: Request) -> Response {
    let call = format!("{} {}", request.method(), request.uri());
    let key = request.headers().get("x-api-key").cloned();
    let body = axum::body::to_bytes(request.into_body(), 1 << 16).await.unwrap();
    let body = String::from_utf8_lossy(&body).into_owned();
    let before = {
        let mut asked = asked.lock().unwrap();
        let before = asked.len();
        asked.push(format!("{call} {body}").trim_end().to_string());
        before
    };
    if call.contains("needs-key") && key.is_none_or(|key| key != "s3cret") {
        return Status::UNAUTHORIZED.into_response();
    }
    answer(&call, before).unwrap_or_else(|| good(&call))
}

pub(super) fn good(call: &str) -> Response {
    let answer = match call {
        "GET /simulation/status" => json!({"state": "Paused", "speed_multiplier": 2.0,
            "drivers_total": 8, "riders_total": 8, "active_trips_count": 3}),
        "GET /agents/spawn-status" => json!({"drivers_pending": 1, "riders_pending": 2}),
        "GET /metrics/performance" => json!({"real_time_ratio": 0.75}),
        _ => json!({"ok": true}),
    };
    axum::Json(answer).into_response()
}
