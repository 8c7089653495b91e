//! How good the leak verdicts are: on recorded series with the truth beside them, and on simulated
//! ones.
//!
//! ```text
//! cargo run --release --no-default-features --example evaluate -- [--traces DIR] [--simulate N]
//!     [--minutes 5,10,20,30,60] [--rates 0,1,2,5] [--families NAME,...] [--confirm N]
//!     [--power N] [--composed N] [--series DIR] [--plain DIR] [--train N [--trees N] [--without PART,...]]
//!     [--seed N] [--list]
//! ```
//!
//! `--traces` defaults to the folder `traces` in RUNNER_SHARED, where that is set. `--simulate`
//! judges N series of each family, rate and length; `--confirm` N series a rate
//! with `leak.confirm` on and a second cycle; `--power` compares the smallest leak that is found in
//! 80 of 100 containers with noise alone, N containers a step, with what is foretold; `--composed` judges
//! N containers that are composed of several parts, and `--series` those of a folder of series CSVs
//! with labels, `--plain` single files with the verdicts wanted. `--train` draws N containers and prints the table by which evidence is weighed
//! (`src/analysis/leak/learned/table.rs`). All
//! simulations are seeded: the same command prints the same figures; `--seed` draws other ones. `--list` prints every recorded container.

mod arguments;
mod composed;
mod confirm;
mod families;
mod power;
mod random;
mod score;
mod simulate;
mod traces;
mod train;

fn main() {
    let arguments = match arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(problem) => {
            eprintln!("{problem}");
            std::process::exit(2);
        }
    };
    if let Some(folder) = &arguments.traces {
        traces::evaluate(folder, arguments.list);
    }
    if arguments.train.count > 0 {
        println!("{}", train::train(&arguments.train).trim_end());
    }
    if arguments.composed > 0 {
        composed::evaluate(arguments.composed, arguments.seed);
    }
    let plain = arguments.plain.iter().map(|folder| composed::files::plain(folder));
    let series = arguments.series.iter().map(|folder| composed::folder(folder, arguments.list));
    for done in plain.chain(series) {
        if let Err(problem) = done {
            eprintln!("{problem}");
            std::process::exit(2);
        }
    }
    if arguments.simulate > 0 {
        simulate::evaluate(&arguments);
    }
    if arguments.confirm > 0 {
        confirm::evaluate(arguments.confirm, arguments.seed);
    }
    if arguments.power > 0 {
        power::evaluate(arguments.power, arguments.seed);
    }
}
