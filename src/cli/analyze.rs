//! `runner analyze`: rebuilds analysis, charts and reports from what was measured.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::analysis::Analysis;
use crate::store::StoreError;
use crate::store::input::{Input, detect, out_dir_for};
use crate::tell;

use super::args::AnalyzeArgs;
use super::exit::Exit;
use super::finish::{Done, Failed, Wanted, finish};
use super::prometheus;

/// A path that was asked for, and what became of it.
struct Job {
    input: Input,
    out: PathBuf,
}

/// Runs the command.
pub fn command(args: &AnalyzeArgs) -> Exit {
    if args.prometheus.prometheus.is_none() {
        return of_paths(&args.paths, args.out.as_deref(), args);
    }
    let (folder, exit) = prometheus::window(args);
    let Some(folder) = folder else { return exit };
    tell::people(folder.display().to_string());
    exit.and(of_paths(&[folder], None, args))
}

fn of_paths(paths: &[PathBuf], out: Option<&Path>, args: &AnalyzeArgs) -> Exit {
    let mut exit = Exit::Clean;
    let mut broken: Vec<String> = Vec::new();
    let mut inputs = Vec::new();
    for path in paths {
        match found(path) {
            Ok(found) => inputs.extend(found),
            Err(error) => {
                exit = exit.and(Exit::from(&error));
                broken.push(error.to_string());
            }
        }
    }
    let jobs = jobs(inputs, out);
    let wanted = Wanted {
        charts: !args.no_charts,
        all_charts: args.all_charts,
        demo: false,
        wall_seconds: None,
        overrides: args.overrides.clone(),
        unfinished: Vec::new(),
    };
    for (job, result) in jobs.iter().zip(analyze_all(&jobs, &wanted)) {
        match result {
            Ok(done) => {
                exit = exit.and(done.exit);
                say(job, &done, jobs.len() > 1, args.json);
                broken.extend(done.unwritten_lines());
                broken.extend(done.notes);
                let damage = done.damage.iter().map(ToString::to_string);
                broken.extend(damage);
            }
            Err(failed) => {
                // In an archive one broken member is damage, not a wrong call.
                let several = jobs.len() > 1 && matches!(failed, Failed::Store(_));
                exit = exit.and(if several { Exit::Aborted } else { failed.exit() });
                broken.push(failed.to_string());
            }
        }
    }
    for line in &broken {
        tell::people(line);
    }
    exit
}

/// The runs that a path stands for: itself, or an archive's members.
fn found(path: &Path) -> Result<Vec<Input>, StoreError> {
    match detect(path)? {
        Input::Archive { members, .. } => Ok(members),
        input => Ok(vec![input]),
    }
}

fn jobs(inputs: Vec<Input>, out: Option<&Path>) -> Vec<Job> {
    let several = inputs.len() > 1;
    inputs.into_iter().map(|input| Job { out: out_dir_for(&input, out, several), input }).collect()
}

/// Analyzes all jobs, as many at a time as there are cores; results in the order of the jobs.
fn analyze_all(jobs: &[Job], wanted: &Wanted) -> Vec<Result<Done, Failed>> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, Result<Done, Failed>)>> = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers.min(jobs.len()) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(index) else { return };
                    let result = finish(&job.input, &job.out, wanted);
                    let mut results =
                        results.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    results.push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

fn say(job: &Job, done: &Done, several: bool, json: bool) {
    if json {
        match serde_json::to_string(&done.summary) {
            Ok(line) => tell::machines(&line),
            Err(error) => tell::people(format!("the summary cannot be written as JSON: {error}")),
        }
    }
    if several {
        tell::people(line(job, &done.analysis));
    } else {
        tell::people(done.screen.clone());
    }
}

/// One line for one run of several.
fn line(job: &Job, analysis: &Analysis) -> String {
    let status = analysis.status.word();
    let gravest = analysis.findings.iter().find(|finding| finding.fails);
    let why = gravest
        .map(|finding| finding.message.clone())
        .or_else(|| analysis.abort_reason.clone())
        .unwrap_or_default();
    format!("{status:<7}  {}  {}  {why}", analysis.test_id, job.out.display())
        .trim_end()
        .to_string()
}
