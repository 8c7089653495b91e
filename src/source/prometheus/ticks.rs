//! From readings to ticks: each container was read at its own moments, a tick has one reading of
//! each. No reading is thrown away and none is moved: a part carries the time of its reading.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::fold::Found;
use super::lives::Sampled;
use crate::model::{FigureSet, Gap, LoadReport, Part, Sample, SourceKind, Tick, Watched};

/// A phase of the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its name (`active`).
    pub name: String,
    /// Where it begins, Unix milliseconds; not part of it unless it begins the window.
    pub from_ms: i64,
    /// Where it ends; part of it.
    pub to_ms: i64,
}

/// The usual time between two readings of a container: the median over all of them.
#[must_use]
pub fn spacing_ms(part: &[Found]) -> Option<i64> {
    let of = |found: &Found| -> Vec<i64> {
        found.rows.windows(2).map(|pair| pair[1].at_ms - pair[0].at_ms).collect()
    };
    let mut all: Vec<i64> = part.iter().flat_map(of).collect();
    all.sort_unstable();
    all.get(all.len() / 2).copied().filter(|ms| *ms > 0)
}

/// The whole window as phases: the given ones, and what lies before, between and after them. None
/// given: all of it is `active`.
///
/// # Errors
/// When they overlap, or lie outside of the window.
pub fn spans(from_ms: i64, to_ms: i64, mut given: Vec<Span>) -> Result<Vec<Span>, String> {
    if given.is_empty() {
        return Ok(vec![Span { name: "active".into(), from_ms, to_ms }]);
    }
    given.sort_by_key(|span| span.from_ms);
    let mut all: Vec<Span> = Vec::new();
    let mut at = from_ms;
    for span in given {
        if span.from_ms >= span.to_ms || span.from_ms < from_ms || span.to_ms > to_ms {
            return Err(format!("phase {}: it is empty, or not within --from and --to", span.name));
        }
        if span.from_ms < at {
            return Err(format!("phase {}: it begins before the one before it ends", span.name));
        }
        if span.from_ms > at {
            let name = if all.is_empty() { "before" } else { "between" };
            all.push(Span { name: unused(&all, name), from_ms: at, to_ms: span.from_ms });
        }
        at = span.to_ms;
        all.push(Span { name: unused(&all, &span.name), ..span });
    }
    if at < to_ms {
        all.push(Span { name: unused(&all, "after"), from_ms: at, to_ms });
    }
    Ok(all)
}

fn unused(all: &[Span], name: &str) -> String {
    let taken = |name: &str| all.iter().any(|span| span.name == name);
    let numbered = (2..).map(|n| format!("{name}_{n}"));
    std::iter::once(name.to_owned()).chain(numbered).find(|n| !taken(n)).unwrap_or_default()
}

/// When a container was read last, and how long it usually takes.
#[derive(Debug, Clone, Copy)]
struct Pace {
    last_ms: i64,
    usual_ms: f64,
}

/// A stretch without readings of a container that was read before and after it.
#[derive(Debug, Clone, PartialEq)]
pub struct Hole {
    /// The container's key.
    pub name: String,
    /// Its last reading before, Unix milliseconds.
    pub from_ms: i64,
    /// Its first reading after.
    pub to_ms: i64,
}

/// This many times the usual time without a reading is a hole.
const HOLE: f64 = 3.0;

/// Makes ticks.
#[derive(Debug)]
pub struct Ticks {
    scenario: String,
    start_ms: i64,
    interval_ms: i64,
    spans: Vec<Span>,
    seq: u64,
    last_ms: i64,
    open: Vec<Sampled>,
    open_names: HashSet<String>,
    gaps: Vec<Gap>,
    paces: HashMap<String, Pace>,
    holes: Vec<Hole>,
    unsampled: u64,
}

impl Ticks {
    /// Ticks of a scenario that begins at `start_ms`, each as long as `interval_ms` at most.
    #[must_use]
    pub fn new(scenario: &str, start_ms: i64, interval_ms: i64, spans: Vec<Span>) -> Ticks {
        Ticks {
            scenario: scenario.to_owned(),
            start_ms,
            interval_ms: interval_ms.max(1),
            spans,
            seq: 0,
            last_ms: start_ms - 1,
            open: Vec::new(),
            open_names: HashSet::new(),
            gaps: Vec::new(),
            paces: HashMap::new(),
            holes: Vec::new(),
            unsampled: 0,
        }
    }

