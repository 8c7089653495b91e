//! Limits of process services through control groups, where this user may make them.
//!
//! Each incarnation of a service gets a group of its own, so that its counters start at zero and
//! an OOM kill can be told apart from a crash. Where groups cannot be made the limits are
//! thresholds only, and the run says so.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::spawn::try_doors;
use crate::config::{ProcessService, RestartPolicy};

/// Where groups of this run are made.
#[derive(Debug, Clone)]
pub enum Groups {
    /// cgroup v2: one folder below our own group.
    V2(PathBuf),
    /// cgroup v1: a folder in each of the controllers.
    V1(Vec<PathBuf>),
}

/// The group of one incarnation.
#[derive(Debug)]
pub struct Group {
    folders: Vec<PathBuf>,
    memory: PathBuf,
    v2: bool,
}

/// CFS period, microseconds: the kernel's and Docker's default.
const PERIOD_US: f64 = 100_000.0;

impl Groups {
    /// Makes the parent group of this run, named `name` and meant for so many services, where
    /// limits can really be set and processes moved in.
    ///
    /// # Errors
    /// Why limits cannot be enforced here.
    pub fn make(root: &Path, name: &str, services: usize) -> Result<Groups, String> {
        let groups = if is_v2(root) { make_v2(root, name) } else { make_v1(root, name) }?;
        groups.weigh(services.max(1));
        groups.try_out().map_err(|error| {
            groups.remove();
            format!("the kernel does not let this user move processes into groups: {error}")
        })?;
        Ok(groups)
    }

    /// Folders in which runs make their parent groups.
    #[must_use]
    pub fn parents(root: &Path) -> Vec<PathBuf> {
        if is_v2(root) { v2_parents(root) } else { v1_parents(root).unwrap_or_default() }
    }

    /// On a busy machine each service competes as a process of its own would; without this all of
    /// them together would have the weight of one. Best effort: it is no limit.
    fn weigh(&self, services: usize) {
        match self {
            Groups::V2(folder) => {
                let weight = (100 * services).min(10_000);
                let _ = fs::write(folder.join("cpu.weight"), weight.to_string());
            }
            Groups::V1(folders) => {
                let shares = (1024 * services).min(262_144).to_string();
                let with = folders.iter().map(|folder| folder.join("cpu.shares"));
                with.filter(|file| file.exists()).for_each(|file| drop(fs::write(file, &shares)));
            }
        }
    }

    fn try_out(&self) -> io::Result<()> {
        let trial = ProcessService {
            name: "trial".to_string(),
            command: Vec::new(),
            env: BTreeMap::new(),
            ports: Vec::new(),
            health: None,
            memory_bytes: Some(64 << 20),
            cpus: Some(1.0),
            restart: RestartPolicy::No,
        };
        let group = self.group(&trial, 0)?;
        let tried = group.doors().and_then(try_doors);
        // The trial process has ended: its parent waited for it.
        group.folders.iter().for_each(|folder| drop(fs::remove_dir(folder)));
        tried
    }

    /// Makes the group of one incarnation of a service, with its limits set.
    ///
    /// # Errors
    /// When the kernel refuses a limit.
    pub fn group(&self, service: &ProcessService, incarnation: u32) -> io::Result<Group> {
        let name = format!("{}-{incarnation}", service.name);
        match self {
            Groups::V2(parent) => v2_group(&parent.join(name), service),
            Groups::V1(parents) => v1_group(parents, &name, service),
        }
    }

