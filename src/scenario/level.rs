//! Load levels that follow from what an earlier scenario found.

use crate::config::Level;

/// What earlier scenarios of this run found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Inputs {
    /// Level queued when stress was stopped.
    pub max_level: Option<u32>,
    /// Highest level below the first that reached a threshold.
    pub sustained_level: Option<u32>,
    /// Level of the duration scenario.
    pub duration_level: Option<u32>,
}

/// A scenario refers to something that is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "it needs {of}, which only the {scenario} scenario gives: run `-s {scenario}` too, \
     or give the level with `--agents N`"
)]
pub struct MissingInput {
    /// What is referred to.
    pub of: String,
    /// The scenario that would give it.
    pub scenario: &'static str,
}

/// Everything that a level can refer to.
pub const REFERENCES: &[&str] = &["stress.max_level", "stress.sustained_level", "duration.level"];

/// The level meant: a reference is divided, rounded down, and at least 1.
///
/// # Errors
/// When it refers to something that no scenario has found.
pub fn resolve(level: &Level, inputs: &Inputs) -> Result<u32, MissingInput> {
    match level {
        Level::Fixed(level) => Ok(*level),
        Level::Reference { of, divisor } => {
            let base = lookup(of, inputs)?;
            Ok(divided(base, *divisor))
        }
    }
}

/// `base / divisor`, rounded down, at least 1.
#[must_use]
pub fn divided(base: u32, divisor: f64) -> u32 {
    let level = (f64::from(base) / divisor).floor();
    if level >= 1.0 { level as u32 } else { 1 }
}

fn lookup(of: &str, inputs: &Inputs) -> Result<u32, MissingInput> {
    let (value, scenario) = match of {
        "stress.max_level" => (inputs.max_level, "stress"),
        "stress.sustained_level" => (inputs.sustained_level, "stress"),
        _ => (inputs.duration_level, "duration"),
    };
    value.ok_or_else(|| MissingInput { of: of.to_string(), scenario })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_divided_and_rounded_down_but_at_least_one() {
        let inputs = Inputs { max_level: Some(51), ..Inputs::default() };
        assert_eq!(resolve(&Level::reference("stress.max_level", 2.0), &inputs), Ok(25));
        assert_eq!(resolve(&Level::reference("stress.max_level", 1024.0), &inputs), Ok(1));
        assert_eq!(resolve(&Level::Fixed(7), &inputs), Ok(7));
    }

    #[test]
    fn a_missing_input_names_the_scenario_and_the_flag_that_give_it() {
        let missing = resolve(&Level::reference("stress.max_level", 2.0), &Inputs::default());
        let message = missing.expect_err("missing").to_string();
        assert!(message.contains("-s stress") && message.contains("--agents"), "{message}");
    }
}
