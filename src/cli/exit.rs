//! Exit codes, decided in one place.

use std::process::ExitCode;

use crate::store::StoreError;

/// How a command ended. Ordered by precedence: when several apply, the first wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Exit {
    /// SIGINT, SIGTERM or SIGHUP: 130, 143 or 129. Partial results are saved.
    Signal(u8),
    /// Wrong usage or configuration: 2.
    Usage,
    /// The environment is not ready: 3.
    Environment,
    /// Aborted, damaged input, or nothing measured: 4. Partial results are saved.
    Aborted,
    /// Findings that fail the run: 1.
    Findings,
    /// Clean: 0.
    #[default]
    Clean,
}

impl Exit {
    /// The code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Exit::Signal(code) => code,
            Exit::Usage => 2,
            Exit::Environment => 3,
            Exit::Aborted => 4,
            Exit::Findings => 1,
            Exit::Clean => 0,
        }
    }

    /// The one of the two that takes precedence.
    #[must_use]
    pub fn and(self, other: Exit) -> Exit {
        self.min(other)
    }
}

impl From<&StoreError> for Exit {
    /// A path or format that is not known is a usage error; what is damaged aborts.
    fn from(error: &StoreError) -> Exit {
        if error.is_usage() { Exit::Usage } else { Exit::Aborted }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precedence_is_signal_usage_environment_aborted_findings_clean() {
        let all = [
            Exit::Signal(130),
            Exit::Usage,
            Exit::Environment,
            Exit::Aborted,
            Exit::Findings,
            Exit::Clean,
        ];
        for (index, first) in all.iter().enumerate() {
            for second in &all[index..] {
                assert_eq!(first.and(*second), *first);
                assert_eq!(second.and(*first), *first);
            }
        }
    }
}
