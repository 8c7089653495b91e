//! A service's health check, and what it asks over HTTP.

use serde_yaml_ng::Value;

use super::scalar;

/// A health check that is not switched off.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthCheck {
    /// Seconds between two checks.
    pub every_s: f64,
    /// What it asks over HTTP, where it does.
    pub asks: Option<HttpAsk>,
}

/// A request of a health check, as seen from inside its container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAsk {
    /// The port.
    pub port: u16,
    /// Path and query.
    pub path: String,
}

/// Docker's interval of a health check that names none.
const DEFAULT_INTERVAL_S: f64 = 30.0;

/// Reads `healthcheck`; none where it is switched off: `disable: true`, or as 1.29 writes that, a test
/// that is `NONE`.
pub(super) fn read(check: &Value) -> Option<HealthCheck> {
    let disabled = check.get("disable").and_then(scalar).is_some_and(|d| d == "true");
    let words: Vec<String> = match check.get("test") {
        Some(Value::Sequence(words)) => words.iter().filter_map(scalar).collect(),
        Some(text) => scalar(text).into_iter().collect(),
        None => Vec::new(),
    };
    let none = words.first().is_some_and(|word| word.trim() == "NONE");
    if disabled || none || !check.is_mapping() {
        return None;
    }
    let every = check.get("interval").and_then(scalar).and_then(|text| seconds(&text));
    Some(HealthCheck { every_s: every.unwrap_or(DEFAULT_INTERVAL_S), asks: ask(&words.join(" ")) })
}

/// The request in a command: a URL, or where a known client is called, `localhost:8000/path`.
fn ask(command: &str) -> Option<HttpAsk> {
    let url = ["http://", "https://"].iter().find_map(|scheme| {
        let (_, rest) = command.split_once(scheme)?;
        Some((rest, if *scheme == "https://" { 443 } else { 80 }))
    });
    let bare = || {
        let client = ["curl", "wget"].iter().any(|client| command.contains(client));
        let at = ["localhost", "127.0.0.1", "0.0.0.0"].iter().find_map(|h| command.find(h))?;
        client.then(|| command.get(at..)).flatten().map(|rest| (rest, 80))
    };
    let (rest, default) = url.or_else(bare)?;
    let ends = |c: char| c.is_whitespace() || "\"'`|;&)<>,".contains(c);
    let rest = rest.split(ends).next().unwrap_or_default();
    let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let port = match place.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
        Some((_, port)) => port.parse().ok()?,
        None => default,
    };
    let path = path.split(['#', '$', '{', '\\']).next().unwrap_or_default();
    Some(HttpAsk { port, path: if path.is_empty() { "/" } else { path }.to_owned() })
}

/// `1m30s`, `2s`, `500ms`.
fn seconds(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        total += number
            * match rest.get(..unit)? {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = rest.get(unit..)?;
    }
    (total > 0.0).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(yaml: &str) -> Option<HealthCheck> {
        read(&serde_yaml_ng::from_str(yaml).expect("YAML"))
    }

    #[test]
    fn a_check_that_is_switched_off_is_none_however_a_tool_writes_it() {
        for off in ["{disable: true}", "{test: [NONE]}", "{test: NONE}", "{disable: 'true'}"] {
            assert_eq!(of(off), None, "{off}");
        }
        for (on, every) in [
            ("{test: [CMD, 'true'], interval: 1m30s}", 90.0),
            ("{test: 'exit 0', disable: false}", 30.0),
            ("{interval: 5s}", 5.0),
        ] {
            assert_eq!(of(on).map(|check| check.every_s), Some(every), "{on}");
        }
    }

    #[test]
    fn what_a_check_asks_over_http_is_found_in_its_command() {
        for (test, asked) in [
            ("[CMD, curl, -f, 'http://localhost:8000/health']", Some((8000, "/health"))),
            ("curl -f http://127.0.0.1/ || exit 1", Some((80, "/"))),
            (
                "[CMD-SHELL, \"wget -qO- 'http://[::1]:9000/-/ready?x=1' | grep ok\"]",
                Some((9000, "/-/ready?x=1")),
            ),
            ("[CMD, curl, -fk, 'https://localhost']", Some((443, "/"))),
            ("curl --fail localhost:3000/api/health", Some((3000, "/api/health"))),
            (
                "[CMD, python, -c, \"import urllib.request as u; u.urlopen('http://localhost:5000/ok')\"]",
                Some((5000, "/ok")),
            ),
            ("curl http://localhost:$$PORT/health", None),
            ("[CMD, pg_isready, -h, localhost]", None),
            ("[CMD, redis-cli, ping]", None),
        ] {
            let found = of(&format!("{{test: {test}}}"))
                .or_else(|| read(&serde_yaml_ng::from_str(&format!("test: {test}")).expect("YAML")))
                .and_then(|check| check.asks);
            let found = found.as_ref().map(|ask| (ask.port, ask.path.as_str()));
            assert_eq!(found, asked, "{test}");
        }
    }

    #[test]
    fn durations_are_sums_of_their_parts() {
        for (text, wanted) in [
            ("2s", Some(2.0)),
            ("1m30s", Some(90.0)),
            ("500ms", Some(0.5)),
            ("2", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), wanted, "{text}");
        }
    }
}
