//! `[load]`: what puts work on the stack.

use std::collections::BTreeMap;

use super::expand::{Environment, secrets};
use super::range::POSITIVE;
use super::section::Section;
use super::tree::{Node, Value};
use super::values;
use crate::config::{Address, AgentsLoad, Call, HttpLoad, HttpTask, LoadConfig, Spawn, mask};

pub(super) fn load(root: &Section<'_>, environment: Environment<'_>) -> Option<LoadConfig> {
    if !root.has("load") {
        return None;
    }
    root.section("load", |s| {
        if !s.has("kind") {
            s.missing("kind", "write kind = \"agents\" or kind = \"http\"");
        }
        Some(match s.choice("kind", &[("agents", false), ("http", true)], false) {
            true => LoadConfig::Http(http(s, environment)),
            false => {
                for key in ["task", "max_in_flight"] {
                    if s.has(key) {
                        let remedy = "remove it, or change load.kind";
                        s.wrong(key, "belongs to kind = \"http\"", remedy);
                    }
                }
                LoadConfig::Agents(agents(s, environment))
            }
        })
    })
}

fn http(s: &Section<'_>, environment: Environment<'_>) -> HttpLoad {
    let d = HttpLoad::default();
    let tasks = s.sections("task", task).unwrap_or_default();
    if tasks.is_empty() {
        s.missing("task", "write at least one [[load.task]] with name and call");
    }
    let names: Vec<String> = tasks.iter().map(|task| task.name.clone()).collect();
    for name in values::repeated(&names) {
        let what = format!("two tasks are named {name:?}");
        s.wrong("task", what, "give each a name of its own");
    }
    HttpLoad {
        address: address(s, "address", "web:8000").unwrap_or(d.address),
        headers: headers(s, environment),
        timeout: s.time("timeout", d.timeout),
        max_in_flight: s.whole("max_in_flight", d.max_in_flight, 1),
        tasks,
    }
}

fn task(s: &Section<'_>) -> HttpTask {
    let name = s.required_text("name", "search");
    if !name.is_empty() && !values::is_key(&name) {
        let what = format!("{name:?} is no usable name");
        s.wrong("name", what, "use lower-case letters, digits, _ and -");
    }
    if !s.has("call") {
        s.missing("call", "write call = \"GET /search\"");
    }
    HttpTask {
        name,
        call: call(s, "call", Call::new("GET", "/")),
        body: s.maybe_text("body", "{\"query\": \"x\"}"),
        weight: s.number("weight", 1.0, POSITIVE),
    }
}

fn agents(s: &Section<'_>, environment: Environment<'_>) -> AgentsLoad {
    let d = AgentsLoad::default();
    AgentsLoad {
        address: address(s, "address", "simulation:8000").unwrap_or(d.address),
        headers: headers(s, environment),
        timeout: s.time("timeout", d.timeout),
        health: call(s, "health", d.health),
        start: call(s, "start", d.start),
        stop: call(s, "stop", d.stop),
        pause: call(s, "pause", d.pause),
        reset: call(s, "reset", d.reset),
        speed: call(s, "speed", d.speed),
        status: call(s, "status", d.status),
        state: pointer(s, "state", &d.state),
        drained_state: s.text("drained_state", &d.drained_state),
        running_state: s.text("running_state", &d.running_state),
        active: pointer(s, "active", &d.active),
        speed_pointer: pointer(s, "speed_pointer", &d.speed_pointer),
        status_metrics: pointers(s, "status_metrics", d.status_metrics),
        spawn: spawns(s, d.spawn),
        spawn_status: call(s, "spawn_status", d.spawn_status),
        pending: pending(s, d.pending),
        performance: performance(s, d.performance),
        performance_metrics: pointers(s, "performance_metrics", d.performance_metrics),
    }
}

/// An address, where one is written and usable.
pub(super) fn address(s: &Section<'_>, key: &'static str, example: &str) -> Option<String> {
    let text = s.maybe_text(key, example)?;
    if let Err(wanted) = Address::parse(&text) {
        // Not shown: a URL may hold credentials.
        let what = format!("expected {wanted}");
        s.wrong(key, what, format!("write {key} = {example:?}"));
        return None;
    }
    Some(text)
}

