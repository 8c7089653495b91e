//! Work waiting for CPU time: a bounded queue that remembers what it refused.

use std::time::Duration;

/// CPU time that was offered and not yet burnt, up to a bound. What goes beyond it is refused, so
/// that an overloaded service falls behind by a bounded time and its memory stays flat.
#[derive(Debug)]
pub(super) struct Backlog {
    bound: Duration,
    waiting: Duration,
    refused: Duration,
}

impl Backlog {
    /// An empty queue that holds at most `bound`.
    pub fn new(bound: Duration) -> Backlog {
        Backlog { bound, waiting: Duration::ZERO, refused: Duration::ZERO }
    }

    /// Queues `work`; returns how much of it was accepted.
    pub fn offer(&mut self, work: Duration) -> Duration {
        let accepted = work.min(self.bound.saturating_sub(self.waiting));
        self.waiting += accepted;
        self.refused = self.refused.saturating_add(work - accepted);
        accepted
    }

    /// Takes `done` off the queue. Doing a little too much (a slice overshoots) leaves none.
    pub fn done(&mut self, done: Duration) {
        self.waiting = self.waiting.saturating_sub(done);
    }

    /// What waits.
    pub fn waiting(&self) -> Duration {
        self.waiting
    }

    /// What was refused since the start.
    pub fn refused(&self) -> Duration {
        self.refused
    }

    /// Forgets what waits.
    pub fn clear(&mut self) {
        self.waiting = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_goes_beyond_the_bound_is_refused_and_counted() {
        let ms = Duration::from_millis;
        let mut backlog = Backlog::new(ms(100));
        assert_eq!(backlog.offer(ms(80)), ms(80));
        assert_eq!(backlog.offer(ms(80)), ms(20));
        assert_eq!(backlog.refused(), ms(60));
        backlog.done(ms(50));
        assert_eq!(backlog.offer(ms(80)), ms(50));
    }

    proptest! {
        #[test]
        fn it_never_holds_more_than_its_bound(steps in prop::collection::vec((0u64..500, 0u64..500), 0..50)) {
            let mut backlog = Backlog::new(Duration::from_millis(300));
            for (offered, done) in steps {
                let offered = Duration::from_millis(offered);
                prop_assert!(backlog.offer(offered) <= offered);
                prop_assert!(backlog.waiting() <= Duration::from_millis(300));
                backlog.done(Duration::from_millis(done));
            }
        }
    }
}
