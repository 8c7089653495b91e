//! Promises about paths given to `analyze`.

use std::fs;
use std::io::Write;

use super::*;

fn fixture(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("tests/fixtures/predecessor").join(name);
    fs::read(path).expect("fixture")
}

const TICK: &str = r#"{"seq":0,"at":1,"t":1,"scenario":"s","phase":"p","index":0,"parts":[{"figures":["pids"]}],"samples":[["web",0,[0,1,5]]]}"#;

#[test]
fn a_run_is_told_by_its_content_whatever_it_is_called() {
    let folder = tempfile::tempdir().expect("tempdir");
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("write");
        path
    };
    let results = put("a.bin", &fixture("oom.results.json.gz"));
    assert_eq!(detect(&results).expect("results"), Input::Results(results.clone()));
    let csv = put("b.txt", b"container,time_s,anon_bytes\na,1,2\n");
    assert_eq!(detect(&csv).expect("csv"), Input::SeriesCsv(csv.clone()));
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(format!("{TICK}\n").as_bytes()).expect("gzip");
    let samples = put("c", &gz.finish().expect("gzip"));
    assert_eq!(detect(&samples).expect("samples"), Input::Samples(samples.clone()));
    let read = read(&Input::Samples(samples)).expect("read");
    assert_eq!(read.dataset.scenarios[0].containers[0].name, "web");
}

#[test]
fn a_wrong_argument_is_told_from_a_damaged_file() {
    let folder = tempfile::tempdir().expect("tempdir");
    let missing = detect(&folder.path().join("none")).expect_err("missing");
    assert!(missing.is_usage());
    assert!(detect(folder.path()).expect_err("empty folder").is_usage());
    let picture = folder.path().join("x.png");
    fs::write(&picture, b"\x89PNG\r\n").expect("write");
    let unknown = detect(&picture).expect_err("unknown");
    assert!(unknown.is_usage() && unknown.to_string().contains("PNG"));
    let empty = folder.path().join("results.json");
    fs::write(&empty, b"").expect("write");
    let input = detect(&empty).expect("by its name");
    assert!(!read(&input).expect_err("damaged").is_usage());
}

#[test]
fn an_archive_lists_its_runs_by_name_and_passes_over_the_rest() {
    let archive = tempfile::tempdir().expect("tempdir");
    for name in ["b", "a"] {
        let run = archive.path().join(name);
        fs::create_dir(&run).expect("mkdir");
        fs::write(run.join("results.json.gz"), fixture("oom.results.json.gz")).expect("write");
    }
    let own = archive.path().join("c");
    fs::create_dir(&own).expect("mkdir");
    fs::write(own.join("samples.jsonl"), TICK).expect("write");
    fs::create_dir(archive.path().join("d")).expect("mkdir");
    fs::write(archive.path().join("notes.txt"), "hello").expect("write");
    let Input::Archive { members, .. } = detect(archive.path()).expect("archive") else {
        panic!("not an archive");
    };
    let names: Vec<_> = members.iter().map(|m| m.path().file_name().unwrap_or_default()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert!(matches!(members[2], Input::RunFolder(_)));
    let loaded = read(&members[2]).expect("journal");
    assert!(loaded.needs_results);
    assert_eq!(out_dir_for(&members[0], None, true), archive.path().join("a/runner"));
    assert_eq!(out_dir_for(&members[2], None, true), own);
}

#[test]
fn results_go_where_the_documentation_says() {
    let out = Path::new("out");
    let csv = Input::SeriesCsv("nights/short.csv.gz".into());
    let run = Input::RunFolder("results/20260130_143022".into());
    let foreign = Input::Results("old/20260130_143022/results.json".into());
    assert_eq!(out_dir_for(&csv, None, false), Path::new("results/short"));
    assert_eq!(out_dir_for(&run, None, true), Path::new("results/20260130_143022"));
    assert_eq!(out_dir_for(&foreign, None, false), Path::new("old/20260130_143022/runner"));
    assert_eq!(out_dir_for(&csv, Some(out), false), out);
    assert_eq!(out_dir_for(&csv, Some(out), true), out.join("short"));
    assert_eq!(out_dir_for(&foreign, Some(out), true), out.join("20260130_143022"));
}

#[test]
fn a_summary_or_a_run_json_alone_is_no_run() {
    let folder = tempfile::tempdir().expect("tempdir");
    for text in [
        r#"{"schema_version":1,"test_id":"x","status":"passed","containers":{},"findings":[]}"#,
        r#"{"test_id":"x","verdict":{"overall_status":"pass"},"scenarios_passed":4}"#,
        r#"{"schema_version":1,"test_id":"x","config":{},"plan":[]}"#,
    ] {
        let path = folder.path().join("other.json");
        fs::write(&path, text).expect("write");
        assert!(detect(&path).expect_err("no run").is_usage(), "{text}");
    }
}
