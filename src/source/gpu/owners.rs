//! Whose process a pid is, asked of `/proc`.

use std::path::PathBuf;

use crate::model::Container;
use crate::source::procfs::parse;

use super::owner::of_cgroup;

/// Most ancestors of a process that are looked at.
const ANCESTORS: usize = 64;

/// Whose process a pid is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner<'a> {
    /// This container's.
    Container(&'a str),
    /// Somebody else's.
    Foreign,
    /// There is no such process here: it has ended, or the pid is of another pid namespace.
    Unknown,
}

/// A container, as far as its processes are told by it.
#[derive(Debug, Clone)]
struct Target {
    name: String,
    id: String,
    /// Its first process: a service that runs as a local process has no id in its group.
    root: Option<i32>,
}

/// The containers of a round, and where `/proc` is.
#[derive(Debug, Clone)]
pub struct Owners {
    proc_root: PathBuf,
    targets: Vec<Target>,
}

impl Owners {
    /// Processes of these containers.
    #[must_use]
    pub fn new(proc_root: PathBuf, containers: &[Container]) -> Owners {
        let target = |c: &Container| Target { name: c.name.clone(), id: c.id.clone(), root: c.pid };
        Owners { proc_root, targets: containers.iter().map(target).collect() }
    }

    /// Where the proc file system is.
    #[must_use]
    pub fn proc_root(&self) -> &std::path::Path {
        &self.proc_root
    }

    /// Whose process that is.
    #[must_use]
    pub fn of(&self, pid: u32) -> Owner<'_> {
        let Ok(text) = std::fs::read_to_string(self.proc_root.join(format!("{pid}/cgroup"))) else {
            return Owner::Unknown;
        };
        let ids = self.targets.iter().map(|target| target.id.as_str());
        let by_group = of_cgroup(&text, ids).and_then(|at| self.targets.get(at));
        match by_group.or_else(|| self.by_ancestor(pid)) {
            Some(target) => Owner::Container(&target.name),
            None => Owner::Foreign,
        }
    }

    /// A local process belongs to the service whose first process is among its ancestors or began
    /// its session.
    fn by_ancestor(&self, pid: u32) -> Option<&Target> {
        if self.targets.iter().all(|target| target.root.is_none()) {
            return None;
        }
        let rooted = |pid: i32| self.targets.iter().find(|target| target.root == Some(pid));
        let mut pid = i32::try_from(pid).ok()?;
        for _ in 0..ANCESTORS {
            let path = self.proc_root.join(format!("{pid}/stat"));
            let stat = parse::stat(&std::fs::read_to_string(path).ok()?)?;
            if let Some(target) = rooted(pid).or_else(|| rooted(stat.session)) {
                return Some(target);
            }
            if stat.parent <= 1 {
                return None;
            }
            pid = stat.parent;
        }
        None
    }
}
