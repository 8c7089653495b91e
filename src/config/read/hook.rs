//! `[[hook]]`: commands at the borders of scenarios and phases.

use std::time::Duration;

use super::scenarios::BUILT_IN;
use super::section::Section;
use super::values;
use crate::config::{Address, Call, HookAct, HookConfig, ScenarioConfig, When, mask};

/// Time limit of a hook.
const TIMEOUT: Duration = Duration::from_secs(30);

pub(super) fn hooks(root: &Section<'_>, custom: &[ScenarioConfig]) -> Vec<HookConfig> {
    let hooks = root.sections("hook", |s| hook(s, custom)).unwrap_or_default();
    let hooks: Vec<HookConfig> = hooks.into_iter().flatten().collect();
    let names: Vec<String> = hooks.iter().map(|hook| hook.name.clone()).collect();
    for name in values::repeated(&names) {
        let what = format!("two hooks are named {name:?}");
        root.wrong("hook", what, "give each a name of its own");
    }
    hooks
}

fn hook(s: &Section<'_>, custom: &[ScenarioConfig]) -> Option<HookConfig> {
    let name = s.required_text("name", "heap");
    if !name.is_empty() && !values::is_key(&name) {
        let what = format!("{name:?} is no usable name");
        s.wrong("name", what, "use lower-case letters, digits, _ and -");
    }
    let scenario = s.maybe_text("scenario", "duration");
    if let Some(named) = &scenario {
        let own = custom.iter().any(|c| c.name == *named);
        if !own && !BUILT_IN.contains(&named.as_str()) {
            let what = format!("there is no scenario {named:?}");
            s.wrong("scenario", what, format!("known: {}", BUILT_IN.join(", ")));
        }
    }
    let sides = [("before", When::Before), ("after", When::After)];
    if !s.has("when") {
        s.missing("when", "write when = \"before\" or when = \"after\"");
    }
    let when = s.choice("when", &sides, When::After);
    let phase = s.maybe_text("phase", "active");
    let timeout = s.time("timeout", TIMEOUT);
    let required = s.boolean("required", false);
    let act = act(s)?;
    Some(HookConfig { name, scenario, phase, when, act, timeout, required })
}

/// Exactly one of `exec` (with `container`), `command` and `http`.
fn act(s: &Section<'_>) -> Option<HookAct> {
    let exec = s.texts("exec", "[\"jcmd\", \"1\", \"GC.run\"]");
    let container = s.maybe_text("container", "web");
    let command = s.texts("command", "[\"sh\", \"-c\", \"date\"]");
    let http = s.maybe_text("http", "GET web:6060/debug/pprof/heap");
    match (exec.is_empty(), command.is_empty(), http) {
        (false, true, None) => {
            let Some(container) = container else {
                s.missing("container", "write container = \"web\"");
                return None;
            };
            Some(HookAct::Exec { container, command: exec })
        }
        (true, false, None) => Some(HookAct::Command { command }),
        (true, true, Some(text)) => called(s, &text),
        _ => {
            s.wrong(
                "exec",
                "expected exactly one of exec, command and http",
                "write a [[hook]] for each",
            );
            None
        }
    }
}

/// `GET web:6060/debug/pprof/heap`, `POST http://127.0.0.1:8080/gc`.
fn called(s: &Section<'_>, text: &str) -> Option<HookAct> {
    let read = parse(text);
    if read.is_none() {
        // A URL may hold a key.
        let what =
            format!("expected a method, an address and a path, found {:?}", mask::masked(text));
        s.wrong("http", what, "write http = \"GET web:6060/debug/pprof/heap\"");
    }
    read
}

fn parse(text: &str) -> Option<HookAct> {
    let (method, place) = text.split_once(' ')?;
    let place = place.trim();
    let known = ["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method);
    let host = place.find("://").map_or(0, |at| at + 3);
    let (address, path) = match place[host..].find('/') {
        Some(at) => place.split_at(host + at),
        None => (place, "/"),
    };
    let usable = known && !path.contains(char::is_whitespace) && Address::parse(address).is_ok();
    usable.then(|| HookAct::Http { address: address.to_string(), call: Call::new(method, path) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_method_address_and_path() {
        let http = |address: &str, method: &str, path: &str| {
            Some(HookAct::Http { address: address.into(), call: Call::new(method, path) })
        };
        for (text, wanted) in [
            (
                "GET web:6060/debug/pprof/heap?gc=1",
                http("web:6060", "GET", "/debug/pprof/heap?gc=1"),
            ),
            ("POST http://127.0.0.1:80/gc", http("http://127.0.0.1:80", "POST", "/gc")),
            ("GET web:80", http("web:80", "GET", "/")),
            ("LOOK web:80/x", None),
            ("web:80/x", None),
            ("GET web/x", None),
        ] {
            assert_eq!(parse(text), wanted, "{text}");
        }
    }
}