pub(super) fn headers(s: &Section<'_>, environment: Environment<'_>) -> BTreeMap<String, String> {
    let headers = secrets(s, "headers", environment, |_| false);
    let in_name = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    for (name, value) in &headers {
        if name.is_empty() || !name.chars().all(in_name) {
            let what = format!("{name:?} is no name of a header");
            s.wrong("headers", what, "use letters, digits and -");
        }
        if !value.chars().all(|c| c == '\t' || !c.is_control()) {
            let what = format!("the value of {name} holds a control character");
            s.wrong("headers", what, "a header is one line");
        }
    }
    headers
}

fn call(s: &Section<'_>, key: &'static str, default: Call) -> Call {
    let example = format!("{} {}", default.method, default.path);
    match s.maybe_text(key, &example) {
        None => default,
        Some(text) => parse_call(&text).unwrap_or_else(|| {
            // A path may hold a key.
            let shown = mask::masked(&text);
            let what = format!("expected a method and a path, found {shown:?}");
            s.wrong(key, what, format!("write {key} = {example:?}"));
            default
        }),
    }
}

fn parse_call(text: &str) -> Option<Call> {
    let (method, path) = text.split_once(' ')?;
    let path = path.trim();
    let known = ["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method);
    let usable = path.starts_with('/') && !path.contains(char::is_whitespace);
    (known && usable).then(|| Call::new(method, path))
}

fn performance(s: &Section<'_>, default: Option<Call>) -> Option<Call> {
    if let Some(Node { value: Value::Boolean(false), .. }) = s.find("performance") {
        return None;
    }
    default.map(|default| call(s, "performance", default))
}

fn pointer(s: &Section<'_>, key: &'static str, default: &str) -> String {
    let text = s.text(key, default);
    if !text.starts_with('/') {
        let what = format!("expected a JSON pointer, found {text:?}");
        s.wrong(key, what, format!("write {key} = {default:?}"));
    }
    text
}

fn pointers(
    s: &Section<'_>,
    key: &'static str,
    default: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    if !s.has(key) {
        return default;
    }
    s.section(key, |section| {
        let read = |(name, node): (&str, &Node)| match &node.value {
            Value::Text(text) if text.starts_with('/') => Some((name.to_string(), text.clone())),
            _ => {
                section.expected(name, node, "a JSON pointer", "\"/name_in_the_answer\"");
                None
            }
        };
        section.entries().filter_map(read).collect()
    })
}

fn pending(s: &Section<'_>, default: Vec<String>) -> Vec<String> {
    let Some(texts) = s.placed_texts("pending", "[\"/drivers_pending\"]") else {
        return default;
    };
    for (text, place) in &texts {
        if !text.starts_with('/') {
            let what = format!("expected a JSON pointer, found {text:?}");
            s.wrong_at(place, "pending", what, "write pending = [\"/drivers_pending\"]");
        }
    }
    texts.into_iter().map(|(text, _)| text).collect()
}

fn spawns(s: &Section<'_>, default: Vec<Spawn>) -> Vec<Spawn> {
    let Some(spawns) = s.sections("spawn", spawn) else {
        return default;
    };
    if spawns.is_empty() {
        s.wrong("spawn", "an empty list", "write at least one [[load.spawn]]");
    }
    let names: Vec<String> = spawns.iter().map(|spawn| spawn.name.clone()).collect();
    for name in values::repeated(&names) {
        let what = format!("two kinds of agents are named {name:?}");
        s.wrong("spawn", what, "give each a name of its own");
    }
    spawns
}

fn spawn(s: &Section<'_>) -> Spawn {
    if !s.has("call") {
        s.missing("call", "write call = \"POST /agents/drivers\"");
    }
    Spawn {
        name: s.required_text("name", "drivers"),
        call: call(s, "call", Call::new("POST", "/agents/drivers")),
        max_per_call: s.whole("max_per_call", 100, 1),
        per_level: s.number("per_level", 1.0, POSITIVE),
    }
}
