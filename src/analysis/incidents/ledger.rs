//! The account of OOM kills of one life of a container: events and counter readings are entries
//! about the same kills, and each kill is counted once.

/// A reading this long after an event must show the kill, if there was one. The kernel tells of the
/// shortage just before it kills; on a loaded machine that takes a while.
pub(super) const SURELY_COUNTED_S: f64 = 1.0;

/// An event may come this long after the counter showed its kill (3.4 s were seen).
pub(super) const LATE_EVENT_S: f64 = 5.0;

/// Events so close together may be about one kill (4 ms were seen; kills of their own come at least
/// 2 s apart in all recordings).
const REPEATED_S: f64 = 0.1;

/// A counter that rises by more in one step is broken: the kernel needs milliseconds for a kill.
const MOST_KILLS: u64 = 10_000;

/// How a kill became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Witnesses {
    /// The engine's event.
    pub event: bool,
    /// The kernel's counter.
    pub counter: bool,
    /// The kernel's log, as cAdvisor reads it.
    pub log: bool,
}

impl Witnesses {
    pub const EVENT: Witnesses = Witnesses { event: true, counter: false, log: false };
    pub const COUNTER: Witnesses = Witnesses { event: false, counter: true, log: false };
    pub const LOG: Witnesses = Witnesses { event: false, counter: false, log: true };

    /// Only the engine says so: a counter may still refute it.
    pub fn event_alone(self) -> bool {
        self == Witnesses::EVENT
    }
}

/// One kill, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Kill {
    /// Unix seconds: of whatever told of it first.
    pub t: f64,
    /// The kernel cannot have killed before this, Unix seconds.
    pub since: f64,
    pub witness: Witnesses,
    /// When it was heard of, where that was later: an engine under load tells late.
    pub heard: Option<f64>,
    /// The machine's counter has room for it.
    pub borne_out: bool,
    /// It is in an incident that was handed out.
    pub reported: bool,
}

impl Kill {
    /// From when to when the kernel can have done it.
    pub fn span(&self) -> (f64, f64) {
        (self.since, self.t + SURELY_COUNTED_S)
    }
}

/// Kills of one life.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Ledger {
    pub kills: Vec<Kill>,
    /// When the counter was read last; a life without readings trusts events sooner.
    pub last_reading: Option<f64>,
    /// How many there are is not certain: witnesses contradict each other, or cannot be told apart.
    pub about: bool,
}

impl Ledger {
    /// The engine said `oom`.
    pub fn event(&mut self, t: f64) {
        match self.nearest(t, |witness| !witness.event) {
            Some(kill) => kill.witness.event = true,
            None => self.add(t, t - LATE_EVENT_S, Witnesses::EVENT),
        }
    }

    /// The kernel's log has a kill at `t`.
    pub fn log(&mut self, t: f64) {
        match self.nearest(t, |witness| !witness.log) {
            Some(kill) => kill.witness.log = true,
            None => self.add(t, t - LATE_EVENT_S, Witnesses::LOG),
        }
    }

    /// Whether something told of a kill that the log's one at `t` can be.
    pub fn awaits_log(&self, t: f64) -> bool {
        self.kills.iter().any(|kill| !kill.witness.log && (t - kill.t).abs() <= LATE_EVENT_S)
    }

    /// Whether something told of a kill that the engine's event at `t` can be.
    pub fn awaits_event(&self, t: f64) -> bool {
        self.kills.iter().any(|kill| !kill.witness.event && (t - kill.t).abs() <= LATE_EVENT_S)
    }

    /// The counter was read at `t` and had risen by `rise` since the reading before, or since the
    /// `start` of the life. Answers the kills that it refutes.
    pub fn reading(&mut self, t: f64, rise: u64, start: Option<f64>) -> Vec<Kill> {
        let before = self.last_reading.replace(t).or(start).unwrap_or(f64::NEG_INFINITY);
        let rise = if rise > MOST_KILLS { 0 } else { rise as usize };
        let open = self.kills.iter_mut().filter(|kill| !kill.witness.counter && kill.t <= t);
        let mut borne_out = 0;
        for kill in open.take(rise) {
            kill.witness.counter = true;
            borne_out += 1;
        }
        for _ in borne_out..rise {
            self.add(t, before, Witnesses::COUNTER);
        }
        self.refute(t)
    }

    /// The kill nearest to `t` that lacks a witness.
    fn nearest(&mut self, t: f64, lacks: impl Fn(Witnesses) -> bool) -> Option<&mut Kill> {
        self.kills
            .iter_mut()
            .filter(|kill| lacks(kill.witness) && (t - kill.t).abs() <= LATE_EVENT_S)
            .min_by(|a, b| (t - a.t).abs().total_cmp(&(t - b.t).abs()))
    }

    fn add(&mut self, t: f64, since: f64, witness: Witnesses) {
        self.kills.push(Kill { t, since, witness, heard: None, borne_out: false, reported: false });
    }

    /// An event that a reading well after it does not bear out was no kill.
    fn refute(&mut self, t: f64) -> Vec<Kill> {
        let refuted =
            |kill: &mut Kill| kill.witness.event_alone() && kill.t + SURELY_COUNTED_S <= t;
        self.kills.extract_if(.., refuted).collect()
    }

