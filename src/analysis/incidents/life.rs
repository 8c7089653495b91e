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
/// A process that was asked to end may take as long as `stop` waits (10 s), and some more on a
/// loaded machine; SIGKILL took 5.4 s in an emulated one.
const GRACE_S: f64 = 15.0;

/// How the main process ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct End {
    /// Unix seconds.
    pub t: f64,
    pub exit_code: Option<i64>,
}

/// One life.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Life {
    /// The container's id.
    pub id: String,
    /// When it started; unknown for one that already ran.
    pub start: Option<f64>,
    pub end: Option<End>,
    pub ledger: Ledger,
    /// Signals that somebody asked the engine to send, with their time.
    kills: Vec<(f64, Option<i32>)>,
    /// Times of `stop` and `restart`.
    stops: Vec<f64>,
    /// The engine's flag, seen between this end and the next start, with exit code 137.
    pub flagged: bool,
    /// It ended while the runner itself was resetting the stack.
    pub expected: bool,
    /// The same container was started again.
    pub restarted: bool,
}

impl Life {
    pub fn new(id: &str, start: Option<f64>) -> Life {
        Life {
            id: id.to_owned(),
            start,
            end: None,
            ledger: Ledger::default(),
            kills: Vec::new(),
            stops: Vec::new(),
            flagged: false,
            expected: false,
            restarted: false,
        }
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
        let kill = self.kills.iter().find(|(t, signal)| explains(end, *t, *signal));
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

/// Whether a signal sent at `t` explains an end.
fn explains(end: End, t: f64, signal: Option<i32>) -> bool {
    let before = end.t - t;
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
