//! What a run will do: the selected scenarios in order, with their resets.

use serde::Serialize;

use crate::config::{Action, Config, Level, Reset, ScenarioConfig};

use super::{builtin, isolate, level::REFERENCES};

/// Which of the built-in scenarios it is, or a user's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Idle stack.
    Baseline,
    /// Load in batches until something gives in.
    Stress,
    /// The boundary that stress found, tried again.
    Trials,
    /// Active, drain, cooldown.
    Duration,
    /// Ever faster.
    Speed,
    /// Each task alone.
    Isolate,
    /// Written by a user.
    Custom,
}

/// A scenario that will run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Planned {
    /// Its key in results.json.
    pub key: String,
    /// Which one it is.
    pub kind: Kind,
    /// How the stack is reset before it; absent: it takes the stack as it is.
    pub reset: Option<Reset>,
    /// Its phases and limits.
    pub spec: ScenarioConfig,
}

/// The scenarios of a run, in order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// In the order they run.
    pub scenarios: Vec<Planned>,
}

/// Why a selection cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No such scenario.
    #[error("there is no scenario '{name}'; there are: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// It drives load, and the config has none.
    #[error(
        "scenario '{0}' drives load, but the config has no [load] section; add one, or select scenarios without load (-s baseline)"
    )]
    NoLoad(String),
    /// A level refers to a scenario that will not have run before it.
    #[error("scenario '{scenario}' needs {of}: {remedy}")]
    MissingInput {
        /// The scenario that lacks it.
        scenario: String,
        /// What it refers to.
        of: String,
        /// What to do.
        remedy: &'static str,
    },
}

/// The names that `-s` takes for the built-in scenarios, with their keys in results.json.
pub const BUILT_IN: &[(&str, &str, Kind)] = &[
    ("baseline", "baseline", Kind::Baseline),
    ("stress", "stress_test", Kind::Stress),
    ("duration", "duration_leak", Kind::Duration),
    ("speed", "speed_scaling", Kind::Speed),
    ("isolate", "isolate", Kind::Isolate),
];

/// How many of them `all` means: the replaced framework's.
const ALL: usize = 4;

impl Plan {
    /// Plans the selected scenarios (`all` is the four; empty: the config's own list).
    ///
    /// # Errors
    /// An unknown name, load without a load section, or a level that nothing gives.
    pub fn new(config: &Config, selected: &[String]) -> Result<Plan, PlanError> {
        let names = if selected.is_empty() { &config.scenarios } else { selected };
        let mut specs = Vec::new();
        for name in names {
            match name.as_str() {
                "all" => {
                    for (built_in, _, _) in &BUILT_IN[..ALL] {
                        specs.push(lookup(config, built_in)?);
                    }
                }
                "custom" => {
                    if config.custom.is_empty() {
                        return Err(unknown(config, "custom"));
                    }
                    for custom in &config.custom {
                        specs.push(lookup(config, &custom.name)?);
                    }
                }
                name => specs.push(lookup(config, name)?),
            }
            // After the stress that they follow; planned only once, like everything.
            if config.stress.trials > 0 {
                let stress = specs.iter().position(|(_, kind, _)| *kind == Kind::Stress);
                let is_new = !specs.iter().any(|(_, kind, _)| *kind == Kind::Trials);
                if let Some(at) = stress.filter(|_| is_new) {
                    let trials = builtin::stress_trials(&config.stress);
                    specs.insert(at + 1, (trials.name.clone(), Kind::Trials, trials));
                }
            }
        }
        let mut scenarios: Vec<Planned> = Vec::new();
        for (key, kind, spec) in specs {
            // `-s stress -s all` means each once: results have one place for each.
            if scenarios.iter().any(|planned| planned.key == key) {
                continue;
            }
            check_load(config, &spec)?;
            check_inputs(config, &spec, kind, &scenarios)?;
            let reset = reset_for(config, kind, &spec, scenarios.last());
            scenarios.push(Planned { key, kind, reset, spec });
        }
        Ok(Plan { scenarios })
    }

    /// Seconds the plan takes at most where every phase has a length (resets not counted).
    #[must_use]
    pub fn longest_seconds(&self) -> f64 {
        let phases = self.scenarios.iter().flat_map(|s| &s.spec.phases);
        phases.filter_map(|p| p.until.after).map(|d| d.as_secs_f64()).sum()
    }
}

