//! The control API over a real connection, as a load driver meets it.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::{Engine, router};

/// A simulation on a port of its own; it lives until the tests end.
fn served(key: Option<&str>) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let app = router(Engine::start(None).unwrap(), key.map(String::from));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            listener.set_nonblocking(true).unwrap();
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, app).await.unwrap();
        });
    });
    address
}

fn call(address: &str, method: &str, path: &str, key: &str, body: Value) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).unwrap();
    let body = body.to_string();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-API-Key: {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let json = answer.split_once("\r\n\r\n").unwrap().1;
    (status, serde_json::from_str(json).unwrap_or(Value::Null))
}

fn get(address: &str, path: &str) -> Value {
    call(address, "GET", path, "", Value::Null).1
}

fn post(address: &str, path: &str, body: Value) -> u16 {
    call(address, "POST", path, "", body).0
}

/// Asks again until `path` answers `wanted` in `field`. Ends only when it does: a test that would
/// wait for ever is a test that fails.
fn wait_for(address: &str, path: &str, field: &str, wanted: Value) {
    while get(address, path)[field] != wanted {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn every_call_needs_the_key_when_there_is_one() {
    let address = served(Some("right"));
    for (key, status) in [("", 401), ("wrong", 401), ("right", 200)] {
        assert_eq!(call(&address, "GET", "/simulation/status", key, Value::Null).0, status);
    }
    assert_eq!(call(&address, "POST", "/simulation/start", "wrong", Value::Null).0, 401);
    let state = call(&address, "GET", "/simulation/status", "right", Value::Null).1;
    assert_eq!(state["state"], "STOPPED");
}

#[test]
fn agents_are_spawned_and_a_reset_forgets_them_and_the_speed() {
    let address = served(None);
    assert_eq!(post(&address, "/simulation/start", Value::Null), 200);
    let (status, _) = call(&address, "PUT", "/simulation/speed", "", json!({ "multiplier": 8 }));
    assert_eq!(status, 200);
    assert_eq!(post(&address, "/agents/drivers?mode=immediate", json!({ "count": 3 })), 200);
    assert_eq!(post(&address, "/agents/riders?mode=immediate", json!({ "count": 4 })), 200);
    wait_for(&address, "/agents/spawn-status", "riders_spawned", json!(4));
    wait_for(&address, "/agents/spawn-status", "drivers_pending", json!(0));
    let status = get(&address, "/simulation/status");
    assert_eq!(
        (&status["state"], &status["drivers_total"], &status["riders_total"]),
        (&json!("RUNNING"), &json!(3), &json!(4))
    );
    assert_eq!(status["speed_multiplier"], 8.0);
    assert_eq!(get(&address, "/metrics/performance")["agent_pairs"], 3);

    assert_eq!(post(&address, "/simulation/reset", Value::Null), 200);
    let status = get(&address, "/simulation/status");
    assert_eq!((&status["state"], &status["riders_total"]), (&json!("STOPPED"), &json!(0)));
    assert_eq!(status["speed_multiplier"], 1.0);
}

#[test]
fn a_pause_without_trips_leads_to_paused_and_a_start_resumes() {
    let address = served(None);
    assert_eq!(post(&address, "/simulation/pause", Value::Null), 409);
    assert_eq!(post(&address, "/simulation/start", Value::Null), 200);
    assert_eq!(post(&address, "/simulation/pause", Value::Null), 200);
    wait_for(&address, "/simulation/status", "state", json!("PAUSED"));
    assert_eq!(post(&address, "/simulation/start", Value::Null), 200);
    assert_eq!(get(&address, "/simulation/status")["state"], "RUNNING");
    assert_eq!(post(&address, "/simulation/stop", Value::Null), 200);
    assert_eq!(get(&address, "/simulation/status")["state"], "STOPPED");
}

#[test]
fn what_is_out_of_range_is_refused_with_a_reason() {
    let address = served(None);
    for (method, path, body) in [
        ("POST", "/agents/drivers?mode=immediate", json!({ "count": 101 })),
        ("POST", "/agents/riders?mode=immediate", json!({ "count": 2001 })),
        ("POST", "/agents/riders?mode=scheduled", json!({ "count": 1 })),
        ("PUT", "/simulation/speed", json!({ "multiplier": 0 })),
        ("PUT", "/simulation/speed", json!({ "multiplier": -2 })),
    ] {
        let (status, answer) = call(&address, method, path, "", body);
        assert_eq!(status, 422, "{path}");
        assert!(answer["detail"].is_string(), "{answer}");
    }
}
