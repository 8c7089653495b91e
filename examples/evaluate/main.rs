//! How good the leak verdicts are: on recorded series with the truth beside them, and on simulated
//! ones.
//!
//! ```text
//! cargo run --release --no-default-features --example evaluate -- [--traces DIR] [--simulate N]
//!     [--minutes 5,10,20,30,60] [--rates 0,1,2,5] [--families NAME,...] [--confirm N]
//!     [--power N] [--seed N] [--list]
//! ```
//!
//! `--traces` defaults to the folder `traces` in RUNNER_SHARED, where that is set. `--simulate`
//! judges N series of each family, rate and length; `--confirm` N series a rate
//! with `leak.confirm` on and a second cycle; `--power` compares the smallest leak that is found in
//! 80 of 100 containers with noise alone, N containers a step, with what is foretold. All
//! simulations are seeded: the same command prints the same figures; `--seed` draws other ones. `--list` prints every recorded container.

mod arguments;
mod confirm;
mod families;
mod power;
mod random;
mod score;
mod simulate;
mod traces;

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
