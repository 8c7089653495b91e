//! `runner analyze --prometheus`: a past window of any cluster becomes a run folder, which is then
//! analyzed like any other.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::config::mask::{Secrets, masked};
use crate::config::{Address, Config, read_file};
use crate::config::{PrometheusConfig, ResultsConfig};
use crate::source::prometheus::client::Trouble;
use crate::source::prometheus::ticks::{Span, spans};
use crate::source::prometheus::time::{length, moment, shown};
use crate::source::prometheus::{Access, Prometheus};
use crate::store::journal::{Journal, RunFile};
use crate::store::run_folder::RunFolder;
use crate::tell;

use super::args::{AnalyzeArgs, PrometheusArgs};
use super::exit::Exit;
use super::{resolve, signals};

mod download;
mod record;

use download::{Download, Ended};

/// The scenario's name in results.
const SCENARIO: &str = "window";

/// What was asked for.
struct Wanted {
    api: Prometheus,
    address: String,
    matchers: String,
    from_ms: i64,
    to_ms: i64,
    step_ms: Option<i64>,
    spans: Vec<Span>,
    config: Value,
    results: PathBuf,
    /// Permissions of the run folder.
    mode: u32,
    secrets: Secrets,
}

/// A failure before anything was read.
struct Failed(Exit, String);

/// Reads the window; answers its run folder, where there is one, and how the reading ended.
pub fn window(args: &AnalyzeArgs) -> (Option<PathBuf>, Exit) {
    let wanted = match wanted(args) {
        Ok(wanted) => wanted,
        Err(Failed(exit, message)) => {
            tell::people(message);
            return (None, exit);
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tell::people(format!("the asynchronous runtime cannot start: {error}"));
            return (None, Exit::Environment);
        }
    };
    match runtime.block_on(read(wanted)) {
        Ok((folder, exit)) => (Some(folder), exit),
        Err(Failed(exit, message)) => {
            tell::people(message);
            (None, exit)
        }
    }
}

fn wanted(args: &AnalyzeArgs) -> Result<Wanted, Failed> {
    let usage = |message: String| Failed(Exit::Usage, message);
    let typed = &args.prometheus;
    let config = config(typed)?;
    let told = config.as_ref().and_then(|config| config.sources.prometheus.clone());
    let known = told.unwrap_or_default();
    let address = typed.prometheus.clone().unwrap_or_else(|| known.address.clone());
    let base = match Address::parse(&address) {
        Ok(Address::Url(url)) => url,
        Ok(Address::Service { name, port }) => format!("http://{name}:{port}"),
        Err(wanted) => return Err(usage(format!("--prometheus: expected {wanted}"))),
    };
    let now_ms = Utc::now().timestamp_millis();
    let time = |name: &str, text: &str| {
        moment(text, now_ms).map_err(|why| usage(format!("--{name}: {why}")))
    };
    let from_ms = time("from", typed.from.as_deref().unwrap_or("-1h"))?;
    let to_ms = time("to", &typed.to)?.min(now_ms);
    if from_ms >= to_ms {
        let (from, to) = (shown(from_ms), shown(to_ms));
        return Err(usage(format!("--from {from} is not before --to {to}; swap them")));
    }
    let step_ms = typed.step.as_deref().map(|text| step(text).map_err(usage)).transpose()?;
    let phases = typed.phase.iter().map(|text| phase(text, now_ms).map_err(usage));
    let phases = phases.collect::<Result<Vec<Span>, Failed>>()?;
    let spans = spans(from_ms, to_ms, phases).map_err(|why| usage(format!("--phase: {why}")))?;
    let mut secrets = config.as_ref().map_or_else(Secrets::none, Secrets::of);
    secrets.url(&base);
    let limit = known.timeout.max(Duration::from_secs(1));
    let api = Prometheus::new(&base, access(typed, &known), limit)
        .map_err(|why| usage(format!("{why}; correct --ca-file")))?;
    let results = args.out.clone().or_else(|| config.as_ref().map(Config::results_dir));
    Ok(Wanted {
        api,
        address: masked(&base),
        mode: config.as_ref().map_or_else(ResultsConfig::default, |c| c.results.clone()).mode,
        secrets: resolve::keep_secret(secrets),
        matchers: typed.matchers.clone().unwrap_or(known.matchers),
        from_ms,
        to_ms,
        step_ms,
        spans,
        config: config.map_or(Value::Null, |c| serde_json::to_value(c).unwrap_or_default()),
        results: results.unwrap_or_else(|| PathBuf::from("results")),
    })
}

/// The config whose thresholds and `[sources.prometheus]` hold: only one that is named.
fn config(typed: &PrometheusArgs) -> Result<Option<Config>, Failed> {
    let Some(path) = &typed.config else { return Ok(None) };
    let config = read_file(path, &[]).map_err(|e| Failed(Exit::Usage, e.to_string()))?;
    Ok(Some(config))
}

