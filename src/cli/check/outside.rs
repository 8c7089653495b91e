//! What the stack needs of the engine that no run makes: external networks and volumes, and images that
//! are here or must be pulled.

use std::collections::BTreeSet;

use super::row::{Row, within};
use crate::config::Compose;
use crate::stack::compose::{ProjectFile, Resource, Service, Tool};
use crate::stack::engine::{Engine, EngineError};

/// Rows about them.
pub async fn rows(
    file: &ProjectFile,
    compose: &Compose,
    tool: Option<&Tool>,
    engine: &Engine,
) -> Vec<Row> {
    let v1 = tool.is_some_and(Tool::is_v1);
    let mut rows = Vec::new();
    rows.extend(external_row(&Needed::of(file, compose, v1), engine).await);
    if !compose.demo {
        // The demo's image is made when it is needed.
        rows.extend(images_row(&images(file, compose, v1), engine).await);
    }
    rows
}

/// Names in the engine of what must be there before.
#[derive(Debug, PartialEq)]
struct Needed {
    networks: Vec<String>,
    volumes: Vec<String>,
}

impl Needed {
    /// The plugins need what the enabled services use; 1.29 needs what any service uses, and every
    /// volume.
    fn of(file: &ProjectFile, compose: &Compose, v1: bool) -> Needed {
        let users = || file.services.iter().filter(|s| v1 || s.enabled(&compose.profiles));
        let used = |key: &str, of: fn(&Service) -> &[String]| {
            users().any(|service| of(service).iter().any(|name| name == key))
        };
        let default = |key: &str| key == "default" && users().any(|s| s.default_network);
        let name = |r: &Resource| r.name.clone().unwrap_or_else(|| r.key.clone());
        let external = |all: &[Resource], needed: &dyn Fn(&str) -> bool| -> Vec<String> {
            all.iter().filter(|r| r.external && needed(&r.key)).map(name).collect()
        };
        Needed {
            networks: external(&file.networks, &|key| used(key, |s| &s.networks) || default(key)),
            volumes: external(&file.volumes, &|key| v1 || used(key, |s| &s.mounts)),
        }
    }
}

async fn external_row(needed: &Needed, engine: &Engine) -> Option<Row> {
    const NAME: &str = "external";
    if needed.networks.is_empty() && needed.volumes.is_empty() {
        return None;
    }
    let (networks, volumes) = match within(NAME, absent(needed, engine)).await {
        Ok(Ok(absent)) => absent,
        Ok(Err(error)) => {
            return Some(Row::failed(NAME, error.to_string(), "look whether the engine answers"));
        }
        Err(row) => return Some(row),
    };
    if networks.is_empty() && volumes.is_empty() {
        let all: Vec<&str> =
            needed.networks.iter().chain(&needed.volumes).map(String::as_str).collect();
        return Some(Row::ok(NAME, format!("there: {}", all.join(", "))));
    }
    let told = |kind: &str, names: &[String]| -> Vec<String> {
        names.iter().map(|name| format!("there is no {kind} {name}")).collect()
    };
    let make = |kind: &str, names: &[String]| -> Vec<String> {
        names.iter().map(|name| format!("`docker {kind} create {name}`")).collect()
    };
    let detail = [told("network", &networks), told("volume", &volumes)].concat().join("\n");
    let remedy = [make("network", &networks), make("volume", &volumes)].concat().join(", ");
    let why = "it is external: no run makes it";
    Some(Row::failed(NAME, detail, format!("{why}; make it: {remedy}")))
}

/// The networks and the volumes that are not there.
async fn absent(
    needed: &Needed,
    engine: &Engine,
) -> Result<(Vec<String>, Vec<String>), EngineError> {
    let (mut networks, mut volumes) = (Vec::new(), Vec::new());
    for name in &needed.networks {
        if !engine.has_network(name).await? {
            networks.push(name.clone());
        }
    }
    for name in &needed.volumes {
        if engine.volume(name).await?.is_none() {
            volumes.push(name.clone());
        }
    }
    Ok((networks, volumes))
}

/// Images that are not built here, and whether they may be pulled. 1.29 pulls whatever is absent.
fn images(file: &ProjectFile, compose: &Compose, v1: bool) -> BTreeSet<(String, bool)> {
    let used = file.enabled(&compose.profiles).filter(|s| !s.built);
    used.filter_map(|s| Some((s.image.clone()?, v1 || !s.never_pulled))).collect()
}

