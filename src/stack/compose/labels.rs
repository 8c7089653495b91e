//! The generated second file: our labels on everything that the project makes, so that it can be
//! told from what is not ours.
//!
//! docker-compose 1.x replaces a network or volume that a second file names, so for it the whole definition
//! is repeated.
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

/// How a tool joins two files that name the same network or volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joins {
    /// The second definition is laid over the first.
    Merges,
    /// The second one takes its place (1.x): what it leaves out is gone, so it repeats all of it.
    Replaces,
}

/// The file that puts these labels on every service, network and volume of `file` that is the
/// project's own.
#[must_use]
pub fn generate(file: &ProjectFile, stamp: &Stamp, joins: Joins) -> String {
    let labels = json!({
        LABEL_PROJECT: stamp.project,
        LABEL_RUN: stamp.run,
        LABEL_PID: stamp.pid,
    });
    let labelled = |resource: &Resource| match joins {
        Joins::Merges => json!({ "labels": labels }),
        Joins::Replaces => repeated(resource, &labels),
    };
    let own = |all: &[Resource]| -> Map<String, Value> {
        all.iter().filter(|r| !r.external).map(|r| (r.key.clone(), labelled(r))).collect()
    };
    let mut networks = own(&file.networks);
    // The default network is made without being listed (1.29).
    let listed = file.networks.iter().any(|n| n.key == "default");
    if !listed && file.services.iter().any(|s| s.default_network) {
        networks.insert("default".to_owned(), json!({ "labels": labels }));
    }
    let services: Map<String, Value> =
        file.services.iter().map(|s| (s.name.clone(), json!({ "labels": labels }))).collect();
    let mut root = Map::new();
    if let Some(version) = &file.version {
        // Early 1.x refuses files of different versions.
        root.insert("version".into(), Value::String(version.clone()));
    }
    let sections =
        [("services", services), ("networks", networks), ("volumes", own(&file.volumes))];
    for (section, bodies) in sections {
        if !bodies.is_empty() {
            root.insert(section.into(), Value::Object(bodies));
        }
    }
    format!("{:#}\n", Value::Object(root))
}

/// The whole definition, its labels with ours.
fn repeated(resource: &Resource, labels: &Value) -> Value {
    let mut definition = resource.definition.clone();
    let mut all = match definition.get("labels") {
        Some(Value::Object(theirs)) => theirs.clone(),
        // A list of `key=value`.
        Some(Value::Array(theirs)) => theirs
            .iter()
            .filter_map(Value::as_str)
            .map(|text| text.split_once('=').unwrap_or((text, "")))
            .map(|(key, value)| (key.to_owned(), value.into()))
            .collect(),
        _ => Map::new(),
    };
    all.extend(labels.as_object().cloned().unwrap_or_default());
    definition.insert("labels".into(), Value::Object(all));
    Value::Object(definition)
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
        let text = generate(&file, &stamp(), Joins::Merges);
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
        let text = generate(&file, &stamp(), Joins::Merges);
        for word in ["\"20261121_031455\"", "\"12:345:6:abc\"", "\"1_0\"", "\"yes\""] {
            assert!(text.contains(word), "{text}");
        }
        assert!(serde_yaml_ng::from_str::<serde_yaml_ng::Value>(&text).is_ok());
    }

    #[test]
    fn for_a_tool_that_replaces_definitions_all_of_them_is_repeated() {
        let text = "services: {}
networks:
  back:
    internal: true
    ipam: {config: [{subnet: 10.211.7.0/24}]}
    labels: [team=a]
  theirs: {external: true, name: x}
volumes:
  data: {driver: local, driver_opts: {type: none, o: bind, device: /srv/$$seed}}
  named: {name: precious_by_hand, labels: {tier: '2'}}
  plain: null
";
        let file = ProjectFile::parse(text).expect("a project");
        let json: Value =
            serde_json::from_str(&generate(&file, &stamp(), Joins::Replaces)).expect("JSON");
        let back = &json["networks"]["back"];
        assert_eq!(back["internal"], true);
        assert_eq!(back["ipam"]["config"][0]["subnet"], "10.211.7.0/24");
        assert_eq!(
            (&back["labels"]["team"], &back["labels"][LABEL_PROJECT]),
            (&json!("a"), &json!("demo"))
        );
        assert_eq!(json["networks"].get("theirs"), None);
        // Dollar signs stay doubled: the tool reads this file as it reads the first one.
        assert_eq!(json["volumes"]["data"]["driver_opts"]["device"], "/srv/$$seed");
        let named = &json["volumes"]["named"];
        assert_eq!(
            (&named["name"], &named["labels"]["tier"]),
            (&json!("precious_by_hand"), &json!("2"))
        );
        assert_eq!(json["volumes"]["plain"]["labels"][LABEL_RUN], "20261121_031455");
        let merged: Value =
            serde_json::from_str(&generate(&file, &stamp(), Joins::Merges)).expect("JSON");
        assert_eq!(merged["volumes"]["named"].get("name"), None);
    }

    #[test]
    fn a_version_is_only_written_where_the_tool_writes_one() {
        for version in VERSIONS {
            let file = ProjectFile::parse(&call(version, "config").stdout).expect("a project");
            let json: Value =
                serde_json::from_str(&generate(&file, &stamp(), Joins::Merges)).expect("JSON");
            assert_eq!(json.get("version").is_some(), version == "1.29.2", "{version}");
        }
    }
}
