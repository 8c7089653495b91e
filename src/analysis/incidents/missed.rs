//! Kills that no witness told: totals that outlive a container's group against what was counted.
//!
//! On cgroup version 2 the group above the containers' keeps the kills of removed ones
//! (`memory.events` is hierarchical); on version 1 only the machine as a whole has such a total
//! (`/proc/vmstat`). Both count others' kills too, so that a difference is a hint and not a count.

use serde::{Deserialize, Serialize};

use crate::analysis::dataset::{Columns, Dataset, ScenarioData};
use crate::analysis::incident_counts::IncidentCounts;
use crate::model::Figure;

/// Which total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Total {
    /// Of the groups above the containers'.
    Groups,
    /// Of the whole machine.
    Machine,
}

/// The totals, the nearest first: the machine's has the kills of everybody.
pub(super) const TOTALS: [(Total, Figure); 2] =
    [(Total::Groups, Figure::GroupOomKills), (Total::Machine, Figure::HostOomKills)];

/// A total that rose by more than was witnessed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MissedKills {
    /// The scenario's key.
    pub scenario: String,
    /// OOM kills that the total has.
    pub counted: u64,
    /// OOM kills of the stack's containers that were witnessed.
    pub witnessed: u64,
    /// The total.
    pub total: Total,
}

impl MissedKills {
    /// In words.
    #[must_use]
    pub fn describe(&self) -> String {
        let (counted, witnessed) = (self.counted, self.witnessed);
        let (place, others) = match self.total {
            Total::Groups => ("in the groups above the containers'", "in those groups"),
            Total::Machine => ("on the whole machine", "on the machine"),
        };
        format!(
            "the kernel counted {counted} OOM kills {place}, and {witnessed} of this stack were \
             witnessed: a kill was missed, or something else {others} was killed"
        )
    }
}

/// The scenarios in which a kill was missed.
#[must_use]
pub fn missed_kills(data: &Dataset, incidents: &[IncidentCounts]) -> Vec<MissedKills> {
    data.scenarios.iter().filter_map(|scenario| in_scenario(scenario, incidents)).collect()
}

fn in_scenario(scenario: &ScenarioData, incidents: &[IncidentCounts]) -> Option<MissedKills> {
    let risen = |(total, figure)| Some((total, rise(&scenario.host, figure)?));
    let found = TOTALS.into_iter().find_map(risen);
    let (total, counted) = found?;
    let of_it = incidents.iter().filter(|i| i.scenario == scenario.name);
    let witnessed = of_it.map(|i| i.oom_kills).sum();
    let scenario = scenario.name.clone();
    (counted > witnessed).then_some(MissedKills { scenario, counted, witnessed, total })
}

/// How much a total rose over a scenario. One that falls was begun anew: each rise counts by itself.
fn rise(host: &Columns, total: Figure) -> Option<u64> {
    let values = host.get(total)?.iter().copied().filter(|value| value.is_finite());
    let (mut last, mut sum) = (None, None);
    for value in values {
        let step = last.map_or(0.0, |last: f64| (value - last).max(0.0));
        sum = Some(sum.unwrap_or(0.0) + step);
        last = Some(value);
    }
    sum.map(|sum: f64| sum as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(total: Figure, values: &[Option<f64>]) -> ScenarioData {
        let mut scenario = ScenarioData::new("stress_test");
        scenario.time = (0..values.len()).map(|row| row as f64).collect();
        scenario.host = Columns::new(values.len());
        for (row, value) in values.iter().enumerate() {
            if let Some(value) = value {
                scenario.host.set(total, row, *value);
            }
        }
        scenario
    }

    fn witnessed(oom_kills: u64) -> IncidentCounts {
        let scenario = "stress_test".to_owned();
        IncidentCounts { scenario, container: "web".into(), oom_kills, ..Default::default() }
    }

    #[test]
    fn a_total_that_rises_without_a_witness_is_told_and_one_with_witnesses_is_not() {
        let rising = scenario(Figure::GroupOomKills, &[Some(5.0), None, Some(6.0), Some(7.0)]);
        let missed = in_scenario(&rising, &[witnessed(1)]).expect("missed");
        assert_eq!((missed.counted, missed.witnessed), (2, 1));
        assert!(missed.describe().contains("groups above"), "{}", missed.describe());
        assert_eq!(in_scenario(&rising, &[witnessed(1), witnessed(1)]), None);
        assert_eq!(in_scenario(&scenario(Figure::GroupOomKills, &[Some(7.0); 3]), &[]), None);
    }

    #[test]
    fn the_groups_total_counts_before_the_machine_s_which_has_everybody_s_kills() {
        let mut both = scenario(Figure::HostOomKills, &[Some(1.0), Some(9.0)]);
        assert_eq!(in_scenario(&both, &[]).map(|m| m.total), Some(Total::Machine));
        both.host.set(Figure::GroupOomKills, 0, 3.0);
        both.host.set(Figure::GroupOomKills, 1, 3.0);
        assert_eq!(in_scenario(&both, &[]), None);
    }

    #[test]
    fn no_total_is_no_verdict() {
        assert_eq!(in_scenario(&ScenarioData::new("stress_test"), &[]), None);
    }
}
