//! The engine's events, live. The stream is opened anew when it breaks, when its engine hangs, and
//! now and then when it is silent: a connection that died without a word looks just the same. Each
//! new stream begins before the newest event, and what the engine then repeats is left out.
//!
//! The engine's history is no log (256 events for the whole engine, three a health check, none
//! after its restart), so an interruption is said as a [`StackEventKind::StreamGap`] as soon as the
//! engine answers again, and all containers are looked at anew.
//!
//! The lines are read here and not by bollard, whose strict types end a stream with the first
//! message that they do not know.

mod message;

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::EventMessage;
use reqwest::{Response, Url};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, MissedTickBehavior, timeout};

use message::Seen;
pub(super) use message::parse;

use super::tracker::{Marks, Selection};
use super::{CALL_LIMIT, Engine, chain};
use crate::model::{StackEvent, StackEventKind};
use crate::session::ports::unix_now;
use crate::stack::naming;

/// How often a silent stream's engine is asked whether it lives, and how long it may take.
const WATCH: Duration = Duration::from_secs(10);
/// A stream that has been silent for so long is opened anew.
const RENEW: Duration = Duration::from_secs(60);
/// Pause before a broken stream is opened anew: doubled up to the second.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// An interruption that lasts is told once before its end.
const LASTS: Duration = Duration::from_secs(5);
/// An event that is older than its stream by more was missed by the stream before.
const LATE_S: f64 = 1.0;
/// A message is below 10 KB.
const LONGEST_LINE: usize = 1 << 20;

/// Actions asked for; the engine matches `health_status` by its beginning.
const ACTIONS: [&str; 13] = [
    "create",
    "start",
    "oom",
    "die",
    "kill",
    "stop",
    "restart",
    "update",
    "pause",
    "unpause",
    "destroy",
    "rename",
    "health_status",
];

/// Why a stream is no longer followed.
enum End {
    /// Nobody wants the events any more.
    Unwanted,
    /// It was silent for long: time for a new one.
    Silent,
    /// It broke, having been alive until then.
    Broken(String, Instant),
}

/// A time without a stream.
struct Outage {
    since: Instant,
    reason: String,
    told: bool,
}

/// What is kept from stream to stream.
struct Listener {
    engine: Engine,
    selection: Selection,
    marks: Marks,
    events: UnboundedSender<StackEvent>,
    seen: Seen,
    outage: Option<Outage>,
}

/// Listens until nobody wants the events any more.
pub(super) async fn listen(
    engine: Engine,
    selection: Selection,
    marks: Marks,
    events: UnboundedSender<StackEvent>,
) {
    let seen = Seen::from(engine.clock.now());
    let mut listener = Listener { engine, selection, marks, events, seen, outage: None };
    let mut pause = PAUSE.0;
    let mut renewed = false;
    while !listener.events.is_closed() {
        let opened = Instant::now();
        let (reason, alive) = match listener.open().await {
            Err(reason) => (reason, opened),
            Ok(stream) => {
                listener.recovered();
                match listener.follow(stream, std::mem::take(&mut renewed)).await {
                    End::Unwanted => return,
                    End::Silent => {
                        renewed = true;
                        continue;
                    }
                    End::Broken(reason, alive) => (reason, alive),
                }
            }
        };
        if opened.elapsed() > WATCH {
            pause = PAUSE.0;
        }
        listener.interrupted(reason, alive);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE.1);
    }
}

impl Listener {
    async fn open(&self) -> Result<Response, String> {
        let base = &self.engine.clients.base;
        let filters = filters(&self.selection).to_string();
        let since = self.seen.since();
        let parameters = [("filters", filters.as_str()), ("since", since.as_str())];
        let url = Url::parse_with_params(&format!("{base}/events"), parameters)
            .map_err(|e| e.to_string())?;
        let asked = timeout(CALL_LIMIT, self.engine.clients.http.get(url).send()).await;
        let response = asked
            .map_err(|_| format!("no stream of events within {} s", CALL_LIMIT.as_secs()))?
            .map_err(|e| chain(&e))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let said = timeout(CALL_LIMIT, response.text()).await.ok().and_then(Result::ok);
        let said: String = said.unwrap_or_default().chars().take(300).collect();
        Err(format!("the engine refused the stream of events: {status} {}", said.trim()))
    }

    /// There is a stream again: an interruption is over.
    fn recovered(&mut self) {
        let Some(outage) = self.outage.take() else { return };
        let seconds = outage.since.elapsed().as_secs_f64();
        self.gap(format!("engine stream interrupted {seconds:.1} s: {}", outage.reason));
    }

