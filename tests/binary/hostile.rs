//! Files that are no files, and files that are more than they seem.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::harness::{Ran, Site, wait_for};

fn pipe(site: &Site, name: &str) {
    let path = site.path().join(name);
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
    assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo").success());
}

/// The program with an upper limit on its memory, killed where it does not end.
fn ended(site: &Site, args: &[&str]) -> Ran {
    // A GiB is promised; what is mapped is a little more than what is used.
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -v 1500000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_runner")]);
    command.args(args).current_dir(site.path()).env("NO_COLOR", "1");
    let log = |name: &str| std::fs::File::create(site.path().join(name)).expect("a log");
    command.stdin(std::process::Stdio::null()).stdout(log("out")).stderr(log("err"));
    let mut child = command.spawn().expect("the program starts");
    let status = wait_for("end of the program", Duration::from_secs(120), || {
        child.try_wait().expect("a state")
    });
    let text = |name: &str| std::fs::read_to_string(site.path().join(name)).unwrap_or_default();
    Ran { code: status.code().unwrap_or(-1), out: text("out"), err: text("err") }
}

const TICK: &str = r#"{"seq":0,"at":1,"t":1,"scenario":"s","phase":"p","index":0,"parts":[{"figures":["pids"]}],"samples":[["web",0,[0,1,5]]]}"#;

#[test]
fn a_pipe_in_place_of_any_file_ends_at_once_and_is_named() {
    for name in ["x", "results.json", "samples.jsonl"] {
        let site = Site::new();
        pipe(&site, &format!("run/{name}"));
        let ran = ended(&site, &["analyze", "run", "--no-charts"]);
        assert!(matches!(ran.code, 2 | 4), "{name}: {} {}", ran.code, ran.err);
        assert!(ran.err.contains(name) && ran.err.contains("named pipe"), "{name}: {}", ran.err);
    }
    for name in ["run.json", "events.jsonl", "samples.cols"] {
        let site = Site::new();
        site.write("run/samples.jsonl", TICK);
        pipe(&site, &format!("run/{name}"));
        let ran = ended(&site, &["analyze", "run", "--no-charts"]).expect_code(4);
        assert!(name == "samples.cols" || ran.err.contains("named pipe"), "{name}: {}", ran.err);
    }
}

#[test]
fn a_config_that_is_a_pipe_or_a_device_is_refused_at_once() {
    let site = Site::new();
    pipe(&site, "pipe.toml");
    for (args, word) in [
        (["check", "-c", "pipe.toml"].as_slice(), "named pipe"),
        (&["check", "-c", "/dev/zero"], "device"),
        (&["run", "-c", "pipe.toml"], "named pipe"),
        (&["init", "pipe.toml", "--out", "new.toml"], "named pipe"),
    ] {
        let ran = ended(&site, args).expect_code(2);
        assert!(ran.err.contains(word) || ran.out.contains(word), "{args:?}: {}", ran.err);
    }
}

/// Ten MB that unpack to gigabytes of blanks.
fn bomb(path: &Path) {
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
    let file = std::fs::File::create(path).expect("a file");
    let mut gz = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    gz.write_all(b"{\"test_id\":\"x\",\"config\":{},\"scenarios\":[").expect("written");
    let blanks = vec![b' '; 1 << 20];
    (0..600).for_each(|_| gz.write_all(&blanks).expect("written"));
    gz.finish().expect("written");
}

#[test]
fn what_is_too_large_is_refused_within_a_gib_of_memory() {
    let site = Site::new();
    bomb(&site.path().join("bomb/results.json.gz"));
    let ran = ended(&site, &["analyze", "bomb", "--no-charts"]).expect_code(4);
    assert!(ran.err.contains("larger"), "{}", ran.err);
    site.write("device/samples.jsonl", TICK);
    std::os::unix::fs::symlink("/dev/zero", site.path().join("device/run.json")).expect("a link");
    let ran = ended(&site, &["analyze", "device", "--no-charts"]).expect_code(4);
    assert!(ran.err.contains("device, not a regular file"), "{}", ran.err);
    site.write("large/samples.jsonl", TICK);
    let file = site.write("large/run.json", "{\"test_id\":\"");
    let file = std::fs::OpenOptions::new().write(true).open(file).expect("a file");
    file.set_len(3 << 30).expect("a hole");
    let ran = ended(&site, &["analyze", "large", "--no-charts"]).expect_code(4);
    assert!(ran.err.contains("run.json") && ran.err.contains("larger"), "{}", ran.err);
}

#[test]
fn small_text_that_becomes_large_trees_is_refused_within_a_gib_of_memory() {
    let site = Site::new();
    let maps = "{\"a\":0},".repeat(12 << 20);
    let text = format!("{{\"test_id\":\"x\",\"config\":[{maps}0],\"scenarios\":[]}}");
    site.write("trees/results.json", &text);
    let ran = ended(&site, &["analyze", "trees", "--no-charts"]).expect_code(4);
    assert!(ran.err.contains("results.json"), "{}", ran.err);
}
