//! The four scenarios of the replaced framework, written in the parts that a user's own is.

use std::time::Duration;

use crate::config::{
    Action, Baseline, DurationLeak, Level, PhaseConfig, ScenarioConfig, SpeedScaling, Stress,
    StressLimits, Until,
};

use super::level::divided;

/// Idle stack: a warm-up that is left out, then samples.
#[must_use]
pub fn baseline(numbers: &Baseline, limits: &StressLimits) -> ScenarioConfig {
    let phases = vec![
        quiet("warmup", numbers.interval, vec![], after(numbers.warmup)),
        sampled("baseline", numbers.interval, vec![], after(numbers.length)),
    ];
    scenario("baseline", limits, phases)
}

/// Load in batches until a threshold is reached. The rolling window is filled first, so that a
/// stack that is at its limit while idle is told apart.
#[must_use]
pub fn stress(numbers: &Stress) -> ScenarioConfig {
    let until_threshold = |limit| Until { threshold: true, ..after(limit) };
    let ramp = Action::Ramp { batch: numbers.batch, every: numbers.every };
    // Judged once it is full: what a service costs while it starts is no limit reached.
    let idle_window = Until { threshold_at_end: true, ..after(numbers.limits.window) };
    let phases = vec![
        ending_all(sampled("idle", numbers.interval, vec![Action::Start], idle_window)),
        ending_all(sampled("ramp", numbers.interval, vec![ramp], until_threshold(numbers.limit))),
    ];
    scenario("stress", &numbers.limits, phases)
}

/// The boundary that stress found, approached again from two thirds of it, each time on a load that
/// was reset. The load settles for a whole window before a trial, so that nothing of the overload
/// before it is judged.
#[must_use]
pub fn stress_trials(numbers: &Stress) -> ScenarioConfig {
    let mut phases = Vec::new();
    for trial in 1..=numbers.trials {
        let name = format!("trial_{trial}");
        let start = vec![
            Action::Reset,
            Action::Start,
            Action::Reach(Level::reference("stress.max_level", TRIALS_START)),
        ];
        let settle = numbers.limits.window;
        phases.extend(spawn(&format!("{name}_"), numbers.interval, start, SPAWN_LIMIT, settle));
        let ramp = Action::Ramp { batch: numbers.trial_batch, every: numbers.trial_every };
        let until = Until { threshold: true, ..after(numbers.limit) };
        phases.push(sampled(&name, numbers.interval, vec![ramp], until));
    }
    scenario("stress_trials", &numbers.limits, phases)
}

/// Trials start at the level that stress reached, divided by this.
const TRIALS_START: f64 = 1.5;
/// Longest wait for the level that a trial starts at.
const SPAWN_LIMIT: Duration = Duration::from_secs(120);

/// A level before the load, by which what it leaves behind is judged; then active, drain, cooldown; active
#[must_use]
pub fn duration(numbers: &DurationLeak, limits: &StressLimits) -> ScenarioConfig {
    let mut start = vec![Action::Start];
    if (numbers.speed - 1.0).abs() > f64::EPSILON {
        start.push(Action::Speed(numbers.speed));
    }
    start.push(Action::Reach(numbers.level.clone()));
    let idle = BEFORE.min(numbers.active / 4);
    let mut phases = vec![sampled("before", numbers.active_interval, vec![], after(idle))];
    phases.extend(spawn("", numbers.active_interval, start, numbers.spawn_timeout, numbers.settle));
    for cycle in 1..=numbers.cycles.max(1) {
        let (active, drain, actions) = match cycle {
            1 => ("active".to_string(), "drain".to_string(), vec![]),
            n => (format!("active_{n}"), format!("drain_{n}"), vec![Action::Resume]),
        };
        phases.push(sampled(&active, numbers.active_interval, actions, after(numbers.active)));
        let drained = Until { drained: true, ..after(numbers.drain_timeout) };
        phases.push(sampled(&drain, numbers.drain_interval, vec![Action::Pause], drained));
    }
    let cooldown = after(numbers.cooldown);
    phases.push(sampled("cooldown", numbers.cooldown_interval, vec![], cooldown));
    scenario("duration", limits, phases)
}

/// Time before the load; a quarter of the active phase where that is less.
const BEFORE: Duration = Duration::from_secs(30);

/// One more cycle after the planned ones, for leaks that need to be seen again: load, drain,
/// cooldown.
#[must_use]
pub fn confirmation(numbers: &DurationLeak) -> Vec<PhaseConfig> {
    let next = numbers.cycles.max(1) + 1;
    let drained = Until { drained: true, ..after(numbers.drain_timeout) };
    let active = after(numbers.active);
    let mut phases = vec![
        sampled(&format!("active_{next}"), numbers.active_interval, vec![Action::Resume], active),
        sampled(&format!("drain_{next}"), numbers.drain_interval, vec![Action::Pause], drained),
    ];
    if !numbers.cooldown.is_zero() {
        let cooldown = after(numbers.cooldown);
        phases.push(sampled("cooldown_2", numbers.cooldown_interval, vec![], cooldown));
    }
    phases
}

