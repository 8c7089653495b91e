//! The recorded page, served again and again with values and times that go on.

use std::collections::HashMap;

/// A recorded page of cAdvisor 0.60 on cgroup v2, cut down to four containers.
const PAGE: &str = include_str!("../fixtures/prometheus/metrics.txt");
/// The container that is killed for memory and started again, and after how many pages.
const KILLED: &str = "fx-demo-leaky-1";
pub const KILLED_AFTER: usize = 7;

/// What one page said: sums over interfaces and devices, by container and metric.
pub type Said = HashMap<(String, String), f64>;

/// The page number `number` as of `now_ms`, and what it says.
pub fn page(number: usize, now_ms: i64) -> (String, Said) {
    let mut text = String::new();
    let mut said = Said::new();
    for line in PAGE.lines() {
        match sample(line) {
            None => text.push_str(line),
            Some((series, recorded, stamped)) => {
                let name = container(series).unwrap_or_default();
                let metric = series.split('{').next().unwrap_or_default();
                let value = moved(&name, metric, recorded, number, now_ms);
                *said.entry((name, metric.to_owned())).or_insert(0.0) += value;
                text.push_str(&format!("{series} {value}"));
                if stamped {
                    text.push_str(&format!(" {now_ms}"));
                }
            }
        }
        text.push('\n');
    }
    (text, said)
}

/// Ids of the engine by container.
pub fn ids() -> HashMap<String, String> {
    let id = |series: &str| {
        let (_, rest) = series.split_once("docker-")?;
        rest.get(..64).map(str::to_owned)
    };
    PAGE.lines()
        .filter_map(sample)
        .filter_map(|(series, ..)| Some((container(series)?, id(series)?)))
        .collect()
}

fn sample(line: &str) -> Option<(&str, f64, bool)> {
    if line.starts_with('#') {
        return None;
    }
    let (series, rest) = line.rsplit_once('}')?;
    let series = line.get(..=series.len())?;
    let mut words = rest.split_whitespace();
    let value = words.next()?.parse().ok()?;
    Some((series, value, words.next().is_some()))
}

fn container(series: &str) -> Option<String> {
    let (_, rest) = series.split_once(",name=\"")?;
    rest.split('"').next().filter(|name| !name.is_empty()).map(str::to_owned)
}

/// Counters go on, memory of the one that leaks grows, and once it is killed it begins anew.
fn moved(name: &str, metric: &str, recorded: f64, number: usize, now_ms: i64) -> f64 {
    let killed = name == KILLED && number >= KILLED_AFTER;
    let pages = (if killed { number - KILLED_AFTER } else { number }) as f64;
    match metric {
        "container_oom_events_total" if killed => recorded + 1.0,
        "container_oom_events_total" => recorded,
        "container_start_time_seconds" if killed => {
            // In whole seconds, as cAdvisor tells it.
            ((now_ms - 1000 * pages as i64) as f64 / 1e3).floor().min(recorded + 1e9)
        }
        "container_start_time_seconds" | "container_spec_memory_limit_bytes" => recorded,
        metric if metric.ends_with("_total") && killed => 0.05 * pages,
        metric if metric.ends_with("_total") => recorded + 0.25 * pages,
        "container_memory_rss" if killed => 1e6 * (pages + 1.0),
        metric if metric.starts_with("container_memory_") => recorded + 4096.0 * pages,
        _ => recorded,
    }
}
