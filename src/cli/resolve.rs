//! Which configuration a command works with: the one that was named, the one in this folder, or
//! the built-in demo, and for the demo whether it runs in containers or as local processes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::mask::Secrets;
use crate::config::{
    Compose, Config, HealthProbe, Probe, ProcessService, RestartPolicy, StackKind,
};
use crate::config::{ConfigText, read, read_file};
use crate::demo;
use crate::demo::EnvValue;
use crate::tell;

use super::args::ConfigArgs;
use super::wire;

/// The demo's config, as it is in the repository.
const DEMO_CONFIG: &str = include_str!("../../config/demo.toml");

/// A config that was chosen.
pub struct Chosen {
    /// The configuration.
    pub config: Config,
    /// It is the built-in demo.
    pub demo: bool,
    /// Lines for people: what was chosen, why, and the remedy.
    pub why: Vec<String>,
}

/// Chooses and reads the configuration.
///
/// # Errors
/// All problems of the config, one a line.
pub async fn choose(args: &ConfigArgs) -> Result<Chosen, String> {
    let here = Path::new("runner.toml");
    let named = args.config.clone().or_else(|| here.is_file().then(|| here.to_path_buf()));
    match named {
        Some(path) => {
            let mut config = read_file(&path, &args.overrides).map_err(|e| e.to_string())?;
            let mut why = vec![format!("config {}", path.display())];
            if let StackKind::Compose(compose) = &config.stack.kind {
                why.extend(compose.remarks.clone());
            }
            let demo = matches!(&config.stack.kind, StackKind::Compose(compose) if compose.demo);
            if demo {
                place_demo(&mut config, &mut why).await?;
            }
            Ok(Chosen { config, demo, why })
        }
        None => choose_demo(&args.overrides).await,
    }
}

async fn choose_demo(overrides: &[String]) -> Result<Chosen, String> {
    let folder = demo_folder()?;
    let mut config = read(&ConfigText {
        text: DEMO_CONFIG,
        origin: "built-in demo",
        base_dir: &folder,
        set: overrides,
        environment: &|name| std::env::var(name).ok(),
    })
    .map_err(|e| e.to_string())?;
    if config.results.dir.is_relative() {
        // The demo's own files lie elsewhere; its results belong where it was started.
        config.results.dir = absolute(&config.results.dir);
    }
    let mut why = vec!["no runner.toml here: running the built-in demo".to_string()];
    place_demo(&mut config, &mut why).await?;
    Ok(Chosen { config, demo: true, why })
}

/// The demo's stack: in containers where a local engine and a compose tool answer, else the same
/// services as local processes. Says which, and why.
async fn place_demo(config: &mut Config, why: &mut Vec<String>) -> Result<(), String> {
    let env = match &config.stack.kind {
        StackKind::Compose(compose) => compose.env.clone(),
        _ => BTreeMap::new(),
    };
    match wire::containers_possible().await {
        Ok(engine) => {
            why.push(format!("in containers: {engine}"));
            let folder = demo_folder()?.join("compose");
            config.stack.kind = StackKind::Compose(Compose {
                files: vec![folder.join("demo.yml")],
                profiles: vec!["core".to_string()],
                directory: folder,
                env,
                demo: true,
                project_named: true,
                remarks: Vec::new(),
            });
        }
        Err(reason) => {
            why.push(format!("as local processes: {reason}"));
            config.stack.kind = StackKind::Process { services: demo_processes(&env) };
        }
    }
    Ok(())
}

/// Adds the credentials in the environment; from now on none of them is told.
pub fn keep_secret(mut secrets: Secrets) -> Secrets {
    // What is no text is no credential that anybody could type.
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    secrets.variables(std::env::vars_os().filter_map(text));
    tell::keep_secret(secrets.clone());
    secrets
}

/// A path as it is meant from here.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// A path as people read it: relative where it lies below the working directory.
pub fn shown(path: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).to_path_buf()
}

/// Where the demo's compose file lies: the same place each time, so that compose sees one project.
fn demo_folder() -> Result<PathBuf, String> {
    let folder = wire::state_folder()?.join("demo");
    let compose = folder.join("compose");
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(&compose)?;
        crate::store::atomic::write(&compose.join("demo.yml"), demo::COMPOSE_FILE.as_bytes())
            .map_err(std::io::Error::other)
    };
    write()
        .map_err(|e| format!("{}: the demo's files cannot be written: {e}", folder.display()))?;
    Ok(folder)
}

/// The demo's services as processes of this binary.
fn demo_processes(told: &BTreeMap<String, String>) -> Vec<ProcessService> {
    // By its path, so that people recognise it; an executable that was replaced since it was
    // started is still reached through /proc.
    let exe = std::env::current_exe().ok().filter(|path| path.is_file());
    let exe = exe.unwrap_or_else(|| demo::image::running_executable().to_path_buf());
    demo::services()
        .into_iter()
        .map(|service| {
            let program = exe.display().to_string();
            let args = service.args.iter().map(|arg| (*arg).to_string());
            // What the compose file takes from its own environment.
            let passed = demo::PASSED_ON
                .iter()
                .filter_map(|(from, to)| Some(((*to).to_string(), told.get(*from)?.clone())));
            let env = service.env.iter().map(|(key, value)| ((*key).to_string(), written(value)));
            let env = env.chain(passed);
            ProcessService {
                name: service.name.to_string(),
                command: std::iter::once(program).chain(args).collect(),
                env: env.collect(),
                ports: vec![8000],
                health: Some(HealthProbe {
                    probe: Probe::Http { port: 8000, path: service.health_path.to_string() },
                    interval: std::time::Duration::from_secs(2),
                    timeout: std::time::Duration::from_secs(2),
                    retries: 5,
                }),
                memory_bytes: Some(service.memory_mb << 20),
                cpus: Some(service.cpus),
                restart: RestartPolicy::Always,
            }
        })
        .collect()
}

/// A value as a process stack's config writes it.
fn written(value: &EnvValue) -> String {
    match value {
        EnvValue::Text(text) => text.clone(),
        EnvValue::UrlOf(service) => format!("http://${{address:{service}:8000}}"),
        EnvValue::DataDir => "${dir}".to_string(),
        EnvValue::OwnPort => "${port:8000}".to_string(),
        EnvValue::OwnHost => "127.0.0.1".to_string(),
    }
}
