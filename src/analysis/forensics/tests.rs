use crate::analysis::{Columns, Series};
use crate::model::units::MB;

use super::*;

const WALL: f64 = 1_795_236_551.0;

/// Ninety seconds at 1 Hz of a heap that grows by 2 MB a second and of page cache by 1 MB a
/// second; killed at 80.5 s, counted at 81 s.
fn scenario(kind: Option<&str>) -> ScenarioData {
    let mut data = ScenarioData::new("stress_test");
    data.time = (0..90).map(f64::from).collect();
    data.wall = data.time.iter().map(|t| WALL + t).collect();
    let mut columns = Columns::new(90);
    for row in 0..90 {
        let t = row as f64;
        let killed = row >= 81;
        let anon = if killed { 10.0 } else { 20.0 + 2.0 * t };
        let (shmem, cache, kernel) = (8.0, 8.0 + t, 3.0);
        for (figure, mb) in [
            (Figure::AnonBytes, anon),
            (Figure::ShmemBytes, shmem),
            (Figure::CacheBytes, cache),
            (Figure::KernelBytes, kernel),
            (Figure::MemoryUsageBytes, anon + cache + kernel),
            (Figure::MemoryLimitBytes, 256.0),
        ] {
            columns.set(figure, row, mb * MB);
        }
        columns.set(Figure::OomKills, row, f64::from(u8::from(killed)));
        columns.set(Figure::PsiMemoryFullUs, row, 1e5 * t);
    }
    data.containers.push(Series { name: "web".into(), columns, incarnation: vec![] });
    data.oom_events.push(OomEvent {
        container_name: "web".into(),
        timestamp: WALL + 81.0,
        kind: kind.map(str::to_string),
        ..OomEvent::default()
    });
    data
}

fn of(scenario: ScenarioData) -> Vec<OomKill> {
    let data = Dataset {
        provenance: Default::default(),
        format: crate::analysis::Format::Runner,
        test_id: "x".into(),
        started_at: None,
        completed_at: None,
        abort_reason: None,
        config: serde_json::Value::Null,
        derived_config: serde_json::Value::Null,
        run: serde_json::Value::Null,
        containers: Vec::new(),
        scenarios: vec![scenario],
        events: Vec::new(),
    };
    kills(&data, &Settings::default())
}

#[test]
fn the_last_minute_says_what_grew_by_how_much_and_to_which_limit() {
    let kill = of(scenario(Some("child_oom_killed"))).remove(0);
    // From 21 s to 80 s: the reading at 81 s counts the kill and is from after it.
    assert_eq!((kill.seconds, kill.limit_mb), (Some(59.0), Some(256.0)));
    assert_eq!((kill.last_mb, kill.grew_mb), (Some(271.0), Some(177.0)));
    let found: Vec<(&str, f64, Option<f64>)> =
        kill.parts.iter().map(|p| (p.part.as_str(), p.grew_mb, p.share_percent)).collect();
    assert_eq!(
        found,
        [
            ("anon", 118.0, Some(66.7)),
            ("cache", 59.0, Some(33.3)),
            ("shmem", 0.0, None),
            ("kernel", 0.0, None)
        ]
    );
    assert_eq!((kill.victim, kill.stalled_percent), (Some(Victim::Child), Some(10.0)));
    let text = kill.describe().expect("measured");
    assert_eq!(
        text,
        "another of its processes was killed; last reading 271.0 MB of 256 MB; in the 59 s before, \
         anon grew by 118.0 MB (67 % of what grew); all tasks waited for memory 10 % of the time"
    );
}

#[test]
fn only_the_life_that_ended_counts() {
    let mut ended = scenario(Some("main_oom_killed"));
    // A new life since 81 s, and one that began at 60 s before it.
    ended.containers[0].incarnation =
        (0..90).map(|row| u32::from(row >= 60) + u32::from(row >= 81)).collect();
    let kill = of(ended).remove(0);
    assert_eq!((kill.seconds, kill.victim), (Some(20.0), Some(Victim::Main)));
    assert_eq!(kill.culprit().map(|part| part.grew_mb), Some(40.0));
}

#[test]
fn kills_of_one_moment_are_one_entry_and_other_restarts_are_none() {
    let mut data = scenario(Some("child_oom_killed"));
    data.oom_events.push(data.oom_events[0].clone());
    let restart = OomEvent { kind: Some("crash".into()), ..data.oom_events[0].clone() };
    data.oom_events.push(restart);
    let kills = of(data);
    assert_eq!((kills.len(), kills[0].kills), (1, 2));
}

#[test]
fn without_parts_or_readings_it_says_so_and_invents_nothing() {
    let mut data = scenario(None);
    let mut columns = Columns::new(90);
    for row in 0..70 {
        columns.set(Figure::MemoryWorkingSetBytes, row, (100.0 + row as f64) * MB);
    }
    data.containers[0].columns = columns;
    let kill = of(data.clone()).remove(0);
    assert_eq!((kill.victim, kill.limit_mb, kill.parts.len()), (None, None, 0));
    assert_eq!(kill.grew_mb, Some(48.0));
    assert!(kill.describe().expect("text").contains("does not tell its parts"));
    data.containers.clear();
    let kill = of(data).remove(0);
    assert_eq!((kill.seconds, kill.describe()), (None, None));
}
