//! What `config` says about the project: services, networks, volumes. Read leniently, for the tools
//! write the same thing in different ways.

use serde_json::Value as Json;
use serde_yaml_ng::{Mapping, Value};

use super::wanted::{Wanted, undoubled};
use crate::stack::ready::Expected;

/// A service of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its explicit `container_name`.
    pub container_name: Option<String>,
    /// How many containers of it; 0: none.
    pub replicas: u32,
    /// Profiles it belongs to; none: always.
    pub profiles: Vec<String>,
    /// It joins the project's default network.
    pub default_network: bool,
    /// It has a health check that is not switched off.
    pub has_health_check: bool,
    /// Services that must have ended with 0 before it is started.
    pub waits_for_end_of: Vec<String>,
    /// What its containers are to be made with.
    pub wanted: Wanted,
}

/// A network or volume of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its key in the file.
    pub key: String,
    /// Its explicit name in the engine.
    pub name: Option<String>,
    /// Made by somebody else, outside the project.
    pub external: bool,
    /// All that the file says of it, with its dollar signs doubled as `config` writes them.
    pub definition: serde_json::Map<String, Json>,
}

impl Resource {
    /// Its name in the engine.
    #[must_use]
    pub fn engine_name(&self, project: &str) -> String {
        match &self.name {
            Some(name) => name.clone(),
            None if self.external => self.key.clone(),
            None => format!("{project}_{}", self.key),
        }
    }
}

/// The project as the tool resolved it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProjectFile {
    /// `version:`, where the tool writes one.
    pub version: Option<String>,
    /// Services, also of profiles that are not enabled (1.29).
    pub services: Vec<Service>,
    /// Networks listed.
    pub networks: Vec<Resource>,
    /// Volumes listed.
    pub volumes: Vec<Resource>,
}

impl ProjectFile {
    /// Reads the output of `config`.
    ///
    /// # Errors
    /// When it is not a YAML mapping.
    pub fn parse(yaml: &str) -> Result<ProjectFile, String> {
        let mut root: Value = serde_yaml_ng::from_str(yaml).map_err(|e| e.to_string())?;
        // An alias or merge key may be left in it.
        root.apply_merge().map_err(|e| e.to_string())?;
        let root = root.as_mapping().ok_or("its top level is not a mapping")?;
        let services = section(root, "services").map(|(name, body)| service(name, body));
        Ok(ProjectFile {
            version: root.get("version").and_then(scalar),
            services: services.collect(),
            networks: section(root, "networks").map(|(k, b)| resource(k, b)).collect(),
            volumes: section(root, "volumes").map(|(k, b)| resource(k, b)).collect(),
        })
    }

    /// Services that `up` starts with these profiles, and how many containers of each. 1.29 and
    /// 2.24 list services of other profiles too.
    #[must_use]
    pub fn expected(&self, profiles: &[String]) -> Vec<Expected> {
        let enabled = |s: &Service| {
            s.profiles.is_empty() || profiles.iter().any(|p| p == "*" || s.profiles.contains(p))
        };
        self.services
            .iter()
            .filter(|s| enabled(s) && s.replicas > 0)
            .map(|s| Expected {
                service: s.name.clone(),
                replicas: s.replicas,
                job: self
                    .services
                    .iter()
                    .any(|other| enabled(other) && other.waits_for_end_of.contains(&s.name)),
            })
            .collect()
    }

    /// Names in the engine of the volumes that `down -v` removes.
    #[must_use]
    pub fn volume_names(&self, project: &str) -> Vec<String> {
        self.volumes.iter().filter(|v| !v.external).map(|v| v.engine_name(project)).collect()
    }
}

fn section<'a>(root: &'a Mapping, key: &str) -> impl Iterator<Item = (String, &'a Value)> {
    root.get(key)
        .and_then(Value::as_mapping)
        .into_iter()
        .flatten()
        .filter_map(|(name, body)| Some((scalar(name)?, body)))
}

fn service(name: String, body: &Value) -> Service {
    let replicas = body
        .get("deploy")
        .and_then(|d| d.get("replicas"))
        .or_else(|| body.get("scale"))
        .and_then(scalar)
        .and_then(|n| n.parse().ok());
    let check = body.get("healthcheck");
    let disabled = check.and_then(|c| c.get("disable")).and_then(Value::as_bool).unwrap_or(false);
    Service {
        container_name: body.get("container_name").and_then(scalar),
        replicas: replicas.unwrap_or(1),
        profiles: body
            .get("profiles")
            .and_then(Value::as_sequence)
            .map(|p| p.iter().filter_map(scalar).collect())
            .unwrap_or_default(),
        default_network: match body.get("networks") {
            None => body.get("network_mode").is_none(),
            Some(Value::Mapping(networks)) => networks.contains_key("default"),
            Some(Value::Sequence(networks)) => {
                networks.iter().any(|n| n.as_str() == Some("default"))
            }
            Some(_) => body.get("network_mode").is_none(),
        },
        has_health_check: check.is_some() && !disabled,
        waits_for_end_of: ends_waited_for(body.get("depends_on")),
        wanted: Wanted::of(&json(body)),
        name,
    }
}

