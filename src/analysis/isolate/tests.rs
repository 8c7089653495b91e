//! Made runs whose truth is known.

use serde_json::json;

use super::*;
use crate::analysis::dataset::{Columns, Dataset, Format, Phase, ScenarioData, Series};
use crate::model::Figure;

const TASKS: [&str; 3] = ["browse", "checkout", "search"];
const MB: f64 = 1_048_576.0;

/// Seconds of a turn and of a rest.
const SLOT: usize = 10;
const REST: usize = 6;
const RATE: f64 = 20.0;

/// A small generator of numbers: uniform in -1 .. 1.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// About normal, sd 1.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next() / 2.0).sum()
    }
}

struct Truth {
    /// Bytes a request keeps, by task.
    leaks: [f64; 3],
    /// MB that a task holds while it has its turn.
    borrows: [f64; 3],
    /// MB a minute that grow whatever is done.
    background: f64,
    /// Sd of a reading, MB.
    noise: f64,
    rounds: u32,
}

const QUIET: Truth =
    Truth { leaks: [0.0; 3], borrows: [0.0; 3], background: 0.0, noise: 0.05, rounds: 4 };

fn run(truth: &Truth, seed: u32) -> Dataset {
    let names: Vec<String> = TASKS.map(str::to_string).to_vec();
    let turns = crate::scenario::isolate::turns(&names, truth.rounds, seed);
    let mut scenario = ScenarioData::new("isolate");
    scenario.params =
        json!({"isolate": {"seed": seed, "level": 20, "agents": null, "turns": turns}});
    let mut noise = Noise(u64::from(seed) * 7919 + 1);
    let mut anon = Vec::new();
    let mut done = [0.0; 3];
    let mut counts: [Vec<f64>; 3] = Default::default();
    let mut leaked = 0.0;
    let mut phase = |name: &str, seconds: usize, task: Option<usize>, s: &mut ScenarioData| {
        let first = s.time.len();
        for _ in 0..seconds {
            let at = (s.time.len() + 1) as f64;
            s.time.push(at);
            s.wall.push(at);
            leaked += truth.background / 60.0 * MB;
            if let Some(task) = task {
                done[task] += RATE;
                leaked += truth.leaks[task] * RATE;
            }
            let held = task.map_or(0.0, |task| truth.borrows[task]);
            anon.push((50.0 + held + truth.noise * noise.normal()) * MB + leaked);
            counts.iter_mut().zip(done).for_each(|(column, done)| column.push(done));
        }
        s.phases.push(Phase {
            name: name.to_string(),
            start: first as f64,
            end: s.time.len() as f64,
            ticks: first..s.time.len(),
            level: None,
            speed: None,
            end_reason: None,
        });
    };
    phase("rest_0", REST, None, &mut scenario);
    for turn in &turns {
        let task = turn.task.as_deref().and_then(|name| TASKS.iter().position(|t| *t == name));
        phase(&turn.phase, SLOT, task, &mut scenario);
        phase(&turn.after, REST, None, &mut scenario);
    }
    let mut columns = Columns::new(anon.len());
    *columns.column_mut(Figure::AnonBytes) = anon;
    scenario.containers = vec![Series { name: "web".into(), columns, incarnation: Vec::new() }];
    scenario.load_metrics = TASKS
        .iter()
        .zip(counts)
        .map(|(task, column)| (format!("requests.{task}"), column))
        .collect();
    Dataset {
        provenance: Default::default(),
        format: Format::Runner,
        test_id: "made".into(),
        started_at: None,
        completed_at: None,
        abort_reason: None,
        config: json!({}),
        derived_config: json!({}),
        run: json!({}),
        containers: Vec::new(),
        scenarios: vec![scenario],
        events: Vec::new(),
    }
}

fn apart(truth: &Truth, seed: u32) -> IsolatedContainer {
    let data = run(truth, seed);
    let isolation = isolate(&data, &Settings::default()).expect("it ran");
    isolation.containers.into_iter().next().expect("a container")
}

fn only(task: &str) -> Attribution {
    Attribution::Named { tasks: vec![task.to_string()], undecided: Vec::new() }
}

#[test]
fn the_one_task_that_leaks_is_named_with_its_bytes() {
    for seed in 0..50 {
        let web = apart(&Truth { leaks: [0.0, 32_768.0, 0.0], ..QUIET }, seed);
        assert_eq!(web.attribution, only("checkout"));
        let checkout = &web.effects[1];
        let bytes = checkout.bytes_per_unit.expect("an estimate");
        assert!((bytes - 32_768.0).abs() < 1500.0, "seed {seed}: {bytes}");
        assert!(checkout.ci_low.expect("low") > 20_000.0, "{checkout:?}");
        assert_eq!(checkout.rounds, 4);
    }
}

