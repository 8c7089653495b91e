// The driver's thread waits for a lock that a test holds while it awaits: that is what hangs.
#![allow(clippy::await_holding_lock)]

use std::sync::{Arc, Mutex};

use super::*;
use crate::model::FigureSet;

/// A driver whose calls wait for the test's hand.
struct Gate {
    open: Arc<Mutex<()>>,
    breaks: bool,
}

impl Driver for Gate {
    fn devices(&self) -> Vec<Device> {
        Vec::new()
    }

    fn read(&mut self, _: &Owners) -> DriverRead {
        assert!(!self.breaks, "as a broken library does");
        let _open = self.open.lock();
        let figures: FigureSet = [(Figure::GpuPercent, 50.0)].into_iter().collect();
        DriverRead { figures: vec![("gpu0".into(), figures)], ..DriverRead::default() }
    }
}

const LIMIT: Duration = Duration::from_secs(60);

async fn worker(open: &Arc<Mutex<()>>, breaks: bool) -> Worker {
    let gate = Gate { open: Arc::clone(open), breaks };
    let clock = RunClock::start();
    let made = Worker::open(SourceKind::Nvml, clock, "/proc".into(), LIMIT, || Ok(gate)).await;
    made.unwrap_or_else(|why| panic!("{why}"))
}

async fn read(worker: &mut Worker, limit: Duration) -> DeviceRound {
    worker.begin(&[]);
    worker.finish(Instant::now() + limit).await
}

#[tokio::test]
async fn a_driver_that_hangs_costs_its_own_figures_and_comes_back() {
    let open = Arc::new(Mutex::new(()));
    let mut worker = worker(&open, false).await;
    assert_eq!(read(&mut worker, LIMIT).await.devices.len(), 1);
    let held = open.lock().expect("the gate");
    let hung = read(&mut worker, Duration::from_millis(10)).await;
    assert!(hung.devices.is_empty());
    assert_eq!(hung.gaps[0].reason, "no answer within its time limit");
    // Not waited for again: with the whole minute as its limit this would not end in time.
    let again = tokio::time::timeout(LIMIT / 2, read(&mut worker, LIMIT * 10)).await;
    assert_eq!(again.expect("at once").gaps.len(), 1);
    drop(held);
    let back = async {
        loop {
            let round = read(&mut worker, LIMIT).await;
            if !round.devices.is_empty() {
                return round;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let back = tokio::time::timeout(LIMIT, back).await.expect("it is asked again");
    assert!(back.gaps.is_empty());
}

#[tokio::test]
async fn a_library_that_breaks_down_is_a_gap_for_the_rest_of_the_run() {
    let mut worker = worker(&Arc::default(), true).await;
    for _ in 0..3 {
        let round = read(&mut worker, LIMIT).await;
        assert_eq!(round.gaps[0].reason, "the driver's library broke down");
    }
}

#[tokio::test]
async fn a_driver_that_does_not_start_is_given_up() {
    let open = Arc::new(Mutex::new(()));
    let held = open.lock().expect("the gate");
    let hand = Arc::clone(&open);
    let make = move || {
        let _open = hand.lock();
        Err::<Gate, _>("too late".to_string())
    };
    let limit = Duration::from_millis(10);
    let made = Worker::open(SourceKind::Nvml, RunClock::start(), "/proc".into(), limit, make).await;
    assert_eq!(made.err().as_deref(), Some("the driver did not start in 0 s"));
    drop(held);
}
