//! `runner init`: a starting config from a compose file, with what the file says filled in and
//! what only its owner knows marked.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_yaml_ng::Value;

use crate::outside;
use crate::tell;

use super::args::InitArgs;
use super::exit::Exit;

/// File names that compose looks for, in its order.
const COMPOSE_NAMES: &[&str] =
    &["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];

/// Runs the command.
pub fn command(args: &InitArgs) -> Exit {
    match write(args) {
        Ok(written) => {
            tell::people(format!("wrote {}", written.display()));
            tell::people(format!("next: read it, then `runner check -c {}`", written.display()));
            Exit::Clean
        }
        Err(message) => {
            tell::people(message);
            Exit::Usage
        }
    }
}

fn write(args: &InitArgs) -> Result<PathBuf, String> {
    let compose = compose_file(args.compose_file.as_deref())?;
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from("runner.toml"));
    if out.exists() && !args.force {
        return Err(format!(
            "{} is there already; write elsewhere with --out FILE or over it with --force",
            out.display()
        ));
    }
    let text = outside::text(&compose, outside::MAX_TEXT_BYTES)
        .map_err(|e| format!("{}: cannot be read: {e}", compose.display()))?;
    let services = services(&text).map_err(|why| format!("{}: {why}", compose.display()))?;
    let reference = relative_to(&compose, &out);
    let config = starting_config(&reference, &services);
    std::fs::write(&out, config).map_err(|e| format!("{}: {e}", out.display()))?;
    Ok(out)
}

fn compose_file(named: Option<&Path>) -> Result<PathBuf, String> {
    if let Some(path) = named {
        return Ok(path.to_path_buf());
    }
    let found = COMPOSE_NAMES.iter().map(PathBuf::from).find(|path| path.is_file());
    found.ok_or_else(|| {
        format!(
            "there is no compose file here ({}); name it: runner init FILE",
            COMPOSE_NAMES.join(", ")
        )
    })
}

/// The compose file as the config in `out` must name it: relative to the config's folder where
/// it lies below it, else absolute.
fn relative_to(compose: &Path, out: &Path) -> String {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let compose = absolute(compose);
    let folder = absolute(out).parent().map(Path::to_path_buf).unwrap_or_default();
    compose.strip_prefix(&folder).unwrap_or(&compose).display().to_string()
}

/// What the compose file says about a service, as far as a config cares.
#[derive(Debug, Clone, PartialEq, Default)]
struct Service {
    name: String,
    container_name: Option<String>,
    cpus: Option<f64>,
    has_memory_limit: bool,
    has_health_check: bool,
    port: Option<u64>,
    profiles: Vec<String>,
}

fn services(text: &str) -> Result<Vec<Service>, String> {
    let mut file: Value = serde_yaml_ng::from_str(text).map_err(|e| format!("is no YAML: {e}"))?;
    // Anchors merged with `<<` are part of a service.
    file.apply_merge().map_err(|e| format!("has a merge that cannot be applied: {e}"))?;
    let services = file.get("services").and_then(Value::as_mapping);
    let services = services.ok_or("has no services: is it a compose file?")?;
    let named = services.iter().filter_map(|(name, body)| Some((name.as_str()?, body)));
    Ok(named.map(|(name, body)| service(name, body)).collect())
}

fn service(name: &str, body: &Value) -> Service {
    let limits = body.get("deploy").and_then(|d| d.get("resources")).and_then(|r| r.get("limits"));
    let limit = |key: &str| limits.and_then(|l| l.get(key));
    Service {
        name: name.to_string(),
        container_name: body.get("container_name").and_then(Value::as_str).map(str::to_string),
        cpus: body.get("cpus").or_else(|| limit("cpus")).and_then(number),
        has_memory_limit: body.get("mem_limit").or_else(|| limit("memory")).is_some(),
        has_health_check: body.get("healthcheck").is_some(),
        port: body.get("ports").and_then(first_port),
        profiles: strings(body.get("profiles")),
    }
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn strings(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_sequence);
    list.into_iter().flatten().filter_map(|v| v.as_str().map(str::to_string)).collect()
}

