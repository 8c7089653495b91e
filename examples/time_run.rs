//! Where the time goes when a run folder is analyzed, without charts and reports:
//!
//! ```text
//! cargo run --release --no-default-features --example time_run -- FOLDER
//! ```

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use runner::analysis::incidents::{counts, of_dataset};
use runner::analysis::{Settings, analyze_with};
use runner::store::input::{Input, read};

fn main() -> ExitCode {
    let Some(folder) = std::env::args().nth(1).map(PathBuf::from) else {
        eprintln!("usage: time_run FOLDER");
        return ExitCode::from(2);
    };
    let start = Instant::now();
    let read = match read(&Input::RunFolder(folder)) {
        Ok(read) => read,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    println!("read      {:.2} s", start.elapsed().as_secs_f64());
    read.notes.iter().for_each(|note| println!("{note}"));
    let start = Instant::now();
    let incidents = of_dataset(&read.dataset);
    println!("incidents {:.2} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    let analysis = analyze_with(&read.dataset, &Settings::default(), counts(&incidents));
    println!("analysis  {:.2} s", start.elapsed().as_secs_f64());
    println!("{:?}: {} findings", analysis.status, analysis.findings.len());
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().filter(|line| line.starts_with("VmHWM")).for_each(|line| println!("{line}"));
    ExitCode::SUCCESS
}
