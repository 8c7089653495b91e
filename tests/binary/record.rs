//! What a run leaves behind, and what is made of it when a part of it is gone, changed, or still to
//! come.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use crate::harness::{Ran, Site, alone, json, wait_for};

const RUN: [&str; 8] = [
    "run",
    "-s",
    "baseline",
    "--set",
    "baseline.warmup=1s",
    "--set",
    "baseline.interval=500ms",
    "--no-charts",
];

/// The demo as local processes: a real run needs no engine.
fn start(site: &Site, more: &[&str]) -> std::process::Child {
    let log = std::fs::File::create(site.path().join("log.txt")).expect("a log");
    let mut command = site.command(&[&RUN[..], more].concat());
    command.env("DOCKER_HOST", "unix:///no/such/docker.sock");
    command.stdout(std::process::Stdio::null()).stderr(log).spawn().expect("the program starts")
}

/// A run that came to its end, recorded once for all tests.
fn recorded() -> &'static Path {
    static SITE: OnceLock<(Site, PathBuf)> = OnceLock::new();
    let (_, run) = SITE.get_or_init(|| {
        let _alone = alone();
        let site = Site::new();
        let ended = start(&site, &["--set", "baseline.length=5s"]).wait().expect("it ends");
        assert!(ended.success(), "{}", site.log());
        let run = site.runs().pop().expect("a run folder");
        (site, run)
    });
    run
}

/// A copy of the recorded run's measured files.
fn copy(site: &Site) -> PathBuf {
    let run = site.path().join("run");
    std::fs::create_dir(&run).expect("a folder");
    for name in ["run.json", "samples.jsonl", "events.jsonl", "samples.cols", "results.json"] {
        std::fs::copy(recorded().join(name), run.join(name)).expect("a copy");
    }
    run
}

fn analyze(site: &Site) -> Ran {
    site.run(&["analyze", "run", "--no-charts"])
}

/// Damage is in every place that somebody may look at, and in the exit code.
#[track_caller]
fn assert_told(site: &Site, run: &Path, file: &str, what: &str) {
    let ran = analyze(site).expect_code(4);
    let summary = json(&run.join("summary.json"));
    assert_eq!(summary["status"], "damaged", "{}", ran.err);
    let damage = summary["damage"].as_array().expect("a list");
    let one = |d: &serde_json::Value| d["file"] == file && d["what"].to_string().contains(what);
    assert!(damage.iter().any(one), "{what}: {summary}");
    assert!(ran.err.contains(what), "{}", ran.err);
    for report in ["report.md", "report.html"] {
        let text = std::fs::read_to_string(run.join(report)).expect("a report");
        assert!(text.contains(what) && text.contains("amage"), "{report} says nothing of {what}");
    }
}

/// Bytes of samples.jsonl that the blocks of a samples.cols cover.
fn covered(columns: &[u8]) -> u64 {
    let number = |bytes: &[u8]| {
        let mut value = 0u64;
        for (at, byte) in bytes.iter().enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                return (value, at + 1);
            }
        }
        panic!("no number");
    };
    let mut rest = &columns[8..];
    let mut covered = 0;
    while !rest.is_empty() {
        let payload = u32::from_le_bytes(rest[..4].try_into().expect("four bytes")) as usize;
        let (_, start) = number(&rest[8..]);
        covered += number(&rest[8 + start..]).0;
        rest = &rest[8 + payload..];
    }
    covered
}

#[test]
fn the_columns_of_a_real_run_hold_all_of_its_journal() {
    let samples = std::fs::read(recorded().join("samples.jsonl")).expect("a journal");
    let columns = std::fs::read(recorded().join("samples.cols")).expect("columns");
    assert_eq!(covered(&columns), samples.len() as u64);
    let site = Site::new();
    copy(&site);
    let ran = analyze(&site).expect_code(0);
    assert!(!ran.err.contains("samples.cols"), "{}", ran.err);
}

#[test]
fn a_digit_that_changed_is_told_with_and_without_the_columns() {
    let site = Site::new();
    let run = copy(&site);
    let path = run.join("samples.jsonl");
    let mut bytes = std::fs::read(&path).expect("a journal");
    let middle = bytes.len() / 2;
    let digit = bytes[middle..].iter().position(u8::is_ascii_digit).expect("a digit") + middle;
    bytes[digit] ^= 1;
    std::fs::write(&path, &bytes).expect("changed");
    assert_told(&site, &run, "samples.jsonl", "check value");
    std::fs::remove_file(run.join("samples.cols")).expect("columns");
    assert_told(&site, &run, "samples.jsonl", "check value");
}

