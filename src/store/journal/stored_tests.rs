//! A journal read with its columns is the journal read without them, whatever became of the file.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::model::{
    Event, EventKind, Figure, FigureSet, LoadReport, Part, Sample, SourceKind, Tick,
};
use crate::store::RunFolder;
use crate::store::columnar::Stored;
use crate::store::run_folder::{COLUMNS, EVENTS, SAMPLES};

const FIGURES: [Figure; 6] = [
    Figure::CpuUsageNs,
    Figure::MemoryWorkingSetBytes,
    Figure::MemoryLimitBytes,
    Figure::CpuPercent,
    Figure::OomKills,
    Figure::IoReadBytes,
];
const SOURCES: [SourceKind; 3] = [SourceKind::Cgroup, SourceKind::Docker, SourceKind::Engine];

fn any_part() -> impl Strategy<Value = Part> {
    let value = prop_oneof![(0..2000u32).prop_map(f64::from), 0.0..1e12, Just(512.0)];
    let figures = proptest::collection::vec((0..FIGURES.len(), value), 0..6);
    (0..SOURCES.len(), 0.0..0.9, figures).prop_map(|(source, at, figures)| Part {
        source: SOURCES[source],
        at,
        figures: figures.into_iter().map(|(at, value)| (FIGURES[at], value)).collect(),
    })
}

/// Parts in any order and, now and then, one source twice, as the engine's disks and restarts are.
fn any_row() -> impl Strategy<Value = Vec<Sample>> {
    let sample = ("[a-d]", 0..2u32, proptest::collection::vec(any_part(), 0..3));
    let sample = sample.prop_map(|(name, incarnation, parts)| Sample { name, incarnation, parts });
    proptest::collection::vec(sample, 0..4).prop_map(|mut samples: Vec<Sample>| {
        let mut seen = std::collections::HashSet::new();
        samples.retain(|sample| seen.insert(sample.name.clone()));
        samples
    })
}

fn tick(row: usize, samples: Vec<Sample>, priming: bool) -> Tick {
    let at = row as f64 + 1.0;
    let shifted = |mut sample: Sample| {
        sample.parts.iter_mut().for_each(|part| part.at += at);
        sample
    };
    Tick {
        seq: row as u64,
        at,
        t: 1.7e9 + at,
        scenario: if row < 9 { "baseline" } else { "soak" }.into(),
        phase: "active".into(),
        phase_index: 0,
        priming,
        late_s: None,
        samples: samples.into_iter().map(shifted).collect(),
        host: [(Figure::HostLoad1, at)].into_iter().collect(),
        runner: FigureSet::new(),
        load: LoadReport { queued: Some(row as u32), ..LoadReport::default() },
        devices: Default::default(),
        watched: Default::default(),
        gaps: Vec::new(),
    }
}

fn record(folder: &Path, rows: &[(Vec<Sample>, bool)]) {
    let run = RunFile::new("x", "2026-01-30T14:30:22Z");
    let mut journal = Journal::create(&RunFolder::at(folder), &run).expect("create");
    for (row, (samples, priming)) in rows.iter().enumerate() {
        journal.tick(&tick(row, samples.clone(), *priming)).expect("append");
    }
    let end = EventKind::RunEnd { abort_reason: None };
    journal.event(&Event { at: 99.0, t: 1.7e9, kind: end }).expect("append");
    journal.finish().expect("finish");
}

/// Equal to the bit: absent cells are NaN, which is not equal to itself.
fn shown(read: &ReadJournal) -> String {
    format!("{:?} {:?}", read.dataset, read.damage)
}

fn read(folder: &Path) -> ReadJournal {
    read_journal_for(folder, Depth::All).expect("readable")
}

fn plain(folder: &Path) -> String {
    let (columns, away) = (folder.join(COLUMNS), folder.join("away"));
    std::fs::rename(&columns, &away).expect("move");
    let plain = shown(&read(folder));
    std::fs::rename(&away, &columns).expect("move");
    plain
}

/// Bytes of the journal that its columns cover.
fn covered(folder: &Path) -> u64 {
    Stored::open(&folder.join(COLUMNS)).map_or(0, |stored| stored.covered())
}

