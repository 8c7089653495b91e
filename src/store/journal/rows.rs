//! The rows of a journal, made into the columns of its scenarios.

use std::collections::HashMap;

use super::dense::Dense;
use super::parse::{Head, Sink, Tail};
use super::scenario::GrowingScenario;
use super::stored_container::{Placed, ReadSeries};
use crate::model::rates::{LastCounters, derive_device, derive_each, derive_tick};
use crate::model::{Figure, FigureSet, Kind, MetricRates, SourceKind};
use crate::store::columns::{Budget, Growing, Table, TooSparse};
use crate::store::json::Text;

/// What a container says now, and what its counters said before, over all scenarios.
#[derive(Debug)]
struct Pair {
    name: String,
    previous: LastCounters,
    current: Box<Dense>,
}

/// Takes the rows of all lines.
#[derive(Debug)]
pub(super) struct Rows {
    pub scenarios: Vec<GrowingScenario>,
    pub budget: Budget,
    pub failed: Option<TooSparse>,
    /// Ticks that came twice or out of order.
    pub disordered: bool,
    pairs: Vec<Pair>,
    index: HashMap<String, usize>,
    /// The latest scenario of a name.
    named: HashMap<String, usize>,
    host: Option<(f64, FigureSet, FigureSet)>,
    metrics: MetricRates,
    /// Of the line being read: its scenario, whether its rows are results, the sample's number.
    scenario: usize,
    kept: bool,
    sample: usize,
    pair: usize,
}

impl Rows {
    pub(super) fn new(scenarios: Vec<GrowingScenario>) -> Rows {
        let named = scenarios.iter().enumerate().map(|(at, s)| (s.data.name.clone(), at));
        Rows {
            named: named.collect(),
            scenarios,
            budget: Budget::new(0),
            failed: None,
            disordered: false,
            pairs: Vec::new(),
            index: HashMap::new(),
            host: None,
            metrics: MetricRates::default(),
            scenario: 0,
            kept: false,
            sample: 0,
            pair: 0,
        }
    }

    /// Where the line that was read last went.
    pub(super) fn placed(&self) -> Placed {
        let rows = self.scenarios.get(self.scenario).map_or(0, GrowingScenario::rows);
        (self.scenario, self.kept.then(|| rows.saturating_sub(1)))
    }

    /// Takes a container's series of a scenario, behind those that are there.
    pub(super) fn adopt(
        &mut self,
        scenario: usize,
        name: &str,
        series: ReadSeries,
    ) -> Result<(), TooSparse> {
        let columns = Growing::of(&mut self.budget, series.columns, series.left_out)?;
        if let Some(scenario) = self.scenarios.get_mut(scenario) {
            scenario.table.adopt(name, columns, series.incarnation);
        }
        Ok(())
    }

    /// Takes what a container's counters said last.
    pub(super) fn adopt_last(&mut self, name: String, previous: LastCounters) {
        self.index.insert(name.clone(), self.pairs.len());
        let current = Box::new(Dense::new());
        self.pairs.push(Pair { name, previous, current });
    }

    /// Takes back what a line that turned out broken has set already.
    pub(super) fn rollback(&mut self) {
        if let Some(scenario) = self.scenarios.get_mut(self.scenario) {
            let rows = scenario.rows();
            scenario.table.truncate(rows);
        }
    }

    fn find_pair(&mut self, name: Text<'_>) -> usize {
        if self.pairs.get(self.sample).is_some_and(|pair| name.is(&pair.name)) {
            return self.sample;
        }
        let name = name.decode();
        if let Some(at) = self.index.get(name.as_ref()) {
            return *at;
        }
        self.pairs.push(Pair {
            name: name.to_string(),
            previous: LastCounters::default(),
            current: Box::new(Dense::new()),
        });
        self.index.insert(name.into_owned(), self.pairs.len() - 1);
        self.pairs.len() - 1
    }

    /// Host and runner rates since the tick before, whichever scenario that was in.
    fn tick_figures(&mut self, at: f64, tail: &Tail) -> (FigureSet, FigureSet) {
        let (mut host, mut runner) = (tail.host.clone(), tail.runner.clone());
        if let Some((before, host_before, runner_before)) = &self.host {
            host.fill_from(&derive_tick(host_before, &tail.host, at - before));
            runner.fill_from(&derive_tick(runner_before, &tail.runner, at - before));
        }
        self.host = Some((at, tail.host.clone(), tail.runner.clone()));
        (host, runner)
    }
}

