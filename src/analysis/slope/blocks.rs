//! Block medians: a spike, a health check or a garbage collection moves no median, and what is
//! left of the autocorrelation between blocks is small enough to be measured.

use crate::analysis::stats::Sample;

/// How a series is cut into blocks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlockRule {
    /// Shortest block, seconds.
    pub seconds: f64,
    /// Most blocks: a longer series has longer blocks.
    pub at_most: usize,
}

impl BlockRule {
    /// 30 s or a fortieth of the length, whichever is longer.
    pub const DEFAULT: BlockRule = BlockRule { seconds: 30.0, at_most: 40 };

    /// With the shortest block that a config asks for, where it asks.
    #[must_use]
    pub fn wanted(seconds: Option<f64>) -> BlockRule {
        BlockRule { seconds: seconds.unwrap_or(Self::DEFAULT.seconds), ..Self::DEFAULT }
    }
}

/// One block: the median of its values at the median of their times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Block {
    /// Seconds.
    pub time: f64,
    /// In the figure's unit.
    pub value: f64,
}

/// Cuts a series (times ascending, `interval` seconds apart) into blocks of equal length. Blocks
/// without a value are left out.
///
/// The number of blocks is rounded, so that 150 ticks of 2 s are ten blocks of 30 s although the
/// last tick comes after 298 s.
#[must_use]
pub fn blocks(time: &[f64], values: &[f64], interval: f64, rule: BlockRule) -> Vec<Block> {
    let (Some(&first), Some(&last)) = (time.first(), time.last()) else {
        return Vec::new();
    };
    let length = last - first + interval;
    let count = (length / rule.seconds.max(interval).max(f64::MIN_POSITIVE)).round();
    let count = (count as usize).clamp(1, rule.at_most.max(1));
    let block_length = length / count as f64;
    let end_of = |block: usize| first + (block + 1) as f64 * block_length;
    let mut cut = Vec::with_capacity(count);
    let mut from = 0;
    for block in 0..count {
        // Half a tick of grace: a tick that came a little early belongs to its own block.
        let end = end_of(block) - interval / 2.0;
        let to = if block + 1 == count {
            time.len()
        } else {
            from + time[from..].partition_point(|t| *t < end)
        };
        cut.extend(median_of(&time[from..to], &values[from..to]));
        from = to;
    }
    cut
}

fn median_of(time: &[f64], values: &[f64]) -> Option<Block> {
    let measured = || time.iter().zip(values).filter(|(_, v)| v.is_finite());
    let value = Sample::of(measured().map(|(_, v)| *v))?.unordered().quantile(0.5);
    let time = Sample::of(measured().map(|(t, _)| *t))?.unordered().quantile(0.5);
    Some(Block { time, value })
}
