//! From a container's series to its verdict.

use std::ops::Range;

use crate::analysis::dataset::{clip, is_active};
use crate::analysis::slope::{Block, BlockRule, median_interval, theil_sen};
use crate::analysis::stats::Sample;
use crate::config::LeakConfig;
use crate::model::units::{apart, fixed, mb_to_bytes};

use super::climbs;
use super::confirm::{combined, needs_confirmation};
use super::covariate::{Load, covariate};
use super::decide::{Decision, Outcome, decide};
use super::evidence::{self, Evidence, Understood};
use super::fit::{Explanation, Shape, explain};
use super::learned;
use super::points::{Prepared, Raw, prepare};
use super::power::{Noise, detectable, minutes_for};
use super::reason::Reason;
use super::segment::{Segment, usable};
use super::{LeakInput, LeakVerdict, Verdict, floors, parts};

/// Fewer blocks than this are insufficient data.
const MIN_BLOCKS: usize = 8;

/// Below this an interval is approximate, minutes.
const EXACT_MINUTES: f64 = 10.0;

/// Probability of a leak where memory is back at its level before the load; up to it a leak is ruled out
/// whatever the load did.
const GIVEN_BACK: f64 = 0.02;

/// A working set that grows faster than so many thresholds grows by more than page cache.
const PAGE_CACHE_BELOW: f64 = 10.0;

/// A container that is younger when the load comes is still starting, minutes.
const NEW_MINUTES: f64 = 3.0;

/// Slow growth has to be seen so long, minutes.
const SLOW_MINUTES: f64 = 55.0;

/// Load that time explains better than this cannot be told from time.
const COLLINEAR: f64 = 0.8;

/// From here on growth beside the load rests on nothing but a straight relation between the two.
const INSEPARABLE: f64 = 0.95;

/// Judges one container. `config` is already the container's own (see [`LeakConfig`]).
///
/// The phase under load is reduced to a few dozen points (block medians, or the troughs of a
/// sawtooth), which competing explanations with AR(1) errors are fitted to; what they agree on is
/// the verdict. What is left after the load, and further cycles, are brought in where they were
/// measured. docs/leaks.md tells the method with its sources and its measured error rates.
#[must_use]
pub fn verdict(input: &LeakInput<'_>, config: &LeakConfig) -> LeakVerdict {
    if let Some(found) = climbs::judge(input, config) {
        return found;
    }
    let judged: Vec<LeakVerdict> = cycles_of(input)
        .map(|active| of_phase(&LeakInput { active, ..input.clone() }, config))
        .collect();
    let by_cycles = judged.into_iter().reduce(|all, later| combined(all, &later, config));
    let Some(by_cycles) = by_cycles else { return of_phase(input, config) };
    let settled = super::cycles::settle(by_cycles, &floors::of_cycles(input), config);
    if needs_confirmation(&settled, config) && settled.confirmed.is_none() {
        return super::confirm::unconfirmed(settled);
    }
    settled
}

/// The active phases in order; the one to be judged where they do not tell.
fn cycles_of<'a>(input: &'a LeakInput<'_>) -> impl Iterator<Item = Range<usize>> + 'a {
    let len = input.time.len();
    let ticks = input.phases.iter().filter(|p| is_active(&p.name)).map(|p| &p.ticks);
    let mut all: Vec<Range<usize>> =
        ticks.map(|ticks| clip(ticks, len)).filter(|ticks| !ticks.is_empty()).collect();
    if !all.contains(&input.active) {
        all = vec![input.active.clone()];
    }
    all.sort_by_key(|ticks| ticks.start);
    all.into_iter()
}

/// One phase under load, with what was measured after it.
fn of_phase(input: &LeakInput<'_>, config: &LeakConfig) -> LeakVerdict {
    match Phase::of(input, config) {
        Ok(phase) => phase.verdict(),
        Err(refused) => *refused,
    }
}

/// What the phase under load shows, as figures that are weighed into a probability. None where too
/// little was measured.
#[must_use]
pub fn evidence(input: &LeakInput<'_>, config: &LeakConfig) -> Option<Evidence> {
    Phase::of(input, config).ok().map(|phase| phase.evidence)
}