impl Sink for Rows {
    fn head(&mut self, head: &Head) -> bool {
        self.scenario = self.named.get(&head.scenario).copied().unwrap_or_else(|| {
            self.scenarios.push(GrowingScenario::new(&head.scenario));
            self.named.insert(head.scenario.clone(), self.scenarios.len() - 1);
            self.scenarios.len() - 1
        });
        self.sample = 0;
        self.kept = false;
        self.disordered = false;
        if let Some(scenario) = self.scenarios.get_mut(self.scenario) {
            let sampled = scenario.phase_of(head).is_some_and(|phase| phase.sampled);
            self.disordered = scenario.data.time.last().is_some_and(|last| head.at <= *last);
            self.kept = sampled && !head.priming && !self.disordered;
        }
        !self.disordered
    }

    fn sample(&mut self, name: Text<'_>, incarnation: u32) {
        self.pair = self.find_pair(name);
        if let Some(pair) = self.pairs.get_mut(self.pair) {
            pair.current.begin(incarnation);
        }
    }

    fn part(&mut self, source: SourceKind, at: f64) {
        if let Some(pair) = self.pairs.get_mut(self.pair) {
            pair.current.part(source, at);
        }
    }

    #[inline]
    fn figure(&mut self, figure: Figure, value: f64) {
        if let Some(pair) = self.pairs.get_mut(self.pair) {
            pair.current.set(figure, value);
        }
    }

    fn end_sample(&mut self) {
        let guess = self.sample;
        self.sample += 1;
        let (Some(pair), Some(scenario)) =
            (self.pairs.get_mut(self.pair), self.scenarios.get_mut(self.scenario))
        else {
            return;
        };
        if self.kept {
            let row = scenario.data.time.len();
            let at = scenario.table.find_known(guess, &pair.name);
            let put = put_row(&mut scenario.table, &mut self.budget, at, row, pair);
            if let Err(sparse) = put {
                self.failed = Some(sparse);
            }
        }
        pair.previous.note(&*pair.current);
    }

    fn tail(&mut self, head: &Head, mut tail: Tail) {
        if self.disordered {
            return;
        }
        let (host, runner) = self.tick_figures(head.at, &tail);
        let watched = std::mem::take(&mut tail.watched);
        let metrics = self.metrics.figures(&watched);
        let Some(scenario) = self.scenarios.get_mut(self.scenario) else {
            return;
        };
        if !self.kept {
            return;
        }
        // A gap counts where a result lacks something; streams that are only just opening do not.
        for gap in std::mem::take(&mut tail.gaps) {
            scenario.gap(gap.source, gap.reason);
        }
        let row = scenario.rows();
        let columns = [(&mut scenario.host, host), (&mut scenario.runner, runner)];
        for (columns, figures) in columns {
            for (figure, value) in figures.iter() {
                if let Err(sparse) = columns.put(&mut self.budget, figure, row, value) {
                    self.failed = Some(sparse);
                }
            }
        }
        if let Err(sparse) = put_devices(scenario, &mut self.budget, &tail, row) {
            self.failed = Some(sparse);
        }
        scenario.load(&tail, row);
        scenario.watched(metrics, watched.health, row);
        scenario.data.time.push(head.at);
        scenario.data.wall.push(head.t);
        if let Some(span) = scenario.phase_of(head) {
            if span.phase.ticks.is_empty() {
                span.phase.ticks = row..row;
            }
            span.phase.ticks.end = row + 1;
            if !span.ended {
                span.phase.end = head.at;
            }
        }
    }
}

fn put_devices(
    scenario: &mut GrowingScenario,
    budget: &mut Budget,
    tail: &Tail,
    row: usize,
) -> Result<(), TooSparse> {
    for (key, read) in &tail.devices {
        let at = scenario.devices.find_name(key);
        let mut figures = derive_device(read);
        figures.fill_from(read);
        for (figure, value) in figures.iter() {
            scenario.devices.put(budget, at, figure, row, value)?;
        }
    }
    Ok(())
}

fn put_row(
    table: &mut Table,
    budget: &mut Budget,
    at: usize,
    row: usize,
    pair: &Pair,
) -> Result<(), TooSparse> {
    let current = &*pair.current;
    for &figure in &current.present {
        if figure.row().kind != Kind::Rate
            && table.wants(at, figure)
            && let Some(value) = current.value(figure)
        {
            table.put(budget, at, figure, row, value)?;
        }
    }
    let mut done = Ok(());
    derive_each(Some(&pair.previous), current, |figure, value| {
        if done.is_ok() && value.is_finite() && table.wants(at, figure) {
            done = table.put(budget, at, figure, row, value);
        }
    });
    done?;
    table.put_incarnation(budget, at, row, current.incarnation)
}
