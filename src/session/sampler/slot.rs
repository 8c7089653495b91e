//! One source with what is known about it: what it really gives, whether it works, what it
//! answered in this round.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::model::figure::TABLE;
use crate::model::{Container, Figure, FigureSet, Gap, SourceKind};
use crate::session::ports::{Reading, Source};

/// A set of figures, one bit a row of the table.
pub(super) type Figures = u128;

const _: () = assert!(TABLE.len() <= Figures::BITS as usize);

/// Readings after which a source is taken to give what it gave, not what it offers.
const LEARNT_AFTER: u32 = 3;
/// Rounds without any answer after which a source is reported as failing: one may be a hiccup.
const REPORTED_AFTER: u32 = 2;
/// Rounds without any answer after which a source rests before it is asked again.
const RESTS_AFTER: u32 = 3;
/// Rounds without a question after which a source closes what it has open.
const RELEASED_AFTER: u32 = 10;
const LONGEST_REST: Duration = Duration::from_secs(60);

/// A source and its record.
pub(super) struct Slot {
    pub source: Box<dyn Source>,
    /// This round's readings by index of the target.
    pub readings: BTreeMap<usize, Reading>,
    gaps: Vec<Gap>,
    asked: BTreeSet<usize>,
    /// Rounds since it was last asked; `None` when it holds nothing open.
    unasked: Option<u32>,
    /// By the container's key: one that was made anew is like the one before.
    known: HashMap<String, Known>,
    all: Known,
    health: Health,
    /// When its present round of readings began; for sources that are read seldom.
    read_at: Option<Instant>,
    /// What a reading may leave out (see [`Source::background`]).
    background: Figures,
}

/// What readings have taught.
#[derive(Debug, Default, Clone, Copy)]
struct Known {
    readings: u32,
    ever: Figures,
    last: Figures,
    failed: bool,
}

#[derive(Debug, Default)]
struct Health {
    strikes: u32,
    failing_since: Option<Instant>,
    reported: bool,
    rests_until: Option<Instant>,
    reason: String,
}

impl Slot {
    pub fn new(source: Box<dyn Source>) -> Slot {
        Slot {
            background: of(source.background()),
            source,
            readings: BTreeMap::new(),
            gaps: Vec::new(),
            asked: BTreeSet::new(),
            unasked: None,
            known: HashMap::new(),
            all: Known::default(),
            health: Health::default(),
            read_at: None,
        }
    }

    pub fn kind(&self) -> SourceKind {
        self.source.kind()
    }

    /// Forgets the last round. After a restart or reset (`changed`) a resting source is asked at
    /// once: what kept it from answering may be gone.
    pub fn begin_round(&mut self, changed: bool) {
        self.readings.clear();
        self.gaps.clear();
        self.asked.clear();
        if !self.paces() {
            self.read_at = None;
        }
        if changed {
            self.health.rests_until = None;
            for known in self.known.values_mut() {
                known.failed = false;
            }
        }
    }

    pub fn rests(&self) -> bool {
        let until = self.health.rests_until;
        until.is_some_and(|until| Instant::now() < until)
    }

    /// Whether it was read so lately that it is not asked again in this round.
    fn paces(&self) -> bool {
        let pace = self.source.pace();
        // A tick comes when it comes: one that is a little early is not put off by a whole one.
        self.read_at.is_some_and(|at| at.elapsed() + pace / 20 < pace)
    }

    /// Whether it can be asked about this target now: once a round, not while it rests, and not
    /// before its time.
    pub fn can_be_asked(&self, index: usize) -> bool {
        !self.asked.contains(&index) && !self.rests() && !self.paces()
    }

    /// Notes that it is asked now.
    pub fn asked_now(&mut self) {
        self.read_at = Some(Instant::now());
    }

    /// The figures that it could give for this target.
    pub fn may_give(&self, target: &Container) -> Figures {
        let known = self.known.get(&target.name).copied().unwrap_or_default();
        if known.readings >= LEARNT_AFTER {
            known.ever
        } else if self.all.readings >= LEARNT_AFTER {
            // A new container of a stack is like the ones before.
            self.all.ever
        } else {
            of(self.source.offers())
        }
    }

