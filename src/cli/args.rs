//! What was typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::demo::DemoServiceArgs;

/// How much load does this stack carry, which container gives in first, and which one leaks memory?
#[derive(Debug, Parser)]
#[command(name = "runner", version, after_help = EXIT_CODES, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 clean; 1 findings that fail the run (leak, missed expectation, OOM kill);
2 usage or configuration; 3 environment not ready; 4 aborted or nothing measured (partial results
saved); 130/143 interrupted (partial results saved).";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Reset the stack, drive load in scenarios, sample every container, report
    Run(RunArgs),
    /// Tell what a run needs and whether it is there
    Check(CheckArgs),
    /// Rebuild analysis, charts and reports from what was measured
    Analyze(AnalyzeArgs),
    /// Tell whether one run is worse than another under the same load
    Compare(CompareArgs),
    /// Write a starting config from a compose file
    Init(InitArgs),
    /// Play a service of the demo stack
    #[command(hide = true)]
    DemoService(DemoServiceArgs),
}

/// Where the configuration comes from.
#[derive(Debug, Clone, Args)]
pub struct ConfigArgs {
    /// Config file [default: runner.toml here, else the built-in demo]
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Override a key of the config, e.g. --set stress.batch=20 (can be repeated)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
}

/// `runner run`.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// The configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Scenario to run: baseline, stress, duration, speed, isolate, all, custom, or one of the config's own
    /// (can be repeated)
    #[arg(short, long = "scenario", value_name = "SCENARIO")]
    pub scenarios: Vec<String>,
    /// Level for duration and speed, instead of what stress found
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub agents: Option<u32>,
    /// Speed multiplier during duration
    #[arg(long, value_name = "X")]
    pub speed: Option<f64>,
    /// Folder in which the run folder is made [default: results]
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Leave the stack up at the end
    #[arg(long)]
    pub keep_up: bool,
    /// Do not draw charts
    #[arg(long)]
    pub no_charts: bool,
    /// Say what would be done, how long it takes and how small a leak it finds, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `runner check`.
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// The configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Start the services, check them, and take down what was started
    #[arg(long)]
    pub up: bool,
    /// Write the table as JSON on stdout
    #[arg(long)]
    pub json: bool,
}

/// `runner analyze`.
#[derive(Debug, Clone, Args)]
pub struct AnalyzeArgs {
    /// Run folder, results.json (ours or the predecessor's), samples.jsonl, series CSV, or an
    /// archive of run folders; any of them may be gzipped
    #[arg(required_unless_present = "prometheus", value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// A past window of a Prometheus instead.
    #[command(flatten)]
    pub prometheus: PrometheusArgs,
    /// Write under this folder instead of beside the input; with --prometheus: make the run folder
    /// in it [default: results]
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Do not draw charts
    #[arg(long)]
    pub no_charts: bool,
    /// Draw the duration timelines of all containers, not of the worst 48 only
    #[arg(long)]
    pub all_charts: bool,
    /// Override a threshold, e.g. --set leak.leak_mb_per_min=2 (can be repeated)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// Write summary.json (one line an input) on stdout
    #[arg(long)]
    pub json: bool,
}

/// `runner compare`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Exit codes: 0 not worse; 1 worse; 2 the runs cannot be compared, or there is no base; 4 damaged input.")]
pub struct CompareArgs {
    /// The run compared with: whatever `analyze` reads, or a baseline that --save-baseline wrote
    #[arg(value_name = "BASE")]
    pub base: PathBuf,
    /// The run judged: whatever `analyze` reads
    #[arg(value_name = "CURRENT")]
    pub current: PathBuf,
    /// Compare although load, speed or length differ
    #[arg(long)]
    pub force: bool,
    /// Keep CURRENT as the baseline in the folder BASE when it is not worse, or when there is no
    /// base yet
    #[arg(long)]
    pub save_baseline: bool,
    /// Write the comparison as JSON on stdout
    #[arg(long)]
    pub json: bool,
    /// Override a threshold of both runs, e.g. --set leak.leak_mb_per_min=2 (can be repeated)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
}

/// `runner analyze --prometheus`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "A past window of a Prometheus that scrapes cAdvisor or kubelets")]
pub struct PrometheusArgs {
    /// Its address; the window becomes a run folder first
    #[arg(long, value_name = "URL", conflicts_with = "paths")]
    pub prometheus: Option<String>,
    /// Begin of the window: RFC 3339, Unix seconds, -2h, or now [default: -1h]
    #[arg(long, value_name = "TIME", requires = "prometheus", allow_hyphen_values = true)]
    pub from: Option<String>,
    /// End of the window
    #[arg(
        long,
        value_name = "TIME",
        requires = "prometheus",
        default_value = "now",
        allow_hyphen_values = true
    )]
    pub to: String,
    /// Matchers of the series, e.g. 'namespace="shop"'
    #[arg(long = "match", value_name = "SELECTOR", requires = "prometheus")]
    pub matchers: Option<String>,
    /// A phase within the window, e.g. active=-2h..-30m (can be repeated) [default: all is active]
    #[arg(long, value_name = "NAME=FROM..TO", requires = "prometheus")]
    pub phase: Vec<String>,
    /// Keep one sample of each container in each step instead of all
    #[arg(long, value_name = "LENGTH", requires = "prometheus")]
    pub step: Option<String>,
    /// Config with thresholds and [sources.prometheus]
    #[arg(short, long, value_name = "FILE", requires = "prometheus")]
    pub config: Option<PathBuf>,
    /// User of basic authentication; the password is taken from RUNNER_PROMETHEUS_PASSWORD
    #[arg(long, value_name = "NAME", requires = "prometheus")]
    pub username: Option<String>,
    /// File with a bearer token (or RUNNER_PROMETHEUS_TOKEN holds it)
    #[arg(long, value_name = "FILE", requires = "prometheus")]
    pub token_file: Option<PathBuf>,
    /// Certificates (PEM) that sign the server's
    #[arg(long, value_name = "FILE", requires = "prometheus")]
    pub ca_file: Option<PathBuf>,
}

/// `runner init`.
#[derive(Debug, Clone, Args)]
pub struct InitArgs {
    /// The compose files, later ones laid over earlier ones [default: those that compose takes here]
    #[arg(value_name = "COMPOSE_FILE")]
    pub compose_files: Vec<PathBuf>,
    /// The same, as the compose tools take it (can be repeated)
    #[arg(short, long = "file", value_name = "COMPOSE_FILE", conflicts_with = "compose_files")]
    pub files: Vec<PathBuf>,
    /// Where to write [default: runner.toml]
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Overwrite a file that is there
    #[arg(long)]
    pub force: bool,
}
