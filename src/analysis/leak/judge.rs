//! From a container's series to its verdict.

use std::ops::Range;

use crate::analysis::dataset::{clip, is_active};
use crate::analysis::slope::{Block, BlockRule, median_interval, theil_sen};
use crate::analysis::stats::Sample;
use crate::config::LeakConfig;
use crate::model::units::{apart, fixed, mb_to_bytes};

use super::confirm::{combined, needs_confirmation};
use super::covariate::{Load, covariate};
use super::decide::{Decision, Outcome, decide};
use super::fit::{Shape, explain};
use super::points::{Prepared, Raw, prepare};
use super::power::{Noise, detectable, minutes_for};
use super::reason::Reason;
use super::segment::{Segment, usable};
use super::{LeakInput, LeakVerdict, Verdict, floors, parts};

/// Fewer blocks than this are insufficient data.
const MIN_BLOCKS: usize = 9;

/// Below this an interval is approximate, minutes.
const EXACT_MINUTES: f64 = 10.0;

/// A measurement that finds only leaks so many times the threshold acquits nobody.
const BLIND: f64 = 5.0;

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
    let first = of_phase(input, config);
    let others: Vec<LeakVerdict> = other_cycles(input)
        .map(|active| of_phase(&LeakInput { active, ..input.clone() }, config))
        .filter(|other| other.verdict != Verdict::InsufficientData)
        .collect();
    let by_cycles = others.into_iter().fold(first, |all, other| combined(all, &other, config));
    let settled = super::cycles::settle(by_cycles, &floors::of_cycles(input), config);
    if needs_confirmation(&settled, config) && settled.confirmed.is_none() {
        return super::confirm::unconfirmed(settled);
    }
    settled
}

/// Active phases other than the one judged.
fn other_cycles<'a>(input: &'a LeakInput<'_>) -> impl Iterator<Item = Range<usize>> + 'a {
    let len = input.time.len();
    let ticks = input.phases.iter().filter(|p| is_active(&p.name)).map(|p| &p.ticks);
    let clipped = ticks.map(move |ticks| clip(ticks, len));
    clipped.filter(|ticks| *ticks != input.active && !ticks.is_empty())
}

/// One phase under load, with what was measured after it.
fn of_phase(input: &LeakInput<'_>, config: &LeakConfig) -> LeakVerdict {
    let figure = Some(input.figure.name.clone());
    let refuse = |reason: String, name| LeakVerdict {
        figure: figure.clone(),
        reason_name: Some(name),
        ..LeakVerdict::insufficient(reason, config)
    };
    let Some(segment) = usable(input, config.trim) else {
        return refuse("no memory was measured under load".to_string(), Reason::NotMeasured);
    };
    let time = &input.time[segment.rows.clone()];
    let interval = median_interval(time).unwrap_or(0.0);
    let minutes = (time[time.len() - 1] - time[0] + interval) / 60.0;
    // Half a tick of grace: ticks come when they come.
    if minutes + interval / 120.0 < config.min_minutes {
        return LeakVerdict {
            minutes: Some(minutes),
            more_minutes: Some((config.min_minutes - minutes) / (1.0 - config.trim)),
            ..refuse(too_little(minutes, config, &segment), Reason::TooLittle)
        };
    }
    let load = covariate(time, input.load.get(segment.rows.clone()).unwrap_or_default());
    let prepared = points(input, &segment, &load, interval, config);
    let blocks = prepared.points.mb.len();
    let decision = (blocks >= MIN_BLOCKS || prepared.teeth.is_some())
        .then(|| decide(&explain(&prepared.points), minutes, config))
        .flatten();
    let Some(decision) = decision else {
        let reason = format!(
            "fewer than {MIN_BLOCKS} blocks of measurements: measure longer or set \
             leak.block_seconds"
        );
        return LeakVerdict { minutes: Some(minutes), ..refuse(reason, Reason::TooLittle) };
    };
    let found = Found { input, config, segment, interval, minutes, load, prepared, decision };
    found.verdict()
}

