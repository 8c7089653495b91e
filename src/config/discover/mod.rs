//! What compose reads by itself: the files, the project name and the profiles that `docker compose up`
//! takes in a folder, from `.env`, from its variables and from files with names of its own.
//!
//! What the config names comes first; after it compose's own order holds. No process is started: the
//! disk is read and the environment is given.

mod dotenv;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Component, Path, PathBuf};

use crate::outside;
use dotenv::{expand, parse};

/// Names of the files that compose takes when it is told none, in its order (1.29 goes from the end).
pub const DEFAULT_FILES: [&str; 4] =
    ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// Names of the files that it adds to one of them, in its order.
pub const OVERRIDE_FILES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// Which compose files somebody named. Paths are absolute, or start from the working directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// None: those that compose finds in this folder.
    Nothing,
    /// One. Where compose itself would take it, also what compose adds to it.
    File(PathBuf),
    /// Exactly these, and nothing beside them.
    Files(Vec<PathBuf>),
}

/// A call of compose, as far as somebody settled it.
#[derive(Clone)]
pub struct Call<'a> {
    /// The folder it is called in. A named file is looked at as if compose were called beside it.
    pub folder: &'a Path,
    /// The files.
    pub files: Named,
    /// `--project-directory`; else the first file's folder.
    pub directory: Option<PathBuf>,
    /// `-p`.
    pub project: Option<String>,
    /// `--profile`, also none of them.
    pub profiles: Option<Vec<String>>,
    /// Looks a variable up in the environment that compose is called with.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
}

/// What compose reads when it is called so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovered {
    /// Its files, in order; none where nothing was named and nothing was found.
    pub files: Vec<PathBuf>,
    /// The project's folder, cleaned of `.` and `..`.
    pub directory: PathBuf,
    /// The project's name, `[a-z0-9][a-z0-9_-]*` unless the caller named another.
    pub project: String,
    /// Who named the project.
    pub project_by: Origin,
    /// The profiles that are enabled.
    pub profiles: Vec<String>,
    /// Who enabled them; the caller also where there are none.
    pub profiles_by: Origin,
    /// Variables of a `.env` that compose reads in the folder it is called in, where the project's
    /// folder is another one. Their values are never told.
    pub env: BTreeMap<String, String>,
    /// What was used, or left, without the caller naming it: a line each, for people.
    pub remarks: Vec<String>,
}

impl Discovered {
    /// Whether these are the files that the caller named, and no others.
    #[must_use]
    pub fn is_as_named(&self, named: &Named) -> bool {
        match named {
            Named::Nothing => self.files.is_empty(),
            Named::File(file) => self.files == [file.clone()],
            Named::Files(files) => self.files == *files,
        }
    }
}

/// Who said something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Whoever asked.
    Caller,
    /// A variable of the environment.
    Environment(&'static str),
    /// A variable of this `.env`.
    DotEnv(&'static str, PathBuf),
    /// The top-level `name:` of this compose file.
    NameOf(PathBuf),
    /// The project folder's own name.
    Folder(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Caller => f.write_str("the config"),
            Origin::Environment(variable) => write!(f, "{variable} of the environment"),
            Origin::DotEnv(variable, path) => write!(f, "{variable} in {}", path.display()),
            Origin::NameOf(path) => write!(f, "`name:` in {}", path.display()),
            Origin::Folder(path) => write!(f, "the name of the folder {}", path.display()),
        }
    }
}

/// Finds out what compose reads when it is called so. A file that cannot be read is left out here:
/// compose itself will say why.
#[must_use]
pub fn discover(call: &Call<'_>) -> Discovered {
    let mut remarks = Vec::new();
    let beside = calling_folder(call);
    let calling = Variables::new(call.environment, &[&beside]);
    let files = files(&call.files, &beside, &calling, &mut remarks);
    let first = files.first().and_then(|file| file.parent()).unwrap_or(&beside);
    let directory = clean(call.directory.as_deref().unwrap_or(first));
    let variables = Variables::new(call.environment, &[&beside, &directory]);
    let (project, project_by) = project(call, &files, &directory, &variables);
    let (profiles, profiles_by) = profiles(call, &variables);
    if matches!(project_by, Origin::Environment(_) | Origin::DotEnv(..) | Origin::NameOf(_)) {
        remarks.push(format!("project {project}: {project_by}"));
    }
    if profiles_by != Origin::Caller {
        remarks.push(format!("profiles {}: {profiles_by}", profiles.join(", ")));
    }
    let env = if beside == directory { BTreeMap::new() } else { calling.of_files() };
    Discovered { files, directory, project, project_by, profiles, profiles_by, env, remarks }
}