impl<'a> Phase<'a> {
    fn of(input: &'a LeakInput<'a>, config: &'a LeakConfig) -> Result<Phase<'a>, Box<LeakVerdict>> {
        let refuse = |reason: String, name| LeakVerdict {
            figure: Some(input.figure.name.clone()),
            reason_name: Some(name),
            ..LeakVerdict::insufficient(reason, config)
        };
        let Some(segment) = usable(input, config.trim) else {
            let reason = "no memory was measured under load".to_string();
            return Err(Box::new(refuse(reason, Reason::NotMeasured)));
        };
        let time = &input.time[segment.rows.clone()];
        let interval = median_interval(time).unwrap_or(0.0);
        let minutes = (time[time.len() - 1] - time[0] + interval) / 60.0;
        let whole = segment.minutes + interval / 60.0;
        // Half a tick of grace: ticks come when they come.
        if whole + interval / 120.0 < config.min_minutes {
            return Err(Box::new(LeakVerdict {
                minutes: Some(minutes),
                more_minutes: Some(config.min_minutes - whole),
                ..refuse(too_little(whole, config, &segment), Reason::TooLittle)
            }));
        }
        let load = covariate(time, input.load.get(segment.rows.clone()).unwrap_or_default());
        let prepared = points(input, &segment, &load, interval, config);
        let blocks = prepared.points.mb.len();
        let explanations = if blocks >= MIN_BLOCKS || prepared.teeth.is_some() {
            explain(&prepared.points)
        } else {
            Vec::new()
        };
        let evidence = evidence::of(&Understood {
            input,
            config,
            rows: segment.rows.clone(),
            minutes,
            load: &load,
            prepared: &prepared,
            explanations: &explanations,
        });
        let Some(decision) = decide(&explanations, learned::probability(&evidence), config) else {
            let reason = format!(
                "fewer than {MIN_BLOCKS} blocks of measurements: measure longer or set \
                 leak.block_seconds"
            );
            return Err(Box::new(LeakVerdict {
                minutes: Some(minutes),
                ..refuse(reason, Reason::TooLittle)
            }));
        };
        let line = believed_line(&explanations, config);
        Ok(Phase {
            input,
            config,
            segment,
            interval,
            minutes,
            load,
            prepared,
            evidence,
            decision,
            line,
        })
    }
}

/// The line through everything, where none of what ends level is believed beside it.
fn believed_line(all: &[Explanation], config: &LeakConfig) -> Option<(f64, f64, f64)> {
    let line = all.iter().find(|e| e.grows && e.shape == Shape::Even)?;
    let level = all.iter().find(|e| !e.grows).map_or(f64::INFINITY, |e| e.aicc);
    let tail = (1.0 - config.ci_level) / 2.0;
    let (low, high) = (line.rate.quantile(tail), line.rate.quantile(1.0 - tail));
    (level > line.aicc + SURELY).then_some((low, line.rate.mean, high))
}

/// An explanation that is so much worse is not believed.
const SURELY: f64 = 4.0;

fn too_little(minutes: f64, config: &LeakConfig, segment: &Segment) -> String {
    let lives = match segment.lives {
        0 | 1 => String::new(),
        lives => format!(" (the longest of {lives} lives of the container)"),
    };
    let (minutes, needed) = apart(minutes, config.min_minutes, 1);
    format!("{minutes} minutes under load{lives}, {needed} are needed")
}

fn points(
    input: &LeakInput<'_>,
    segment: &Segment,
    load: &Load,
    interval: f64,
    config: &LeakConfig,
) -> Prepared {
    let raw = Raw {
        time: &input.time[segment.rows.clone()],
        mb: &input.figure.mb[segment.rows.clone()],
        covariate: &load.values,
        resolution: input.resolution_mb,
        interval,
    };
    prepare(raw, BlockRule::wanted(config.block_seconds))
}

/// All that is known of one phase.
struct Phase<'a> {
    input: &'a LeakInput<'a>,
    config: &'a LeakConfig,
    segment: Segment,
    interval: f64,
    minutes: f64,
    load: Load,
    prepared: Prepared,
    evidence: Evidence,
    decision: Decision,
    /// Low end, estimate and high end of the line through everything, where a line is believed.
    line: Option<(f64, f64, f64)>,
}

