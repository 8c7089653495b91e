//! One message of the engine's event stream, and which messages were there before.

use std::collections::{HashMap, VecDeque};

use bollard::models::EventMessage;

use crate::model::{StackEvent, StackEventKind};
use crate::stack::naming;

const REMEMBERED: usize = 512;
/// A stream is opened this much before the newest event: the engine's clock may step back a little,
/// and its events need not come in the order of their times.
const MARGIN_NS: i64 = 2_000_000_000;

/// What one message of the engine says, if it is about a container.
#[must_use]
pub(in crate::stack::engine) fn parse(message: &EventMessage) -> Option<StackEvent> {
    let actor = message.actor.as_ref()?;
    let id = actor.id.clone()?;
    let empty = HashMap::new();
    let attributes = actor.attributes.as_ref().unwrap_or(&empty);
    let number = |key: &str| attributes.get(key).and_then(|v| v.parse::<i64>().ok());
    let action = message.action.as_deref()?;
    let kind = match action {
        "create" => StackEventKind::Create,
        "start" => StackEventKind::Start,
        "oom" => StackEventKind::Oom,
        "die" => StackEventKind::Die { exit_code: number("exitCode") },
        "kill" => {
            StackEventKind::Kill { signal: number("signal").and_then(|n| i32::try_from(n).ok()) }
        }
        "stop" => StackEventKind::Stop,
        "restart" => StackEventKind::Restart,
        "update" => StackEventKind::Update,
        "pause" => StackEventKind::Pause,
        "unpause" => StackEventKind::Unpause,
        "destroy" => StackEventKind::Destroy,
        _ => StackEventKind::Health {
            status: action.strip_prefix("health_status:")?.trim().to_owned(),
        },
    };
    let labels = attributes.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    let engine_name = attributes.get("name").map_or(id.as_str(), String::as_str);
    Some(StackEvent { t: seconds(message)?, name: naming::key(engine_name, &labels), id, kind })
}

fn seconds(message: &EventMessage) -> Option<f64> {
    match (message.time_nano, message.time) {
        (Some(nano), _) => Some(nano as f64 / 1e9),
        (None, Some(time)) => Some(time as f64),
        (None, None) => None,
    }
}

/// Remembers what was seen, so that a stream that begins a little earlier repeats nothing.
#[derive(Debug)]
pub(super) struct Seen {
    recent: VecDeque<(i64, String, String)>,
    /// Where the first stream began, and the newest event since: nanoseconds of the engine's clock.
    beginning: i64,
    newest: i64,
}

impl Seen {
    /// Nothing is seen yet; the first stream begins at `unix_seconds` of the engine's clock.
    pub(super) fn from(unix_seconds: f64) -> Seen {
        let beginning = (unix_seconds * 1e9) as i64;
        Seen { recent: VecDeque::new(), beginning, newest: beginning }
    }

    /// Whether this message is new.
    pub(super) fn is_new(&mut self, message: &EventMessage) -> bool {
        let nano = message.time_nano.unwrap_or_default();
        let id = message.actor.as_ref().and_then(|a| a.id.clone()).unwrap_or_default();
        let entry = (nano, id, message.action.clone().unwrap_or_default());
        if self.recent.contains(&entry) {
            return false;
        }
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(entry);
        self.newest = self.newest.max(nano);
        true
    }

    /// Where the next stream begins, as the engine's `since` has it.
    pub(super) fn since(&self) -> String {
        let nano = (self.newest - MARGIN_NS).max(self.beginning).max(0);
        format!("{}.{:09}", nano / 1_000_000_000, nano % 1_000_000_000)
    }
}
