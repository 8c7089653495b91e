//! One life of a container, from a start of its main process to its end, and what was said about it.

use super::ledger::Ledger;

/// Linux signal numbers.
pub(super) const SIGKILL: i32 = 9;
const SIGINT: i32 = 2;
const SIGQUIT: i32 = 3;
const SIGTERM: i32 = 15;

/// Exit code of a process that a signal ended: 128 plus the signal.
const SIGNAL_BASE: i64 = 128;
/// Exit code of any SIGKILL.
pub(super) const EXIT_KILLED: i64 = SIGNAL_BASE + SIGKILL as i64;

/// `kill` and `stop` come within about this long after the end that they asked for.
const AROUND_END_S: f64 = 1.0;
/// A group is seen empty this long after the kill, or before what tells of it.
const KILL_TO_EMPTY_S: f64 = 10.0;
/// A process that was asked to end may take as long as `stop` waits (10 s), and some more on a
/// loaded machine; SIGKILL took 5.4 s in an emulated one.
const GRACE_S: f64 = 15.0;

/// How the main process ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct End {
    /// Unix seconds.
    pub t: f64,
    pub exit_code: Option<i64>,
    /// No event told of it: that it was started again did.
    pub presumed: bool,
}

/// What the readings of its group tell of a life: whether any process is left in it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Tasks {
    /// When there was one last, Unix seconds.
    pub alive: Option<f64>,
    /// How many tasks there were then.
    pub count: Option<u64>,
    /// When there was none any more: its main process is gone, whoever has told so.
    pub empty: Option<f64>,
}

/// One life.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Life {
    /// The container's id.
    pub id: String,
    /// When it started; unknown for one that already ran.
    pub start: Option<f64>,
    /// The engine's event told of the start, and not only its description of the container.
    pub start_told: bool,
    pub end: Option<End>,
    pub ledger: Ledger,
    pub tasks: Tasks,
    /// Signals that somebody asked the engine to send, with their time.
    kills: Vec<(f64, Option<i32>)>,
    /// Times of `stop` and `restart`.
    stops: Vec<f64>,
    /// When somebody froze it, and thawed it.
    pauses: Vec<(f64, Option<f64>)>,
    /// The engine's flag, seen between this end and the next start, with exit code 137.
    pub flagged: bool,
    /// It ended while the runner itself was resetting the stack.
    pub expected: bool,
    /// The same container was started again.
    pub restarted: bool,
    /// The engine's restart count rose with that: it ended by itself.
    pub by_policy: bool,
    /// The kill that ended it was told before the engine told of the end.
    pub main_was_told: bool,
}

impl Life {
    pub fn new(id: &str, start: Option<f64>) -> Life {
        Life {
            id: id.to_owned(),
            start,
            start_told: false,
            end: None,
            ledger: Ledger::default(),
            tasks: Tasks::default(),
            kills: Vec::new(),
            stops: Vec::new(),
            pauses: Vec::new(),
            flagged: false,
            expected: false,
            restarted: false,
            by_policy: false,
            main_was_told: false,
        }
    }

    /// So many tasks were in its group at `t`. Answers whether they are another life's: a group whose
    /// last process was killed does not come alive by itself. One that was empty without a kill may
    /// have been told so by a source that counts otherwise.
    pub fn tasks(&mut self, t: f64, count: u64) -> bool {
        match count {
            // A group that never showed one may be the wrong one.
            0 if self.tasks.alive.is_some() => {
                self.tasks.empty.get_or_insert(t);
            }
            0 => {}
            _ if self.was_killed_empty() => return true,
            _ => self.tasks = Tasks { alive: Some(t), count: Some(count), empty: None },
        }
        false
    }

    /// Whether its group is empty by an OOM kill.
    pub fn was_killed_empty(&self) -> bool {
        let about = |empty: f64| {
            let (from, to) = (empty - KILL_TO_EMPTY_S, empty + KILL_TO_EMPTY_S);
            self.ledger.latest_between(from, to).is_some()
        };
        self.tasks.empty.is_some_and(about)
    }

    /// When its main process was gone at the latest: an engine that hangs tells its end late.
    pub fn gone(&self) -> Option<f64> {
        let end = self.end.map(|end| end.t);
        match (end, self.tasks.empty) {
            (Some(end), Some(empty)) => Some(end.min(empty)),
            (end, empty) => end.or(empty),
        }
    }

    pub fn paused(&mut self, t: f64) {
        self.pauses.push((t, None));
    }

    pub fn unpaused(&mut self, t: f64) {
        if let Some(pause) = self.pauses.last_mut() {
            pause.1.get_or_insert(t);
        }
    }

    /// Seconds from a request to the end in which the process could act on it.
    fn awake_between(&self, from: f64, to: f64) -> f64 {
        let frozen = |(begin, end): &(f64, Option<f64>)| {
            (end.unwrap_or(to).min(to) - begin.max(from)).max(0.0)
        };
        to - from - self.pauses.iter().map(frozen).sum::<f64>()
    }

    pub fn kill_request(&mut self, t: f64, signal: Option<i32>) {
        self.kills.push((t, signal));
    }

    pub fn stop_request(&mut self, t: f64) {
        self.stops.push(t);
    }

    /// What somebody asked for that explains the end, in words.
    pub fn request(&self) -> Option<String> {
        let end = self.end?;
        let explains = |(t, signal): &&(f64, Option<i32>)| {
            explains(end, self.awake_between(*t, end.t), *signal)
        };
        let kill = self.kills.iter().find(explains);
        if let Some((t, signal)) = kill {
            let signal = signal.map_or("a signal".to_owned(), |s| format!("signal {s}"));
            return Some(format!("somebody asked for {signal} {:.2} s before the end", end.t - t));
        }
        // A stop sends a signal first. One that comes without it found the process already ending:
        // it explains an end that looks like the answer to a signal, and not a crash beside it.
        let like_a_stop = match end.exit_code {
            None | Some(0) => true,
            Some(code) => [SIGKILL, SIGTERM, SIGINT]
                .iter()
                .any(|signal| code == SIGNAL_BASE + i64::from(*signal)),
        };
        let stop = self.stops.iter().find(|t| (end.t - **t).abs() <= AROUND_END_S);
        stop.filter(|_| like_a_stop)
            .map(|t| format!("somebody asked for a stop {:.2} s before the end", end.t - t))
    }

    /// Whether the end looks like an OOM kill, or like nothing for want of an exit code, and nobody
    /// asked for it.
    pub fn was_killed_unasked(&self) -> bool {
        let like_a_kill = |end: End| end.exit_code.is_none_or(|code| code == EXIT_KILLED);
        self.end.is_some_and(like_a_kill) && self.request().is_none()
    }
}

/// Whether a signal sent `before` seconds ahead of an end explains it.
fn explains(end: End, before: f64, signal: Option<i32>) -> bool {
    if before < -AROUND_END_S {
        return false;
    }
    match signal {
        None | Some(SIGKILL | SIGTERM | SIGINT | SIGQUIT) => before <= GRACE_S,
        // Others are messages (SIGHUP: read your files again), unless the process died of them.
        Some(other) => {
            before <= AROUND_END_S && end.exit_code == Some(SIGNAL_BASE + i64::from(other))
        }
    }
}
