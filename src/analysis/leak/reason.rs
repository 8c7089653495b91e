//! Why there is no clear verdict, by name and in words.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a container could not be judged, or not more sharply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It rises towards a level: a runtime or a cache is still filling.
    WarmingUp,
    /// It moved in one step or a few; whether they come again is not known.
    Step,
    /// It grew while the load did, and nothing was measured that tells the two apart.
    ConfoundedByLoad,
    /// The interval is still too wide; somewhat longer would do.
    TooShort,
    /// It varies so much that a reasonable length does not settle it.
    TooNoisy,
    /// It is likely to grow, not certain.
    NotCertain,
    /// It has grown evenly since the container began, and not for long: a cache that fills looks the
    /// same.
    StillFilling,
    /// Only a figure that holds page cache was measured.
    PageCache,
    /// Slower than what is called a leak, but the limit is reached within the horizon.
    ReachesLimit,
    /// A second look did not show the growth again, or there was none yet.
    NotConfirmed,
    /// Less was measured under load than the least.
    TooLittle,
    /// No memory was measured.
    NotMeasured,
}

impl Reason {
    /// Its name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Reason::WarmingUp => "warming_up",
            Reason::Step => "step",
            Reason::ConfoundedByLoad => "confounded_by_load",
            Reason::TooShort => "too_short",
            Reason::TooNoisy => "too_noisy",
            Reason::NotCertain => "not_certain",
            Reason::StillFilling => "still_filling",
            Reason::PageCache => "page_cache",
            Reason::ReachesLimit => "reaches_limit",
            Reason::NotConfirmed => "not_confirmed",
            Reason::TooLittle => "too_little",
            Reason::NotMeasured => "not_measured",
        }
    }

    /// What it means, as a person would say it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Reason::WarmingUp => "still warming up",
            Reason::Step => "it moved in steps, which may come again",
            Reason::ConfoundedByLoad => "confounded by load: memory and load grew together",
            Reason::TooShort => "measured too briefly",
            Reason::TooNoisy => "too noisy",
            Reason::NotCertain => "likely, not certain",
            Reason::StillFilling => "a cache still filling looks the same",
            Reason::PageCache => "the working set holds active page cache",
            Reason::ReachesLimit => "slow, but the limit is reached",
            Reason::NotConfirmed => "not confirmed",
            Reason::TooLittle => "too little was measured",
            Reason::NotMeasured => "no memory was measured",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
