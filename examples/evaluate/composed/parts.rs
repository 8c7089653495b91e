//! What services do with memory besides leaking, one part at a time. Amounts in MB, times in seconds;
//! `length` is that of the phase under load.

use std::f64::consts::TAU;

use crate::random::Random;

/// A part: memory at a time, under a load, while the load is on or after it.
pub type Memory = Box<dyn FnMut(f64, f64, bool) -> f64>;

/// A part as it was drawn.
pub struct Part {
    pub memory: Memory,
    /// How much of it still moves at the end of the phase, MB/min.
    pub moving: f64,
}

/// Parts that real services show together.
pub const COMMON: [&str; 10] =
    ["level", "warm", "fill", "steps", "saw", "follow", "job", "wander", "log", "shrink"];

/// Further ones, with which it is tried how the verdicts hold on what they were not made with.
pub const FURTHER: [&str; 14] = [
    "bump",
    "doubling",
    "rotation",
    "uneven",
    "step_down",
    "quadratic",
    "hump",
    "double",
    "slow",
    "late_fill",
    "major",
    "held",
    "spikes",
    "returns",
];

/// Draws a part.
pub fn part(name: &str, length: f64, r: &mut Random) -> Part {
    match name {
        "warm" => warm(length, r),
        "fill" => {
            let (mb, end) = (r.scale(10.0, 120.0), r.between(0.1, 0.6) * length);
            still(move |t, _, _| mb * (t / end).min(1.0))
        }
        "steps" => steps(length, r),
        "saw" => saw(length, r.scale(15.0_f64.min(length / 8.0), length / 4.2), 0.25, false, r),
        "follow" => follow(r),
        "job" => {
            let (period, mb, busy) =
                (r.between(60.0, 400.0), r.scale(3.0, 60.0), r.between(0.05, 0.4));
            still(move |t, _, _| if (t / period).fract() < busy { mb } else { 0.0 })
        }
        "wander" => wander(r.between(60.0, 200.0), r.scale(0.5, 5.0), r),
        "log" => {
            let (mb, scale) = (r.scale(2.0, 12.0), r.between(5.0, 40.0));
            let moving = mb / (0.83 * length) * 60.0;
            Part { memory: Box::new(move |t, _, _| mb * (t.min(length) / scale).ln_1p()), moving }
        }
        "shrink" => {
            let (mb, tau) = (r.scale(10.0, 150.0), r.scale(2.0, 120.0));
            still(move |t, _, on| if on { mb } else { mb * (-(t - length) / tau).exp() })
        }
        "bump" => bump(length, r),
        "doubling" => doubling(length, r),
        "rotation" => rotation(length, r),
        "uneven" => saw(length, r.scale(length / 16.0, length / 4.0), 0.4, true, r),
        "step_down" => step_down(length, r),
        "quadratic" => {
            let (mb, end, power) =
                (r.scale(10.0, 120.0), r.between(0.15, 0.65) * length, r.between(1.5, 3.0));
            still(move |t, _, _| mb * (t / end).min(1.0).powf(power))
        }
        "hump" => {
            let (mb, middle) = (r.scale(5.0, 80.0), r.between(0.3, 0.6) * length);
            let width = r.between(0.4, 1.0) * middle;
            still(move |t, _, _| mb * (1.0 - ((t - middle) / width).powi(2)).max(0.0))
        }
        "double" => {
            let (a, b) = (warm(length, r), warm(length, r));
            let (mut first, mut second) = (a.memory, b.memory);
            Part {
                memory: Box::new(move |t, l, on| first(t, l, on) + second(t, l, on)),
                moving: a.moving + b.moving,
            }
        }
        "slow" => {
            let (mb, period, at) = (r.scale(2.0, 25.0), r.between(0.15, 0.5) * length, r.share());
            still(move |t, _, _| mb * (TAU * (t / period + at)).sin())
        }
        "late_fill" => {
            let from = r.between(0.1, 0.4) * length;
            let (mb, end) = (r.scale(10.0, 80.0), r.between(0.1, 0.25) * length);
            still(move |t, _, _| mb * ((t - from) / end).clamp(0.0, 1.0))
        }
        "major" => major(length, r),
        "held" => {
            let (mb, tau, back) = (r.scale(10.0, 120.0), r.scale(2.0, 60.0), r.scale(2.0, 60.0));
            still(move |t, _, on| {
                let taken = mb * (1.0 - (-t.min(length) / tau).exp());
                if on { taken } else { taken * (-(t - length) / back).exp() }
            })
        }
        "spikes" => spikes(length, r),
        "returns" => {
            // Grows for a while and is given back for good.
            let (mb, end, down) =
                (r.scale(10.0, 80.0), r.between(0.2, 0.6) * length, r.scale(2.0, 120.0));
            still(
                move |t, _, _| if t < end { mb * t / end } else { mb * (-(t - end) / down).exp() },
            )
        }
        _ => still(|_, _, _| 0.0),
    }
}

fn still(memory: impl FnMut(f64, f64, bool) -> f64 + 'static) -> Part {
    Part { memory: Box::new(memory), moving: 0.0 }
}

fn warm(length: f64, r: &mut Random) -> Part {
    let (mb, tau) = (r.scale(5.0, 150.0), r.between(0.05, 0.35) * length);
    let moving = mb / tau * 60.0 * (-0.83 * length / tau).exp();
    Part { memory: Box::new(move |t, _, _| mb * (1.0 - (-t.min(length) / tau).exp())), moving }
}

