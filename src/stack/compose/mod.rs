//! A stack of compose files: reset with the compose tool as far as the config consents, watched
//! through the engine. The tool's exit code is never proof; the engine is asked afterwards.

mod call;
mod compare;
pub mod discover;
mod failure;
mod file;
mod labels;
mod newer;
mod owner;
pub mod raw;
mod remains;
mod reset;
mod tool;
mod twin;
mod wanted;

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;

pub use call::{Caller, FAREWELL};
pub use failure::Failure;
pub use file::{
    Clash, HealthCheck, HttpAsk, Port, ProjectFile, Protocol, Resource, Service, Shared, clashes,
};
pub use labels::{Joins, Stamp};
pub use owner::{Owned, Owner, Survey};
pub use tool::{Project, Tool, caller};
pub use twin::Twin;
pub use wanted::Wanted;

use crate::config::{Compose, Config, Reset, StackConfig, StackKind};
use crate::model::{Container, StackEvent};
use crate::session::ports::{LastWords, ResetReport, Stack, StackError};
use crate::stack::engine::{Engine, Selection, Tracker};
use crate::stack::folders::{lock_dir, run_dir};
use crate::stack::holder::Holder;
use crate::stack::lock::ProjectLock;
use crate::stack::ready::Expected;

/// What a compose stack is opened with; [`ComposeStack::open`] finds all of it.
#[derive(Debug)]
pub struct Parts {
    /// The engine.
    pub engine: Engine,
    /// Compose tools to try, in order.
    pub tools: Vec<Vec<String>>,
    /// Folder for the generated file.
    pub run_dir: PathBuf,
    /// Folder for the lock.
    pub lock_dir: PathBuf,
}

/// A stack of compose files.
#[derive(Debug)]
pub struct ComposeStack {
    project: Project,
    stamp: Stamp,
    config: StackConfig,
    file: ProjectFile,
    expected: Vec<Expected>,
    tracker: Tracker,
    generated: PathBuf,
    /// This run called `up`: there is something to take down.
    made: bool,
    /// A reset has succeeded before: what fails now broke on the way.
    was_ready: bool,
    /// Who has taken the project over since, where somebody has: it is no more for this run to touch.
    lost: Option<String>,
    _lock: ProjectLock,
}

impl Drop for ComposeStack {
    fn drop(&mut self) {
        // A file of labels in a temporary folder: nothing is lost if it stays.
        let _ = std::fs::remove_file(&self.generated);
    }
}

impl ComposeStack {
    /// Opens the stack of `config` for the run `test_id`: connects to the engine, finds the tool,
    /// takes the lock and reads the files. Touches no container.
    ///
    /// # Errors
    /// When the environment is not ready: what is missing and the remedy.
    pub async fn open(config: &Config, test_id: &str) -> Result<ComposeStack, StackError> {
        let parts = Parts {
            engine: Engine::connect().await?,
            tools: Tool::candidates(),
            run_dir: run_dir()?,
            lock_dir: lock_dir()?,
        };
        ComposeStack::open_with(&config.project, &config.stack, test_id, parts).await
    }

    /// The same with given parts.
    ///
    /// # Errors
    /// As [`ComposeStack::open`].
    pub async fn open_with(
        project: &str,
        config: &StackConfig,
        test_id: &str,
        parts: Parts,
    ) -> Result<ComposeStack, StackError> {
        let StackKind::Compose(compose) = &config.kind else {
            return Err(StackError::environment(
                "the stack of this config is no compose stack; set `stack.files`",
            ));
        };
        let engine = parts.engine;
        may_use(&engine, config.allow_remote)?;
        files_are_there(compose)?;
        let caller = caller(engine.endpoint(), compose);
        let tool = Tool::detect(&caller, &parts.tools).await?;
        let lock = ProjectLock::take(&parts.lock_dir, engine.identity(), project, test_id)?;
        let holder = Holder::me()
            .map_err(|e| StackError::environment(format!("/proc cannot be read: {e}; mount it")))?;
        let stamp =
            Stamp { project: project.to_owned(), run: test_id.to_owned(), pid: holder.to_string() };
        let mut calls = Project::new(tool, caller, project, compose);
        let file = ProjectFile::parse(&calls.config().await?).map_err(|e| {
            StackError::environment(format!(
                "`{}` printed something that is no compose project: {e}; update it",
                calls.tool()
            ))
        })?;
        let name = format!("{project}-{}.labels.yml", holder.pid);
        let generated = parts.run_dir.join(name);
        remains::remove_labels_of_the_dead(&parts.run_dir);
        write_labels(&generated, &file, &stamp, calls.tool().joins())?;
        calls.set_labels(generated.clone());
        let tracker = Tracker::start(engine, Selection::Project(project.to_owned()));
        Ok(ComposeStack {
            expected: file.expected(&compose.profiles),
            project: calls,
            stamp,
            config: config.clone(),
            file,
            tracker,
            generated,
            made: false,
            was_ready: false,
            lost: None,
            _lock: lock,
        })
    }

