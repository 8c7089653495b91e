//! One round of sampling: the sources in order of cheapness, merged into one sample a container.
//!
//! Per figure the cheapest working source is used. A dearer source is read at all only for a
//! figure that no cheaper one gives for that container, in place of one that fails, or when
//! sources are to be compared. What a source really gives is learnt from its readings: what it
//! offers is the best case, and on cgroup v1, say, nobody can give pressure figures.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use super::ports::{Aside, Reading, RunClock, Source};
use crate::model::{Container, Gap, Part, Sample, SourceKind};

mod slot;
#[cfg(test)]
mod tests;

use slot::{Figures, Slot};

/// How much later than its time limit a source is cut. A source that keeps its limit answers with
/// reasons of its own in this time.
const GRACE: Duration = Duration::from_millis(50);
/// No other source is asked when less than this is left.
const LEAST_TIME: Duration = Duration::from_millis(20);
/// Share of the time left that sources may take while another one could still stand in.
const FIRST_SHARE: f64 = 0.65;
/// A reading from further in the future than this was stamped by another clock, seconds.
const FUTURE_S: f64 = 1.0;

/// What one round of sampling gave.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sampled {
    /// One sample a container that answered, in the order of the targets.
    pub samples: Vec<Sample>,
    /// Who did not answer, about what, and why.
    pub gaps: Vec<Gap>,
    /// Sources that failed, came back, or stand in for another since the last round; each change
    /// is told once.
    pub changes: Vec<(SourceKind, String)>,
    /// What sources learnt beside.
    pub aside: Aside,
}

/// All sources of a run.
pub struct Sampler {
    clock: RunClock,
    slots: Vec<Slot>,
    cross_check: bool,
    /// Ids and incarnations of the last round.
    last_targets: Vec<(String, u32)>,
    provenance: BTreeMap<String, String>,
    provenance_is_full: bool,
    /// Index of the cheapest source that gave a container's figures in its last sample.
    first_source: HashMap<String, usize>,
}

/// Per source, the indices of the targets to ask it about.
type Wanted = Vec<Vec<usize>>;

/// What a source answered; `None` when it was cut.
type Answer = Option<Vec<Result<Reading, Gap>>>;

impl Sampler {
    /// A sampler over `sources`, the cheapest first. With `cross_check` every source is read for
    /// every container and all parts are kept.
    #[must_use]
    pub fn new(clock: RunClock, sources: Vec<Box<dyn Source>>, cross_check: bool) -> Sampler {
        Sampler {
            clock,
            slots: sources.into_iter().map(Slot::new).collect(),
            cross_check,
            last_targets: Vec::new(),
            provenance: BTreeMap::new(),
            provenance_is_full: false,
            first_source: HashMap::new(),
        }
    }

    /// Reads all `targets` (running containers) before `deadline`. A reading older than twice the
    /// `interval` is a gap.
    pub async fn sample(
        &mut self,
        targets: &[Container],
        interval: Duration,
        deadline: Instant,
    ) -> Sampled {
        self.begin_round(targets);
        let mut limit = deadline;
        // Usually one pass; another one where a source fell short of what was expected of it.
        for _ in 0..self.slots.len() {
            let wanted = self.wanted(targets);
            let time_left = limit.saturating_duration_since(Instant::now());
            if wanted.iter().all(Vec::is_empty) || time_left < LEAST_TIME {
                break;
            }
            for (index, answer) in self.read(targets, &wanted, limit).await {
                let asked = wanted.get(index).map_or(&[][..], Vec::as_slice);
                self.take(index, targets, asked, answer, interval);
            }
            // A stand-in asked late must not cost the next tick its time.
            limit = deadline.min(Instant::now() + interval / 2);
        }
        for slot in &mut self.slots {
            slot.release_unused(targets.is_empty()).await;
        }
        self.end_round(targets, interval)
    }

    /// Figure name -> source name, of the first round in which every container answered (until
    /// there is one: of the latest round in which any did).
    #[must_use]
    pub fn provenance(&self) -> BTreeMap<String, String> {
        self.provenance.clone()
    }

