//! Whole runs with fakes in virtual time.

use std::time::Duration;

use fake::{Bench, Ran};

use super::*;
use crate::config::{Action, Level, PhaseConfig, Reset, ScenarioConfig, StressLimits, Until};
use crate::model::{Event, EventKind, Figure};

mod fake;
mod watched;

const ALL: &[&str] = &["baseline", "stress", "duration", "speed"];

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn reason(ran: &Ran) -> Option<&str> {
    ran.outcome.abort.as_ref().map(|abort| abort.reason)
}

#[tokio::test(start_paused = true)]
async fn the_four_scenarios_run_to_their_ends_in_order() {
    let ran = Bench::new().run(ALL).await;
    assert_eq!(reason(&ran), None);
    let complete = ["baseline", "stress_test", "duration_leak", "speed_scaling"];
    assert_eq!(ran.ends(), complete.map(|key| (key, "complete")));
    let words = |key| -> Vec<String> {
        ran.phases(key).into_iter().map(|(phase, end)| format!("{phase} {end}")).collect()
    };
    assert_eq!(words("baseline"), ["warmup after", "baseline after"]);
    assert_eq!(words("stress_test"), ["idle after", "ramp threshold"]);
    let duration =
        ["spawn level_reached", "settle after", "active after", "drain drained", "cooldown after"];
    assert_eq!(words("duration_leak"), [&["before after"], &duration[..]].concat());
    let speed = [
        "2x_spawn level_reached",
        "2x_settle after",
        "2x after",
        "4x_spawn level_reached",
        "4x_settle after",
        "4x after",
    ];
    assert_eq!(words("speed_scaling"), speed);
    // Stress takes over baseline's idle stack.
    assert_eq!((ran.world.resets, ran.world.downs), (3, 1));
    assert!(matches!(ran.world.events.last().map(|e| &e.kind), Some(EventKind::RunEnd { .. })));
    let times: Vec<f64> = ran.world.events.iter().map(|event| event.at).collect();
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(ran.outcome.ticks as usize, ran.world.ticks.len());
}

#[tokio::test(start_paused = true)]
async fn stress_stops_at_the_threshold_and_names_container_metric_and_level() {
    let ran = Bench::new().run(ALL).await;
    let metadata = ran.metadata("stress_test");
    // 45 % of a core is 90 % of its half: between the batches 40 (below) and 60.
    let level = metadata["max_level"].as_u64().expect("a level");
    assert!((50..=60).contains(&level), "{metadata}");
    assert_eq!(metadata["trigger"]["container"], "web");
    assert_eq!(metadata["trigger"]["metric"], "cpu");
    assert_eq!(metadata["trigger"]["threshold"], 45.0);
    assert_eq!(metadata["batch_count"], level / 10);
    assert_eq!(metadata["drivers_queued"], level);
    assert_eq!(ran.metadata("duration_leak")["level"], level / 2);
}

#[tokio::test(start_paused = true)]
async fn stress_stops_where_requests_fail_and_the_level_below_is_carried() {
    let mut bench = Bench::new();
    bench.world.requests = Some(fake::Requests { fail_from: 30, ..Default::default() });
    let ran = bench.run(&["stress"]).await;
    let metadata = ran.metadata("stress_test");
    assert_eq!(
        (&metadata["trigger"]["container"], &metadata["trigger"]["metric"]),
        (&"load".into(), &"failed".into())
    );
    assert_eq!(metadata["max_level"], 30, "{metadata}");
    assert_eq!(reason(&ran), None);
}

