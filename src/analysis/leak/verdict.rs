//! What a verdict says: leak, suspect, ok, or an honest "cannot tell", and the evidence.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::config::LeakConfig;

use super::parts::PartGrowth;
use super::power::Noise;
use super::reason::Reason;

/// The five verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It grows at least as fast as the threshold, and that is sure.
    Leak,
    /// It grows, more slowly.
    Suspect,
    /// It is sure that it does not grow as fast as the threshold.
    Ok,
    /// The interval allows for both.
    Inconclusive,
    /// Too little was measured.
    InsufficientData,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Leak => "leak",
            Verdict::Suspect => "suspect",
            Verdict::Ok => "ok",
            Verdict::Inconclusive => "inconclusive",
            Verdict::InsufficientData => "insufficient_data",
        })
    }
}

/// A verdict with its evidence. Slopes are MB (2^20 bytes) a minute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeakVerdict {
    /// The verdict.
    pub verdict: Verdict,
    /// Why there is no clear one, in words.
    pub reason: Option<String>,
    /// The same by name.
    #[serde(default)]
    pub reason_name: Option<Reason>,
    /// Minutes more under load that would settle it, as far as that can be told.
    #[serde(default)]
    pub more_minutes: Option<f64>,
    /// Estimate.
    pub slope_mb_per_min: Option<f64>,
    /// Lower end of the interval.
    pub ci_low: Option<f64>,
    /// Upper end of the interval.
    pub ci_high: Option<f64>,
    /// Confidence level of the interval.
    pub ci_level: f64,
    /// The interval rests on less than the method was made for (below 10 minutes, or settings
    /// below the defaults).
    pub approximate: bool,
    /// What was added up (`anon+shmem+swap`, `working_set`); absent where no memory was measured.
    pub figure: Option<String>,
    /// Threshold it was judged by, MB/min.
    pub threshold_mb_per_min: f64,
    /// Minutes until the limit is reached, at the upper and the lower end of the interval; no
    /// second one where the lower end is not above zero. Absent without a limit or growth.
    pub minutes_to_limit: Option<(f64, Option<f64>)>,
    /// Growth per unit of work, bytes.
    pub bytes_per_unit: Option<f64>,
    /// The unit of work.
    pub unit: Option<String>,
    /// Minutes judged, after trimming.
    pub minutes: Option<f64>,
    /// Blocks judged.
    pub blocks: Option<usize>,
    /// Probability of lasting growth above the floor, over all explanations.
    #[serde(default)]
    pub probability: Option<f64>,
    /// The smallest leak that this measurement finds in 80 of 100 cases, MB/min, by its own noise.
    #[serde(default)]
    pub detectable_mb_per_min: Option<f64>,
    /// What memory does around its trend.
    #[serde(default)]
    pub noise: Option<Noise>,
    /// Level that a saturating growth will reach, MB of the figure judged.
    #[serde(default)]
    pub levels_at_mb: Option<f64>,
    /// What grows, the fastest first; empty where nothing does or it was not asked.
    #[serde(default)]
    pub parts: Vec<PartGrowth>,
    /// Whether a second look supports it; absent where there was none.
    #[serde(default)]
    pub confirmed: Option<bool>,
}

impl LeakVerdict {
    /// Nothing could be judged.
    #[must_use]
    pub fn insufficient(reason: impl Into<String>, config: &LeakConfig) -> LeakVerdict {
        LeakVerdict {
            verdict: Verdict::InsufficientData,
            reason: Some(reason.into()),
            reason_name: Some(Reason::NotMeasured),
            more_minutes: None,
            slope_mb_per_min: None,
            ci_low: None,
            ci_high: None,
            ci_level: config.ci_level,
            approximate: false,
            figure: None,
            threshold_mb_per_min: config.leak_mb_per_min,
            minutes_to_limit: None,
            bytes_per_unit: None,
            unit: None,
            minutes: None,
            blocks: None,
            probability: None,
            detectable_mb_per_min: None,
            noise: None,
            levels_at_mb: None,
            parts: Vec::new(),
            confirmed: None,
        }
    }
}
