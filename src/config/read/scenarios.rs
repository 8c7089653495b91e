//! The numbers of the built-in scenarios, and the list of scenarios to run.

use std::time::Duration;

use super::range::{NOT_NEGATIVE, PERCENT, POSITIVE};
use super::section::{Section, number};
use super::tree::{Node, Value};
use super::values;
use crate::config::{
    Baseline, DurationLeak, Level, ScenarioConfig, SpeedScaling, Stress, StressLimits,
};

/// Names that `-s` takes for the built-in scenarios.
pub(super) const BUILT_IN: [&str; 5] = ["baseline", "stress", "duration", "speed", "isolate"];

/// How many of them run where neither the config nor the command line names any.
const BY_DEFAULT: usize = 4;

/// What a level may refer to.
const REFERENCES: [&str; 3] = ["stress.max_level", "stress.sustained_level", "duration.level"];

pub(super) fn baseline(root: &Section<'_>) -> Baseline {
    let d = Baseline::default();
    root.section("baseline", |s| {
        let read = Baseline {
            warmup: s.time_or_zero("warmup", d.warmup),
            length: s.time("length", d.length),
            interval: s.time("interval", d.interval),
        };
        fits(s, "interval", read.interval, "length", read.length);
        read
    })
}

pub(super) fn stress(root: &Section<'_>) -> Stress {
    let d = Stress::default();
    root.section("stress", |s| {
        let read = Stress {
            batch: s.whole("batch", d.batch, 1),
            every: s.time("every", d.every),
            interval: s.time("interval", d.interval),
            limit: s.time("limit", d.limit),
            limits: s.section("limits", |l| limits(l, d.limits)),
            trials: s.whole("trials", d.trials, 0),
            trial_batch: s.whole("trial_batch", d.trial_batch, 1),
            trial_every: s.time("trial_every", d.trial_every),
            throughput: s.maybe_text("throughput", "requests_per_s"),
        };
        fits(s, "every", read.every, "limit", read.limit);
        fits(s, "interval", read.interval, "limits.window", read.limits.window);
        read
    })
}

pub(super) fn duration(root: &Section<'_>) -> DurationLeak {
    let d = DurationLeak::default();
    root.section("duration", |s| {
        let read = DurationLeak {
            level: level(s, "level", d.level, &REFERENCES[..2]),
            speed: s.number("speed", d.speed, POSITIVE),
            spawn_timeout: s.time("spawn_timeout", d.spawn_timeout),
            settle: s.time_or_zero("settle", d.settle),
            active: s.time("active", d.active),
            active_interval: s.time("active_interval", d.active_interval),
            drain_timeout: s.time("drain_timeout", d.drain_timeout),
            drain_interval: s.time("drain_interval", d.drain_interval),
            cooldown: s.time_or_zero("cooldown", d.cooldown),
            cooldown_interval: s.time("cooldown_interval", d.cooldown_interval),
            cycles: s.whole("cycles", d.cycles, 1),
        };
        fits(s, "active_interval", read.active_interval, "active", read.active);
        fits(s, "drain_interval", read.drain_interval, "drain_timeout", read.drain_timeout);
        if !read.cooldown.is_zero() {
            fits(s, "cooldown_interval", read.cooldown_interval, "cooldown", read.cooldown);
        }
        read
    })
}

pub(super) fn speed(root: &Section<'_>) -> SpeedScaling {
    let d = SpeedScaling::default();
    root.section("speed", |s| {
        let read = SpeedScaling {
            level: level(s, "level", d.level, &REFERENCES),
            fixed_level: s.maybe_whole("fixed_level", 1, 10),
            multipliers: multipliers(s, d.multipliers),
            step: s.time("step", d.step),
            interval: s.time("interval", d.interval),
            spawn_timeout: s.time("spawn_timeout", d.spawn_timeout),
            settle: s.time_or_zero("settle", d.settle),
            limits: s.section("limits", |l| limits(l, d.limits)),
        };
        if read.fixed_level.is_some() && s.has("level") {
            s.wrong("fixed_level", "level is written too", "write one of them");
        }
        fits(s, "interval", read.interval, "step", read.step);
        fits(s, "interval", read.interval, "limits.window", read.limits.window);
        read
    })
}

fn multipliers(s: &Section<'_>, default: Vec<f64>) -> Vec<f64> {
    const EXAMPLE: &str = "[2, 4, 8]";
    let Some(node) = s.find("multipliers") else {
        return default;
    };
    let numbers: Option<Vec<f64>> = match &node.value {
        Value::List(items) if !items.is_empty() => items.iter().map(number).collect(),
        _ => None,
    };
    let rising = |m: &[f64]| m.iter().all(|x| *x > 0.0) && m.windows(2).all(|w| w[0] < w[1]);
    match numbers {
        Some(numbers) if rising(&numbers) => numbers,
        _ => {
            s.expected("multipliers", node, "a list of rising numbers above 0", EXAMPLE);
            default
        }
    }
}

