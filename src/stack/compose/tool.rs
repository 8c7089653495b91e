//! The compose tool: which one is there, and its calls. Only `version`, `config`, `up -d`, `down`
//! and `down -v` are used, always with the same project, files, folder and profiles.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::call::{CallError, Caller, Output};
use super::failure::{self, Failure};
use super::labels::Joins;
use super::newer::{Version, newer_than};
use crate::config::Compose;
use crate::session::ports::StackError;
use crate::stack::engine::Endpoint;

const QUICK: Duration = Duration::from_secs(60);

/// The compose tool of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// Its words: `docker compose` or `docker-compose`.
    pub words: Vec<String>,
    /// Its version, without a `v`.
    pub version: String,
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.words.join(" "), self.version)
    }
}

impl Tool {
    /// The tools to try, in order: the plugin is the newer one.
    #[must_use]
    pub fn candidates() -> Vec<Vec<String>> {
        vec![vec!["docker".into(), "compose".into()], vec!["docker-compose".into()]]
    }

    /// The first of `candidates` that really is a compose tool.
    ///
    /// # Errors
    /// When none is: what was tried, and how to get one.
    pub async fn detect(caller: &Caller, candidates: &[Vec<String>]) -> Result<Tool, StackError> {
        let mut tried = Vec::new();
        for words in candidates {
            let mut call = words.clone();
            call.extend(["version".to_owned(), "--short".to_owned()]);
            match caller.run(&call, Path::new("/"), QUICK).await {
                Ok(output) => {
                    if let Some(version) = version(&output.stdout) {
                        return Ok(Tool { words: words.clone(), version });
                    }
                    let said = failure::last_lines(&output.stderr, 1);
                    tried.push(format!("`{}` is none ({said})", words.join(" ")));
                }
                Err(error) => tried.push(error.to_string()),
            }
        }
        Err(StackError::environment(format!(
            "there is no compose tool: {}; install the plugin (`apt-get install \
             docker-compose-plugin`, or docs.docker.com/compose/install) or docker-compose 1.29",
            tried.join(", ")
        )))
    }

    /// Whether this is the Python tool (1.x), which differs from its successors.
    #[must_use]
    pub fn is_v1(&self) -> bool {
        self.version.starts_with("1.")
    }

    /// How it joins two files that name the same network or volume.
    #[must_use]
    pub fn joins(&self) -> Joins {
        if self.is_v1() { Joins::Replaces } else { Joins::Merges }
    }

    /// Whether `deploy.resources.limits` are limits for it: of the 1.x before 1.29 only some heed them.
    #[must_use]
    pub fn heeds_deploy(&self) -> bool {
        let minor = self.version.split('.').nth(1).and_then(|n| n.parse::<u32>().ok());
        !self.is_v1() || minor.is_some_and(|n| n >= 29)
    }
}

/// A bare version, which only a real compose tool prints; without the plugin `docker compose`
/// prints anything, with any exit code.
fn version(stdout: &str) -> Option<String> {
    let text = stdout.trim().trim_start_matches('v');
    let mut parts = text.split('.');
    let number = |part: Option<&str>| part?.parse::<u32>().ok();
    let major = number(parts.next())?;
    number(parts.next())?;
    let one_word = !text.contains(char::is_whitespace);
    (one_word && major >= 1).then(|| text.to_owned())
}

/// What every call says: which project, which files.
#[derive(Debug, Clone)]
pub struct Project {
    tool: Tool,
    caller: Caller,
    name: String,
    compose: Compose,
    /// The generated file with our labels, once it is written.
    labels: Option<PathBuf>,
}

/// The environment of all calls: the same engine as ours, and nothing that would change what the
/// words mean (`COMPOSE_REMOVE_ORPHANS` would remove containers that nobody consented to).
#[must_use]
pub fn caller(endpoint: &Endpoint, compose: &Compose) -> Caller {
    let mut env: Vec<(String, String)> =
        compose.env.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    let (engine, mut unset) = endpoint.tool_env();
    env.extend(engine);
    env.push(("COMPOSE_REMOVE_ORPHANS".into(), "false".into()));
    env.push(("COMPOSE_ANSI".into(), "never".into()));
    // Profiles are said on each call. Empty, not unset: else a `.env` would say others.
    env.push(("COMPOSE_PROFILES".into(), String::new()));
    unset.extend(["COMPOSE_FILE", "COMPOSE_PROJECT_NAME", "COMPOSE_PROGRESS"]);
    Caller::new(env, unset)
}

impl Project {
    /// A project of these files, driven with `tool`.
    #[must_use]
    pub fn new(tool: Tool, caller: Caller, name: &str, compose: &Compose) -> Project {
        let mut compose = compose.clone();
        if compose.directory.as_os_str().is_empty()
            && let Some(parent) = compose.files.first().and_then(|f| f.parent())
        {
            compose.directory = parent.to_owned();
        }
        Project { tool, caller, name: name.to_owned(), compose, labels: None }
    }