fn steps(length: f64, r: &mut Random) -> Part {
    let count = 1 + r.pick(4);
    let all: Vec<(f64, f64)> =
        (0..count).map(|_| (r.between(0.02, 0.55) * length, r.scale(2.0, 50.0))).collect();
    still(move |t, _, _| all.iter().filter(|s| t >= s.0).map(|s| s.1).sum())
}

/// A collector: memory rises evenly and falls at once. `uneven`: to another depth each time.
fn saw(length: f64, period: f64, most_jitter: f64, uneven: bool, r: &mut Random) -> Part {
    let (mb, jitter) = (r.scale(3.0, 80.0), r.between(0.0, most_jitter));
    let mut cuts = vec![r.between(0.0, period)];
    let mut depths = vec![1.0];
    while cuts[cuts.len() - 1] < 3.0 * length {
        let last = cuts[cuts.len() - 1];
        cuts.push(last + period * (1.0 + r.between(-jitter, jitter)));
        depths.push(if uneven { r.between(0.4, 1.0) } else { 1.0 });
    }
    still(move |t, _, on| {
        let next = cuts.partition_point(|c| *c <= t).min(cuts.len() - 1);
        let low = if next > 0 { cuts[next - 1] } else { cuts[0] - period };
        if on { mb * depths[next] * (t - low) / (cuts[next] - low) } else { 0.0 }
    })
}

/// Memory that the load holds; given back after it, soon or late or never.
fn follow(r: &mut Random) -> Part {
    let (each, lag) = (r.scale(0.05, 1.2), r.between(1.0, 45.0));
    let back = [3.0, 60.0, 1e9][r.pick(3)];
    let (mut before, mut now) = (0.0, None::<f64>);
    still(move |t, load, on| {
        let last = now.unwrap_or(load);
        let tau = if on { lag } else { back };
        let value = last + (load - last) * (1.0 - (-(t - before) / tau).exp());
        (before, now) = (t, Some(value));
        each * value
    })
}

fn wander(tau: f64, sd: f64, r: &mut Random) -> Part {
    let mut own = Random::new(r.next_seed());
    let (mut before, mut now) = (0.0, 0.0);
    still(move |t, _, _| {
        let held = (-(t - before) / tau).exp();
        before = t;
        now = held * now + sd * (1.0 - held * held).sqrt() * own.normal();
        now
    })
}

/// A burst of work whose memory is given back slowly.
fn bump(length: f64, r: &mut Random) -> Part {
    let count = 1 + r.pick(2);
    let all: Vec<(f64, f64, f64, f64)> = (0..count)
        .map(|_| {
            let at = r.between(0.0, 0.85) * length;
            (at, r.scale(3.0, 60.0), r.scale(2.0, 60.0), r.between(0.03, 0.15) * length)
        })
        .collect();
    still(move |t, _, _| {
        let one = |(at, mb, up, down): &(f64, f64, f64, f64)| {
            let since = t - at;
            if since <= 0.0 {
                0.0
            } else {
                mb * (1.0 - (-since / up).exp()) * (-since / down).exp()
            }
        };
        all.iter().map(one).sum()
    })
}

/// A pool that doubles when it is full, ever less often.
fn doubling(length: f64, r: &mut Random) -> Part {
    let (mut mb, mut at) = (r.scale(1.0, 8.0), r.between(0.01, 0.08) * length);
    let mut all = Vec::new();
    while at < 0.6 * length && mb < 200.0 {
        all.push((at, mb));
        (mb, at) = (2.0 * mb, 2.0 * at);
    }
    still(move |t, _, _| all.iter().filter(|s| t >= s.0).map(|s| s.1).sum())
}

/// Buffers that are filled and written out: most of it is given back, the rest stays once.
fn rotation(length: f64, r: &mut Random) -> Part {
    let (period, mb, kept) =
        (r.scale(length / 20.0, length / 3.0), r.scale(4.0, 60.0), r.between(0.0, 0.3));
    still(move |t, _, _| {
        let base = if t >= period { kept * mb } else { 0.0 };
        base + (mb - base) * (t / period).fract()
    })
}

/// Rises, then is compacted in some steps downwards.
fn step_down(length: f64, r: &mut Random) -> Part {
    let (mb, full) = (r.scale(20.0, 120.0), r.between(0.1, 0.4) * length);
    let count = 1 + r.pick(3);
    let downs: Vec<(f64, f64)> =
        (0..count).map(|_| (r.between(0.4, 0.95) * length, mb * r.between(0.05, 0.3))).collect();
    still(move |t, _, _| {
        let down: f64 = downs.iter().filter(|d| t >= d.0).map(|d| d.1).sum();
        mb * (t / full).min(1.0) - down
    })
}

/// Small collections often, on a heap that a large one empties now and then.
fn major(length: f64, r: &mut Random) -> Part {
    let (minor, large) = (r.scale(10.0, 60.0), r.between(0.12, 0.32) * length);
    let (a, b, at) = (r.scale(2.0, 20.0), r.scale(5.0, 80.0), r.share());
    still(
        move |t, _, on| {
            if on { a * (t / minor).fract() + b * (t / large + at).fract() } else { 0.0 }
        },
    )
}

/// Requests that are much larger than the others, now and then.
fn spikes(length: f64, r: &mut Random) -> Part {
    let count = 2 + r.pick(12);
    let all: Vec<(f64, f64, f64)> = (0..count)
        .map(|_| (r.share() * length, r.between(2.0, 40.0), r.scale(5.0, 80.0)))
        .collect();
    still(move |t, _, _| {
        all.iter().filter(|(at, long, _)| t >= *at && t < at + long).map(|s| s.2).sum()
    })
}