    /// The version, for people.
    #[must_use]
    pub fn version(&self) -> &'static str {
        match self {
            Groups::V2(_) => "v2",
            Groups::V1(_) => "v1",
        }
    }

    /// Removes the parent groups and those in them. A process that was just killed may hold one
    /// for a moment.
    pub fn remove(&self) {
        let parents = match self {
            Groups::V2(folder) => std::slice::from_ref(folder),
            Groups::V1(folders) => folders.as_slice(),
        };
        for _ in 0..25 {
            parents.iter().for_each(|parent| remove_with_children(parent));
            if !parents.iter().any(|parent| parent.exists()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Kills all processes of a group and of those in it. One may start another meanwhile, so this looks
/// again until none is left.
pub(super) fn end_group(group: &Path) {
    for _ in 0..50 {
        // Version 1 has no such file, and none must be made.
        let all = OpenOptions::new().write(true).open(group.join("cgroup.kill"));
        if all.and_then(|mut all| all.write_all(b"1")).is_err() {
            for pid in members(group) {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
        if members(group).is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The processes of a group and of those in it.
fn members(group: &Path) -> Vec<i32> {
    let below = fs::read_dir(group).into_iter().flatten().flatten().map(|entry| entry.path());
    let all = below.chain([group.to_path_buf()]);
    let texts = all.filter_map(|group| fs::read_to_string(group.join("cgroup.procs")).ok());
    texts
        .flat_map(|text| text.lines().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// The kernel keeps a group that still has a process.
pub(super) fn remove_with_children(group: &Path) {
    let entries = fs::read_dir(group).into_iter().flatten().flatten();
    for child in entries.filter(|e| e.file_type().is_ok_and(|kind| kind.is_dir())) {
        let _ = fs::remove_dir(child.path());
    }
    let _ = fs::remove_dir(group);
}

fn is_v2(root: &Path) -> bool {
    root.join("cgroup.controllers").exists()
}

/// Our own group in the hierarchy of a controller (version 2: of none), as a path from its root.
fn own_group(controller: &str) -> String {
    let text = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let path = text.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        controllers.split(',').any(|name| name == controller).then_some(path)
    });
    path.unwrap_or("/").trim_start_matches('/').to_string()
}

/// Processes live in leaves only, so a run's groups stand beside our own, not below it; else at
/// the top, where the runner is the administrator's.
fn v2_parents(root: &Path) -> Vec<PathBuf> {
    let own = root.join(own_group(""));
    let beside = own.parent().filter(|parent| parent.starts_with(root)).map(Path::to_path_buf);
    let mut parents: Vec<PathBuf> = beside.into_iter().collect();
    if !parents.iter().any(|parent| parent == root) {
        parents.push(root.to_path_buf());
    }
    parents
}

fn make_v2(root: &Path, name: &str) -> Result<Groups, String> {
    let mut why = "no parent group".to_string();
    for parent in v2_parents(root) {
        let folder = parent.join(name);
        match fs::create_dir(&folder).and_then(|()| delegate(&folder)) {
            Ok(()) => return Ok(Groups::V2(folder)),
            Err(error) => {
                let _ = fs::remove_dir(&folder);
                why = format!("{}: {error}", folder.display());
            }
        }
    }
    Err(why)
}

/// The controllers that limit, or count for, a service. Block IO and the network are not among
/// them: what they count there is the runner's or the host's, so those figures are left out.
const V1_CONTROLLERS: [&str; 4] = ["memory", "cpu", "cpuacct", "pids"];

/// Below our own group in each hierarchy, so that limits set for the runner hold for its services
/// too; where that cannot be seen from here (a container), below what is mounted.
fn v1_parents(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut parents: Vec<PathBuf> = Vec::new();
    for controller in V1_CONTROLLERS {
        // cpu and cpuacct may be links to one mount.
        let Ok(mount) = root.join(controller).canonicalize() else {
            return Err(format!("no controller {controller} under {}", root.display()));
        };
        let own = mount.join(own_group(controller));
        let parent = if own.is_dir() { own } else { mount };
        if !parents.contains(&parent) {
            parents.push(parent);
        }
    }
    Ok(parents)
}

fn make_v1(root: &Path, name: &str) -> Result<Groups, String> {
    let mut folders: Vec<PathBuf> = Vec::new();
    for parent in v1_parents(root)? {
        let folder = parent.join(name);
        if let Err(error) = fs::create_dir(&folder) {
            folders.iter().for_each(|made| drop(fs::remove_dir(made)));
            return Err(format!("{}: {error}", folder.display()));
        }
        folders.push(folder);
    }
    Ok(Groups::V1(folders))
}

fn delegate(folder: &Path) -> io::Result<()> {
    let parent = folder.parent().unwrap_or(folder);
    // It may be on already, or not be ours to switch: what counts is the second write.
    let _ = fs::write(parent.join("cgroup.subtree_control"), "+memory +cpu +pids");
    fs::write(folder.join("cgroup.subtree_control"), "+memory +cpu +pids")
}

fn v2_group(folder: &Path, service: &ProcessService) -> io::Result<Group> {
    fs::create_dir(folder)?;
    if let Some(bytes) = service.memory_bytes {
        fs::write(folder.join("memory.max"), bytes.to_string())?;
        // Without swap of its own, as compose's mem_limit on a host with none.
        let _ = fs::write(folder.join("memory.swap.max"), "0");
    }
    if let Some(cpus) = service.cpus {
        let quota = (cpus * PERIOD_US).round();
        fs::write(folder.join("cpu.max"), format!("{quota} {PERIOD_US}"))?;
    }
    Ok(Group { folders: vec![folder.to_path_buf()], memory: folder.to_path_buf(), v2: true })
}

fn v1_group(parents: &[PathBuf], name: &str, service: &ProcessService) -> io::Result<Group> {
    let mut folders = Vec::new();
    let mut memory = PathBuf::new();
    for parent in parents {
        let folder = parent.join(name);
        fs::create_dir(&folder)?;
        folders.push(folder.clone());
        let limit = folder.join("memory.limit_in_bytes");
        if limit.exists() {
            memory.clone_from(&folder);
            if let Some(bytes) = service.memory_bytes {
                fs::write(limit, bytes.to_string())?;
                // Memory and swap together, where swap is accounted.
                let _ = fs::write(folder.join("memory.memsw.limit_in_bytes"), bytes.to_string());
            }
        }
        let quota = folder.join("cpu.cfs_quota_us");
        if let Some(cpus) = service.cpus.filter(|_| quota.exists()) {
            fs::write(folder.join("cpu.cfs_period_us"), PERIOD_US.to_string())?;
            fs::write(quota, (cpus * PERIOD_US).round().to_string())?;
        }
    }
    Ok(Group { folders, memory, v2: false })
}

impl Group {
    /// Files a process writes `0` to in order to move itself in.
    ///
    /// # Errors
    /// When they cannot be opened.
    pub fn doors(&self) -> io::Result<Vec<File>> {
        let open =
            |folder: &PathBuf| OpenOptions::new().write(true).open(folder.join("cgroup.procs"));
        self.folders.iter().map(open).collect()
    }

    /// OOM kills in this group so far.
    #[must_use]
    pub fn oom_kills(&self) -> Option<u64> {
        let file = if self.v2 { "memory.events" } else { "memory.oom_control" };
        let text = fs::read_to_string(self.memory.join(file)).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("oom_kill "))?;
        line.trim().parse().ok()
    }

    /// Kills whatever is left in the group.
    pub fn kill(&self) {
        let Some(folder) = self.folders.first() else { return };
        if self.v2 && fs::write(folder.join("cgroup.kill"), "1").is_ok() {
            return;
        }
        for pid in fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default().lines() {
            if let Ok(pid) = pid.parse() {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
    }

    /// Removes the group. A process that is just ending may hold it for a moment.
    pub async fn remove(&self) {
        for folder in &self.folders {
            for _ in 0..50 {
                match fs::remove_dir(folder) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    _ => break,
                }
            }
        }
    }
}
