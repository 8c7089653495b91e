//! What a compose file has that an older tool does not know: such a file is right, and the tool is to be
//! changed. The tools' own words do not tell that from a mistake.

use std::fmt;
use std::path::PathBuf;

use serde_yaml_ng::Value;

use super::file::scalar;
use crate::outside;

/// A version of a compose tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u32, u32, u32);

impl Version {
    /// `2.20.3`, also with something behind it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Version> {
        let mut parts = text.split('.').map(|part| {
            let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            part.get(..end)?.parse::<u32>().ok()
        });
        let (major, minor) = (parts.next()??, parts.next()??);
        Some(Version(major, minor, parts.next().flatten().unwrap_or(0)))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Version(major, minor, patch) = self;
        match patch {
            0 => write!(f, "{major}.{minor}"),
            patch => write!(f, "{major}.{minor}.{patch}"),
        }
    }
}

/// Something in a file, and the first version that is known to take it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// As a person finds it in the file.
    pub what: String,
    /// The version; 2.0 where all that is known is that 1.29 does not take it.
    pub since: Version,
}

const V2: Version = Version(2, 0, 0);

/// Keys that the Compose Specification has and docker-compose 1.29 refuses: the difference of the two
/// schemas. `*` is any name; lists are looked through. Versions as Docker's reference tells them.
const KEYS: [(&str, Version); 56] = [
    ("configs.*.content", Version(2, 23, 1)),
    ("configs.*.environment", V2),
    ("include", Version(2, 20, 0)),
    ("models", V2),
    ("name", V2),
    ("networks.*.enable_ipv4", V2),
    ("secrets.*.environment", V2),
    ("services.*.annotations", V2),
    ("services.*.attach", Version(2, 20, 0)),
    ("services.*.build.additional_contexts", Version(2, 17, 0)),
    ("services.*.build.cache_to", V2),
    ("services.*.build.dockerfile_inline", Version(2, 17, 0)),
    ("services.*.build.entitlements", Version(2, 27, 1)),
    ("services.*.build.no_cache", V2),
    ("services.*.build.platforms", V2),
    ("services.*.build.privileged", Version(2, 15, 0)),
    ("services.*.build.provenance", V2),
    ("services.*.build.pull", V2),
    ("services.*.build.sbom", V2),
    ("services.*.build.secrets", V2),
    ("services.*.build.ssh", V2),
    ("services.*.build.tags", V2),
    ("services.*.build.ulimits", Version(2, 23, 1)),
    ("services.*.cgroup", Version(2, 15, 0)),
    ("services.*.depends_on.*.required", Version(2, 20, 0)),
    ("services.*.depends_on.*.restart", V2),
    ("services.*.deploy.resources.limits.pids", V2),
    ("services.*.develop", Version(2, 22, 0)),
    ("services.*.devices.source", V2),
    ("services.*.env_file.format", Version(2, 30, 0)),
    ("services.*.env_file.path", Version(2, 24, 0)),
    ("services.*.env_file.required", Version(2, 24, 0)),
    ("services.*.gpus", Version(2, 30, 0)),
    ("services.*.healthcheck.start_interval", Version(2, 20, 2)),
    ("services.*.label_file", Version(2, 32, 2)),
    ("services.*.models", V2),
    ("services.*.networks.*.driver_opts", Version(2, 27, 1)),
    ("services.*.networks.*.gw_priority", V2),
    ("services.*.networks.*.interface_name", V2),
    ("services.*.networks.*.mac_address", Version(2, 23, 2)),
    ("services.*.ports.app_protocol", V2),
    ("services.*.ports.host_ip", V2),
    ("services.*.ports.name", V2),
    ("services.*.post_start", Version(2, 30, 0)),
    ("services.*.pre_stop", Version(2, 30, 0)),
    ("services.*.provider", V2),
    ("services.*.pull_refresh_after", V2),
    ("services.*.use_api_socket", V2),
    ("services.*.uts", Version(2, 15, 1)),
    ("services.*.volumes.bind.create_host_path", V2),
    ("services.*.volumes.bind.recursive", V2),
    ("services.*.volumes.bind.selinux", V2),
    ("services.*.volumes.image", V2),
    ("services.*.volumes.tmpfs.mode", V2),
    ("services.*.volumes.volume.labels", V2),
    ("services.*.volumes.volume.subpath", Version(2, 26, 0)),
];
/// Maps whose values 1.29 takes as text, numbers and nothing, but not as true and false.
const TEXTS: [&str; 2] = ["services.*.environment", "services.*.build.args"];
/// Values that replace or take away what an earlier file says.
const TAGS: [(&str, Version); 2] =
    [("!override", Version(2, 24, 4)), ("!reset", Version(2, 18, 0))];

/// What these files have that a tool of this version does not know. A file that cannot be read has
/// nothing.
#[must_use]
pub fn newer_than(tool: Version, files: &[PathBuf]) -> Vec<Feature> {
    let mut found = Vec::new();
    for file in files {
        let Ok(text) = outside::text(file, outside::MAX_TEXT_BYTES) else { continue };
        found.extend(of_text(&text));
    }
    found.retain(|feature: &Feature| feature.since > tool);
    found
}