    /// The group was empty at `gone`, and its counter was read then: events that came after it are
    /// about kills that are known.
    pub fn close(&mut self, gone: f64) {
        if self.last_reading.is_none_or(|read| read < gone) {
            return;
        }
        let late = |kill: &mut Kill| kill.witness.event_alone() && !kill.reported;
        for _ in self.kills.extract_if(.., late).collect::<Vec<_>>() {
            if let Some(kill) = self.kills.iter_mut().find(|kill| !kill.witness.event) {
                kill.witness.event = true;
            }
        }
    }

    /// On cgroup version 1 the engine sends an event for each process that ran into the limit, not
    /// for each kill. Of several that are witnessed by it alone within a moment one is taken to be a
    /// kill, where there was one process (`tasks`), or nobody knows how many.
    pub fn join_repeated(&mut self, tasks: Option<u64>) {
        let moments: Vec<f64> = self.kills.iter().map(|kill| kill.t).collect();
        let mut index = 0;
        let mut repeated = 0;
        self.kills.retain(|kill| {
            let later = moments.get(index + 1..).unwrap_or_default();
            index += 1;
            let again = later.iter().any(|t| (t - kill.t).abs() <= REPEATED_S);
            let sure = kill.borne_out || kill.reported || !kill.witness.event_alone();
            let joined = again && !sure;
            repeated += u64::from(joined);
            !joined || tasks.is_some_and(|tasks| tasks > 1)
        });
        self.about |= repeated > 0 && tasks != Some(1);
    }

    /// The latest kill between two times.
    pub fn latest_between(&self, from: f64, to: f64) -> Option<usize> {
        let within = |kill: &&(usize, &Kill)| kill.1.t >= from && kill.1.t <= to;
        let candidates = self.kills.iter().enumerate();
        candidates
            .filter(|c| within(&c))
            .max_by(|a, b| a.1.t.total_cmp(&b.1.t))
            .map(|(index, _)| index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: Witnesses = Witnesses { event: true, counter: true, log: true };
    const BOTH: Witnesses = Witnesses { event: true, counter: true, log: false };

    fn witnesses(ledger: &Ledger) -> Vec<Witnesses> {
        ledger.kills.iter().map(|kill| kill.witness).collect()
    }

    #[test]
    fn an_event_and_the_counter_are_witnesses_of_one_kill_in_either_order() {
        let mut ledger = Ledger::default();
        ledger.event(10.0);
        ledger.reading(10.1, 1, None);
        ledger.reading(12.0, 1, None);
        ledger.event(15.4);
        assert_eq!(witnesses(&ledger), [BOTH, BOTH]);
    }

    #[test]
    fn an_event_without_a_rise_is_no_kill_once_the_counter_was_read_well_after_it() {
        let mut ledger = Ledger::default();
        ledger.event(10.0);
        ledger.reading(10.2, 0, None);
        assert_eq!(ledger.kills.len(), 1);
        ledger.reading(11.2, 0, None);
        assert_eq!(ledger.kills.len(), 0);
    }

    #[test]
    fn a_counter_that_rises_beyond_reason_counts_nothing() {
        let mut ledger = Ledger::default();
        ledger.reading(1.0, u64::MAX, None);
        ledger.reading(2.0, MOST_KILLS + 1, None);
        assert_eq!(ledger.kills.len(), 0);
        ledger.reading(3.0, MOST_KILLS, None);
        assert_eq!(ledger.kills.len() as u64, MOST_KILLS);
    }

    #[test]
    fn kills_without_events_are_counted_by_the_counter() {
        let mut ledger = Ledger::default();
        ledger.reading(10.0, 3, None);
        assert_eq!(witnesses(&ledger), [Witnesses::COUNTER; 3]);
    }

    #[test]
    fn the_kernel_s_log_is_a_witness_of_the_same_kill_and_of_one_that_nobody_else_told() {
        let mut ledger = Ledger::default();
        ledger.event(10.0);
        ledger.log(9.3);
        ledger.reading(11.5, 0, None);
        ledger.log(30.0);
        assert_eq!(witnesses(&ledger), [Witnesses { counter: false, ..ALL }, Witnesses::LOG]);
        ledger.reading(31.0, 2, None);
        assert_eq!(witnesses(&ledger), [ALL, Witnesses { event: false, ..ALL }]);
    }

    proptest! {
        /// Each kill has a rise; some also have an event, up to some seconds late.
        #[test]
        fn the_number_of_kills_is_the_counters_however_many_events_come_and_when(
            gaps in prop::collection::vec((0.1..20.0f64, prop::option::of(0.0..3.0f64)), 0..40),
            interval in 0.5..4.0f64,
        ) {
            let mut t = 0.0;
            let mut kills = Vec::new();
            let mut feed: Vec<(f64, bool)> = Vec::new();
            for (gap, event) in gaps {
                t += gap;
                kills.push(t);
                feed.extend(event.map(|late| (t + late, true)));
            }
            let readings = ((t + 10.0) / interval) as u32 + 1;
            feed.extend((1..=readings).map(|i| (f64::from(i) * interval, false)));
            feed.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (mut ledger, mut seen) = (Ledger::default(), 0);
            for (now, is_event) in feed {
                if is_event {
                    ledger.event(now);
                } else {
                    let total = kills.iter().filter(|k| **k <= now).count();
                    ledger.reading(now, (total - seen) as u64, None);
                    seen = total;
                }
            }
            prop_assert_eq!(ledger.kills.len(), kills.len());
        }
    }
}
