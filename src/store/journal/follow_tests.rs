//! A journal that is not all there says so, and what is there is used.

use std::fs;
use std::path::Path;

use super::*;
use crate::model::{Event, EventKind, FigureSet, LoadReport, Tick};
use crate::store::run_folder::{COLUMNS, EVENTS, RUN, SAMPLES};
use crate::store::{Damage, RunFolder};

const RUN_ID: &str = "20261121_031455";

fn event(journal: &mut Journal, at: f64, kind: EventKind) {
    journal.event(&Event { at, t: 1.7e9 + at, kind }).expect("append");
}

fn tick(at: u32) -> Tick {
    Tick {
        seq: u64::from(at),
        at: f64::from(at),
        t: 1.7e9 + f64::from(at),
        scenario: "baseline".into(),
        phase: "idle".into(),
        phase_index: 0,
        priming: false,
        late_s: None,
        samples: Vec::new(),
        host: FigureSet::new(),
        devices: Default::default(),
        runner: FigureSet::new(),
        load: LoadReport { queued: Some(at), ..LoadReport::default() },
        watched: Default::default(),
        gaps: Vec::new(),
    }
}

/// A run of ten ticks that ended; its journal only, as whoever moves files about may leave it.
fn recorded(run: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("tempdir");
    let file = RunFile::new(run, "2026-11-21T03:14:55Z");
    let mut journal = Journal::create(&RunFolder::at(folder.path()), &file).expect("create");
    let scenario = || "baseline".to_string();
    let params = serde_json::json!({});
    event(&mut journal, 0.0, EventKind::ScenarioStart { scenario: scenario(), params });
    for at in 0..10 {
        journal.tick(&tick(at)).expect("append");
        if at == 4 {
            event(&mut journal, 4.5, EventKind::Warning { message: "half".into() });
        }
    }
    let (aborted, reason) = (false, None);
    let metadata = serde_json::Value::Null;
    let end = EventKind::ScenarioEnd { scenario: scenario(), aborted, reason, metadata };
    event(&mut journal, 10.0, end);
    event(&mut journal, 10.0, EventKind::RunEnd { abort_reason: None });
    journal.finish().expect("finish");
    fs::remove_file(folder.path().join(COLUMNS)).expect("columns");
    folder
}

/// Keeps the lines of a file that are wanted.
fn keep(folder: &Path, name: &str, wanted: impl Fn(usize) -> bool) {
    let path = folder.join(name);
    let text = fs::read_to_string(&path).expect("a file");
    let lines = text.split_inclusive('\n').enumerate();
    let kept: String = lines.filter(|(at, _)| wanted(*at)).map(|(_, line)| line).collect();
    fs::write(&path, kept).expect("written");
}

fn read(folder: &Path) -> ReadJournal {
    read_journal_for(folder, Depth::All).expect("readable")
}

#[track_caller]
fn only(damage: &[Damage]) -> String {
    let [one] = damage else { panic!("not one place: {damage:?}") };
    let name = one.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let line = one.line.map(|line| format!(":{line}")).unwrap_or_default();
    format!("{name}{line}: {}", one.what)
}

#[test]
fn a_whole_journal_has_no_damage() {
    let folder = recorded(RUN_ID);
    let read = read(folder.path());
    assert_eq!((read.damage.as_slice(), read.notes.as_slice()), (&[][..], &[][..]));
    assert_eq!(read.dataset.scenarios[0].time.len(), 10);
}

#[test]
fn a_tail_that_is_missing_is_told_by_the_events() {
    let folder = recorded(RUN_ID);
    keep(folder.path(), SAMPLES, |line| line < 7);
    let read = read(folder.path());
    let told =
        "samples.jsonl: its last 3 lines are missing: events.jsonl was written beside more of it";
    assert_eq!(only(&read.damage), told);
    assert_eq!(read.dataset.scenarios[0].time.len(), 7, "the rest is used");
}

#[test]
fn a_hole_is_told_where_it_is_at_the_start_too() {
    let folder = recorded(RUN_ID);
    keep(folder.path(), SAMPLES, |line| !(4..7).contains(&line));
    assert_eq!(only(&read(folder.path()).damage), "samples.jsonl:5: 3 lines before it are missing");
    let folder = recorded(RUN_ID);
    keep(folder.path(), SAMPLES, |line| line != 0);
    assert_eq!(only(&read(folder.path()).damage), "samples.jsonl:1: the line before it is missing");
}

