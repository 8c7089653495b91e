//! Fake sources that follow a script, and a bench that ticks a sampler over them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use crate::model::Figure;
use crate::session::sampler::*;

pub const SECOND: Duration = Duration::from_secs(1);

/// What a fake source does with one call.
#[derive(Clone)]
pub enum Does {
    /// Answers for every target with these figures.
    Gives(&'static [(Figure, f64)]),
    /// Answers for all but this container.
    AllBut(&'static str, &'static [(Figure, f64)]),
    /// Figures that are so many seconds old.
    Old(f64, &'static [(Figure, f64)]),
    /// Figures of an earlier life of the container.
    OfOldLife(&'static [(Figure, f64)]),
    /// A gap for each target.
    Fails,
    /// One gap for all.
    FailsWhole,
    /// Says nothing about anybody.
    Silent,
    /// Never comes back.
    Hangs,
}

/// A source that follows a script; its last line repeats.
struct Fake {
    kind: SourceKind,
    offers: &'static [Figure],
    script: Arc<Mutex<VecDeque<Does>>>,
    calls: Arc<Mutex<Vec<Vec<String>>>>,
    clock: RunClock,
}

#[async_trait]
impl Source for Fake {
    fn kind(&self) -> SourceKind {
        self.kind
    }

    fn offers(&self) -> &'static [Figure] {
        self.offers
    }

    /// What is measured seldom comes from the kind `engine` here.
    fn pace(&self) -> Duration {
        if self.kind == SourceKind::Engine { 5 * SECOND } else { Duration::ZERO }
    }

    /// The kind `cgroup` reads tasks in turn here.
    fn background(&self) -> &'static [Figure] {
        if self.kind == SourceKind::Cgroup { &[Figure::Pids] } else { &[] }
    }

    async fn read(&mut self, targets: &[Container], _: Instant) -> Vec<Result<Reading, Gap>> {
        let names = targets.iter().map(|t| t.name.clone()).collect();
        self.calls.lock().expect("calls").push(names);
        let does = {
            let mut script = self.script.lock().expect("script");
            let does = script.front().cloned().expect("a script");
            if script.len() > 1 {
                script.pop_front();
            }
            does
        };
        let gap = |container| Gap { source: self.kind, container, reason: "it broke".into() };
        let reading = |target: &Container, older: f64, figures: &[(Figure, f64)]| Reading {
            container: target.name.clone(),
            incarnation: target.incarnation,
            at: self.clock.now() - older,
            figures: figures.iter().copied().collect(),
        };
        let each = targets.iter();
        match does {
            Does::Gives(figures) => each.map(|t| Ok(reading(t, 0.0, figures))).collect(),
            Does::Old(age, figures) => each.map(|t| Ok(reading(t, age, figures))).collect(),
            Does::AllBut(name, figures) => each
                .map(|t| match t.name == name {
                    true => Err(gap(Some(t.name.clone()))),
                    false => Ok(reading(t, 0.0, figures)),
                })
                .collect(),
            Does::OfOldLife(figures) => each
                .map(|t| Ok(Reading { incarnation: t.incarnation - 1, ..reading(t, 0.0, figures) }))
                .collect(),
            Does::Fails => each.map(|t| Err(gap(Some(t.name.clone())))).collect(),
            Does::FailsWhole => vec![Err(gap(None))],
            Does::Silent => Vec::new(),
            Does::Hangs => std::future::pending().await,
        }
    }
}

/// A sampler under test with the record of who was called about whom.
pub struct Bench {
    pub sampler: Sampler,
    pub calls: Vec<Arc<Mutex<Vec<Vec<String>>>>>,
}

pub type Plan = (SourceKind, &'static [Figure], Vec<Does>);

impl Bench {
    pub fn new(plans: Vec<Plan>, cross_check: bool) -> Bench {
        let clock = RunClock::start();
        let mut calls = Vec::new();
        let mut sources: Vec<Box<dyn Source>> = Vec::new();
        for (kind, offers, script) in plans {
            let fake = Fake {
                kind,
                offers,
                script: Arc::new(Mutex::new(script.into())),
                calls: Arc::default(),
                clock,
            };
            calls.push(Arc::clone(&fake.calls));
            sources.push(Box::new(fake));
        }
        Bench { sampler: Sampler::new(clock, sources, cross_check), calls }
    }

    /// One tick of 1 s interval and 1 s time limit; then time goes on to the next.
    pub async fn tick(&mut self, targets: &[Container]) -> Sampled {
        let start = Instant::now();
        let sampled = self.sampler.sample(targets, SECOND, start + SECOND).await;
        let took = start.elapsed();
        assert!(took <= SECOND + 2 * GRACE, "a tick took {took:?}");
        tokio::time::sleep_until(start + SECOND).await;
        sampled
    }

    pub fn calls(&self, source: usize) -> usize {
        self.calls[source].lock().expect("calls").len()
    }
}

pub fn container(name: &str) -> Container {
    Container { id: format!("id-{name}"), incarnation: 1, ..Container::named(name) }
}
