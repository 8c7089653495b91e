//! What the classifier promises, one short story each.

use proptest::prelude::*;

use super::*;
use crate::model::{
    Container, Event, EventKind, Figure, LoadReport, Part, RunState, Sample, SourceKind,
    StackEvent, StackEventKind as Kind, Tick,
};

fn event(t: f64, id: &str, kind: Kind) -> StackEvent {
    StackEvent { t, id: id.into(), name: "web".into(), kind }
}

fn die(code: i64) -> Kind {
    Kind::Die { exit_code: Some(code) }
}

fn kill(signal: i32) -> Kind {
    Kind::Kill { signal: Some(signal) }
}

fn container(state: RunState, restarts: u64) -> Container {
    Container {
        id: "a".into(),
        engine_name: "web_1".into(),
        state,
        restart_count: restarts,
        ..Container::named("web")
    }
}

fn counted(kills: u64) -> Group {
    Group { kills: Some(kills), tasks: None }
}

fn told(story: &[(f64, Kind)]) -> Vec<(IncidentKind, u64)> {
    let mut classifier = Classifier::offline();
    for (t, kind) in story {
        classifier.push(&event(*t, "a", kind.clone()));
    }
    kinds(&classifier.finish())
}

fn kinds(incidents: &[Incident]) -> Vec<(IncidentKind, u64)> {
    incidents.iter().map(|i| (i.kind, i.kills)).collect()
}

#[test]
fn a_restart_of_a_container_whose_start_was_not_seen_is_no_recreation() {
    let mut classifier = Classifier::offline();
    for id in ["before-the-reset", "a"] {
        classifier.set_resetting(true);
        classifier.observe(&Container { id: id.into(), ..container(RunState::Running, 0) }, 0.0);
        classifier.set_resetting(false);
        classifier.group("web", 0, 1.0, counted(0));
    }
    classifier.push(&event(5.0, "a", die(3)));
    classifier.push(&event(5.1, "a", Kind::Start));
    assert_eq!(kinds(&classifier.finish()), [(IncidentKind::Crash, 0)]);
    assert_eq!(classifier.totals()["web"].restarts, 1);
}

#[test]
fn an_oom_kill_that_ends_the_container_is_one_kill_of_the_main_process() {
    let story = [(0.0, Kind::Start), (20.0, Kind::Oom), (20.1, die(137))];
    assert_eq!(told(&story), [(IncidentKind::OomMain, 1)]);
}

#[test]
fn an_oom_event_that_comes_after_the_end_and_the_next_start_is_still_about_that_end() {
    let story = [(0.0, Kind::Start), (20.0, die(137)), (20.5, Kind::Start), (20.9, Kind::Oom)];
    assert_eq!(told(&story), [(IncidentKind::OomMain, 1)]);
}

#[test]
fn a_crash_is_not_called_oom_even_if_a_child_was_killed_just_before() {
    let story = [(0.0, Kind::Start), (20.0, Kind::Oom), (20.1, die(3))];
    assert_eq!(told(&story), [(IncidentKind::OomChild, 1), (IncidentKind::Crash, 0)]);
    assert_eq!(told(&[(0.0, Kind::Start), (20.1, die(137))]), [(IncidentKind::Crash, 0)]);
}

#[test]
fn a_request_explains_an_end_on_either_side_of_it() {
    for story in [
        vec![(0.0, Kind::Start), (9.0, kill(15)), (9.1, die(143)), (9.2, Kind::Stop)],
        vec![(0.0, Kind::Start), (9.0, kill(15)), (9.1, Kind::Stop), (9.1, die(0))],
        vec![(0.0, Kind::Start), (9.0, kill(15)), (19.0, kill(9)), (19.1, die(137))],
        vec![(0.0, Kind::Start), (9.1, die(137)), (9.2, kill(9))],
        vec![(0.0, Kind::Start), (9.1, die(0)), (9.5, Kind::Stop)],
    ] {
        assert_eq!(told(&story), [(IncidentKind::Stopped, 0)], "{story:?}");
    }
}

