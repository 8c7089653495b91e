use crate::analysis::dataset::{Columns, Format, Phase, Series};
use crate::analysis::{Settings, analyze};
use crate::model::Figure;
use crate::model::units::MB;

use super::*;

/// Correlated noise of about `mb`, from a small generator of its own.
struct Noise {
    state: u64,
    level: f64,
}

impl Noise {
    fn new(seed: u64) -> Noise {
        Noise { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, level: 0.0 }
    }

    fn next(&mut self, mb: f64) -> f64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let shock = (self.state >> 11) as f64 / (1u64 << 53) as f64 - 0.5;
        self.level = 0.9 * self.level + shock * mb;
        self.level
    }
}

/// Twenty minutes active at 2 s, then five of cooldown; anonymous memory by minutes of load.
fn run(id: &str, seed: u64, level: u32, mb: impl Fn(f64) -> f64) -> Dataset {
    let (active, ticks) = (600, 750);
    let mut scenario = ScenarioData::new("duration_leak");
    scenario.time = (0..ticks).map(|t| 1000.0 + f64::from(t) * 2.0).collect();
    scenario.queued = (0..ticks).map(|t| if t < active { f64::from(level) } else { 0.0 }).collect();
    let phase = |name: &str, from: usize, to: usize| Phase {
        name: name.into(),
        start: 1000.0 + from as f64 * 2.0 - 2.0,
        end: 1000.0 + to as f64 * 2.0 - 2.0,
        ticks: from..to,
        level: Some(level),
        speed: None,
        end_reason: None,
    };
    scenario.phases = vec![phase("active", 0, 600), phase("cooldown", 600, 750)];
    let mut noise = Noise::new(seed);
    let mut columns = Columns::new(ticks as usize);
    for row in 0..ticks as usize {
        let minutes = (row.min(active as usize) as f64) / 30.0;
        let value = mb(minutes) + noise.next(0.6);
        for figure in [Figure::AnonBytes, Figure::MemoryWorkingSetBytes] {
            columns.set(figure, row, value * MB);
        }
        columns.set(Figure::ShmemBytes, row, 0.0);
        columns.set(Figure::SwapBytes, row, 0.0);
    }
    scenario.containers.push(Series { name: "web".into(), columns, incarnation: Vec::new() });
    Dataset {
        provenance: Default::default(),
        format: Format::Runner,
        test_id: id.into(),
        started_at: None,
        completed_at: None,
        abort_reason: None,
        config: serde_json::Value::Null,
        derived_config: serde_json::Value::Null,
        run: serde_json::Value::Null,
        containers: Vec::new(),
        scenarios: vec![scenario],
        events: Vec::new(),
    }
}

fn told(base: &Dataset, current: &Dataset, force: bool) -> Result<Comparison, Refusal> {
    let settings = Settings::default();
    let analyses = (analyze(base, &settings), analyze(current, &settings));
    let run = |data, analysis| Run { data, analysis };
    compare(run(base, &analyses.0), run(current, &analyses.1), &settings, force)
}

/// What both versions do: warm up slowly, over a good part of the run.
fn warm_up(minutes: f64) -> f64 {
    80.0 + 60.0 * (1.0 - (-minutes / 8.0).exp())
}

#[test]
fn a_slow_warm_up_that_both_share_is_no_change() {
    for seed in 0..10 {
        let found =
            told(&run("base", seed, 50, warm_up), &run("current", seed + 100, 50, warm_up), false)
                .expect("comparable");
        assert!(matches!(found.verdict, Change::NoWorse), "seed {seed}: {:?}", found.containers[0]);
    }
}

#[test]
fn growth_on_top_of_a_shared_warm_up_is_worse_and_its_rate_is_told() {
    for seed in 0..10 {
        let current = run("current", seed + 100, 50, |t| warm_up(t) + 1.5 * t);
        let found = told(&run("base", seed, 50, warm_up), &current, false).expect("comparable");
        assert_eq!(found.verdict, Change::Worse, "seed {seed}: {:?}", found.containers[0]);
        let slope = found.containers[0].difference.expect("a slope");
        assert!(slope.ci_low <= 1.5 && 1.5 <= slope.ci_high, "seed {seed}: {slope:?}");
    }
}

#[test]
fn a_leak_that_was_mended_is_better_and_one_that_stayed_is_no_worse() {
    let leaking = |t: f64| 80.0 + 2.0 * t;
    let mended = told(&run("a", 1, 50, leaking), &run("b", 2, 50, |_| 80.0), false);
    assert_eq!(mended.expect("comparable").verdict, Change::Better);
    let same = told(&run("a", 1, 50, leaking), &run("b", 2, 50, leaking), false);
    assert_eq!(same.expect("comparable").verdict, Change::NoWorse);
}

#[test]
fn runs_under_different_loads_are_refused_unless_forced() {
    let (base, current) = (run("a", 1, 50, |_| 80.0), run("b", 2, 80, |_| 80.0));
    let refusal = told(&base, &current, false).expect_err("refused");
    assert!(refusal.to_string().contains("the load was 50 in the base and 80 now"), "{refusal}");
    let forced = told(&base, &current, true).expect("forced");
    assert_eq!(forced.conditions.len(), 1);
}

#[test]
fn a_shorter_run_is_refused_and_a_run_without_load_has_nothing_to_compare() {
    let base = run("a", 1, 50, |_| 80.0);
    let mut short = run("b", 2, 50, |_| 80.0);
    short.scenarios[0].phases[0].ticks = 0..300;
    let refusal = told(&base, &short, false).expect_err("refused");
    assert!(refusal.to_string().contains("the active phase took"), "{refusal}");
    let mut idle = run("c", 3, 50, |_| 80.0);
    idle.scenarios[0].phases.clear();
    assert!(matches!(told(&base, &idle, true), Err(Refusal::Nothing(_))));
}

#[test]
fn a_container_of_one_run_only_is_named_and_never_judged() {
    let base = run("a", 1, 50, |_| 80.0);
    let mut current = run("b", 2, 50, |_| 80.0);
    let mut new = current.scenarios[0].containers[0].clone();
    new.name = "new".into();
    current.scenarios[0].containers.push(new);
    let found = told(&base, &current, false).expect("comparable");
    let new = found.containers.iter().find(|c| c.name == "new").expect("named");
    assert_eq!((new.change, new.difference), (Change::Unpaired, None));
}

#[test]
fn different_names_only_is_a_refusal_with_a_hint() {
    let base = run("a", 1, 50, |_| 80.0);
    let mut current = run("b", 2, 50, |_| 80.0);
    current.scenarios[0].containers[0].name = "other".into();
    let refusal = told(&base, &current, true).expect_err("nothing to compare");
    assert!(refusal.to_string().contains("names"), "{refusal}");
}

#[test]
fn ticks_are_matched_by_phase_and_not_by_clock() {
    let mut base = run("a", 1, 50, |_| 80.0);
    let current = run("b", 2, 50, |_| 80.0);
    // The base's cooldown began a minute late: its first value still meets the first one.
    let then = &mut base.scenarios[0];
    for t in &mut then.time[600..] {
        *t += 60.0;
    }
    then.phases[1].start += 60.0;
    let values: Vec<f64> = (0..750).map(|row| 1.0 + f64::from(row)).collect();
    let paired = pairing::at_ticks_of(&current.scenarios[0], then, &values);
    assert!((paired[0] - 1.0).abs() < 1e-9 && (paired[599] - 600.0).abs() < 1e-9);
    assert!((paired[600] - 601.0).abs() < 1e-9, "{}", paired[600]);
}
