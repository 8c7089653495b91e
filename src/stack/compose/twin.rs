//! Whether the same compose files already run under another project name: a second copy beside them would be
//! an idle stack that nobody asked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::Compose;
use crate::config::discover::clean;
use crate::session::ports::StackError;
use crate::stack::engine::{Engine, EngineError};
use crate::stack::naming::{COMPOSE_DIRECTORY, COMPOSE_FILES, COMPOSE_PROJECT, Labels};

/// A project that runs the same files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twin {
    /// Its name.
    pub project: String,
    /// How many of its containers run.
    pub containers: usize,
}

impl Twin {
    /// The project beside `project` that runs the files of `compose` on this engine, if there is one. Where
    /// the config names its project itself, a second copy is meant.
    ///
    /// # Errors
    /// When the engine does not answer in time, or refuses.
    pub async fn find(
        engine: &Engine,
        compose: &Compose,
        project: &str,
    ) -> Result<Option<Twin>, EngineError> {
        let Some(first) = compose.files.first().filter(|_| !compose.project_named) else {
            return Ok(None);
        };
        let running = engine.labels_of_running(COMPOSE_PROJECT).await?;
        Ok(twin(first, project, &running))
    }

    /// Why a run of `project` does not go on, and what to do.
    #[must_use]
    pub fn refusal(&self, file: &Path, project: &str) -> StackError {
        let containers = match self.containers {
            1 => "1 container".to_owned(),
            n => format!("{n} containers"),
        };
        StackError::environment(format!(
            "{} runs already as the project `{}` ({containers}), not as `{project}`; set \
             `stack.project = {:?}` to test that one (a reset of it needs `stack.take_over = true`), or \
             `stack.project = {project:?}` to bring up a second one beside it",
            file.display(),
            self.project,
            self.project,
        ))
    }
}

/// The project with the most running containers that were made of this first file.
fn twin(first: &Path, project: &str, running: &[Labels]) -> Option<Twin> {
    let first = real(first);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for labels in running {
        let theirs = labels.get(COMPOSE_PROJECT).map_or("", String::as_str);
        if theirs != project && !theirs.is_empty() && places(labels).contains(&first) {
            *counts.entry(theirs).or_default() += 1;
        }
    }
    let most = counts.into_iter().max_by_key(|(_, containers)| *containers);
    most.map(|(project, containers)| Twin { project: project.to_owned(), containers })
}

/// Where the first file of a project may lie. 1.29 writes it as it was typed, from a folder that is not
/// told: often the project's.
fn places(labels: &Labels) -> Vec<PathBuf> {
    let first = labels.get(COMPOSE_FILES).and_then(|all| all.split(',').next());
    let Some(file) = first.map(Path::new).filter(|f| !f.as_os_str().is_empty()) else {
        return Vec::new();
    };
    if file.is_absolute() {
        return vec![real(file)];
    }
    let Some(directory) = labels.get(COMPOSE_DIRECTORY).map(Path::new) else {
        return Vec::new();
    };
    let beside = file.file_name().map(|name| directory.join(name));
    [Some(directory.join(file)), beside].into_iter().flatten().map(|path| real(&path)).collect()
}

fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| clean(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(project: &str, files: &str) -> Labels {
        [(COMPOSE_PROJECT, project), (COMPOSE_FILES, files), (COMPOSE_DIRECTORY, "/srv/shop")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into()
    }

    fn found(running: &[Labels]) -> Option<(String, usize)> {
        let twin = twin(Path::new("/srv/shop/./compose.yml"), "shop", running);
        twin.map(|t| (t.project, t.containers))
    }

    #[test]
    fn the_same_files_under_another_project_are_found_as_every_tool_writes_them() {
        for files in [
            "/srv/shop/compose.yml",
            "/srv/shop/compose.yml,/srv/shop/compose.override.yml",
            "compose.yml",
            "shop/compose.yml",
            "../shop/compose.yml",
        ] {
            let running = [labels("shopfront", files), labels("shopfront", files)];
            assert_eq!(found(&running), Some(("shopfront".into(), 2)), "{files}");
        }
    }

    #[test]
    fn the_own_project_and_other_files_are_no_twins() {
        let running = [
            labels("shop", "/srv/shop/compose.yml"),
            labels("other", "/srv/other/compose.yml"),
            labels("other", "/srv/shop/base.yml,/srv/shop/compose.yml"),
            labels("other", ""),
            Labels::new(),
        ];
        assert_eq!(found(&running), None);
    }

    #[test]
    fn the_refusal_names_the_project_and_the_keys() {
        let twin = Twin { project: "shopfront".into(), containers: 1 };
        let error = twin.refusal(Path::new("/srv/shop/compose.yml"), "shop");
        assert!(error.environment);
        for word in
            ["`shopfront` (1 container)", "stack.project = \"shopfront\"", "stack.take_over = true"]
        {
            assert!(error.message.contains(word), "{error}");
        }
    }
}
