//! Work done against work due in the last seconds: 1 while a service keeps up.

use std::collections::VecDeque;
use std::time::Duration;

/// A sliding window over (time, due, done).
#[derive(Debug)]
pub(super) struct RatioWindow {
    width: Duration,
    steps: VecDeque<(Duration, Duration, Duration)>,
}

impl RatioWindow {
    /// A window over the last `width`.
    pub fn new(width: Duration) -> RatioWindow {
        RatioWindow { width, steps: VecDeque::new() }
    }

    /// Adds what became due and what was done in the step that ended at `now`, a time since any
    /// fixed moment that never goes back.
    pub fn record(&mut self, now: Duration, due: Duration, done: Duration) {
        self.steps.push_back((now, due, done));
        while self.steps.front().is_some_and(|(time, _, _)| *time + self.width <= now) {
            self.steps.pop_front();
        }
    }

    /// Done by due, at most 1 (catching up is not being ahead). 1 where nothing was due.
    pub fn ratio(&self) -> f64 {
        let (due, done) = self
            .steps
            .iter()
            .fold((Duration::ZERO, Duration::ZERO), |sum, step| (sum.0 + step.1, sum.1 + step.2));
        if due.is_zero() {
            return 1.0;
        }
        (done.as_secs_f64() / due.as_secs_f64()).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(value: u64) -> Duration {
        Duration::from_millis(value)
    }

    #[test]
    fn it_is_one_where_nothing_was_due() {
        assert_eq!(RatioWindow::new(ms(1000)).ratio(), 1.0);
    }

    #[test]
    fn it_falls_when_less_is_done_than_due() {
        let mut window = RatioWindow::new(ms(1000));
        window.record(ms(100), ms(50), ms(50));
        window.record(ms(200), ms(50), ms(25));
        assert!((window.ratio() - 0.75).abs() < 1e-9);
    }

    #[test]
    fn catching_up_is_not_being_ahead() {
        let mut window = RatioWindow::new(ms(1000));
        window.record(ms(100), ms(10), ms(90));
        assert_eq!(window.ratio(), 1.0);
    }

    #[test]
    fn what_is_older_than_the_window_is_forgotten() {
        let mut window = RatioWindow::new(ms(1000));
        window.record(ms(0), ms(100), ms(0));
        window.record(ms(1000), ms(100), ms(100));
        assert_eq!(window.ratio(), 1.0);
    }
}
