//! The control API: state, speed, agents, and what the simulation says of itself.

use std::sync::Arc;

use axum::extract::{RawQuery, State as Shared};
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use axum::{Json, Router, middleware};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::agents::AGENT_BYTES;
use super::engine::{Engine, Inner};
use crate::demo::web::{Refusal, query_value, require_key};

/// The most drivers and riders that one call may ask for.
const MAX_DRIVERS: u64 = 100;
const MAX_RIDERS: u64 = 2000;

type Answer = Result<Json<Value>, Refusal>;

/// The routes of the control API, which ask for `key` when there is one.
pub(in crate::demo) fn router(engine: Arc<Engine>, key: Option<String>) -> Router {
    Router::new()
        .route("/simulation/status", get(status))
        .route("/simulation/start", post(start))
        .route("/simulation/stop", post(stop))
        .route("/simulation/pause", post(pause))
        .route("/simulation/reset", post(reset))
        .route("/simulation/speed", put(speed))
        .route("/agents/drivers", post(drivers))
        .route("/agents/riders", post(riders))
        .route("/agents/spawn-status", get(spawn_status))
        .route("/metrics/performance", get(performance))
        .layer(middleware::from_fn(move |request, next| require_key(key.clone(), request, next)))
        .with_state(engine)
}

#[derive(Deserialize)]
struct Speed {
    multiplier: f64,
}

#[derive(Deserialize)]
struct Count {
    count: u64,
}

async fn status(Shared(engine): Shared<Arc<Engine>>) -> Json<Value> {
    let uptime = engine.uptime().as_secs_f64();
    let inner = engine.lock();
    let world = &inner.world;
    Json(json!({
        "state": world.state().name(),
        "speed_multiplier": world.speed(),
        "current_time": simulated_time(&inner),
        "drivers_total": world.drivers.spawned(),
        "riders_total": world.riders.spawned(),
        "active_trips_count": world.trips().active(),
        "uptime_seconds": uptime,
    }))
}

/// The simulated clock starts at a fixed midnight.
fn simulated_time(inner: &Inner) -> String {
    let start = DateTime::<Utc>::from_timestamp(1_767_225_600, 0).unwrap_or_default();
    let passed = TimeDelta::from_std(inner.world.simulated()).unwrap_or_default();
    start.checked_add_signed(passed).unwrap_or(start).to_rfc3339()
}

async fn start(Shared(engine): Shared<Arc<Engine>>) -> Answer {
    change(&engine, |inner| inner.world.start())
}

async fn pause(Shared(engine): Shared<Arc<Engine>>) -> Answer {
    change(&engine, |inner| inner.world.pause())
}

async fn stop(Shared(engine): Shared<Arc<Engine>>) -> Answer {
    change(&engine, |inner| {
        inner.world.stop();
        Ok::<(), Never>(())
    })
}

async fn reset(Shared(engine): Shared<Arc<Engine>>) -> Answer {
    change(&engine, |inner| {
        inner.reset();
        Ok::<(), Never>(())
    })
}

type Never = std::convert::Infallible;

/// Applies `action`; a refusal of the state machine is a conflict.
fn change<E: std::fmt::Display>(
    engine: &Engine,
    action: impl FnOnce(&mut Inner) -> Result<(), E>,
) -> Answer {
    let mut inner = engine.lock();
    action(&mut inner).map_err(|refused| Refusal(StatusCode::CONFLICT, refused.to_string()))?;
    Ok(Json(json!({ "state": inner.world.state().name() })))
}

async fn speed(Shared(engine): Shared<Arc<Engine>>, Json(body): Json<Speed>) -> Answer {
    let multiplier = body.multiplier;
    if !(multiplier.is_finite() && (0.1..=4096.0).contains(&multiplier)) {
        return Err(unprocessable(format!("multiplier {multiplier} is not in 0.1 ..= 4096")));
    }
    engine.lock().world.set_speed(multiplier);
    Ok(Json(json!({ "speed_multiplier": multiplier })))
}

async fn drivers(
    Shared(engine): Shared<Arc<Engine>>,
    RawQuery(query): RawQuery,
    Json(body): Json<Count>,
) -> Answer {
    let count = checked_count(query.as_deref(), body.count, MAX_DRIVERS)?;
    engine.lock().world.drivers.queue(count);
    Ok(Json(json!({ "queued": count })))
}

async fn riders(
    Shared(engine): Shared<Arc<Engine>>,
    RawQuery(query): RawQuery,
    Json(body): Json<Count>,
) -> Answer {
    let count = checked_count(query.as_deref(), body.count, MAX_RIDERS)?;
    engine.lock().world.riders.queue(count);
    Ok(Json(json!({ "queued": count })))
}

/// `mode` may be left out; `immediate` is the only one the demo has.
fn checked_count(query: Option<&str>, count: u64, most: u64) -> Result<u64, Refusal> {
    if query_value(query, "mode").is_some_and(|mode| mode != "immediate") {
        return Err(unprocessable("the only mode is immediate".into()));
    }
    if !(1..=most).contains(&count) {
        return Err(unprocessable(format!("count {count} is not in 1 ..= {most}")));
    }
    Ok(count)
}

fn unprocessable(detail: String) -> Refusal {
    Refusal(StatusCode::UNPROCESSABLE_ENTITY, detail)
}

async fn spawn_status(Shared(engine): Shared<Arc<Engine>>) -> Json<Value> {
    let inner = engine.lock();
    let world = &inner.world;
    Json(json!({
        "drivers_pending": world.drivers.pending(),
        "riders_pending": world.riders.pending(),
        "drivers_spawned": world.drivers.spawned(),
        "riders_spawned": world.riders.spawned(),
    }))
}

async fn performance(Shared(engine): Shared<Arc<Engine>>) -> Json<Value> {
    let inner = engine.lock();
    let world = &inner.world;
    let agents = world.drivers.spawned() + world.riders.spawned();
    Json(json!({
        "real_time_ratio": inner.real_time_ratio(),
        "simulation_ratio": inner.own_ratio(),
        "stream_ratio": inner.delivered_ratio(),
        "backlog_ms": inner.waiting().as_secs_f64() * 1000.0,
        "undelivered_ms": inner.undelivered.as_secs_f64() * 1000.0,
        "agent_pairs": world.pairs(),
        "agent_memory_mb": (agents * AGENT_BYTES) as f64 / 1_048_576.0,
        "active_trips": world.trips().active(),
        "completed_trips": world.trips().completed(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_asks_for_one_agent_at_least_and_no_more_than_its_limit() {
        for (count, right) in [(0, false), (1, true), (100, true), (101, false)] {
            assert_eq!(checked_count(None, count, MAX_DRIVERS).is_ok(), right, "{count}");
        }
        assert!(checked_count(Some("mode=immediate"), 2000, MAX_RIDERS).is_ok());
        assert!(checked_count(Some("mode=scheduled"), 1, MAX_RIDERS).is_err());
    }

    #[test]
    fn the_simulated_clock_starts_at_midnight() {
        let engine = Engine::start(None).unwrap();
        assert_eq!(simulated_time(&engine.lock()), "2026-01-01T00:00:00+00:00");
    }
}
