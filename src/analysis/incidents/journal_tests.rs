//! Recorded journals whose kills are known, judged live and from the record.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::replay::feed_event;
use super::{Classifier, Incident, IncidentKind, Outcome, Totals, feed_tick, of_dataset, replay};
use crate::model::{Event, Tick};
use crate::store::journal::{FigureSources, read_journal, read_line};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/incident_journals").join(name)
}

fn events(name: &str) -> Vec<Event> {
    let text = std::fs::read_to_string(folder(name).join("events.jsonl")).expect("events");
    text.lines().map(|line| serde_json::from_str(line).expect("an event")).collect()
}

fn ticks(name: &str) -> Vec<Tick> {
    let Ok(file) = std::fs::File::open(folder(name).join("samples.jsonl.gz")) else {
        return Vec::new();
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("gzip");
    let sources = FigureSources::new(&BTreeMap::new());
    text.lines().map(|line| read_line(line.as_bytes(), &sources).expect("a tick")).collect()
}

/// As it was told while it happened: events and ticks by the time they were heard of.
fn live(name: &str) -> Outcome {
    let mut classifier = Classifier::live();
    let (events, ticks) = (events(name), ticks(name));
    let mut ticks = ticks.iter().peekable();
    let mut incidents = Vec::new();
    classifier.set_resetting(true);
    for event in &events {
        while let Some(tick) = ticks.next_if(|tick| tick.at <= event.at) {
            feed_tick(&mut classifier, tick);
            incidents.extend(classifier.poll(tick.t));
        }
        classifier.hear(event.t);
        feed_event(&mut classifier, event);
        incidents.extend(classifier.poll(event.t));
    }
    incidents.extend(classifier.finish());
    Outcome { incidents, totals: classifier.totals() }
}

fn recorded(name: &str) -> Outcome {
    let (data, damage) = read_journal(&folder(name)).expect("a journal");
    // The recordings are trimmed to what matters; nothing else may be wrong with them.
    assert!(damage.iter().all(|d| d.what.contains("before it are missing")), "{damage:?}");
    let judged = of_dataset(&data).into_iter().next().expect("a scenario");
    Outcome { incidents: judged.incidents, totals: judged.totals.into_iter().collect() }
}

/// Told live, from the dataset, and from the lines of the journal.
fn all(name: &str) -> [(&'static str, Outcome); 3] {
    let lines = replay(&events(name), &ticks(name));
    [("live", live(name)), ("recorded", recorded(name)), ("lines", lines)]
}

fn kinds(incidents: &[Incident]) -> Vec<(IncidentKind, u64)> {
    incidents.iter().map(|i| (i.kind, i.kills)).collect()
}

fn totals(outcome: &Outcome, name: &str) -> Totals {
    outcome.totals.get(name).copied().unwrap_or_default()
}

#[test]
fn an_oom_event_just_after_an_end_with_a_code_of_its_own_is_a_kill_and_the_restart_counts() {
    for (how, outcome) in all("oom_event_after_exit_1") {
        let found = totals(&outcome, "slow");
        assert_eq!((found.oom_kills, found.restarts), (1, 1), "{how}: {outcome:?}");
        let expected = [(IncidentKind::OomChild, 1), (IncidentKind::Crash, 0)];
        let mut told = kinds(&outcome.incidents);
        told.sort();
        assert_eq!(told, expected, "{how}");
        let words: Vec<String> = outcome.incidents.iter().map(super::describe).collect();
        assert!(words.iter().all(|text| !text.contains("no OOM kill was seen")), "{words:?}");
        assert!(words.iter().all(|text| !text.contains("went on")), "{words:?}");
    }
}

#[test]
fn a_kill_told_by_a_stopped_engine_twenty_seconds_later_is_the_one_that_the_counter_showed() {
    for (how, outcome) in all("engine_stopped") {
        let found = totals(&outcome, "e-oom");
        assert_eq!((found.oom_kills, found.oom_ends, found.restarts), (1, 1, 1), "{how}");
        assert_eq!(kinds(&outcome.incidents), [(IncidentKind::OomMain, 1)], "{how}");
        assert!(!found.about, "{how}");
    }
}

#[test]
fn two_events_of_one_moment_before_the_end_of_the_container_are_about_one_kill() {
    let outcome = replay(&events("two_events_of_one_kill"), &[]);
    // Nothing but events: nobody can know it.
    assert!(totals(&outcome, "o-main-no2").about);
    for outcome in [outcome, live("two_events_of_one_kill")] {
        assert_eq!(totals(&outcome, "o-main-no2").oom_kills, 1);
        assert_eq!(kinds(&outcome.incidents), [(IncidentKind::OomMain, 1)]);
    }
}
