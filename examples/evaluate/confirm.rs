//! How often a healthy container is called a leak when leaks have to be confirmed.

use runner::analysis::leak::{Verdict, combined, needs_confirmation};
use runner::config::LeakConfig;

use crate::families::{FAMILIES, Leak, cycles};
use crate::random::Random;
use crate::simulate::{judge, seed};

/// Rates looked at, MB/min.
const RATES: [f64; 4] = [0.0, 1.0, 2.0, 5.0];

/// `count` containers at each rate, spread over the families and over 5, 10, 20 and 30 minutes; a
/// candidate gets a second cycle of the same length, in the same life of the container.
pub fn evaluate(count: usize, run: u64) {
    println!(
        "\nwith leak.confirm, {count} containers a rate: called leak at once, called leak in the \
         end, of the former still leak; candidates looked at again"
    );
    for rate in RATES {
        let all = at_rate(count, rate, run);
        let total: Confirmed = all.iter().map(|(_, one)| *one).sum();
        print_one(&format!("{rate} MB/min"), total);
        for (name, one) in all {
            print_one(&format!("  {name}"), one);
        }
    }
}

fn print_one(what: &str, one: Confirmed) {
    let share = |n: usize, of: usize| 100.0 * n as f64 / of.max(1) as f64;
    println!(
        "{what:<12} {:>7.2} %, {:>7.3} % ({} of {}), {:>6.1} %; {:>6.2} %",
        share(one.first, one.all),
        share(one.leaks, one.all),
        one.leaks,
        one.all,
        share(one.kept, one.first),
        share(one.again, one.all),
    );
}

/// What became of leaks that had to be confirmed.
#[derive(Debug, Clone, Copy, Default)]
struct Confirmed {
    all: usize,
    /// Called a leak by the first cycle.
    first: usize,
    /// Of these, called a leak in the end.
    kept: usize,
    leaks: usize,
    /// Looked at again.
    again: usize,
}

impl std::iter::Sum for Confirmed {
    fn sum<I: Iterator<Item = Confirmed>>(all: I) -> Confirmed {
        all.fold(Confirmed::default(), |a, b| Confirmed {
            all: a.all + b.all,
            first: a.first + b.first,
            kept: a.kept + b.kept,
            leaks: a.leaks + b.leaks,
            again: a.again + b.again,
        })
    }
}

fn at_rate(count: usize, rate: f64, run: u64) -> Vec<(&'static str, Confirmed)> {
    let family = |at: usize| {
        let numbers: Vec<usize> = (at..count).step_by(FAMILIES.len()).collect();
        let half = numbers.len() / 2;
        let some = |numbers: &[usize]| -> Confirmed {
            numbers.iter().map(|number| one(*number, rate, run)).sum()
        };
        let both = std::thread::scope(|scope| {
            let second = scope.spawn(|| some(&numbers[half..]));
            [some(&numbers[..half]), second.join().unwrap_or_default()]
        });
        (FAMILIES[at], both.into_iter().sum())
    };
    (0..FAMILIES.len()).map(family).collect()
}

fn one(number: usize, rate: f64, run: u64) -> Confirmed {
    let config = LeakConfig { confirm: true, ..LeakConfig::default() };
    let once = LeakConfig::default();
    let family = FAMILIES[number % FAMILIES.len()];
    let minutes = [5.0, 10.0, 20.0, 30.0][(number / FAMILIES.len()) % 4];
    let mut random = Random::new(seed(run, family, minutes, number).wrapping_add(17));
    let made = cycles(2, family, minutes, rate, Leak::Steady, &mut random);
    let mut found = judge(&made[0], &once);
    let first = found.verdict == Verdict::Leak;
    let again = needs_confirmation(&found, &config);
    if again {
        found = combined(found, &judge(&made[1], &once), &config);
    }
    let leaks = usize::from(found.verdict == Verdict::Leak);
    Confirmed {
        all: 1,
        first: usize::from(first),
        kept: usize::from(first) * leaks,
        leaks,
        again: usize::from(again),
    }
}
