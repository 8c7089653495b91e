//! What `config` says about the project: services, networks, volumes. Read leniently, for the tools
//! write the same thing in different ways.

mod clash;
mod health;
mod port;
mod service;

use serde_json::Value as Json;
use serde_yaml_ng::{Mapping, Value};

pub use clash::{Clash, Shared, clashes};
pub use health::{HealthCheck, HttpAsk};
pub use port::{Port, Protocol};
pub use service::Service;

use super::wanted::undoubled;
use crate::stack::ready::Expected;

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
#[derive(Debug, Clone, PartialEq, Default)]
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
        ProjectFile::of(&root)
    }

    /// The same of YAML that was read already.
    ///
    /// # Errors
    /// When it is no mapping.
    pub fn of(root: &Value) -> Result<ProjectFile, String> {
        let root = root.as_mapping().ok_or("its top level is not a mapping")?;
        let mut services: Vec<Service> =
            section(root, "services").map(|(name, body)| service::read(name, body)).collect();
        service::mark_one_shots(&mut services);
        Ok(ProjectFile {
            version: root.get("version").and_then(scalar),
            services,
            networks: section(root, "networks").map(|(k, b)| resource(k, b)).collect(),
            volumes: section(root, "volumes").map(|(k, b)| resource(k, b)).collect(),
        })
    }

    /// Services that `up` starts with these profiles, and how many containers of each. 1.29 and
    /// 2.24 list services of other profiles too.
    #[must_use]
    pub fn expected(&self, profiles: &[String]) -> Vec<Expected> {
        self.enabled(profiles)
            .map(|s| Expected {
                service: s.name.clone(),
                replicas: s.replicas,
                job: self.enabled(profiles).any(|other| other.waits_for_end_of.contains(&s.name)),
            })
            .collect()
    }

    /// The services that `up` starts with these profiles.
    pub fn enabled<'a>(&'a self, profiles: &'a [String]) -> impl Iterator<Item = &'a Service> {
        self.services.iter().filter(move |s| s.enabled(profiles) && s.replicas > 0)
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
pub(crate) fn scalar(value: &Value) -> Option<String> {
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
            assert!(db.has_health_check() && !db.default_network);
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
        assert!(!file.services.iter().any(Service::has_health_check));
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