#[test]
fn a_message_by_signal_or_a_stop_beside_a_crash_explains_nothing() {
    let hangup = [(0.0, Kind::Start), (9.0, kill(1)), (9.5, die(1))];
    assert_eq!(told(&hangup), [(IncidentKind::Crash, 0)]);
    let coincidence = [(0.0, Kind::Start), (9.0, die(1)), (9.03, Kind::Stop)];
    assert_eq!(told(&coincidence), [(IncidentKind::Crash, 0)]);
}

#[test]
fn a_group_at_its_limit_without_a_killer_is_no_kill_where_the_counter_says_so() {
    let mut classifier = Classifier::live();
    classifier.push(&event(0.0, "a", Kind::Start));
    classifier.group("web", 0, 1.0, counted(0));
    classifier.push(&event(1.5, "a", Kind::Oom));
    for t in 2..60 {
        classifier.group("web", 0, f64::from(t), counted(0));
        assert!(classifier.poll(f64::from(t)).is_empty());
    }
    assert!(classifier.finish().is_empty());
}

#[test]
fn kills_before_the_first_reading_of_a_running_container_are_not_this_runs() {
    let mut classifier = Classifier::offline();
    classifier.group("web", 0, 1.0, counted(7));
    classifier.group("web", 0, 2.0, counted(9));
    assert_eq!(kinds(&classifier.finish()), [(IncidentKind::OomChild, 1); 2]);
    assert_eq!(classifier.totals()["web"].oom_kills, 2);
}

#[test]
fn a_kill_told_before_a_slow_end_is_told_again_and_counted_once() {
    let mut classifier = Classifier::live();
    classifier.push(&event(0.0, "a", Kind::Start));
    classifier.push(&event(20.0, "a", Kind::Oom));
    assert_eq!(kinds(&classifier.poll(22.0)), [(IncidentKind::OomChild, 1)]);
    classifier.push(&event(27.0, "a", die(137)));
    assert_eq!(kinds(&classifier.poll(30.0)), [(IncidentKind::OomMain, 0)]);
    assert_eq!(classifier.totals()["web"].oom_kills, 1);
}

#[test]
fn the_engines_flag_alone_is_a_kill_only_for_an_unexplained_137() {
    for (code, expected) in [(137, (IncidentKind::OomMain, 1)), (3, (IncidentKind::Crash, 0))] {
        let mut classifier = Classifier::offline();
        classifier.push(&event(0.0, "a", Kind::Start));
        classifier.push(&event(9.0, "a", die(code)));
        let mut state = container(RunState::Restarting, 1);
        state.oom_killed = true;
        state.exit_code = Some(code);
        classifier.observe(&state, 9.1);
        let incidents = classifier.finish();
        assert_eq!(kinds(&incidents), [expected]);
    }
}

#[test]
fn a_running_containers_flag_says_nothing_since_engines_differ_in_what_it_means() {
    let mut classifier = Classifier::offline();
    classifier.push(&event(0.0, "a", Kind::Start));
    classifier.push(&event(9.0, "a", die(137)));
    let mut state = container(RunState::Running, 1);
    state.oom_killed = true;
    state.exit_code = Some(137);
    classifier.observe(&state, 9.1);
    assert_eq!(kinds(&classifier.finish()), [(IncidentKind::Crash, 0)]);
}

#[test]
fn another_container_under_the_same_name_is_a_recreation_unless_the_runner_resets() {
    for (resetting, expected) in
        [(false, vec![IncidentKind::Stopped, IncidentKind::Recreated]), (true, vec![])]
    {
        let mut classifier = Classifier::offline();
        classifier.push(&event(0.0, "a", Kind::Start));
        classifier.set_resetting(resetting);
        classifier.push(&event(8.0, "b", Kind::Create));
        classifier.push(&event(9.0, "a", kill(15)));
        classifier.push(&event(9.1, "a", die(0)));
        classifier.push(&event(9.2, "b", Kind::Start));
        let kinds: Vec<_> = classifier.finish().iter().map(|i| i.kind).collect();
        assert_eq!(kinds, expected);
    }
}

