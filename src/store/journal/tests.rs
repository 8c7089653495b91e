//! Promises of the journal: nothing is lost, damage costs no more than its line.

use proptest::prelude::*;

use super::*;
use crate::model::figure::TABLE;
use crate::model::rates::derive;
use crate::model::{
    Event, EventKind, Figure, FigureSet, Gap, HealthCheck, Kind, LoadReport, Measured, Part,
    Sample, Scope, SourceKind, Tick, Watched,
};
use crate::store::RunFolder;

fn any_figures() -> impl Strategy<Value = FigureSet> {
    let container = |at: usize| TABLE[at].scope == Scope::Container;
    let index = (0..TABLE.len()).prop_filter("container figure", move |at| container(*at));
    let value = prop_oneof![
        any::<u32>().prop_map(f64::from),
        any::<f64>().prop_filter("finite", |v| v.is_finite()),
    ];
    proptest::collection::vec((index, value), 0..12)
        .prop_map(|pairs| pairs.into_iter().map(|(at, v)| (TABLE[at].figure, v)).collect())
}

fn any_sample() -> impl Strategy<Value = Sample> {
    let source = proptest::sample::select(SourceKind::NAMES.to_vec()).prop_map(|(kind, _)| kind);
    let part = (source, 0.0..1e6, any_figures());
    let part = part.prop_map(|(source, at, figures)| Part { source, at, figures });
    ("[a-c\"\\\\é]{1,3}", 0..3u32, proptest::collection::vec(part, 0..3))
        .prop_map(|(name, incarnation, parts)| Sample { name, incarnation, parts })
}

fn watched(at: f64, life: Option<u32>) -> Watched {
    let mut watched = Watched::default();
    if let Some(life) = life {
        let at = at.floor() + 0.25;
        let reading = Measured { value: at / 4.0, at, life };
        watched.gauges.insert("queue".into(), reading);
        watched.counters.insert("a \"b\"".into(), reading);
        let check = |ms| HealthCheck { at, ms };
        watched.health.insert("web".into(), vec![check(Some(at)), check(None)]);
    }
    watched
}

fn any_tick() -> impl Strategy<Value = Tick> {
    let samples = proptest::collection::vec(any_sample(), 0..5);
    let load = (proptest::option::of(0..500u32), proptest::option::of("[A-Z]{3}"));
    let gaps = proptest::collection::vec("[a-z ]{0,8}", 0..2);
    let devices = proptest::collection::btree_map("gpu[0-9]|é\"", any_figures(), 0..3);
    (0.0..1e6, any::<String>(), any::<bool>(), samples, load, gaps, devices).prop_map(
        |(at, scenario, priming, samples, (queued, state), gaps, devices)| Tick {
            seq: 7,
            at,
            t: 1.7e9 + at,
            scenario,
            phase: "active".into(),
            phase_index: 3,
            priming,
            late_s: priming.then_some(0.25),
            samples,
            host: [(Figure::HostLoad1, at)].into_iter().collect(),
            devices,
            runner: FigureSet::new(),
            load: LoadReport { queued, state, ..LoadReport::default() },
            watched: watched(at, queued),
            gaps: gaps
                .into_iter()
                .map(|reason| Gap { source: SourceKind::Docker, container: None, reason })
                .collect(),
        },
    )
}

fn cgroup_sources() -> FigureSources {
    let rows = TABLE.iter().map(|row| (row.name.to_string(), SourceKind::Cgroup));
    FigureSources::new(&rows.collect())
}

proptest! {
    #[test]
    fn a_tick_comes_back_from_its_line_as_it_was(tick in any_tick()) {
        let sources = cgroup_sources();
        let mut line = Vec::new();
        write_line(&tick, &sources, &mut line);
        prop_assert_eq!(line.iter().filter(|b| **b == b'\n').count(), 1);
        prop_assert_eq!(read_line(&line, &sources).expect("readable"), tick);
    }

}