#[test]
fn memory_that_is_only_borrowed_and_growth_without_any_task_are_nobodys() {
    for seed in 0..50 {
        let truth = Truth { borrows: [0.0, 0.0, 40.0], background: 30.0, ..QUIET };
        assert_eq!(apart(&truth, seed).attribution, Attribution::NoGrowth, "seed {seed}");
    }
}

#[test]
fn two_tasks_that_leak_are_both_named_the_larger_first() {
    let web = apart(&Truth { leaks: [16_384.0, 65_536.0, 0.0], ..QUIET }, 3);
    assert_eq!(web.attribution.culprits(), ["checkout", "browse"]);
}

/// A figure of three rounds whose estimate is that of a leak, at 1,200 units a minute.
fn effect(task: &str, bytes: f64, half: f64) -> TaskEffect {
    TaskEffect {
        task: task.to_string(),
        rounds: 3,
        bytes_per_unit: Some(bytes),
        ci_low: Some(bytes - half),
        ci_high: Some(bytes + half),
        ci_level: 0.95,
        mb_per_min: Some(bytes * 1200.0 / MB),
    }
}

#[test]
fn a_wide_interval_beside_a_clear_one_does_not_hide_the_culprit() {
    let leak = crate::config::LeakConfig::default();
    let unclear = effect("browse", 2_000.0, 9_000.0);
    let clear = [effect("checkout", 28_000.0, 7_000.0), unclear.clone()];
    let tasks = vec!["checkout".to_string()];
    let undecided = vec!["browse".to_string()];
    assert_eq!(attribute(&clear, &leak), Attribution::Named { tasks, undecided });
    let overlapping = [effect("checkout", 14_000.0, 7_000.0), unclear];
    let tasks = vec!["checkout".to_string(), "browse".to_string()];
    assert_eq!(attribute(&overlapping, &leak), Attribution::NotSeparated { tasks });
}

#[test]
fn where_the_noise_is_as_large_as_the_leak_nobody_is_named() {
    let mut named = 0;
    for seed in 0..200 {
        let truth = Truth { leaks: [0.0, 8_192.0, 0.0], noise: 3.0, ..QUIET };
        named += usize::from(!apart(&truth, seed).attribution.culprits().is_empty());
    }
    assert!(named < 20, "{named} of 200");
}

#[test]
fn nobody_is_named_where_nothing_leaks() {
    for noise in [0.05, 0.5, 3.0] {
        let wrong = (0..300)
            .filter(|seed| {
                !apart(&Truth { noise, ..QUIET }, *seed).attribution.culprits().is_empty()
            })
            .count();
        assert!(wrong <= 9, "noise {noise} MB: {wrong} of 300");
    }
}

#[test]
fn the_intervals_hold_the_truth_as_often_as_they_say() {
    for rounds in [3, 4, 6] {
        let (mut held, mut all) = (0, 0);
        for seed in 0..300 {
            let truth = Truth { leaks: [0.0, 20_000.0, 5_000.0], noise: 0.5, rounds, ..QUIET };
            for (effect, bytes) in apart(&truth, seed).effects.iter().zip(truth.leaks) {
                let (low, high) = (effect.ci_low.expect("low"), effect.ci_high.expect("high"));
                held += usize::from((low..=high).contains(&bytes));
                all += 1;
            }
        }
        let share = f64::from(held as u32) / f64::from(all);
        assert!(share >= 0.95, "{rounds} rounds: {share}");
    }
}

#[test]
fn a_run_that_ended_early_says_how_many_rounds_it_had() {
    let mut data = run(&Truth { leaks: [0.0, 32_768.0, 0.0], ..QUIET }, 1);
    let scenario = &mut data.scenarios[0];
    scenario.phases.truncate(1 + 2 * 4 * 2);
    let web = isolate(&data, &Settings::default()).expect("it ran").containers.remove(0);
    assert_eq!(web.attribution, Attribution::TooFewRounds { rounds: 2 });
    assert!(web.effects.iter().all(|effect| effect.bytes_per_unit.is_none()));
}

#[test]
fn a_restart_costs_its_own_turn_only() {
    let mut data = run(&Truth { leaks: [0.0, 32_768.0, 0.0], rounds: 5, ..QUIET }, 1);
    let scenario = &mut data.scenarios[0];
    let phases = &scenario.phases;
    let slot = phases.iter().find(|p| p.name == "r2_checkout").expect("a turn").ticks.clone();
    let rows = scenario.time.len();
    scenario.containers[0].incarnation =
        (0..rows).map(|row| u32::from(row >= slot.start + 3)).collect();
    let web = isolate(&data, &Settings::default()).expect("it ran").containers.remove(0);
    assert_eq!(web.effects[1].rounds, 4);
    assert_eq!(web.effects[0].rounds, 5);
    assert_eq!(web.attribution, only("checkout"));
}

#[test]
fn a_run_without_the_scenario_has_no_isolation() {
    let mut data = run(&QUIET, 1);
    data.scenarios[0].name = "soak".into();
    assert_eq!(isolate(&data, &Settings::default()), None);
}