/// A name as compose makes it usable: lower case, everything but letters, digits, `_` and `-` dropped;
/// `None` where nothing is left.
#[must_use]
pub fn normalised(name: &str) -> Option<String> {
    let kept: String = name
        .to_lowercase()
        .chars()
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'))
        .collect();
    let kept = kept.trim_start_matches(['_', '-']);
    (!kept.is_empty()).then(|| kept.to_owned())
}

/// What puts values in the place of variables in the compose files of this folder: those of the
/// environment, then those of its `.env`.
pub fn expander<'a>(
    folder: &Path,
    environment: &'a dyn Fn(&str) -> Option<String>,
) -> impl Fn(&str) -> String + use<'a> {
    let variables = Variables::new(environment, &[&folder.to_path_buf()]);
    move |text| expand(text, &|name| variables.value(name))
}

/// The folder that compose would be called in to take what was named.
fn calling_folder(call: &Call<'_>) -> PathBuf {
    let first = match &call.files {
        Named::Nothing => None,
        Named::File(file) => Some(file),
        Named::Files(files) => files.first(),
    };
    let folder = first.and_then(|file| file.parent()).filter(|f| !f.as_os_str().is_empty());
    clean(folder.unwrap_or(call.folder))
}

fn files(
    named: &Named,
    folder: &Path,
    variables: &Variables<'_>,
    remarks: &mut Vec<String>,
) -> Vec<PathBuf> {
    let by_variable = || of_variable(folder, variables);
    match named {
        Named::Files(files) => files.clone(),
        Named::Nothing => match by_variable() {
            Some((files, origin)) => {
                remarks.push(format!("files {}: {origin}", shown(&files)));
                files
            }
            None => match present(folder, &DEFAULT_FILES).as_slice() {
                [] => Vec::new(),
                [file, others @ ..] => {
                    if !others.is_empty() {
                        remarks.push(format!(
                            "{} is used and not {}, which is there too; name one with stack.file",
                            file_name(file),
                            shown(others)
                        ));
                    }
                    with_override(file, folder, remarks)
                }
            },
        },
        Named::File(file) => match by_variable() {
            Some((files, origin)) if files.iter().any(|f| clean(f) == clean(file)) => {
                if files.len() > 1 {
                    remarks.push(format!(
                        "files {}: {origin}; to use {} alone write files = [{:?}]",
                        shown(&files),
                        file_name(file),
                        file_name(file)
                    ));
                }
                files
            }
            Some((files, origin)) => {
                remarks.push(format!(
                    "{} is used alone: {origin} names {}; to use them write them in stack.files",
                    file_name(file),
                    shown(&files)
                ));
                vec![file.clone()]
            }
            None if DEFAULT_FILES.contains(&file_name(file).as_str()) => {
                with_override(file, folder, remarks)
            }
            None => vec![file.clone()],
        },
    }
}

/// The files of `COMPOSE_FILE`.
fn of_variable(folder: &Path, variables: &Variables<'_>) -> Option<(Vec<PathBuf>, Origin)> {
    let (list, origin) = variables.find("COMPOSE_FILE")?;
    let separator = variables.find("COMPOSE_PATH_SEPARATOR").map_or(":".to_owned(), |(s, _)| s);
    let parts = list.split(separator.as_str()).filter(|part| !part.is_empty());
    let files: Vec<PathBuf> = parts.map(|part| folder.join(part)).collect();
    (!files.is_empty()).then_some((files, origin))
}

/// A file with a default name, and the override file beside it.
fn with_override(file: &Path, folder: &Path, remarks: &mut Vec<String>) -> Vec<PathBuf> {
    let mut overrides = present(folder, &OVERRIDE_FILES);
    // Where there are several (1.29 refuses that), the one of the same family.
    let family = file_name(file).starts_with("docker-");
    overrides.sort_by_key(|path| file_name(path).starts_with("docker-") != family);
    let Some(added) = overrides.into_iter().next() else {
        return vec![file.to_path_buf()];
    };
    remarks.push(format!(
        "{} is used too, as compose does; to leave it out write files = [{:?}]",
        file_name(&added),
        file_name(file)
    ));
    vec![file.to_path_buf(), added]
}