fn length(folder: &Path) -> u64 {
    std::fs::metadata(folder.join(SAMPLES)).expect("a journal").len()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn columns_say_what_the_journal_says_torn_or_changed_anywhere(
        rows in proptest::collection::vec((any_row(), proptest::bool::weighted(0.1)), 1..20),
        cut in 0.0..1.0,
        flip in 0.0..1.0,
    ) {
        let folder = tempfile::tempdir().expect("tempdir");
        record(folder.path(), &rows);
        let plain = plain(folder.path());
        prop_assert_eq!(covered(folder.path()), length(folder.path()), "the columns are whole");
        prop_assert_eq!(shown(&read(folder.path())), plain.clone());
        let path = folder.path().join(COLUMNS);
        let whole = std::fs::read(&path).expect("columns");
        let place = |share: f64| ((whole.len() as f64 * share) as usize).min(whole.len() - 1);
        std::fs::write(&path, &whole[..place(cut)]).expect("cut");
        prop_assert_eq!(shown(&read(folder.path())), plain.clone());
        let mut changed = whole.clone();
        changed[place(flip)] ^= 0x10;
        std::fs::write(&path, &changed).expect("change");
        prop_assert_eq!(shown(&read(folder.path())), plain);
    }
}

/// Ticks of a real run of containers, of which the first has an engine in one part and the second in
/// two: `tests/fixtures/journal`.
#[test]
fn the_columns_of_real_ticks_are_whole_and_say_what_the_journal_says() {
    let text = include_str!("../../../tests/fixtures/journal/containers.jsonl");
    let sources = [("cpu_usage_ns".to_string(), SourceKind::Cgroup)].into();
    let known = FigureSources::new(&sources);
    let run = RunFile { sources, ..RunFile::new("x", "2026-01-30T14:30:22Z") };
    let folder = tempfile::tempdir().expect("tempdir");
    let mut journal = Journal::create(&RunFolder::at(folder.path()), &run).expect("create");
    let mut two = 0;
    for line in text.lines() {
        let tick = read_line(line.as_bytes(), &known).expect("a tick");
        let engine = |sample: &&Sample| {
            sample.parts.iter().filter(|part| part.source == SourceKind::Engine).count() > 1
        };
        two += tick.samples.iter().filter(engine).count();
        journal.tick(&tick).expect("append");
    }
    journal.finish().expect("finish");
    assert_eq!(two, 4, "what ended the columns once");
    assert_eq!(covered(folder.path()), length(folder.path()));
    let with = read(folder.path());
    assert!(with.notes.is_empty(), "{:?}", with.notes);
    assert_eq!(shown(&with), plain(folder.path()));
}

fn rows(count: usize) -> Vec<(Vec<Sample>, bool)> {
    let sample = |name: &str, row: usize| Sample {
        name: name.into(),
        incarnation: u32::from(row > 5),
        parts: vec![Part {
            source: SourceKind::Cgroup,
            at: 0.25,
            figures: [
                (Figure::CpuUsageNs, row as f64 * 1e8),
                (Figure::MemoryWorkingSetBytes, 4096.0 * (row * row) as f64),
                (Figure::MemoryLimitBytes, 1e9),
            ]
            .into_iter()
            .collect(),
        }],
    };
    (0..count).map(|row| (vec![sample("web", row), sample("db", row)], row == 0)).collect()
}

#[test]
fn columns_are_used_and_the_ticks_after_the_last_block_come_from_the_journal() {
    let folder = tempfile::tempdir().expect("tempdir");
    record(folder.path(), &rows(11));
    let journal = folder.path().join(SAMPLES);
    let whole = std::fs::read(&journal).expect("journal");
    let read_before = read(folder.path());
    assert!(read_before.notes.is_empty());
    let stored = Stored::open(&folder.path().join(COLUMNS)).expect("columns");
    assert_eq!((stored.covered(), stored.blocks().len()), (whole.len() as u64, 4));
    stored.lines(&journal).expect("they belong together");
    let with = read_before.dataset.scenarios[0].series("web").expect("web");
    assert!(with.columns.get(Figure::CpuPercent).is_some());
    assert_eq!(with.incarnation, [0, 0, 0, 0, 0, 1, 1, 1]);
    let mut more = whole.clone();
    more.extend_from_slice(&whole[whole.len() - 40..]);
    std::fs::write(&journal, &more).expect("append");
    let read = read(folder.path());
    assert!(read.notes.is_empty());
    assert_eq!((read.damage.len(), read.damage[0].line), (1, Some(12)));
}

#[test]
fn columns_of_the_version_before_are_still_used() {
    let folder = tempfile::tempdir().expect("tempdir");
    record(folder.path(), &rows(11));
    let path = folder.path().join(COLUMNS);
    let new = std::fs::read(&path).expect("columns");
    std::fs::write(&path, [b"RUNCOLS1".as_slice(), &new[8..]].concat()).expect("written");
    assert_eq!(covered(folder.path()), length(folder.path()));
    let read = read(folder.path());
    assert!(read.notes.is_empty(), "{:?}", read.notes);
    assert_eq!(shown(&read), plain(folder.path()));
}

