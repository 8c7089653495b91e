//! Credentials by value: what is known to be one is masked wherever it turns up.

use std::borrow::Cow;
use std::collections::BTreeMap;

use memchr::memmem;
use serde_json::Value;

use super::command::in_words;
use super::{MASK, in_header, in_url, is_secret_header, speaks_of_secret};
use crate::config::{Config, HookAct, LoadConfig, Probe, StackKind};

/// Shorter ones are words that stand in every text.
const SHORTEST: usize = 8;

/// Keys whose values name things: a container that is called like its password keeps its name, or
/// nobody could tell any more what a figure belongs to.
const NAMES: [&str; 12] = [
    "container",
    "name",
    "service",
    "id",
    "image",
    "scenario",
    "phase",
    "task",
    "test_id",
    "project",
    "source",
    "figure",
];

/// Known credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    /// The longest first: one may be a part of another.
    values: Vec<String>,
}

impl Secrets {
    /// None yet.
    #[must_use]
    pub const fn none() -> Secrets {
        Secrets { values: Vec::new() }
    }

    /// Those of a config: headers, environments, URLs, commands and bodies.
    #[must_use]
    pub fn of(config: &Config) -> Secrets {
        let mut all = Secrets::default();
        all.stack(config);
        all.load(config);
        all.sources(config);
        for hook in &config.hooks {
            match &hook.act {
                HookAct::Exec { command, .. } | HookAct::Command { command } => {
                    all.add_all(in_words(command));
                }
                HookAct::Http { address, call } => all.url(&format!("{address}{}", call.path)),
            }
        }
        all
    }

    fn stack(&mut self, config: &Config) {
        match &config.stack.kind {
            StackKind::Compose(compose) => self.variables(&compose.env),
            StackKind::Attach { .. } => {}
            StackKind::Process { services } => {
                for service in services {
                    self.variables(&service.env);
                    self.add_all(in_words(&service.command));
                    match service.health.as_ref().map(|health| &health.probe) {
                        Some(Probe::Http { path, .. }) => self.url(path),
                        Some(Probe::Command(command)) => self.add_all(in_words(command)),
                        None => {}
                    }
                }
            }
        }
    }

    fn load(&mut self, config: &Config) {
        match &config.load {
            None => {}
            Some(LoadConfig::Agents(agents)) => {
                self.url(&agents.address);
                self.headers(&agents.headers);
            }
            Some(LoadConfig::Http(http)) => {
                self.url(&http.address);
                self.headers(&http.headers);
                for task in &http.tasks {
                    self.url(&task.call.path);
                    let body =
                        task.body.as_deref().and_then(|body| serde_json::from_str(body).ok());
                    body.iter().for_each(|body| self.body(body));
                }
            }
        }
    }

    fn sources(&mut self, config: &Config) {
        for metric in &config.metrics {
            self.url(&metric.address);
            self.headers(&metric.headers);
        }
        for check in &config.health {
            self.url(&check.address);
            self.headers(&check.headers);
        }
        config.sources.cadvisor.iter().for_each(|address| self.url(address));
        if let Some(prometheus) = &config.sources.prometheus {
            self.url(&prometheus.address);
            self.add_all(prometheus.password.iter().chain(&prometheus.bearer_token));
        }
    }

    /// Values of variables whose names speak of secrets.
    pub fn variables<N: AsRef<str>, V: AsRef<str>>(
        &mut self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) {
        for (name, value) in variables {
            // `KEYCLOAK_URL` is a place.
            if speaks_of_secret(name.as_ref()) && !value.as_ref().contains("://") {
                self.add(value.as_ref());
            } else {
                self.url(value.as_ref());
            }
        }
    }

    fn headers(&mut self, headers: &BTreeMap<String, String>) {
        for (name, value) in headers {
            if is_secret_header(name) {
                self.add_all(in_header(value));
            }
        }
    }

    /// Credentials in a URL, or in a part of one.
    pub fn url(&mut self, text: &str) {
        self.add_all(in_url(text));
    }

    /// Strings under keys that speak of secrets.
    fn body(&mut self, body: &Value) {
        match body {
            Value::Object(map) => {
                for (key, value) in map {
                    match value {
                        Value::String(text) if speaks_of_secret(key) => self.add(text),
                        value => self.body(value),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.body(item)),
            _ => {}
        }
    }

    fn add_all(&mut self, values: impl IntoIterator<Item = impl AsRef<str>>) {
        values.into_iter().for_each(|value| self.add(value.as_ref()));
    }

    /// Adds one, where it is long enough to be no common word and neither a path nor a placeholder.
    pub fn add(&mut self, value: &str) {
        let value = value.trim();
        let is_path = value.starts_with('/') && value[1..].contains('/');
        let is_short = value.chars().count() < SHORTEST;
        if is_short || is_path || value.starts_with('$') || self.values.iter().any(|v| v == value) {
            return;
        }
        let longer = self.values.iter().position(|known| known.len() < value.len());
        self.values.insert(longer.unwrap_or(self.values.len()), value.to_string());
    }

    /// A text in which they are masked.
    #[must_use]
    pub fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for value in &self.values {
            if text.contains(value.as_str()) {
                text = Cow::Owned(text.replace(value.as_str(), MASK));
            }
        }
        text
    }

    /// Bytes (what a program wrote) in which they are masked.
    #[must_use]
    pub fn hide_in_bytes<'b>(&self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        let mut bytes = Cow::Borrowed(bytes);
        for value in &self.values {
            if memmem::find(&bytes, value.as_bytes()).is_some() {
                bytes = Cow::Owned(replaced(&bytes, value.as_bytes()));
            }
        }
        bytes
    }

