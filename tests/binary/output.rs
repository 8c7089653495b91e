//! What is told: it decides nothing, steers no terminal, and holds no credential; and who may read
//! what is written.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::{Ran, Site, alone, in_repository, json};

/// A stack of one idle process, watched for a second.
const WATCHED: &str = r#"
project = "watched"
scenarios = ["watch"]
[stack]
kind = "process"
[[stack.service]]
name = "web"
command = ["sleep", "100"]
[[scenario]]
name = "watch"
[[scenario.phase]]
name = "active"
interval = "250ms"
until = "1s"
"#;

fn watched() -> Site {
    let site = Site::new();
    site.write("runner.toml", WATCHED);
    site
}

/// A pipe that nobody reads any more.
fn left() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

fn full() -> Stdio {
    std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full").into()
}

fn code(mut command: Command) -> i32 {
    command.status().expect("the program starts").code().unwrap_or(-1)
}

/// The code of a call whose output nobody takes: a full disk, then a reader that is gone.
fn untold(site: &Site, args: &[&str]) -> [i32; 2] {
    [full as fn() -> Stdio, left].map(|sink| {
        let mut command = site.command(args);
        command.stdout(sink()).stderr(sink());
        code(command)
    })
}

#[test]
fn what_cannot_be_told_is_dropped_and_the_exit_code_is_the_verdicts() {
    let _alone = alone();
    let site = watched();
    for args in [
        &["check"][..],
        &["check", "--json"],
        &["run", "--dry-run"],
        &["run", "--no-charts"],
        &["run", "--no-such-option"],
        &["--help"],
    ] {
        let told = site.run(args).code;
        assert_eq!(untold(&site, args), [told; 2], "{args:?}");
    }
    let runs = site.runs();
    assert_eq!(runs.len(), 3, "one run told, two not");
    for run in runs {
        assert_eq!(json(&run.join("summary.json"))["status"], "passed");
    }
    let file = in_repository("tests/fixtures/predecessor/full.results.json.gz");
    let args = ["analyze", "--json", "--no-charts", "--out", "a", &file.display().to_string()];
    let told = site.run(&args).code;
    assert_eq!(untold(&site, &args), [told; 2]);
}

/// ESC, BEL, CSI of the second set, a right-to-left override, an isolate.
const STEERING: &str = "id\u{1b}[31mX\u{7}\u{9b}1m\u{202e}\u{2066}";

#[track_caller]
fn assert_shows_only(text: &str) {
    let steers = |c: &char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert_eq!(text.chars().find(steers), None, "{text:?}");
}

/// The lines of a journal as an older run's, which do not say whose they are.
fn unsealed(journal: &str) -> String {
    let plain = |line: &str| {
        let (line, _) = line.rsplit_once(",\"run\":").expect("a sealed line");
        format!("{line}}}\n")
    };
    journal.lines().map(plain).collect()
}

#[test]
fn nothing_from_outside_steers_the_terminal_or_the_reports() {
    let _alone = alone();
    let site = watched();
    site.run(&["run", "--no-charts"]).expect_code(0);
    let run = site.runs().pop().expect("a run folder");
    // Of an archive: its members are named by their ids.
    for member in ["a/1", "a/2"] {
        let member = site.path().join(member);
        std::fs::create_dir_all(&member).expect("a folder");
        for file in ["samples.jsonl", "events.jsonl"] {
            let text = std::fs::read_to_string(run.join(file)).expect("a journal");
            std::fs::write(member.join(file), unsealed(&text)).expect("a copy");
        }
        let mut known = json(&run.join("run.json"));
        known["test_id"] = STEERING.into();
        std::fs::write(member.join("run.json"), known.to_string()).expect("a file");
    }
    let several = site.run(&["analyze", "a", "--json", "--no-charts"]);
    assert!(several.err.contains("id [31mX"), "the id is told:\n{}", several.err);
    assert_shows_only(&several.err);
    assert_shows_only(&several.out);
    let first = several.out.lines().next().expect("a line");
    let summary: serde_json::Value = serde_json::from_str(first).expect("JSON");
    assert_eq!(summary["test_id"], STEERING, "machines get the very same text");
    for report in ["report.md", "report.html"] {
        let text = std::fs::read_to_string(site.path().join("a/1").join(report)).expect("a report");
        assert!(text.contains("31mX"), "{report} names the run");
        assert_shows_only(&text);
    }

    let mut known = json(&run.join("run.json"));
    known["config"]["leak"] = serde_json::json!({ format!("a{STEERING}"): 1 });
    std::fs::write(site.path().join("a/1/run.json"), known.to_string()).expect("a file");
    let key = site.run(&["analyze", "a/1", "--no-charts"]).err;
    assert!(key.contains("aid [31mX"), "the key is told:\n{key}");
    assert_shows_only(&key);

    site.write("c.toml", "\"k\\u001b[31m\\u202e\" = 1\n");
    let config = site.run(&["check", "-c", "c.toml"]).expect_code(2);
    assert!(config.err.contains("k [31m"), "{}", config.err);
    assert_shows_only(&config.err);
    assert_shows_only(&site.run(&["run", "--dry-run", "--set", STEERING]).expect_code(2).err);
    assert_shows_only(&site.run(&["run", &format!("--{STEERING}")]).expect_code(2).err);
}

