//! The health of a service over time: asked again and again while it lives.

use std::time::Duration;

use crate::config::Probe;
use crate::model::{Health, StackEventKind};
use crate::session::ports::unix_now;

use super::health;
use super::prepare::Prepared;
use super::service::Supervisor;

/// A service is usually up long before the first interval is over: until it is healthy it is asked
/// after this time, then twice that, up to the interval.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Checks health for ever; the caller drops it when the life ends.
pub async fn check_for_ever(service: &Supervisor) {
    let Some(probe) = &service.prepared.service.health else {
        return std::future::pending().await;
    };
    let mut failures = 0;
    let mut pause = FIRST_PAUSE.min(probe.interval);
    loop {
        tokio::time::sleep(pause).await;
        let result = tokio::time::timeout(probe.timeout, ask(&service.prepared, &probe.probe));
        let late = || format!("no answer within {} s", probe.timeout.as_secs_f64());
        let result = result.await.unwrap_or_else(|_| Err(late()));
        let known = service.state.now().health;
        let health = match &result {
            Ok(()) => {
                failures = 0;
                pause = probe.interval;
                Health::Healthy
            }
            Err(_) => {
                // Early failures, before a full interval has passed, do not count.
                failures += u32::from(pause >= probe.interval);
                pause = (pause * 2).min(probe.interval);
                if failures >= probe.retries { Health::Unhealthy } else { known }
            }
        };
        set_health(service, known, health, result.err());
    }
}

fn set_health(service: &Supervisor, before: Health, now: Health, said: Option<String>) {
    service.state.update(|state| {
        state.health = now;
        state.was_ready |= now == Health::Healthy;
        if said.is_some() {
            state.last_check = said;
        }
    });
    if before != now {
        let status = match now {
            Health::Healthy => "healthy",
            Health::Unhealthy => "unhealthy",
            Health::Starting | Health::None => "starting",
        };
        service.tell(StackEventKind::Health { status: status.to_string() }, unix_now());
    }
}

async fn ask(prepared: &Prepared, probe: &Probe) -> Result<(), String> {
    let Probe::Http { port, path } = probe else { return health::command(prepared).await };
    let real = prepared.ports.iter().find(|(wanted, _)| wanted == port);
    let (_, real) = real.ok_or_else(|| format!("port {port} is not one of its ports"))?;
    health::get(*real, path).await
}