    /// The figures that dearer sources need not be asked for in this round.
    pub fn counts_on(&self, index: usize, target: &Container) -> Figures {
        if let Some(reading) = self.readings.get(&index) {
            let in_turn = self.known.get(&target.name).map_or(0, |known| known.ever);
            return of_set(&reading.figures) | (in_turn & self.background);
        }
        if self.asked.contains(&index) || self.rests() {
            return 0;
        }
        match self.known.get(&target.name) {
            Some(known) if known.failed => 0,
            Some(known) if known.readings > 0 => known.last | (known.ever & self.background),
            _ => self.may_give(target),
        }
    }

    /// Takes a reading for a target of this round.
    pub fn accept(&mut self, index: usize, target: &Container, reading: Reading) {
        let figures = of_set(&reading.figures);
        if !self.known.contains_key(&target.name) {
            self.known.insert(target.name.clone(), Known::default());
        }
        for known in self.known.get_mut(&target.name).into_iter().chain([&mut self.all]) {
            known.readings = known.readings.saturating_add(1);
            known.ever |= figures;
            known.last = figures;
            known.failed = false;
        }
        self.asked.insert(index);
        self.readings.insert(index, reading);
    }

    /// Notes that a target of this round has no figures from here, and why.
    pub fn refuse(&mut self, index: usize, target: &Container, reason: String) {
        self.asked.insert(index);
        self.known.entry(target.name.clone()).or_default().failed = true;
        self.gaps.push(Gap::about(self.kind(), &target.name, reason));
    }

    /// Closes what the source keeps open (streams, descriptors) once it has not been asked for a
    /// while, or there is nothing left to ask about. Until then a stand-in stays warm.
    pub async fn release_unused(&mut self, no_targets: bool) {
        if !self.asked.is_empty() {
            self.unasked = Some(0);
            return;
        }
        let Some(rounds) = self.unasked else { return };
        if self.paces() && !no_targets {
            return;
        }
        if rounds < RELEASED_AFTER && !no_targets {
            self.unasked = Some(rounds + 1);
            return;
        }
        self.unasked = None;
        let now = Instant::now();
        let _ = timeout_at(now + super::GRACE, self.source.read(&[], now)).await;
    }

    /// Ends the round: judges the source, and answers its gaps and what changed.
    pub fn end_round(&mut self, interval: Duration) -> (Vec<Gap>, Option<String>) {
        if self.asked.is_empty() {
            return (self.resting_gap().into_iter().collect(), None);
        }
        let gaps = std::mem::take(&mut self.gaps);
        if !self.readings.is_empty() {
            return (gaps, self.recovered());
        }
        let reason = gaps.first().map_or_else(String::new, |g| g.reason.clone());
        // The same for all: one gap of the whole source says it.
        let whole = gaps.len() > 1 && gaps.iter().all(|gap| gap.reason == reason);
        let change = self.struck(reason.clone(), interval);
        if !whole {
            return (gaps, change);
        }
        (vec![Gap::of_all(self.kind(), reason)], change)
    }

    fn resting_gap(&self) -> Option<Gap> {
        let rest = self.health.rests_until?.checked_duration_since(Instant::now())?;
        let seconds = rest.as_secs_f64();
        let reason = &self.health.reason;
        Some(Gap::of_all(self.kind(), format!("asked again in {seconds:.0} s: {reason}")))
    }

    fn recovered(&mut self) -> Option<String> {
        let health = std::mem::take(&mut self.health);
        let since = health.failing_since.filter(|_| health.reported)?;
        let seconds = since.elapsed().as_secs_f64();
        Some(format!("answers again after {seconds:.0} s"))
    }

    fn struck(&mut self, reason: String, interval: Duration) -> Option<String> {
        let now = Instant::now();
        let health = &mut self.health;
        health.strikes = health.strikes.saturating_add(1);
        health.failing_since.get_or_insert(now);
        health.reason.clone_from(&reason);
        if health.strikes >= RESTS_AFTER {
            let doubled = 2u32.saturating_pow(health.strikes - RESTS_AFTER + 1);
            let rest = interval.saturating_mul(doubled).min(LONGEST_REST);
            health.rests_until = Some(now + rest);
        }
        if health.strikes < REPORTED_AFTER || health.reported {
            return None;
        }
        health.reported = true;
        Some(format!("does not answer: {reason}"))
    }
}

fn of(figures: &[Figure]) -> Figures {
    figures.iter().fold(0, |set, figure| set | bit(*figure))
}

fn of_set(figures: &FigureSet) -> Figures {
    figures.iter().fold(0, |set, (figure, _)| set | bit(figure))
}

fn bit(figure: Figure) -> Figures {
    1 << (figure as u8)
}