    fn begin_round(&mut self, targets: &[Container]) {
        let life = |target: &Container| (target.id.clone(), target.incarnation);
        let same = |(target, (id, incarnation)): (&Container, &(String, u32))| {
            target.id == *id && target.incarnation == *incarnation
        };
        let changed = targets.len() != self.last_targets.len()
            || !targets.iter().zip(&self.last_targets).all(same);
        if changed {
            self.last_targets = targets.iter().map(life).collect();
        }
        for slot in &mut self.slots {
            slot.begin_round(changed);
        }
    }

    fn wanted(&self, targets: &[Container]) -> Wanted {
        let mut wanted = vec![Vec::new(); self.slots.len()];
        for (index, target) in targets.iter().enumerate() {
            let mut covered: Figures = 0;
            for (slot, wanted) in self.slots.iter().zip(&mut wanted) {
                let adds = || slot.may_give(target) & !covered != 0;
                if slot.can_be_asked(index) && (self.cross_check || adds()) {
                    wanted.push(index);
                }
                covered |= slot.counts_on(index, target);
            }
        }
        wanted
    }

    /// Reads all wanted sources at the same time; a hanging one is cut.
    async fn read(
        &mut self,
        targets: &[Container],
        wanted: &Wanted,
        deadline: Instant,
    ) -> Vec<(usize, Answer)> {
        let now = Instant::now();
        let limit = if wanted.iter().any(Vec::is_empty) {
            now + deadline.saturating_duration_since(now).mul_f64(FIRST_SHARE)
        } else {
            deadline
        };
        let reads = self.slots.iter_mut().zip(wanted).enumerate();
        let reads = reads.filter(|(_, (_, wanted))| !wanted.is_empty());
        join_all(reads.map(|(index, (slot, wanted))| async move {
            slot.asked_now();
            let targets = asked_about(targets, wanted);
            let answer = timeout_at(limit + GRACE, slot.source.read(&targets, limit)).await;
            (index, answer.ok())
        }))
        .await
    }

    /// Sorts a source's answer into readings that can be used and reasons for those that cannot.
    fn take(
        &mut self,
        index: usize,
        targets: &[Container],
        asked: &[usize],
        answer: Answer,
        interval: Duration,
    ) {
        let now = self.clock.now();
        let Some(slot) = self.slots.get_mut(index) else {
            return;
        };
        let mut answers = Answers::new(answer);
        for at in asked {
            let Some(target) = targets.get(*at) else {
                continue;
            };
            let answer = match answers.about(&target.name) {
                Some(Ok(reading)) => judge(reading, target, now, interval.max(slot.source.pace())),
                Some(Err(gap)) => Err(gap.reason),
                // What is measured seldom may still be under way: the next round asks again.
                None if !slot.source.pace().is_zero() => continue,
                None => Err(answers.silence.clone()),
            };
            match answer {
                Ok(reading) => slot.accept(*at, target, reading),
                Err(reason) => slot.refuse(*at, target, reason),
            }
        }
    }

    fn end_round(&mut self, targets: &[Container], interval: Duration) -> Sampled {
        let mut out = Sampled::default();
        for slot in &mut self.slots {
            let (gaps, change) = slot.end_round(interval);
            out.gaps.extend(gaps);
            out.changes.extend(change.map(|what| (slot.kind(), what)));
            let aside = slot.source.aside(targets);
            out.aside.events.extend(aside.events);
            out.aside.host.fill_from(&aside.host);
        }
        for (index, target) in targets.iter().enumerate() {
            let sample = self.merged(index, target);
            if !sample.parts.is_empty() {
                out.samples.push(sample);
            }
        }
        out.changes.extend(self.stand_ins(&out.samples));
        self.note_provenance(targets.len(), &out.samples);
        out
    }

    /// One container's sample: each figure in one part only, that of the cheapest source which
    /// has it; when sources are compared, all parts as they are.
    fn merged(&mut self, index: usize, target: &Container) -> Sample {
        // Most samples have one part of a source and one of the engine.
        let mut parts: Vec<Part> = Vec::with_capacity(2);
        for slot in &mut self.slots {
            let Some(reading) = slot.readings.remove(&index) else {
                continue;
            };
            let mut figures = reading.figures;
            if !self.cross_check && !parts.is_empty() {
                let taken = |figure| parts.iter().any(|part| part.figures.get(figure).is_some());
                figures = figures.iter().filter(|(figure, _)| !taken(*figure)).collect();
            }
            if !figures.is_empty() {
                parts.push(Part { source: slot.kind(), at: reading.at, figures });
            }
        }
        Sample { name: target.name.clone(), incarnation: target.incarnation, parts }
    }

