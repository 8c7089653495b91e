//! Who of the services is not ready, why, and whether waiting helps.

use crate::config::RestartPolicy;
use crate::model::RunState;
use crate::stack::ready::{Observed, Readiness, assess};

use super::service::Running;

/// So many ends without ever having been ready, over 25 s of the back-off: it will not come.
const HOPELESS_RESTARTS: u64 = 8;

/// Where the services stand.
pub struct Standing {
    /// Who is not ready and why, with the last line of its log; where waiting is of no use, only
    /// those that never will be.
    pub waiting: Vec<String>,
    /// Waiting longer does not help.
    pub hopeless: bool,
}

/// Looks at all services.
pub fn look(running: &[Running]) -> Standing {
    let pending: Vec<(String, bool)> = running.iter().filter_map(not_ready).collect();
    let hopeless = pending.iter().any(|(_, hopeless)| *hopeless);
    let told = pending.into_iter().filter(|(_, never)| *never || !hopeless);
    Standing { waiting: told.map(|(why, _)| why).collect(), hopeless }
}

fn not_ready(running: &Running) -> Option<(String, bool)> {
    let state = running.state();
    let service = &running.prepared.service;
    let job = service.restart == RestartPolicy::No && service.health.is_none();
    let observed = Observed {
        container: state.container(&running.prepared),
        last_check: state.last_check.clone(),
        error: state.broken.clone(),
        running_for: state.running_for(),
    };
    let Readiness { pending, .. } = assess(&[], &[observed]);
    let loops = !state.was_ready && state.restarts >= HOPELESS_RESTARTS;
    let (why, hopeless) = match pending.first() {
        Some(pending) => (pending.to_string(), pending.hopeless || loops),
        None if job && state.run == RunState::Running => {
            let name = &service.name;
            (
                format!("{name}: has not ended yet (restart = \"no\": ready when it ended with 0)"),
                false,
            )
        }
        None => return None,
    };
    let log = running.log.last().map(|line| format!("; its log ends: {line}")).unwrap_or_default();
    Some((why + &log, hopeless))
}
