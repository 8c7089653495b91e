//! Naming the task, or saying why none is named.

use serde::{Deserialize, Serialize};

use crate::config::LeakConfig;

use super::TaskEffect;
use super::turns::LEAST_ROUNDS;

/// Which task makes a container grow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Attribution {
    /// These tasks leak: their intervals lie above the floor, and above those of the tasks that are
    /// not sure to.
    Named {
        /// The tasks, the largest growth first.
        tasks: Vec<String>,
        /// Tasks that may leak too, the largest estimate first: the estimate reaches the rate of a
        /// leak, the interval does not tell.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        undecided: Vec<String>,
    },
    /// Something grows, but the intervals of these tasks do not separate from the others'.
    NotSeparated {
        /// Those that may be it, the largest growth first.
        tasks: Vec<String>,
    },
    /// No task makes it grow by more than the floor.
    NoGrowth,
    /// Too few rounds were measured.
    TooFewRounds {
        /// The fewest that a task has.
        rounds: u32,
    },
}

impl Attribution {
    /// The tasks that are named.
    #[must_use]
    pub fn culprits(&self) -> &[String] {
        match self {
            Attribution::Named { tasks, .. } => tasks,
            _ => &[],
        }
    }
}

/// A task leaks by the rule that a container does: the estimate reaches `leak_mb_per_min` and the
/// lower end of its interval lies above `floor_mb_per_min`, both at the rate of its turns. It is named
/// where its interval lies wholly above those of all tasks of which that cannot be said. A task whose
/// estimate is that of a leak but whose interval is wide does not hide another that stands out: it is
/// told as undecided beside it.
#[must_use]
pub fn attribute(effects: &[TaskEffect], leak: &LeakConfig) -> Attribution {
    let fewest = effects.iter().map(|effect| effect.rounds).min().unwrap_or(0);
    if (fewest as usize) < LEAST_ROUNDS {
        return Attribution::TooFewRounds { rounds: fewest };
    }
    let mut growing: Vec<&TaskEffect> = effects.iter().filter(|e| reaches(e, leak)).collect();
    growing.sort_by(|a, b| b.mb_per_min.unwrap_or(0.0).total_cmp(&a.mb_per_min.unwrap_or(0.0)));
    let names = |all: &[&TaskEffect]| all.iter().map(|effect| effect.task.clone()).collect();
    if growing.is_empty() {
        return Attribution::NoGrowth;
    }
    let unsure_high = effects
        .iter()
        .filter(|effect| !(reaches(effect, leak) && is_sure(effect, leak)))
        .filter_map(|effect| effect.ci_high)
        .fold(f64::NEG_INFINITY, f64::max);
    let is_separate = |effect: &TaskEffect| effect.ci_low.is_some_and(|low| low > unsure_high);
    let (named, undecided): (Vec<_>, Vec<_>) =
        growing.into_iter().partition(|effect| is_sure(effect, leak) && is_separate(effect));
    if named.is_empty() {
        return Attribution::NotSeparated { tasks: names(&undecided) };
    }
    Attribution::Named { tasks: names(&named), undecided: names(&undecided) }
}

fn reaches(effect: &TaskEffect, leak: &LeakConfig) -> bool {
    effect.mb_per_min.is_some_and(|rate| rate >= leak.leak_mb_per_min)
}

fn is_sure(effect: &TaskEffect, leak: &LeakConfig) -> bool {
    let (Some(low), Some(estimate), Some(rate)) =
        (effect.ci_low, effect.bytes_per_unit, effect.mb_per_min)
    else {
        return false;
    };
    // The rate of the estimate, at the lower end.
    estimate > 0.0 && low * rate / estimate > leak.floor_mb_per_min
}
