//! The name of everything that a run's process stack makes, and the removal of what runs that are
//! dead have left behind.
//!
//! Folders and control groups carry the mark in their name, processes in their environment. It
//! says which runner made them, with its start time, pid namespace and boot, so that nothing of a
//! run that still lives, or that cannot be judged from here, is ever touched.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::limits::{end_group, remove_with_children};
use crate::stack::holder::{Holder, Life};

/// The environment variable that says to which run a process belongs: `MARK/SERVICE`.
pub const VARIABLE: &str = "RUNNER_PROCESS_STACK";

const PREFIX: &str = "runner-";

/// Who made something, and for which project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    project: String,
    holder: Holder,
}

impl Mark {
    /// The mark of this process.
    ///
    /// # Errors
    /// Where /proc is not readable.
    pub fn mine(project: &str) -> std::io::Result<Mark> {
        let usable = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
        let project = project.chars().map(usable).take(60).collect();
        Ok(Mark { project, holder: Holder::me()? })
    }

    fn parse(name: &str) -> Option<Mark> {
        let mut parts = name.strip_prefix(PREFIX)?.rsplitn(5, '-');
        let (boot, namespace) = (parts.next()?, parts.next()?);
        let (start, pid, project) = (parts.next()?, parts.next()?, parts.next()?);
        let holder = format!("{pid}:{start}:{namespace}:{boot}").parse().ok()?;
        Some(Mark { project: project.to_string(), holder })
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Holder { pid, start, namespace, boot } = &self.holder;
        write!(f, "{PREFIX}{}-{pid}-{start}-{namespace}-{boot}", self.project)
    }
}

/// Whether something of this name was made by a runner that is dead for sure.
fn is_of_the_dead(name: &str) -> bool {
    Mark::parse(name).is_some_and(|mark| mark.holder.life(true) == Life::Dead)
}

/// Ends what dead runs left running, and removes their folders below `folder` and their control
/// groups below `parents`.
pub fn clear_remains(proc_root: &Path, folder: &Path, parents: &[PathBuf]) {
    end_processes(proc_root, |owner| {
        owner.split_once('/').is_some_and(|(mark, _)| is_of_the_dead(mark))
    });
    for left in of_the_dead(folder) {
        let _ = fs::remove_dir_all(left);
    }
    for group in parents.iter().flat_map(|parent| of_the_dead(parent)) {
        end_group(&group);
        remove_with_children(&group);
    }
}

fn of_the_dead(folder: &Path) -> Vec<PathBuf> {
    let name = |path: &PathBuf| path.file_name().map(|n| n.to_string_lossy().into_owned());
    folders(folder).into_iter().filter(|p| name(p).is_some_and(|n| is_of_the_dead(&n))).collect()
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let is_folder = |e: &fs::DirEntry| e.file_type().is_ok_and(|kind| kind.is_dir());
    entries.flatten().filter(is_folder).map(|e| e.path()).collect()
}

/// Kills every process whose mark is `wanted`. One may start another meanwhile, so this looks
/// again until none is left.
pub fn end_processes(proc_root: &Path, wanted: impl Fn(&str) -> bool) {
    for _ in 0..5 {
        let found = marked(proc_root, &wanted);
        if found.is_empty() {
            return;
        }
        for pid in found {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

/// Processes whose environment says that they are of a service for which `wanted` holds. Those of
/// other users keep theirs to themselves, and one that has ended has none.
fn marked(proc_root: &Path, wanted: &impl Fn(&str) -> bool) -> Vec<i32> {
    let Ok(entries) = fs::read_dir(proc_root) else { return Vec::new() };
    let me = i32::try_from(std::process::id()).unwrap_or(0);
    let pid = |e: &fs::DirEntry| e.file_name().to_str()?.parse::<i32>().ok();
    let pids = entries.flatten().filter_map(|e| pid(&e)).filter(|pid| *pid != me);
    pids.filter(|pid| {
        let environment = fs::read(proc_root.join(pid.to_string()).join("environ"));
        environment.is_ok_and(|environment| owner(&environment).is_some_and(|o| wanted(&o)))
    })
    .collect()
}

fn owner(environment: &[u8]) -> Option<String> {
    let variables = environment.split(|byte| *byte == 0);
    let text = |variable: &[u8]| {
        let value = variable.strip_prefix(VARIABLE.as_bytes())?.strip_prefix(b"=")?;
        Some(String::from_utf8_lossy(value).into_owned())
    };
    variables.filter_map(text).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dead() -> Mark {
        let mut mark = Mark::mine("a-b.c").expect("/proc");
        // No process of this pid began at the first tick after the boot.
        mark.holder.start = 1;
        mark
    }

    #[test]
    fn a_mark_survives_its_text_and_tells_the_living_from_the_dead() {
        let mine = Mark::mine("my-project.x").expect("/proc");
        assert_eq!(Mark::parse(&mine.to_string()), Some(mine.clone()));
        assert!(!is_of_the_dead(&mine.to_string()));
        assert!(is_of_the_dead(&dead().to_string()));
        for other in ["runner-x", "web", "runner-a-1-2-3", "runner-demo", "docker"] {
            assert!(!is_of_the_dead(other), "{other}");
        }
    }

    #[test]
    fn only_what_dead_runs_left_is_removed() {
        let root = tempfile::tempdir().expect("temp");
        let mine = Mark::mine("p").expect("/proc").to_string();
        for name in [&mine, &dead().to_string(), "runner-other", "somebody"] {
            fs::create_dir_all(root.path().join(name).join("web-0")).expect("folder");
        }
        clear_remains(Path::new("/nowhere"), Path::new("/nowhere"), &[root.path().to_path_buf()]);
        clear_remains(Path::new("/nowhere"), root.path(), &[]);
        let mut left: Vec<_> = folders(root.path());
        left.sort();
        let mut kept = [mine.as_str(), "runner-other", "somebody"].map(|n| root.path().join(n));
        kept.sort();
        assert_eq!(left, kept);
    }

    #[test]
    fn a_process_that_a_dead_run_left_is_ended_and_no_other() {
        let start = |owner: String| {
            let mut command = std::process::Command::new("sleep");
            command.arg("60").env(VARIABLE, owner).spawn().expect("sleep")
        };
        let mut left = start(format!("{}/web", dead()));
        let mut mine = start(format!("{}/web", Mark::mine("p").expect("/proc")));
        clear_remains(Path::new("/proc"), Path::new("/nowhere"), &[]);
        use std::os::unix::process::ExitStatusExt;
        assert_eq!(left.wait().expect("ended").signal(), Some(9));
        assert!(mine.try_wait().expect("a child").is_none(), "a living run's process was ended");
        mine.kill().expect("ours");
        mine.wait().expect("ended");
    }
}
