//! Agents of one kind: those that wait to be spawned, and those that are there and hold memory.

use std::time::Duration;

/// Agents spawned a second; a queue that empties at once would hide a client that does not wait.
const SPAWNED_PER_SECOND: f64 = 200.0;

/// Memory that each agent holds, touched.
pub(super) const AGENT_BYTES: usize = 64 << 10;

/// Drivers or riders.
#[derive(Debug, Default)]
pub(super) struct Agents {
    pending: u64,
    spawned: Vec<Box<[u8]>>,
    /// Part of an agent that is spawned already.
    started: f64,
}

impl Agents {
    /// Queues `count` more.
    pub fn queue(&mut self, count: u64) {
        self.pending = self.pending.saturating_add(count);
    }

    /// Spawns what `elapsed` allows.
    pub fn advance(&mut self, elapsed: Duration) {
        if self.pending == 0 {
            self.started = 0.0;
            return;
        }
        self.started += SPAWNED_PER_SECOND * elapsed.as_secs_f64();
        let count = (self.started as u64).min(self.pending);
        self.started -= count as f64;
        self.pending -= count;
        for _ in 0..count {
            // Not zero: zeroed memory would stay untouched, and cost nothing.
            self.spawned.push(vec![0x5A; AGENT_BYTES].into_boxed_slice());
        }
    }

    /// How many wait.
    pub fn pending(&self) -> u64 {
        self.pending
    }

    /// How many there are.
    pub fn spawned(&self) -> usize {
        self.spawned.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_come_out_of_the_queue_two_hundred_a_second() {
        let mut agents = Agents::default();
        agents.queue(30);
        agents.advance(Duration::from_millis(100));
        assert_eq!((agents.pending(), agents.spawned()), (10, 20));
        agents.advance(Duration::from_millis(100));
        assert_eq!((agents.pending(), agents.spawned()), (0, 30));
    }

    #[test]
    fn time_without_a_queue_is_not_saved_up() {
        let mut agents = Agents::default();
        agents.advance(Duration::from_secs(60));
        agents.queue(100);
        agents.advance(Duration::from_millis(10));
        assert_eq!(agents.spawned(), 2);
    }
}