    /// Takes the next reading; readings come in order of time. Answers the tick that it ends.
    pub fn push(&mut self, sample: Sampled) -> Option<Tick> {
        let Some(span) = self.span(sample.at_ms) else {
            self.unsampled += 1;
            return None;
        };
        let fits = self.open.first().is_none_or(|first| {
            sample.at_ms - first.at_ms < self.interval_ms
                && self.span(first.at_ms) == Some(span)
                && !self.open_names.contains(&sample.name)
        });
        let done = if fits { None } else { self.close() };
        self.pace(&sample);
        self.open_names.insert(sample.name.clone());
        self.open.push(sample);
        done
    }

    /// The last tick.
    pub fn close(&mut self) -> Option<Tick> {
        let newest = self.open.last()?.at_ms;
        let span = self.span(newest)?;
        let at_ms = newest.max(self.last_ms + 1);
        let samples = std::mem::take(&mut self.open);
        self.open_names.clear();
        let tick = Tick {
            seq: self.seq,
            at: self.seconds(at_ms),
            t: at_ms as f64 / 1e3,
            scenario: self.scenario.clone(),
            phase: self.spans.get(span).map(|s| s.name.clone()).unwrap_or_default(),
            phase_index: span as u32,
            priming: false,
            devices: BTreeMap::new(),
            watched: Watched::default(),
            late_s: None,
            samples: samples.into_iter().map(|sample| self.sample(sample)).collect(),
            host: FigureSet::new(),
            runner: FigureSet::new(),
            load: LoadReport::default(),
            gaps: std::mem::take(&mut self.gaps),
        };
        self.seq += 1;
        self.last_ms = at_ms;
        Some(tick)
    }

    /// Seconds since the start of the window.
    #[must_use]
    pub fn seconds(&self, at_ms: i64) -> f64 {
        (at_ms - self.start_ms) as f64 / 1e3
    }

