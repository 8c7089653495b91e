//! Readiness, decided: who is ready, who is not and why, and who never will be.
//!
//! Ready is: healthy, where there is a health check; running for a moment, where there is none
//! (a service that dies a second after its start was never ready); exited with 0, for a one-shot and for
//! a job that others wait for.

use std::fmt;
use std::time::Duration;

use crate::model::{Container, Health, RunState};

/// A container without a health check counts as ready when it has run this long.
pub const STEADY: Duration = Duration::from_secs(1);

/// A service that must be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The compose service.
    pub service: String,
    /// How many containers of it.
    pub replicas: u32,
    /// A job: another service waits until it has ended with 0 (`service_completed_successfully`).
    pub job: bool,
}

/// A container as it was found, and what its record alone does not say.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// The container.
    pub container: Container,
    /// Output of its last health check.
    pub last_check: Option<String>,
    /// Why the engine could not start it.
    pub error: Option<String>,
    /// How long it is known to run without interruption.
    pub running_for: Duration,
}

/// Somebody who is not ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The container's key, or the service that has none.
    pub name: String,
    /// Why, in words.
    pub why: String,
    /// Waiting longer does not help.
    pub hopeless: bool,
}

impl fmt::Display for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.why)
    }
}

/// Where all of them stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Readiness {
    /// How many are ready.
    pub ready: usize,
    /// How many must be.
    pub total: usize,
    /// Who is not.
    pub pending: Vec<Pending>,
}

impl Readiness {
    /// Whether all are ready.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.pending.is_empty()
    }

    /// Whether somebody never will be.
    #[must_use]
    pub fn hopeless(&self) -> bool {
        self.pending.iter().any(|p| p.hopeless)
    }
}

/// Where `found` stands against what is `expected`.
#[must_use]
pub fn assess(expected: &[Expected], found: &[Observed]) -> Readiness {
    let mut readiness = Readiness::default();
    for service in expected {
        let there = found
            .iter()
            .filter(|o| o.container.service.as_deref() == Some(&service.service))
            .count();
        let wanted = service.replicas as usize;
        if there < wanted {
            readiness.total += wanted - there;
            readiness.pending.push(Pending {
                name: service.service.clone(),
                why: match there {
                    0 => "has no container".to_owned(),
                    _ => format!("has {there} of {wanted} containers"),
                },
                hopeless: false,
            });
        }
    }
    for observed in found {
        readiness.total += 1;
        match verdict(observed, is_job(expected, &observed.container)) {
            None => readiness.ready += 1,
            Some(pending) => readiness.pending.push(pending),
        }
    }
    readiness
}

/// Whether a container ended as it was meant to: nothing starts it again.
#[must_use]
pub fn is_done(expected: &[Expected], c: &Container) -> bool {
    let meant = c.one_shot || is_job(expected, c);
    c.state == RunState::Exited && c.exit_code == Some(0) && meant
}

fn is_job(expected: &[Expected], c: &Container) -> bool {
    expected.iter().any(|e| e.job && c.service.as_ref() == Some(&e.service))
}

/// Why one container is not ready; `None` when it is.
fn verdict(observed: &Observed, job: bool) -> Option<Pending> {
    let c = &observed.container;
    let (why, hopeless) = match c.state {
        RunState::Running if job => ("has not ended yet; others wait for it".to_owned(), false),
        RunState::Running => (running(observed)?, false),
        RunState::Exited if (c.one_shot || job) && c.exit_code == Some(0) => return None,
        RunState::Exited => (exited(c, observed.error.as_deref()), c.one_shot),
        RunState::Restarting => (format!("keeps restarting ({}, {})", code(c), restarts(c)), false),
        RunState::Created => match &observed.error {
            Some(error) => (format!("could not be started: {error}"), true),
            None => ("is not started yet".to_owned(), false),
        },
        RunState::Paused => ("is paused (unpause it)".to_owned(), false),
        RunState::Dead => ("is dead or being removed".to_owned(), false),
    };
    Some(Pending { name: c.name.clone(), why, hopeless })
}

fn running(observed: &Observed) -> Option<String> {
    let c = &observed.container;
    let check = || match observed.last_check.as_deref().map(str::trim) {
        None | Some("") => String::new(),
        Some(output) => format!("; last check said: {}", shorten(output)),
    };
    match c.health {
        Health::Healthy => None,
        Health::Starting => Some(format!("its health check has not passed yet{}", check())),
        Health::Unhealthy => Some(format!("is unhealthy{}", check())),
        Health::None if observed.running_for >= STEADY => None,
        Health::None if c.restart_count > 0 => {
            Some(format!("has just started again ({})", restarts(c)))
        }
        Health::None => Some("has just started".to_owned()),
    }
}

fn exited(c: &Container, error: Option<&str>) -> String {
    let oom = if c.oom_killed { ", OOM-killed" } else { "" };
    let error = error.map(|e| format!(": {e}")).unwrap_or_default();
    format!("ended with {}{oom}{error}", code(c))
}

fn code(c: &Container) -> String {
    c.exit_code.map_or("an unknown exit code".to_owned(), |n| format!("exit code {n}"))
}

fn restarts(c: &Container) -> String {
    match c.restart_count {
        1 => "1 restart".to_owned(),
        n => format!("{n} restarts"),
    }
}

