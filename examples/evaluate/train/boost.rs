//! Gradient boosting of trees that ask one question a level, by the logistic loss.

use runner::analysis::leak::learned::{DEPTH, Tree};

use crate::random::Random;

/// A container's figures, and whether it leaks.
pub struct Sample {
    pub figures: Vec<f32>,
    pub leaks: bool,
}

pub struct Settings {
    pub trees: usize,
    /// Part of its answer that a tree may add.
    pub rate: f64,
    /// Pull of an answer towards nothing.
    pub ridge: f64,
    /// Part of the figures that a tree may ask about.
    pub figures: f64,
    /// Part of the samples that a tree is fitted to.
    pub samples: f64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { trees: 300, rate: 0.1, ridge: 8.0, figures: 0.4, samples: 0.6 }
    }
}

const LEAVES: usize = 1 << DEPTH;

/// Values that a figure is compared with.
const EDGES: usize = 60;

/// The trees, and how much each figure earned.
pub fn boosted(samples: &[Sample], settings: &Settings) -> (Vec<Tree>, Vec<f64>) {
    let figures = samples.first().map_or(0, |s| s.figures.len());
    let edges: Vec<Vec<f32>> = (0..figures).map(|figure| edges(samples, figure)).collect();
    // The bin of a value is the number of edges it is above.
    let bins: Vec<Vec<u8>> = (0..figures)
        .map(|figure| {
            let bin = |s: &Sample| {
                let value = s.figures[figure];
                edges[figure].partition_point(|edge| value > *edge) as u8
            };
            samples.iter().map(bin).collect()
        })
        .collect();
    let mut random = Random::new(4242);
    let mut odds = vec![0.0f64; samples.len()];
    let mut earned = vec![0.0; figures];
    let mut trees = Vec::new();
    for _ in 0..settings.trees {
        let rows: Vec<u32> =
            (0..samples.len() as u32).filter(|_| random.share() < settings.samples).collect();
        let slopes: Vec<(f64, f64)> = samples
            .iter()
            .zip(&odds)
            .map(|(sample, odds)| {
                let p = 1.0 / (1.0 + (-odds).exp());
                (f64::from(u8::from(sample.leaks)) - p, (p * (1.0 - p)).max(1e-6))
            })
            .collect();
        let allowed: Vec<usize> =
            (0..figures).filter(|_| random.share() < settings.figures).collect();
        let (asks, leaf) = grown(&bins, &edges, &rows, &slopes, &allowed, settings, &mut earned);
        let mut sums = [(0.0, 0.0); LEAVES];
        for row in &rows {
            let row = *row as usize;
            let sum = &mut sums[leaf_of(&bins, &leaf, row)];
            *sum = (sum.0 + slopes[row].0, sum.1 + slopes[row].1);
        }
        let says = sums.map(|(g, h)| {
            (settings.rate * g / (h + settings.ridge) * 1000.0).round().clamp(-30_000.0, 30_000.0)
                as i16
        });
        for (row, odds) in odds.iter_mut().enumerate() {
            *odds += f64::from(says[leaf_of(&bins, &leaf, row)]) / 1000.0;
        }
        trees.push(Tree { asks, says });
    }
    (trees, earned)
}

/// Edges between values, as many of them in each interval; an absent value is below all.
fn edges(samples: &[Sample], figure: usize) -> Vec<f32> {
    let mut values: Vec<f32> =
        samples.iter().map(|s| s.figures[figure]).filter(|v| v.is_finite()).collect();
    values.sort_unstable_by(f32::total_cmp);
    let n = values.len();
    let mut edges: Vec<f32> =
        (0..EDGES).filter_map(|at| values.get(at * n / EDGES).copied()).map(rounded).collect();
    // Below all of them: whether it is there at all.
    edges.insert(0, -1e30);
    edges.dedup();
    edges
}

/// Four digits.
fn rounded(value: f32) -> f32 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

type Asks = [(u8, f32); DEPTH];
/// Figure and bin of each question.
type Places = [(usize, u8); DEPTH];

fn leaf_of(bins: &[Vec<u8>], asks: &Places, row: usize) -> usize {
    asks.iter()
        .enumerate()
        .map(|(at, (figure, bin))| usize::from(bins[*figure][row] > *bin) << at)
        .sum()
}

#[allow(clippy::too_many_arguments)]
fn grown(
    bins: &[Vec<u8>],
    edges: &[Vec<f32>],
    rows: &[u32],
    slopes: &[(f64, f64)],
    allowed: &[usize],
    settings: &Settings,
    earned: &mut [f64],
) -> (Asks, Places) {
    let mut leaf = vec![0u8; rows.len()];
    let mut asks: Asks = [(0, f32::MAX); DEPTH];
    let mut places: Places = [(0, u8::MAX); DEPTH];
    for level in 0..DEPTH {
        let leaves = 1 << level;
        let mut best = (0.0, None);
        for figure in allowed {
            let count = edges[*figure].len() + 1;
            let mut sums = vec![(0.0f64, 0.0f64); leaves * count];
            for (at, row) in rows.iter().enumerate() {
                let row = *row as usize;
                let sum =
                    &mut sums[usize::from(leaf[at]) * count + usize::from(bins[*figure][row])];
                sum.0 += slopes[row].0;
                sum.1 += slopes[row].1;
            }
            let gains = gains(&sums, leaves, count, settings.ridge);
            for (bin, gain) in gains.iter().enumerate() {
                if *gain > best.0 {
                    best = (*gain, Some((*figure, bin as u8)));
                }
            }
        }
        let Some((figure, bin)) = best.1 else { break };
        earned[figure] += best.0;
        asks[level] = (figure as u8, edges[figure][usize::from(bin)]);
        places[level] = (figure, bin);
        for (at, row) in rows.iter().enumerate() {
            leaf[at] |= u8::from(bins[figure][*row as usize] > bin) << level;
        }
    }
    (asks, places)
}

/// What each place to cut all leaves at would gain.
fn gains(sums: &[(f64, f64)], leaves: usize, count: usize, ridge: f64) -> Vec<f64> {
    let mut gains = vec![0.0; count - 1];
    let score = |g: f64, h: f64| g * g / (h + ridge);
    for leaf in 0..leaves {
        let own = &sums[leaf * count..(leaf + 1) * count];
        let all = own.iter().fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
        let mut low = (0.0, 0.0);
        for (bin, gain) in gains.iter_mut().enumerate() {
            low = (low.0 + own[bin].0, low.1 + own[bin].1);
            *gain +=
                score(low.0, low.1) + score(all.0 - low.0, all.1 - low.1) - score(all.0, all.1);
        }
    }
    gains
}
