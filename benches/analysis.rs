//! How long the analysis of a run takes: 20 containers and 26,640 container samples (a night of
//! the replaced framework), and 200 containers with 770,000; and the leak verdicts alone on 200
//! containers over a day's worth of ticks.

use divan::Bencher;
use runner::analysis::leak::{LeakInput, verdict};
use runner::analysis::{Columns, Dataset, Format, Phase, ScenarioData, Series, Settings, analyze};
use runner::config::LeakConfig;
use runner::model::Figure;

fn main() {
    divan::main();
}

/// A wobble that is the same everywhere.
fn wobble(seed: usize) -> f64 {
    let bits = (seed as u64).wrapping_mul(6_364_136_223_846_793_005).rotate_left(17);
    (bits % 1000) as f64 / 1000.0
}

fn scenario(name: &str, containers: usize, ticks: usize, phases: &[(&str, usize)]) -> ScenarioData {
    let mut data = ScenarioData::new(name);
    data.time = (0..ticks).map(|tick| tick as f64 * 2.0).collect();
    let mut from = 0;
    for (name, count) in phases {
        data.phases.push(Phase {
            name: (*name).into(),
            start: data.time[from],
            end: data.time[from + count - 1],
            ticks: from..from + count,
            level: None,
            speed: name.strip_suffix('x').and_then(|speed| speed.parse().ok()),
            end_reason: None,
        });
        from += count;
    }
    for container in 0..containers {
        let mut columns = Columns::new(ticks);
        for row in 0..ticks {
            let wobble = wobble(container * 7919 + row);
            columns.set(Figure::MemoryWorkingSetBytes, row, 1e8 + 1e6 * wobble);
            columns.set(Figure::MemoryLimitBytes, row, 5e8);
            columns.set(Figure::MemoryPercent, row, 20.0 + wobble);
            columns.set(Figure::CpuPercent, row, 30.0 * wobble);
        }
        let name = format!("container-{container}");
        data.containers.push(Series { name, columns, incarnation: Vec::new() });
    }
    data
}

fn run(containers: usize, factor: usize) -> Dataset {
    let steps =
        [("2x", 240 * factor), ("4x", 240 * factor), ("8x", 240 * factor), ("16x", 240 * factor)];
    let duration = [("active", 150 * factor), ("drain", 12 * factor), ("cooldown", 75 * factor)];
    let total = |phases: &[(&str, usize)]| phases.iter().map(|(_, count)| count).sum();
    Dataset {
        provenance: Default::default(),
        format: Format::Predecessor,
        test_id: "20261121_031455".into(),
        started_at: None,
        completed_at: None,
        abort_reason: None,
        config: serde_json::Value::Null,
        derived_config: serde_json::Value::Null,
        run: serde_json::Value::Null,
        containers: Vec::new(),
        scenarios: vec![
            scenario("baseline", containers, 15 * factor, &[]),
            scenario("stress_test", containers, 120 * factor, &[]),
            scenario("duration_leak", containers, total(&duration), &duration),
            scenario("speed_scaling", containers, total(&steps), &steps),
        ],
        events: Vec::new(),
    }
}

#[divan::bench]
fn twenty_containers(bencher: Bencher) {
    let (data, settings) = (run(20, 1), Settings::default());
    bencher.bench(|| analyze(&data, &settings));
}

#[divan::bench]
fn two_hundred_containers(bencher: Bencher) {
    let (data, settings) = (run(200, 3), Settings::default());
    bencher.bench(|| analyze(&data, &settings));
}

/// Twenty hours at 2 s: a level, a slow rise, a sawtooth and a curve, each with a wobble.
fn long_phase() -> ScenarioData {
    let ticks = 36_000;
    let mut data = ScenarioData::new("duration_leak");
    data.time = (0..ticks).map(|tick| tick as f64 * 2.0).collect();
    for container in 0..200usize {
        let mut columns = Columns::new(ticks);
        let mut wander = 0.0;
        for row in 0..ticks {
            let t = row as f64;
            wander = 0.97 * wander + wobble(container * 7919 + row) - 0.5;
            let shape = match container % 4 {
                0 => 0.0,
                1 => t / 1e3,
                2 => 20.0 * (t / 700.0).fract(),
                _ => 40.0 * (1.0 - (-t / 5e3).exp()),
            };
            columns.set(Figure::AnonBytes, row, 1e6 * (100.0 + wander + shape));
        }
        let name = format!("container-{container}");
        data.containers.push(Series { name, columns, incarnation: Vec::new() });
    }
    data
}

/// On two threads, as the analysis of a run.
#[divan::bench]
fn two_hundred_leak_verdicts(bencher: Bencher) {
    let data = long_phase();
    let judge = |series: &Series| {
        let input = LeakInput::new(&data, series, 0..data.time.len())?;
        Some(verdict(&input, &LeakConfig::default()))
    };
    let all = |part: &[Series]| part.iter().filter_map(judge).count();
    bencher.bench(|| {
        std::thread::scope(|scope| {
            let (first, second) = data.containers.split_at(100);
            let other = scope.spawn(|| all(second));
            all(first) + other.join().unwrap_or_default()
        })
    });
}
