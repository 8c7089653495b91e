//! The states of the simulation and what leads from one to the next.

/// STOPPED -> RUNNING -> DRAINING -> PAUSED -> RUNNING; stop and reset lead to STOPPED from
/// anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Stopped,
    Running,
    /// No new trips; those under way are finished.
    Draining,
    Paused,
}

/// A call that the state does not allow.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot {call} while {}", state.name())]
pub(super) struct Refused {
    call: &'static str,
    state: State,
}

impl State {
    /// As the control API spells it.
    pub fn name(self) -> &'static str {
        match self {
            State::Stopped => "STOPPED",
            State::Running => "RUNNING",
            State::Draining => "DRAINING",
            State::Paused => "PAUSED",
        }
    }

    /// Starting is resuming, too. Starting what runs changes nothing.
    pub fn start(self) -> Result<State, Refused> {
        match self {
            State::Stopped | State::Paused | State::Running => Ok(State::Running),
            State::Draining => Err(Refused { call: "start", state: self }),
        }
    }

    /// Pausing what is paused, or on its way there, changes nothing.
    pub fn pause(self) -> Result<State, Refused> {
        match self {
            State::Running | State::Draining => Ok(State::Draining),
            State::Paused => Ok(State::Paused),
            State::Stopped => Err(Refused { call: "pause", state: self }),
        }
    }

    /// What follows once `active_trips` are left.
    pub fn settle(self, active_trips: usize) -> State {
        match self {
            State::Draining if active_trips == 0 => State::Paused,
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::State::*;

    #[test]
    fn each_call_leads_where_the_table_says() {
        for (from, start, pause) in [
            (Stopped, Some(Running), None),
            (Running, Some(Running), Some(Draining)),
            (Draining, None, Some(Draining)),
            (Paused, Some(Running), Some(Paused)),
        ] {
            assert_eq!(from.start().ok(), start, "start of {from:?}");
            assert_eq!(from.pause().ok(), pause, "pause of {from:?}");
        }
    }

    #[test]
    fn draining_ends_with_the_last_trip() {
        assert_eq!(Draining.settle(1), Draining);
        assert_eq!(Draining.settle(0), Paused);
        assert_eq!(Running.settle(0), Running);
    }

    #[test]
    fn a_refusal_says_what_and_why() {
        assert_eq!(Stopped.pause().unwrap_err().to_string(), "cannot pause while STOPPED");
    }
}