/// The container's side of the first published port: `"127.0.0.1:8080:80/tcp"` or a map.
fn first_port(ports: &Value) -> Option<u64> {
    let first = ports.as_sequence()?.first()?;
    if let Some(target) = first.get("target") {
        return target.as_u64();
    }
    let text = first.as_str().map(str::to_string).or_else(|| Some(first.as_u64()?.to_string()))?;
    let container = text.rsplit(':').next()?;
    container.split('/').next()?.split('-').next()?.parse().ok()
}

fn starting_config(compose: &str, services: &[Service]) -> String {
    let mut out = String::new();
    let mut profiles: Vec<&str> =
        services.iter().flat_map(|s| s.profiles.iter().map(String::as_str)).collect();
    profiles.sort_unstable();
    profiles.dedup();
    let _ = writeln!(out, "# How `runner` tests this stack. Every key: config/reference.toml.\n");
    let _ = writeln!(out, "[stack]\nkind = \"compose\"\nfile = {compose:?}");
    if !profiles.is_empty() {
        let _ = writeln!(out, "profiles = {profiles:?}");
    }
    out.push_str(
        "# Consent to resets: \"never\", \"containers\" (remade), \"volumes\" (remade, DATA IS LOST).\n\
         reset = \"never\"\n\n",
    );
    write_load(&mut out, services);
    write_containers(&mut out, services);
    out
}

fn write_load(out: &mut String, services: &[Service]) {
    let driven = services.iter().find(|s| s.port.is_some());
    let address = driven.map_or("SERVICE:PORT".to_string(), |s| {
        format!("{}:{}", s.name, s.port.unwrap_or_default())
    });
    let _ = writeln!(
        out,
        "# What puts work on it. Without a [load] only scenarios without load run (-s baseline).\n\
         # A control API that makes agents; its calls can be changed, see config/reference.toml.\n\
         # [load]\n# kind = \"agents\"\n# address = {address:?}\n\
         # headers = {{ X-API-Key = \"${{API_KEY}}\" }}\n"
    );
}

fn write_containers(out: &mut String, services: &[Service]) {
    for service in services {
        let key = service.container_name.as_deref().unwrap_or(&service.name);
        let mut remarks = Vec::new();
        if !service.has_memory_limit {
            remarks.push("no memory limit: its memory is judged by growth only");
        }
        if !service.has_health_check {
            remarks.push("no health check: ready means running");
        }
        if service.cpus.is_none() && remarks.is_empty() {
            continue;
        }
        for remark in remarks {
            let _ = writeln!(out, "# {key}: {remark}.");
        }
        if let Some(cpus) = service.cpus.filter(|cpus| *cpus > 1.0) {
            let _ = writeln!(
                out,
                "# {key} may use {cpus} cores. If one thread does its work it is full at 1.0:\n\
                 # [containers.{key:?}]\n# effective_cores = 1.0"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPOSE: &str = r#"
x-base: &base { mem_limit: 64m }
services:
  web:
    <<: *base
    container_name: shop-web
    cpus: 2
    ports: ["127.0.0.1:8080:80/tcp"]
    profiles: [core]
    healthcheck: { test: ["CMD", "true"] }
  db:
    deploy: { resources: { limits: { memory: 1g, cpus: "1.5" } } }
"#;

    #[test]
    fn a_compose_file_says_ports_limits_profiles_and_health() {
        let found = services(COMPOSE).expect("services");
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].port, Some(80));
        assert_eq!(found[0].container_name.as_deref(), Some("shop-web"));
        assert!(found[0].has_memory_limit && found[0].has_health_check);
        assert_eq!(found[1].cpus, Some(1.5));
        assert!(found[1].has_memory_limit && !found[1].has_health_check);
    }

    #[test]
    fn the_starting_config_consents_to_nothing_and_names_the_profile() {
        let found = services(COMPOSE).expect("services");
        let config = starting_config("compose.yml", &found);
        assert!(config.contains("reset = \"never\""), "{config}");
        assert!(config.contains("profiles = [\"core\"]"), "{config}");
        assert!(config.contains("# address = \"web:80\""), "{config}");
        toml::from_str::<toml::Table>(&config).expect("valid TOML");
    }

    #[test]
    fn what_is_no_compose_file_is_said_so() {
        assert!(services("a: [").is_err());
        assert!(services("version: '3'").expect_err("no services").contains("compose"));
    }
}
