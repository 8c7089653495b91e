//! Verdicts on simulated containers, by family, length and rate.

use runner::analysis::leak::{LeakInput, LeakVerdict, verdict};
use runner::analysis::{Columns, ScenarioData, Series};
use runner::config::LeakConfig;
use runner::model::Figure;
use runner::model::units::MB;

use crate::arguments::Arguments;
use crate::families::{Leak, Simulated, simulate};
use crate::random::Random;
use crate::score::Score;

/// Prints a table a rate and kind of leak.
pub fn evaluate(asked: &Arguments) {
    for rate in &asked.rates {
        let kinds: &[Leak] = match *rate > 0.0 {
            true => &[Leak::Steady, Leak::Late, Leak::Bursts],
            false => &[Leak::Steady],
        };
        for kind in kinds {
            table(asked, *rate, *kind);
        }
    }
}

fn table(asked: &Arguments, rate: f64, kind: Leak) {
    let what = if rate > 0.0 { format!("{rate} MB/min, {kind:?}") } else { "healthy".to_string() };
    println!("\nsimulated, {what}: leak or suspect, leak, ok, undecided, interval holds");
    print!("{:<10}", "minutes");
    asked.minutes.iter().for_each(|minutes| print!("| {minutes:<28} "));
    println!();
    let mut totals = vec![Score::default(); asked.minutes.len()];
    for family in &asked.families {
        print!("{family:<10}");
        for (at, minutes) in asked.minutes.iter().enumerate() {
            let score = score(asked, family, *minutes, rate, kind);
            totals[at] = totals[at].and(score);
            print!("{}", cell(&score));
        }
        println!();
    }
    print!("{:<10}", "all");
    totals.iter().for_each(|score| print!("{}", cell(score)));
    println!();
}

fn cell(score: &Score) -> String {
    let all = f64::from(score.total().max(1));
    let share = |count: u32| f64::from(count) / all;
    format!(
        "| {:.4} {:.4} {:.2} {:.2} {:.3} ",
        share(score.found + score.accused),
        share(score.called_leak + score.accused_of_leak),
        share(score.called_ok),
        share(score.undecided),
        f64::from(score.covered) / f64::from(score.intervals.max(1))
    )
}

/// On two threads; the sum does not depend on their order.
fn score(asked: &Arguments, family: &str, minutes: f64, rate: f64, kind: Leak) -> Score {
    let part = |first: usize| {
        let mut score = Score::default();
        for number in (first..asked.simulate).step_by(2) {
            let mut random = Random::new(seed(asked.seed, family, minutes, number));
            let made = simulate(family, minutes, rate, kind, &mut random);
            score.add(&judge(&made, &LeakConfig::default()), rate > 0.0, &[rate]);
        }
        score
    };
    std::thread::scope(|scope| {
        let second = scope.spawn(|| part(1));
        let first = part(0);
        second.join().map_or(first, |second| first.and(second))
    })
}

/// The same container at every rate, so that tables differ by the leak alone.
/// `run` draws other ones.
pub fn seed(run: u64, family: &str, minutes: f64, number: usize) -> u64 {
    let name = family.bytes().fold(7u64, |hash, byte| hash.wrapping_mul(131) + u64::from(byte));
    let one = name.wrapping_mul(1_000_003) + (minutes * 31.0) as u64 + 7919 * number as u64;
    one.wrapping_add(run.wrapping_mul(0x2545_F491_4F6C_DD1D))
}

/// The verdict on one phase.
pub fn judge(made: &Simulated, config: &LeakConfig) -> LeakVerdict {
    let data = scenario(made);
    let series = &data.containers[0];
    match LeakInput::new(&data, series, 0..data.time.len()) {
        Some(input) => verdict(&input, config),
        None => LeakVerdict::insufficient("no memory figure was measured", config),
    }
}

pub fn scenario(made: &Simulated) -> ScenarioData {
    let mut data = ScenarioData::new("simulated");
    data.time.clone_from(&made.time);
    data.queued.clone_from(&made.load);
    let mut columns = Columns::new(made.time.len());
    for (row, mb) in made.mb.iter().enumerate() {
        // Memory comes in pages.
        columns.set(Figure::AnonBytes, row, (mb * MB / 4096.0).round() * 4096.0);
    }
    data.containers.push(Series { name: "it".into(), columns, incarnation: Vec::new() });
    data
}