fn project(
    call: &Call<'_>,
    files: &[PathBuf],
    directory: &Path,
    variables: &Variables<'_>,
) -> (String, Origin) {
    if let Some(name) = &call.project {
        return (name.clone(), Origin::Caller);
    }
    if let Some((name, origin)) = variables.find("COMPOSE_PROJECT_NAME")
        && let Some(name) = normalised(&name)
    {
        return (name, origin);
    }
    // The last file that names it wins.
    let of_file = |file: &PathBuf| {
        let name = name_key(&read(file)?)?;
        let name = expand(&name, &|variable| variables.value(variable));
        Some((normalised(&name)?, Origin::NameOf(file.clone())))
    };
    files.iter().rev().find_map(of_file).unwrap_or_else(|| {
        let name = directory.file_name().unwrap_or_default().to_string_lossy();
        let name = normalised(&name).unwrap_or_else(|| "runner".to_owned());
        (name, Origin::Folder(directory.to_path_buf()))
    })
}

fn profiles(call: &Call<'_>, variables: &Variables<'_>) -> (Vec<String>, Origin) {
    if let Some(profiles) = &call.profiles {
        return (profiles.clone(), Origin::Caller);
    }
    let Some((list, origin)) = variables.find("COMPOSE_PROFILES") else {
        return (Vec::new(), Origin::Caller);
    };
    let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
    (names.map(str::to_owned).collect(), origin)
}

/// The top-level `name:` of a compose file.
fn name_key(text: &str) -> Option<String> {
    let root: serde_yaml_ng::Value = serde_yaml_ng::from_str(text).ok()?;
    let name = root.get("name")?.as_str()?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// The environment, and behind it the `.env` files.
struct Variables<'a> {
    environment: &'a dyn Fn(&str) -> Option<String>,
    files: Vec<(PathBuf, BTreeMap<String, String>)>,
}

impl<'a> Variables<'a> {
    fn new(environment: &'a dyn Fn(&str) -> Option<String>, folders: &[&PathBuf]) -> Variables<'a> {
        let mut variables = Variables { environment, files: Vec::new() };
        for folder in folders {
            let path = folder.join(".env");
            if variables.files.iter().all(|(known, _)| *known != path)
                && let Some(text) = read(&path)
            {
                let found = parse(&text, &|name| variables.value(name));
                variables.files.push((path, found));
            }
        }
        variables
    }

    fn value(&self, name: &str) -> Option<String> {
        let in_files = || self.files.iter().find_map(|(_, found)| found.get(name).cloned());
        (self.environment)(name).or_else(in_files)
    }

    /// A variable with who says it; an empty one says nothing, but hides what stands behind it.
    fn find(&self, name: &'static str) -> Option<(String, Origin)> {
        let said = match (self.environment)(name) {
            Some(value) => Some((value, Origin::Environment(name))),
            None => self.files.iter().find_map(|(path, found)| {
                Some((found.get(name)?.clone(), Origin::DotEnv(name, path.clone())))
            }),
        };
        said.filter(|(value, _)| !value.is_empty())
    }

    /// What the files say and the environment does not.
    fn of_files(&self) -> BTreeMap<String, String> {
        let all = self.files.iter().flat_map(|(_, found)| found);
        all.filter(|(name, _)| (self.environment)(name).is_none())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

fn present(folder: &Path, names: &[&str]) -> Vec<PathBuf> {
    names.iter().map(|name| folder.join(name)).filter(|path| path.is_file()).collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn shown(files: &[PathBuf]) -> String {
    files.iter().map(|file| file_name(file)).collect::<Vec<_>>().join(", ")
}

/// A path without `.` and `..`, as compose shows it: links are not followed.
#[must_use]
pub fn clean(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let mut cleaned = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                cleaned.pop();
            }
            Component::CurDir => {}
            other => cleaned.push(other),
        }
    }
    cleaned
}

fn read(path: &Path) -> Option<String> {
    let bytes = outside::bytes(path, outside::MAX_TEXT_BYTES).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests;