#[test]
fn what_is_missing_at_the_borders_of_lines_is_told() {
    let lines = |path: &Path| -> Vec<String> {
        let text = std::fs::read_to_string(path).expect("a journal");
        text.split_inclusive('\n').map(str::to_string).collect()
    };
    let site = Site::new();
    let run = copy(&site);
    let (samples, events) = (run.join("samples.jsonl"), run.join("events.jsonl"));
    let all = lines(&samples);
    std::fs::write(&samples, all[..all.len() - 3].concat()).expect("cut");
    assert_told(&site, &run, "samples.jsonl", "its last 3 lines are missing");
    std::fs::write(&samples, [&all[..4], &all[6..]].concat().concat()).expect("cut");
    assert_told(&site, &run, "samples.jsonl", "2 lines before it are missing");
    std::fs::write(&samples, "").expect("emptied");
    assert_told(&site, &run, "samples.jsonl", "results.json was read instead");
    std::fs::write(&samples, all.concat()).expect("whole again");
    std::fs::write(&events, "").expect("emptied");
    assert_told(&site, &run, "events.jsonl", "is empty");
    std::fs::remove_file(run.join("run.json")).expect("run.json");
    assert_told(&site, &run, "run.json", "is missing");
}

#[test]
fn a_run_that_is_analysed_while_it_goes_on_is_told_so_and_writes_its_own_results() {
    let _alone = alone();
    let site = Site::new();
    let mut child = start(&site, &["--set", "baseline.length=25s"]);
    let run = wait_for("sample", Duration::from_secs(60), || {
        let run = site.runs().pop()?;
        let text = std::fs::read_to_string(run.join("samples.jsonl")).ok()?;
        (text.lines().filter(|line| !line.contains("\"priming\":true")).count() >= 2).then_some(run)
    });
    let path = run.display().to_string();
    let ran = site.run(&["analyze", &path, "--no-charts"]).expect_code(4);
    assert!(child.try_wait().expect("a state").is_none(), "it ended too soon: {}", site.log());
    assert!(ran.err.contains("still going on") && !ran.err.contains("killed"), "{}", ran.err);
    assert_eq!(json(&run.join("summary.json"))["status"], "running");
    assert!(!run.join("results.json").exists(), "half a run has no results");
    // As an analysis of an earlier version left it.
    let half = "{\"scenarios\": [],\n\"aborted\": true,\n\"recovered\": true\n}\n";
    std::fs::write(run.join("results.json"), half).expect("written");
    assert!(child.wait().expect("it ends").success(), "{}", site.log());
    let results = json(&run.join("results.json"));
    assert!(results["aborted"].is_null() && results["recovered"].is_null(), "{results}");
    let samples = results["scenarios"][0]["samples"].as_array().expect("samples").len();
    assert!(samples >= 20, "{samples} samples of 25 s");
    assert_eq!(json(&run.join("summary.json"))["status"], "passed");
    // The same left behind by a run of an earlier version is mended by an analysis.
    std::fs::write(run.join("results.json"), half).expect("written");
    site.run(&["analyze", &path, "--no-charts"]).expect_code(0);
    let results = json(&run.join("results.json"));
    assert_eq!(results["scenarios"][0]["samples"].as_array().map(Vec::len), Some(samples));
}

#[test]
fn a_killed_run_is_no_damage_and_its_analysis_ends_with_4() {
    let _alone = alone();
    let site = Site::new();
    let mut child = start(&site, &["--set", "baseline.length=60s"]);
    let run = wait_for("sample", Duration::from_secs(60), || {
        let run = site.runs().pop()?;
        let text = std::fs::read_to_string(run.join("samples.jsonl")).ok()?;
        (text.lines().count() >= 5).then_some(run)
    });
    child.kill().expect("killed");
    child.wait().expect("it ends");
    let path = run.display().to_string();
    let samples = run.join("samples.jsonl");
    let mut text = std::fs::read(&samples).expect("a journal");
    text.extend_from_slice(b"{\"seq\":99,\"at\":9");
    std::fs::write(&samples, text).expect("a torn line");
    let ran = site.run(&["analyze", &path, "--no-charts"]).expect_code(4);
    assert!(ran.err.contains("killed"), "{}", ran.err);
    let summary = json(&run.join("summary.json"));
    assert_eq!((&summary["status"], &summary["damage"]), (&"aborted".into(), &().into()));
    assert_eq!(json(&run.join("results.json"))["recovered"], true);
}

#[test]
fn nothing_is_written_through_links_in_a_run_folder() {
    let (site, theirs) = (Site::new(), Site::new());
    let run = copy(&site);
    let index = theirs.write("index.html", "theirs");
    let old = theirs.write("overview/cpu_heatmap.png", "theirs");
    std::os::unix::fs::symlink(theirs.path(), run.join("charts")).expect("a link");
    site.run(&["analyze", "run"]).expect_code(0);
    assert!(!run.join("charts").is_symlink() && run.join("charts/index.html").is_file());
    for file in [index, old] {
        assert_eq!(std::fs::read_to_string(&file).expect("a file"), "theirs", "{}", file.display());
    }
}