#[test]
fn a_changed_line_is_named_and_left_out_and_the_columns_are_not_used() {
    let folder = tempfile::tempdir().expect("tempdir");
    record(folder.path(), &rows(11));
    let journal = folder.path().join(SAMPLES);
    let text = std::fs::read_to_string(&journal).expect("journal");
    std::fs::write(&journal, text.replacen("102400", "102401", 1)).expect("change");
    let read = read(folder.path());
    assert_eq!(read.damage.len(), 1, "{:?}", read.damage);
    assert_eq!(read.damage[0].line, Some(6));
    assert!(read.notes.is_empty(), "the columns are not blamed: {:?}", read.notes);
    assert_eq!(read.dataset.scenarios[0].time, [2.0, 3.0, 4.0, 5.0, 7.0, 8.0, 9.0]);
    assert_eq!(shown(&read), plain(folder.path()));
    std::fs::write(&journal, &text.as_bytes()[..text.len() / 2]).expect("cut");
    assert_eq!(
        shown(&super::read_journal_for(folder.path(), Depth::All).expect("readable")),
        plain(folder.path())
    );
}

/// Lines as older runs wrote them.
fn unsealed(text: &str) -> String {
    let bare = |line: &str| {
        let (tick, _) = line.split_once(",\"run\":").expect("a seal");
        format!("{tick}}}\n")
    };
    text.lines().map(bare).collect()
}

#[test]
fn an_older_journal_that_was_changed_by_hand_is_believed_and_the_columns_are_not() {
    let folder = tempfile::tempdir().expect("tempdir");
    record(folder.path(), &rows(11));
    for file in [SAMPLES, EVENTS] {
        let path = folder.path().join(file);
        let text = std::fs::read_to_string(&path).expect("journal");
        std::fs::write(&path, unsealed(&text).replacen("102400", "102401", 1)).expect("change");
    }
    let read = read(folder.path());
    assert_eq!((read.damage.len(), read.notes.len()), (0, 1), "{:?}", read.damage);
    assert!(read.notes[0].contains("samples.cols"));
    let soak = read.dataset.scenarios[0].series("web").expect("web");
    assert_eq!(soak.columns.at(Figure::MemoryWorkingSetBytes, 4), Some(102_401.0));
    assert_eq!(shown(&read), plain(folder.path()));
}

#[test]
fn a_container_twice_in_a_tick_ends_the_columns_with_the_tick_before() {
    let folder = tempfile::tempdir().expect("tempdir");
    let mut rows = rows(6);
    let twin = rows[4].0[0].clone();
    rows[4].0.push(twin);
    record(folder.path(), &rows);
    let text = std::fs::read_to_string(folder.path().join(SAMPLES)).expect("journal");
    let four: usize = text.split_inclusive('\n').take(4).map(str::len).sum();
    assert_eq!(covered(folder.path()), four as u64);
    let read = read(folder.path());
    assert!(read.notes.is_empty(), "{:?}", read.notes);
    assert_eq!(shown(&read), plain(folder.path()));
}

#[test]
fn containers_that_come_and_go_take_no_room_for_the_ticks_without_them() {
    let folder = tempfile::tempdir().expect("tempdir");
    let mut rows = rows(40);
    for (at, (samples, _)) in rows.iter_mut().enumerate() {
        let mut job = samples[0].clone();
        job.name = format!("job-{at}");
        samples.push(job);
    }
    record(folder.path(), &rows);
    let read = read(folder.path());
    assert!(read.notes.is_empty(), "{:?}", read.notes);
    assert_eq!(shown(&read), plain(folder.path()));
}

#[test]
fn columns_may_not_ask_for_more_than_the_journal_they_lie_beside() {
    let folder = tempfile::tempdir().expect("tempdir");
    let mut rows = rows(3000);
    for at in [1, 2999] {
        let one = rows[at].0[0].clone();
        let many = (0..1500).map(|n| Sample { name: format!("x{n}"), ..one.clone() });
        rows[at].0.extend(many);
    }
    record(folder.path(), &rows);
    assert!(read_journal_for(folder.path(), Depth::All).is_err(), "with columns");
    std::fs::remove_file(folder.path().join(COLUMNS)).expect("columns");
    assert!(read_journal_for(folder.path(), Depth::All).is_err(), "without them");
}
