//! The engine and the compose tool: whether they are there, where, and whose the stack is.

use super::row::{Row, within};
use crate::config::{Compose, Config, Reset};
use crate::source::docker::Delivery;
use crate::stack::LABEL_PROJECT;
use crate::stack::compose::{Tool, caller, may_use};
use crate::stack::engine::{Endpoint, Engine};

const ENGINE: &str = "engine";
const TOOL: &str = "compose tool";

/// The engine that the docker client would use. `changes`: the stack will be changed on it.
pub async fn engine(endpoint: &Endpoint, config: &Config, changes: bool) -> (Row, Option<Engine>) {
    let engine = match within(ENGINE, Engine::connect_to(endpoint.clone())).await {
        Ok(Ok(engine)) => engine,
        Ok(Err(error)) => return (Row::error(ENGINE, &error.message), None),
        Err(row) => return (row, None),
    };
    if changes && let Err(error) = may_use(&engine, config.stack.allow_remote) {
        return (Row::error(ENGINE, &error.message), None);
    }
    let row = engine_row(&engine);
    (row, Some(engine))
}

fn engine_row(engine: &Engine) -> Row {
    let facts = engine.facts();
    let place = match facts.protection {
        Some(protection) => format!("remote ({protection})"),
        None => "local".to_owned(),
    };
    let said_by = match facts.said_by.as_str() {
        "default" => "the default socket".to_owned(),
        said_by => format!("from {said_by}"),
    };
    let text = format!(
        "Docker Engine {} (API {}), {place}, {}, {said_by}\nstats: {}",
        facts.version,
        facts.api_version,
        facts.host,
        how_stats_come(&facts.version),
    );
    if facts.remote {
        return Row::note(ENGINE, text).with_remedy(format!(
            "{}control groups there cannot be read from here",
            if facts.protection == Some("without TLS") {
                "anybody who reaches that port commands its machine: use TLS or SSH; "
            } else {
                ""
            }
        ));
    }
    Row::ok(ENGINE, text)
}

fn how_stats_come(version: &str) -> String {
    let delivery = Delivery::of_version(version);
    let why = match delivery {
        Delivery::OneShot => "answered at once, asked only when a tick needs them",
        Delivery::Streams => {
            "one a container, read each second; one-shots wait before 23.0.8, 24.0.7 and 25"
        }
    };
    format!("{delivery} ({why})")
}

/// The compose tool.
pub async fn tool(endpoint: &Endpoint, compose: &Compose) -> (Row, Option<Tool>) {
    let caller = caller(endpoint, compose);
    let candidates = Tool::candidates();
    match within(TOOL, Tool::detect(&caller, &candidates)).await {
        Ok(Ok(tool)) => (Row::ok(TOOL, tool.to_string()), Some(tool)),
        Ok(Err(error)) => (Row::error(TOOL, &error.message), None),
        Err(row) => (row, None),
    }
}

/// Whether containers of this project are there that a reset would have to destroy without leave.
pub async fn owner(engine: &Engine, config: &Config) -> Option<Row> {
    const NAME: &str = "ownership";
    let project = &config.project;
    if config.stack.reset == Reset::Never || config.stack.take_over {
        return None;
    }
    let in_project = format!("{}={project}", crate::stack::naming::COMPOSE_PROJECT);
    let own = format!("{LABEL_PROJECT}={project}");
    let asked = async {
        let all = engine.ids_by_label(&in_project).await?;
        Ok::<_, crate::stack::engine::EngineError>((all, engine.ids_by_label(&own).await?))
    };
    let (all, own) = match within(NAME, asked).await {
        Ok(Ok(both)) => both,
        Ok(Err(error)) => {
            return Some(Row::failed(NAME, error.to_string(), "look whether the engine answers"));
        }
        Err(row) => return Some(row),
    };
    let foreign = all.iter().filter(|id| !own.contains(id)).count();
    if foreign > 0 {
        return Some(Row::failed(
            NAME,
            format!("project {project} has {foreign} containers that runner did not make"),
            "take them down yourself, write another project in the config, or consent to losing \
             them with stack.take_over = true",
        ));
    }
    (!all.is_empty()).then(|| {
        let reset = match config.stack.reset {
            Reset::Volumes => "containers and volumes",
            _ => "containers",
        };
        Row::ok(NAME, format!("{} containers made by runner; a run remakes {reset}", all.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::relay::TlsFiles;
    use crate::net::relay::testing::{Authority, Door};
    use crate::stack::engine::fake::FakeEngine;

    #[tokio::test]
    async fn the_engine_s_row_tells_endpoint_origin_protection_api_and_how_stats_come() {
        let dir = tempfile::tempdir().expect("a folder");
        let fake = FakeEngine::start(dir.path(), |_| {});
        let row = engine_row(&fake.connect().await);
        let socket = &fake.endpoint.host;
        let expected = format!("Docker Engine 20.10.24 (API 1.41), local, {socket}, from test\n");
        assert!(row.detail.starts_with(&expected), "{row:?}");
        assert!(row.detail.contains("stats: streams (one a container"), "{row:?}");
        let certs = dir.path().join("certs");
        let authority = Authority::new();
        authority.write_ca(&certs);
        authority.write_cert(&certs, &["localhost"]);
        let door = Door::tls(fake.endpoint.socket().expect("a socket"), &certs, None).await;
        let far = Endpoint {
            tls: Some(TlsFiles::of(&certs, true)),
            ..Endpoint::new(format!("tcp://localhost:{}", door.port), "docker context `far`")
        };
        let row = engine_row(&Engine::connect_to(far).await.expect("an engine"));
        let expected =
            format!("remote (TLS), tcp://localhost:{}, from docker context `far`", door.port);
        assert!(row.detail.contains(&expected), "{row:?}");
        assert!(row.remedy.is_some_and(|r| r.starts_with("control groups there")));
        assert!(how_stats_come("28.5.2").starts_with("one-shot (answered at once"));
    }
}
