//! A fake compose tool that answers as the real ones were recorded, and a fake engine that holds
//! what the fake tool made.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::config::{Compose, Reset, StackConfig, StackKind};
use crate::session::ports::{ResetReport, Stack, StackError};
use crate::stack::compose::fixtures::{Call, call, made};
use crate::stack::compose::{ComposeStack, Parts};
use crate::stack::engine::fake::{FakeEngine, World, container};

/// A folder with a fake tool, a compose file, a fake engine.
pub struct Site {
    pub dir: tempfile::TempDir,
    pub engine: FakeEngine,
}

/// What the fake tool does: says what it is told to say, notes how it was called, and changes the
/// world unless it is told to be idle. `version --short` and `config` change nothing.
const TOOL: &str = r#"#!/bin/sh
here=$(dirname "$0")
for word in "$@"; do last=$word; previous=$action
  case $word in version|config|up|down) action=$word;; -f) ;; *.labels.yml) labels=$word;; esac
done
echo "$*" >> "$here/calls"
env | grep -E '^(COMPOSE_|DOCKER_)' | sort > "$here/env"
[ -e "$here/$action.idle" ] || case $action in
  up) cp "$labels" "$here/world"; echo $$ > "$here/serial";;
  down) rm -f "$here/world";;
esac
cat "$here/$action.out"; cat "$here/$action.err" >&2
exit "$(cat "$here/$action.code")"
"#;

impl Site {
    /// A site whose tool answers as `version` did.
    pub fn new(version: &str) -> Site {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path();
        std::fs::write(path.join("compose.yml"), "services: {}\n").expect("a file");
        let tool = path.join("tool");
        std::fs::write(&tool, TOOL).expect("a file");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&tool, mode).expect("executable");
        let (folder, recorded) = (path.to_owned(), made(version));
        let engine = FakeEngine::start(path, move |world| refresh(&folder, &recorded, world));
        let site = Site { dir, engine };
        site.answer("version", &call(version, "version-short"));
        if version != "none" {
            site.answer("config", &call(version, "config"));
            site.answer("up", &call(version, "demo-01-up"));
            site.answer("down", &call(version, "demo-01-up"));
        }
        site
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn answer(&self, action: &str, call: &Call) {
        let write = |end: &str, text: &str| {
            std::fs::write(self.path(&format!("{action}.{end}")), text).expect("a file");
        };
        write("out", &call.stdout);
        write("err", &call.stderr);
        write("code", &call.exit.to_string());
    }

    /// The tool says that it did something and does nothing.
    pub fn idle(&self, action: &str) {
        std::fs::write(self.path(&format!("{action}.idle")), "").expect("a file");
    }

    /// What the tool makes has no volumes.
    pub fn lose_volumes(&self) {
        std::fs::write(self.path("lost"), "").expect("a file");
    }

    /// A stack that somebody else started.
    pub fn foreign(&self) {
        let file =
            json!({"services": {"db": {"labels": {}}}, "volumes": {"dbdata": {"labels": {}}}});
        std::fs::write(self.path("world"), file.to_string()).expect("a file");
    }

    pub fn calls(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("calls")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Last words of each call: what was done.
    pub fn actions(&self) -> Vec<String> {
        let action = |line: String| {
            line.split_once(".labels.yml ").map_or("-".to_owned(), |(_, action)| action.to_owned())
        };
        self.calls().into_iter().map(action).collect()
    }

    pub fn config(&self, reset: Reset) -> StackConfig {
        StackConfig {
            kind: StackKind::Compose(Compose {
                files: vec![self.path("compose.yml")],
                directory: self.dir.path().to_owned(),
                ..Compose::default()
            }),
            reset,
            take_over: false,
            allow_remote: false,
            ready_timeout: Duration::from_millis(300),
        }
    }

    pub async fn open(&self, config: &StackConfig) -> Result<ComposeStack, StackError> {
        self.open_as(config, "20261121_031455", "").await
    }

    /// For a run of this name, with its lock in a folder of that name.
    pub async fn open_as(
        &self,
        config: &StackConfig,
        run: &str,
        locks: &str,
    ) -> Result<ComposeStack, StackError> {
        std::fs::create_dir_all(self.dir.path().join(locks)).expect("a folder");
        let parts = Parts {
            engine: self.engine.connect().await,
            tools: vec![vec![self.path("tool").display().to_string()]],
            run_dir: self.dir.path().to_owned(),
            lock_dir: self.dir.path().join(locks),
        };
        ComposeStack::open_with("demo", config, run, parts).await
    }

    pub async fn reset(&self, reset: Reset) -> Result<ResetReport, StackError> {
        self.open(&self.config(reset)).await?.reset(reset).await
    }
}

/// The engine holds what the file of the last `up` names, made as the tool `recorded` made it.
fn refresh(dir: &Path, recorded: &[Value], world: &mut World) {
    world.containers.clear();
    world.networks.clear();
    world.volumes.clear();
    let Ok(text) = std::fs::read_to_string(dir.join("world")) else {
        return;
    };
    let serial = std::fs::read_to_string(dir.join("serial")).unwrap_or_default();
    let file: Value = serde_json::from_str(&text).expect("JSON, as it was generated");
    let labels = |body: &Value, more: Value| {
        let mut labels = body["labels"].clone();
        labels["com.docker.compose.project"] = json!("demo");
        for (key, value) in more.as_object().expect("a mapping") {
            labels[key] = value.clone();
        }
        labels
    };
    for (service, body) in file["services"].as_object().into_iter().flatten() {
        for number in 1..=if service == "web" { 2 } else { 1 } {
            let more = json!({"com.docker.compose.service": service,
                              "com.docker.compose.container-number": number.to_string()});
            let name = format!("demo-{service}-{number}");
            let id = format!("{name}-{}", serial.trim());
            let mut found = container(&id, &name, labels(body, more), "2026-11-21T00:00:00Z");
            let of = |c: &&Value| c["Config"]["Labels"]["com.docker.compose.service"] == *service;
            if let Some(theirs) = recorded.iter().find(of) {
                for part in ["HostConfig", "Mounts", "NetworkSettings"] {
                    found[part] = theirs[part].clone();
                }
                for part in ["Image", "Cmd", "Env"] {
                    found["Config"][part] = theirs["Config"][part].clone();
                }
            }
            if dir.join("lost").exists() {
                found["Mounts"] = json!([]);
            }
            world.containers.insert(id, found);
        }
    }
    let named = |key: &str, body: &Value, driver: &str| {
        json!({"Name": format!("demo_{key}"), "Labels": labels(body, json!({})),
               "Driver": driver, "Mountpoint": "/", "Scope": "local", "Options": {}})
    };
    for (key, body) in file["networks"].as_object().into_iter().flatten() {
        world.networks.push(named(key, body, "bridge"));
    }
    for (key, body) in file["volumes"].as_object().into_iter().flatten() {
        world.volumes.push(named(key, body, "local"));
    }
}
