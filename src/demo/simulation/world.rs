//! The simulated world: agents, their trips, and what they cost. No clock, no thread.

use std::time::Duration;

use super::agents::Agents;
use super::state::{Refused, State};
use super::trips::Trips;
use crate::demo::{SIMULATION_MS_PER_PAIR, STREAM_MS_PER_PAIR};

/// CPU time that became due in a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Due {
    /// Here.
    pub simulation: Duration,
    /// In the stream processor.
    pub stream: Duration,
}

/// All that a reset forgets.
#[derive(Debug)]
pub(super) struct World {
    state: State,
    speed: f64,
    pub drivers: Agents,
    pub riders: Agents,
    trips: Trips,
    /// Real time since the reset; trips are timed by it.
    age: Duration,
    /// Simulated time: real time while running, times the speed.
    simulated: Duration,
}

impl Default for World {
    fn default() -> World {
        World {
            state: State::Stopped,
            speed: 1.0,
            drivers: Agents::default(),
            riders: Agents::default(),
            trips: Trips::default(),
            age: Duration::ZERO,
            simulated: Duration::ZERO,
        }
    }
}

impl World {
    /// Lets `elapsed` of real time pass.
    pub fn advance(&mut self, elapsed: Duration) -> Due {
        self.age += elapsed;
        self.drivers.advance(elapsed);
        self.riders.advance(elapsed);
        let working = self.working_pairs();
        if matches!(self.state, State::Running | State::Draining) {
            self.simulated = self.simulated.saturating_add(elapsed.mul_f64(self.speed));
            self.trips.advance(self.age, self.pairs(), self.state == State::Running);
            self.state = self.state.settle(self.trips.active());
        }
        let pair_time = elapsed.mul_f64(working as f64 * self.speed);
        Due {
            simulation: pair_time.mul_f64(SIMULATION_MS_PER_PAIR / 1000.0),
            stream: pair_time.mul_f64(STREAM_MS_PER_PAIR / 1000.0),
        }
    }

    /// Starts or resumes.
    pub fn start(&mut self) -> Result<(), Refused> {
        self.state = self.state.start()?;
        Ok(())
    }

    /// Begins to drain.
    pub fn pause(&mut self) -> Result<(), Refused> {
        self.state = self.state.pause()?;
        Ok(())
    }

    /// Stops at once; agents stay, their trips do not.
    pub fn stop(&mut self) {
        self.trips.abort(self.age);
        self.state = State::Stopped;
    }

    /// `multiplier` must be positive and finite.
    pub fn set_speed(&mut self, multiplier: f64) {
        self.speed = multiplier;
    }

    pub fn state(&self) -> State {
        self.state
    }

    pub fn speed(&self) -> f64 {
        self.speed
    }

    pub fn simulated(&self) -> Duration {
        self.simulated
    }

    pub fn trips(&self) -> &Trips {
        &self.trips
    }

    /// A pair is a driver and a rider.
    pub fn pairs(&self) -> usize {
        self.drivers.spawned().min(self.riders.spawned())
    }

    /// Pairs that cost something: all while running, those on a trip while draining.
    fn working_pairs(&self) -> usize {
        match self.state {
            State::Running => self.pairs(),
            State::Draining => self.trips.active(),
            State::Stopped | State::Paused => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(25);

    fn pass(world: &mut World, time: Duration) -> Due {
        let mut sum = Due { simulation: Duration::ZERO, stream: Duration::ZERO };
        for _ in 0..time.as_millis() / STEP.as_millis() {
            let due = world.advance(STEP);
            sum.simulation += due.simulation;
            sum.stream += due.stream;
        }
        sum
    }

    fn running(pairs: u64) -> World {
        let mut world = World::default();
        world.start().unwrap();
        world.drivers.queue(pairs);
        world.riders.queue(pairs);
        pass(&mut world, Duration::from_secs(2));
        world
    }

    fn ms(time: Duration) -> f64 {
        time.as_secs_f64() * 1000.0
    }

    #[test]
    fn a_pair_costs_4_ms_here_and_4_5_ms_in_the_stream_processor_each_second() {
        let due = pass(&mut running(100), Duration::from_secs(1));
        assert!((ms(due.simulation) - 400.0).abs() < 0.1, "{due:?}");
        assert!((ms(due.stream) - 450.0).abs() < 0.1, "{due:?}");
    }

    #[test]
    fn eight_times_the_speed_with_an_eighth_of_the_agents_costs_the_same() {
        let mut world = running(10);
        world.set_speed(8.0);
        let due = pass(&mut world, Duration::from_secs(1));
        assert!((ms(due.simulation) - 320.0).abs() < 0.1, "{due:?}");
    }

    #[test]
    fn a_driver_without_a_rider_costs_nothing() {
        let mut world = World::default();
        world.start().unwrap();
        world.drivers.queue(50);
        let due = pass(&mut world, Duration::from_secs(1));
        assert_eq!(due.simulation, Duration::ZERO);
    }

    #[test]
    fn pausing_drains_within_the_longest_trip_and_then_costs_nothing() {
        let mut world = running(50);
        pass(&mut world, Duration::from_secs(3));
        world.pause().unwrap();
        assert_eq!(world.state(), State::Draining);
        pass(&mut world, super::super::trips::LONGEST_TRIP + STEP);
        assert_eq!(world.state(), State::Paused);
        let due = pass(&mut world, Duration::from_secs(1));
        assert_eq!(due, Due { simulation: Duration::ZERO, stream: Duration::ZERO });
    }

    #[test]
    fn pausing_without_trips_is_done_in_the_next_step() {
        let mut world = running(0);
        world.pause().unwrap();
        world.advance(STEP);
        assert_eq!(world.state(), State::Paused);
    }

    #[test]
    fn stopping_keeps_the_agents_and_ends_their_trips() {
        let mut world = running(20);
        world.stop();
        assert_eq!((world.pairs(), world.trips().active()), (20, 0));
        assert_eq!(world.state(), State::Stopped);
    }

    #[test]
    fn simulated_time_runs_at_the_speed_and_only_while_running() {
        let mut world = World::default();
        pass(&mut world, Duration::from_secs(1));
        world.start().unwrap();
        world.set_speed(4.0);
        pass(&mut world, Duration::from_secs(1));
        assert_eq!(world.simulated(), Duration::from_secs(4));
    }
}
