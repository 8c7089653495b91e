//! From what was typed to what is meant: TOML and `--set` become a [`Config`], or every problem
//! at once with its line, key and remedy.
//!
//! The text becomes a tree whose values know their places (`tree`); a small walker (`section`)
//! asks it for one key after the other, notes what is wrong and goes on with the default, so that
//! one mistake does not hide the next, and reports the keys that nobody asked for.

use std::path::{Path, PathBuf};

mod custom;
mod expand;
mod hook;
mod isolate;
mod judge;
mod load;
mod metric;
mod nested;
mod problem;
mod prometheus;
mod range;
mod recorded;
mod scenarios;
mod section;
mod service;
mod stack;
mod tree;
mod values;

#[cfg(test)]
mod tests;

pub use problem::{Place, Problem, Problems};
pub use recorded::{Judgement, judgement};
pub use values::size;

use super::Config;
use crate::outside;
use problem::Log;
use section::Section;

/// What a config is read from.
#[derive(Clone, Copy)]
pub struct ConfigText<'a> {
    /// The TOML document.
    pub text: &'a str,
    /// What messages call it (`runner.toml`).
    pub origin: &'a str,
    /// Folder that relative paths in it start from.
    pub base_dir: &'a Path,
    /// `--set key=value` as typed, later ones over earlier ones.
    pub set: &'a [String],
    /// Looks a variable of the environment up, for `${VARIABLE}` in headers and environments.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
}

/// Reads a config.
///
/// # Errors
/// Every problem at once, in the order of the lines.
pub fn read(input: &ConfigText<'_>) -> Result<Config, Problems> {
    let log = Log::new(input.origin);
    let mut tree = tree::parse(input.text, &log);
    for typed in input.set {
        tree::set(&mut tree, typed, &log);
    }
    let base_dir = absolute(input.base_dir);
    let config = Section::root(&tree, &log).finished(|root| config(root, input, base_dir));
    let problems = log.into_problems();
    if problems.is_empty() { Ok(config) } else { Err(Problems(problems)) }
}

/// Reads a config file, with the environment of this process.
///
/// # Errors
/// Every problem at once; a file that cannot be read is one.
pub fn read_file(path: &Path, set: &[String]) -> Result<Config, Problems> {
    let origin = path.display().to_string();
    let text = text_of(path).map_err(|what| {
        let log = Log::new(&origin);
        log.add(&Place::File, "", what, "name a config with -c, or write one: runner init");
        Problems(log.into_problems())
    })?;
    let base_dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    read(&ConfigText {
        text: &text,
        origin: &origin,
        base_dir: base_dir.unwrap_or(Path::new(".")),
        set,
        environment: &|name| std::env::var(name).ok(),
    })
}

fn text_of(path: &Path) -> Result<String, String> {
    // A mistyped path may lead to anything.
    outside::text(path, outside::MAX_TEXT_BYTES).map_err(|e| format!("cannot be read ({e})"))
}

fn config(root: &Section<'_>, input: &ConfigText<'_>, base_dir: PathBuf) -> Config {
    let (project, stack) = stack::stack(root, &base_dir, input.environment);
    let load = load::load(root, input.environment);
    let custom = custom::custom(root, &stack, load.is_some());
    let metrics = metric::metrics(root, input.environment);
    let health = metric::health(root, input.environment);
    metric::check_limits(root, &metrics, &health);
    Config {
        project,
        origin: input.origin.to_string(),
        sources: judge::sources(root, &base_dir, input.environment),
        containers: judge::containers(root),
        scenarios: scenarios::to_run(root, &custom, load.is_some()),
        baseline: scenarios::baseline(root),
        stress: scenarios::stress(root),
        duration: scenarios::duration(root),
        speed: scenarios::speed(root),
        isolate: isolate::isolate(root, load.as_ref()),
        hooks: hook::hooks(root, &custom),
        thresholds: judge::thresholds(root),
        leak: judge::leak(root),
        resources: judge::resources(root),
        results: judge::results(root),
        series: judge::series(root),
        expect: judge::expect(root),
        accept: judge::accept(root),
        fail_on: judge::fail_on(root),
        stack,
        load,
        metrics,
        health,
        custom,
        base_dir,
    }
}

/// The folder without `.` and `..`, so that messages and labels show where it really is.
fn absolute(folder: &Path) -> PathBuf {
    std::fs::canonicalize(folder)
        .or_else(|_| std::path::absolute(folder))
        .unwrap_or_else(|_| folder.to_path_buf())
}
