//! `[stack]`: what is tested, and how far a reset may go.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::expand::{Environment, secrets};
use super::section::Section;
use super::{service, values};
use crate::config::{Compose, Reset, StackConfig, StackKind};

/// Time in which a stack must get ready, where the config does not say.
const READY_TIMEOUT: Duration = Duration::from_secs(300);

/// File names that Compose itself looks for, in its order.
const COMPOSE_FILES: [&str; 4] =
    ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];

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

pub(super) fn stack(
    root: &Section<'_>,
    base_dir: &Path,
    environment: Environment<'_>,
) -> StackConfig {
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
        StackConfig {
            kind: match kind {
                Kind::Compose => StackKind::Compose(compose(s, base_dir, environment)),
                Kind::Process => {
                    StackKind::Process { services: service::services(s, base_dir, environment) }
                }
                Kind::Attach => attach(s),
                Kind::Demo => StackKind::Compose(Compose {
                    demo: true,
                    env: secrets(s, "env", environment, |_| false),
                    ..Compose::default()
                }),
            },
            reset,
            take_over: s.boolean("take_over", false),
            allow_remote: s.boolean("allow_remote", false),
            ready_timeout: s.time("ready_timeout", READY_TIMEOUT),
        }
    })
}

fn kind(s: &Section<'_>) -> Kind {
    let kinds = [
        ("compose", Kind::Compose),
        ("process", Kind::Process),
        ("attach", Kind::Attach),
        ("demo", Kind::Demo),
    ];
    let guess = if s.has("service") {
        Kind::Process
    } else if s.has("containers") || s.has("project") {
        Kind::Attach
    } else {
        Kind::Compose
    };
    s.choice("kind", &kinds, guess)
}

/// Keys that mean nothing for this kind would be silently without effect.
fn only_for(s: &Section<'_>, kind: Kind) {
    let owners: [(&'static str, Kind, &str); 8] = [
        ("file", Kind::Compose, "compose"),
        ("files", Kind::Compose, "compose"),
        ("profiles", Kind::Compose, "compose"),
        ("project_directory", Kind::Compose, "compose"),
        ("env", Kind::Compose, "compose"),
        ("service", Kind::Process, "process"),
        ("project", Kind::Attach, "attach"),
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
}

fn compose(s: &Section<'_>, base_dir: &Path, environment: Environment<'_>) -> Compose {
    let files = compose_files(s, base_dir);
    let directory = match s.maybe_text("project_directory", ".") {
        Some(text) => {
            let directory = base_dir.join(text);
            if !directory.is_dir() {
                s.wrong(
                    "project_directory",
                    format!("there is no folder {}", directory.display()),
                    "correct the path; it starts from the config file's folder",
                );
            }
            directory
        }
        None => files
            .first()
            .and_then(|file| file.parent())
            .map_or_else(|| base_dir.to_path_buf(), Path::to_path_buf),
    };
    Compose {
        files,
        profiles: s.texts("profiles", "[\"core\"]"),
        directory,
        demo: false,
        env: secrets(s, "env", environment, |_| false),
    }
}

fn compose_files(s: &Section<'_>, base_dir: &Path) -> Vec<PathBuf> {
    if s.has("file") && s.has("files") {
        s.wrong("files", "file is written too", "write one of them");
    }
    let single = s.maybe_text("file", "docker-compose.yml");
    if let Some(file) = single {
        let path = base_dir.join(file);
        if let Some(problem) = not_a_file(&path) {
            s.wrong("file", problem, FILE_REMEDY);
        }
        return vec![path];
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
        return files.into_iter().map(path).collect();
    }
    if s.has("file") {
        return Vec::new();
    }
    let found = COMPOSE_FILES.iter().map(|name| base_dir.join(name));
    match found.into_iter().find(|path| path.is_file()) {
        Some(path) => vec![path],
        None => {
            s.missing("file", "write file = \"docker-compose.yml\" in [stack]");
            Vec::new()
        }
    }
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