fn resource(key: String, body: &Value) -> Resource {
    let external = body.get("external");
    // The old form: `external: {name: x}`.
    let outer_name = external.and_then(|e| e.get("name")).and_then(scalar);
    Resource {
        name: body.get("name").and_then(scalar).or(outer_name).map(|name| undoubled(&name)),
        external: match external {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::String(text)) => text != "false",
            Some(_) => true,
        },
        definition: json(body).as_object().cloned().unwrap_or_default(),
        key,
    }
}

fn ends_waited_for(depends_on: Option<&Value>) -> Vec<String> {
    let ended = |body: &Value| {
        body.get("condition").and_then(Value::as_str) == Some("service_completed_successfully")
    };
    let all = depends_on.and_then(Value::as_mapping).into_iter().flatten();
    all.filter(|(_, body)| ended(body)).filter_map(|(name, _)| scalar(name)).collect()
}

/// The same value as JSON, whose keys are text.
fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(b) => Json::Bool(*b),
        Value::Number(n) => serde_json::to_value(n).unwrap_or(Json::Null),
        Value::String(s) => Json::String(s.clone()),
        Value::Sequence(all) => Json::Array(all.iter().map(json).collect()),
        Value::Mapping(all) => {
            let pairs = all.iter().filter_map(|(k, v)| Some((scalar(k)?, json(v))));
            Json::Object(pairs.collect())
        }
        Value::Tagged(tagged) => json(&tagged.value),
    }
}

/// A scalar as text: names may be written as numbers.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(s) => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::compose::fixtures::{VERSIONS, call};

    fn parsed(version: &str, case: &str) -> ProjectFile {
        ProjectFile::parse(&call(version, case).stdout).expect("a project")
    }

    fn names(expected: &[Expected]) -> Vec<(&str, u32)> {
        let mut names: Vec<_> = expected.iter().map(|e| (e.service.as_str(), e.replicas)).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_tool_tells_the_same_services_networks_and_volumes() {
        for version in VERSIONS {
            let file = parsed(version, "config");
            assert_eq!(names(&file.expected(&[])), [("db", 1), ("web", 2)], "{version}");
            let core = parsed(version, "config-profile-core").expected(&["core".into()]);
            let all = [("api", 1), ("db", 1), ("monitor", 1), ("web", 2)];
            assert_eq!(names(&core), all, "{version}");
            assert!(file.networks.iter().any(|n| n.key == "back"), "{version}");
            assert!(file.volume_names("demo").contains(&"demo_dbdata".to_owned()), "{version}");
            let db = file.services.iter().find(|s| s.name == "db").expect("db");
            assert_eq!(db.container_name.as_deref(), Some("demo-database"));
            assert!(db.has_health_check && !db.default_network);
        }
    }

    #[test]
    fn external_is_understood_in_its_old_and_new_forms() {
        let file = ProjectFile::parse(
            "services: {}\nvolumes:\n  a: {external: true, name: x}\n  b: {external: {name: y}}\n  \
             c: null\n  d: {name: own}\n  e: {external: false}\n",
        )
        .expect("a project");
        let external: Vec<bool> = file.volumes.iter().map(|v| v.external).collect();
        assert_eq!(external, [true, true, false, false, false]);
        assert_eq!(file.volume_names("p"), ["p_c", "own", "p_e"]);
    }

    #[test]
    fn scale_replicas_and_switched_off_checks_are_read() {
        let file = ProjectFile::parse(
            "services:\n  a: {scale: 3, healthcheck: {disable: true}}\n  b: {deploy: {replicas: \
             0}}\n  1: {network_mode: host}\n",
        )
        .expect("a project");
        assert_eq!(names(&file.expected(&[])), [("1", 1), ("a", 3)]);
        assert!(!file.services.iter().any(|s| s.has_health_check));
    }

    #[test]
    fn a_service_whose_end_another_waits_for_is_a_job() {
        let file = ProjectFile::parse(
            "services:\n  job: {}\n  db: {}\n  old: {depends_on: [db]}\n  app:\n    depends_on:\n      \
             job: {condition: service_completed_successfully, required: true}\n      db: \
             {condition: service_started}\n",
        )
        .expect("a project");
        let jobs: Vec<_> = file.expected(&[]).into_iter().filter(|e| e.job).collect();
        assert_eq!(names(&jobs), [("job", 1)]);
    }

    #[test]
    fn what_is_no_project_is_an_error() {
        assert!(ProjectFile::parse("- a\n").is_err());
        assert!(ProjectFile::parse("a: [").is_err());
        assert!(ProjectFile::parse("Docker version 28.2.2, build e6534b4\n").is_err());
    }
}
