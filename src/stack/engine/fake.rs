//! An engine for tests: a few answers over a socket.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use super::{Endpoint, Engine};

/// What the fake engine holds; tests and fake tools change it as they go.
#[derive(Debug, Default)]
pub struct World {
    /// Inspect answers by id.
    pub containers: BTreeMap<String, Value>,
    pub networks: Vec<Value>,
    pub volumes: Vec<Value>,
    /// References of images.
    pub images: Vec<String>,
    /// What each new stream of events says before it ends; the last one stays open.
    pub streams: Vec<Vec<Value>>,
    /// No stream ends by itself.
    pub stay_open: bool,
    /// How many calls for a stream are refused once the first one ended.
    pub refusals: u32,
    /// How many pings are never answered.
    pub deaf_pings: u32,
    /// Paths that were asked for, with their queries.
    pub asked: Vec<String>,
}

pub type Shared = Arc<Mutex<World>>;

/// Recreates the world before each call: a fake tool changes files, not memory.
type Refresh = Arc<dyn Fn(&mut World) + Send + Sync>;

/// A fake engine that ends when dropped.
pub struct FakeEngine {
    pub world: Shared,
    pub endpoint: Endpoint,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for FakeEngine {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl FakeEngine {
    pub fn start(dir: &Path, refresh: impl Fn(&mut World) + Send + Sync + 'static) -> FakeEngine {
        let socket = dir.join("engine.sock");
        let listener = tokio::net::UnixListener::bind(&socket).expect("a socket");
        let world = Shared::default();
        let refresh: Refresh = Arc::new(refresh);
        let app = Router::new().fallback(answer).with_state((world.clone(), refresh));
        let server = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("a server");
        });
        FakeEngine {
            world,
            endpoint: Endpoint::new(format!("unix://{}", socket.display()), "test"),
            server,
        }
    }

    pub async fn connect(&self) -> Engine {
        Engine::connect_to(self.endpoint.clone()).await.expect("an engine")
    }
}

/// A container as inspect answers it.
pub fn container(id: &str, name: &str, labels: Value, started: &str) -> Value {
    json!({
        "Id": id,
        "Name": format!("/{name}"),
        "State": {"Status": "running", "Pid": 4242, "StartedAt": started,
                  "Health": {"Status": "healthy", "Log": []}},
        "HostConfig": {"RestartPolicy": {"Name": "always"}},
        "Config": {"Labels": labels, "Image": "x:1"},
    })
}

async fn answer(State((world, refresh)): State<(Shared, Refresh)>, uri: Uri) -> Response {
    if uri.path() == "/_ping" && is_deaf(&world) {
        std::future::pending::<()>().await;
    }
    let mut world = world.lock().expect("a world");
    refresh(&mut world);
    world.asked.push(uri.to_string());
    let labelled = |all: &[Value]| -> Vec<Value> {
        // `{"label":["key=value"]}`, percent-encoded.
        let query = uri.query().unwrap_or_default().replace("%3D", "=").replace("%22", "\"");
        let labels = |v: &Value| v.get("Labels").and_then(Value::as_object).cloned();
        all.iter()
            .filter(|v| {
                labels(v).unwrap_or_default().iter().any(|(k, v)| {
                    query.contains(&format!("\"{k}={}\"", v.as_str().unwrap_or_default()))
                })
            })
            .cloned()
            .collect()
    };
    let path = uri.path();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let found = match parts.as_slice() {
        ["_ping"] => return "OK".into_response(),
        ["version"] => Some(json!({"Version": "20.10.24", "ApiVersion": "1.41"})),
        ["info"] => Some(json!({"ID": "FAKE", "NCPU": 2, "MemTotal": 1024})),
        ["events"] => return events(&mut world),
        ["containers", "json"] => {
            Some(world.containers.keys().map(|id| json!({"Id": id})).collect())
        }
        ["containers", id, "json"] => world.containers.get(*id).cloned(),
        ["containers", _, "logs"] => return "".into_response(),
        ["networks"] => Some(Value::Array(labelled(&world.networks))),
        ["volumes"] => Some(json!({"Volumes": labelled(&world.volumes)})),
        ["networks", name] => world.networks.iter().find(|n| n["Name"] == **name).cloned(),
        ["images", name, "json"] => {
            let found = world.images.iter().any(|image| image == name);
            found.then(|| json!({"Id": "sha256:0"}))
        }
        ["volumes", name] => world.volumes.iter().find(|v| v["Name"] == **name).cloned(),
        _ => None,
    };
    match found {
        Some(value) => axum::Json(value).into_response(),
        None => {
            let body = axum::Json(json!({"message": format!("no such thing: {path}")}));
            (StatusCode::NOT_FOUND, body).into_response()
        }
    }
}

fn is_deaf(world: &Shared) -> bool {
    let mut world = world.lock().expect("a world");
    let deaf = world.deaf_pings > 0;
    world.deaf_pings = world.deaf_pings.saturating_sub(1);
    deaf
}

fn events(world: &mut World) -> Response {
    let first = world.asked.iter().filter(|a| a.starts_with("/events")).count() == 1;
    if !first && world.refusals > 0 {
        world.refusals -= 1;
        return (StatusCode::SERVICE_UNAVAILABLE, "starting").into_response();
    }
    let lines = if world.streams.is_empty() { vec![] } else { world.streams.remove(0) };
    let open = world.stay_open || world.streams.is_empty();
    let lines = lines.into_iter().map(|v| Ok::<_, std::io::Error>(format!("{v}\n")));
    let stream = stream::iter(lines);
    let body = if open {
        Body::from_stream(stream.chain(stream::pending()))
    } else {
        Body::from_stream(stream)
    };
    Response::new(body)
}
