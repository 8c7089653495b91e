//! The smallest leak that is found with a probability of 80 %, as measured and as foretold.

use runner::analysis::leak::Verdict;
use runner::analysis::leak::power::{Noise, detectable};
use runner::config::LeakConfig;

use crate::families::{INTERVAL, Simulated};
use crate::random::Random;
use crate::simulate::{judge, seed};

/// Share of the leaks that is to be found.
const SHARE: f64 = 0.8;

/// Standard deviations (MB) with correlation times (seconds), and minutes.
const NOISES: [(f64, f64); 6] =
    [(0.3, 30.0), (1.0, 15.0), (1.0, 45.0), (1.0, 120.0), (2.5, 45.0), (4.0, 90.0)];
const MINUTES: [f64; 4] = [5.0, 10.0, 20.0, 60.0];

/// Prints a table; `count` containers a step of the search.
pub fn evaluate(count: usize, run: u64) {
    let config = LeakConfig::default();
    println!("\nAR(1) noise alone: MB/min found in 80 of 100, foretold, and by their own noise");
    for (sd_mb, correlation_seconds) in NOISES {
        let noise = Noise { sd_mb, correlation_seconds };
        for minutes in MINUTES {
            let usable = minutes * (1.0 - config.trim);
            let foretold = detectable(noise, usable, INTERVAL, &config).unwrap_or(f64::NAN);
            let (measured, own) = found(noise, minutes, count, run, &config);
            println!(
                "sd {sd_mb:>4} MB, {correlation_seconds:>4} s, {minutes:>3} min: {measured:>7.3} \
                 {foretold:>7.3} ({:+.0} %), own {own:>7.3}",
                100.0 * (foretold / measured - 1.0)
            );
        }
    }
}

/// The rate, by bisection over the same containers, and the median of what they say themselves.
fn found(noise: Noise, minutes: f64, count: usize, run: u64, config: &LeakConfig) -> (f64, f64) {
    let (mut low, mut high) = (0.2f64, 200.0f64);
    while high / low > 1.02 {
        let middle = (low * high).sqrt();
        match share(noise, minutes, middle, count, run, config).0 < SHARE {
            true => low = middle,
            false => high = middle,
        }
    }
    let rate = (low * high).sqrt();
    (rate, share(noise, minutes, rate, count, run, config).1)
}

fn share(
    noise: Noise,
    minutes: f64,
    rate: f64,
    count: usize,
    run: u64,
    config: &LeakConfig,
) -> (f64, f64) {
    let part = |first: usize| -> Vec<(bool, f64)> {
        let one = |number: usize| {
            let mut r = Random::new(seed(run, "power", minutes, number));
            let ticks = (minutes * 60.0 / INTERVAL) as usize;
            let time: Vec<f64> = (0..ticks).map(|tick| tick as f64 * INTERVAL).collect();
            let noise = r.noise(ticks, INTERVAL, noise.sd_mb, noise.correlation_seconds);
            let mb = time.iter().zip(&noise).map(|(t, n)| 100.0 + n + rate * t / 60.0).collect();
            let load = vec![50.0; ticks];
            let found = judge(&Simulated { time, mb, load }, config);
            let accused = matches!(found.verdict, Verdict::Leak | Verdict::Suspect);
            (accused, found.detectable_mb_per_min.unwrap_or(f64::NAN))
        };
        (first..count).step_by(2).map(one).collect()
    };
    let all = std::thread::scope(|scope| {
        let second = scope.spawn(|| part(1));
        let mut all = part(0);
        all.extend(second.join().unwrap_or_default());
        all
    });
    let found = all.iter().filter(|(accused, _)| *accused).count() as f64 / count as f64;
    let mut own: Vec<f64> = all.iter().map(|(_, own)| *own).collect();
    own.sort_unstable_by(f64::total_cmp);
    (found, own[own.len() / 2])
}