impl Phase<'_> {
    fn verdict(mut self) -> LeakVerdict {
        self.widen();
        let doubt = self.doubt();
        let noise = self.noise();
        let (verdict, name) = match self.classify(noise) {
            (Verdict::Leak, None) if doubt.is_some() => (Verdict::Suspect, doubt),
            (Verdict::Ok | Verdict::Inconclusive, _) if self.reaches_limit() => {
                (Verdict::Suspect, Some(Reason::ReachesLimit))
            }
            other => other,
        };
        let is_growth = !matches!(verdict, Verdict::Ok);
        let (bytes_per_unit, unit) = self.per_unit().unzip();
        let more =
            name.filter(|_| verdict != Verdict::Leak).and_then(|n| self.more_minutes(n, noise));
        let parts = if is_growth && self.decision.high > 0.0 {
            parts::growth(
                self.input,
                self.segment.rows.clone(),
                BlockRule::wanted(self.config.block_seconds),
                self.decision.rate,
            )
        } else {
            Vec::new()
        };
        if name == Some(Reason::ReachesLimit)
            && let Some((low, rate, high)) = self.line
        {
            let decision = &mut self.decision;
            (decision.low, decision.rate, decision.high) = (low, rate, high);
        }
        LeakVerdict {
            verdict,
            reason: name.map(|name| self.words(name, more)),
            reason_name: name,
            more_minutes: more,
            slope_mb_per_min: Some(self.decision.rate),
            ci_low: Some(self.decision.low),
            ci_high: Some(self.decision.high),
            ci_level: self.config.ci_level,
            approximate: self.is_approximate(),
            figure: Some(self.input.figure.name.clone()),
            threshold_mb_per_min: self.config.leak_mb_per_min,
            minutes_to_limit: self.minutes_to_limit().filter(|_| is_growth),
            bytes_per_unit,
            unit,
            minutes: Some(self.minutes),
            blocks: Some(self.prepared.points.mb.len()),
            probability: Some(self.decision.probability),
            detectable_mb_per_min: detectable(noise, self.minutes, self.interval, self.config),
            noise: Some(noise),
            levels_at_mb: self.levels_at(),
            parts,
            confirmed: None,
        }
    }

    /// What the figure's resolution and the ticks allow, and what is left after the load.
    fn widen(&mut self) {
        self.leave_open_what_rose_with_the_load();
        let least = (self.decision.rate.abs() * self.interval / 60.0 + self.input.resolution_mb)
            / self.minutes;
        let decision = &mut self.decision;
        decision.low = decision.low.min(decision.rate - least);
        decision.high = decision.high.max(decision.rate + least);
        let Some(allowed) = floors::growth_allowed(self.input).map(|rate| rate.max(least)) else {
            return;
        };
        // Memory came back to where it was before the load: whatever it did meanwhile was given back.
        if allowed < self.config.suspect_mb_per_min && allowed < decision.rate.max(least) / 2.0 {
            decision.outcome = Outcome::Ok;
            decision.probability = decision.probability.min(GIVEN_BACK);
        }
        if matches!(decision.outcome, Outcome::Ok | Outcome::Unsettled(_) | Outcome::Wide)
            && allowed < decision.high
        {
            decision.high = allowed;
            decision.low = decision.low.min(0.0);
            decision.rate = decision.rate.min(allowed);
            if allowed < self.config.leak_mb_per_min && !self.is_inseparable() {
                self.decision.outcome = Outcome::Ok;
                self.decision.probability = self.decision.probability.min(GIVEN_BACK);
            }
        }
    }

    /// A ramp explains a leak as well as it explains memory that follows the load: where time cannot
    /// be told from load, all that rose may be either.
    fn leave_open_what_rose_with_the_load(&mut self) {
        let is_clear = self.decision.probability <= GIVEN_BACK;
        if self.decision.outcome != Outcome::Ok || is_clear || !self.is_inseparable() {
            return;
        }
        let points = self.prepared.points.minutes.iter().zip(&self.prepared.points.mb);
        let blocks: Vec<Block> =
            points.map(|(t, mb)| Block { time: t * 60.0, value: *mb }).collect();
        let risen = theil_sen(&blocks).filter(|rate| *rate >= self.config.leak_mb_per_min);
        if let Some(rate) = risen {
            self.decision.outcome = Outcome::Wide;
            self.decision.low = self.decision.low.min(0.0);
            self.decision.high = self.decision.high.max(rate);
        }
    }

    /// What keeps a sure growth from being called a leak.
    fn doubt(&self) -> Option<Reason> {
        let is_slow = self.decision.rate < PAGE_CACHE_BELOW * self.config.leak_mb_per_min;
        if self.input.figure.holds_page_cache() && is_slow {
            return Some(Reason::PageCache);
        }
        let is_new = self.input.age_minutes.is_some_and(|age| age < NEW_MINUTES);
        let is_alone = self.segment.minutes < EXACT_MINUTES
            && self.input.phases.iter().filter(|phase| is_active(&phase.name)).count() < 2
            && floors::idle_before(self.input, self.input.active.start).is_none();
        if is_new && is_alone {
            return Some(Reason::StillFilling);
        }
        let shown = |name| self.evidence.get(name).is_none_or(|rate| rate > 0.0);
        let at_the_end = ["middle_third", "low_third", "low_of_end_above_middle"];
        (!at_the_end.into_iter().any(shown)).then_some(Reason::NotCertain)
    }

    /// Growth that is too slow to be called a leak, sure, and at the limit within the horizon. Over an
    /// hour at least: what fills and warms up looks the same for a while.
    fn reaches_limit(&self) -> bool {
        let Some(line) = &self.line else { return false };
        let until = self.minutes_to_limit_at(line.1);
        let shown = |name| self.evidence.get(name).is_some_and(|rate| rate > line.1 / 3.0);
        self.minutes >= SLOW_MINUTES
            && line.0 > 0.0
            && until.is_some_and(|minutes| minutes <= self.config.horizon / 60.0)
            && shown("middle_third")
            && shown("low_third")
    }

    fn is_inseparable(&self) -> bool {
        self.load.rises && self.load.with_time > INSEPARABLE
    }

    fn classify(&self, noise: Noise) -> (Verdict, Option<Reason>) {
        let grew_with_load = self.load.with_time > COLLINEAR && self.load.rises;
        match self.decision.outcome {
            Outcome::Leak | Outcome::Suspect if self.is_inseparable() => {
                (Verdict::Inconclusive, Some(Reason::ConfoundedByLoad))
            }
            Outcome::Leak => (Verdict::Leak, None),
            Outcome::Suspect if self.decision.rate >= self.config.leak_mb_per_min => {
                (Verdict::Suspect, Some(Reason::NotCertain))
            }
            Outcome::Suspect => (Verdict::Suspect, None),
            Outcome::Ok => (Verdict::Ok, None),
            _ if grew_with_load => (Verdict::Inconclusive, Some(Reason::ConfoundedByLoad)),
            Outcome::Unsettled(Shape::Steps { .. }) => (Verdict::Inconclusive, Some(Reason::Step)),
            Outcome::Unsettled(_) => (Verdict::Inconclusive, Some(Reason::WarmingUp)),
            Outcome::Wide => {
                let more = self.until_found(noise);
                let is_near = more.is_some_and(|more| more <= 3.0 * self.minutes.max(10.0));
                let name = if is_near { Reason::TooShort } else { Reason::TooNoisy };
                (Verdict::Inconclusive, Some(name))
            }
        }
    }

    fn until_found(&self, noise: Noise) -> Option<f64> {
        let needed = minutes_for(noise, self.config.leak_mb_per_min, self.interval, self.config)?;
        Some((needed - self.minutes).max(self.minutes / 2.0))
    }

    /// Minutes more under load, trimming included.
    fn more_minutes(&self, name: Reason, noise: Noise) -> Option<f64> {
        let more = match (name, self.decision.outcome) {
            (Reason::WarmingUp, Outcome::Unsettled(Shape::Saturating { tau })) => {
                (4.0 * tau - self.minutes).max(self.minutes / 2.0)
            }
            (Reason::WarmingUp, _) => self.minutes / 2.0,
            (Reason::Step, _) => self.minutes,
            (Reason::ConfoundedByLoad | Reason::NotMeasured | Reason::TooLittle, _) => return None,
            _ => self.until_found(noise)?,
        };
        Some(more / (1.0 - self.config.trim).max(0.1))
    }

    fn words(&self, name: Reason, more: Option<f64>) -> String {
        let Decision { low, high, best, .. } = &self.decision;
        let mut text = match name {
            Reason::TooShort | Reason::TooNoisy
                if low <= &0.0 && *high >= self.config.leak_mb_per_min =>
            {
                format!(
                    "{}: the interval from {} to {} {} holds both growth above {} and none",
                    name.words(),
                    fixed(*low * self.input.unit.scale, 2),
                    fixed(*high * self.input.unit.scale, 2),
                    self.input.unit.name,
                    fixed(self.config.leak_mb_per_min * self.input.unit.scale, 2),
                )
            }
            Reason::NotCertain | Reason::TooShort | Reason::TooNoisy => {
                format!(
                    "{}: growth by {} {} or more is {:.0} % likely",
                    name.words(),
                    fixed(self.config.leak_mb_per_min * self.input.unit.scale, 2),
                    self.input.unit.name,
                    100.0 * self.decision.probability
                )
            }
            Reason::ReachesLimit => match self.line.and_then(|l| self.minutes_to_limit_at(l.1)) {
                Some(minutes) => format!("{} in about {:.0} h", name.words(), minutes / 60.0),
                None => name.words().to_string(),
            },
            _ => name.words().to_string(),
        };
        if matches!(name, Reason::StillFilling | Reason::PageCache | Reason::ReachesLimit) {
            return text;
        }
        if let (Reason::WarmingUp, Some(level)) = (name, self.levels_at()) {
            text.push_str(&format!(", towards {level:.0} MB"));
        }
        if let (Reason::Step, Shape::Steps { count, .. }) = (name, best.shape) {
            text.push_str(&format!(" ({count} so far)"));
        }
        match more {
            Some(more) => text.push_str(&format!("; about {more:.0} minutes more would settle it")),
            None if name == Reason::ConfoundedByLoad => {
                text.push_str("; hold the load even, or measure three cycles of load and rest");
            }
            None => {}
        }
        text
    }

    /// Level that a saturating winner rises to.
    fn levels_at(&self) -> Option<f64> {
        let best = &self.decision.best;
        let rises = matches!(best.shape, Shape::Saturating { .. }) && !best.grows;
        (rises && best.rate_now > 0.0).then_some(best.level)
    }

    fn noise(&self) -> Noise {
        let best = &self.decision.best;
        let minutes = &self.prepared.points.minutes;
        let length = minutes.last().zip(minutes.first()).map_or(0.0, |(last, first)| last - first);
        let gap = 60.0 * length / (minutes.len().max(2) - 1) as f64;
        Noise { sd_mb: best.sd, correlation_seconds: gap * best.correlation }
    }

    fn is_approximate(&self) -> bool {
        let usual = LeakConfig::default();
        self.minutes < EXACT_MINUTES
            || self.config.min_minutes < usual.min_minutes
            || self.config.block_seconds.is_some_and(|s| s < BlockRule::DEFAULT.seconds)
    }

    /// From the working set at the end of the segment (the whole of what the limit counts), at the
    /// rate of the leak.
    fn minutes_to_limit(&self) -> Option<(f64, Option<f64>)> {
        let headroom = self.headroom()?;
        let until = |rate: f64| (rate > 0.0).then(|| headroom / rate);
        Some((until(self.decision.high)?, until(self.decision.low)))
    }

    fn minutes_to_limit_at(&self, rate: f64) -> Option<f64> {
        self.headroom().filter(|_| rate > 0.0).map(|headroom| headroom / rate)
    }

    fn headroom(&self) -> Option<f64> {
        let limit = self.input.limit_mb?;
        let rows = self.segment.rows.clone();
        let last_ticks = rows.end.saturating_sub(10).max(rows.start)..rows.end;
        let working_set = self.input.working_set_mb.get(last_ticks.clone()).unwrap_or_default();
        let judged = self.input.figure.mb.get(last_ticks).unwrap_or_default();
        let level = [working_set, judged]
            .into_iter()
            .find_map(|values| Some(Sample::of(values.iter().copied())?.sorted().median()))?;
        Some((limit - level).max(0.0))
    }

    /// Per request or job where they are counted, else per unit of load and minute.
    fn per_unit(&self) -> Option<(f64, String)> {
        let rows = self.segment.rows.clone();
        let growth = mb_to_bytes(self.decision.rate);
        let counted = self.input.work.as_ref().and_then(|work| {
            let total = work.total.get(rows.clone())?;
            let mut known = total.iter().filter(|v| v.is_finite());
            let (first, last) = (known.next()?, known.next_back()?);
            let per_minute = (last - first) / self.minutes;
            (per_minute > 0.0).then(|| (growth / per_minute, work.unit.to_string()))
        });
        counted.or_else(|| {
            let level = Sample::of(self.input.load.get(rows)?.iter().copied())?.mean();
            (level > 0.0).then(|| (growth / level, "agent-minute".to_string()))
        })
    }
}
