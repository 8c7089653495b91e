//! Throughput by level of a stress ramp.

use std::ops::Range;

use crate::analysis::dataset::ScenarioData;
use crate::analysis::stats::Sample;

use super::levels::stretches;
use super::usl::Point;

/// The load metric that says which share of the asked-for work is done in time.
const RATIO: &str = "real_time_ratio";

/// Throughput at each level of a scenario, and what it is: the load metric of that name, else
/// level times real-time ratio (agents that are driven in real time). None where the run has
/// neither.
///
/// Each level counts by the median of the ticks wholly within it.
#[must_use]
pub fn throughput(scenario: &ScenarioData, metric: Option<&str>) -> Option<(String, Vec<Point>)> {
    let column = |name: &str| {
        let found = scenario.load_metrics.iter().find(|(known, _)| known == name);
        found.map(|(_, column)| column.as_slice())
    };
    if let Some(name) = metric {
        return Some((name.to_string(), by_level(scenario, column(name)?, |_, value| value)));
    }
    let ratio = column(RATIO)?;
    let points = by_level(scenario, ratio, |level, ratio| level * ratio.clamp(0.0, 1.0));
    Some((format!("level x {RATIO}"), points))
}

fn by_level(scenario: &ScenarioData, column: &[f64], work: impl Fn(f64, f64) -> f64) -> Vec<Point> {
    let loaded = stretches(&scenario.queued).filter(|rows| scenario.queued[rows.start] >= 1.0);
    let point = |rows: Range<usize>| {
        let level = scenario.queued[rows.start];
        // The first tick reaches back into the level before.
        let whole = column.get(rows.start + 1..rows.end.min(column.len()))?;
        let median = Sample::of(whole.iter().copied())?.sorted().median();
        Some(Point { level, throughput: work(level, median) })
    };
    loaded.filter_map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> ScenarioData {
        let mut data = ScenarioData::new("stress_test");
        data.queued = vec![0.0, 10.0, 10.0, 10.0, 20.0, 20.0, 30.0];
        data.time = (0..7).map(f64::from).collect();
        data.load_metrics = vec![
            ("real_time_ratio".into(), vec![1.0, 0.2, 1.0, 1.1, 0.9, 0.8, 0.5]),
            ("trips_per_s".into(), vec![0.0, 0.0, 5.0, 7.0, 0.0, 9.0, 9.0]),
        ];
        data
    }

    #[test]
    fn levels_count_by_the_ticks_wholly_within_them() {
        let (name, points) = throughput(&ramp(), None).expect("a ratio");
        assert_eq!(name, "level x real_time_ratio");
        let expected = [(10.0, 10.0), (20.0, 16.0)];
        let found: Vec<_> = points.iter().map(|p| (p.level, p.throughput)).collect();
        assert_eq!(found, expected);
        let (name, points) = throughput(&ramp(), Some("trips_per_s")).expect("a metric");
        assert_eq!((name.as_str(), points.len(), points[0].throughput), ("trips_per_s", 2, 6.0));
    }

    #[test]
    fn a_metric_that_is_not_there_gives_nothing() {
        assert!(throughput(&ramp(), Some("requests_per_s")).is_none());
        assert!(throughput(&ScenarioData::new("stress_test"), None).is_none());
    }
}