fn too_little(minutes: f64, config: &LeakConfig, segment: &Segment) -> String {
    let lives = match segment.lives {
        0 | 1 => String::new(),
        lives => format!(" (the longest of {lives} lives of the container)"),
    };
    let (minutes, needed) = apart(minutes, config.min_minutes, 1);
    format!("{minutes} minutes under load after trimming{lives}, {needed} are needed")
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
struct Found<'a> {
    input: &'a LeakInput<'a>,
    config: &'a LeakConfig,
    segment: Segment,
    interval: f64,
    minutes: f64,
    load: Load,
    prepared: Prepared,
    decision: Decision,
}

impl Found<'_> {
    fn verdict(mut self) -> LeakVerdict {
        self.widen();
        let noise = self.noise();
        let (verdict, name) = self.classify(noise);
        let is_growth = !matches!(verdict, Verdict::Ok);
        let (bytes_per_unit, unit) = self.per_unit().unzip();
        let more =
            name.filter(|_| verdict != Verdict::Leak).and_then(|n| self.more_minutes(n, noise));
        let parts = if is_growth && self.decision.high > 0.0 {
            parts::growth(
                self.input,
                self.segment.rows.clone(),
                BlockRule::wanted(self.config.block_seconds),
            )
        } else {
            Vec::new()
        };
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
        let finds = detectable(self.noise(), self.minutes, self.interval, self.config)
            .unwrap_or(f64::INFINITY);
        if self.decision.outcome == Outcome::Ok && finds > BLIND * self.config.leak_mb_per_min {
            self.decision.outcome = Outcome::Wide;
        }
        self.leave_open_what_rose_with_the_load();
        let least = (self.decision.rate.abs() * self.interval / 60.0 + self.input.resolution_mb)
            / self.minutes;
        let decision = &mut self.decision;
        decision.low = decision.low.min(decision.rate - least);
        decision.high = decision.high.max(decision.rate + least);
        let Some(allowed) = floors::growth_allowed(self.input).map(|rate| rate.max(least)) else {
            return;
        };
        // The floor after the load is a bound of its own. A little below the estimate it only says
        // that a collection came after the load; well below, that what grew was given back.
        let is_open = !matches!(decision.outcome, Outcome::Leak | Outcome::Suspect);
        let contradicts = allowed < decision.rate / 2.0 && allowed < self.config.suspect_mb_per_min;
        if contradicts || (is_open && allowed < decision.high) {
            decision.high = allowed;
            decision.low = decision.low.min(0.0);
            decision.rate = decision.rate.min(allowed);
        }
        if contradicts || (is_open && allowed < self.config.leak_mb_per_min) {
            decision.outcome = Outcome::Ok;
        }
    }

    /// A ramp explains a leak as well as it explains memory that follows the load: where time cannot
    /// be told from load, all that rose may be either.
    fn leave_open_what_rose_with_the_load(&mut self) {
        if self.decision.outcome != Outcome::Ok || !self.is_inseparable() {
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
            Reason::TooShort | Reason::TooNoisy | Reason::NotCertain => format!(
                "{}: the interval from {} to {} MB/min holds both growth above {:.2} and none",
                name.words(),
                fixed(*low, 2),
                fixed(*high, 2),
                self.config.leak_mb_per_min
            ),
            _ => name.words().to_string(),
        };
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
        let limit = self.input.limit_mb?;
        let rows = self.segment.rows.clone();
        let last_ticks = rows.end.saturating_sub(10).max(rows.start)..rows.end;
        let working_set = self.input.working_set_mb.get(last_ticks.clone()).unwrap_or_default();
        let judged = self.input.figure.mb.get(last_ticks).unwrap_or_default();
        let level = [working_set, judged]
            .into_iter()
            .find_map(|values| Some(Sample::of(values.iter().copied())?.sorted().median()))?;
        let headroom = (limit - level).max(0.0);
        let until = |rate: f64| (rate > 0.0).then(|| headroom / rate);
        Some((until(self.decision.high)?, until(self.decision.low)))
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
