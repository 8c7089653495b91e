use std::collections::BTreeMap;
use std::path::Path;

use crate::analysis::{Dataset, Settings, analyze};
use crate::model::Figure;
use crate::report::fixture;

use super::{Options, plan, write};

fn draw(folder: &Path, data: &Dataset, settings: &Settings, all: bool) -> Vec<String> {
    let analysis = analyze(data, settings);
    let drawn = write(folder, data, &analysis, &Options { all }).expect("charts");
    drawn.into_iter().map(|d| d.name).collect()
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).expect("list") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below").display().to_string();
                all.insert(name, std::fs::read(&path).expect("read"));
            }
        }
    }
    all
}

#[test]
fn a_full_run_has_every_chart_under_its_agreed_name() {
    let folder = tempfile::tempdir().expect("tempdir");
    let names = draw(folder.path(), &fixture::demo(), &fixture::settings(true), false);
    let wanted = [
        "overview/memory_heatmap",
        "overview/cpu_heatmap",
        "stress/stress_timeline_memory",
        "stress/stress_timeline_cpu",
        "stress/stress_comparison_memory",
        "stress/stress_comparison_cpu",
        "duration/duration_timeline_memory",
        "duration/duration_timeline_cpu",
        "speed_scaling/speed_scaling_memory",
        "speed_scaling/speed_scaling_cpu",
    ];
    assert_eq!(names, wanted);
    let files = files(folder.path());
    for name in wanted {
        assert!(files.contains_key(&format!("{name}.html")), "{name}");
        assert!(files[&format!("{name}.png")].starts_with(b"\x89PNG"), "{name}");
    }
    assert_eq!(files.len(), 2 * wanted.len() + 2, "and index.html and runner.js");
}

#[test]
fn a_second_analysis_gives_the_same_bytes_and_leaves_nothing_of_the_first() {
    let data = fixture::predecessor("full.results.json.gz");
    let (one, two) = (tempfile::tempdir().expect("dir"), tempfile::tempdir().expect("dir"));
    draw(one.path(), &data, &Settings::default(), true);
    std::fs::write(one.path().join("duration/duration_timeline_memory_9.png"), "old").expect("w");
    std::fs::write(one.path().join("duration/mine.png"), "mine").expect("w");
    for old in ["oom/oom_kill_3.png", "isolate/tasks.html", "isolate/tasks_2.html"] {
        let path = one.path().join(old);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
        std::fs::write(path, "old").expect("w");
    }
    draw(one.path(), &data, &Settings::default(), false);
    draw(two.path(), &data, &Settings::default(), false);
    let mut first = files(one.path());
    assert!(first.remove("duration/mine.png").is_some(), "a stranger's file stays");
    assert!(first == files(two.path()));
}

#[test]
fn thirteen_containers_fill_two_numbered_pictures_the_fastest_grower_first() {
    let data = fixture::predecessor("full.results.json.gz");
    let analysis = analyze(&data, &Settings::default());
    let source = super::Source { data: &data, analysis: &analysis, options: &Options::default() };
    let charts = plan(source);
    let names: Vec<&str> = charts.iter().map(|c| c.name.as_str()).collect();
    assert!(names.contains(&"duration_timeline_memory_1"), "{names:?}");
    assert!(names.contains(&"duration_timeline_memory_2"), "{names:?}");
    assert!(!names.contains(&"duration_timeline_memory_3"), "{names:?}");
    let grid = charts.iter().find(|c| c.name == "duration_timeline_memory_1").expect("grid");
    let super::Spec::Grid(grid) = &grid.spec else { panic!("a grid of panels") };
    let badge = grid.panels[0].badge.as_ref().map(|(words, _)| words.as_str());
    assert!(badge.is_some_and(|words| words.starts_with("suspect +")), "{badge:?}");
    assert_eq!(grid.panels.len(), 8);
}

#[test]
fn only_charts_whose_data_is_there_are_drawn_and_a_kill_is_marked() {
    let data = fixture::killed();
    let analysis = analyze(&data, &fixture::settings(true));
    let source = super::Source { data: &data, analysis: &analysis, options: &Options::default() };
    let charts = plan(source);
    assert!(charts.iter().all(|c| ["overview", "stress", "oom"].contains(&c.folder)));
    let cpu = charts.iter().find(|c| c.name == "stress_timeline_cpu").expect("timeline");
    let super::Spec::Timeline(cpu) = &cpu.spec else { panic!("a timeline") };
    assert_eq!(cpu.events[0].name, "OOM kill stream-processor");
    assert_eq!(cpu.panels[0].thresholds[0].value, 45.0);
}

/// The demo's kill, ninety seconds after the start of stress at 1 Hz.
fn killed() -> Dataset {
    let mut data = fixture::killed();
    let stress = data.scenarios.last_mut().expect("stress");
    let at = stress.wall[stress.wall.len() - 2] + 0.4;
    stress.oom_events[0].timestamp = at;
    let columns = &mut stress
        .containers
        .iter_mut()
        .find(|s| s.name == "stream-processor")
        .expect("it")
        .columns;
    for row in 0..columns.len() {
        let anon = (40.0 + 4.0 * row as f64) * 1_048_576.0;
        columns.set(Figure::AnonBytes, row, anon);
        columns.set(Figure::CacheBytes, row, 12e6);
        columns.set(Figure::ShmemBytes, row, 2e6);
        columns.set(Figure::KernelBytes, row, 3e6);
        columns.set(Figure::MemoryUsageBytes, row, anon + 15e6);
    }
    data
}

#[test]
fn an_oom_kill_has_its_last_minute_as_a_chart_and_says_what_grew() {
    let data = killed();
    let settings = fixture::settings(true);
    let analysis = analyze(&data, &settings);
    let options = Options::default();
    let charts = plan(super::Source { data: &data, analysis: &analysis, options: &options });
    let chart = charts.iter().find(|c| c.folder == "oom").expect("a chart");
    let super::Spec::Timeline(timeline) = &chart.spec else { panic!("a timeline") };
    let names: Vec<&str> = timeline.panels[0].series.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["usage", "anon", "shmem", "cache", "kernel"]);
    assert_eq!(timeline.events[0].name, "OOM kill: main process");
    let (mark, room) = (timeline.events[0].at, timeline.bands[0].to);
    assert!(mark < room, "the mark lies within the chart");
    assert_eq!(timeline.panels[0].thresholds[0].value, 192.0);
    assert!(timeline.subtitle.contains("anon grew by 136.0 MB (100 % of what grew)"));
    let oom = analysis.findings.iter().find(|f| f.kind.name() == "oom").expect("a finding");
    assert!(oom.evidence[0].contains("anon grew by"), "{:?}", oom.evidence);
    let folder = tempfile::tempdir().expect("tempdir");
    let drawn = write(folder.path(), &data, &analysis, &options).expect("charts");
    assert!(drawn.iter().any(|d| d.name == "oom/oom_kill_1"));
    let report = crate::report::html::Report { data: &data, analysis: &analysis, charts: &drawn };
    let (page, text) =
        (crate::report::html::report(&report), crate::report::markdown::report(&report));
    assert!(page.contains("anon grew by 136.0 MB") && text.contains("anon grew by 136.0 MB"));
    let summary = serde_json::to_value(crate::analysis::Summary::of(&analysis)).expect("json");
    assert_eq!(summary["oom_kills"][0]["parts"][0]["part"], "anon");
    assert_eq!(summary["oom_kills"][0]["victim"], "main");
}
