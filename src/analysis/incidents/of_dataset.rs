//! The same verdicts from a dataset: its events, and the kernel's counters in its columns.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};

use crate::analysis::dataset::{Dataset, OomEvent, ScenarioData, Series};
use crate::analysis::incident_counts::IncidentCounts;
use crate::model::{Event, EventKind, Figure, StackEvent, StackEventKind};

use super::missed::TOTALS;
use super::replay::{GROUP, MakeGroup, feed_event};
use super::{Classifier, Incident, IncidentKind, Total, Totals};

/// Incidents of one scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct InScenario {
    /// The scenario's key.
    pub scenario: String,
    /// What happened in it, in order of time.
    pub incidents: Vec<Incident>,
    /// Sums by container.
    pub totals: Vec<(String, Totals)>,
}

/// Judges each scenario of a run that has a journal; empty where there is none.
#[must_use]
pub fn of_dataset(data: &Dataset) -> Vec<InScenario> {
    if data.events.is_empty() {
        return Vec::new();
    }
    let events = by_scenario(&data.events);
    let of = |scenario: &ScenarioData| events.get(scenario.name.as_str()).copied();
    let scenarios = data.scenarios.iter();
    scenarios.map(|scenario| in_scenario(scenario, of(scenario).unwrap_or_default())).collect()
}

/// What the analysis counts, from the incidents.
#[must_use]
pub fn counts(scenarios: &[InScenario]) -> Vec<IncidentCounts> {
    let mut all = Vec::new();
    for scenario in scenarios {
        for (container, totals) in &scenario.totals {
            let lines: Vec<String> = scenario
                .incidents
                .iter()
                .filter(|incident| incident.container == *container)
                .map(describe)
                .collect();
            if lines.is_empty() && *totals == Totals::default() {
                continue;
            }
            all.push(IncidentCounts {
                scenario: scenario.scenario.clone(),
                container: container.clone(),
                oom_kills: totals.oom_kills,
                restarts: totals.restarts,
                crashes: totals.crashes,
                about: totals.about,
                cause: cause(scenario, container),
                lines,
            });
        }
    }
    all
}

/// Why a container was started again where it neither crashed nor was killed, as far as all its
/// restarts have one cause.
fn cause(scenario: &InScenario, container: &str) -> Option<String> {
    let of_it = scenario.incidents.iter().filter(|i| i.container == container);
    let kinds: Vec<IncidentKind> = of_it.map(|incident| incident.kind).collect();
    let known = kinds.contains(&IncidentKind::Exit) && !kinds.contains(&IncidentKind::Restart);
    known.then(|| "it ended by itself with exit code 0".to_owned())
}

/// The entries of `oom_events` in results.json: OOM kills only, one entry a kill.
#[must_use]
pub fn oom_events(scenario: &InScenario) -> Vec<OomEvent> {
    let mut events = Vec::new();
    let mut restarts_of: BTreeMap<&str, u64> = BTreeMap::new();
    for incident in scenario.incidents.iter().filter(|incident| incident.kind.is_oom()) {
        let ended = incident.kind == IncidentKind::OomMain;
        for _ in 0..incident.kills.max(u64::from(ended)) {
            let known = restarts_of.entry(&incident.container).or_default();
            let restarts = *known;
            *known += u64::from(ended);
            events.push(OomEvent {
                container_name: incident.container.clone(),
                timestamp: incident.t,
                timestamp_iso: iso(incident.t),
                previous_restart_count: restarts,
                current_restart_count: restarts + u64::from(ended),
                kind: Some(if ended { "main_oom_killed" } else { "child_oom_killed" }.to_string()),
            });
        }
    }
    events
}

/// An incident as a line for people.
#[must_use]
pub fn describe(incident: &Incident) -> String {
    let name = &incident.container;
    let code = incident.exit_code.map_or(String::new(), |code| format!(" (exit code {code})"));
    let what = match incident.kind {
        IncidentKind::OomMain => format!("was OOM-killed{code}"),
        IncidentKind::OomChild => {
            let then = match incident.exit_code {
                Some(code) => format!("and ended with exit code {code}"),
                None => "and went on".to_owned(),
            };
            format!("had {} of its processes OOM-killed, {then}", incident.kills.max(1))
        }
        IncidentKind::Crash => format!("crashed{code}"),
        IncidentKind::Restart => "was started again, cause not recorded".to_string(),
        IncidentKind::Exit => "ended by itself with exit code 0".to_string(),
        IncidentKind::Stopped => "was stopped from outside".to_string(),
        IncidentKind::Recreated => "was recreated from outside".to_string(),
    };
    format!("{name} {what}: {}", incident.evidence.join("; "))
}

fn in_scenario(scenario: &ScenarioData, events: &[Event]) -> InScenario {
    let mut classifier = Classifier::offline();
    classifier.set_resetting(true);
    let counters = Counters::new(scenario, events);
    let mut rows = (0..scenario.time.len()).peekable();
    for event in events.iter().filter(|event| !is_late(event, events)) {
        while let Some(row) = rows.next_if(|row| scenario.time[*row] <= event.at) {
            counters.feed(&mut classifier, row);
        }
        feed_event(&mut classifier, event);
    }
    rows.for_each(|row| counters.feed(&mut classifier, row));
    InScenario {
        scenario: scenario.name.clone(),
        incidents: classifier.finish(),
        totals: classifier.totals().into_iter().collect(),
    }
}

/// The kernel's log is told some seconds late: a kill from before this scenario is not its own.
fn is_late(event: &Event, scenario: &[Event]) -> bool {
    let EventKind::Stack(StackEvent { t, kind: StackEventKind::KernelOom { .. }, .. }) =
        &event.kind
    else {
        return false;
    };
    scenario.first().is_some_and(|start| *t < start.t)
}

