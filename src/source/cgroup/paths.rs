//! Where a container's control groups are: from `/proc/PID/cgroup` and the table of mounts.
//!
//! The path alone says neither the driver (`docker/ID` or `system.slice/docker-ID.scope`) nor the
//! parent; both follow from what the kernel says about the main process.

use std::path::{Path, PathBuf};

use super::{FileSpec, v1, v2};

/// Where distributions mount control groups, and so what the table of mounts names.
const USUAL_ROOT: &str = "/sys/fs/cgroup";

/// A mounted hierarchy.
#[derive(Debug, Clone, PartialEq)]
struct Mount {
    /// Directory through which it is reached.
    point: PathBuf,
    /// The group that is mounted there, `/` for the whole hierarchy.
    root: String,
    /// Version 1 controllers; empty for version 2.
    controllers: Vec<String>,
    /// How far from the place where it was asked to look; the nearest wins.
    distance: u8,
}

/// The hierarchies of a host.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mounts {
    unified: Option<Mount>,
    v1: Vec<Mount>,
}

impl Mounts {
    /// Reads a `mountinfo` table (proc_pid_mountinfo(5)).
    ///
    /// `cgroup_root` is where to look. A mount under `/sys/fs/cgroup` is looked for in the same place
    /// under `cgroup_root`, so that a host's file systems can be reached through a folder of theirs.
    #[must_use]
    pub fn parse(mountinfo: &str, cgroup_root: &Path) -> Mounts {
        let mut mounts = Mounts::default();
        for mount in mountinfo.lines().filter_map(|line| parse_mount(line, cgroup_root)) {
            mounts.add(mount);
        }
        mounts
    }

    /// A hierarchy can be mounted several times; the nearest mount stays.
    fn add(&mut self, mount: Mount) {
        let known = match mount.controllers.is_empty() {
            true => self.unified.as_mut(),
            false => self.v1.iter_mut().find(|known| known.controllers == mount.controllers),
        };
        match known {
            Some(known) if mount.distance < known.distance => *known = mount,
            Some(_) => {}
            None if mount.controllers.is_empty() => self.unified = Some(mount),
            None => self.v1.push(mount),
        }
    }

    /// Whether no hierarchy with figures is mounted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.unified.is_none() && self.v1.is_empty()
    }

    /// `v1`, `v2` or `hybrid`, for people.
    #[must_use]
    pub fn version(&self) -> &'static str {
        match (self.v1.is_empty(), &self.unified) {
            (true, Some(_)) => "v2",
            (false, Some(_)) => "hybrid",
            (false, None) => "v1",
            (true, None) => "none",
        }
    }
}

fn parse_mount(line: &str, cgroup_root: &Path) -> Option<Mount> {
    let (mount, file_system) = line.split_once(" - ")?;
    let mut words = mount.split(' ').skip(3);
    let (root, point) = (words.next()?, words.next()?);
    let mut file_system = file_system.split(' ');
    let kind = file_system.next()?;
    let options = file_system.nth(1).unwrap_or("");
    let controllers: Vec<String> = match kind {
        "cgroup2" => Vec::new(),
        "cgroup" => {
            options.split(',').filter(|option| is_controller(option)).map(str::to_owned).collect()
        }
        _ => return None,
    };
    if kind == "cgroup" && controllers.is_empty() {
        return None;
    }
    let (distance, point) = place(Path::new(&unescape(point)), cgroup_root)?;
    Some(Mount { point, root: unescape(root), controllers, distance })
}

/// The version 1 controllers whose files are read.
fn is_controller(option: &str) -> bool {
    v1::FILES.iter().any(|spec| spec.controller == option)
}

/// Where a mount is found from here, and how far that is from what was asked for.
fn place(point: &Path, cgroup_root: &Path) -> Option<(u8, PathBuf)> {
    if point.starts_with(cgroup_root) {
        return Some((0, point.to_path_buf()));
    }
    match point.strip_prefix(USUAL_ROOT) {
        Ok(rest) if rest.as_os_str().is_empty() => Some((1, cgroup_root.to_path_buf())),
        Ok(rest) => Some((1, cgroup_root.join(rest))),
        Err(_) if cgroup_root == Path::new(USUAL_ROOT) => Some((2, point.to_path_buf())),
        Err(_) => None,
    }
}

