//! Single calls: what the engine says about itself, and one-shot readings.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::stream::refusal;
use crate::source::http::{body, root_cause};

/// `/info` is 2 to 10 KB.
const LARGEST_INFO: usize = 4 << 20;
/// A frame is 2 to 8 KB.
const LARGEST_FRAME: usize = 1 << 20;
/// Calls at a time. Recorded engines answer 16 at a time in 3 to 25 ms; each is a connection, and
/// behind SSH a process at both ends.
const AT_ONCE: usize = 8;

/// What `/info` says that matters here.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub(super) struct Info {
    /// The machine's memory, bytes: the engine sends it in place of a limit that is not set.
    #[serde(rename = "MemTotal")]
    pub memory: Option<f64>,
    #[serde(rename = "ServerVersion")]
    pub version: Option<String>,
}

/// Asks the engine about itself; nothing when it does not answer in time.
pub(super) async fn info(client: &Client, base: &str, deadline: Instant) -> Option<Info> {
    let ask = async {
        let response = client.get(format!("{base}/info")).send().await.ok()?;
        let text = body(response, LARGEST_INFO).await.ok()?;
        serde_json::from_slice::<Info>(&text).ok()
    };
    let mut info = timeout_at(deadline, ask).await.ok().flatten()?;
    info.memory = info.memory.filter(|bytes| *bytes > 0.0);
    Some(info)
}

/// How a one-shot call went.
#[derive(Debug)]
pub(super) enum Polled {
    /// A frame, when it came, and how long it took.
    Frame(Vec<u8>, Instant, Duration),
    /// The engine does not do such calls.
    Refused(String),
    /// No frame of this container, and why.
    Failed(String),
}

/// One-shot readings of these containers, in their order. One that hangs costs its own only.
pub(super) async fn one_shots(
    client: &Client,
    base: &str,
    ids: &[&str],
    deadline: Instant,
) -> Vec<Polled> {
    // Half of the time each, so that those behind a few that hang still have their turn.
    let share = deadline.saturating_duration_since(Instant::now()) / 2;
    let call = |id: &&str| {
        let url = format!("{base}/containers/{id}/stats?stream=false&one-shot=true");
        async move {
            let began = Instant::now();
            let limit = deadline.min(began + share);
            match timeout_at(limit, one_shot(client, url, share)).await {
                Ok(polled) => match polled {
                    Ok(frame) => Polled::Frame(frame, Instant::now(), began.elapsed()),
                    Err(other) => other,
                },
                Err(_) => Polled::Failed(format!(
                    "the engine did not answer within {:.1} s",
                    limit.duration_since(began).as_secs_f64()
                )),
            }
        }
    };
    stream::iter(ids).map(call).buffered(AT_ONCE).collect().await
}

async fn one_shot(client: &Client, url: String, limit: Duration) -> Result<Vec<u8>, Polled> {
    let broken = |error: &reqwest::Error| {
        Polled::Failed(format!("the engine cannot be asked: {}", root_cause(error)))
    };
    let response = client.get(url).send().await.map_err(|e| broken(&e))?;
    let status = response.status();
    if !status.is_success() {
        let why = refusal("stats call", response, limit).await;
        return Err(match status {
            StatusCode::BAD_REQUEST | StatusCode::NOT_IMPLEMENTED => Polled::Refused(why),
            _ => Polled::Failed(why),
        });
    }
    body(response, LARGEST_FRAME)
        .await
        .map_err(|e| Polled::Failed(format!("the engine's answer: {e}")))
}
