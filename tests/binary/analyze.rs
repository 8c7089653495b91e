//! `runner analyze` over files of others and archives: what it writes, twice the same, its codes.

use std::collections::BTreeMap;
use std::path::Path;

use crate::harness::{Site, in_repository, json};

fn predecessor(name: &str) -> String {
    in_repository(&format!("tests/fixtures/predecessor/{name}.results.json.gz"))
        .display()
        .to_string()
}

/// Every file below a folder, by its relative path.
fn content(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).expect("a folder").flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                let name = entry.path().strip_prefix(folder).expect("below").display().to_string();
                all.insert(name, std::fs::read(entry.path()).expect("a file"));
            }
        }
    }
    all
}

#[test]
fn a_predecessors_file_is_analyzed_as_it_is_and_twice_gives_the_same_bytes() {
    let site = Site::new();
    let file = predecessor("full");
    site.run(&["analyze", &file, "--out", "a"]);
    let first = content(&site.path().join("a"));
    for expected in ["summary.json", "report.md", "report.html", "charts/runner.js"] {
        assert!(first.contains_key(expected), "no {expected} in {:?}", first.keys());
    }
    site.run(&["analyze", &file, "--out", "a"]);
    let second = content(&site.path().join("a"));
    assert_eq!(first.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
    for (name, bytes) in &first {
        assert!(second.get(name) == Some(bytes), "{name} differs");
    }
}

#[test]
fn every_chart_is_a_png_and_a_page() {
    let site = Site::new();
    site.run(&["analyze", &predecessor("full"), "--out", "a"]);
    let charts = content(&site.path().join("a/charts"));
    for chart in [
        "overview/cpu_heatmap",
        "overview/memory_heatmap",
        "stress/stress_timeline_cpu",
        "stress/stress_comparison_memory",
        "speed_scaling/speed_scaling_cpu",
        "duration/duration_timeline_memory_1",
    ] {
        let png = charts
            .get(&format!("{chart}.png"))
            .unwrap_or_else(|| panic!("no {chart}.png in {:?}", charts.keys()));
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"), "{chart}.png is no PNG");
        assert!(charts.contains_key(&format!("{chart}.html")), "no {chart}.html");
    }
}

#[test]
fn a_restart_in_an_old_file_is_not_called_an_oom_kill() {
    let site = Site::new();
    site.run(&["analyze", &predecessor("oom"), "--out", "a", "--no-charts"]).expect_code(4);
    let summary = json(&site.path().join("a/summary.json"));
    assert_eq!(summary["status"], "aborted");
    let containers = summary["containers"].as_object().expect("containers");
    let kills: u64 = containers.values().filter_map(|c| c["oom_kills"].as_u64()).sum();
    let restarts: u64 = containers.values().filter_map(|c| c["restarts"].as_u64()).sum();
    assert_eq!((kills, restarts), (0, 1));
}

#[test]
fn an_old_run_that_somebody_interrupted_ends_with_4_as_any_that_was_aborted() {
    let site = Site::new();
    let file = predecessor("interrupt");
    site.run(&["analyze", &file, "--out", "a", "--no-charts"]).expect_code(4);
    let summary = json(&site.path().join("a/summary.json"));
    assert_eq!(summary["abort_reason"], "user_interrupt");
}

#[test]
fn results_are_never_written_through_a_link_beside_an_old_file() {
    let (site, theirs) = (Site::new(), Site::new());
    let file = site.path().join("old/results.json.gz");
    site.write("old/notes.txt", "");
    std::fs::copy(predecessor("full"), &file).expect("a copy");
    let summary = theirs.write("summary.json", "theirs");
    std::os::unix::fs::symlink(theirs.path(), site.path().join("old/runner")).expect("a link");
    site.run(&["analyze", "old", "--no-charts"]);
    assert_eq!(std::fs::read_to_string(summary).expect("a file"), "theirs");
    assert!(site.path().join("old/runner/summary.json").is_file());
}

#[test]
fn an_archive_is_analyzed_run_by_run_and_the_broken_one_is_named_at_the_end() {
    let site = Site::new();
    for name in ["full", "interrupt"] {
        std::fs::create_dir_all(site.path().join("archive").join(name)).expect("a folder");
        let to = site.path().join("archive").join(name).join("results.json.gz");
        std::fs::copy(predecessor(name), to).expect("a copy");
    }
    site.write("archive/broken/results.json", "{\"test_id\": \"x\", \"scenarios\": [{\"sam");
    let ran = site.run(&["analyze", "archive", "--no-charts"]).expect_code(4);
    let last = ran.err.lines().last().unwrap_or_default();
    assert!(last.contains("broken"), "{}", ran.err);
    for name in ["full", "interrupt"] {
        let summary = site.path().join("archive").join(name).join("runner/summary.json");
        assert!(summary.is_file(), "{} is missing:\n{}", summary.display(), ran.err);
    }
}

#[test]
fn a_path_that_is_not_there_and_a_file_of_another_kind_are_usage_errors() {
    let site = Site::new();
    let ran = site.run(&["analyze", "nowhere"]).expect_code(2);
    assert!(ran.err.contains("nowhere"), "{}", ran.err);
    site.write("notes.txt", "hello\n");
    let ran = site.run(&["analyze", "notes.txt"]).expect_code(2);
    assert!(ran.err.contains("notes.txt"), "{}", ran.err);
}

#[test]
fn a_series_csv_gets_a_verdict_and_another_threshold_changes_it() {
    let site = Site::new();
    let mut csv = String::from("time_s,container,anon_bytes,phase\n");
    for second in 0..900 {
        // 2 MB a minute, on a little saw.
        let bytes =
            50e6 + f64::from(second) * 2.0 * 1_048_576.0 / 60.0 + f64::from(second % 7) * 3e4;
        csv.push_str(&format!("{second},web,{bytes:.0},active\n"));
    }
    site.write("series.csv", &csv);
    site.run(&["analyze", "series.csv", "--out", "a", "--no-charts"]).expect_code(1);
    let leak = &json(&site.path().join("a/summary.json"))["containers"]["web"]["leak"];
    assert_eq!(leak["verdict"], "leak");
    let slope = leak["slope_mb_per_min"].as_f64().expect("a slope");
    assert!((slope - 2.0).abs() < 0.1, "{slope}");
    let relaxed = ["analyze", "series.csv", "--out", "b", "--no-charts"];
    let set = ["--set", "leak.leak_mb_per_min=3", "--set", "leak.suspect_mb_per_min=2.5"];
    site.run(&[&relaxed[..], &set[..]].concat()).expect_code(0);
    let summary = json(&site.path().join("b/summary.json"));
    assert_eq!(summary["containers"]["web"]["leak"]["verdict"], "ok");
    assert_eq!(summary["thresholds"]["leak"]["leak_mb_per_min"], 3.0);
}

#[test]
fn json_goes_to_stdout_one_line_an_input() {
    let site = Site::new();
    let file = predecessor("full");
    let ran = site.run(&["analyze", &file, "--out", "a", "--no-charts", "--json"]);
    let line: serde_json::Value = serde_json::from_str(ran.out.trim()).expect("one JSON line");
    assert_eq!(line, json(&site.path().join("a/summary.json")));
}

#[test]
fn hostile_files_end_with_an_error_and_no_panic() {
    let site = Site::new();
    let deep = format!("{{\"scenarios\":{}", "[".repeat(200_000));
    let cases = [
        ("empty.json", String::new()),
        ("deep.json", deep),
        ("list.json", "[1,2,3]".to_string()),
        ("null.json", "{\"test_id\":null,\"scenarios\":null}".to_string()),
    ];
    for (name, text) in cases {
        site.write(name, &text);
        let ran = site.run(&["analyze", name, "--no-charts"]);
        assert!(matches!(ran.code, 2 | 4), "{name}: {} {}", ran.code, ran.err);
        assert!(ran.err.contains(name), "{name}: {}", ran.err);
        assert!(!ran.err.contains("panicked"), "{name}: {}", ran.err);
    }
}

#[test]
fn what_cannot_be_written_does_not_keep_the_answer_back_and_exits_4() {
    let site = Site::new();
    // Folders where files are to be: as on a full disk, they cannot be renamed into place.
    for name in ["report.html", "report.md"] {
        std::fs::create_dir_all(site.path().join("out").join(name)).expect("a folder");
    }
    let ran = site.run(&["analyze", &predecessor("full"), "--out", "out", "--no-charts"]);
    let ran = ran.expect_code(4);
    assert!(ran.err.contains("capacity"), "the verdict is told: {}", ran.err);
    assert!(ran.err.contains("not everything was written"), "{}", ran.err);
    assert!(ran.err.contains("runner analyze FOLDER --out DIR"), "{}", ran.err);
    let summary = json(&site.path().join("out/summary.json"));
    let unfinished = |f: &serde_json::Value| f["kind"] == "unfinished" && f["fails"] == true;
    assert!(summary["findings"].as_array().expect("findings").iter().any(unfinished));
}
