//! Schedules of a phase, and plans.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::config::{
    Action, AgentsLoad, Config, Level, LoadConfig, PhaseConfig, Reset, StackKind, Until,
};
use crate::model::event::Trigger;

fn phase(interval: f64, actions: Vec<Action>, until: Until) -> PhaseConfig {
    PhaseConfig {
        name: "x".into(),
        interval: Duration::from_secs_f64(interval),
        sampled: true,
        actions,
        until,
        threshold_ends_scenario: true,
    }
}

fn after(seconds: u64) -> Until {
    Until { after: Some(Duration::from_secs(seconds)), ..Until::default() }
}

proptest! {
    /// Whatever ticks cost, each is due at a whole multiple of the interval, later than the one
    /// before, never more than an interval in the past, and none is lost but those it tells.
    #[test]
    fn the_schedule_never_drifts(
        interval in 0.1f64..10.0,
        start in 0.0f64..1000.0,
        costs in prop::collection::vec(0.0f64..35.0, 1..60),
    ) {
        let phase = phase(interval, vec![], after(10));
        let interval = phase.interval.as_secs_f64();
        let mut run = PhaseRun::new(&phase, start);
        let mut now = start;
        let mut index = 0u64;
        for cost in costs {
            let due = run.next_tick();
            let multiple = (due - start) / interval;
            prop_assert!((multiple - multiple.round()).abs() < 1e-6, "{multiple}");
            prop_assert_eq!(multiple.round() as u64, index + 1);
            prop_assert!(now - due < interval + 1e-6, "{} late", now - due);
            now = now.max(due) + cost;
            index += 1 + run.ticked(now);
        }
    }

    /// However slow the load takes them, batches come one at a time and at their pace.
    #[test]
    fn batches_never_come_faster_than_their_pace_after_a_late_one(
        waits in prop::collection::vec(0.0f64..20.0, 1..40),
    ) {
        let ramp = Action::Ramp { batch: 10, every: Duration::from_secs(3) };
        let phase = phase(1.0, vec![ramp], after(100));
        let mut run = PhaseRun::new(&phase, 0.0);
        let mut now = 0.0f64;
        let mut sent = 0u32;
        for wait in waits {
            now = now.max(run.next_batch().expect("it ramps"));
            prop_assert_eq!(run.batch_due(now), Some(10));
            prop_assert_eq!(run.batch_due(now), None, "one at a time");
            sent += 1;
            prop_assert!(f64::from(sent - 1) * 3.0 <= now + 1e-6);
            now += wait;
        }
    }
}

#[test]
fn bad_news_comes_before_a_condition_and_a_condition_before_the_time() {
    let trigger = Trigger {
        container: "web".into(),
        metric: "cpu".into(),
        value: 95.0,
        threshold: 90.0,
        cores: None,
    };
    let drain = phase(1.0, vec![], Until { drained: true, threshold: true, ..after(10) });
    let run = PhaseRun::new(&drain, 5.0);
    let mut now = Situation { now: 15.0, ..Situation::default() };
    assert_eq!(run.judge(&now), Some(PhaseEnd::TimedOut("drain_timeout")));
    now.drained = true;
    assert_eq!(run.judge(&now), Some(PhaseEnd::Drained));
    now.threshold = Some(trigger.clone());
    assert_eq!(run.judge(&now), Some(PhaseEnd::Threshold(trigger.clone())));
    now.load_failed = Some("gone".into());
    assert_eq!(run.judge(&now), Some(PhaseEnd::LoadFailed("gone".into())));
    now.oom = Some("web".into());
    assert_eq!(run.judge(&now), Some(PhaseEnd::Oom("web".into())));

    let step = phase(1.0, vec![], Until { threshold_at_end: true, ..after(10) });
    let run = PhaseRun::new(&step, 0.0);
    let mut now = Situation { now: 9.0, threshold: Some(trigger.clone()), ..Situation::default() };
    assert_eq!(run.judge(&now), None, "judged at the end only");
    now.now = 10.0;
    assert_eq!(run.judge(&now), Some(PhaseEnd::Threshold(trigger)));
}

fn config(reset: Reset) -> Config {
    let mut config = Config::minimal("x");
    config.stack.kind = StackKind::Compose(crate::config::Compose::default());
    config.stack.reset = reset;
    config.load = Some(LoadConfig::Agents(AgentsLoad::default()));
    config
}

fn plan(config: &Config, names: &[&str]) -> Result<Plan, PlanError> {
    Plan::new(config, &names.iter().map(|name| (*name).to_string()).collect::<Vec<_>>())
}

fn keys(plan: &Plan) -> Vec<&str> {
    plan.scenarios.iter().map(|planned| planned.key.as_str()).collect()
}

#[test]
fn all_are_the_four_in_order_and_each_comes_once() {
    let config = config(Reset::Volumes);
    let four = ["baseline", "stress_test", "duration_leak", "speed_scaling"];
    assert_eq!(keys(&plan(&config, &["all"]).expect("a plan")), four);
    let twice = plan(&config, &["stress", "all", "stress"]).expect("a plan");
    assert_eq!(keys(&twice), ["stress_test", "baseline", "duration_leak", "speed_scaling"]);
    assert_eq!(keys(&plan(&config, &[]).expect("the config's own")), ["baseline"]);
}

#[test]
fn only_stress_right_after_baseline_takes_over_its_stack() {
    let config = config(Reset::Volumes);
    let resets: Vec<Option<Reset>> =
        plan(&config, &["all"]).expect("a plan").scenarios.iter().map(|p| p.reset).collect();
    let volumes = Some(Reset::Volumes);
    assert_eq!(resets, [volumes, None, volumes, volumes]);
}

#[test]
fn a_scenario_can_ask_for_less_than_the_consent_and_never_for_more() {
    let scenario = |reset| crate::config::ScenarioConfig {
        name: "mine".into(),
        reset: Some(reset),
        stop_on_oom: true,
        expect_oom: false,
        limits: Default::default(),
        phases: vec![phase(1.0, vec![], after(1))],
    };
    for (consent, wanted, given) in [
        (Reset::Never, Reset::Volumes, Reset::Never),
        (Reset::Containers, Reset::Volumes, Reset::Containers),
        (Reset::Volumes, Reset::Containers, Reset::Containers),
        (Reset::Volumes, Reset::Never, Reset::Never),
    ] {
        let mut config = config(consent);
        config.custom = vec![scenario(wanted)];
        let plan = plan(&config, &["custom"]).expect("a plan");
        assert_eq!(plan.scenarios[0].reset, Some(given), "{consent:?} {wanted:?}");
    }
}

#[test]
fn what_cannot_be_planned_says_what_is_missing() {
    let mut config = config(Reset::Volumes);
    for (names, word) in [
        (&["stres"][..], "there are: baseline, stress, duration, speed"),
        (&["custom"], "no scenario 'custom'"),
        (&["duration"], "--agents"),
        (&["duration", "stress"], "-s stress"),
        (&["speed"], "-s stress"),
    ] {
        let message = plan(&config, names).expect_err("not planned").to_string();
        assert!(message.contains(word), "{names:?}: {message}");
    }
    config.duration.level = Level::Fixed(5);
    assert!(plan(&config, &["duration", "speed"]).is_ok(), "--agents gives both their level");
    config.load = None;
    let message = plan(&config, &["stress"]).expect_err("no load").to_string();
    assert!(message.contains("[load]"), "{message}");
    assert!(plan(&config, &["baseline"]).is_ok());
}
