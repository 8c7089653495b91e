//! How a run ended.

use crate::model::event::Unfinished;

/// A request to end, from a terminal or a supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal was closed, or the connection to it.
    Hangup,
}

impl Signal {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Signal::Interrupt => "SIGINT",
            Signal::Terminate => "SIGTERM",
            Signal::Hangup => "SIGHUP",
        }
    }

    /// The exit code of a run that it ended.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Signal::Interrupt => 130,
            Signal::Terminate => 143,
            Signal::Hangup => 129,
        }
    }
}

/// Why a run did not do all it was meant to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abort {
    /// The word for files: `stress_test_oom`, `stress_test_insufficient_agents`,
    /// `stress_test_threshold_before_load`, `user_interrupt`, `reset_failed`, `load_failed`,
    /// `record_failed`, `disk_full`, `too_many_open_files`, `run_folder_removed`, `stack_taken_over`.
    pub reason: &'static str,
    /// For people, with the remedy.
    pub message: String,
    /// The environment was not ready (exit 3) rather than the run aborted (exit 4).
    pub environment: bool,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// The first thing that went wrong, if any.
    pub abort: Option<Abort>,
    /// What ended it from outside.
    pub signal: Option<Signal>,
    /// What was left undone at the end.
    pub unfinished: Vec<Unfinished>,
    /// Ticks that were taken.
    pub ticks: u64,
}
