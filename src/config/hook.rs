//! Hooks: what is done at the borders of scenarios and phases.

use std::time::Duration;

use serde::Serialize;

use super::{Call, mask, seconds};

/// Before or after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Before it begins.
    Before,
    /// After its end.
    After,
}

impl When {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            When::Before => "before",
            When::After => "after",
        }
    }
}

/// One hook: `[[hook]]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HookConfig {
    /// Its name, and the beginning of its output's file name.
    pub name: String,
    /// Scenario at whose borders it runs, as `-s` takes it; absent: every one.
    pub scenario: Option<String>,
    /// Phase at whose border it runs; absent: the scenario's own.
    pub phase: Option<String>,
    /// On which side of the border.
    pub when: When,
    /// What is done.
    pub act: HookAct,
    /// After so long it is ended.
    #[serde(serialize_with = "seconds")]
    pub timeout: Duration,
    /// Whether its failure ends the run.
    pub required: bool,
}

impl HookConfig {
    /// Whether it belongs to this border: of a scenario where `phase` is absent, else of a phase.
    #[must_use]
    pub fn is_at(&self, scenario: &str, phase: Option<&str>, when: When) -> bool {
        let here = self.scenario.as_deref().is_none_or(|name| name == scenario);
        here && self.phase.as_deref() == phase && self.when == when
    }
}

/// What a hook does.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HookAct {
    /// A command in a container; for a process service, beside it (`RUNNER_PID` is its pid).
    Exec {
        /// The container's key.
        container: String,
        /// Program and arguments.
        #[serde(serialize_with = "mask::command::serialize")]
        command: Vec<String>,
    },
    /// A command on this machine.
    Command {
        /// Program and arguments.
        #[serde(serialize_with = "mask::command::serialize")]
        command: Vec<String>,
    },
    /// An HTTP call; other answers than 2xx are failures.
    Http {
        /// `service:port` or a URL ([`Address`](super::Address)).
        #[serde(serialize_with = "mask::serialize")]
        address: String,
        /// Method and path.
        call: Call,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_belongs_to_its_border_only() {
        let hook = HookConfig {
            name: "heap".into(),
            scenario: Some("duration".into()),
            phase: Some("active".into()),
            when: When::After,
            act: HookAct::Command { command: vec!["true".into()] },
            timeout: Duration::from_secs(30),
            required: false,
        };
        assert!(hook.is_at("duration", Some("active"), When::After));
        assert!(!hook.is_at("duration", Some("active"), When::Before));
        assert!(!hook.is_at("duration", None, When::After));
        assert!(!hook.is_at("stress", Some("active"), When::After));
        let everywhere = HookConfig { scenario: None, phase: None, ..hook };
        assert!(everywhere.is_at("stress", None, When::After));
    }
}
