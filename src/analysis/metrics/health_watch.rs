//! Health while a run goes on: thresholds once the baseline is over, and states that get worse.

use super::health::{Baseline, HealthLimits, HealthState, Origin, Track};
use crate::config::HealthRule;
use crate::model::{HealthCheck, Tick};

/// Follows all health checks of a run.
#[derive(Debug, Clone, Default)]
pub struct HealthWatch {
    services: Vec<Service>,
    scenario: String,
}

#[derive(Debug, Clone)]
struct Service {
    rule: HealthRule,
    idle_ms: Vec<f64>,
    limits: Option<HealthLimits>,
    track: Track,
    worst: HealthState,
}

impl HealthWatch {
    /// Follows these.
    #[must_use]
    pub fn new(rules: impl IntoIterator<Item = HealthRule>) -> HealthWatch {
        let service = |rule: HealthRule| Service {
            idle_ms: Vec::new(),
            limits: None,
            track: Track::new(None, rule.window_s),
            worst: HealthState::Healthy,
            rule,
        };
        HealthWatch { services: rules.into_iter().map(service).collect(), scenario: String::new() }
    }

    /// Hears a tick; answers what is worth a warning: a state worse than any before in its
    /// scenario. Ticks that are no results take no part.
    pub fn tick(&mut self, tick: &Tick) -> Vec<String> {
        if self.services.is_empty() || tick.priming {
            return Vec::new();
        }
        let idle = tick.scenario == "baseline";
        if tick.scenario != self.scenario {
            self.scenario = tick.scenario.clone();
            self.services.iter_mut().for_each(|service| service.begin(idle));
        }
        let mut warnings = Vec::new();
        for service in &mut self.services {
            for check in tick.watched.health.get(&service.rule.name).into_iter().flatten() {
                if idle {
                    service.idle_ms.extend(check.ms);
                }
                warnings.extend(service.check(check));
            }
        }
        warnings
    }
}

impl Service {
    fn begin(&mut self, idle: bool) {
        if idle {
            self.idle_ms.clear();
        }
        let baseline = Baseline::of(self.idle_ms.iter().copied());
        let limits = HealthLimits::of(&self.rule, baseline.as_ref()).ok();
        self.limits = limits.filter(|limits| limits.origin == Origin::Given || !idle);
        self.track = Track::new(self.limits, self.rule.window_s);
        self.worst = HealthState::Healthy;
    }

    fn check(&mut self, check: &HealthCheck) -> Option<String> {
        let state = self.track.check(check);
        if state <= self.worst {
            return None;
        }
        self.worst = state;
        let name = &self.rule.name;
        let (Some(limits), Some(mean)) = (self.limits, self.track.mean_ms()) else {
            return Some(format!("health {name}: {}", state.name()));
        };
        let threshold = match state {
            HealthState::Degraded => limits.degraded_ms,
            HealthState::Unhealthy => limits.unhealthy_ms,
            _ => return Some(format!("health {name}: {}", state.name())),
        };
        let origin = match limits.origin {
            Origin::Given => "",
            Origin::Calibrated => ", calibrated from the baseline",
        };
        Some(format!(
            "health {name}: {}, mean {mean:.1} ms >= {threshold:.1} ms{origin}",
            state.name()
        ))
    }
}