    /// How many ticks there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.seq
    }

    /// The holes found so far, each told once.
    pub fn holes(&mut self) -> Vec<Hole> {
        std::mem::take(&mut self.holes)
    }

    /// Containers that were no longer read at `end_ms`, with their last reading.
    #[must_use]
    pub fn gone(&self, end_ms: i64) -> Vec<Hole> {
        let missing = |pace: &Pace| (end_ms - pace.last_ms) as f64 > HOLE * self.usual(pace);
        let mut gone: Vec<Hole> = self
            .paces
            .iter()
            .filter(|(_, pace)| missing(pace))
            .map(|(name, pace)| Hole { name: name.clone(), from_ms: pace.last_ms, to_ms: end_ms })
            .collect();
        gone.sort_by(|a, b| (a.from_ms, &a.name).cmp(&(b.from_ms, &b.name)));
        gone
    }

    fn usual(&self, pace: &Pace) -> f64 {
        pace.usual_ms.max(self.interval_ms as f64)
    }

    fn pace(&mut self, sample: &Sampled) {
        let at_ms = sample.at_ms;
        let usual_ms = self.interval_ms as f64;
        let known =
            self.paces.entry(sample.name.clone()).or_insert(Pace { last_ms: at_ms, usual_ms });
        let pace = *known;
        let step = (at_ms - pace.last_ms) as f64;
        known.last_ms = at_ms;
        let limit = HOLE * pace.usual_ms.max(usual_ms);
        known.usual_ms += 0.1 * (step.min(limit) - pace.usual_ms);
        if step > limit {
            let reason = format!("Prometheus has no samples of it for {:.0} s", step / 1e3);
            self.gaps.push(Gap::about(SourceKind::Prometheus, &sample.name, reason));
            let name = sample.name.clone();
            self.holes.push(Hole { name, from_ms: pace.last_ms, to_ms: at_ms });
        }
    }

    fn sample(&self, sample: Sampled) -> Sample {
        let at = self.seconds(sample.at_ms);
        let part = Part { source: SourceKind::Prometheus, at, figures: sample.figures };
        Sample { name: sample.name, incarnation: sample.incarnation, parts: vec![part] }
    }

    fn span(&self, at_ms: i64) -> Option<usize> {
        let first = self.spans.first()?.from_ms;
        let holds = |span: &Span| {
            let from = if span.from_ms == first { span.from_ms - 1 } else { span.from_ms };
            from < at_ms && at_ms <= span.to_ms
        };
        self.spans.iter().position(holds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Figure;
    use proptest::prelude::*;

    fn sampled(name: &str, at_ms: i64) -> Sampled {
        let figures = [(Figure::AnonBytes, 1.0)].into_iter().collect();
        Sampled { at_ms, name: name.into(), incarnation: 0, figures }
    }

    fn span(name: &str, from_ms: i64, to_ms: i64) -> Span {
        Span { name: name.into(), from_ms, to_ms }
    }

    fn all(ticks: &mut Ticks, samples: &[(&str, i64)]) -> Vec<Tick> {
        let mut done: Vec<Tick> =
            samples.iter().filter_map(|(name, at)| ticks.push(sampled(name, *at))).collect();
        done.extend(ticks.close());
        done
    }

    #[test]
    fn a_tick_has_one_reading_of_each_container_at_its_own_time() {
        let spans = spans(0, 60_000, vec![]).expect("spans");
        let mut ticks = Ticks::new("window", 0, 10_000, spans);
        let done = all(&mut ticks, &[("a", 1_000), ("b", 4_000), ("a", 11_000), ("b", 14_000)]);
        assert_eq!(done.len(), 2);
        assert_eq!((done[0].at, done[0].samples[0].parts[0].at), (4.0, 1.0));
        assert_eq!((done[1].at, done[1].samples.len(), done[1].seq), (14.0, 2, 1));
        assert!(done.iter().all(|tick| tick.gaps.is_empty() && tick.phase == "active"));
    }

    #[test]
    fn a_stretch_without_readings_is_a_gap_with_its_length() {
        let spans = spans(0, 600_000, vec![]).expect("spans");
        let mut ticks = Ticks::new("window", 0, 10_000, spans);
        let done = all(&mut ticks, &[("a", 0), ("a", 10_000), ("a", 95_000)]);
        assert_eq!(done[2].gaps[0].reason, "Prometheus has no samples of it for 85 s");
        assert_eq!(ticks.holes().len(), 1);
        assert_eq!(ticks.gone(600_000).len(), 1);
        assert!(ticks.gone(100_000).is_empty());
    }

    #[test]
    fn phases_cover_the_window_and_no_tick_crosses_a_border() {
        let given = vec![span("drain", 30_000, 40_000), span("active", 10_000, 30_000)];
        let spans = spans(0, 60_000, given).expect("spans");
        let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
        assert_eq!(names, ["before", "active", "drain", "after"]);
        let mut ticks = Ticks::new("window", 0, 10_000, spans);
        let done = all(&mut ticks, &[("a", 0), ("a", 9_000), ("b", 11_000), ("b", 60_000)]);
        let phases: Vec<&str> = done.iter().map(|tick| tick.phase.as_str()).collect();
        assert_eq!(phases, ["before", "before", "active", "after"]);
    }

    #[test]
    fn phases_that_overlap_or_lie_outside_are_refused() {
        for given in [
            vec![span("a", 0, 30), span("b", 20, 40)],
            vec![span("a", 0, 101)],
            vec![span("a", 5, 5)],
        ] {
            assert!(spans(0, 100, given).is_err());
        }
    }

    proptest! {
        #[test]
        fn every_reading_is_in_one_tick_and_ticks_go_on_in_time(
            steps in prop::collection::vec((0..3usize, 0..20_000i64), 1..200),
            interval in 1..15_000i64,
        ) {
            let mut at = 0;
            let mut last = std::collections::HashMap::new();
            let mut given = Vec::new();
            for (who, step) in steps {
                at += step;
                let name = ["a", "b", "c"][who];
                if last.insert(name, at) != Some(at) {
                    given.push((name, at));
                }
            }
            let spans = spans(0, at + 1, vec![]).expect("spans");
            let mut ticks = Ticks::new("window", 0, interval, spans);
            let done = all(&mut ticks, &given);
            let taken: usize = done.iter().map(|tick| tick.samples.len()).sum();
            prop_assert_eq!(taken, given.len());
            prop_assert!(done.is_sorted_by(|a, b| a.at < b.at));
        }
    }
}
