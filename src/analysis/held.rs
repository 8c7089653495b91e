//! Which part of a run leaks are judged by: the longest stretch under a steady load.

use std::ops::Range;

use super::dataset::{Dataset, Format, ScenarioData, clip, is_active};

/// A scenario that held a load, and the ticks in which it did.
pub(super) type Held<'a> = (&'a ScenarioData, Range<usize>);

/// The scenario with the longest active phase, and its ticks; in a file without phases (a bare
/// series) all of it.
pub(super) fn leak_scenario(data: &Dataset) -> Option<Held<'_>> {
    longest(data, |_| true)
}

/// The same for one container: of the scenarios in which it was measured.
pub(super) fn leak_scenario_of<'a>(data: &'a Dataset, name: &str) -> Option<Held<'a>> {
    longest(data, |scenario| scenario.series(name).is_some())
}

fn longest(data: &Dataset, counts: impl Fn(&ScenarioData) -> bool) -> Option<Held<'_>> {
    let seconds = |scenario: &ScenarioData, rows: &Range<usize>| {
        let time = &scenario.time[rows.clone()];
        time.first().zip(time.last()).map_or(0.0, |(first, last)| last - first)
    };
    let counted = || data.scenarios.iter().filter(|scenario| counts(scenario));
    let phases = counted().flat_map(|scenario| {
        let active = scenario.phases.iter().filter(|phase| is_active(&phase.name));
        active.map(move |phase| (scenario, clip(&phase.ticks, scenario.time.len())))
    });
    let whole = counted()
        .filter(|s| data.format == Format::SeriesCsv && s.phases.is_empty())
        .map(|s| (s, 0..s.time.len()));
    phases
        .chain(whole)
        .filter(|(_, rows)| !rows.is_empty())
        .max_by(|a, b| seconds(a.0, &a.1).total_cmp(&seconds(b.0, &b.1)))
}
