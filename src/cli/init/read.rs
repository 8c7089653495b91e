//! What the compose files say: by the compose tool's own `config`, and where there is none, or one that
//! is too old for them, read as they are.

use std::path::Path;

use crate::config::Compose;
use crate::config::discover::{Call, Discovered, Named, discover, expander};
use crate::outside;
use crate::stack::compose::{Failure, Project, ProjectFile, Tool, caller, raw};
use crate::stack::engine::Endpoint;

/// File names that compose looks for.
const DEFAULTS: &str = "compose.yaml, compose.yml, docker-compose.yml, docker-compose.yaml";

/// What was found.
#[derive(Debug)]
pub struct Found {
    /// The files and whatever else compose takes in the folder.
    pub discovered: Discovered,
    /// What they say, also of profiles that are not enabled.
    pub file: ProjectFile,
    /// How it was found, for people.
    pub remarks: Vec<String>,
}

/// Reads the compose files that were named, or that compose finds in this folder.
///
/// # Errors
/// When there is none, or one that cannot be read or is none.
pub async fn read(
    named: Named,
    folder: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
    tools: &[Vec<String>],
) -> Result<Found, String> {
    let call =
        Call { folder, files: named, directory: None, project: None, profiles: None, environment };
    let discovered = discover(&call);
    if discovered.files.is_empty() {
        return Err(format!(
            "there is no compose file here ({DEFAULTS}); name it: runner init FILE"
        ));
    }
    // Before the tool opens them: it waits for a named pipe for ever.
    for file in &discovered.files {
        outside::open(file)
            .map_err(|error| format!("{}: {}", file.display(), unreadable(&error)))?;
    }
    let plain = raw::read(&discovered.files, &expander(&discovered.directory, environment));
    let profiles = plain.as_ref().map(|plain| profiles_of(&plain.file)).unwrap_or_default();
    let mut remarks = discovered.remarks.clone();
    let file = match tool_says(&discovered, &profiles, tools).await {
        Ok(file) => file,
        Err(why) => {
            let plain = plain?;
            remarks.extend(why);
            remarks.extend(plain.gaps.into_iter().map(|gap| format!("not read: {gap}")));
            plain.file
        }
    };
    Ok(Found { discovered, file, remarks })
}

fn unreadable(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "cannot be read: there is no such file".to_string(),
        _ => format!("cannot be read: {error}"),
    }
}

/// All profiles that services belong to.
pub fn profiles_of(file: &ProjectFile) -> Vec<String> {
    let mut all: Vec<String> = file.services.iter().flat_map(|s| s.profiles.clone()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// What the tool makes of the files; else why they were read without it, a line each.
async fn tool_says(
    found: &Discovered,
    profiles: &[String],
    tools: &[Vec<String>],
) -> Result<ProjectFile, Vec<String>> {
    let compose = Compose {
        files: found.files.clone(),
        directory: found.directory.clone(),
        env: found.env.clone(),
        ..Compose::default()
    };
    // `config` needs no engine, but its environment is set as for all calls.
    let endpoint = Endpoint::find().await.unwrap_or_else(|_| Endpoint::new("", "default"));
    let caller = caller(&endpoint, &compose);
    let tool = Tool::detect(&caller, tools)
        .await
        .map_err(|_| vec!["read without a compose tool: there is none".to_owned()])?;
    let calls = |profiles: Vec<String>| {
        let compose = Compose { profiles, ..compose.clone() };
        Project::new(tool.clone(), caller.clone(), &found.project, &compose)
    };
    match with_every_profile(&calls, profiles, tool.is_v1()).await {
        Ok(file) => Ok(file),
        Err(Failure { what, remedy }) => {
            let first = what.lines().next().unwrap_or_default();
            Err(vec![format!("read without the compose tool: {first}"), remedy])
        }
    }
}

/// The project with the services of all profiles. The plugins leave those out that are not enabled, and
/// refuse all together where two of them want one container name: then each is asked for alone.
async fn with_every_profile(
    calls: &impl Fn(Vec<String>) -> Project,
    profiles: &[String],
    v1: bool,
) -> Result<ProjectFile, Failure> {
    let failure = match said(&calls(vec!["*".to_owned()])).await {
        Ok(file) => return Ok(file),
        Err(failure) => failure,
    };
    if v1 || profiles.is_empty() {
        return Err(failure);
    }
    let Ok(mut file) = said(&calls(Vec::new())).await else { return Err(failure) };
    for profile in profiles {
        let one = said(&calls(vec![profile.clone()])).await?;
        for service in one.services {
            if file.services.iter().all(|known| known.name != service.name) {
                file.services.push(service);
            }
        }
    }
    Ok(file)
}

async fn said(project: &Project) -> Result<ProjectFile, Failure> {
    let text = project.config().await?;
    ProjectFile::parse(&text).map_err(|why| Failure {
        what: format!("`{}` printed something that is no compose project: {why}", project.tool()),
        remedy: "update it".to_owned(),
    })
}
