//! Metrics and health checks in whole runs: a backlog of two for each level, and answers that take
//! 2 ms and a tenth more for each level.

use std::collections::BTreeMap;
use std::time::Duration;

use super::fake::{Bench, Shared};
use crate::config::{HealthConfig, HealthRule, MetricConfig, MetricRule, Pick};
use crate::model::{EventKind, Gap, HealthCheck, Measured, SourceKind, Watched};
use crate::session::ticker::Watch;

/// What a tick takes of the world; `silent` has nothing to say but why.
pub fn watch(world: Shared) -> Watch {
    Box::new(move |now, _| {
        let level = f64::from(world.lock().expect("the world").level);
        let mut watched = Watched::default();
        let reading = Measured { value: 2.0 * level, at: now, life: 0 };
        watched.gauges.insert("backlog".into(), reading);
        let check = HealthCheck { at: now, ms: Some(2.0 + level / 10.0) };
        watched.health.insert("web".into(), vec![check]);
        let reason = "metric silent: no answer within 2 s".to_string();
        (watched, vec![Gap { source: SourceKind::Custom, container: None, reason }])
    })
}

fn bench() -> Bench {
    let mut bench = Bench::new();
    let second = Duration::from_secs(1);
    bench.config.metrics = vec![MetricConfig {
        rule: MetricRule::named("backlog"),
        address: "web:80".into(),
        pick: Pick::Pointer("/backlog".into()),
        interval: second,
        timeout: second,
        headers: BTreeMap::new(),
    }];
    let rule = HealthRule {
        degraded_ms: Some(3.0),
        unhealthy_ms: Some(100.0),
        ..HealthRule::named("web")
    };
    bench.config.health = vec![HealthConfig {
        rule,
        address: "web:80".into(),
        interval: second,
        timeout: second,
        headers: BTreeMap::new(),
    }];
    bench
}

#[tokio::test(start_paused = true)]
async fn a_metric_stops_stress_before_any_container_does() {
    let mut bench = bench();
    bench.config.stress.limits.metric_above.insert("backlog".into(), 50.0);
    let ran = bench.run(&["stress"]).await;
    let metadata = ran.metadata("stress_test");
    assert_eq!(metadata["trigger"]["container"], "metric");
    assert_eq!(metadata["trigger"]["metric"], "backlog");
    assert_eq!(metadata["trigger"]["threshold"], 50.0);
    let level = metadata["max_level"].as_u64().expect("a level");
    assert!((30..50).contains(&level), "{metadata}");
}

#[tokio::test(start_paused = true)]
async fn a_latency_is_a_threshold_too_and_its_state_a_warning() {
    let mut bench = bench();
    bench.config.stress.limits.metric_above.insert("health.web".into(), 4.5);
    let ran = bench.run(&["baseline", "stress"]).await;
    let metadata = ran.metadata("stress_test");
    assert_eq!(metadata["trigger"]["metric"], "health.web");
    let warnings = ran.world.events.iter().filter_map(|event| match &event.kind {
        EventKind::Warning { message } => Some(message.as_str()),
        _ => None,
    });
    let told: Vec<&str> = warnings.filter(|text| text.starts_with("health")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("health web: degraded, mean 3."), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn every_tick_carries_what_is_watched_and_what_is_silent_is_a_gap() {
    let ran = bench().run(&["baseline"]).await;
    assert!(!ran.world.ticks.is_empty());
    for tick in &ran.world.ticks {
        assert_eq!(tick.watched.gauges["backlog"].value, 0.0);
        assert_eq!(tick.watched.health["web"][0].ms, Some(2.0));
        assert!(tick.gaps.iter().any(|gap| gap.source == SourceKind::Custom));
        assert_eq!(tick.late_s, None);
    }
}
