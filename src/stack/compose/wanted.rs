//! What `config` says that the containers of a service are made with, in words that can be compared with
//! what an engine made. What cannot be understood is left out, never guessed.

use serde_json::Value;

use crate::config::size;

/// What the containers of a service are to be made with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// What is mounted.
    pub mounts: Vec<WantedMount>,
    /// Keys of the networks; absent where the service names none.
    pub networks: Option<Vec<String>>,
    /// `network_mode`.
    pub network_mode: Option<String>,
    /// Limits of its own keys (`mem_limit`, `cpus`, ...).
    pub own: WantedLimits,
    /// Limits of `deploy.resources.limits`.
    pub deploy: WantedLimits,
    /// Its image.
    pub image: Option<String>,
    /// Its command, as a list of words.
    pub command: Option<Vec<String>>,
    /// Names of its environment, those with a value.
    pub environment: Vec<String>,
}

/// Limits, where they are set and understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WantedLimits {
    /// Memory, bytes.
    pub memory_bytes: Option<u64>,
    /// CPU, billionths of a core.
    pub nano_cpus: Option<u64>,
    /// Processes.
    pub pids: Option<u64>,
}

impl WantedLimits {
    /// These limits, and where one is absent the other's.
    #[must_use]
    pub fn or(self, other: WantedLimits) -> WantedLimits {
        WantedLimits {
            memory_bytes: self.memory_bytes.or(other.memory_bytes),
            nano_cpus: self.nano_cpus.or(other.nano_cpus),
            pids: self.pids.or(other.pids),
        }
    }
}

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedMount {
    /// Where in the container.
    pub target: String,
    /// What.
    pub what: Mounted,
    /// Whether it may be written to; absent where the file does not say.
    pub writable: Option<bool>,
}

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mounted {
    /// A volume of the file, by its key.
    Volume(String),
    /// A volume without a name.
    Anonymous,
    /// A path of the engine's machine.
    Bind(String),
    /// Memory.
    Tmpfs,
}

impl Wanted {
    /// Reads the body of a service.
    #[must_use]
    pub fn of(body: &Value) -> Wanted {
        let list = |key: &str| body.get(key).and_then(Value::as_array).into_iter().flatten();
        let tmpfs = match body.get("tmpfs") {
            Some(Value::String(one)) => vec![one.as_str()],
            other => other
                .and_then(Value::as_array)
                .map_or(Vec::new(), |all| all.iter().filter_map(Value::as_str).collect()),
        };
        let tmpfs = tmpfs.into_iter().map(|text| WantedMount {
            target: path(text.split(':').next().unwrap_or(text)),
            what: Mounted::Tmpfs,
            writable: None,
        });
        let text = |key: &str| body.get(key).and_then(scalar).filter(|text| !text.is_empty());
        let limits = body.get("deploy").and_then(|d| d.get("resources")?.get("limits"));
        let limit = |key: &str| limits.and_then(|l| l.get(key)).and_then(scalar);
        Wanted {
            mounts: list("volumes").filter_map(mount).chain(tmpfs).collect(),
            networks: networks(body.get("networks")),
            network_mode: text("network_mode"),
            own: WantedLimits {
                memory_bytes: text("mem_limit").and_then(|t| bytes(&t)),
                nano_cpus: text("cpus").and_then(|t| nano(&t)).or_else(|| quota(body)),
                pids: text("pids_limit").and_then(|t| positive(&t)),
            },
            deploy: WantedLimits {
                memory_bytes: limit("memory").and_then(|t| bytes(&t)),
                nano_cpus: limit("cpus").and_then(|t| nano(&t)),
                pids: limit("pids").and_then(|t| positive(&t)),
            },
            image: text("image"),
            command: body.get("command").and_then(words),
            environment: environment(body.get("environment")),
        }
    }
}

/// What `config` writes with every dollar sign doubled.
#[must_use]
pub fn undoubled(text: &str) -> String {
    text.replace("$$", "$")
}