/// What stops a scenario by threshold.
pub(super) fn limits(s: &Section<'_>, d: StressLimits) -> StressLimits {
    StressLimits {
        memory_percent: s.number("memory_percent", d.memory_percent, PERCENT),
        cpu_percent: s.number("cpu_percent", d.cpu_percent, POSITIVE),
        throttled_percent: s.switchable("throttled_percent", d.throttled_percent, PERCENT, 25.0),
        gpu_memory_percent: s.switchable("gpu_memory_percent", d.gpu_memory_percent, PERCENT, 95.0),
        host_cpu_percent: s.switchable("host_cpu_percent", d.host_cpu_percent, PERCENT, 90.0),
        host_psi_memory_full_percent: s.switchable(
            "host_psi_memory_full_percent",
            d.host_psi_memory_full_percent,
            NOT_NEGATIVE,
            10.0,
        ),
        failed_percent: s.switchable("failed_percent", d.failed_percent, PERCENT, 5.0),
        load_below: s.numbers("load_below"),
        load_above: s.numbers("load_above"),
        metric_below: s.numbers("metric_below"),
        metric_above: s.numbers("metric_above"),
        window: s.time("window", d.window),
    }
}

/// A level: a number, or a reference such as `"stress.max_level / 2"`.
pub(super) fn level(
    s: &Section<'_>,
    key: &'static str,
    default: Level,
    references: &[&str],
) -> Level {
    match s.find(key) {
        None => default,
        Some(node) => level_of(node, references).unwrap_or_else(|| {
            let wanted = format!("a whole number above 0 or one of {}", references.join(", "));
            s.expected(key, node, &wanted, "\"stress.max_level / 2\"");
            default
        }),
    }
}

fn level_of(node: &Node, references: &[&str]) -> Option<Level> {
    match &node.value {
        Value::Integer(value) => {
            let value = u32::try_from(*value).ok()?;
            (value > 0).then_some(Level::Fixed(value))
        }
        Value::Text(text) => {
            let (of, divisor) = match text.split_once('/') {
                Some((of, divisor)) => (of.trim(), divisor.trim().parse().ok()?),
                None => (text.trim(), 1.0),
            };
            let usable = references.contains(&of) && divisor > 0.0 && f64::is_finite(divisor);
            usable.then(|| Level::reference(of, divisor))
        }
        _ => None,
    }
}

/// A level with every reference allowed, for scenarios that users write.
pub(super) fn any_level(s: &Section<'_>, key: &'static str) -> Level {
    level(s, key, Level::Fixed(1), &REFERENCES)
}

/// What is counted in `whole` must not be longer than it.
pub(super) fn fits(s: &Section<'_>, key: &str, part: Duration, whole_key: &str, whole: Duration) {
    if part <= whole {
        return;
    }
    let what = format!(
        "{} is longer than {whole_key} ({})",
        values::duration_text(part),
        values::duration_text(whole)
    );
    s.wrong(key, what, format!("shorten {key} or lengthen {whole_key}"));
}

/// `scenarios = [...]`: what runs when no `-s` is given. Without a load only the idle stack can
/// be looked at.
pub(super) fn to_run(root: &Section<'_>, custom: &[ScenarioConfig], loaded: bool) -> Vec<String> {
    let Some(placed) = root.placed_texts("scenarios", "[\"baseline\", \"stress\"]") else {
        let all = if loaded { &BUILT_IN[..BY_DEFAULT] } else { &BUILT_IN[..1] };
        return all.iter().map(ToString::to_string).collect();
    };
    let mut known: Vec<&str> = BUILT_IN.to_vec();
    let own = custom.iter().map(|scenario| scenario.name.as_str());
    known.extend(own.filter(|name| !BUILT_IN.contains(name)));
    if placed.is_empty() {
        root.wrong("scenarios", "an empty list", "name at least one scenario");
    }
    let mut names = Vec::new();
    for (name, place) in placed {
        if !known.contains(&name.as_str()) {
            let remedy = match (values::nearest(&name, &known), name.as_str()) {
                (_, "all" | "custom") => format!("name them: {}", known.join(", ")),
                (Some(word), _) => format!("did you mean {word}?"),
                (None, _) => format!("known: {}; or write a [[scenario]]", known.join(", ")),
            };
            root.wrong_at(&place, "scenarios", format!("unknown scenario {name:?}"), remedy);
        } else if names.contains(&name) {
            root.wrong_at(&place, "scenarios", format!("{name:?} is there twice"), "remove one");
        } else if !loaded && BUILT_IN[1..].contains(&name.as_str()) {
            let what = format!("{name:?} needs a load");
            root.wrong_at(&place, "scenarios", what, "write a [load] section, or remove it");
        }
        names.push(name);
    }
    names
}
