//! What tests need beyond a compiler, and what happens where it is missing: the test is left out,
//! which is said past the harness's capture, unless `RUNNER_REQUIRE` names it
//! (`RUNNER_REQUIRE=docker,shared`): then it fails.

use std::io::Write;
use std::path::PathBuf;

/// Says that a test was left out for want of `what`.
///
/// # Panics
/// When `RUNNER_REQUIRE` names it.
#[track_caller]
#[allow(clippy::disallowed_methods, reason = "past the harness's capture")]
pub fn left_out(what: &str, why: &str) {
    let required = std::env::var("RUNNER_REQUIRE").unwrap_or_default();
    let required = required.split(',').any(|name| name.trim() == what);
    assert!(!required, "{what} is required by RUNNER_REQUIRE, but {why}");
    let test = std::thread::current().name().unwrap_or("a test").to_string();
    let _ = writeln!(std::io::stderr(), "left out: {test}: {what} ({why})");
}

/// The folder of the shared recordings, where `RUNNER_SHARED` names one.
#[allow(dead_code, reason = "not every test crate reads them")]
#[track_caller]
pub fn shared() -> Option<PathBuf> {
    let folder = std::env::var_os("RUNNER_SHARED").map(PathBuf::from).filter(|dir| dir.is_dir());
    if folder.is_none() {
        left_out("shared", "RUNNER_SHARED names no folder of recordings");
    }
    folder
}