async fn images_row(images: &BTreeSet<(String, bool)>, engine: &Engine) -> Option<Row> {
    const NAME: &str = "images";
    let asked = async {
        let (mut pulled, mut missing) = (Vec::new(), Vec::new());
        for (image, may_pull) in images {
            if !engine.has_image(image).await? {
                if *may_pull { pulled.push(image.as_str()) } else { missing.push(image.as_str()) }
            }
        }
        Ok::<_, EngineError>((pulled, missing))
    };
    let (pulled, missing) = match within(NAME, asked).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            return Some(Row::failed(NAME, error.to_string(), "look whether the engine answers"));
        }
        Err(row) => return Some(row),
    };
    if !missing.is_empty() {
        return Some(Row::failed(
            NAME,
            format!("not here, and never pulled (pull_policy): {}", missing.join(", ")),
            "build or load them first",
        ));
    }
    if pulled.is_empty() {
        return (!images.is_empty()).then(|| Row::ok(NAME, "all are here or are built"));
    }
    Some(
        Row::note(NAME, format!("not here, and will be pulled: {}", pulled.join(", ")))
            .with_remedy("pull them first where a run must not wait for a registry"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::row::Status;
    use super::*;
    use crate::stack::engine::fake::FakeEngine;
    use serde_json::json;

    const YAML: &str = "services:
  web: {image: shop:1, networks: [proxy], volumes: ['data:/d']}
  api: {image: here:1}
  own: {image: own:1, build: .}
  off: {image: off:1, profiles: [extra], networks: [far], volumes: ['more:/m']}
networks:
  proxy: {external: true, name: not_made_yet}
  far: {external: true}
  own: {}
volumes:
  data: {external: true, name: kept}
  more: {external: {name: theirs}}
  unused: {external: true}
";

    fn file() -> ProjectFile {
        ProjectFile::parse(YAML).expect("a project")
    }

    #[test]
    fn the_plugins_need_what_is_enabled_and_the_old_tool_needs_all() {
        let words = |all: &[&str]| -> Vec<String> { all.iter().map(|w| (*w).into()).collect() };
        let compose = Compose::default();
        let needed = Needed::of(&file(), &compose, false);
        assert_eq!(needed.networks, words(&["not_made_yet"]));
        assert_eq!(needed.volumes, words(&["kept"]));
        let needed = Needed::of(&file(), &compose, true);
        assert_eq!(needed.networks, words(&["not_made_yet", "far"]));
        assert_eq!(needed.volumes, words(&["kept", "theirs", "unused"]));
    }

    #[tokio::test]
    async fn what_is_external_and_absent_fails_and_an_absent_image_is_a_note() {
        let dir = tempfile::tempdir().expect("a folder");
        let fake = FakeEngine::start(dir.path(), |_| {});
        fake.world.lock().expect("a world").images = vec!["here:1".into()];
        let engine = fake.connect().await;
        let compose = Compose::default();
        let rows = rows(&file(), &compose, None, &engine).await;
        let [external, images] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!(external.status, Status::Failed);
        assert_eq!(external.detail, "there is no network not_made_yet\nthere is no volume kept");
        let remedy = external.remedy.as_deref().unwrap_or_default();
        assert!(remedy.contains("`docker network create not_made_yet`"), "{remedy}");
        assert!(remedy.contains("`docker volume create kept`"), "{remedy}");
        assert_eq!(images.status, Status::Note);
        assert_eq!(images.detail, "not here, and will be pulled: shop:1");
        {
            let mut world = fake.world.lock().expect("a world");
            world.networks = vec![json!({"Name": "not_made_yet", "Labels": {}})];
            world.volumes = vec![json!({"Name": "kept", "Labels": {}, "Driver": "local",
                                        "Mountpoint": "/x", "Scope": "local", "Options": {}})];
            world.images.push("shop:1".into());
        }
        let rows = self::rows(&file(), &compose, None, &engine).await;
        assert!(rows.iter().all(|row| row.status == Status::Ok), "{rows:?}");
    }

    #[tokio::test]
    async fn an_image_that_is_never_pulled_must_be_here() {
        let dir = tempfile::tempdir().expect("a folder");
        let fake = FakeEngine::start(dir.path(), |_| {});
        let engine = fake.connect().await;
        let file = ProjectFile::parse("services: {a: {image: x, pull_policy: never}}");
        let file = file.expect("a project");
        let row = images_row(&images(&file, &Compose::default(), false), &engine).await;
        assert_eq!(row.expect("a row").status, Status::Failed);
        assert!(images(&file, &Compose::default(), true).contains(&("x".to_owned(), true)));
    }
}