#[test]
fn an_end_that_only_the_restart_count_tells_is_a_crash_of_low_confidence() {
    let mut classifier = Classifier::offline();
    classifier.observe(&container(RunState::Running, 2), 0.0);
    for t in [10.0, 12.0, 16.0, 20.0] {
        classifier.observe(&container(RunState::Running, 3), t);
    }
    let incidents = classifier.finish();
    assert_eq!(kinds(&incidents), [(IncidentKind::Crash, 0)]);
    assert_eq!(incidents[0].confidence, Confidence::Low);
    assert_eq!(classifier.totals()["web"].restarts, 1);
}

fn tick(at: f64, kills: f64) -> Tick {
    Tick {
        seq: 0,
        at,
        t: 1000.0 + at,
        scenario: "stress_test".into(),
        phase: "load".into(),
        phase_index: 0,
        priming: false,
        late_s: None,
        samples: vec![Sample {
            name: "web".into(),
            incarnation: 0,
            parts: vec![Part {
                source: SourceKind::Cgroup,
                at,
                figures: [(Figure::OomKills, kills)].into_iter().collect(),
            }],
        }],
        host: Default::default(),
        devices: Default::default(),
        runner: Default::default(),
        load: LoadReport::default(),
        watched: Default::default(),
        gaps: Vec::new(),
    }
}

fn line(at: f64, kind: EventKind) -> Event {
    Event { at, t: 1000.0 + at, kind }
}

#[test]
fn a_recorded_run_is_judged_from_its_events_and_counters_without_the_runners_own_resets() {
    let stack = |at: f64, id: &str, kind| line(at, EventKind::Stack(event(1000.0 + at, id, kind)));
    let phase = EventKind::PhaseStart {
        scenario: "stress_test".into(),
        phase: "load".into(),
        index: 0,
        interval_s: 2.0,
        planned_s: None,
        level: None,
        speed: None,
        sampled: true,
    };
    let end = EventKind::ScenarioEnd {
        scenario: "stress_test".into(),
        aborted: false,
        reason: None,
        metadata: serde_json::Value::Null,
    };
    let events = [
        stack(0.5, "a", Kind::Start),
        line(1.0, phase),
        stack(4.0, "a", Kind::Oom),
        line(9.0, end),
        stack(9.5, "a", kill(15)),
        stack(9.6, "a", die(0)),
        stack(12.0, "b", Kind::Start),
    ];
    let ticks = [tick(1.0, 0.0), tick(5.0, 1.0), tick(7.0, 2.0)];
    let outcome = replay(&events, &ticks);
    assert_eq!(kinds(&outcome.incidents), [(IncidentKind::OomChild, 1); 2]);
    assert_eq!(outcome.totals["web"].oom_kills, 2);
    assert_eq!(outcome.totals["web"].stops, 0);
}

#[test]
fn a_kill_in_the_kernel_s_log_makes_an_oom_kill_of_what_was_told_as_a_crash() {
    let mut classifier = Classifier::live();
    classifier.push(&event(0.0, "a", Kind::Start));
    classifier.push(&event(20.0, "a", die(137)));
    let told = classifier.poll(30.0);
    assert_eq!(kinds(&told), [(IncidentKind::Crash, 0)]);
    let log = Kind::KernelOom { process: Some("svc".into()), pid: Some(7) };
    classifier.push(&event(19.2, "a", log));
    let told = classifier.poll(31.0);
    assert_eq!(kinds(&told), [(IncidentKind::OomMain, 1)]);
    let totals = classifier.totals()["web"];
    assert_eq!((totals.oom_kills, totals.oom_ends, totals.crashes), (1, 1, 0));
}

