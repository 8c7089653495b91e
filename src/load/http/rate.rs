//! When which request is due: a fixed rate, shared out by weights. No clock.

/// The tasks' shares of a rate.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    /// Requests a second over all tasks.
    rate: f64,
    weights: Vec<f64>,
    credit: Vec<f64>,
}

impl Schedule {
    /// A schedule of this rate; a task of weight 0 has no turn.
    pub(super) fn new(rate: u32, weights: Vec<f64>) -> Schedule {
        Schedule { rate: f64::from(rate), credit: vec![0.0; weights.len()], weights }
    }

    /// Seconds between two requests; none where nothing is due ever.
    pub(super) fn gap(&self) -> Option<f64> {
        let total: f64 = self.weights.iter().sum();
        (self.rate > 0.0 && total > 0.0).then(|| 1.0 / self.rate)
    }

    /// The task whose turn it is: smooth weighted round robin (as in nginx). Each task gets its
    /// share in any stretch of requests, not only in the mean.
    pub(super) fn next(&mut self) -> Option<usize> {
        let total: f64 = self.weights.iter().sum();
        if total <= 0.0 {
            return None;
        }
        for (credit, weight) in self.credit.iter_mut().zip(&self.weights) {
            *credit += weight;
        }
        let best = (0..self.credit.len())
            .filter(|task| self.weights[*task] > 0.0)
            .max_by(|a, b| self.credit[*a].total_cmp(&self.credit[*b]))?;
        self.credit[best] -= total;
        Some(best)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_task_gets_its_share_in_every_stretch() {
        let mut schedule = Schedule::new(10, vec![3.0, 1.0, 0.0]);
        for _ in 0..5 {
            let four: Vec<usize> = (0..4).filter_map(|_| schedule.next()).collect();
            assert_eq!(four.iter().filter(|task| **task == 0).count(), 3, "{four:?}");
            assert!(!four.contains(&2));
        }
    }

    #[test]
    fn no_rate_or_no_task_is_never_due() {
        assert_eq!(Schedule::new(0, vec![1.0]).gap(), None);
        assert_eq!(Schedule::new(5, vec![0.0]).gap(), None);
        assert_eq!(Schedule::new(5, vec![0.0]).next(), None);
        assert_eq!(Schedule::new(4, vec![1.0]).gap(), Some(0.25));
    }
}
