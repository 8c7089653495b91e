//! Services composed of what real ones do together: error rates by length and by part, whether a
//! probability means what it says, and what simple rules say of the same series.

pub mod draw;
pub mod files;
pub mod leaks;
pub mod parts;
mod rivals;
pub mod table;

use runner::analysis::ScenarioData;
use runner::analysis::leak::{LeakInput, LeakVerdict, evidence, verdict};
use runner::config::LeakConfig;

use crate::random::Random;

use draw::{Drawn, Pool, draw};
use table::Table;

/// The lengths that are scored.
pub const MINUTES: [f64; 5] = [5.0, 10.0, 20.0, 40.0, 60.0];

/// What is scored: the common parts, and the further ones among them.
pub fn pools() -> [(&'static str, Pool); 2] {
    let pool = |parts: Vec<&'static str>, leaks: Vec<&'static str>| Pool {
        parts,
        leaks,
        minutes: MINUTES.to_vec(),
        slow: false,
    };
    [
        ("common parts", pool(parts::COMMON.to_vec(), leaks::COMMON.to_vec())),
        ("further parts and leaks", pool(parts::FURTHER.to_vec(), leaks::FURTHER.to_vec())),
    ]
}

/// Scores `count` containers of each pool.
pub fn evaluate(count: usize, seed: u64) {
    for (name, pool) in pools() {
        let drawn = many(&pool, count, seed);
        println!("\n{name}, {count} containers, seed {seed}");
        print(&drawn);
        rivals::print(&drawn);
    }
}

/// Scores the series of a folder with labels.
pub fn folder(path: &std::path::Path, list: bool) -> Result<(), String> {
    let drawn = files::read(path)?;
    println!("\n{}: {} containers", path.display(), drawn.len());
    let table = print(&drawn);
    if list {
        table.print_mistakes();
    }
    Ok(())
}

fn print(drawn: &[Drawn]) -> Table {
    let verdicts = on_two(drawn, |one| judge(&one.data, &LeakConfig::default()));
    let mut table = Table::default();
    for (one, found) in drawn.iter().zip(&verdicts) {
        table.add(&one.truth, found);
    }
    table.print();
    stability(drawn, &verdicts);
    table
}

/// How many verdicts stay what they are with another trim, and with half the samples.
fn stability(drawn: &[Drawn], verdicts: &[LeakVerdict]) {
    let mut stays = Vec::new();
    for trim in [0.05, 0.075, 0.125, 0.15] {
        let config = LeakConfig { trim, ..LeakConfig::default() };
        let others = on_two(drawn, |one| judge(&one.data, &config));
        stays.push((format!("trim {} %", 100.0 * trim), same(verdicts, &others)));
    }
    let others = on_two(drawn, |one| judge(&thinned(&one.data), &LeakConfig::default()));
    stays.push(("half the samples".to_string(), same(verdicts, &others)));
    let words: Vec<String> =
        stays.iter().map(|(what, share)| format!("{what} {:.1} %", 100.0 * share)).collect();
    println!("verdicts that stay: {}", words.join(", "));
}

/// Leak and suspect are neighbours, and so are ok and inconclusive.
fn same(a: &[LeakVerdict], b: &[LeakVerdict]) -> f64 {
    let stays =
        a.iter().zip(b).filter(|(a, b)| table::accuses(a.verdict) == table::accuses(b.verdict));
    stays.count() as f64 / a.len().max(1) as f64
}

/// Every other sample.
pub fn thinned(data: &ScenarioData) -> ScenarioData {
    let mut thin = data.clone();
    let half = |values: &[f64]| values.iter().step_by(2).copied().collect::<Vec<f64>>();
    thin.time = half(&data.time);
    thin.queued = half(&data.queued);
    let series = &data.containers[0];
    let mut columns = runner::analysis::Columns::new(thin.time.len());
    let figure = runner::model::Figure::AnonBytes;
    let values = half(series.columns.get(figure).unwrap_or_default());
    columns.column_mut(figure).copy_from_slice(&values);
    thin.containers[0].columns = columns;
    let active = data.phases.first().map_or(0, |p| p.ticks.end.div_ceil(2));
    thin.phases = draw::phases(&thin.time, active);
    thin
}

/// Draws containers; each has a seed of its own.
pub fn many(pool: &Pool, count: usize, seed: u64) -> Vec<Drawn> {
    let base = seed.wrapping_mul(0x2545_F491_4F6C_DD1D).wrapping_add(99);
    (0..count)
        .map(|number| draw(pool, &mut Random::new(base.wrapping_add(7919 * number as u64))))
        .collect()
}

/// The verdict on the phase under load.
pub fn judge(data: &ScenarioData, config: &LeakConfig) -> LeakVerdict {
    let active = data.phases.first().map_or(0..0, |phase| phase.ticks.clone());
    match LeakInput::new(data, &data.containers[0], active) {
        Some(input) => verdict(&input, config),
        None => LeakVerdict::insufficient("no memory figure was measured", config),
    }
}

/// What it rests on.
pub fn shows(data: &ScenarioData, config: &LeakConfig) -> Option<runner::analysis::leak::Evidence> {
    let active = data.phases.first().map_or(0..0, |phase| phase.ticks.clone());
    evidence(&LeakInput::new(data, &data.containers[0], active)?, config)
}

/// On two threads, in order.
pub fn on_two<T: Sync, R: Send>(all: &[T], of: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (first, second) = all.split_at(all.len() / 2);
    let some = |part: &[T]| part.iter().map(&of).collect::<Vec<R>>();
    std::thread::scope(|scope| {
        let later = scope.spawn(|| some(second));
        let mut done = some(first);
        done.extend(later.join().unwrap_or_default());
        done
    })
}

/// Names in a label are joined.
pub fn truth_of(kind: &str) -> (Vec<String>, String, String) {
    let mut words = kind.split('|');
    let parts = words.next().unwrap_or_default().split('+').map(str::to_string).collect();
    let mut next = || words.next().unwrap_or_default().to_string();
    (parts, next(), next())
}