#[tokio::test(start_paused = true)]
async fn every_tick_of_a_phase_is_on_its_schedule_the_last_at_its_end() {
    let ran = Bench::new().run(ALL).await;
    for (key, phase, interval, count) in [
        ("baseline", "baseline", 1.0, 5),
        ("duration_leak", "active", 1.0, 20),
        ("duration_leak", "cooldown", 2.0, 5),
        ("speed_scaling", "4x", 1.0, 8),
    ] {
        let ticks = ran.ticks(key, phase);
        assert_eq!(ticks.len(), count, "{key} {phase}: {ticks:?}");
        for (index, at) in ticks.iter().enumerate() {
            let due = (index + 1) as f64 * interval;
            assert!((at - due).abs() < 0.01, "{key} {phase}: {at} for {due}");
        }
    }
    let priming: Vec<bool> = ran.world.ticks.iter().map(|tick| tick.priming).collect();
    assert!(priming[0], "the first reading only gives rates to the next");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_slow_or_hangs_costs_neither_the_schedule_nor_the_length_of_the_run() {
    let mut bench = Bench::new();
    bench.config.baseline.length = secs(30);
    bench.world.read_takes = Duration::from_millis(990);
    let on_time = bench.run(&["baseline"]).await;
    assert_eq!(on_time.ticks("baseline", "baseline").len(), 30);
    let mut bench = Bench::new();
    bench.config.baseline.length = secs(30);
    // Cut at its limit of one interval, and then some.
    bench.world.read_takes = secs(60);
    let ran = bench.run(&["baseline"]).await;
    let late: Vec<f64> = ran.world.ticks.iter().filter_map(|tick| tick.late_s).collect();
    assert!(ran.ticks("baseline", "baseline").iter().all(|at| *at < 31.0));
    assert!(late.iter().all(|late| *late < 1.0), "{late:?}");
    assert!((ran.seconds - on_time.seconds).abs() < 2.5, "{} {}", ran.seconds, on_time.seconds);
    assert!(ran.world.ticks.iter().any(|tick| !tick.gaps.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn a_threshold_that_is_met_while_idle_ends_stress_before_any_load() {
    let mut bench = Bench::new();
    bench.world.idle_cpu = 48.0;
    let ran = bench.run(ALL).await;
    assert_eq!(reason(&ran), Some("stress_test_threshold_before_load"));
    assert!(!ran.calls().iter().any(|call| call.starts_with("reach")), "{:?}", ran.calls());
    assert_eq!(ran.ends()[1], ("stress_test", "stress_test_threshold_before_load"));
    assert_eq!(&ran.ends()[2..], [("duration_leak", "skipped"), ("speed_scaling", "skipped")]);
}

#[tokio::test(start_paused = true)]
async fn fewer_than_two_agents_abort_and_the_dependents_say_why_they_do_not_run() {
    let mut bench = Bench::new();
    bench.config.stress.batch = 1;
    bench.config.stress.limit = secs(4);
    let ran = bench.run(ALL).await;
    assert_eq!(reason(&ran), Some("stress_test_insufficient_agents"));
    let why = ran.skipped("duration_leak");
    assert!(why.contains("stress_test_insufficient_agents") && why.contains("--agents"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn an_oom_kill_in_stress_aborts_and_skips_the_dependents() {
    let mut bench = Bench::new();
    bench.world.oom_at_level = Some(30);
    let ran = bench.run(ALL).await;
    assert_eq!(reason(&ran), Some("stress_test_oom"));
    assert_eq!(ran.ends()[1], ("stress_test", "stress_test_oom"));
    assert!(ran.skipped("speed_scaling").contains("stress_test_oom"));
    assert_eq!(ran.metadata("stress_test")["trigger"]["metric"], "oom");
    assert_eq!(ran.metadata("stress_test")["trigger"]["container"], "web");
    let saved = |kind: &EventKind| matches!(kind, EventKind::LastWords { .. });
    assert!(ran.world.events.iter().any(|event| saved(&event.kind)));
}

#[tokio::test(start_paused = true)]
async fn an_oom_kill_in_duration_aborts_only_that_scenario() {
    let mut bench = Bench::new();
    bench.config.duration.level = Level::Fixed(20);
    bench.world.oom_at = Some(10.0);
    let ran = bench.run(&["duration", "speed"]).await;
    assert_eq!(ran.ends(), [("duration_leak", "oom"), ("speed_scaling", "complete")]);
    assert_eq!(reason(&ran), Some("oom"));
    assert_eq!(ran.calls().iter().filter(|call| **call == "reach 10").count(), 1, "speed 2x");
}

#[tokio::test(start_paused = true)]
async fn a_crash_is_no_oom_and_a_new_life_has_no_false_rate() {
    let mut bench = Bench::new();
    bench.config.duration.level = Level::Fixed(20);
    bench.world.crash_at = Some(15.0);
    let ran = bench.run(&["duration"]).await;
    assert_eq!(ran.ends(), [("duration_leak", "complete")]);
    let lives: Vec<u32> = ran
        .world
        .ticks
        .iter()
        .flat_map(|tick| &tick.samples)
        .map(|sample| sample.incarnation)
        .collect();
    assert!(lives.is_sorted() && lives.first() < lives.last(), "{lives:?}");
    let samples: Vec<_> = ran.world.ticks.iter().flat_map(|tick| tick.samples.first()).collect();
    for pair in samples.windows(2) {
        let rate = crate::model::rates::derive(Some(pair[0]), pair[1]).get(Figure::CpuPercent);
        assert!(rate.is_none_or(|rate| (-0.1..=20.1).contains(&rate)), "{rate:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_by_its_time_where_the_state_never_comes() {
    let mut bench = Bench::new();
    bench.config.duration.level = Level::Fixed(20);
    bench.world.never_drains = true;
    let ran = bench.run(&["duration"]).await;
    assert_eq!(ran.phases("duration_leak")[4], ("drain".into(), "drain_timeout".into()));
    assert_eq!(ran.metadata("duration_leak")["drained"], false);
    assert_eq!(ran.ends(), [("duration_leak", "complete")]);
}

#[tokio::test(start_paused = true)]
async fn agents_that_do_not_all_come_are_waited_for_and_then_done_without() {
    let mut bench = Bench::new();
    bench.config.duration.level = Level::Fixed(20);
    bench.world.share_that_comes = 0.5;
    let ran = bench.run(&["duration"]).await;
    assert_eq!(ran.phases("duration_leak")[1], ("spawn".into(), "spawn_timeout".into()));
    assert_eq!(ran.ends(), [("duration_leak", "complete")]);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_at_any_moment_saves_and_ends() {
    let whole = Bench::new().run(ALL).await.seconds;
    for part in 0..40 {
        let mut bench = Bench::new();
        let at = whole * (f64::from(part) + 0.5) / 40.0;
        bench.interrupt_at = Some(at);
        let ran = bench.run(ALL).await;
        assert_eq!(ran.outcome.signal, Some(Signal::Interrupt), "at {at}");
        assert_eq!(reason(&ran), Some("user_interrupt"), "at {at}");
        assert_eq!(ran.ends().last().map(|end| end.1), Some("user_interrupt"), "at {at}");
        assert!(ran.seconds <= at + 1.5, "{} for {at}", ran.seconds);
        assert_eq!(ran.world.downs, 1);
        let words = ran.calls();
        let tail = words.iter().position(|call| *call == "stop").unwrap_or(words.len());
        assert!(words.len() <= tail + 1, "nothing is driven after the stop: {words:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_a_reset_that_hangs() {
    let mut bench = Bench::new();
    bench.world.reset_hangs = true;
    bench.interrupt_at = Some(30.0);
    let ran = bench.run(&["baseline"]).await;
    assert_eq!(ran.ends(), [("baseline", "user_interrupt")]);
    assert_eq!((ran.outcome.ticks, ran.world.downs), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_load_that_fails_ends_the_scenario_after_its_tries() {
    let mut bench = Bench::new();
    bench.config.duration.level = Level::Fixed(20);
    bench.world.broken_call = "pause";
    let ran = bench.run(&["duration", "speed"]).await;
    assert_eq!(ran.ends(), [("duration_leak", "load_failed"), ("speed_scaling", "complete")]);
    assert_eq!(reason(&ran), Some("load_failed"));
    assert_eq!(ran.calls().iter().filter(|call| **call == "pause").count(), 3);
}

/// The message of the abort, and the load's errors in the record.
fn told(ran: &Ran) -> (String, Vec<String>) {
    let errors = ran.world.events.iter().filter_map(|event| match &event.kind {
        EventKind::Load { error: Some(error), .. } => Some(error.clone()),
        _ => None,
    });
    let message = ran.outcome.abort.as_ref().map(|abort| abort.message.clone());
    (message.unwrap_or_default(), errors.collect())
}

#[tokio::test(start_paused = true)]
async fn an_action_that_is_not_done_when_its_phase_ends_aborts_and_names_the_apis_own_error() {
    let mut bench = Bench::new();
    bench.config.duration.level = Level::Fixed(20);
    bench.world.hanging_call = "start";
    bench.world.trouble = Some("GET http://x/health: 500: boom");
    let ran = bench.run(&["duration"]).await;
    assert_eq!(ran.ends(), [("duration_leak", "load_failed")]);
    let phases = [("before", "after"), ("spawn", "load_failed")];
    assert_eq!(ran.phases("duration_leak"), phases.map(|(name, end)| (name.into(), end.into())));
    let (message, errors) = told(&ran);
    let wanted =
        "start: not done when phase spawn ended, after 20 s: GET http://x/health: 500: boom";
    assert!(message.contains(wanted), "{message}");
    assert!(wanted.ends_with(&errors[0]), "{errors:?}");
}

#[tokio::test(start_paused = true)]
async fn a_phase_shorter_than_the_tries_of_its_action_aborts_all_the_same() {
    let mut bench = Bench::new();
    bench.config.duration.level = Level::Fixed(20);
    bench.config.duration.spawn_timeout = secs(2);
    bench.world.broken_call = "reach";
    let ran = bench.run(&["duration"]).await;
    assert_eq!(ran.ends(), [("duration_leak", "load_failed")]);
    let (message, _) = told(&ran);
    assert!(message.contains("reach 20: not done") && message.contains("it broke"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn stress_whose_first_batch_is_never_taken_says_so_and_not_that_the_stack_is_too_small() {
    let mut bench = Bench::new();
    bench.world.hanging_call = "reach";
    let ran = bench.run(ALL).await;
    assert_eq!(reason(&ran), Some("load_failed"));
    assert_eq!(&ran.ends()[1..3], [("stress_test", "load_failed"), ("duration_leak", "skipped")]);
    assert!(told(&ran).0.contains("reach 10: not done when phase ramp ended"), "{:?}", told(&ran));
}

#[tokio::test(start_paused = true)]
async fn a_slow_start_may_last_into_the_ramp_whose_batches_wait_for_it() {
    let mut bench = Bench::new();
    bench.world.start_takes = secs(12);
    let ran = bench.run(&["stress"]).await;
    assert_eq!(ran.ends(), [("stress_test", "complete")]);
}

#[tokio::test(start_paused = true)]
async fn a_scenario_of_which_no_request_was_answered_is_aborted_and_its_dependents_do_not_run() {
    let mut bench = Bench::new();
    bench.world.requests = Some(fake::Requests::default());
    let ran = bench.run(ALL).await;
    assert_eq!(reason(&ran), Some("load_failed"));
    let ends = [("stress_test", "load_failed"), ("duration_leak", "skipped")];
    assert_eq!(&ran.ends()[1..3], ends);
    assert_eq!(ran.metadata("stress_test")["trigger"]["metric"], "failed");
    let (message, _) = told(&ran);
    assert!(message.contains("nothing was answered in scenario stress"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_load_that_answers_nothing_is_not_driven_through_all_phases() {
    let mut bench = Bench::new();
    bench.config.duration.level = Level::Fixed(20);
    bench.world.requests = Some(fake::Requests::default());
    let ran = bench.run(&["duration"]).await;
    let last = ran.phases("duration_leak").pop().expect("a phase");
    assert_eq!(last, ("active".into(), "after".into()));
    assert_eq!(ran.ends(), [("duration_leak", "load_failed")]);
}

#[tokio::test(start_paused = true)]
async fn agents_of_whom_none_ever_came_abort_and_a_part_of_them_is_a_warning() {
    let mut bench = Bench::new();
    bench.config.duration.level = Level::Fixed(20);
    bench.world.share_that_comes = 0.0;
    let ran = bench.run(&["duration"]).await;
    assert_eq!(ran.ends(), [("duration_leak", "load_failed")]);
    assert!(told(&ran).0.contains("not one agent came: 0 of 20 are there"), "{:?}", told(&ran));
    let mut bench = Bench::new();
    bench.config.duration.level = Level::Fixed(20);
    bench.world.share_that_comes = 0.5;
    let ran = bench.run(&["duration"]).await;
    let warned = |kind: &EventKind| matches!(kind, EventKind::Warning { message } if message.contains("10 of 20 are there"));
    assert!(ran.world.events.iter().any(|event| warned(&event.kind)));
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_ends_the_run_and_the_stack_is_taken_down() {
    let mut bench = Bench::new();
    bench.world.disk_holds = Some(5);
    let ran = bench.run(ALL).await;
    assert_eq!(reason(&ran), Some("disk_full"));
    assert_eq!((ran.world.ticks.len(), ran.world.downs), (5, 1));
    assert!(ran.seconds < 15.0, "{}", ran.seconds);
}

fn undone(ran: &Ran) -> Vec<String> {
    let told = ran.world.events.iter().filter_map(|event| match &event.kind {
        EventKind::Unfinished(left) => Some(left.message.clone()),
        _ => None,
    });
    told.collect()
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_is_left_up_stands_in_the_record_and_the_outcome_with_its_remedy() {
    let mut bench = Bench::new();
    bench.world.down_fails = Some("the network is in use");
    let ran = bench.run(&["baseline"]).await;
    let left = ran.outcome.unfinished.first().expect("left undone");
    assert!(left.message.contains("not taken down: the network is in use"), "{left:?}");
    assert!(left.remedy.contains("docker ps -a"), "{left:?}");
    assert_eq!(undone(&ran), [left.message.as_str()]);
    let end = ran.world.events.last().expect("an end");
    assert_eq!(end.kind, EventKind::RunEnd { abort_reason: None });
    let mut bench = Bench::new();
    bench.keep_up = true;
    assert_eq!(undone(&bench.run(&["baseline"]).await), [""; 0], "it was meant to be left up");
}

#[tokio::test(start_paused = true)]
async fn a_signal_while_the_stack_is_taken_down_is_heard_and_the_stack_goes_down_all_the_same() {
    let whole = Bench::new().run(&["baseline"]).await.seconds;
    let mut bench = Bench::new();
    bench.world.down_takes = secs(300);
    bench.interrupt_at = Some(whole + 20.0);
    let ran = bench.run(&["baseline"]).await;
    assert_eq!(ran.outcome.signal, Some(Signal::Interrupt));
    assert_eq!((reason(&ran), ran.world.downs), (None, 1));
    assert_eq!(ran.ends(), [("baseline", "complete")]);
    let heard = |event: &Event| matches!(event.kind, EventKind::Interrupt { .. });
    assert!(ran.world.events.iter().any(heard));
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_another_run_takes_over_ends_the_run() {
    let mut bench = Bench::new();
    // Its containers are made anew: their ends and starts are what is heard of it.
    (bench.world.taken_over_at, bench.world.crash_at) = (Some(5.0), Some(5.0));
    let ran = bench.run(ALL).await;
    let abort = ran.outcome.abort.as_ref().expect("an abort");
    assert!(abort.reason == "stack_taken_over" && !abort.environment, "{abort:?}");
    assert!(abort.message.contains("run x (pid 7)"), "{abort:?}");
    assert!(ran.seconds < 10.0 && ran.world.downs == 1, "{}", ran.seconds);
}

#[tokio::test(start_paused = true)]
async fn a_first_reset_that_fails_is_the_environment_and_is_recorded() {
    let mut bench = Bench::new();
    bench.world.reset_fails = true;
    let ran = bench.run(ALL).await;
    let abort = ran.outcome.abort.as_ref().expect("an abort");
    assert!(abort.environment && abort.reason == "reset_failed", "{abort:?}");
    assert_eq!(ran.ends(), [("baseline", "reset_failed")]);
    assert_eq!(ran.outcome.ticks, 0);
}

#[tokio::test(start_paused = true)]
async fn batches_do_not_pile_up_when_the_api_is_slow() {
    let mut bench = Bench::new();
    bench.config.stress.every = secs(2);
    bench.config.stress.limit = secs(30);
    bench.world.reach_takes = secs(7);
    let ran = bench.run(&["stress"]).await;
    let times: Vec<f64> = ran
        .world
        .calls
        .iter()
        .filter(|(_, words)| words.starts_with("reach"))
        .map(|(at, _)| *at)
        .collect();
    assert!(times.len() >= 3, "{times:?}");
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 7.0), "{times:?}");
    let levels: Vec<&str> =
        ran.calls().into_iter().filter(|call| call.starts_with("reach")).take(3).collect();
    assert_eq!(levels, ["reach 10", "reach 20", "reach 30"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_when_a_scenario_ends_does_not_reach_into_the_next() {
    let mut bench = Bench::new();
    bench.config.stress.limit = secs(11);
    bench.config.duration.level = Level::Fixed(7);
    // The batch at 10 s is still under way when stress is over at 11 s.
    bench.world.reach_takes = secs(3);
    let ran = bench.run(&["stress", "duration"]).await;
    assert_eq!(ran.metadata("stress_test")["max_level"], 20);
    assert_eq!(ran.metadata("duration_leak")["level"], 7);
    assert_eq!(ran.calls().iter().filter(|call| **call == "reach 30").count(), 0);
}

#[tokio::test(start_paused = true)]
async fn each_speed_step_resets_the_load_sets_the_speed_and_spawns_its_share() {
    let mut bench = Bench::new();
    bench.config.speed.level = Level::Fixed(10);
    let ran = bench.run(&["speed"]).await;
    let calls =
        ["reset", "start", "speed 2", "reach 5", "reset", "start", "speed 4", "reach 2", "stop"];
    assert_eq!(ran.calls(), calls);
    let metadata = ran.metadata("speed_scaling");
    assert_eq!(metadata["max_speed_achieved"], 4);
    assert_eq!(metadata["max_speed_sustained"], 4);
    assert_eq!(metadata["step_results"][1]["agent_count"], 2);
    assert_eq!(ran.world.resets, 1, "the stack is reset once");
}

#[tokio::test(start_paused = true)]
async fn a_step_that_is_cut_off_is_no_speed_sustained() {
    let mut bench = Bench::new();
    bench.config.speed.level = Level::Fixed(10);
    // Reset 2 s, first step about 11 s: in the second step.
    bench.world.oom_at = Some(19.0);
    let ran = bench.run(&["speed"]).await;
    assert_eq!(ran.ends(), [("speed_scaling", "oom")]);
    let metadata = ran.metadata("speed_scaling");
    assert_eq!(metadata["max_speed_sustained"], 2, "{metadata}");
}

#[tokio::test(start_paused = true)]
async fn a_fixed_level_needs_no_stress() {
    let mut bench = Bench::new();
    bench.config.duration.level = Level::Fixed(12);
    bench.config.speed.level = Level::Fixed(12);
    let ran = bench.run(&["duration", "speed"]).await;
    assert_eq!(ran.metadata("duration_leak")["level"], 12);
    assert!(ran.calls().contains(&"reach 6") && ran.calls().contains(&"reach 3"));
}

#[tokio::test(start_paused = true)]
async fn a_run_without_load_neither_starts_nor_stops_what_somebody_else_drives() {
    let mut bench = Bench::new();
    bench.config.stack.reset = Reset::Never;
    let ran = bench.run(&["baseline"]).await;
    assert_eq!(ran.calls(), [""; 0]);
    assert_eq!(ran.ends(), [("baseline", "complete")]);
}

#[tokio::test(start_paused = true)]
async fn keep_up_leaves_the_stack_but_stops_the_load() {
    let mut bench = Bench::new();
    bench.keep_up = true;
    bench.config.duration.level = Level::Fixed(3);
    let ran = bench.run(&["duration"]).await;
    assert_eq!(ran.world.downs, 0);
    assert_eq!(ran.calls().last(), Some(&"stop"));
}

fn own(name: &str, reset: Option<Reset>) -> ScenarioConfig {
    let phase = |name: &str, actions: Vec<Action>, until: Until| PhaseConfig {
        name: name.into(),
        interval: secs(1),
        sampled: true,
        actions,
        until,
        threshold_ends_scenario: false,
    };
    let after = |n| Until { after: Some(secs(n)), ..Until::default() };
    let limits = StressLimits { window: secs(4), ..StressLimits::default() };
    let ramp = Action::Ramp { batch: 30, every: secs(2) };
    ScenarioConfig {
        name: name.into(),
        reset,
        stop_on_oom: false,
        expect_oom: false,
        limits,
        phases: vec![
            phase("push", vec![Action::Start, ramp], Until { threshold: true, ..after(30) }),
            phase("rest", vec![Action::Pause], Until { drained: true, ..after(10) }),
            phase("again", vec![Action::Resume], after(3)),
        ],
    }
}

#[tokio::test(start_paused = true)]
async fn a_scenario_of_the_users_own_goes_on_after_a_threshold_that_only_ends_a_phase() {
    let mut bench = Bench::new();
    bench.config.custom = vec![own("mine", None)];
    bench.world.oom_at = Some(5.0);
    let ran = bench.run(&["custom"]).await;
    let ends: Vec<String> = ran.phases("mine").into_iter().map(|(_, end)| end).collect();
    assert_eq!(ends, ["threshold", "drained", "after"], "an OOM kill does not stop it");
    assert_eq!(ran.ends(), [("mine", "complete")]);
    assert_eq!(ran.metadata("mine")["phases"][0]["trigger"]["container"], "web");
}

#[tokio::test(start_paused = true)]
async fn load_is_taken_away_before_a_scenario_that_takes_the_stack_as_it_is() {
    let mut bench = Bench::new();
    bench.config.custom = vec![own("first", None), own("second", Some(Reset::Never))];
    let ran = bench.run(&["first", "second"]).await;
    let calls = ran.calls();
    let reset = calls.iter().position(|call| *call == "reset").expect("a reset of the load");
    let starts: Vec<usize> =
        calls.iter().enumerate().filter(|(_, c)| **c == "start").map(|(i, _)| i).collect();
    assert!(starts[0] < reset && reset < starts[1], "{calls:?}");
    assert_eq!(calls.iter().filter(|call| **call == "reset").count(), 1, "{calls:?}");
    assert_eq!(ran.world.resets, 1);
}

mod hooks {
    use super::*;
    use crate::config::{HookAct, HookConfig, When};

    fn hook(name: &str, scenario: &str, phase: Option<&str>, when: When) -> HookConfig {
        HookConfig {
            name: name.into(),
            scenario: Some(scenario.into()),
            phase: phase.map(str::to_string),
            when,
            act: HookAct::Command { command: vec!["true".into()] },
            timeout: secs(30),
            required: false,
        }
    }

    fn told(ran: &Ran) -> Vec<crate::model::event::HookRun> {
        let of = |event: &crate::model::Event| match &event.kind {
            EventKind::Hook(run) => Some(run.clone()),
            _ => None,
        };
        ran.world.events.iter().filter_map(of).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn hooks_run_at_their_borders_in_order_and_what_they_said_is_kept() {
        let mut bench = Bench::new();
        bench.world.hook_takes = secs(3);
        bench.config.hooks = vec![
            hook("last", "baseline", None, When::After),
            hook("first", "baseline", None, When::Before),
            hook("warm", "baseline", Some("warmup"), When::After),
            hook("mid", "baseline", Some("baseline"), When::Before),
            hook("other", "stress", None, When::Before),
        ];
        let ran = bench.run(&["baseline"]).await;
        assert_eq!(reason(&ran), None);
        let runs = told(&ran);
        let names: Vec<&str> = runs.iter().map(|run| run.hook.as_str()).collect();
        assert_eq!(names, ["first", "warm", "mid", "last"]);
        assert!(runs.iter().all(|run| run.ok && run.file.is_some()), "{runs:?}");
        assert!((runs[0].seconds - 3.0).abs() < 0.1, "{runs:?}");
        assert!(ran.world.hooks.iter().all(|(_, _, containers)| *containers == 1));
    }

    #[tokio::test(start_paused = true)]
    async fn ticks_go_on_beside_a_hook_and_none_of_them_is_a_result() {
        let mut bench = Bench::new();
        bench.world.hook_takes = Duration::from_millis(6500);
        bench.config.hooks = vec![hook("slow", "baseline", Some("baseline"), When::Before)];
        let ran = bench.run(&["baseline"]).await;
        let beside: Vec<_> =
            ran.world.ticks.iter().filter(|tick| tick.phase == "hook_slow").collect();
        assert_eq!(beside.len(), 7, "six on the schedule and one at the end");
        assert!(beside.iter().all(|tick| tick.priming));
        // The phase after it has all its ticks, on its own schedule, each after an interval.
        assert_eq!(ran.ticks("baseline", "baseline").len(), 5);
        let first = ran.world.ticks.iter().find(|t| t.phase == "baseline").expect("a tick");
        assert!((first.at - beside[6].at - 1.0).abs() < 0.01);
        let metadata = ran.phases("baseline");
        assert!(metadata.contains(&("hook_slow".to_string(), "done".to_string())), "{metadata:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_hook_that_fails_is_a_warning_and_one_that_hangs_is_left() {
        let mut bench = Bench::new();
        bench.world.hook_fails = Some("no such program");
        bench.config.hooks = vec![hook("broken", "baseline", None, When::After)];
        let ran = bench.run(&["baseline", "stress"]).await;
        assert_eq!(reason(&ran), None);
        assert_eq!(ran.ends().len(), 2);
        assert_eq!(told(&ran)[0].message.as_deref(), Some("no such program"));
        let mut bench = Bench::new();
        bench.world.hook_takes = secs(100_000);
        bench.config.hooks = vec![hook("hangs", "baseline", None, When::After)];
        let ran = bench.run(&["baseline"]).await;
        assert_eq!(ran.ends(), [("baseline", "complete")]);
        assert!((told(&ran)[0].seconds - 35.0).abs() < 0.1);
        assert_eq!(ran.world.hooks_dropped, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_required_ends_the_run() {
        let mut bench = Bench::new();
        bench.world.hook_fails = Some("no heap");
        let required = hook("needed", "baseline", Some("warmup"), When::After);
        bench.config.hooks = vec![HookConfig { required: true, ..required }];
        let ran = bench.run(ALL).await;
        assert_eq!(reason(&ran), Some("hook_failed"));
        assert_eq!(ran.ends(), [("baseline", "hook_failed")]);
        assert_eq!(ran.world.downs, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_interrupt_ends_a_running_hook_at_once() {
        let mut bench = Bench::new();
        bench.world.hook_takes = secs(20);
        bench.config.hooks = vec![hook("slow", "baseline", None, When::Before)];
        bench.interrupt_at = Some(5.0);
        let ran = bench.run(&["baseline"]).await;
        assert_eq!(reason(&ran), Some("user_interrupt"));
        assert_eq!(ran.world.hooks_dropped, 1);
        assert!(ran.seconds < 10.0, "{}", ran.seconds);
        assert_eq!(ran.ends(), [("baseline", "user_interrupt")]);
    }
}

mod isolating {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_task_has_its_turns_alone_and_the_order_is_recorded() {
        let mut bench = Bench::new();
        let isolate = &mut bench.config.isolate;
        (isolate.slot, isolate.rest, isolate.warmup) = (secs(4), secs(4), secs(2));
        (isolate.rounds, isolate.level, isolate.seed) = (3, 7, Some(5));
        let ran = bench.run(&["isolate"]).await;
        assert_eq!(reason(&ran), None);
        assert_eq!(ran.ends(), [("isolate", "complete")]);
        let calls = ran.calls();
        let only =
            |name: &str| calls.iter().filter(|call| **call == format!("only {name}")).count();
        // Three rounds and the turn that is not measured.
        assert_eq!((only("drivers"), only("riders")), (4, 4));
        for (at, call) in calls.iter().enumerate().filter(|(_, call)| call.starts_with("only")) {
            assert_eq!(calls[at + 1..at + 4], ["start", "reach 7", "reset"], "after {call}");
        }
        let params = ran.world.events.iter().find_map(|event| match &event.kind {
            EventKind::ScenarioStart { params, .. } => Some(params["isolate"].clone()),
            _ => None,
        });
        let params = params.expect("parameters");
        assert_eq!(params["seed"], 5);
        assert_eq!(params["turns"].as_array().expect("turns").len(), 9);
        assert_eq!(params["agents"]["riders"], 7);
    }
}

mod confirming {
    use super::*;

    fn bench(candidates: Result<&'static [&'static str], &'static str>) -> Bench {
        let mut bench = Bench::new();
        bench.config.duration.level = Level::Fixed(10);
        bench.config.leak.confirm = true;
        bench.candidates = Some(candidates);
        bench
    }

    fn names(ran: &Ran) -> Vec<String> {
        ran.phases("duration_leak").into_iter().map(|(phase, _)| phase).collect()
    }

    const PLANNED: [&str; 6] = ["before", "spawn", "settle", "active", "drain", "cooldown"];

    #[tokio::test(start_paused = true)]
    async fn a_candidate_gets_one_more_cycle_and_the_record_says_who() {
        let ran = bench(Ok(&["web"])).run(&["duration"]).await;
        assert_eq!(reason(&ran), None);
        let more = ["judging", "active_2", "drain_2", "cooldown_2"];
        assert_eq!(names(&ran), [&PLANNED[..], &more[..]].concat());
        assert_eq!(ran.world.judged, 1);
        // The second cycle is one like the first: same length, same schedule.
        assert_eq!(ran.ticks("duration_leak", "active_2").len(), 20);
        let who = ran.world.events.iter().find_map(|event| match &event.kind {
            EventKind::Confirm { containers, .. } => Some(containers.clone()),
            _ => None,
        });
        assert_eq!(who, Some(vec!["web".to_string()]));
        let at = |call: &str| ran.calls().iter().filter(|c| **c == call).count();
        assert_eq!((at("pause"), at("resume")), (2, 1));
        let mut indexes: Vec<u32> = ran
            .world
            .events
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::PhaseStart { index, .. } => Some(*index),
                _ => None,
            })
            .collect();
        indexes.dedup();
        assert_eq!(indexes, (0..10).collect::<Vec<u32>>());
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_candidate_or_without_being_asked_for_nothing_is_added() {
        let ran = bench(Ok(&[])).run(&["duration"]).await;
        assert_eq!(names(&ran), [&PLANNED[..], &["judging"][..]].concat());
        let mut off = bench(Ok(&["web"]));
        off.config.leak.confirm = false;
        let ran = off.run(&["duration"]).await;
        assert_eq!((names(&ran), ran.world.judged), (PLANNED.map(str::to_string).to_vec(), 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_judgement_that_fails_is_a_warning_and_the_run_goes_on() {
        let ran = bench(Err("the journal cannot be read")).run(&["duration"]).await;
        assert_eq!(ran.ends(), [("duration_leak", "complete")]);
        assert!(ran.world.events.iter().any(|event| matches!(&event.kind,
            EventKind::Warning { message } if message.contains("cannot be confirmed"))));
    }

    #[tokio::test(start_paused = true)]
    async fn after_several_cycles_the_next_number_follows() {
        let mut bench = bench(Ok(&["web"]));
        bench.config.duration.cycles = 3;
        let ran = bench.run(&["duration"]).await;
        assert!(names(&ran).ends_with(&["active_4", "drain_4", "cooldown_2"].map(str::to_string)));
    }
}

mod the_very_end {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_oom_kill_in_the_last_moment_of_stress_aborts_what_builds_on_it() {
        let mut bench = Bench::new();
        let undisturbed = Bench::new().run(&["stress"]).await;
        let last = undisturbed.world.ticks.iter().rfind(|t| t.phase == "ramp").expect("a tick");
        // The kill happens in the tick that reaches the threshold; it takes 1.5 s to be told.
        bench.world.oom_at = Some(last.at - 0.1);
        let ran = bench.run(&["stress", "duration"]).await;
        assert_eq!(reason(&ran), Some("stress_test_oom"), "{:?}", ran.ends());
        assert_eq!(ran.ends()[1], ("duration_leak", "skipped"));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_waited_for_where_nothing_happened() {
        let quiet = Bench::new().run(&["baseline"]).await;
        let mut bench = Bench::new();
        bench.world.crash_at = Some(quiet.seconds - 0.5);
        let troubled = bench.run(&["baseline"]).await;
        assert_eq!(quiet.ends(), troubled.ends());
        assert!(troubled.seconds > quiet.seconds + 1.0 && troubled.seconds < quiet.seconds + 8.0);
    }
}
