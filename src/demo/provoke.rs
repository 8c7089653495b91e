//! Provocations for tests of what `runner` sees: an OOM kill of the service, of a child of it, a
//! crash. Served only when asked for (`DEMO_DEBUG=1`).

use std::process::{Command, Stdio};
use std::time::Duration;

use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::tell;

use super::web::{Refusal, query_value};

const STEP: Duration = Duration::from_millis(20);
const DEFAULT_MB_PER_S: f64 = 100.0;

type Answer = Result<Json<Value>, Refusal>;

/// `POST /debug/{oom,child-oom,crash}`.
pub(super) fn router() -> Router {
    Router::new()
        .route("/debug/oom", post(oom))
        .route("/debug/child-oom", post(child_oom))
        .route("/debug/crash", post(crash))
}

/// Allocates and touches `mb_per_s` until the kernel ends the process.
pub(super) fn allocate_until_killed(mb_per_s: f64) -> ! {
    let step = ((mb_per_s * 1_048_576.0 * STEP.as_secs_f64()) as usize).max(4096);
    let mut held: Vec<Vec<u8>> = Vec::new();
    loop {
        held.push(vec![0x77; step]);
        std::thread::sleep(STEP);
    }
}

async fn oom(RawQuery(query): RawQuery) -> Answer {
    let rate = rate(query.as_deref())?;
    std::thread::Builder::new()
        .name("hog".into())
        .spawn(move || allocate_until_killed(rate))
        .map_err(failed)?;
    Ok(Json(json!({ "allocating_mb_per_s": rate })))
}

async fn child_oom(RawQuery(query): RawQuery) -> Answer {
    let rate = rate(query.as_deref())?;
    // The child is reaped like every other (see `pid1`), so its handle is let go.
    let child = Command::new("/proc/self/exe")
        .args(["demo-service", "--hog-mb-per-s", &rate.to_string()])
        .stdin(Stdio::null())
        .spawn()
        .map_err(failed)?;
    Ok(Json(json!({ "child": child.id(), "allocating_mb_per_s": rate })))
}

async fn crash(RawQuery(query): RawQuery) -> Answer {
    let text = query_value(query.as_deref(), "code").unwrap_or("1");
    let code: u8 = text.parse().map_err(|_| refused("code must be 0 to 255"))?;
    std::thread::spawn(move || {
        // Long enough for the answer to be sent.
        std::thread::sleep(Duration::from_millis(50));
        tell::machines(&format!("crashing with {code}, as asked"));
        std::process::exit(code.into());
    });
    Ok(Json(json!({ "exiting_with": code })))
}

fn rate(query: Option<&str>) -> Result<f64, Refusal> {
    let Some(text) = query_value(query, "mb_per_s") else {
        return Ok(DEFAULT_MB_PER_S);
    };
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 10_000.0 => Ok(rate),
        _ => Err(refused("mb_per_s must be above 0 and at most 10000")),
    }
}

fn refused(detail: &str) -> Refusal {
    Refusal(StatusCode::UNPROCESSABLE_ENTITY, detail.to_string())
}

fn failed(error: std::io::Error) -> Refusal {
    Refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_has_a_default_and_bounds() {
        assert_eq!(rate(None).unwrap(), DEFAULT_MB_PER_S);
        assert_eq!(rate(Some("mb_per_s=2.5")).unwrap(), 2.5);
        for wrong in ["mb_per_s=0", "mb_per_s=-1", "mb_per_s=NaN", "mb_per_s=x", "mb_per_s=1e9"] {
            assert!(rate(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