    /// Containers whose figures now come from another source than in their last sample. A source
    /// that is read seldom stands in for nobody: it has figures of its own, which nobody else gives.
    fn stand_ins(&mut self, samples: &[Sample]) -> Vec<(SourceKind, String)> {
        let mut moved: BTreeMap<(usize, usize), Vec<&str>> = BTreeMap::new();
        for sample in samples {
            let slot_of = |part: &Part| {
                let is_it = |slot: &Slot| slot.kind() == part.source;
                self.slots.iter().position(|slot| is_it(slot) && slot.source.pace().is_zero())
            };
            let Some(now) = sample.parts.iter().find_map(slot_of) else {
                continue;
            };
            let Some(known) = self.first_source.get_mut(&sample.name) else {
                self.first_source.insert(sample.name.clone(), now);
                continue;
            };
            let before = std::mem::replace(known, now);
            if before != now {
                moved.entry((now, before)).or_default().push(&sample.name);
            }
        }
        let kind = |at: usize| self.slots.get(at).map(Slot::kind);
        let tell = |((now, before), names): ((usize, usize), Vec<&str>)| {
            let verb = if now > before { "stands in for" } else { "takes over again from" };
            let (now, before) = (kind(now)?, kind(before)?);
            Some((now, format!("{verb} {before}: {}", names.join(", "))))
        };
        moved.into_iter().filter_map(tell).collect()
    }

    fn note_provenance(&mut self, targets: usize, samples: &[Sample]) {
        if self.provenance_is_full || samples.is_empty() {
            return;
        }
        self.provenance_is_full = samples.len() == targets;
        self.provenance.clear();
        for part in samples.iter().flat_map(|sample| &sample.parts) {
            for (figure, _) in part.figures.iter() {
                self.provenance
                    .entry(figure.name().to_owned())
                    .or_insert_with(|| part.source.name().to_owned());
            }
        }
    }
}

/// The targets at these indices; all of them, as nearly always, need no copy.
fn asked_about<'a>(targets: &'a [Container], wanted: &[usize]) -> Cow<'a, [Container]> {
    if wanted.len() == targets.len() {
        return Cow::Borrowed(targets);
    }
    Cow::Owned(wanted.iter().filter_map(|at| targets.get(*at).cloned()).collect())
}

/// What a source answered, to be asked for by container in the order of the targets.
struct Answers {
    rest: VecDeque<Result<Reading, Gap>>,
    /// Why a container has no answer.
    silence: String,
}

impl Answers {
    fn new(answer: Answer) -> Answers {
        let silence = match &answer {
            None => "no answer within its time limit",
            Some(_) => "no answer about this container",
        };
        let mut silence = silence.to_owned();
        let mut rest = VecDeque::from(answer.unwrap_or_default());
        rest.retain(|answer| match answer {
            Err(Gap { container: None, reason, .. }) => {
                silence.clone_from(reason);
                false
            }
            _ => true,
        });
        Answers { rest, silence }
    }

    /// The first answer about a container. Sources answer in the order in which they were asked, so
    /// that it is usually the next one.
    fn about(&mut self, name: &str) -> Option<Result<Reading, Gap>> {
        let is_it = |answer: &Result<Reading, Gap>| match answer {
            Ok(reading) => reading.container == name,
            Err(gap) => gap.container.as_deref() == Some(name),
        };
        let at = self.rest.iter().position(is_it)?;
        self.rest.remove(at)
    }
}

/// The rules that hold for every source: the right life of the container, figures at all, and a
/// time that belongs to this tick.
///
/// `interval` is that of the ticks, or the longer one at which the source is read.
fn judge(
    reading: Reading,
    target: &Container,
    now: f64,
    interval: Duration,
) -> Result<Reading, String> {
    let age = now - reading.at;
    if reading.incarnation != target.incarnation {
        return Err("its figures are from before the restart".to_owned());
    }
    if reading.figures.is_empty() {
        return Err("it has no figures".to_owned());
    }
    if age > 2.0 * interval.as_secs_f64() {
        return Err(format!("its figures are {age:.1} s old"));
    }
    if age < -FUTURE_S {
        let ahead = -age;
        return Err(format!("its clock is {ahead:.1} s ahead of this machine's"));
    }
    Ok(reading)
}
