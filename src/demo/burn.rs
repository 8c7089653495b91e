//! Costs CPU time, measured on the clock of the thread that pays it.
//!
//! Counting loops would make the level depend on the build and the machine; the thread clock
//! does not: 4 ms are 4 ms everywhere, also while the container is throttled.

use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

/// Rounds between two looks at the clocks: some 20 microseconds, far above what a look costs.
const ROUNDS: u32 = 5_000;

/// CPU time that the calling thread has used so far.
pub(super) fn thread_cpu() -> Duration {
    // Every Linux kernel since 2.6.12 has this clock; without it nothing would ever be burnt,
    // so the wall clock below is what ends the slice then.
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

/// Burns `amount` of CPU time on the calling thread, but not beyond `until` on the wall clock.
/// Returns what it really cost, which is a little more than `amount` or less when time ran out.
pub(super) fn burn(amount: Duration, until: Instant) -> Duration {
    let begin = thread_cpu();
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    loop {
        let spent = thread_cpu().saturating_sub(begin);
        if spent >= amount || Instant::now() >= until {
            return spent;
        }
        for _ in 0..ROUNDS {
            seed = std::hint::black_box(seed.wrapping_mul(6_364_136_223_846_793_005) ^ 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_says_it_burnt_is_on_the_thread_clock() {
        let before = thread_cpu();
        let told = burn(Duration::from_millis(5), Instant::now() + Duration::from_secs(60));
        let really = thread_cpu() - before;
        assert!(told >= Duration::from_millis(5));
        assert!(really >= told);
    }

    #[test]
    fn a_slice_whose_time_is_over_burns_nothing() {
        let told = burn(Duration::from_secs(3600), Instant::now());
        assert!(told < Duration::from_secs(1));
    }
}
