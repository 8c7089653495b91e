//! The services of the demo as a table, for running them as local processes.
//!
//! It says the same as `compose/demo.yml`; a test holds the two together.

use std::path::Path;

use super::{DEFAULT_API_KEY, LEAK_MB_PER_MIN, Role};

/// A value in a service's environment.
#[derive(Debug, Clone, PartialEq)]
pub enum EnvValue {
    /// As it is.
    Text(String),
    /// The address of another service, as `http://HOST:PORT`.
    UrlOf(&'static str),
    /// A folder of the service's own, empty at each reset.
    DataDir,
    /// The port that the service is to listen on.
    OwnPort,
    /// The address to listen on: loopback for a process.
    OwnHost,
}

impl EnvValue {
    /// The text to pass. `url_of` gives another service's `http://HOST:PORT`; `host` and `port`
    /// are this one's own.
    pub fn resolve(
        &self,
        url_of: impl Fn(&str) -> String,
        host: &str,
        port: u16,
        data_dir: &Path,
    ) -> String {
        match self {
            EnvValue::Text(text) => text.clone(),
            EnvValue::UrlOf(service) => url_of(service),
            EnvValue::DataDir => data_dir.to_string_lossy().into_owned(),
            EnvValue::OwnPort => port.to_string(),
            EnvValue::OwnHost => host.to_string(),
        }
    }
}

/// One service of the demo.
#[derive(Debug, Clone, PartialEq)]
pub struct DemoService {
    /// Its name, the same as in the compose file.
    pub name: &'static str,
    /// Arguments of this binary.
    pub args: &'static [&'static str],
    /// Its environment.
    pub env: Vec<(&'static str, EnvValue)>,
    /// Memory limit in MB (2^20 bytes).
    pub memory_mb: u64,
    /// CPU limit in cores.
    pub cpus: f64,
    /// The cores it can really use, where that is less than `cpus` (its threading model).
    pub effective_cores: Option<f64>,
    /// Path that answers 200 when it is ready.
    pub health_path: &'static str,
}

/// The four services, in the order to start them in (any order works).
pub fn services() -> Vec<DemoService> {
    vec![
        DemoService {
            effective_cores: Some(1.0),
            ..service(
                Role::Simulation,
                256,
                1.5,
                vec![
                    ("DEMO_STREAM_URL", EnvValue::UrlOf("stream-processor")),
                    ("DEMO_API_KEY", EnvValue::Text(DEFAULT_API_KEY.into())),
                ],
            )
        },
        service(
            Role::StreamProcessor,
            192,
            0.5,
            vec![
                ("DEMO_CACHE_URL", EnvValue::UrlOf("cache")),
                ("DEMO_STORE_URL", EnvValue::UrlOf("store")),
                ("DEMO_LEAK_MB_PER_MIN", EnvValue::Text(LEAK_MB_PER_MIN.to_string())),
            ],
        ),
        service(Role::Cache, 128, 0.5, vec![("DEMO_CACHE_MB", EnvValue::Text("48".into()))]),
        service(Role::Store, 128, 0.5, vec![("DEMO_DATA_DIR", EnvValue::DataDir)]),
    ]
}

fn service(
    role: Role,
    memory_mb: u64,
    cpus: f64,
    own: Vec<(&'static str, EnvValue)>,
) -> DemoService {
    let mut env = vec![
        ("DEMO_ROLE", EnvValue::Text(role.name().into())),
        ("DEMO_HOST", EnvValue::OwnHost),
        ("DEMO_PORT", EnvValue::OwnPort),
    ];
    env.extend(ALLOCATOR.map(|(name, value)| (name, EnvValue::Text(value.into()))));
    env.extend(own);
    DemoService {
        name: role.name(),
        args: &["demo-service"],
        env,
        memory_mb,
        cpus,
        effective_cores: None,
        health_path: "/health",
    }
}

/// glibc's allocator, told to give back what is freed: one arena, and blocks from 32 KiB on in
/// mappings of their own. Other allocators do not read it.
pub(super) const ALLOCATOR: [(&str, &str); 2] =
    [("MALLOC_ARENA_MAX", "1"), ("MALLOC_MMAP_THRESHOLD_", "32768")];

#[cfg(test)]
mod tests {
    use serde_yaml_ng::Value;

    use super::*;
    use crate::demo::COMPOSE_FILE;

    fn compose_services() -> Value {
        let mut file: Value = serde_yaml_ng::from_str(COMPOSE_FILE).unwrap();
        file.apply_merge().unwrap();
        file["services"].clone()
    }

    #[test]
    fn the_table_and_the_compose_file_agree_on_names_and_limits() {
        let compose = compose_services();
        for service in services() {
            let entry = &compose[service.name];
            assert_eq!(entry["mem_limit"], format!("{}m", service.memory_mb).as_str());
            assert_eq!(entry["cpus"].as_f64(), Some(service.cpus), "{}", service.name);
            assert_eq!(entry["profiles"][0], "core");
        }
    }

    #[test]
    fn the_table_and_the_compose_file_agree_on_what_is_told() {
        let compose = compose_services();
        for service in services() {
            let told = &compose[service.name]["environment"];
            for (name, value) in &service.env {
                match value {
                    EnvValue::Text(_) if *name == "DEMO_API_KEY" => {
                        let text = told[*name].as_str().unwrap_or_default();
                        assert!(text.ends_with(&format!(":-{DEFAULT_API_KEY}}}")), "{text}");
                    }
                    // The image sets these.
                    EnvValue::Text(_) if ALLOCATOR.iter().any(|(key, _)| key == name) => {}
                    EnvValue::Text(text) => assert_eq!(told[*name], text.as_str(), "{name}"),
                    EnvValue::UrlOf(peer) => {
                        assert_eq!(told[*name], format!("http://{peer}:8000").as_str());
                    }
                    EnvValue::DataDir | EnvValue::OwnPort | EnvValue::OwnHost => {}
                }
            }
        }
    }

    #[test]
    fn the_compose_file_tells_nothing_that_the_table_leaves_out_but_the_provocations() {
        let compose = compose_services();
        for service in services() {
            for name in compose[service.name]["environment"].as_mapping().unwrap().keys() {
                let known = service.env.iter().any(|(key, _)| Some(*key) == name.as_str());
                assert!(
                    known || matches!(name.as_str(), Some("DEMO_DEBUG" | "DEMO_TASKS")),
                    "{name:?}"
                );
            }
        }
    }

    #[test]
    fn placeholders_become_addresses() {
        let url = |name: &str| format!("http://127.0.0.1/{name}");
        let resolve = |value: EnvValue| value.resolve(url, "127.0.0.1", 9000, Path::new("/d"));
        assert_eq!(resolve(EnvValue::UrlOf("cache")), "http://127.0.0.1/cache");
        assert_eq!(resolve(EnvValue::OwnPort), "9000");
        assert_eq!(resolve(EnvValue::DataDir), "/d");
    }
}
