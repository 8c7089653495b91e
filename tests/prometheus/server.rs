//! The Prometheus of a test, what it scrapes, and what that has said so far.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::routing::get;

use super::page::{self, Said};
use super::support;

/// A machine that is busy with other things must have time enough.
const PATIENCE: Duration = Duration::from_secs(180);

/// Pages by their time, Unix milliseconds.
type Served = Arc<Mutex<BTreeMap<i64, Said>>>;

/// A Prometheus and its target; both end with it.
pub struct Site {
    /// Its address.
    pub prometheus: String,
    served: Served,
    started_ms: i64,
    ended_ms: i64,
    readings: usize,
    folder: tempfile::TempDir,
    process: Child,
    target: tokio::task::JoinHandle<()>,
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        self.target.abort();
    }
}

fn now_ms() -> i64 {
    chrono::Utc::now().timestamp_millis()
}

impl Site {
    /// Starts both; `None` where there is no such program.
    pub async fn start() -> Option<Site> {
        if Command::new("prometheus").arg("--version").output().is_err() {
            support::left_out("prometheus", "there is no program prometheus in the PATH");
            return None;
        }
        let started_ms = now_ms();
        let served = Served::default();
        let (target, at) = target(Arc::clone(&served)).await;
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("prometheus.yml");
        let text = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
             scrape_configs: [{{job_name: cadvisor, static_configs: [{{targets: ['{at}']}}]}}]\n"
        );
        std::fs::write(&config, text).unwrap();
        let (process, prometheus) = started(folder.path(), &config).await;
        Some(Site {
            prometheus,
            served,
            started_ms,
            ended_ms: 0,
            readings: 0,
            folder,
            process,
            target,
        })
    }

    /// A folder of its own.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Waits until so many pages are stored, among them some from after the kill.
    pub async fn stored(&mut self, pages: usize) {
        let begun = Instant::now();
        loop {
            self.ended_ms = now_ms() - 1500;
            let stored = self.count("container_memory_rss{name=~\".*leaky.*\"}").await;
            let after = self.served.lock().unwrap().len();
            if stored >= pages && after > page::KILLED_AFTER + 4 {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "{stored} pages are stored, {after} were served");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        self.readings = self.count("container_memory_rss{name!=\"\"}").await;
    }

    /// The window that is compared.
    pub fn window_ms(&self) -> (i64, i64) {
        (self.started_ms, self.ended_ms)
    }

    /// Readings of containers in it, as Prometheus itself counts them.
    pub fn stored_readings(&self) -> usize {
        self.readings
    }

    /// What was served about a container at that time.
    pub fn served(&self, name: &str, metric: &str, at_ms: i64) -> Option<f64> {
        let served = self.served.lock().unwrap();
        let said = served.get(&at_ms).unwrap_or_else(|| panic!("nothing was served at {at_ms}"));
        said.get(&(name.to_owned(), metric.to_owned())).copied()
    }

    /// The same for a time that was rounded on its way.
    pub fn served_near(&self, name: &str, metric: &str, at_ms: i64) -> Option<f64> {
        let served = self.served.lock().unwrap();
        let near = served.range(at_ms - 2..=at_ms + 2).next();
        let (_, said) = near.unwrap_or_else(|| panic!("nothing was served at about {at_ms}"));
        said.get(&(name.to_owned(), metric.to_owned())).copied()
    }

    /// Containers and their ids.
    pub fn ids(&self) -> Vec<(String, String)> {
        page::ids().into_iter().collect()
    }

    /// Samples of the window by Prometheus' own count.
    async fn count(&self, selector: &str) -> usize {
        let length = (self.ended_ms - self.started_ms).max(1);
        let query = format!("sum(count_over_time({selector}[{length}ms]))");
        let encoded: String = query.bytes().map(|b| format!("%{b:02X}")).collect();
        let time = self.ended_ms as f64 / 1e3;
        let url = format!("{}/api/v1/query?query={encoded}&time={time}", self.prometheus);
        let Ok(answer) = client().get(url).send().await else { return 0 };
        let answer: serde_json::Value = answer.json().await.unwrap_or_default();
        let value = answer.pointer("/data/result/0/value/1").and_then(|v| v.as_str());
        value.and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}

fn client() -> reqwest::Client {
    runner::net::client(Duration::from_secs(20)).unwrap()
}

/// Serves a page with new values at each scrape.
async fn target(served: Served) -> (tokio::task::JoinHandle<()>, String) {
    let metrics = async |State(served): State<Served>| {
        let mut served = served.lock().unwrap();
        let at = served.last_key_value().map_or(0, |(at, _)| at + 1).max(now_ms());
        let (text, said) = page::page(served.len(), at);
        served.insert(at, said);
        text
    };
    let app = Router::new().route("/metrics", get(metrics)).with_state(served);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap().to_string();
    let task = tokio::spawn(async move {
        let _ = axum::serve(listener, app).await;
    });
    (task, at)
}

/// A port that was free may be taken by another test a moment later: then once more.
async fn started(folder: &Path, config: &Path) -> (Child, String) {
    let begun = Instant::now();
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut process = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join(format!("data-{port}")).display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=error")
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("prometheus.log")).unwrap())
            .spawn()
            .unwrap();
        let base = format!("http://127.0.0.1:{port}");
        while process.try_wait().unwrap().is_none() {
            let ready = client().get(format!("{base}/-/ready")).send().await;
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                return (process, base);
            }
            assert!(begun.elapsed() < PATIENCE, "{}", log(folder));
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert!(begun.elapsed() < PATIENCE, "{}", log(folder));
    }
}

fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("prometheus.log")).unwrap_or_default()
}