fn tasks(count: u64) -> Group {
    Group { kills: None, tasks: Some(count) }
}

fn described(incarnation: u32, started_at: &str) -> Container {
    let started_at = Some(started_at.to_owned());
    Container { incarnation, started_at, ..container(RunState::Running, 0) }
}

/// The engine is away (its containers go on) while the main process is killed, and starts it again
/// when it is back.
#[test]
fn a_main_process_killed_and_started_again_while_the_engine_was_away_is_no_surviving_child() {
    for (told, emptied) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut classifier = Classifier::live();
        let mut incidents = Vec::new();
        classifier.observe(&described(0, "1970-01-01T00:00:00Z"), 1.0);
        for second in 2..60 {
            let t = f64::from(second);
            let killed = second >= 20;
            if second < 40 {
                classifier.group("web", 0, t, counted(u64::from(killed)));
                if emptied || !killed {
                    classifier.group("web", 0, t, tasks(u64::from(!killed)));
                }
            }
            if second == 40 {
                if told {
                    classifier.push(&event(39.8, "a", Kind::Start));
                }
                classifier.observe(&described(1, "1970-01-01T00:00:39.8Z"), t);
            }
            if second > 40 {
                classifier.group("web", 1, t, counted(0));
                classifier.group("web", 1, t, tasks(1));
            }
            // Without the tasks nobody can know better while the engine is away.
            if emptied {
                incidents.extend(classifier.poll(t));
            }
        }
        incidents.extend(classifier.finish());
        let case = format!("told {told}, emptied {emptied}: {incidents:?}");
        assert_eq!(kinds(&incidents), [(IncidentKind::OomMain, 1)], "{case}");
        let totals = classifier.totals()["web"];
        assert_eq!((totals.oom_kills, totals.restarts), (1, 1), "{case}");
    }
}

#[test]
fn a_group_that_comes_alive_after_its_last_process_was_killed_is_the_next_life() {
    for mut classifier in [Classifier::live(), Classifier::offline()] {
        let mut incidents = Vec::new();
        classifier.observe(&described(0, "1970-01-01T00:00:00Z"), 1.0);
        for second in 2..60 {
            let t = f64::from(second);
            let (kills, count) = match second {
                ..20 => (0, 2),
                20..30 => (1, 0),
                _ => (0, 1),
            };
            if second == 40 {
                // The engine describes it long after.
                classifier.observe(&described(1, "1970-01-01T00:00:29.5Z"), t);
            }
            classifier.group("web", u32::from(second >= 40), t, counted(kills));
            classifier.group("web", u32::from(second >= 40), t, tasks(count));
            incidents.extend(classifier.poll(t));
        }
        incidents.extend(classifier.finish());
        assert_eq!(kinds(&incidents), [(IncidentKind::OomMain, 1)], "{incidents:?}");
        let totals = classifier.totals()["web"];
        assert_eq!((totals.oom_kills, totals.restarts), (1, 1));
    }
}

#[test]
fn a_group_that_another_source_shows_empty_for_a_while_has_not_ended() {
    let mut classifier = Classifier::offline();
    for second in 1..40 {
        let t = f64::from(second);
        classifier.group("web", 0, t, counted(u64::from(second >= 35)));
        classifier.group("web", 0, t, tasks(if (10..20).contains(&second) { 0 } else { 3 }));
    }
    assert_eq!(kinds(&classifier.finish()), [(IncidentKind::OomChild, 1)]);
    assert_eq!(classifier.totals()["web"].restarts, 0);
}

