//! What the answers of a control API say, by the config's JSON pointers. Pure: no network.
//!
//! A number that is not there, or is no number, is absent.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::AgentsLoad;
use crate::model::LoadReport;

/// A finite number at a pointer; a number in quotes counts too.
pub(super) fn number(answer: &Value, pointer: &str) -> Option<f64> {
    let value = match answer.pointer(pointer)? {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    value.is_finite().then_some(value)
}

/// A word at a pointer.
pub(super) fn word(answer: &Value, pointer: &str) -> Option<String> {
    let text = answer.pointer(pointer)?.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_string())
}

/// Adds the numbers that are there.
fn add_numbers(
    metrics: &mut BTreeMap<String, f64>,
    answer: &Value,
    pointers: &BTreeMap<String, String>,
) {
    for (name, pointer) in pointers {
        if let Some(value) = number(answer, pointer) {
            metrics.insert(name.clone(), value);
        }
    }
}

/// Agents still to come; absent when none of the counts is there.
pub(super) fn pending(answer: &Value, pointers: &[String]) -> Option<f64> {
    pointers.iter().filter_map(|pointer| number(answer, pointer)).reduce(|sum, count| sum + count)
}

/// The report that the answers together make.
pub(super) fn report(
    config: &AgentsLoad,
    queued: u32,
    status: &Value,
    spawn_status: Option<&Value>,
    performance: Option<&Value>,
) -> LoadReport {
    let mut metrics = BTreeMap::new();
    add_numbers(&mut metrics, status, &config.status_metrics);
    if let Some(answer) = performance {
        add_numbers(&mut metrics, answer, &config.performance_metrics);
    }
    if let Some(count) = spawn_status.and_then(|answer| pending(answer, &config.pending)) {
        metrics.insert("pending".to_string(), count);
    }
    let per_level = config.spawn.first().map_or(1.0, |spawn| spawn.per_level);
    LoadReport {
        queued: Some(queued),
        active: number(status, &config.active).and_then(|agents| level_of(agents, per_level)),
        speed: number(status, &config.speed_pointer),
        state: word(status, &config.state),
        metrics,
        age_s: None,
    }
}

/// The level that so many agents make, rounded down.
pub(super) fn level_of(agents: f64, per_level: f64) -> Option<u32> {
    // The small surplus keeps 0.3 x 10 agents (2.9999...) at level 10.
    let level = (agents / per_level + 1e-9).floor();
    (0.0..=f64::from(u32::MAX)).contains(&level).then_some(level as u32)
}

/// How many agents of a kind a level asks for.
pub(super) fn agents_for(level: u32, per_level: f64) -> u32 {
    // Saturates; such levels are beyond any API.
    (f64::from(level) * per_level - 1e-9).ceil().max(0.0) as u32
}

/// `count` in calls of at most `max` agents.
pub(super) fn batches(count: u32, max: u32) -> impl Iterator<Item = u32> {
    let max = max.max(1);
    let rest = count % max;
    std::iter::repeat_n(max, (count / max) as usize).chain((rest > 0).then_some(rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pointer_finds_a_number_or_nothing() {
        let answer =
            json!({"a": 1, "b": {"c": [2.5, "3.5"]}, "t": "x", "n": null, "o": true, "a/b": 7});
        for (pointer, wanted) in [
            ("/a", Some(1.0)),
            ("/b/c/0", Some(2.5)),
            ("/b/c/1", Some(3.5)),
            ("/b/c/2", None),
            ("/a~1b", Some(7.0)),
            ("/t", None),
            ("/n", None),
            ("/o", None),
            ("/b", None),
            ("/none", None),
            ("a", None),
        ] {
            assert_eq!(number(&answer, pointer), wanted, "{pointer}");
        }
        assert_eq!(number(&json!({"a": "NaN"}), "/a"), None);
    }

    #[test]
    fn what_is_missing_in_an_answer_is_absent_in_the_report() {
        let config = AgentsLoad::default();
        let empty = report(&config, 3, &json!({}), None, None);
        let wanted = LoadReport { queued: Some(3), ..LoadReport::default() };
        assert_eq!(empty, wanted);
    }

    #[test]
    fn a_full_set_of_answers_fills_the_report() {
        let config = AgentsLoad::default();
        let status = json!({"state": "running", "speed_multiplier": 4, "drivers_total": 10,
            "active_trips_count": 7});
        let spawn = json!({"drivers_pending": 2, "riders_pending": 3});
        let performance = json!({"real_time_ratio": 0.98, "other": 1});
        let report = report(&config, 12, &status, Some(&spawn), Some(&performance));
        assert_eq!(report.active, Some(10));
        assert_eq!(report.speed, Some(4.0));
        assert_eq!(report.state.as_deref(), Some("running"));
        let metrics: Vec<(&str, f64)> =
            report.metrics.iter().map(|(k, v)| (k.as_str(), *v)).collect();
        let wanted = [("active_trips", 7.0), ("pending", 5.0), ("real_time_ratio", 0.98)];
        assert_eq!(metrics, wanted);
    }

    #[test]
    fn half_an_answer_about_pending_agents_still_counts_what_it_says() {
        let pointers = vec!["/a".to_string(), "/b".to_string()];
        assert_eq!(pending(&json!({"a": 2}), &pointers), Some(2.0));
        assert_eq!(pending(&json!({}), &pointers), None);
    }

    #[test]
    fn batches_add_up_and_none_is_too_large() {
        for (count, max, wanted) in [
            (0, 100, vec![]),
            (10, 100, vec![10]),
            (100, 100, vec![100]),
            (250, 100, vec![100, 100, 50]),
            (3, 0, vec![1, 1, 1]),
        ] {
            assert_eq!(batches(count, max).collect::<Vec<_>>(), wanted);
        }
    }

    #[test]
    fn a_level_and_its_agents_agree_in_both_directions() {
        for per_level in [0.1, 0.3, 0.5, 1.0, 1.5, 20.0] {
            for level in [0, 1, 2, 7, 10, 50, 999] {
                let agents = agents_for(level, per_level);
                assert!(
                    level_of(f64::from(agents), per_level) >= Some(level),
                    "{level} {per_level}"
                );
            }
        }
        assert_eq!(agents_for(10, 0.3), 3);
        assert_eq!(level_of(-1.0, 1.0), None);
    }
}
