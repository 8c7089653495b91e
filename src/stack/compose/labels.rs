//! The generated second file: our labels on everything that the project makes, so that it can be
//! told from what is not ours.
//!
//! It is written as JSON, which every YAML reader takes: 1.29 reads YAML 1.1, where a bare
//! `20261121_031455` is a number (and loses its underscore) and `1:2:3` is one to base 60.

use serde_json::{Map, Value, json};

use super::file::{ProjectFile, Resource};
use crate::stack::{LABEL_PID, LABEL_PROJECT, LABEL_RUN};

/// Who makes the project's containers, networks and volumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// The project.
    pub project: String,
    /// The run's test id.
    pub run: String,
    /// The process, as [`crate::stack::holder::Holder`] writes it.
    pub pid: String,
}

/// The file that puts these labels on every service, network and volume of `file` that is the
/// project's own.
#[must_use]
pub fn generate(file: &ProjectFile, stamp: &Stamp) -> String {
    let labels = json!({
        LABEL_PROJECT: stamp.project,
        LABEL_RUN: stamp.run,
        LABEL_PID: stamp.pid,
    });
    let own = |all: &[Resource]| -> Vec<String> {
        all.iter().filter(|r| !r.external).map(|r| r.key.clone()).collect()
    };
    let mut networks = own(&file.networks);
    // The default network is made without being listed (1.29).
    let listed = file.networks.iter().any(|n| n.key == "default");
    if !listed && file.services.iter().any(|s| s.default_network) {
        networks.push("default".to_owned());
    }
    let services: Vec<String> = file.services.iter().map(|s| s.name.clone()).collect();
    let mut root = Map::new();
    if let Some(version) = &file.version {
        // Early 1.x refuses files of different versions.
        root.insert("version".into(), Value::String(version.clone()));
    }
    for (section, names) in
        [("services", services), ("networks", networks), ("volumes", own(&file.volumes))]
    {
        if !names.is_empty() {
            let body: Map<String, Value> =
                names.into_iter().map(|name| (name, json!({ "labels": labels }))).collect();
            root.insert(section.into(), Value::Object(body));
        }
    }
    format!("{:#}\n", Value::Object(root))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::compose::fixtures::{VERSIONS, call};

    fn stamp() -> Stamp {
        Stamp { project: "demo".into(), run: "20261121_031455".into(), pid: "12:345:6:abc".into() }
    }

    #[test]
    fn everything_that_the_project_makes_is_labelled_and_nothing_else() {
        let file = ProjectFile::parse(
            "version: '3.9'\nservices:\n  web: {}\n  db: {networks: {back: null}}\n\
             networks:\n  back: {}\n  shared: {external: true}\n\
             volumes:\n  data: null\n  theirs: {external: {name: x}}\n",
        )
        .expect("a project");
        let text = generate(&file, &stamp());
        let json: Value = serde_json::from_str(&text).expect("JSON");
        let keys = |section: &str| -> Vec<String> {
            json[section].as_object().expect("a mapping").keys().cloned().collect()
        };
        assert_eq!(keys("services"), ["db", "web"]);
        assert_eq!(keys("networks"), ["back", "default"]);
        assert_eq!(keys("volumes"), ["data"]);
        assert_eq!(json["version"], "3.9");
        assert_eq!(json["services"]["web"]["labels"][LABEL_RUN], "20261121_031455");
        assert_eq!(json["volumes"]["data"]["labels"][LABEL_PID], "12:345:6:abc");
    }

    #[test]
    fn no_bare_word_is_left_to_be_read_as_a_number() {
        let file = ProjectFile::parse("services: {'1_0': {}, 'yes': {}}").expect("a project");
        let text = generate(&file, &stamp());
        for word in ["\"20261121_031455\"", "\"12:345:6:abc\"", "\"1_0\"", "\"yes\""] {
            assert!(text.contains(word), "{text}");
        }
        assert!(serde_yaml_ng::from_str::<serde_yaml_ng::Value>(&text).is_ok());
    }

    #[test]
    fn a_version_is_only_written_where_the_tool_writes_one() {
        for version in VERSIONS {
            let file = ProjectFile::parse(&call(version, "config").stdout).expect("a project");
            let json: Value = serde_json::from_str(&generate(&file, &stamp())).expect("JSON");
            assert_eq!(json.get("version").is_some(), version == "1.29.2", "{version}");
        }
    }
}