/// The end of an output on one line, 200 characters at most.
fn shorten(output: &str) -> String {
    let line = output.split_whitespace().collect::<Vec<_>>().join(" ");
    let skip = line.chars().count().saturating_sub(200);
    if skip == 0 { line } else { format!("...{}", line.chars().skip(skip).collect::<String>()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(state: RunState, health: Health) -> Observed {
        Observed {
            container: Container {
                id: "1".into(),
                engine_name: "demo-api-1".into(),
                service: Some("api".into()),
                state,
                health,
                ..Container::named("api")
            },
            last_check: None,
            error: None,
            running_for: Duration::from_secs(5),
        }
    }

    fn why(observed: Observed) -> Option<(String, bool)> {
        let readiness = assess(&[], &[observed]);
        readiness.pending.first().map(|p| (p.why.clone(), p.hopeless))
    }

    #[test]
    fn healthy_is_ready_and_starting_or_unhealthy_is_not() {
        assert_eq!(why(one(RunState::Running, Health::Healthy)), None);
        let mut o = one(RunState::Running, Health::Starting);
        assert!(why(o.clone()).is_some_and(|(w, h)| w.contains("not passed yet") && !h));
        o.container.health = Health::Unhealthy;
        o.last_check = Some("connection\n refused\n".into());
        let (w, hopeless) = why(o).expect("unhealthy is not ready");
        assert_eq!(w, "is unhealthy; last check said: connection refused");
        assert!(!hopeless, "it may still recover before the time limit");
    }

    #[test]
    fn without_a_health_check_running_for_a_moment_is_ready() {
        let mut o = one(RunState::Running, Health::None);
        assert_eq!(why(o.clone()), None);
        o.running_for = Duration::from_millis(300);
        assert!(why(o.clone()).is_some());
        o.container.restart_count = 3;
        assert!(why(o).is_some_and(|(w, _)| w.contains("3 restarts")));
    }

    #[test]
    fn a_one_shot_is_ready_when_it_ended_with_0_and_hopeless_otherwise() {
        let mut o = one(RunState::Exited, Health::None);
        o.container.one_shot = true;
        o.container.exit_code = Some(0);
        assert_eq!(why(o.clone()), None);
        o.container.exit_code = Some(5);
        assert_eq!(why(o), Some(("ended with exit code 5".into(), true)));
    }

    #[test]
    fn a_job_that_others_wait_for_is_ready_when_it_ended_with_0_and_not_while_it_runs() {
        let expected = [Expected { service: "api".into(), replicas: 1, job: true }];
        let why = |o: &Observed| {
            let readiness = assess(&expected, std::slice::from_ref(o));
            readiness.pending.first().map(|p| (p.why.clone(), p.hopeless))
        };
        let mut o = one(RunState::Running, Health::None);
        assert_eq!(why(&o), Some(("has not ended yet; others wait for it".into(), false)));
        o.container.state = RunState::Exited;
        o.container.exit_code = Some(0);
        assert_eq!(why(&o), None);
        assert!(is_done(&expected, &o.container) && !is_done(&[], &o.container));
        o.container.exit_code = Some(3);
        assert!(why(&o).is_some_and(|(why, _)| why.contains("exit code 3")));
        assert!(!is_done(&expected, &o.container));
    }

    #[test]
    fn a_service_that_ended_with_0_although_it_restarts_is_not_ready() {
        let mut o = one(RunState::Exited, Health::None);
        o.container.exit_code = Some(0);
        assert_eq!(why(o), Some(("ended with exit code 0".into(), false)));
    }

    #[test]
    fn what_the_engine_could_not_start_is_named_with_its_reason() {
        let mut o = one(RunState::Created, Health::None);
        assert!(why(o.clone()).is_some_and(|(_, hopeless)| !hopeless));
        o.error = Some("port is already allocated".into());
        assert_eq!(why(o), Some(("could not be started: port is already allocated".into(), true)));
    }

    #[test]
    fn restarting_paused_and_dead_are_not_ready() {
        let mut o = one(RunState::Restarting, Health::None);
        o.container.exit_code = Some(137);
        o.container.restart_count = 2;
        assert_eq!(why(o), Some(("keeps restarting (exit code 137, 2 restarts)".into(), false)));
        assert!(why(one(RunState::Paused, Health::Healthy)).is_some());
        assert!(why(one(RunState::Dead, Health::Healthy)).is_some());
    }

    #[test]
    fn a_service_without_its_containers_is_named_and_counted() {
        let expected = [
            Expected { service: "api".into(), replicas: 3, job: false },
            Expected { service: "db".into(), replicas: 1, job: false },
        ];
        let r = assess(&expected, &[one(RunState::Running, Health::Healthy)]);
        assert_eq!((r.ready, r.total), (1, 4));
        let names: Vec<String> = r.pending.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["api: has 1 of 3 containers", "db: has no container"]);
        assert!(!r.complete() && !r.hopeless());
    }

    #[test]
    fn a_long_check_output_is_cut_at_its_beginning() {
        let mut o = one(RunState::Running, Health::Unhealthy);
        o.last_check = Some(format!("{}END", "x".repeat(500)));
        let (w, _) = why(o).expect("unhealthy is not ready");
        assert!(w.len() < 260 && w.ends_with("END"), "{w}");
    }
}