proptest! {
    // Each case syncs a journal to the disk.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_columns_hold_the_gauges_as_read_and_the_rates_as_derive_makes_them(
        samples in proptest::collection::vec(any_sample(), 1..6),
    ) {
        let folder = tempfile::tempdir().expect("tempdir");
        let run = RunFile::new("x", "2026-01-30T14:30:22Z");
        let mut journal = Journal::create(&RunFolder::at(folder.path()), &run).expect("create");
        let mut expected = Vec::new();
        let mut before: std::collections::HashMap<String, Sample> = Default::default();
        for (row, sample) in samples.iter().enumerate() {
            let tick = tick("baseline", row as f64, vec![sample.clone()]);
            journal.tick(&tick).expect("append");
            let mut all = derive(before.get(&sample.name), sample);
            for (figure, value) in sample.merged().iter() {
                if figure.row().kind != Kind::Rate {
                    all.set(figure, value);
                }
            }
            expected.push((sample.name.clone(), all));
            before.insert(sample.name.clone(), sample.clone());
        }
        journal.finish().expect("finish");
        let (dataset, _) = read_journal(folder.path()).expect("read");
        for (row, (name, figures)) in expected.iter().enumerate() {
            let series = dataset.scenarios[0].series(name);
            for at in TABLE {
                let read = series.and_then(|s| s.columns.at(at.figure, row));
                prop_assert_eq!(read, figures.get(at.figure), "{} of {} in row {}", at.name, name, row);
            }
        }
    }

    #[test]
    fn no_line_makes_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0..400usize) {
        let _ = read_line(&bytes, &FigureSources::default());
        let mut line = Vec::new();
        write_line(&tick("s", 1.0, vec![web(1.0, 2e9)]), &FigureSources::default(), &mut line);
        line.truncate(cut);
        let _ = read_line(&line, &FigureSources::default());
    }
}

fn tick(scenario: &str, at: f64, samples: Vec<Sample>) -> Tick {
    Tick {
        seq: at as u64,
        at,
        t: 1_769_783_422.0 + at,
        scenario: scenario.into(),
        phase: "idle".into(),
        phase_index: 0,
        priming: false,
        late_s: None,
        samples,
        host: FigureSet::new(),
        devices: Default::default(),
        runner: FigureSet::new(),
        load: LoadReport::default(),
        watched: Default::default(),
        gaps: Vec::new(),
    }
}

fn web(at: f64, cpu_ns: f64) -> Sample {
    let figures = [(Figure::CpuUsageNs, cpu_ns), (Figure::AnonBytes, 4096.0 * at)];
    Sample {
        name: "web".into(),
        incarnation: 0,
        parts: vec![Part {
            source: SourceKind::Cgroup,
            at,
            figures: figures.into_iter().collect(),
        }],
    }
}

fn event(at: f64, kind: EventKind) -> Event {
    Event { at, t: 1_769_783_422.0 + at, kind }
}

fn phase(index: u32, name: &str, sampled: bool) -> EventKind {
    EventKind::PhaseStart {
        scenario: "baseline".into(),
        phase: name.into(),
        index,
        interval_s: 1.0,
        planned_s: None,
        level: Some(20),
        speed: None,
        sampled,
    }
}

/// A run of a warm-up and five ticks that was killed.
fn killed_run(folder: &std::path::Path) -> Journal {
    let run = RunFile {
        sources: [("cpu_usage_ns".to_string(), SourceKind::Cgroup)].into(),
        ..RunFile::new("20260130_143022", "2026-01-30T14:30:22Z")
    };
    let mut journal = Journal::create(&RunFolder::at(folder), &run).expect("create");
    let start = EventKind::ScenarioStart {
        scenario: "baseline".into(),
        params: serde_json::json!({"interval": 1}),
    };
    for kind in [start, phase(0, "warmup", false)] {
        journal.event(&event(0.0, kind)).expect("event");
    }
    journal.tick(&tick("baseline", 1.0, vec![web(1.0, 1e9)])).expect("tick");
    journal.event(&event(1.5, phase(1, "idle", true))).expect("event");
    for at in 2..7 {
        let mut tick =
            tick("baseline", f64::from(at), vec![web(f64::from(at), f64::from(at) * 5e8)]);
        tick.phase_index = 1;
        tick.load.queued = Some(20);
        journal.tick(&tick).expect("tick");
    }
    journal
}