/// A path without a slash at its end.
#[must_use]
pub fn path(text: &str) -> String {
    match text.trim_end_matches('/') {
        "" => "/".to_owned(),
        trimmed => trimmed.to_owned(),
    }
}

fn mount(value: &Value) -> Option<WantedMount> {
    if let Some(text) = value.as_str() {
        return short_mount(&undoubled(text));
    }
    let source = value.get("source").and_then(scalar).filter(|s| !s.is_empty());
    let what = match (value.get("type").and_then(Value::as_str)?, source) {
        ("volume", Some(key)) => Mounted::Volume(key),
        ("volume", None) => Mounted::Anonymous,
        ("bind", Some(source)) => Mounted::Bind(path(&source)),
        ("tmpfs", _) => Mounted::Tmpfs,
        _ => return None,
    };
    let read_only = value.get("read_only").and_then(Value::as_bool);
    Some(WantedMount {
        target: path(&value.get("target").and_then(scalar)?),
        writable: read_only.map(|read_only| !read_only),
        what,
    })
}

/// `source:target:mode`, or a target alone.
fn short_mount(text: &str) -> Option<WantedMount> {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, mode) = match parts.as_slice() {
        [target] => (None, target, None),
        [source, target] => (Some(*source), target, None),
        [source, target, mode] => (Some(*source), target, Some(*mode)),
        _ => return None,
    };
    if !target.starts_with('/') {
        return None;
    }
    let what = match source {
        None => Mounted::Anonymous,
        Some(source) if source.starts_with(['/', '.', '~']) => Mounted::Bind(path(source)),
        Some(key) => Mounted::Volume(key.to_owned()),
    };
    let modes = |mode: &str| mode.split(',').any(|m| m == "ro");
    Some(WantedMount { target: path(target), what, writable: mode.map(|m| !modes(m)) })
}

fn networks(value: Option<&Value>) -> Option<Vec<String>> {
    match value? {
        Value::Object(all) => Some(all.keys().cloned().collect()),
        Value::Array(all) => Some(all.iter().filter_map(scalar).collect()),
        _ => None,
    }
}

fn environment(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Object(all)) => {
            all.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name.clone()).collect()
        }
        Some(Value::Array(all)) => {
            let pairs = all.iter().filter_map(|pair| pair.as_str()?.split_once('='));
            pairs.map(|(name, _)| name.to_owned()).collect()
        }
        _ => Vec::new(),
    }
}

