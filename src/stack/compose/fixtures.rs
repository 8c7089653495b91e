//! Recorded calls of real compose tools, for tests.

use serde::Deserialize;

/// The recorded tools.
pub const VERSIONS: [&str; 4] = ["1.29.2", "2.24.7", "2.40.3", "5.5.0"];

/// One recorded call.
#[derive(Debug, Clone, Deserialize)]
pub struct Call {
    case: String,
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
}

/// The call that `version` was recorded with as `case`.
pub fn call(version: &str, case: &str) -> Call {
    let path = format!("{}/tests/fixtures/compose/{version}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("a recording");
    text.lines()
        .map(|line| serde_json::from_str::<Call>(line).expect("a call"))
        .find(|call| call.case == case)
        .unwrap_or_else(|| panic!("{version} has no case {case}"))
}

/// Containers as `version` made them of the file whose `config` is recorded: inspect answers. Those that it
/// was not recorded with are as 5.5.0 made them.
pub fn made(version: &str) -> Vec<serde_json::Value> {
    let path = format!("{}/tests/fixtures/compose/made.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("a recording");
    let all: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("a recording")).collect();
    let of = |version: &str, case: &str| {
        let found = all.iter().find(|r| r["version"] == version && r["case"] == case);
        found.and_then(|r| r["containers"].as_array().cloned()).unwrap_or_default()
    };
    let every = "demo-07-up-profile-core";
    [of(version, every), of(version, "demo-01-up"), of("5.5.0", every)].concat()
}