    /// The tool.
    #[must_use]
    pub fn tool(&self) -> &Tool {
        &self.tool
    }

    /// Adds the generated file to all further calls.
    pub fn set_labels(&mut self, file: PathBuf) {
        self.labels = Some(file);
    }

    /// Words of a call.
    #[must_use]
    pub fn words(&self, action: &[&str]) -> Vec<String> {
        let mut words = self.tool.words.clone();
        let mut say = |flag: &str, value: String| words.extend([flag.to_owned(), value]);
        say("-p", self.name.clone());
        say("--project-directory", self.compose.directory.display().to_string());
        for file in self.compose.files.iter().chain(&self.labels) {
            say("-f", file.display().to_string());
        }
        for profile in &self.compose.profiles {
            say("--profile", profile.clone());
        }
        words.extend(action.iter().map(|a| (*a).to_owned()));
        words
    }

    /// `config`: the resolved project, as YAML.
    ///
    /// # Errors
    /// When the files are not valid: the reason and the remedy.
    pub async fn config(&self) -> Result<String, Failure> {
        let output = self.call(&["config"], QUICK).await?;
        // An unknown option answers 0 and says nothing in 1.29.
        if output.stdout.trim().is_empty() {
            return Err(self.failed(&self.words(&["config"]).join(" "), &output.stderr));
        }
        Ok(output.stdout)
    }

    /// `up -d`.
    ///
    /// # Errors
    /// When it fails: the reason and the remedy.
    pub async fn up(&self, limit: Duration) -> Result<(), StackError> {
        self.call(&["up", "-d"], limit).await?;
        Ok(())
    }

    /// `down`, with the volumes if told so. Its answer is no proof: look at the engine afterwards.
    ///
    /// # Errors
    /// When it fails: the reason and the remedy.
    pub async fn down(&self, volumes: bool, limit: Duration) -> Result<(), StackError> {
        let action: &[&str] = if volumes { &["down", "-v"] } else { &["down"] };
        self.call(action, limit).await?;
        Ok(())
    }

    async fn call(&self, action: &[&str], limit: Duration) -> Result<Output, Failure> {
        let words = self.words(action);
        let command = words.join(" ");
        match self.caller.run(&words, &self.compose.directory, limit).await {
            Ok(output) if output.ok() => Ok(output),
            Ok(output) => Err(self.failed(&command, &output.stderr)),
            Err(error @ CallError::Start { .. }) => Err(Failure {
                what: error.to_string(),
                remedy: "install a compose tool (docs.docker.com/compose/install)".to_owned(),
            }),
            Err(error @ CallError::TimedOut { .. }) => Err(Failure {
                what: format!("`{command}` hangs: {error}"),
                remedy: "look whether the engine answers (`docker ps`), then try again or raise \
                         `stack.ready_timeout`"
                    .to_owned(),
            }),
        }
    }

    /// Why a call failed: also because the files are newer than the tool.
    fn failed(&self, command: &str, stderr: &str) -> Failure {
        let version = Version::parse(&self.tool.version);
        let newer = version.map_or(Vec::new(), |tool| newer_than(tool, &self.compose.files));
        failure::explain(command, stderr).of_older(&self.tool.to_string(), &newer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::compose::fixtures::{VERSIONS, call};

    #[test]
    fn a_tool_is_known_by_the_bare_version_that_it_prints() {
        for recorded in VERSIONS {
            let said = call(recorded, "version-short").stdout;
            assert_eq!(version(&said).as_deref(), Some(recorded));
        }
        assert_eq!(version("v2.40.3\n").as_deref(), Some("2.40.3"));
        assert_eq!(version("2.3.3-desktop.1\n").as_deref(), Some("2.3.3-desktop.1"));
    }

    #[test]
    fn what_the_client_prints_without_the_plugin_is_no_version() {
        for case in ["version-short", "version", "up-d", "down-v"] {
            assert_eq!(version(&call("none", case).stdout), None, "{case}");
        }
        assert_eq!(version(""), None);
        assert_eq!(version("Docker Compose version v2.40.3"), None);
    }

    #[test]
    fn every_call_names_the_same_project_files_folder_and_profiles() {
        let tool =
            Tool { words: vec!["docker".into(), "compose".into()], version: "2.40.3".into() };
        let compose = Compose {
            files: vec!["/p/a.yml".into(), "/p/b.yml".into()],
            profiles: vec!["core".into()],
            ..Compose::default()
        };
        let mut project = Project::new(tool, Caller::default(), "demo", &compose);
        project.set_labels("/run/labels.yml".into());
        let common = "docker compose -p demo --project-directory /p -f /p/a.yml -f /p/b.yml -f \
                      /run/labels.yml --profile core";
        for action in ["config", "up -d", "down", "down -v"] {
            let words: Vec<&str> = action.split(' ').collect();
            assert_eq!(project.words(&words).join(" "), format!("{common} {action}"));
        }
    }
}
