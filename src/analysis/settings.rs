//! What the analysis judges by: the part of a config that a re-analysis may change. It is written
//! into summary.json, and read back from a recorded config, where a key may be missing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::{
    Accept, Config, ContainerConfig, Expect, HealthRule, LeakConfig, MetricRule, ResourceConfig,
    StressLimits, Thresholds,
};

/// Thresholds, expectations and what is known about containers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Warning and critical thresholds.
    pub thresholds: Thresholds,
    /// Thresholds of the leak verdict.
    pub leak: LeakConfig,
    /// Growth of what leaks beside memory.
    pub resources: ResourceConfig,
    /// What stops stress; used where a record of the trigger is missing.
    pub stress: StressLimits,
    /// The load metric that stands for throughput in the scalability fit; absent: level times
    /// real-time ratio.
    pub throughput: Option<String>,
    /// What stops a speed step; likewise.
    pub speed: StressLimits,
    /// What is known about single containers.
    pub containers: BTreeMap<String, ContainerConfig>,
    /// What metrics are and what they are judged by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<MetricRule>,
    /// What health checks are and what they are judged by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub health: Vec<HealthRule>,
    /// Cores of a container that has neither effective cores nor a CPU limit; absent: 1.
    pub host_cores: Option<f64>,
    /// Planted findings.
    pub expect: Expect,
    /// Scenarios in which an OOM kill is no finding that fails the run.
    pub expect_oom: Vec<String>,
    /// Known findings.
    pub accept: Vec<Accept>,
    /// Findings that fail a run beside the default ones.
    pub fail_on: Vec<String>,
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Settings {
        let expecting = config.custom.iter().filter(|scenario| scenario.expect_oom);
        Settings {
            thresholds: config.thresholds.clone(),
            leak: config.leak.clone(),
            resources: config.resources.clone(),
            stress: config.stress.limits.clone(),
            throughput: config.stress.throughput.clone(),
            speed: config.speed.limits.clone(),
            containers: config.containers.clone(),
            metrics: config.metrics.iter().map(|metric| metric.rule.clone()).collect(),
            health: config.health.iter().map(|check| check.rule.clone()).collect(),
            host_cores: None,
            expect: config.expect.clone(),
            expect_oom: expecting.map(|scenario| scenario.name.clone()).collect(),
            accept: config.accept.clone(),
            fail_on: config.fail_on.clone(),
        }
    }
}

impl Settings {
    /// What is known about a container.
    #[must_use]
    pub fn container(&self, name: &str) -> ContainerConfig {
        self.containers.get(name).cloned().unwrap_or_default()
    }

    /// Whether a container is left out of thresholds and verdicts.
    #[must_use]
    pub fn ignores(&self, name: &str) -> bool {
        self.containers.get(name).is_some_and(|own| own.ignore)
    }

    /// The leak thresholds of a container: with one of its own, suspect and floor move in
    /// proportion.
    #[must_use]
    pub fn leak_of(&self, name: &str) -> LeakConfig {
        let own = self.container(name).leak_mb_per_min;
        own.map_or_else(|| self.leak.clone(), |own| self.leak.scaled_to(own))
    }

    /// The leak thresholds of GPU memory: with one of its own, suspect and floor move in proportion.
    #[must_use]
    pub fn gpu_leak(&self) -> LeakConfig {
        let own = self.leak.gpu_leak_mb_per_min;
        own.map_or_else(|| self.leak.clone(), |own| self.leak.scaled_to(own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_a_file_and_a_missing_key_is_its_default() {
        let mut settings = Settings::default();
        settings.leak.block_seconds = Some(4.0);
        settings.expect.leak.push("web".into());
        settings.stress.load_below.insert("real_time_ratio".into(), 0.8);
        settings.stress.failed_percent = None;
        let text = serde_json::to_string(&settings).expect("write");
        assert_eq!(serde_json::from_str::<Settings>(&text).expect("read"), settings);
        let sparse: Settings =
            serde_json::from_str(r#"{"leak":{"min_minutes":0.75},"later":1}"#).expect("read");
        assert_eq!(sparse.leak.min_minutes, 0.75);
        assert_eq!(sparse.leak.leak_mb_per_min, 1.0);
        assert_eq!(sparse.stress, StressLimits::default());
    }

    #[test]
    fn a_threshold_of_its_own_moves_the_whole_scale() {
        let mut settings = Settings::default();
        let own = ContainerConfig { leak_mb_per_min: Some(4.0), ..ContainerConfig::default() };
        settings.containers.insert("jvm".into(), own);
        let leak = settings.leak_of("jvm");
        assert_eq!(
            (leak.leak_mb_per_min, leak.suspect_mb_per_min, leak.floor_mb_per_min),
            (4.0, 2.0, 1.0)
        );
        assert_eq!(settings.leak_of("web"), settings.leak);
    }
}