/// Undoes the octal escapes of the table of mounts (`\040` is a space).
fn unescape(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let octal = tail
            .get(..3)
            .filter(|_| first == b'\\')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match octal {
            Some(byte) => {
                out.push(byte);
                rest = tail.get(3..).unwrap_or_default();
            }
            None => {
                out.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// What `/proc/PID/cgroup` says: the group of a process in each hierarchy.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Membership {
    /// Controllers (none for version 2) and path.
    entries: Vec<(Vec<String>, String)>,
}

impl Membership {
    /// Reads lines of the form `4:memory:/docker/ID` and `0::/docker/ID` (cgroups(7)).
    #[must_use]
    pub fn parse(text: &str) -> Membership {
        let entry = |line: &str| {
            let mut parts = line.splitn(3, ':').skip(1);
            let controllers = parts.next()?;
            let path = parts.next()?.to_owned();
            let controllers =
                controllers.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
            Some((controllers, path))
        };
        Membership { entries: text.lines().filter_map(entry).collect() }
    }

    fn unified(&self) -> Option<&str> {
        self.entries
            .iter()
            .find(|(controllers, _)| controllers.is_empty())
            .map(|(_, path)| path.as_str())
    }

    fn of(&self, controller: &str) -> Option<&str> {
        self.entries
            .iter()
            .find(|(controllers, _)| controllers.iter().any(|c| c == controller))
            .map(|(_, path)| path.as_str())
    }

    /// The path in the hierarchy that accounts memory.
    #[must_use]
    pub fn memory(&self) -> Option<&str> {
        self.of("memory").or_else(|| self.unified())
    }
}

/// The directories of one container's groups.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Layout {
    unified: Option<PathBuf>,
    v1: Vec<(&'static str, PathBuf)>,
}

impl Layout {
    /// Joins what is mounted with where the process is. `id` is the container's: a process in a
    /// group below the container's own (an init system inside) still means the container. `own` is
    /// where the runner is: a group that it shares with a target is not the target's, and its
    /// figures are left out (a local process has groups only for the controllers that limit it).
    #[must_use]
    pub fn find(mounts: &Mounts, membership: &Membership, own: &Membership, id: &str) -> Layout {
        let unified = mounts
            .unified
            .as_ref()
            .zip(membership.unified().filter(|path| own.unified() != Some(path)))
            .and_then(|(mount, path)| directory(mount, path, id));
        let mut v1 = Vec::new();
        for controller in v1::FILES.iter().map(|spec| spec.controller) {
            if v1.iter().any(|(known, _)| *known == controller) {
                continue;
            }
            let mount = mounts.v1.iter().find(|m| m.controllers.iter().any(|c| c == controller));
            let found = mount
                .zip(membership.of(controller).filter(|path| own.of(controller) != Some(path)))
                .and_then(|(mount, path)| directory(mount, path, id));
            v1.extend(found.map(|dir| (controller, dir)));
        }
        Layout { unified, v1 }
    }

    /// Whether the process is in no group of its own.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.unified.is_none() && self.v1.is_empty()
    }

    /// A directory whose identity is that of the groups: a restart makes it anew.
    #[must_use]
    pub fn identity(&self) -> Option<&Path> {
        let memory = self.v1.iter().find(|(c, _)| *c == "memory");
        memory.or_else(|| self.v1.first()).map(|(_, dir)| dir.as_path()).or(self.unified.as_deref())
    }

    /// The file that keeps the OOM kills of removed groups: that of the group above, where version 2
    /// accounts memory. The root has none.
    #[must_use]
    pub fn parent_events(&self) -> Option<PathBuf> {
        let v1_memory = self.v1.iter().any(|(controller, _)| *controller == "memory");
        let own = self.unified.as_ref().filter(|_| !v1_memory)?;
        Some(own.parent()?.join("memory.events"))
    }

    /// The files to read, CPU first. A figure that version 1 accounts is read there.
    #[must_use]
    pub fn files(&self) -> Vec<(PathBuf, &'static FileSpec)> {
        let v1_dir = |controller: &str| {
            let found = self.v1.iter().find(|(known, _)| *known == controller);
            found.map(|(_, dir)| dir)
        };
        let mut files: Vec<_> = v1::FILES
            .iter()
            .filter_map(|spec| Some((v1_dir(spec.controller)?.join(spec.name), spec)))
            .collect();
        if let Some(unified) = &self.unified {
            let left = v2::FILES.iter().filter(|spec| v1_dir(spec.controller).is_none());
            files.extend(left.map(|spec| (unified.join(spec.name), spec)));
        }
        files
    }
}

/// The directory of a group, unless it is the root of its hierarchy, which holds everybody.
fn directory(mount: &Mount, path: &str, id: &str) -> Option<PathBuf> {
    let path = containers_own(path, id);
    let below = match mount.root.as_str() {
        "/" => path,
        root => path.strip_prefix(root).filter(|rest| rest.is_empty() || rest.starts_with('/'))?,
    };
    let below = below.trim_start_matches('/');
    let escapes = below.split('/').any(|part| part == "..");
    (!escapes && path != "/").then(|| mount.point.join(below))
}

/// Cuts a path after the component that carries the container's id.
fn containers_own<'a>(path: &'a str, id: &str) -> &'a str {
    const SHORT_ID: usize = 12;
    if id.len() < SHORT_ID {
        return path;
    }
    let Some(at) = path.find(id) else {
        return path;
    };
    let after = at + id.len();
    let end =
        path.get(after..).and_then(|rest| rest.find('/')).map_or(path.len(), |slash| after + slash);
    path.get(..end).unwrap_or(path)
}

#[cfg(test)]
mod tests;