    /// JSON in which the texts are masked that are no names; none where there is nothing to mask.
    #[must_use]
    pub fn hide_in_json(&self, json: &[u8]) -> Option<Value> {
        let escaped = |value: &String| serde_json::to_string(value).unwrap_or_default();
        let within = |value: &String| {
            let escaped = escaped(value);
            memmem::find(json, escaped.trim_matches('"').as_bytes()).is_some()
        };
        if !self.values.iter().any(within) {
            return None;
        }
        let mut value = serde_json::from_slice(json).ok()?;
        self.hide_in_value(&mut value);
        Some(value)
    }

    fn hide_in_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(hidden) = self.hide(text) {
                    *text = hidden;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.hide_in_value(item)),
            Value::Object(map) => map
                .iter_mut()
                .filter(|(key, _)| !NAMES.contains(&key.as_str()))
                .for_each(|(_, value)| self.hide_in_value(value)),
            _ => {}
        }
    }
}

fn replaced(bytes: &[u8], value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut from = 0;
    for at in memmem::find_iter(bytes, value) {
        out.extend_from_slice(&bytes[from..at]);
        out.extend_from_slice(MASK.as_bytes());
        from = at + value.len();
    }
    out.extend_from_slice(&bytes[from..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(values: &[&str]) -> Secrets {
        let mut secrets = Secrets::none();
        secrets.add_all(values);
        secrets
    }

    #[test]
    fn a_known_credential_is_masked_wherever_it_turns_up_and_the_longest_first() {
        let secrets =
            known(&["s3cret-a", "s3cret-abc", "short", "/etc/ssl/key.pem", "${TOKEN_OF_X}"]);
        let text = "401 for s3cret-abc and s3cret-a; short /etc/ssl/key.pem ${TOKEN_OF_X}";
        let wanted = "401 for *** and ***; short /etc/ssl/key.pem ${TOKEN_OF_X}";
        assert_eq!(secrets.hide(text), wanted);
        assert_eq!(&*secrets.hide_in_bytes(b"\xff s3cret-abc\n"), b"\xff ***\n");
    }

    #[test]
    fn json_stays_json_and_names_stay_names() {
        let secrets = known(&["postgres", "a\"quoted\\one", "12345678"]);
        let json = br#"{"t":12345678.5,"container":"postgres","message":"postgres: a\"quoted\\one","a":["x 12345678"]}"#;
        let hidden = secrets.hide_in_json(json).expect("something to hide");
        let wanted = serde_json::json!({
            "t": 12_345_678.5, "container": "postgres", "message": "***: ***", "a": ["x ***"]
        });
        assert_eq!(hidden, wanted);
        assert_eq!(secrets.hide_in_json(br#"{"message":"nothing"}"#), None);
    }

    #[test]
    fn a_config_gives_its_credentials_and_nothing_else() {
        let text = r#"
[stack]
kind = "process"
[[stack.service]]
name = "web"
command = ["sleep", "100", "--token", "TOKEN-001", "-pTOKEN-002", "postgres://u:TOKEN-003@h/db"]
env = { X_TOKEN = "TOKEN-004", DATABASE = "redis://:TOKEN-005@h/0", MODE = "production" }
[load]
kind = "http"
address = "http://me:TOKEN-006@127.0.0.1:1"
headers = { Authorization = "Bearer TOKEN-007", X-Tenant-Id = "TOKEN-008", Accept = "application/json" }
[[load.task]]
name = "login"
call = "POST /login?key=TOKEN-009"
body = '{"user": "somebody", "password": "TOKEN-010"}'
[[hook]]
name = "a"
when = "before"
command = ["sh", "-c", "curl -u me:TOKEN-011 -H 'Authorization: Bearer TOKEN-012' http://x/?token=TOKEN-013"]
"#;
        let config = crate::config::read(&crate::config::ConfigText {
            text,
            origin: "runner.toml",
            base_dir: std::path::Path::new("."),
            set: &[],
            environment: &|_| None,
        })
        .expect("a config");
        let mut found = Secrets::of(&config).values;
        found.sort();
        let wanted: Vec<String> = (1..=13).map(|n| format!("TOKEN-{n:03}")).collect();
        assert_eq!(found, wanted);
        let recorded = serde_json::to_string(&config).expect("JSON");
        assert!(!recorded.contains("TOKEN-"), "{recorded}");
    }
}