/// Everything in a file that 1.29 does not know, each once.
fn of_text(text: &str) -> Vec<Feature> {
    let mut found = Vec::new();
    if let Ok(root) = serde_yaml_ng::from_str::<Value>(text) {
        walk(&root, &mut Vec::new(), &mut found);
    }
    found
}

fn note(found: &mut Vec<Feature>, what: String, since: Version) {
    if !found.iter().any(|f| f.what == what) {
        found.push(Feature { what, since });
    }
}

fn walk(value: &Value, path: &mut Vec<String>, found: &mut Vec<Feature>) {
    match value {
        Value::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            if let Some((_, since)) = TAGS.iter().find(|(known, _)| *known == tag) {
                note(found, tag, *since);
            }
            walk(&tagged.value, path, found);
        }
        Value::Sequence(list) => list.iter().for_each(|item| walk(item, path, found)),
        Value::Mapping(map) => {
            for (key, value) in map {
                let Some(key) = scalar(key) else { continue };
                path.push(key);
                if let Some((_, since)) = KEYS.iter().find(|(known, _)| matches(known, path)) {
                    note(found, said(path), *since);
                }
                walk(value, path, found);
                path.pop();
            }
        }
        Value::Bool(set) => {
            let parent = path.len().checked_sub(1).and_then(|end| path.get(..end));
            if parent.is_some_and(|parent| TEXTS.iter().any(|pattern| matches(pattern, parent))) {
                let name = path.last().map_or("", String::as_str);
                note(found, format!("{name}: {set} (without quotes)"), V2);
            }
        }
        Value::String(text) if chooses(text) => note(found, "${NAME:+VALUE}".to_owned(), V2),
        _ => {}
    }
}

/// Whether a path fits a pattern.
fn matches(pattern: &str, path: &[String]) -> bool {
    let parts = pattern.split('.');
    parts.clone().count() == path.len()
        && parts.zip(path).all(|(part, name)| part == "*" || part == name)
}

/// A path as people write it: `healthcheck.start_interval`, without whose it is.
fn said(path: &[String]) -> String {
    let own = match path {
        [_, _, own @ ..] if !own.is_empty() => own,
        all => all,
    };
    match own {
        [first, .., last] => format!("{first}.{last}"),
        own => own.join("."),
    }
}

/// Whether a text has `${NAME:+VALUE}` or `${NAME+VALUE}`.
fn chooses(text: &str) -> bool {
    text.split("${").skip(1).any(|inner| {
        let name = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        name.and_then(|end| inner.get(end..))
            .is_some_and(|how| how.starts_with(":+") || how.starts_with('+'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: &str = include_str!("../../../tests/fixtures/compose/newer/compose.yml");

    fn told(text: &str) -> Vec<String> {
        of_text(text).into_iter().map(|f| format!("{} {}", f.what, f.since)).collect()
    }

    #[test]
    fn everything_that_an_old_tool_does_not_know_is_found_at_once() {
        assert_eq!(
            told(SHOP),
            [
                "name 2.0",
                "DEBUG: false (without quotes) 2.0",
                "depends_on.restart 2.0",
                "healthcheck.start_interval 2.20.2",
                "${NAME:+VALUE} 2.0",
            ]
        );
        assert_eq!(
            told(
                "include: [x.yml]\nservices:\n  a: {ports: !override ['1:1'], env_file: [{path: \
                  x, required: false}], volumes: !reset []}\n"
            ),
            [
                "include 2.20",
                "!override 2.24.4",
                "env_file.path 2.24",
                "env_file.required 2.24",
                "!reset 2.18",
            ]
        );
    }

    #[test]
    fn what_every_tool_knows_is_not_named() {
        let plain = "services:\n  web:\n    image: x\n    environment: {A: 'true', B: 1, C: }\n    \
                     labels: {name: x}\n    ports: [{target: 80, published: 80}]\n    healthcheck: \
                     {test: [CMD, x], disable: true}\n    command: ['${A:-b}', 'a+b']\n";
        assert_eq!(told(plain), [""; 0]);
    }

    #[test]
    fn only_what_is_newer_than_the_tool_counts() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("compose.yml");
        std::fs::write(&file, SHOP).expect("a file");
        let newer = |tool: &str| {
            let tool = Version::parse(tool).expect("a version");
            newer_than(tool, std::slice::from_ref(&file)).len()
        };
        assert_eq!((newer("1.29.2"), newer("2.20.1"), newer("2.40.3")), (5, 1, 0));
        assert_eq!(newer_than(V2, &[dir.path().join("absent")]), []);
    }

    #[test]
    fn versions_are_read_with_whatever_stands_behind_them() {
        assert_eq!(Version::parse("2.3.3-desktop.1"), Some(Version(2, 3, 3)));
        assert_eq!(Version::parse("5.5"), Some(Version(5, 5, 0)));
        assert_eq!(Version::parse("x"), None);
        assert!(Version::parse("1.29.2") < Some(V2));
    }
}
