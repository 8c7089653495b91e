//! The planted leak: touched anonymous memory that grows with wall time while there is work.
//!
//! It grows in many small steps (page by page in slabs that were reserved and not yet touched),
//! so that a sampler sees a straight line and not a staircase.

use std::time::{Duration, Instant};

const MB: f64 = 1_048_576.0;

/// Reserved at a time. Untouched pages cost nothing.
const SLAB: usize = 1 << 20;

/// Memory that is never given back.
#[derive(Debug)]
pub(super) struct Leak {
    bytes_per_second: f64,
    owed: f64,
    slabs: Vec<Vec<u8>>,
}

impl Leak {
    /// A leak of `mb_per_min` (2^20 bytes), which must not be negative.
    pub fn new(mb_per_min: f64) -> Leak {
        Leak { bytes_per_second: mb_per_min * MB / 60.0, owed: 0.0, slabs: Vec::new() }
    }

    /// Leaks what is owed for `elapsed` of work. Fractions of a byte are carried over.
    pub fn grow(&mut self, elapsed: Duration) {
        self.owed += self.bytes_per_second * elapsed.as_secs_f64();
        let mut bytes = self.owed as usize;
        self.owed -= bytes as f64;
        while bytes > 0 {
            bytes -= self.touch(bytes);
        }
    }

    /// Bytes leaked so far.
    pub fn bytes(&self) -> u64 {
        self.slabs.iter().map(|slab| slab.len() as u64).sum()
    }

    /// Touches up to `bytes` in the last slab; returns how many.
    fn touch(&mut self, bytes: usize) -> usize {
        match self.slabs.last_mut() {
            Some(slab) if slab.len() < SLAB => {
                let step = bytes.min(SLAB - slab.len());
                // Not zero, so that no kernel or allocator can share or merge the pages.
                slab.resize(slab.len() + step, 0xA5);
                step
            }
            _ => {
                self.slabs.push(Vec::with_capacity(SLAB));
                0
            }
        }
    }
}

/// How long the level was above 0, told by the times at which work came in.
///
/// Batches come late on a busy host; a gap up to [`LONGEST_GAP`] still is time with work.
#[derive(Debug, Default)]
pub(super) struct WorkTime {
    counted_until: Option<Instant>,
}

/// A longer one is a pause.
const LONGEST_GAP: Duration = Duration::from_secs(2);

impl WorkTime {
    /// The time with work since the last call, where work last came in at `last_work`.
    pub fn advance(&mut self, last_work: Option<Instant>) -> Duration {
        let (Some(until), from) = (last_work, self.counted_until) else {
            return Duration::ZERO;
        };
        self.counted_until = Some(until);
        let gap = from.map_or(Duration::ZERO, |from| until.saturating_duration_since(from));
        if gap > LONGEST_GAP { Duration::ZERO } else { gap }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_batches_are_time_with_work_and_pauses_are_not() {
        let start = Instant::now();
        let at = |ms: u64| Some(start + Duration::from_millis(ms));
        let mut time = WorkTime::default();
        let mut counted = Duration::ZERO;
        // Two looks see the same batch; one comes 900 ms late; then a pause of 10 s.
        for last_work in [None, at(0), at(100), at(100), at(1000), at(11_000), at(11_100)] {
            counted += time.advance(last_work);
        }
        assert_eq!(counted, Duration::from_millis(1100));
    }

    #[test]
    fn a_minute_of_work_leaks_the_rate_whatever_the_steps() {
        for step_ms in [1u64, 50, 333, 60_000] {
            let mut leak = Leak::new(3.0);
            for _ in 0..60_000 / step_ms {
                leak.grow(Duration::from_millis(step_ms));
            }
            let rest = Duration::from_millis(60_000 % step_ms);
            leak.grow(rest);
            assert!(leak.bytes().abs_diff(3 << 20) <= 1, "{step_ms} ms: {}", leak.bytes());
        }
    }

    #[test]
    fn no_work_and_no_rate_leak_nothing() {
        let mut leak = Leak::new(40.0);
        leak.grow(Duration::ZERO);
        assert_eq!(leak.bytes(), 0);
        let mut none = Leak::new(0.0);
        none.grow(Duration::from_secs(3600));
        assert_eq!(none.bytes(), 0);
    }

    #[test]
    fn a_slab_is_never_moved_since_that_would_double_its_memory_for_a_moment() {
        let mut leak = Leak::new(60.0);
        for _ in 0..100 {
            leak.grow(Duration::from_millis(50));
        }
        assert!(leak.slabs.iter().all(|slab| slab.capacity() == SLAB));
    }
}