/// One step a multiplier: the driven system's own reset, the speed, `max(1, base / multiplier)`
/// agents, samples; the threshold is judged on the last window of a step.
#[must_use]
pub fn speed(numbers: &SpeedScaling) -> ScenarioConfig {
    let mut phases = Vec::new();
    for &multiplier in &numbers.multipliers {
        let name = step_name(multiplier);
        let actions = vec![
            Action::Reset,
            Action::Start,
            Action::Speed(multiplier),
            Action::Reach(step_level(numbers, multiplier)),
        ];
        let prefix = format!("{name}_");
        phases.extend(spawn(
            &prefix,
            numbers.interval,
            actions,
            numbers.spawn_timeout,
            numbers.settle,
        ));
        let until = Until { threshold_at_end: true, ..after(numbers.step) };
        phases.push(ending_all(sampled(&name, numbers.interval, vec![], until)));
    }
    scenario("speed", &numbers.limits, phases)
}

/// `4x`, `1.5x`: the name of a speed step.
#[must_use]
pub fn step_name(multiplier: f64) -> String {
    format!("{multiplier}x")
}

fn step_level(numbers: &SpeedScaling, multiplier: f64) -> Level {
    match (numbers.fixed_level, &numbers.level) {
        (Some(fixed), _) => Level::Fixed(fixed),
        (None, Level::Fixed(base)) => Level::Fixed(divided(*base, multiplier)),
        (None, Level::Reference { of, divisor }) => {
            Level::Reference { of: of.clone(), divisor: divisor * multiplier }
        }
    }
}

/// Waits until the agents are there, then lets them settle: no results yet.
fn spawn(
    prefix: &str,
    interval: Duration,
    actions: Vec<Action>,
    timeout: Duration,
    settle: Duration,
) -> Vec<PhaseConfig> {
    let there = Until { level_reached: true, ..after(timeout) };
    vec![
        quiet(&format!("{prefix}spawn"), interval, actions, there),
        quiet(&format!("{prefix}settle"), interval, vec![], after(settle)),
    ]
}

fn after(length: Duration) -> Until {
    Until { after: Some(length), ..Until::default() }
}

fn sampled(name: &str, interval: Duration, actions: Vec<Action>, until: Until) -> PhaseConfig {
    PhaseConfig {
        name: name.to_string(),
        interval,
        sampled: true,
        actions,
        until,
        threshold_ends_scenario: false,
    }
}

fn quiet(name: &str, interval: Duration, actions: Vec<Action>, until: Until) -> PhaseConfig {
    PhaseConfig { sampled: false, ..sampled(name, interval, actions, until) }
}

fn ending_all(phase: PhaseConfig) -> PhaseConfig {
    PhaseConfig { threshold_ends_scenario: true, ..phase }
}

fn scenario(name: &str, limits: &StressLimits, phases: Vec<PhaseConfig>) -> ScenarioConfig {
    ScenarioConfig {
        name: name.to_string(),
        reset: None,
        stop_on_oom: true,
        expect_oom: false,
        limits: limits.clone(),
        phases,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_steps_divide_the_base_by_the_multiplier() {
        let numbers = SpeedScaling { level: Level::Fixed(50), ..SpeedScaling::default() };
        assert_eq!(step_level(&numbers, 4.0), Level::Fixed(12));
        let by_reference = SpeedScaling::default();
        assert_eq!(step_level(&by_reference, 4.0), Level::reference("duration.level", 4.0));
        let fixed = SpeedScaling { fixed_level: Some(9), ..SpeedScaling::default() };
        assert_eq!(step_level(&fixed, 512.0), Level::Fixed(9));
    }

    #[test]
    fn the_default_speed_steps_double_from_2_to_1024() {
        let names: Vec<String> = speed(&SpeedScaling::default())
            .phases
            .into_iter()
            .filter(|phase| phase.sampled)
            .map(|phase| phase.name)
            .collect();
        assert_eq!(names.first().map(String::as_str), Some("2x"));
        assert_eq!(names.last().map(String::as_str), Some("1024x"));
        assert_eq!(names.len(), 10);
    }

    #[test]
    fn each_trial_starts_on_a_load_that_was_reset_and_settled_for_a_window() {
        let scenario = stress_trials(&Stress { trials: 2, ..Stress::default() });
        let names: Vec<&str> = scenario.phases.iter().map(|p| p.name.as_str()).collect();
        let one = ["trial_1_spawn", "trial_1_settle", "trial_1"];
        let two = ["trial_2_spawn", "trial_2_settle", "trial_2"];
        assert_eq!(names, [one, two].concat());
        assert_eq!(scenario.phases[0].actions[0], Action::Reset);
        assert_eq!(scenario.phases[1].until.after, Some(Duration::from_secs(10)));
        // A threshold ends a trial, not the scenario: the next one is still to come.
        assert!(scenario.phases.iter().all(|p| !p.threshold_ends_scenario));
    }

    #[test]
    fn cycles_repeat_active_and_drain_before_one_cooldown() {
        let numbers = DurationLeak { cycles: 2, ..DurationLeak::default() };
        let scenario = duration(&numbers, &StressLimits::default());
        let names: Vec<&str> = scenario.phases.iter().map(|p| p.name.as_str()).collect();
        let expected =
            ["before", "spawn", "settle", "active", "drain", "active_2", "drain_2", "cooldown"];
        assert_eq!(names, expected);
    }
}