#[test]
fn a_killed_run_ends_with_its_last_tick_and_its_first_row_has_rates() {
    let folder = tempfile::tempdir().expect("tempdir");
    killed_run(folder.path());
    let (dataset, damage) = read_journal(folder.path()).expect("read");
    assert_eq!(damage, []);
    assert_eq!(dataset.abort_reason.as_deref(), Some("killed"));
    let baseline = &dataset.scenarios[0];
    assert!(baseline.aborted && baseline.abort_reason.as_deref() == Some("killed"));
    assert_eq!(baseline.time, [2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(baseline.duration_seconds, Some(6.0));
    assert_eq!(baseline.phases.len(), 1);
    assert_eq!(baseline.phases[0].ticks, 0..5);
    assert_eq!((baseline.phases[0].start, baseline.phases[0].end), (1.5, 6.0));
    let cpu = &baseline.containers[0].columns;
    assert_eq!(cpu.at(Figure::CpuPercent, 1), Some(50.0));
    assert_eq!(cpu.at(Figure::CpuPercent, 0), Some(0.0));
    assert_eq!(baseline.queued, [20.0; 5]);
    assert!(baseline.active.is_empty());
}

#[test]
fn garbage_between_is_reported_with_its_line_and_costs_nothing_else() {
    let folder = tempfile::tempdir().expect("tempdir");
    killed_run(folder.path());
    let path = folder.path().join("samples.jsonl");
    let text = std::fs::read_to_string(&path).expect("read");
    let mut lines: Vec<&str> = text.lines().collect();
    lines[3] = "\u{0}garbage{";
    let last = lines[5];
    lines[5] = &last[..last.len() / 2];
    std::fs::write(&path, lines.join("\n")).expect("write");
    let read = read_journal_for(folder.path(), Depth::All).expect("read");
    assert_eq!(read.dataset.scenarios[0].time, [2.0, 3.0, 5.0]);
    let told: Vec<Option<u64>> = read.damage.iter().map(|d| d.line).collect();
    assert_eq!(told, [Some(4)], "{:?}", read.damage);
    // A run that is killed leaves half a line: no damage, but worth a word.
    assert!(read.notes[0].contains("breaks off"), "{:?}", read.notes);
}

#[test]
fn keys_of_a_later_version_are_skipped_and_any_order_of_keys_is_read() {
    let line = br#"{"later":{"x":[1]},"samples":[["web",0,[0,1.0,7,8]]],"phase":"p","index":0,
        "scenario":"s","parts":[{"figures":["unheard_of","pids"],"y":1}],"t":2,"at":1}"#;
    let tick = read_line(line, &FigureSources::default()).expect("read");
    assert_eq!(tick.samples[0].get(Figure::Pids), Some(8.0));
    assert_eq!(tick.samples[0].parts[0].source, SourceKind::File);
}

#[test]
fn attached_files_have_safe_names_and_never_replace_each_other() {
    let folder = tempfile::tempdir().expect("tempdir");
    let mut journal = killed_run(folder.path());
    let names: Vec<String> = ["../../etc/pass wd", "web.log", "web.log", ".."]
        .iter()
        .map(|name| journal.attach(name, "words").expect("attach"))
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    let expected = ["_.._etc_pass_wd.txt", "web.log", "web-2.log", "unnamed.txt"];
    let expected = expected.map(|name| format!("containers/{name}"));
    assert_eq!(names[1..], expected[1..]);
    assert!(!names[0][11..].contains('/'), "{}", names[0]);
}

#[test]
fn run_json_survives_and_holds_what_it_was_given() {
    let folder = tempfile::tempdir().expect("tempdir");
    killed_run(folder.path());
    let text = std::fs::read(folder.path().join("run.json")).expect("read");
    let run: RunFile = serde_json::from_slice(&text).expect("parse");
    assert_eq!(run.test_id, "20260130_143022");
    assert_eq!(run.sources.get("cpu_usage_ns"), Some(&SourceKind::Cgroup));
}
