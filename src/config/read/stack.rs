//! `[stack]`: what is tested, and how far a reset may go.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::expand::{Environment, secrets};
use super::section::Section;
use super::{service, values};
use crate::config::discover::{Call, Discovered, Named, Origin, discover, normalised};
use crate::config::{Compose, Reset, StackConfig, StackKind};

/// Time in which a stack must get ready, where the config does not say.
const READY_TIMEOUT: Duration = Duration::from_secs(300);

/// Words for the consent to resets.
pub(super) const RESETS: [(&str, Reset); 3] =
    [("never", Reset::Never), ("containers", Reset::Containers), ("volumes", Reset::Volumes)];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Compose,
    Process,
    Attach,
    Demo,
}

/// The project's name and the stack.
pub(super) fn stack(
    root: &Section<'_>,
    base_dir: &Path,
    environment: Environment<'_>,
) -> (String, StackConfig) {
    let named = project(root);
    root.section("stack", |s| {
        let kind = kind(s);
        only_for(s, kind);
        let reset = s.choice("reset", &RESETS, Reset::Never);
        if kind == Kind::Attach && reset != Reset::Never {
            s.wrong(
                "reset",
                "an attached stack is never reset",
                "remove it, or describe the stack with kind = \"compose\"",
            );
        }
        let of_folder = || {
            let folder = base_dir.file_name().unwrap_or_default().to_string_lossy();
            normalised(&folder).unwrap_or_else(|| "runner".to_owned())
        };
        let (project, kind) = match kind {
            Kind::Compose => {
                let (project, compose) = compose(s, base_dir, environment, named.as_deref());
                (Some(project), StackKind::Compose(compose))
            }
            Kind::Process => (
                named,
                StackKind::Process { services: service::services(s, base_dir, environment) },
            ),
            Kind::Attach => (named, attach(s)),
            Kind::Demo => {
                let env = secrets(s, "env", environment, |_| false);
                (named, StackKind::Compose(Compose { demo: true, env, ..Compose::default() }))
            }
        };
        let stack = StackConfig {
            kind,
            reset,
            take_over: s.boolean("take_over", false),
            allow_remote: s.boolean("allow_remote", false),
            ready_timeout: s.time("ready_timeout", READY_TIMEOUT),
        };
        (project.unwrap_or_else(of_folder), stack)
    })
}

/// The top-level `project`.
fn project(root: &Section<'_>) -> Option<String> {
    usable(root, root.maybe_text("project", "myproject")?)
}

fn usable(s: &Section<'_>, name: String) -> Option<String> {
    if !values::is_key(&name) {
        let what = format!("{name:?} is no usable name");
        s.wrong("project", what, "use lower-case letters, digits, _ and -");
    }
    Some(name)
}

fn kind(s: &Section<'_>) -> Kind {
    let kinds = [
        ("compose", Kind::Compose),
        ("process", Kind::Process),
        ("attach", Kind::Attach),
        ("demo", Kind::Demo),
    ];
    // A project is compose's too; what only compose has tells which is meant.
    let composed = ["file", "files", "profiles", "project_directory", "env", "reset", "take_over"];
    let guess = if s.has("service") {
        Kind::Process
    } else if s.has("containers") || (s.has("project") && !composed.iter().any(|k| s.has(k))) {
        Kind::Attach
    } else {
        Kind::Compose
    };
    s.choice("kind", &kinds, guess)
}

