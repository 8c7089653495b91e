//! Prometheus: reachable, which version, how often it scrapes, which containers it knows, how old
//! its samples are.

use super::row::{Row, within};
use crate::cli::wire::published;
use crate::config::{Address, Config, PrometheusConfig};
use crate::model::{Container, RunState};
use crate::source::prometheus::fold::{Found, fold};
use crate::source::prometheus::metrics::{PRESENCE, selector};
use crate::source::prometheus::ticks::spacing_ms;
use crate::source::prometheus::{Access, Prometheus};

const NAME: &str = "prometheus";
/// How far back is looked.
const WINDOW_MS: i64 = 300_000;
/// Containers that are named.
const NAMED: usize = 8;
/// Samples of a scrape interval longer than this are too far apart for a run's usual ticks.
const LONG_MS: i64 = 5_000;

/// The row about it, where the config names one.
pub async fn row(config: &Config, containers: &[Container]) -> Option<Row> {
    let known = config.sources.prometheus.as_ref()?;
    let base = match Address::parse(&known.address).ok()? {
        Address::Url(url) => url,
        Address::Service { name, port } => match published(containers, &name, port) {
            Some(at) => format!("http://{at}"),
            None => return Some(Row::not_up(NAME, &format!("{name}:{port} is not published"))),
        },
    };
    Some(match within(NAME, looked(&base, known, containers)).await {
        Ok(row) | Err(row) => row,
    })
}

async fn looked(base: &str, known: &PrometheusConfig, containers: &[Container]) -> Row {
    let api = match Prometheus::new(base, Access::of(known), known.timeout) {
        Ok(api) => api,
        Err(why) => return Row::failed(NAME, why, "correct sources.prometheus.ca_file"),
    };
    let version = match api.version().await {
        Ok(version) => version.unwrap_or_else(|| "of an untold version".to_owned()),
        Err(problem) => return Row::failed(NAME, problem.what, problem.remedy),
    };
    let wanted = selector(PRESENCE, "", &known.matchers);
    match api.samples(&wanted, WINDOW_MS, None).await {
        Err(problem) => Row::failed(NAME, problem.what, problem.remedy),
        Ok(matrix) => {
            let now_ms = chrono::Utc::now().timestamp_millis();
            described(&version, &fold(matrix), containers, now_ms)
        }
    }
}

fn described(version: &str, found: &[Found], containers: &[Container], now_ms: i64) -> Row {
    const SCRAPE: &str = "let it scrape cAdvisor or the kubelets' /metrics/cadvisor, or correct \
                          sources.prometheus.match";
    if found.is_empty() {
        let text = format!("{version}, but no container has a sample of the last five minutes");
        return Row::failed(NAME, text, SCRAPE);
    }
    let spacing = spacing_ms(found);
    let newest = found.iter().filter_map(Found::last_ms).max();
    let age = newest.map(|ms| (now_ms - ms) as f64 / 1e3);
    let mut names: Vec<&str> = found.iter().map(|one| one.identity.key.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let more = names.len().saturating_sub(NAMED);
    let mut shown = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    if more > 0 {
        shown.push_str(&format!(" and {more} more"));
    }
    let every = spacing.map_or_else(
        || "too few samples to tell how often it scrapes".to_owned(),
        |ms| format!("a sample every {:.1} s", ms as f64 / 1e3),
    );
    let age = age.map_or_else(String::new, |age| format!(", the newest {age:.1} s old"));
    let text = format!(
        "{version}, {every}{age}\n{} {}: {shown}",
        names.len(),
        if names.len() == 1 { "container" } else { "containers" }
    );
    let missing: Vec<&str> = containers
        .iter()
        .filter(|c| c.state == RunState::Running && !found.iter().any(|one| is(one, c)))
        .map(|c| c.name.as_str())
        .collect();
    if !missing.is_empty() {
        let text = format!("{text}\nnot there: {}", missing.join(", "));
        return Row::note(NAME, text).with_remedy(SCRAPE);
    }
    if spacing.is_some_and(|ms| ms > LONG_MS) {
        return Row::note(NAME, text).with_remedy(
            "use sampling intervals of at least half the scrape interval, or scrape more often",
        );
    }
    Row::ok(NAME, text)
}

fn is(found: &Found, container: &Container) -> bool {
    match &found.identity.container_id {
        Some(id) => *id == container.id,
        None => found.identity.engine_name == container.engine_name,
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::Status;
    use super::*;
    use crate::source::prometheus::parse::parse_matrix;

    const ID: &str = "2bc330ff3e679ccc44ecf38ebe47d3057b49844edc7dad81c22d58fdeff41f61";

    fn found(every_s: u32) -> Vec<Found> {
        let values: Vec<String> =
            (0..4).map(|n| format!("[{},\"5\"]", 1000 + n * every_s)).collect();
        let text = format!(
            r#"{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{
               "__name__":"{PRESENCE}","id":"/docker/{ID}","name":"web"}},"values":[{}]}}]}}}}"#,
            values.join(",")
        );
        fold(parse_matrix(text.as_bytes()).expect("a matrix"))
    }

    #[test]
    fn the_row_tells_version_interval_age_and_containers() {
        let row = described("2.42.0", &found(2), &[], 1_008_500);
        assert_eq!(row.status, Status::Ok);
        let wanted = "2.42.0, a sample every 2.0 s, the newest 2.5 s old\n1 container: web";
        assert_eq!(row.detail, wanted);
        assert_eq!(described("2.42.0", &found(30), &[], 0).status, Status::Note);
        assert_eq!(described("2.42.0", &[], &[], 0).status, Status::Failed);
    }
}
