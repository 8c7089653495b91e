//! The docker client's contexts: `contexts/meta/ID/meta.json` and `contexts/tls/ID/docker/*.pem` in
//! its configuration. They are read directly, so that no client is needed; a context that is not
//! there is asked of the client (`docker context inspect`), which may keep it elsewhere.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;

use super::{Endpoint, is_network};
use crate::net::relay::TlsFiles;
use crate::outside;

const CLIENT_LIMIT: Duration = Duration::from_secs(5);

#[derive(Deserialize)]
struct Context {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "Endpoints", default)]
    endpoints: Endpoints,
    #[serde(rename = "Storage", default)]
    storage: Storage,
}

#[derive(Deserialize, Default)]
struct Endpoints {
    docker: Option<Engine>,
}

#[derive(Deserialize)]
struct Engine {
    #[serde(rename = "Host", default)]
    host: String,
    #[serde(rename = "SkipTLSVerify", default)]
    skip_tls_verify: bool,
}

/// Only in what the client prints.
#[derive(Deserialize, Default)]
struct Storage {
    #[serde(rename = "TLSPath", default)]
    tls_path: PathBuf,
}

/// The context that the client's own configuration names.
pub(super) fn configured(config: &Path) -> Option<String> {
    let text = outside::text(&config.join("config.json"), outside::MAX_TEXT_BYTES).ok()?;
    let config: serde_json::Value = serde_json::from_str(&text).ok()?;
    let name = config.get("currentContext")?.as_str()?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// The endpoint of a context.
pub(super) async fn endpoint(name: &str, config: Option<&Path>) -> Result<Endpoint, String> {
    match config.map_or(Ok(None), |config| stored(name, config))? {
        Some((context, tls)) => read(context, &tls),
        None => {
            let context = inspect(name, config).await?;
            let tls = context.storage.tls_path.clone();
            read(context, &tls)
        }
    }
}

/// A context among the client's files, with the folder of its certificates.
fn stored(name: &str, config: &Path) -> Result<Option<(Context, PathBuf)>, String> {
    let contexts = config.join("contexts");
    let Ok(entries) = std::fs::read_dir(contexts.join("meta")) else { return Ok(None) };
    for entry in entries.flatten() {
        let path = entry.path().join("meta.json");
        let Ok(text) = outside::bytes(&path, outside::MAX_TEXT_BYTES) else { continue };
        match serde_json::from_slice::<Context>(&text) {
            Ok(context) if context.name == name => {
                return Ok(Some((context, contexts.join("tls").join(entry.file_name()))));
            }
            Ok(_) => {}
            // A broken file matters only when it is the one that was asked for.
            Err(e) if String::from_utf8_lossy(&text).contains(&format!("{name:?}")) => {
                return Err(format!("{} cannot be read: {e}", path.display()));
            }
            Err(_) => {}
        }
    }
    Ok(None)
}

/// A context as the client knows it.
async fn inspect(name: &str, config: Option<&Path>) -> Result<Context, String> {
    let mut command = tokio::process::Command::new("docker");
    if let Some(config) = config {
        command.arg("--config").arg(config);
    }
    let call = command
        .args(["context", "inspect", "--", name])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = match tokio::time::timeout(CLIENT_LIMIT, call).await {
        Err(_) => return Err("`docker context inspect` does not answer".to_owned()),
        // Without the client there are only the files, and it is not among them.
        Ok(Err(_)) => return Err("there is none of this name".to_owned()),
        Ok(Ok(output)) => output,
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or("it is unknown");
        return Err(said.chars().take(300).collect());
    }
    let all: Vec<Context> = serde_json::from_slice(&output.stdout)
        .map_err(|e| format!("`docker context inspect` cannot be understood: {e}"))?;
    all.into_iter().next().ok_or_else(|| "there is none of this name".to_owned())
}

fn read(context: Context, tls: &Path) -> Result<Endpoint, String> {
    let engine = context.endpoints.docker.ok_or("it has no docker endpoint")?;
    if !engine.host.contains("://") {
        return Err(format!("its address `{}` is none", engine.host));
    }
    let folder = tls.join("docker");
    let mut files = TlsFiles::of(&folder, !engine.skip_tls_verify);
    // Without any of the files a context means plain TCP, unless it says "TLS, unchecked".
    let wanted = files.ca.is_some() || files.client.is_some() || engine.skip_tls_verify;
    files.folder = folder;
    Ok(Endpoint {
        tls: Some(files).filter(|_| wanted && is_network(&engine.host)),
        ..Endpoint::new(engine.host, format!("docker context `{}`", context.name))
    })
}