/// The events from the first start of each scenario to the start of the next.
fn by_scenario(events: &[Event]) -> HashMap<&str, &[Event]> {
    let starts = |event: &Event| matches!(event.kind, EventKind::ScenarioStart { .. });
    let mut all = HashMap::new();
    // Each part but one before the first start begins with a start.
    for part in events.chunk_by(|_, next| !starts(next)) {
        if let Some(EventKind::ScenarioStart { scenario, .. }) = part.first().map(|e| &e.kind) {
            all.entry(scenario.as_str()).or_insert(part);
        }
    }
    all
}

/// Seconds around an event in which every reading is told.
const NEAR_S: f64 = 30.0;

/// The kernel's counters of a scenario. A reading that says what the one before said settles
/// something only near an event: of millions of readings most are passed over.
struct Counters<'a> {
    scenario: &'a ScenarioData,
    columns: Vec<Column<'a>>,
    totals: Vec<(Total, &'a [f64])>,
    near: Vec<bool>,
    /// Kills that may still be told by counters.
    left: Cell<f64>,
}

/// One figure of one container's group.
struct Column<'a> {
    series: &'a Series,
    values: &'a [f64],
    figure: Figure,
    make: MakeGroup,
}

/// Kills of one scenario that counters may tell: each is an incident with its words, and a file
/// that is wrong throughout must not ask for more memory than there is.
const MOST_KILLS: f64 = 100_000.0;

impl<'a> Counters<'a> {
    fn new(scenario: &'a ScenarioData, events: &[Event]) -> Counters<'a> {
        let columns = |series: &'a Series| {
            let column = move |(figure, make): (Figure, MakeGroup)| {
                let values = series.columns.get(figure)?;
                Some(Column { series, values, figure, make })
            };
            GROUP.into_iter().filter_map(column)
        };
        let mut near = vec![false; scenario.time.len()];
        let about = |e: &&Event| matches!(e.kind, EventKind::Stack(_) | EventKind::Container(_));
        for event in events.iter().filter(about) {
            let row = |at: f64| scenario.time.partition_point(|t| *t < at);
            // With a long interval at least the readings on either side.
            let from = row(event.at - NEAR_S).saturating_sub(1);
            let to = (row(event.at + NEAR_S) + 2).min(near.len());
            if let Some(rows) = near.get_mut(from..to) {
                rows.fill(true);
            }
        }
        Counters {
            scenario,
            columns: scenario.containers.iter().flat_map(columns).collect(),
            totals: TOTALS
                .into_iter()
                .filter_map(|(total, figure)| Some((total, scenario.host.get(figure)?)))
                .collect(),
            near,
            left: Cell::new(MOST_KILLS),
        }
    }

    fn feed(&self, classifier: &mut Classifier, row: usize) {
        let near = self.near.get(row).copied().unwrap_or(true);
        let t = self.scenario.wall.get(row).copied().unwrap_or_default();
        let finite = |column: &[f64]| column.get(row).copied().filter(|v| v.is_finite());
        for (total, column) in &self.totals {
            if let Some(kills) = finite(column) {
                classifier.total(*total, t, kills as u64);
            }
        }
        let life = |series: &Series, row: usize| series.incarnation.get(row).copied().unwrap_or(0);
        for Column { series, values, figure, make } in &self.columns {
            let Some(value) = finite(values) else { continue };
            let before = row.checked_sub(1).and_then(|before| Some((before, values.get(before)?)));
            let same = |(before, earlier): (usize, &f64)| {
                *earlier == value && life(series, before) == life(series, row)
            };
            // Threads come and go; whether there are any is what matters.
            let moves = match figure {
                Figure::Pids => value == 0.0 || before.is_some_and(|(_, earlier)| *earlier == 0.0),
                _ => true,
            };
            if !near && (before.is_some_and(same) || !moves) {
                continue;
            }
            if *figure == Figure::OomKills {
                let rise = before.map_or(value, |(_, earlier)| value - earlier).max(0.0);
                if rise > self.left.get() {
                    continue;
                }
                self.left.set(self.left.get() - rise);
            }
            classifier.group(&series.name, life(series, row), t, make(value as u64));
        }
    }
}

fn iso(t: f64) -> String {
    let micros = (t * 1e6) as i64;
    chrono::DateTime::from_timestamp_micros(micros)
        .map_or_else(String::new, |t| t.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::incidents::Confidence;

    fn incident(kind: IncidentKind, kills: u64) -> Incident {
        Incident {
            container: "web".into(),
            t: 1_795_230_893.5,
            kind,
            kills,
            exit_code: Some(137),
            evidence: vec!["an oom event".into()],
            confidence: Confidence::High,
        }
    }

    #[test]
    fn only_oom_kills_become_oom_events_and_each_kill_is_one() {
        let scenario = InScenario {
            scenario: "stress_test".into(),
            incidents: vec![
                incident(IncidentKind::Crash, 0),
                incident(IncidentKind::OomChild, 2),
                incident(IncidentKind::OomMain, 1),
            ],
            totals: vec![],
        };
        let events = oom_events(&scenario);
        let kinds: Vec<&str> = events.iter().filter_map(|e| e.kind.as_deref()).collect();
        assert_eq!(kinds, ["child_oom_killed", "child_oom_killed", "main_oom_killed"]);
        assert_eq!(events[2].timestamp_iso, "2026-11-21T03:14:53.500Z");
        assert_eq!((events[2].previous_restart_count, events[2].current_restart_count), (0, 1));
    }
}