/// Flags before the environment before the config. Passwords and tokens are no flags: everybody on
/// the machine sees the arguments of a process.
fn access(typed: &PrometheusArgs, known: &PrometheusConfig) -> Access {
    let told = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut access = Access::of(known);
    let user = typed.username.clone().or_else(|| told("RUNNER_PROMETHEUS_USERNAME"));
    let password = told("RUNNER_PROMETHEUS_PASSWORD");
    if let Some(user) = user {
        access.basic = Some((user, password));
    } else if let (Some((_, known)), Some(password)) = (&mut access.basic, password) {
        *known = Some(password);
    }
    if let Some(token) = told("RUNNER_PROMETHEUS_TOKEN") {
        access = Access { basic: None, bearer: Some(token), bearer_file: None, ..access };
    }
    if let Some(file) = &typed.token_file {
        let file = Some(file.clone());
        access = Access { basic: None, bearer: None, bearer_file: file, ..access };
    }
    access.ca_file = typed.ca_file.clone().or(access.ca_file);
    access
}

fn step(text: &str) -> Result<i64, String> {
    let step = length(text).and_then(|d| i64::try_from(d.as_millis()).ok()).filter(|ms| *ms > 0);
    step.ok_or_else(|| format!("--step: {text:?} is no length; write 30s or 5m"))
}

/// `NAME=FROM..TO`.
fn phase(text: &str, now_ms: i64) -> Result<Span, String> {
    let wanted = || format!("--phase: {text:?} is no phase; write active=-2h..-30m");
    let (name, times) = text.split_once('=').ok_or_else(wanted)?;
    let (from, to) = times.split_once("..").ok_or_else(wanted)?;
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if name.is_empty() || !name.chars().all(word) {
        return Err(wanted());
    }
    let time = |text| moment(text, now_ms).map_err(|why| format!("--phase {name}: {why}"));
    Ok(Span { name: name.to_owned(), from_ms: time(from)?, to_ms: time(to)? })
}

async fn read(wanted: Wanted) -> Result<(PathBuf, Exit), Failed> {
    let missing = |message: String| Failed(Exit::Environment, message);
    let mut interrupt = signals::listen().map_err(|e| missing(e.to_string()))?;
    let length_s = (wanted.to_ms - wanted.from_ms) as f64 / 1e3;
    tell::people(format!(
        "prometheus {}: {} to {} ({:.1} h){}",
        wanted.address,
        shown(wanted.from_ms),
        shown(wanted.to_ms),
        length_s / 3600.0,
        if wanted.matchers.is_empty() { String::new() } else { format!(", {}", wanted.matchers) },
    ));
    let download = Download::open(&wanted).await.map_err(|problem| {
        let usage = problem.trouble == Trouble::Query;
        Failed(if usage { Exit::Usage } else { Exit::Environment }, problem.to_string())
    })?;
    let folder = folder(&wanted)?;
    let run = run_file(&wanted, &folder, &download);
    let journal = Journal::hiding(&folder, &run, wanted.secrets.clone())
        .map_err(|e| missing(e.to_string()))?;
    let mut record = record::Record::new(journal, &wanted, run.sources.clone());
    let ended = tokio::select! {
        biased;
        signal = interrupt.wait_for(Option::is_some) => {
            Ended::Interrupted(signal.ok().and_then(|s| *s))
        }
        ended = download.run(&mut record) => ended,
    };
    let exit = match &ended {
        Ended::Complete => Exit::Clean,
        Ended::Failed(why) => {
            tell::people(why);
            Exit::Aborted
        }
        Ended::Interrupted(signal) => signal.map_or(Exit::Aborted, |s| Exit::Signal(s.exit_code())),
        Ended::Unwritable(error) => return Err(missing(error.to_string())),
    };
    record.finish(&ended).map_err(|e| missing(e.to_string()))?;
    Ok((folder.path().to_path_buf(), exit))
}

fn folder(wanted: &Wanted) -> Result<RunFolder, Failed> {
    let start = DateTime::from_timestamp_millis(wanted.from_ms).unwrap_or_else(Utc::now);
    RunFolder::create(&wanted.results, start, wanted.mode)
        .map_err(|e| Failed(Exit::Environment, e.to_string()))
}

fn run_file(wanted: &Wanted, folder: &RunFolder, download: &Download<'_>) -> RunFile {
    let mut run = RunFile::new(folder.test_id(), &shown(wanted.from_ms));
    run.config = wanted.config.clone();
    run.engine = json!({
        "kind": "prometheus",
        "address": wanted.address,
        "version": download.version(),
        "match": wanted.matchers,
    });
    if let Some(cores) = download.cores() {
        run.host = json!({ "cores": cores });
    }
    run.sources = record::sources();
    run
}
