//! What a container keeps of each task's work, with intervals.

use crate::analysis::isolate::{Attribution, IsolatedContainer, Isolation};
use crate::report::chart::{IntervalRow, Intervals};

use super::{Chart, Source, Spec};

/// Charts that are drawn at most.
const MOST: usize = 12;

/// One chart for each container that grows; for the one that may grow most where none does.
pub fn charts(source: Source<'_>) -> Vec<Chart> {
    let Some(isolation) = &source.analysis.isolation else { return Vec::new() };
    let grows = |c: &&IsolatedContainer| {
        matches!(c.attribution, Attribution::Named { .. } | Attribution::NotSeparated { .. })
    };
    let mut shown: Vec<&IsolatedContainer> = isolation.containers.iter().filter(grows).collect();
    if shown.is_empty() {
        let most = |c: &IsolatedContainer| {
            c.effects.iter().filter_map(|e| e.ci_high).fold(f64::NEG_INFINITY, f64::max)
        };
        let largest = isolation.containers.iter().max_by(|a, b| most(a).total_cmp(&most(b)));
        shown.extend(largest);
    }
    shown.truncate(MOST);
    // By number: a name from outside is no file name.
    let names = (1..).map(|n| if n == 1 { "tasks".to_string() } else { format!("tasks_{n}") });
    let shown = shown.into_iter().zip(names);
    shown.map(|(container, name)| chart(source, isolation, container, name)).collect()
}

fn chart(
    source: Source<'_>,
    isolation: &Isolation,
    container: &IsolatedContainer,
    name: String,
) -> Chart {
    let culprits = container.attribution.culprits();
    let rows = container.effects.iter().map(|effect| IntervalRow {
        name: effect.task.clone(),
        value: kb(effect.bytes_per_unit, effect.ci_low, effect.ci_high),
        marked: culprits.contains(&effect.task),
    });
    let level = container.effects.first().map_or(0.95, |effect| effect.ci_level);
    Chart {
        folder: "isolate",
        name,
        spec: Spec::Intervals(Intervals {
            title: format!("What {} keeps of each task", container.container),
            subtitle: format!(
                "{}, {} rounds, without what grows when nothing runs; {:.1} % intervals · run {}",
                container.figure,
                isolation.rounds,
                100.0 * level,
                source.analysis.test_id
            ),
            label: "Kept".to_string(),
            unit: format!("KB per {}", isolation.unit),
            rows: rows.collect(),
        }),
    }
}

fn kb(value: Option<f64>, low: Option<f64>, high: Option<f64>) -> Option<(f64, f64, f64)> {
    Some((value? / 1024.0, low? / 1024.0, high? / 1024.0))
}