#[test]
fn a_hole_in_an_older_journal_is_told_by_the_numbers_of_its_ticks() {
    let folder = recorded(RUN_ID);
    for name in [SAMPLES, EVENTS] {
        let path = folder.path().join(name);
        let text = fs::read_to_string(&path).expect("a file");
        let bare = |line: &str| line.split(",\"run\":").next().map(|l| format!("{l}}}\n"));
        fs::write(&path, text.lines().filter_map(bare).collect::<String>()).expect("written");
    }
    assert_eq!(read(folder.path()).damage, [], "older journals have no seals");
    keep(folder.path(), SAMPLES, |line| line != 4);
    assert_eq!(only(&read(folder.path()).damage), "samples.jsonl:5: the line before it is missing");
}

#[test]
fn an_empty_file_is_told_and_no_line_of_it_is_made_up() {
    let folder = recorded(RUN_ID);
    fs::write(folder.path().join(EVENTS), "").expect("emptied");
    let events = read(folder.path());
    assert!(events.damage[0].what.contains("is empty"), "{:?}", events.damage);
    assert_eq!(events.dataset.scenarios[0].time.len(), 10);
    let folder = recorded(RUN_ID);
    fs::write(folder.path().join(SAMPLES), "").expect("emptied");
    let samples = only(&read(folder.path()).damage);
    assert!(samples.starts_with("samples.jsonl: its last 10 lines are missing"), "{samples}");
}

#[test]
fn events_whose_end_is_missing_are_told_by_the_samples() {
    let folder = recorded(RUN_ID);
    keep(folder.path(), EVENTS, |line| line < 1);
    let read = read(folder.path());
    let told =
        "events.jsonl: its last line is missing: samples.jsonl was written beside more of it";
    assert_eq!(only(&read.damage), told);
    assert_eq!(read.dataset.abort_reason.as_deref(), Some("killed"));
}

#[test]
fn lines_of_another_run_are_not_used() {
    let (folder, other) = (recorded(RUN_ID), recorded("20200101_000000"));
    fs::copy(other.path().join(EVENTS), folder.path().join(EVENTS)).expect("a copy");
    let read = read(folder.path());
    assert_eq!(read.damage.len(), 4, "{:?}", read.damage);
    assert!(read.damage[0].what.contains("run 20200101_000000"), "{}", read.damage[0]);
    assert!(read.dataset.events.is_empty() && read.dataset.scenarios[0].time.len() == 10);
}

#[test]
fn a_run_without_its_run_json_still_knows_its_name() {
    let folder = recorded(RUN_ID);
    fs::remove_file(folder.path().join(RUN)).expect("removed");
    let read = read(folder.path());
    assert!(only(&read.damage).starts_with("run.json: is missing"));
    assert_eq!(read.dataset.test_id, RUN_ID);
}

#[test]
fn a_run_json_of_another_run_is_not_used() {
    let (folder, other) = (recorded(RUN_ID), recorded("20200101_000000"));
    fs::copy(other.path().join(RUN), folder.path().join(RUN)).expect("a copy");
    let read = read(folder.path());
    let told = only(&read.damage);
    assert!(told.starts_with("run.json: belongs to run 20200101_000000"), "{told}");
    assert!(read.dataset.run.is_null() && read.dataset.scenarios[0].time.len() == 10);
}

#[test]
fn every_flipped_bit_of_a_journal_is_told_or_changes_nothing() {
    let folder = recorded(RUN_ID);
    let whole = format!("{:?}", read(folder.path()).dataset);
    for name in [SAMPLES, EVENTS] {
        let path = folder.path().join(name);
        let bytes = fs::read(&path).expect("a file");
        for place in (0..8 * bytes.len()).step_by(37) {
            let mut changed = bytes.clone();
            changed[place / 8] ^= 1 << (place % 8);
            fs::write(&path, &changed).expect("written");
            let read = read(folder.path());
            let same = format!("{:?}", read.dataset) == whole;
            assert!(same || !read.damage.is_empty(), "{name}, bit {place}");
        }
        fs::write(&path, &bytes).expect("written");
    }
}