    fn interrupted(&mut self, reason: String, since: Instant) {
        let first = Outage { since, reason: reason.clone(), told: false };
        let outage = self.outage.get_or_insert(first);
        if outage.since.elapsed() >= LASTS && !std::mem::replace(&mut outage.told, true) {
            let seconds = outage.since.elapsed().as_secs_f64();
            let interrupted = "engine stream interrupted, not back after";
            self.gap(format!("{interrupted} {seconds:.1} s: {reason}"));
        }
    }

    /// Something may have been missed: everything is looked at anew.
    fn gap(&self, reason: String) {
        self.marks.mark_all();
        let kind = StackEventKind::StreamGap { reason };
        // Nobody there any more is noticed by the loop.
        let _ = self.events.send(StackEvent {
            t: unix_now(),
            id: String::new(),
            name: String::new(),
            kind,
        });
    }

    /// Follows one stream to its end. `renewed`: it took the place of one that was thought to work.
    async fn follow(&mut self, mut stream: Response, renewed: bool) -> End {
        let begun = self.engine.clock.now();
        let mut late_told = !renewed;
        let (mut alive, mut heard) = (Instant::now(), Instant::now());
        let mut watch = tokio::time::interval_at(Instant::now() + WATCH, WATCH);
        watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let events = self.events.clone();
        let mut rest = Vec::new();
        loop {
            tokio::select! {
                chunk = stream.chunk() => match chunk {
                    Ok(Some(chunk)) => {
                        (alive, heard) = (Instant::now(), Instant::now());
                        rest.extend_from_slice(&chunk);
                        for line in complete_lines(&mut rest) {
                            if let Some(late) = self.take_in(&line, begun)
                                && late > LATE_S
                                && !std::mem::replace(&mut late_told, true)
                            {
                                self.gap(format!(
                                    "engine stream had stalled: an event came {late:.1} s late"
                                ));
                            }
                        }
                        if rest.len() > LONGEST_LINE {
                            return End::Broken("a message beyond 1 MiB".to_owned(), alive);
                        }
                    }
                    Ok(None) => {
                        let reason = "the engine ended the stream of events";
                        return End::Broken(reason.to_owned(), Instant::now());
                    }
                    Err(e) => return End::Broken(chain(&e), Instant::now()),
                },
                _ = watch.tick() => {
                    if let Err(e) = self.engine.ping(WATCH).await {
                        return End::Broken(e.to_string(), alive);
                    }
                    alive = Instant::now();
                    if heard.elapsed() >= RENEW {
                        return End::Silent;
                    }
                }
                () = events.closed() => return End::Unwanted,
            }
        }
    }

    /// Passes a message on, if it is new; answers how much older than the stream it is, seconds.
    fn take_in(&mut self, line: &[u8], begun: f64) -> Option<f64> {
        let Ok(message) = serde_json::from_slice::<EventMessage>(line) else {
            // Whatever it said: the containers will tell.
            self.marks.mark_all();
            return None;
        };
        if !self.seen.is_new(&message) {
            return None;
        }
        // A rename changes the key, whatever else it is not.
        if let Some(id) = message.actor.as_ref().and_then(|a| a.id.as_deref()) {
            self.marks.mark(id);
        }
        let mut event = parse(&message)?;
        if let Some(name) = self.marks.name(&event.id) {
            event.name = name;
        }
        let late = begun - event.t;
        // Nobody there any more is noticed by the loop.
        let _ = self.events.send(event);
        Some(late)
    }
}

fn filters(selection: &Selection) -> serde_json::Value {
    let mut filters: HashMap<&str, Vec<String>> = HashMap::new();
    filters.insert("type", vec!["container".to_owned()]);
    filters.insert("event", ACTIONS.iter().map(|a| (*a).to_owned()).collect());
    match selection {
        Selection::Project(project) => {
            filters.insert("label", vec![format!("{}={project}", naming::COMPOSE_PROJECT)]);
        }
        Selection::Containers(names) => {
            filters.insert("container", names.clone());
        }
    }
    serde_json::json!(filters)
}

/// Takes the complete lines off the buffer.
fn complete_lines(buffer: &mut Vec<u8>) -> Vec<Vec<u8>> {
    let Some(end) = buffer.iter().rposition(|byte| *byte == b'\n') else { return Vec::new() };
    let complete: Vec<u8> = buffer.drain(..=end).collect();
    let lines = complete.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
}

#[cfg(test)]
mod tests;