#[test]
fn a_container_described_before_its_events_are_told_has_them_in_the_right_life() {
    let mut classifier = Classifier::offline();
    classifier.observe(&described(0, "1970-01-01T00:00:00Z"), 1.0);
    classifier.group("web", 0, 2.0, counted(0));
    classifier.observe(&described(1, "1970-01-01T00:00:20.6Z"), 20.7);
    classifier.push(&event(20.0, "a", die(1)));
    classifier.push(&event(20.1, "a", Kind::Oom));
    classifier.push(&event(20.61, "a", Kind::Start));
    for t in 21..30 {
        classifier.group("web", 1, f64::from(t), counted(0));
    }
    let told = kinds(&classifier.finish());
    assert_eq!(told, [(IncidentKind::Crash, 0), (IncidentKind::OomChild, 1)]);
    assert_eq!(classifier.totals()["web"].restarts, 1);
}

#[test]
fn an_oom_event_that_comes_after_the_verdict_on_a_plain_end_is_told_as_a_kill() {
    for (code, expected) in [(1, IncidentKind::OomChild), (137, IncidentKind::OomMain)] {
        let mut classifier = Classifier::live();
        classifier.push(&event(0.0, "a", Kind::Start));
        classifier.push(&event(20.0, "a", die(code)));
        classifier.push(&event(20.5, "a", Kind::Start));
        assert_eq!(kinds(&classifier.poll(30.0)), [(IncidentKind::Crash, 0)]);
        classifier.hear(30.0);
        classifier.push(&event(20.1, "a", Kind::Oom));
        assert_eq!(kinds(&classifier.finish()), [(expected, 1)], "exit code {code}");
        let totals = classifier.totals()["web"];
        assert_eq!((totals.oom_kills, totals.restarts), (1, 1), "exit code {code}");
    }
}

#[test]
fn a_signal_to_a_frozen_container_explains_its_end_however_long_it_was_frozen() {
    let story = [
        (0.0, Kind::Start),
        (5.0, Kind::Pause),
        (6.0, kill(9)),
        (90.0, Kind::Unpause),
        (90.1, die(137)),
        (90.5, Kind::Start),
    ];
    assert_eq!(told(&story), [(IncidentKind::Stopped, 0)]);
}

#[test]
fn an_end_by_itself_after_what_others_on_the_machine_lost_is_no_oom_kill() {
    let mut classifier = Classifier::offline();
    classifier.push(&event(0.0, "a", Kind::Start));
    for t in 1..40 {
        classifier.total(Total::Machine, f64::from(t), u64::from(t > 20) * 3);
        classifier.group("web", u32::from(t > 20), f64::from(t), counted(0));
        if t == 20 {
            classifier.push(&event(20.3, "a", die(137)));
            classifier.push(&event(20.5, "a", Kind::Start));
        }
    }
    assert_eq!(kinds(&classifier.finish()), [(IncidentKind::Crash, 0)]);
}

fn any_kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Create),
        Just(Kind::Start),
        Just(Kind::Oom),
        Just(Kind::KernelOom { process: None, pid: None }),
        prop::option::of(prop::sample::select(vec![0i64, 1, 137, 143]))
            .prop_map(|exit_code| Kind::Die { exit_code }),
        prop::option::of(1..16i32).prop_map(|signal| Kind::Kill { signal }),
        Just(Kind::Stop),
        Just(Kind::Destroy),
    ]
}

proptest! {
    /// Whatever comes in whatever order: no panic, and the kills of all incidents are the total.
    #[test]
    fn incidents_and_totals_agree_whatever_is_told(
        story in prop::collection::vec((0.0..30.0f64, "[ab]", any_kind()), 0..40),
    ) {
        let mut classifier = Classifier::offline();
        let mut incidents = Vec::new();
        let mut now = 0.0;
        for (pause, id, kind) in story {
            now += pause / 10.0;
            classifier.push(&event(now, &id, kind));
            incidents.extend(classifier.poll(now));
        }
        incidents.extend(classifier.finish());
        let told: u64 = incidents.iter().map(|i| i.kills).sum();
        let total: u64 = classifier.totals().values().map(|t| t.oom_kills).sum();
        prop_assert_eq!(told, total);
    }
}
