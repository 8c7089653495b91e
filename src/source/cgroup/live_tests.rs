//! The source on this machine's own control groups, where the test may make some.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::CgroupSource;
use super::tests::{figures, reason, target};
use crate::config::SourcesConfig;
use crate::model::Figure;
use crate::session::ports::RunClock;

const ROOT: &str = "/sys/fs/cgroup";
const LIMIT: u64 = 64 * 1024 * 1024;

/// A group with a sleeping process, gone when dropped.
struct Group {
    dirs: Vec<PathBuf>,
    sleeper: Child,
}

impl Group {
    fn make(name: &str) -> std::io::Result<Group> {
        // It waits for a line, so that its work and memory fall into the group it is moved to.
        let sleeper = Command::new("sh")
            .args(["-c", "read line; exec sleep 60"])
            .stdin(Stdio::piped())
            .spawn()?;
        let mut group = Group { dirs: Vec::new(), sleeper };
        let hierarchies = if Path::new(ROOT).join("cgroup.controllers").exists() {
            vec![PathBuf::from(ROOT)]
        } else {
            ["cpu", "cpuacct", "memory", "blkio", "pids", "unified"]
                .iter()
                .map(|controller| Path::new(ROOT).join(controller))
                .filter(|dir| dir.exists())
                .collect()
        };
        for hierarchy in hierarchies {
            let dir = hierarchy.join(name);
            std::fs::create_dir(&dir)?;
            group.dirs.push(dir.clone());
            for limit in ["memory.limit_in_bytes", "memory.max"] {
                if dir.join(limit).exists() {
                    std::fs::write(dir.join(limit), LIMIT.to_string())?;
                }
            }
            let member = group.sleeper.id().to_string();
            std::fs::write(dir.join("cgroup.procs"), member)?;
        }
        if let Some(mut stdin) = group.sleeper.stdin.take() {
            stdin.write_all(b"go\n")?;
        }
        Ok(group)
    }

    /// Waits until the process sleeps, and so has done its work.
    fn settle(&self) {
        let comm = format!("/proc/{}/comm", self.pid());
        for _ in 0..500 {
            if std::fs::read_to_string(&comm).is_ok_and(|name| name.trim() == "sleep") {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("the process of the test did not start");
    }

    /// Whether a file of its controllers is there: version 2 has those only that the root passes on.
    fn has(&self, file: &str) -> bool {
        self.dirs.iter().any(|dir| dir.join(file).exists())
    }

    fn pid(&self) -> i32 {
        self.sleeper.id().cast_signed()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = self.sleeper.kill();
        let _ = self.sleeper.wait();
        for dir in &self.dirs {
            let _ = std::fs::remove_dir(dir);
        }
    }
}

#[tokio::test]
async fn a_real_group_is_read_followed_over_its_removal_and_read_again() {
    let name = format!("runner-test-{}", std::process::id());
    let first = match Group::make(&name) {
        Ok(group) => group,
        Err(error) => {
            crate::testing::left_out("cgroup", &format!("no control group can be made: {error}"));
            return;
        }
    };
    first.settle();
    let mut source =
        CgroupSource::open(&SourcesConfig::default(), RunClock::start()).expect("groups");
    let mut sleeper = target("sleeper", &name, first.pid());
    let read = figures(&mut source, &sleeper).await;
    assert!(read.get(Figure::CpuUsageNs).is_some_and(|ns| ns > 0.0));
    assert_eq!(read.get(Figure::Pids), first.has("pids.current").then_some(1.0));
    let has_memory = first.has("memory.limit_in_bytes") || first.has("memory.max");
    assert_eq!(read.get(Figure::MemoryUsageBytes).is_some(), has_memory);
    assert_eq!(read.get(Figure::MemoryLimitBytes), has_memory.then_some(LIMIT as f64));

    drop(first);
    let why = reason(&mut source, &sleeper).await;
    assert!(why.contains("main process is gone"), "{why}");

    let second = Group::make(&name).expect("group");
    second.settle();
    sleeper.pid = Some(second.pid());
    let again = figures(&mut source, &sleeper).await;
    assert!(again.get(Figure::CpuUsageNs).is_some_and(|ns| ns > 0.0));
}
