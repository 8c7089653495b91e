//! Whole containers drawn from parts: what they do, whether they leak, and how they were sampled.

use std::f64::consts::TAU;

use runner::analysis::{Columns, Phase, ScenarioData, Series};
use runner::model::Figure;
use runner::model::units::MB;

use crate::random::Random;

use super::{leaks, parts};

/// What may be drawn.
#[derive(Debug, Clone)]
pub struct Pool {
    pub parts: Vec<&'static str>,
    pub leaks: Vec<&'static str>,
    /// Lengths of the phase under load, minutes; two: anything between them.
    pub minutes: Vec<f64>,
    /// Also leaks that are slower than what is called one.
    pub slow: bool,
}

/// A container and the truth about it.
pub struct Drawn {
    pub data: ScenarioData,
    pub truth: Truth,
}

/// The truth about a container.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    pub run: String,
    pub container: String,
    pub parts: Vec<String>,
    /// `healthy`, or the kind of leak.
    pub kind: String,
    pub shape: String,
    pub leaks: bool,
    /// MB/min, the mean over the phase.
    pub rate: f64,
    /// What was measured cannot tell.
    pub unsure: bool,
    pub minutes: f64,
}

/// Draws a container.
pub fn draw(pool: &Pool, r: &mut Random) -> Drawn {
    let minutes = match pool.minutes[..] {
        [low, high] => r.scale(low, high),
        _ => pool.minutes[r.pick(pool.minutes.len())],
    };
    let length = 60.0 * minutes;
    let rest = [0.0, 0.0, length / 3.0, length / 2.0][r.pick(4)];
    let step = if length < 240.0 {
        1.0
    } else if length < 2000.0 {
        [1.0, 2.0, 2.0, 4.0][r.pick(4)]
    } else {
        [2.0, 4.0, 8.0][r.pick(3)] * (length / 4000.0).max(1.0).floor()
    };
    let (shape, load) = load(length, r);
    let count = ((length + rest) / step) as usize;
    let times: Vec<f64> = (0..count).map(|tick| tick as f64 * step).collect();
    let mut own = Random::new(r.next_seed());
    let loads: Vec<f64> =
        times.iter().map(|t| if *t < length { load(*t, &mut own) } else { 0.0 }).collect();
    let mut done = 0.0;
    let mut work = Vec::new();
    for (t, l) in times.iter().zip(&loads).filter(|(t, _)| **t < length) {
        done += l * step;
        work.push((*t, done));
    }

    let mut names = pool.parts.clone();
    let wanted = [1, 1, 1, 1, 2, 2, 2, 2, 3][r.pick(9)];
    let mut drawn: Vec<&str> =
        (0..wanted.min(names.len())).map(|_| names.swap_remove(r.pick(names.len()))).collect();
    drawn.sort_unstable();
    // A short phase is asked for faster leaks, and its parts are as large as in a longer one.
    let quick = (5.0 / minutes).max(1.0);
    let mut all: Vec<parts::Part> = drawn.iter().map(|name| parts::part(name, length, r)).collect();
    let moving: f64 = all.iter().map(|p| p.moving).sum();
    let (mut unsure, mut rate, mut kind) = (moving > 0.5, 0.0, "healthy");
    let mut leaked: Box<dyn Fn(f64) -> f64> = Box::new(|_| 0.0);
    let leaks = r.share() < 0.5;
    if leaks {
        kind = pool.leaks[r.pick(pool.leaks.len())];
        rate = if pool.slow && r.share() < 0.08 {
            r.scale(0.02, 0.25)
        } else {
            quick * r.scale(0.7, 15.0)
        };
        let leak = leaks::leak(kind, length, rate, &work, r);
        unsure = leak.unsure || moving > 0.5 * rate;
        leaked = leak.leaked;
    }
    if shape == "ramp" && (leaks || drawn.contains(&"follow")) {
        unsure = true;
    }
    let base = r.between(20.0, 500.0);
    let (sd, tau) = (r.scale(0.05, 2.5), r.scale(2.0, 90.0));
    let (rounding, missing) =
        ([0.0, 0.0, 0.1, 1.0][r.pick(4)], [0.0, 0.0, 0.0, 0.1, 0.3][r.pick(5)]);
    let noise = own.noise(count, step, sd, tau);
    let mut data = ScenarioData::new("simulated");
    let mut kept = Vec::new();
    for (tick, (t, l)) in times.iter().zip(&loads).enumerate() {
        let on = *t < length;
        let memory: f64 = all.iter_mut().map(|p| (p.memory)(*t, *l, on)).sum();
        let mut mb = base + memory + leaked(t.min(length)) + noise[tick];
        if rounding > 0.0 {
            mb = (mb / rounding).round() * rounding;
        }
        if own.share() >= missing {
            kept.push((*t, *l, (mb * MB).floor().max(0.0)));
        }
    }
    let active = kept.iter().take_while(|k| k.0 < length).count();
    data.time = kept.iter().map(|k| k.0).collect();
    data.queued = kept.iter().map(|k| k.1).collect();
    let mut columns = Columns::new(kept.len());
    for (row, (_, _, bytes)) in kept.iter().enumerate() {
        columns.set(Figure::AnonBytes, row, *bytes);
    }
    data.containers.push(Series { name: "it".into(), columns, incarnation: Vec::new() });
    data.phases = phases(&data.time, active);
    let truth = Truth {
        run: String::new(),
        container: String::new(),
        parts: drawn.iter().map(|name| (*name).to_string()).collect(),
        kind: kind.to_string(),
        shape: shape.to_string(),
        leaks,
        rate,
        unsure,
        minutes,
    };
    Drawn { data, truth }
}

/// The phase under load, and the rest.
pub fn phases(time: &[f64], active: usize) -> Vec<Phase> {
    let one = |name: &str, ticks: std::ops::Range<usize>| Phase {
        name: name.into(),
        start: time[ticks.start],
        end: time[ticks.end - 1],
        ticks,
        level: None,
        speed: None,
        end_reason: None,
    };
    let mut all = Vec::new();
    if active > 0 {
        all.push(one("active", 0..active));
    }
    if active < time.len() {
        all.push(one("cooldown", active..time.len()));
    }
    all
}

type Load = Box<dyn Fn(f64, &mut Random) -> f64>;

fn load(length: f64, r: &mut Random) -> (&'static str, Load) {
    let (level, period) = (r.between(20.0, 100.0), r.between(120.0, 900.0));
    match r.share() * 10.0 {
        s if s < 5.0 => ("flat", Box::new(move |_, _| level)),
        s if s < 6.5 => {
            ("sine", Box::new(move |t, _| level * (1.0 + 0.5 * (TAU * t / period).sin())))
        }
        s if s < 7.5 => ("ramp", Box::new(move |t, _| level * (0.2 + t / length))),
        s if s < 8.5 => {
            ("stairs", Box::new(move |t, _| level * (0.4 + 0.2 * (4.0 * t / length).floor())))
        }
        _ => ("noisy", Box::new(move |_, r| level * (1.0 + 0.25 * r.normal()).max(0.1))),
    }
}