#[test]
fn credentials_are_masked_by_value_in_all_that_is_recorded_and_told() {
    let _alone = alone();
    let site = watched();
    let config = WATCHED.replace(
        r#"command = ["sleep", "100"]"#,
        r#"command = ["sh", "-c", "echo SVCTOK-1 SVCTOK-5; sleep 100", "x", "--token", "SVCTOK-1", "--api-key=SVCTOK-2", "-pSVCTOK-3", "postgres://u:SVCTOK-4@h/db"]
env = { X_TOKEN = "SVCTOK-5" }
health = { command = ["true", "--password", "SVCTOK-6"] }"#,
    ) + r#"
[[hook]]
name = "a"
when = "before"
command = ["sh", "-c", "echo curl -u me:HOOKTOK-1 -H 'Authorization: Bearer HOOKTOK-2' http://x/?token=HOOKTOK-3; env; exit 1"]
[[hook]]
name = "b"
when = "before"
command = ["sh", "-c", "echo ended with SVCTOK-5 and HOOKTOK-7 >&2; exit 3", "-u", "me:HOOKTOK-7"]
"#;
    site.write("runner.toml", &config);
    let mut command = site.command(&["run", "--no-charts"]);
    command.env("CI_JOB_TOKEN", "CITOK-001");
    let ran = Ran::from(command.output().expect("the program starts")).expect_code(0);
    let run = site.runs().pop().expect("a run folder");
    let mut all = vec![("the terminal".to_string(), ran.err.into_bytes())];
    for path in files(&run) {
        let name = path.strip_prefix(&run).expect("below").display().to_string();
        all.push((name, std::fs::read(&path).expect("a file")));
    }
    for (name, bytes) in &all {
        let text = String::from_utf8_lossy(bytes);
        for secret in ["SVCTOK-", "HOOKTOK-", "CITOK-"] {
            assert!(!text.contains(secret), "{secret} stands in {name}:\n{text}");
        }
    }
    let hooks = all.iter().filter(|(name, _)| name.starts_with("hooks/"));
    let said: String = hooks.map(|(_, bytes)| String::from_utf8_lossy(bytes)).collect();
    assert!(said.contains("me:***") && said.contains("ended with *** and ***"), "{said}");
    assert!(said.contains("CI_JOB_TOKEN=***"), "{said}");
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        match entry.path() {
            path if path.is_dir() => all.extend(files(&path)),
            path => all.push(path),
        }
    }
    all
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("there").permissions().mode() & 0o777
}

#[test]
fn a_run_folder_is_its_users_alone_unless_the_config_says_otherwise() {
    let _alone = alone();
    let site = watched();
    site.run(&["run"]).expect_code(0);
    let closed = site.runs().pop().expect("a run folder");
    assert_eq!(mode(&closed), 0o700);
    for file in files(&closed) {
        assert_eq!(mode(&file) & 0o077, 0, "{}", file.display());
    }
    // What is analyzed elsewhere is open as the umask has it, like any file.
    site.run(&["analyze", &closed.display().to_string(), "--no-charts", "--out", "mine"]);
    let usual = site.write("usual", "");
    assert_eq!(mode(&site.path().join("mine/report.md")), mode(&usual));

    site.run(&["run", "--no-charts", "--set", "results.mode=\"0755\""]).expect_code(0);
    let open = site.runs().into_iter().find(|run| *run != closed).expect("another");
    assert_eq!(mode(&open), 0o755);
    assert_eq!(mode(&open.join("run.json")), mode(&usual) & 0o755);

    for wrong in ["0500", "4755", "0800", "rwx"] {
        let wrong = format!("results.mode=\"{wrong}\"");
        let ran = site.run(&["run", "--dry-run", "--set", &wrong]).expect_code(2);
        assert!(ran.err.contains("results.mode") && ran.err.contains("0750"), "{}", ran.err);
    }
}
