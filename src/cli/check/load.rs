//! The load's API: whether it is up, and whether it takes the credentials.

use super::names::load_address;
use super::row::{Row, within};
use crate::cli::wire::published;
use crate::config::{Address, AgentsLoad, Config, HttpLoad, LoadConfig};
use crate::load::agents::Agents;
use crate::load::http::Http;
use crate::model::Container;
use crate::session::ports::Load;

const NAME: &str = "load API";

/// The row about it; `up`: the stack is there.
pub async fn row(config: &Config, containers: &[Container], up: bool) -> Row {
    let Some(load) = &config.load else {
        return Row::note(NAME, "no [load] in the config: only scenarios without load can run");
    };
    let address = load_address(config).map(Address::parse);
    let of_stack = matches!(address, Some(Ok(Address::Service { .. })));
    if of_stack && !up {
        return Row::not_up(NAME, "its service is down");
    }
    let row = match load {
        LoadConfig::Agents(agents) => within(NAME, agents_row(agents, containers)).await,
        LoadConfig::Http(http) => within(NAME, http_row(http, containers)).await,
    };
    let (Ok(row) | Err(row)) = row;
    // An API at a URL may belong to the stack all the same.
    if !up && row.status == super::row::Status::Failed {
        return Row::not_up(NAME, &row.detail);
    }
    row
}

async fn http_row(http: &HttpLoad, containers: &[Container]) -> Row {
    let load = match Http::new(http.clone()) {
        Ok(load) => load,
        Err(error) => return Row::error(NAME, &error.to_string()),
    };
    load.relocate(&|service, port| published(containers, service, port));
    match load.probe().await {
        Ok(()) => Row::ok(NAME, format!("{} tasks, the first is answered", http.tasks.len())),
        Err(error) => Row::error(NAME, &error.to_string()),
    }
}

async fn agents_row(agents: &AgentsLoad, containers: &[Container]) -> Row {
    let api = match Agents::new(agents.clone()) {
        Ok(api) => api,
        Err(error) => return Row::error(NAME, &error.to_string()),
    };
    api.relocate(&|service, port| published(containers, service, port));
    if let Err(error) = api.health().await {
        return Row::error(NAME, &format!("not healthy: {error}"));
    }
    match api.report().await {
        Err(error) => Row::error(NAME, &format!("healthy, but {error}")),
        Ok(report) => {
            let state = report.state.unwrap_or_else(|| "not told".to_string());
            let active = report.active.map_or_else(
                || "the number of agents is not told".to_string(),
                |active| format!("{active} agents"),
            );
            let text = format!("healthy, calls are accepted; state {state}, {active}");
            if report.active.is_some_and(|active| active > 0) {
                return Row::note(NAME, text)
                    .with_remedy("there is load already: without a reset it counts as idle");
            }
            Row::ok(NAME, text)
        }
    }
}