fn lookup(config: &Config, name: &str) -> Result<(String, Kind, ScenarioConfig), PlanError> {
    if let Some((_, key, kind)) = BUILT_IN.iter().find(|(flag, _, _)| *flag == name) {
        let limits = &config.stress.limits;
        let spec = match kind {
            Kind::Baseline => builtin::baseline(&config.baseline, limits),
            Kind::Stress => builtin::stress(&config.stress),
            Kind::Trials => builtin::stress_trials(&config.stress),
            Kind::Duration => builtin::duration(&config.duration, limits),
            Kind::Isolate => isolate::scenario(&config.isolate, config.load.as_ref(), limits),
            Kind::Speed | Kind::Custom => builtin::speed(&config.speed),
        };
        return Ok(((*key).to_string(), *kind, spec));
    }
    match config.custom.iter().find(|custom| custom.name == name) {
        Some(custom) => Ok((custom.name.clone(), Kind::Custom, custom.clone())),
        None => Err(unknown(config, name)),
    }
}

fn unknown(config: &Config, name: &str) -> PlanError {
    let built_in = BUILT_IN.iter().map(|(flag, _, _)| (*flag).to_string());
    let own = config.custom.iter().map(|custom| custom.name.clone());
    let known: Vec<String> = built_in.chain(own).collect();
    PlanError::Unknown { name: name.to_string(), known: known.join(", ") }
}

/// Whether a scenario does anything to the load.
#[must_use]
pub fn drives_load(spec: &ScenarioConfig) -> bool {
    spec.phases.iter().any(|phase| !phase.actions.is_empty())
}

fn check_load(config: &Config, spec: &ScenarioConfig) -> Result<(), PlanError> {
    if drives_load(spec) && config.load.is_none() {
        return Err(PlanError::NoLoad(spec.name.clone()));
    }
    Ok(())
}

/// Every reference must be given by a scenario planned before this one.
fn check_inputs(
    config: &Config,
    spec: &ScenarioConfig,
    kind: Kind,
    before: &[Planned],
) -> Result<(), PlanError> {
    let has = |wanted: Kind| before.iter().any(|planned| planned.kind == wanted);
    for phase in &spec.phases {
        for action in &phase.actions {
            let Action::Reach(Level::Reference { of, .. }) = action else {
                continue;
            };
            let known = match of.as_str() {
                // The duration level follows from the config, and that perhaps from stress.
                "duration.level" => match &config.duration.level {
                    Level::Fixed(_) => true,
                    Level::Reference { .. } => kind != Kind::Duration && has(Kind::Stress),
                },
                of => REFERENCES.contains(&of) && has(Kind::Stress),
            };
            if !known {
                return Err(PlanError::MissingInput {
                    scenario: spec.name.clone(),
                    of: of.clone(),
                    remedy: remedy(of, kind),
                });
            }
        }
    }
    Ok(())
}

/// `--agents` gives the level of the duration scenario (and of speed, which builds on it): it helps
/// a scenario of one's own only where that refers to `duration.level`.
fn remedy(of: &str, kind: Kind) -> &'static str {
    if kind == Kind::Custom && of != "duration.level" {
        "select `-s stress` before it, or write a number as its level"
    } else {
        "select `-s stress` before it, or give the level with `--agents N`"
    }
}

/// Stress may reuse the idle stack that baseline leaves behind; a scenario of its own can only ask
/// for less than the config consents to.
fn reset_for(
    config: &Config,
    kind: Kind,
    spec: &ScenarioConfig,
    previous: Option<&Planned>,
) -> Option<Reset> {
    // Trials approach what stress found on this very stack; only the load is reset.
    if kind == Kind::Trials {
        return None;
    }
    if kind == Kind::Stress && previous.is_some_and(|p| p.kind == Kind::Baseline) {
        return None;
    }
    let consent = config.stack.reset;
    let wanted = spec.reset.unwrap_or(consent);
    Some(match (wanted, consent) {
        (Reset::Never, _) | (_, Reset::Never) => Reset::Never,
        (Reset::Containers, _) | (_, Reset::Containers) => Reset::Containers,
        (Reset::Volumes, Reset::Volumes) => Reset::Volumes,
    })
}
