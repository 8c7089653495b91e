//! Makes the table that weighs the evidence: draws services, lets the library say what each shows, and
//! fits trees to who of them leaks.
//!
//! Every container is looked at with a trim of its own, and some with half their samples, so that what
//! is learned does not hang on either.

mod boost;

use std::fmt::Write as _;

use runner::analysis::leak::learned::{DEPTH, Tree};
use runner::config::LeakConfig;

use crate::composed::draw::{Pool, draw};
use crate::composed::{leaks, on_two, parts, shows, thinned};
use crate::random::Random;

use boost::{Sample, Settings, boosted};

/// What is asked of the training.
pub struct Asked {
    /// Containers drawn.
    pub count: usize,
    pub seed: u64,
    /// Parts and leaks that are not drawn.
    pub without: Vec<String>,
    pub trees: usize,
}

/// The table as Rust source.
pub fn train(asked: &Asked) -> String {
    let keep = |names: &[&'static str]| -> Vec<&'static str> {
        names.iter().copied().filter(|n| !asked.without.iter().any(|w| w == n)).collect()
    };
    let pool = Pool {
        parts: keep(&[&parts::COMMON[..], &parts::COMMON[..], &parts::FURTHER[..]].concat()),
        leaks: keep(&[&leaks::COMMON[..], &leaks::COMMON[..], &leaks::FURTHER[..]].concat()),
        minutes: vec![4.6, 75.0],
        slow: true,
    };
    let numbers: Vec<usize> = (0..asked.count).collect();
    let samples: Vec<Sample> = on_two(&numbers, |number| sample(&pool, asked.seed, *number))
        .into_iter()
        .flatten()
        .collect();
    let names = names();
    eprintln!("{} samples of {} figures", samples.len(), names.len());
    let settings = Settings { trees: asked.trees, ..Settings::default() };
    let (trees, weights) = boosted(&samples, &settings);
    let mut order: Vec<(f64, &str)> = weights.into_iter().zip(names).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (weight, name) in order {
        eprintln!("{weight:>10.0} {name}");
    }
    source(&trees, asked)
}

fn sample(pool: &Pool, seed: u64, number: usize) -> Option<Sample> {
    let base = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(31);
    let mut r = Random::new(base.wrapping_add(104_729 * number as u64));
    let mut pool = pool.clone();
    match r.pick(20) {
        0 => pool.minutes = vec![0.9, 4.6],
        1 => pool.minutes = vec![75.0, 600.0],
        _ => {}
    }
    let drawn = draw(&pool, &mut r);
    let config = LeakConfig {
        trim: r.between(0.04, 0.16),
        min_minutes: 0.7,
        block_seconds: (drawn.truth.minutes < 4.6).then_some(4.0),
        ..LeakConfig::default()
    };
    let evidence = match r.pick(3) {
        0 => shows(&thinned(&drawn.data), &config),
        _ => shows(&drawn.data, &config),
    }?;
    let leaks = drawn.truth.leaks && drawn.truth.rate >= 0.5;
    let figures = evidence.figures().iter().map(|(_, value)| *value as f32).collect();
    Some(Sample { figures, leaks })
}

/// Names of the figures, from any container.
fn names() -> Vec<&'static str> {
    let pool =
        Pool { parts: vec!["level"], leaks: vec!["steady"], minutes: vec![10.0], slow: false };
    let drawn = draw(&pool, &mut Random::new(1));
    let shown = shows(&drawn.data, &LeakConfig::default()).unwrap_or_default();
    shown.figures().iter().map(|(name, _)| *name).collect()
}

fn source(trees: &[Tree], asked: &Asked) -> String {
    let mut text = format!(
        "//! Made by `--example evaluate -- --train {} --seed {} --trees {}`; see its head.\n\nuse \
         super::Tree;\n\npub const TREES: &[Tree] = &[\n",
        asked.count, asked.seed, asked.trees
    );
    for tree in trees {
        let asks: Vec<String> =
            tree.asks.iter().map(|(figure, value)| format!("({figure}, {value:?})")).collect();
        let says: Vec<String> = tree.says.iter().map(i16::to_string).collect();
        let _ = writeln!(
            text,
            "    Tree {{ asks: [{}], says: [{}] }},",
            asks.join(", "),
            says.join(", ")
        );
    }
    text.push_str("];\n");
    debug_assert!(trees.iter().all(|tree| tree.asks.len() == DEPTH));
    text
}
