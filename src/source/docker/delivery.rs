//! How figures come from an engine: over a stream a container, or by asking when they are needed.
//!
//! `one-shot=true` is answered at once since Engine 25.0.0, 24.0.7 and 23.0.8. The engine then
//! reads a container only when it is asked, so an interval of 2 to 8 s costs it a half to an eighth
//! of a stream's reading each second, and the figures are milliseconds old. Before, the call waits
//! for the next tick of the engine's collector (0 to 1.4 s), which a stream does not.

use std::fmt;

/// How figures come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// A stream a container; a frame about every second.
    Streams,
    /// A call a container when a tick needs it.
    OneShot,
}

impl Delivery {
    /// The cheaper one of those that this version of the engine (`28.5.2`, `20.10.24+dfsg1`) is
    /// known to answer without delay. What is no version gets streams, which all engines have.
    #[must_use]
    pub fn of_version(version: &str) -> Delivery {
        let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
        let mut next = || numbers.next().and_then(Result::ok).unwrap_or(0);
        let at_once = match (next(), next(), next()) {
            (25.., _, _) => true,
            (24, minor, patch) => (minor, patch) >= (0, 7),
            (23, minor, patch) => (minor, patch) >= (0, 8),
            _ => false,
        };
        if at_once { Delivery::OneShot } else { Delivery::Streams }
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Delivery::Streams => "streams",
            Delivery::OneShot => "one-shot",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_that_answer_one_shots_at_once_are_asked_so() {
        for version in ["23.0.8", "24.0.7", "24.0.9-1", "25.0.0", "25.0.17", "28.5.2", "29.7.2+x"] {
            assert_eq!(Delivery::of_version(version), Delivery::OneShot, "{version}");
        }
        for version in ["", "dev", "v28", "1.13.1", "20.10.24+dfsg1", "23.0.7", "24.0.6", "5.4.2"] {
            assert_eq!(Delivery::of_version(version), Delivery::Streams, "{version}");
        }
    }
}
