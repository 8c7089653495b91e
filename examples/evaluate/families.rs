//! What healthy services do, and the leaks that are laid over it.

use crate::random::Random;

/// Healthy behaviour. The first seven are the ones that the procedure's predecessors were measured
/// on; the last two fill evenly, and with time constants that scale with the length.
pub const FAMILIES: [&str; 9] =
    ["ar1", "sawtooth", "warm_up", "steps", "load", "periodic", "wander", "ring", "cache"];

/// How a leak goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leak {
    /// Evenly.
    Steady,
    /// From 30 to 50 % of the length on.
    Late,
    /// A tenth of the time, every 45 to 90 s.
    Bursts,
}

/// A simulated container.
#[derive(Debug, Clone)]
pub struct Simulated {
    /// Seconds.
    pub time: Vec<f64>,
    pub mb: Vec<f64>,
    pub load: Vec<f64>,
}

/// Distance of ticks, seconds.
pub const INTERVAL: f64 = 2.0;

/// A container of that family, `minutes` long, that leaks `rate` MB/min.
pub fn simulate(family: &str, minutes: f64, rate: f64, leak: Leak, r: &mut Random) -> Simulated {
    let mut cycles = cycles(1, family, minutes, rate, leak, r);
    cycles.remove(0)
}

/// One life of a container in so many cycles under the same load, each `minutes` long. It stays what
/// it is: what filled is full and what has not filled yet goes on filling, a collector goes on
/// collecting, steps come in each cycle, noise goes on where it was, and so does the leak.
pub fn cycles(
    number: usize,
    family: &str,
    minutes: f64,
    rate: f64,
    leak: Leak,
    r: &mut Random,
) -> Vec<Simulated> {
    let each = (minutes * 60.0 / INTERVAL) as usize;
    let count = number * each;
    let time: Vec<f64> = (0..count).map(|tick| tick as f64 * INTERVAL).collect();
    let (sd, correlation) = (r.scale(0.3, 4.0), r.scale(15.0, 120.0));
    let noise = r.noise(count, INTERVAL, sd, correlation);
    let base = r.between(40.0, 200.0);
    let (shape, load) = shape(family, &time, minutes * 60.0, number, r);
    let leaked = leaked(leak, &time, minutes * 60.0, rate, r);
    let mb: Vec<f64> =
        (0..count).map(|tick| base + noise[tick] + shape[tick] + leaked[tick]).collect();
    let one = |from: usize| Simulated {
        time: time[..each].to_vec(),
        mb: mb[from..from + each].to_vec(),
        load: load[from..from + each].to_vec(),
    };
    (0..number).map(|cycle| one(cycle * each)).collect()
}

/// `length` is that of a cycle, seconds; fills and time constants are parts of it.
fn shape(
    family: &str,
    time: &[f64],
    length: f64,
    cycles: usize,
    r: &mut Random,
) -> (Vec<f64>, Vec<f64>) {
    let of = |value: &dyn Fn(f64) -> f64| time.iter().map(|t| value(*t)).collect::<Vec<f64>>();
    let even = vec![50.0; time.len()];
    let shape = match family {
        "sawtooth" => sawtooth(time.len(), r),
        "warm_up" => {
            let (mb, tau) = (r.scale(10.0, 100.0), 60.0 * r.between(0.5, 4.0));
            of(&|t| mb * (1.0 - (-t / tau).exp()))
        }
        "steps" => {
            let mut steps: Vec<(f64, f64)> = Vec::new();
            for cycle in 0..cycles {
                for _ in 0..1 + r.pick(3) {
                    let sign = if r.share() < 0.8 { 1.0 } else { -1.0 };
                    let at = (cycle as f64 + r.share()) * length;
                    steps.push((at, sign * r.scale(5.0, 50.0)));
                }
            }
            of(&|t| steps.iter().filter(|s| s.0 < t).map(|s| s.1).sum())
        }
        "load" => {
            let load = load(time, length, r);
            let each = r.between(0.2, 2.0);
            return (load.iter().map(|l| each * l).collect(), load);
        }
        "periodic" => {
            let (mb, period, phase) = (r.scale(2.0, 15.0), r.scale(60.0, 600.0), r.share());
            if r.share() < 0.5 {
                of(&|t| mb * (std::f64::consts::TAU * (t / period + phase)).sin())
            } else {
                let busy = r.between(0.05, 0.5);
                of(&|t| if (t / period + phase).fract() < busy { mb } else { 0.0 })
            }
        }
        "wander" => {
            let (sd, correlation) = (r.scale(0.5, 4.0), 60.0 * r.between(3.0, 10.0));
            r.noise(time.len(), INTERVAL, sd, correlation)
        }
        "ring" => {
            let (mb, full) = (r.scale(10.0, 100.0), r.between(0.1, 0.8) * length);
            of(&|t| mb * (t / full).min(1.0))
        }
        "cache" => {
            let (mb, tau) = (r.scale(10.0, 100.0), r.between(0.05, 0.5) * length);
            of(&|t| mb * (1.0 - (-t / tau).exp()))
        }
        _ => vec![0.0; time.len()],
    };
    (shape, even)
}

/// A garbage collector: rises evenly, falls at once, each period a little different.
fn sawtooth(count: usize, r: &mut Random) -> Vec<f64> {
    let (mb, period) = (r.scale(5.0, 60.0), r.scale(20.0, 240.0));
    let (mut phase, mut this_period) = (r.share(), period);
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        phase += INTERVAL / this_period;
        if phase >= 1.0 {
            phase -= 1.0;
            this_period = period * r.between(0.85, 1.15);
        }
        all.push(mb * phase);
    }
    all
}

/// A ramp that is then held, a wave, or a staircase; the same in each cycle.
fn load(time: &[f64], length: f64, r: &mut Random) -> Vec<f64> {
    let (kind, held) = (r.pick(3), r.between(0.2, 0.8) * length);
    let (period, phase) = (r.between(0.3, 1.5) * length, std::f64::consts::TAU * r.share());
    let one = |t: f64| match kind {
        0 => 10.0 + 40.0 * (t / held).min(1.0),
        1 => 30.0 + 20.0 * (std::f64::consts::TAU * t / period + phase).sin(),
        _ => 10.0 * (1.0 + (5.0 * t / length).floor()),
    };
    time.iter().map(|t| one(t.rem_euclid(length)).round()).collect()
}

fn leaked(leak: Leak, time: &[f64], length: f64, rate: f64, r: &mut Random) -> Vec<f64> {
    let from = r.between(0.3, 0.5) * length;
    let period = r.between(45.0, 90.0);
    let one = |t: f64| match leak {
        Leak::Steady => rate * t / 60.0,
        Leak::Late => rate * (t - from).max(0.0) / 60.0,
        Leak::Bursts => {
            let (whole, part) = ((t / period).floor(), ((t / period).fract() / 0.1).min(1.0));
            rate * period / 60.0 * (whole + part)
        }
    };
    time.iter().map(|t| one(*t)).collect()
}