/// A command as words; one written as a line only where it has nothing that a shell would take apart.
fn words(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(all) => all.iter().map(scalar).collect(),
        Value::String(line) if !line.contains(['"', '\'', '\\']) => {
            let line = undoubled(line);
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            (!words.is_empty()).then_some(words)
        }
        _ => None,
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(undoubled(text)),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

fn bytes(text: &str) -> Option<u64> {
    size(text).filter(|bytes| *bytes > 0)
}

fn positive(text: &str) -> Option<u64> {
    text.parse().ok().filter(|n| *n > 0)
}

fn nano(text: &str) -> Option<u64> {
    let cpus: f64 = text.trim().parse().ok()?;
    (cpus > 0.0 && cpus < 1e6).then_some((cpus * 1e9).round() as u64)
}

/// `cpu_quota` of `cpu_period`, microseconds each.
fn quota(body: &Value) -> Option<u64> {
    let number = |key: &str| body.get(key).and_then(scalar).and_then(|text| positive(&text));
    let quota = number("cpu_quota")?;
    // The kernel's default period is 100 ms. One that is there and not understood is left out.
    let period = match body.get("cpu_period") {
        None => 100_000,
        Some(_) => number("cpu_period")?,
    };
    Some((quota as f64 / period as f64 * 1e9).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn mounts_are_read_in_the_short_form_of_1_29_and_the_long_one_of_the_plugins() {
        let of = |value: Value| Wanted::of(&json!({ "volumes": value })).mounts;
        let wanted = |target: &str, what: Mounted, writable: Option<bool>| WantedMount {
            target: target.into(),
            what,
            writable,
        };
        assert_eq!(
            of(json!(["data:/data:rw", "/srv/x$$y/:/in:ro,z", "/anon", "C:\\x:/y:rw", "no"])),
            [
                wanted("/data", Mounted::Volume("data".into()), Some(true)),
                wanted("/in", Mounted::Bind("/srv/x$y".into()), Some(false)),
                wanted("/anon", Mounted::Anonymous, None),
            ]
        );
        assert_eq!(
            of(json!([
                {"type": "volume", "source": "data", "target": "/data/", "volume": {}},
                {"type": "bind", "source": "/srv", "target": "/in", "read_only": true},
                {"type": "volume", "target": "/anon"},
                {"type": "tmpfs", "target": "/tmp", "tmpfs": {"size": "64"}},
                {"type": "npipe", "source": "x", "target": "/y"},
                {"type": "image", "source": "x:1", "target": "/z"},
            ])),
            [
                wanted("/data", Mounted::Volume("data".into()), None),
                wanted("/in", Mounted::Bind("/srv".into()), Some(false)),
                wanted("/anon", Mounted::Anonymous, None),
                wanted("/tmp", Mounted::Tmpfs, None),
            ]
        );
        for tmpfs in [json!("/run:size=64m"), json!(["/run:size=64m"])] {
            let mounts = Wanted::of(&json!({ "tmpfs": tmpfs })).mounts;
            assert_eq!(mounts, [wanted("/run", Mounted::Tmpfs, None)]);
        }
    }

    #[test]
    fn limits_are_read_in_every_spelling_and_none_is_not_zero() {
        let of = |body: Value| Wanted::of(&body);
        for memory in [json!("64m"), json!("67108864"), json!(67_108_864), json!("64MB")] {
            assert_eq!(of(json!({"mem_limit": memory})).own.memory_bytes, Some(64 << 20));
            let deploy = json!({"deploy": {"resources": {"limits": {"memory": memory}}}});
            assert_eq!(of(deploy).deploy.memory_bytes, Some(64 << 20));
        }
        for cpus in [json!(0.5), json!("0.5"), json!("0.50")] {
            assert_eq!(of(json!({ "cpus": cpus })).own.nano_cpus, Some(500_000_000));
        }
        let quota = |body: Value| of(body).own.nano_cpus;
        assert_eq!(quota(json!({"cpu_quota": 50_000, "cpu_period": 100_000})), Some(500_000_000));
        assert_eq!(quota(json!({"cpu_quota": 150_000})), Some(1_500_000_000));
        assert_eq!(quota(json!({"cpu_quota": "25ms"})), None);
        assert_eq!(quota(json!({"cpu_quota": 25, "cpu_period": "50ms"})), None);
        let none = json!({"mem_limit": 0, "cpus": 0, "pids_limit": -1, "cpuset": "0-1"});
        assert_eq!(of(none).own, WantedLimits::default());
        assert_eq!(of(json!({"pids_limit": 100})).own.pids, Some(100));
    }

    #[test]
    fn commands_and_environments_are_read_without_values() {
        let of = |body: Value| Wanted::of(&body);
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(of(json!({"command": "a -b c$$d"})).command, Some(words("a -b c$d")));
        assert_eq!(of(json!({"command": ["a", 1]})).command, Some(words("a 1")));
        assert_eq!(of(json!({"command": "sh -c 'a b'"})).command, None);
        assert_eq!(of(json!({"command": null})).command, None);
        let map = json!({"environment": {"A": "1", "PASSED": null}});
        assert_eq!(of(map).environment, ["A"]);
        assert_eq!(of(json!({"environment": ["A=secret", "B"]})).environment, ["A"]);
    }
}
