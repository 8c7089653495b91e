//! How a config names the compose files, so that it is read as what was found.

use std::path::{Path, PathBuf};

use crate::config::discover::{Call, Discovered, Named, discover};

/// Lines of a config that say which stack is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Of `[stack]`: its files, if they are to be named.
    pub files: Files,
    /// The top-level `project`, where it would not be found again without it.
    pub project: Option<String>,
}

/// How the files are named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Files {
    /// Not at all: compose's own order finds them.
    Found,
    /// One; compose adds to it what it always does.
    One(String),
    /// Exactly these.
    These(Vec<String>),
}

impl Place {
    /// The shortest form that a config in `folder` is read as what was found: also without the variables
    /// of this shell that steer compose.
    ///
    /// # Errors
    /// A path that no config can name.
    pub fn of(
        found: &Discovered,
        folder: &Path,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Place, String> {
        let later = |name: &str| match name.starts_with("COMPOSE_") {
            true => None,
            false => environment(name),
        };
        let names = found.files.iter().map(|file| relative_to(file, folder));
        let names: Vec<String> = names.collect::<Result<_, _>>()?;
        let first = names.first().cloned().unwrap_or_default();
        let forms = [
            (Named::File(folder.join(&first)), Files::One(first.clone())),
            (
                Named::Files(names.iter().map(|name| folder.join(name)).collect()),
                Files::These(names.clone()),
            ),
            (Named::Nothing, Files::Found),
        ];
        let again = |named: &Named| {
            discover(&Call {
                folder,
                files: named.clone(),
                directory: None,
                project: None,
                profiles: None,
                environment: &later,
            })
        };
        let same = |read: &Discovered| {
            clean(&read.files) == clean(&found.files)
                && read.directory == found.directory
                && read.env == found.env
        };
        let (named, files) = forms
            .iter()
            .find(|(named, _)| same(&again(named)))
            .or_else(|| forms.get(1))
            .cloned()
            .ok_or("no compose file was found")?;
        let project = (again(&named).project != found.project).then(|| found.project.clone());
        Ok(Place { files, project })
    }
}

fn clean(paths: &[PathBuf]) -> Vec<PathBuf> {
    paths.iter().map(|path| path.components().collect()).collect()
}

/// The file as a config in `folder` must name it: relative where it lies below, else absolute.
fn relative_to(file: &Path, folder: &Path) -> Result<String, String> {
    let file = super::absolute(file);
    let name = file.strip_prefix(folder).unwrap_or(&file);
    let text = name.to_str();
    text.map(str::to_owned)
        .ok_or_else(|| format!("{}: no config can name it: it is no UTF-8", name.display()))
}
