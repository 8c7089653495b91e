//! What a chart costs: layout, PNG and SVG of every kind, for a run of 20 containers and 1,300 ticks.
//!
//! The promise is 60 ms of processor time a PNG; a whole run has 14.

mod inputs;

use divan::{Bencher, black_box};
use runner::report::chart::{Picture, paint};

fn main() {
    divan::main();
}

const KINDS: [&str; 7] =
    ["heatmap", "stress_cpu", "stress_memory", "stress_both", "duration", "comparison", "speed"];

fn picture(kind: &str) -> Picture {
    match kind {
        "heatmap" => inputs::heatmap().layout(),
        "stress_cpu" => inputs::stress_panel(0).layout(),
        "stress_memory" => inputs::stress_panel(1).layout(),
        "stress_both" => inputs::stress().layout(),
        "duration" => inputs::duration(0).layout(),
        "comparison" => inputs::comparison().layout(),
        _ => inputs::speed().layout(),
    }
}

#[divan::bench(args = KINDS)]
fn layout(bencher: Bencher, kind: &str) {
    bencher.bench(|| picture(black_box(kind)));
}

#[divan::bench(args = KINDS)]
fn png(bencher: Bencher, kind: &str) {
    let picture = picture(kind);
    bencher.bench(|| paint::png(black_box(&picture)).map(|file| file.len()));
}

#[divan::bench(args = KINDS)]
fn svg(bencher: Bencher, kind: &str) {
    let picture = picture(kind);
    bencher.bench(|| paint::svg(black_box(&picture)).len());
}
