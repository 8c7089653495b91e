//! Takes ticks one by one and keeps what provenance and agreement need of them.

use std::collections::BTreeMap;

use super::matching::{Pair, Point, Rule, counters, gauges, usual_spacing};
use super::thinned::{Thinned, quantile, sorted};
use super::{FigureSources, Provenance, SourceShare, judge};
use crate::model::figure::Kind;
use crate::model::{Figure, Gap, Sample, SourceKind};

/// Ticks of a container that are held before they are paired; what pairs over the border is lost.
const HELD: usize = 128;

/// What one source gave of one figure.
#[derive(Debug, Default)]
struct Tally {
    given: u64,
    counted: u64,
    ages: Thinned<f64>,
}

/// The latest readings of one life of a container.
#[derive(Debug, Default)]
struct Held {
    incarnation: u32,
    ticks: usize,
    points: BTreeMap<(Figure, SourceKind), Vec<Point>>,
}

type Sides = (String, Figure, SourceKind, SourceKind);

/// Feeds on ticks, ends in a [`Provenance`].
#[derive(Debug, Default)]
pub struct Collector {
    /// Pairs are this many usual intervals of the first source apart; none: nothing is compared.
    spacing: Option<f64>,
    ticks: u64,
    samples: u64,
    tallies: BTreeMap<(Figure, SourceKind), Tally>,
    gaps: BTreeMap<SourceKind, u64>,
    held: BTreeMap<String, Held>,
    pairs: BTreeMap<Sides, Thinned<Pair>>,
}

impl Collector {
    /// Sources and ages only.
    #[must_use]
    pub fn new() -> Collector {
        Collector::default()
    }

    /// With agreement; pairs lie `intervals` readings apart (0: every reading is one).
    #[must_use]
    pub fn comparing(intervals: f64) -> Collector {
        Collector { spacing: Some(intervals), ..Collector::default() }
    }

    /// Takes what a tick at `at` seconds gave.
    pub fn take(&mut self, at: f64, samples: &[Sample], gaps: &[Gap]) {
        self.ticks += 1;
        for gap in gaps {
            *self.gaps.entry(gap.source).or_default() += 1;
        }
        for sample in samples {
            self.samples += 1;
            for (index, part) in sample.parts.iter().enumerate() {
                let before = sample.parts.get(..index).unwrap_or_default();
                for (figure, _) in part.figures.iter() {
                    let tally = self.tallies.entry((figure, part.source)).or_default();
                    tally.given += 1;
                    let taken = before.iter().any(|part| part.figures.get(figure).is_some());
                    tally.counted += u64::from(!taken);
                    // A reading may be made while the tick goes on.
                    tally.ages.push((at - part.at).max(0.0));
                }
            }
            if self.spacing.is_some() {
                self.hold(sample);
            }
        }
    }

    fn hold(&mut self, sample: &Sample) {
        let full = |held: &Held| held.ticks >= HELD || held.incarnation != sample.incarnation;
        if self.held.get(&sample.name).is_some_and(full) {
            self.compare(&sample.name);
        }
        let held = self.held.entry(sample.name.clone()).or_default();
        held.incarnation = sample.incarnation;
        held.ticks += 1;
        for part in &sample.parts {
            for (figure, value) in part.figures.iter() {
                let points = held.points.entry((figure, part.source)).or_default();
                // The same reading may serve two ticks.
                if points.last().is_none_or(|last| last.at < part.at) {
                    points.push(Point { at: part.at, value });
                }
            }
        }
    }

    fn compare(&mut self, name: &str) {
        let (Some(held), Some(intervals)) = (self.held.remove(name), self.spacing) else { return };
        let mut first: Option<(Figure, SourceKind, &[Point])> = None;
        for ((figure, source), points) in &held.points {
            let reference = first.filter(|(of, ..)| of == figure);
            let Some((_, counts, reference)) = reference else {
                first = Some((*figure, *source, points));
                continue;
            };
            let Some(usual) = usual_spacing(reference) else { continue };
            // A hair less: readings of a steady clock are not spaced exactly.
            let rule = Rule { tolerance: usual, spacing: usual * (intervals - 0.5).max(0.0) };
            let found = match figure.row().kind {
                Kind::Counter => counters(reference, points, rule),
                Kind::Gauge | Kind::Rate => gauges(reference, points, rule),
            };
            let all = self.pairs.entry((name.to_owned(), *figure, counts, *source)).or_default();
            found.into_iter().for_each(|pair| all.push(pair));
        }
    }

    /// What came of it; `whole`: all ticks of the run were given.
    #[must_use]
    pub fn finish(mut self, whole: bool) -> Provenance {
        let names: Vec<String> = self.held.keys().cloned().collect();
        names.iter().for_each(|name| self.compare(name));
        let agreement = self.pairs.iter().filter_map(|((name, figure, first, second), pairs)| {
            judge::judge(*figure, name, (*first, *second), pairs.kept(), pairs.seen())
        });
        let agreement = agreement.collect();
        Provenance { ticks: self.ticks, whole, figures: self.figures(), agreement }
    }

    fn figures(&self) -> Vec<FigureSources> {
        let mut all: BTreeMap<Figure, Vec<SourceShare>> = BTreeMap::new();
        for ((figure, source), tally) in &self.tallies {
            all.entry(*figure).or_default().extend(self.share(*source, tally));
        }
        all.into_iter()
            .map(|(figure, mut sources)| {
                sources.sort_by(|a, b| b.counted_percent.total_cmp(&a.counted_percent));
                FigureSources { figure: figure.name().to_owned(), sources }
            })
            .collect()
    }

    fn share(&self, source: SourceKind, tally: &Tally) -> Option<SourceShare> {
        let ages = sorted(tally.ages.kept().iter().copied());
        let percent = |count: u64| 100.0 * count as f64 / self.samples.max(1) as f64;
        Some(SourceShare {
            source,
            given_percent: percent(tally.given),
            counted_percent: percent(tally.counted),
            median_age_s: quantile(&ages, 0.5)?,
            p95_age_s: quantile(&ages, 0.95)?,
            gaps: self.gaps.get(&source).copied().unwrap_or(0),
        })
    }
}