/// Keys that mean nothing for this kind would be silently without effect.
fn only_for(s: &Section<'_>, kind: Kind) {
    let owners: [(&'static str, Kind, &str); 7] = [
        ("file", Kind::Compose, "compose"),
        ("files", Kind::Compose, "compose"),
        ("profiles", Kind::Compose, "compose"),
        ("project_directory", Kind::Compose, "compose"),
        ("env", Kind::Compose, "compose"),
        ("service", Kind::Process, "process"),
        ("containers", Kind::Attach, "attach"),
    ];
    for (key, owner, word) in owners {
        let demo_env = key == "env" && kind == Kind::Demo;
        if s.has(key) && owner != kind && !demo_env {
            s.wrong(
                key,
                format!("belongs to kind = \"{word}\""),
                "remove it, or change stack.kind",
            );
        }
    }
    if s.has("project") && !matches!(kind, Kind::Attach | Kind::Compose) {
        s.wrong(
            "project",
            "belongs to kind = \"attach\" or \"compose\"",
            "write it at the top of the config, outside [stack]",
        );
    }
}

/// The compose stack and its project: what the config names, and after it what compose reads itself.
fn compose(
    s: &Section<'_>,
    base_dir: &Path,
    environment: Environment<'_>,
    top_project: Option<&str>,
) -> (String, Compose) {
    let env = secrets(s, "env", environment, |_| false);
    let call = Call {
        folder: base_dir,
        files: named_files(s, base_dir),
        directory: directory(s, base_dir),
        project: compose_project(s, top_project),
        profiles: s.has("profiles").then(|| s.texts("profiles", "[\"core\"]")),
        environment: &|name| env.get(name).cloned().or_else(|| environment(name)),
    };
    let found = discover(&call);
    if found.files.is_empty() && !s.has("file") && !s.has("files") {
        s.missing("file", "write file = \"docker-compose.yml\" in [stack]");
    }
    let absent = found.files.iter().find_map(|path| not_a_file(path));
    if let Some(problem) = absent.filter(|_| !found.is_as_named(&call.files)) {
        // The config's own files were looked at where they are written.
        s.wrong("file", format!("{problem}, which COMPOSE_FILE names"), "correct COMPOSE_FILE");
    }
    let project_named = found.project_by == Origin::Caller;
    let Discovered { files, directory, project, profiles, env: beside, remarks, .. } = found;
    let env = beside.into_iter().chain(env).collect();
    (project, Compose { files, profiles, directory, demo: false, env, project_named, remarks })
}

fn compose_project(s: &Section<'_>, top: Option<&str>) -> Option<String> {
    let own = s.maybe_text("project", "myproject").and_then(|name| usable(s, name));
    if let (Some(own), Some(top)) = (&own, top)
        && own != top
    {
        let what = format!("the top of the config says project = {top:?}");
        s.wrong("project", what, "write one of them");
    }
    own.or_else(|| top.map(str::to_owned))
}

fn directory(s: &Section<'_>, base_dir: &Path) -> Option<PathBuf> {
    let directory = base_dir.join(s.maybe_text("project_directory", ".")?);
    if !directory.is_dir() {
        s.wrong(
            "project_directory",
            format!("there is no folder {}", directory.display()),
            "correct the path; it starts from the config file's folder",
        );
    }
    Some(directory)
}

fn named_files(s: &Section<'_>, base_dir: &Path) -> Named {
    if s.has("file") && s.has("files") {
        s.wrong("files", "file is written too", "write one of them");
    }
    let single = s.maybe_text("file", "docker-compose.yml");
    if let Some(file) = single {
        let path = base_dir.join(file);
        if let Some(problem) = not_a_file(&path) {
            s.wrong("file", problem, FILE_REMEDY);
        }
        return Named::File(path);
    }
    if let Some(files) = s.placed_texts("files", "[\"docker-compose.yml\"]") {
        if files.is_empty() {
            s.wrong("files", "an empty list", "name at least one compose file");
        }
        let path = |(file, place)| {
            let path = base_dir.join::<String>(file);
            if let Some(problem) = not_a_file(&path) {
                s.wrong_at(&place, "files", problem, FILE_REMEDY);
            }
            path
        };
        return Named::Files(files.into_iter().map(path).collect());
    }
    Named::Nothing
}

const FILE_REMEDY: &str = "correct the path; it starts from the config file's folder";

fn not_a_file(path: &Path) -> Option<String> {
    (!path.is_file()).then(|| format!("there is no file {}", path.display()))
}

fn attach(s: &Section<'_>) -> StackKind {
    let project = s.maybe_text("project", "myproject");
    let containers = s.texts("containers", "[\"web\"]");
    if project.is_none() && containers.is_empty() {
        s.missing(
            "project",
            "write project = \"...\" (a compose project) or containers = [\"...\"]",
        );
    }
    for name in values::repeated(&containers) {
        s.wrong("containers", format!("{name:?} is there twice"), "remove one");
    }
    StackKind::Attach { project, containers }
}