    /// How far the config lets a reset go.
    #[must_use]
    pub fn consent(&self) -> Reset {
        self.config.reset
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        self.tracker.engine()
    }

    /// The compose tool.
    #[must_use]
    pub fn tool(&self) -> &Tool {
        self.project.tool()
    }

    /// The project as the tool resolved it.
    #[must_use]
    pub fn file(&self) -> &ProjectFile {
        &self.file
    }
}

/// Refuses an engine on another machine unless the config consents.
///
/// # Errors
/// When it is remote and that is not consented to.
pub fn may_use(engine: &Engine, allow_remote: bool) -> Result<(), StackError> {
    if engine.is_remote() && !allow_remote {
        let endpoint = engine.endpoint();
        return Err(StackError::environment(format!(
            "the engine {} (from {}) is remote: a reset would destroy containers there; unset it \
             to use the engine of this machine, or consent with `stack.allow_remote = true`",
            endpoint.host, endpoint.said_by
        )));
    }
    Ok(())
}

fn files_are_there(compose: &Compose) -> Result<(), StackError> {
    if compose.files.is_empty() {
        return Err(StackError::environment("no compose file is named; set `stack.files`"));
    }
    match compose.files.iter().find(|f| !f.is_file()) {
        Some(file) => Err(StackError::environment(format!(
            "there is no compose file {}; correct `stack.files`",
            file.display()
        ))),
        None => Ok(()),
    }
}

fn write_labels(
    path: &Path,
    file: &ProjectFile,
    stamp: &Stamp,
    joins: Joins,
) -> Result<(), StackError> {
    let written = std::fs::write(path, labels::generate(file, stamp, joins));
    written.map_err(|e| {
        StackError::environment(format!(
            "the file {} cannot be written: {e}; set XDG_RUNTIME_DIR to a folder of your own",
            path.display()
        ))
    })
}

/// Time that the tool may take beside what the services need: images are pulled or built.
const TOOL_LIMIT: Duration = Duration::from_secs(600);

#[async_trait]
impl Stack for ComposeStack {
    async fn reset(&mut self, how: Reset) -> Result<ResetReport, StackError> {
        let result = self.bring_to_clean_state(how).await;
        match result {
            Ok(report) => {
                self.was_ready = true;
                Ok(report)
            }
            Err(mut error) => {
                error.environment = !self.was_ready;
                Err(error)
            }
        }
    }

    async fn containers(&mut self) -> Result<Vec<Container>, StackError> {
        let found = self.tracker.inspected().await?;
        self.notice_strangers(&found, false);
        Ok(found.into_iter().map(|found| found.container).collect())
    }

    fn lost(&self) -> Option<String> {
        self.lost.clone()
    }

    async fn next_event(&mut self) -> StackEvent {
        self.tracker.next_event().await
    }

    async fn last_words(&mut self, name: &str) -> LastWords {
        self.tracker.last_words(name).await
    }

    fn address(&self, service: &str, port: u16) -> Option<String> {
        self.tracker.address(service, port)
    }

    async fn down(&mut self) -> Result<String, StackError> {
        self.take_down().await
    }

    fn describe(&self) -> String {
        format!(
            "compose project `{}`, {}, {}",
            self.stamp.project,
            self.project.tool(),
            self.engine().describe()
        )
    }
}

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;
