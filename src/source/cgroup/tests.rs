//! The source on whole trees: recorded hosts, and fabricated ones where things change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::CgroupSource;
use crate::config::SourcesConfig;
use crate::model::{Container, Figure, FigureSet, Gap};
use crate::session::ports::{Reading, RunClock, Source};
use crate::source::host::HostSource;

pub(in crate::source) fn target(name: &str, id: &str, pid: i32) -> Container {
    Container { id: id.into(), pid: Some(pid), ..Container::named(name) }
}

pub(super) fn open(root: &Path) -> CgroupSource {
    let config = SourcesConfig {
        cgroup_root: root.join("cgroup"),
        proc_root: root.join("proc"),
        ..SourcesConfig::default()
    };
    CgroupSource::open(&config, RunClock::start()).expect("control groups")
}

pub(super) async fn read(
    source: &mut CgroupSource,
    targets: &[Container],
) -> Vec<Result<Reading, Gap>> {
    let deadline = Instant::now() + Duration::from_secs(1);
    source.read(targets, deadline).await
}

pub(super) async fn figures(source: &mut CgroupSource, target: &Container) -> FigureSet {
    let mut answers = read(source, std::slice::from_ref(target)).await;
    answers.remove(0).expect("reading").figures
}

pub(super) async fn reason(source: &mut CgroupSource, target: &Container) -> String {
    let mut answers = read(source, std::slice::from_ref(target)).await;
    answers.remove(0).expect_err("gap").reason
}

#[derive(serde::Deserialize)]
struct Recorded {
    id: String,
    pid: i32,
}

#[derive(serde::Deserialize)]
struct Expected {
    containers: BTreeMap<String, FigureSet>,
    host: FigureSet,
}

fn json<T: serde::de::DeserializeOwned>(path: PathBuf) -> T {
    let text = std::fs::read_to_string(&path).expect("fixture");
    serde_json::from_str(&text).expect("fixture")
}

#[tokio::test]
async fn every_recorded_container_gives_exactly_the_figures_that_its_files_say() {
    for set in ["v1-cgroupfs", "v1-parent", "v2-systemd", "v2-cgroupfs"] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cgroup").join(set);
        let recorded: BTreeMap<String, Recorded> = json(root.join("targets.json"));
        let expected: Expected = json(root.join("expected.json"));
        let targets: Vec<Container> =
            recorded.iter().map(|(name, r)| target(name, &r.id, r.pid)).collect();
        // With a descriptor for every file, for some, and for none to keep.
        let mut answers = Vec::new();
        for slots in [1000, 10, 0] {
            answers.extend(read(&mut open(&root).with_slots(slots), &targets).await);
        }
        for answer in answers {
            let reading = answer.expect("reading");
            let wanted = &expected.containers[&reading.container];
            assert_eq!(&reading.figures, wanted, "{set}, {}", reading.container);
            for (figure, _) in reading.figures.iter() {
                assert!(super::OFFERS.contains(&figure), "{figure} is not offered");
            }
        }
        let host = HostSource::new(&root.join("proc")).read();
        assert_eq!(host, expected.host, "{set}, host");
    }
}

/// A fabricated version 2 host with one container.
pub(super) struct Host {
    pub(super) root: tempfile::TempDir,
}

impl Host {
    pub(super) fn new() -> Host {
        let host = Host { root: tempfile::tempdir().expect("folder") };
        host.write("proc/self/mountinfo", "30 20 0:25 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
        host.write("proc/self/cgroup", "0::/ci/runner\n");
        host
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.root.path().join(path);
        std::fs::create_dir_all(path.parent().expect("parent")).expect("folder");
        std::fs::write(path, text).expect("write");
    }

    fn remove(&self, path: &str) {
        std::fs::remove_dir_all(self.root.path().join(path)).expect("remove");
    }

    pub(super) fn start(&self, group: &str, pid: i32, cpu_us: u64) {
        self.write(&format!("proc/{pid}/cgroup"), &format!("0::{group}\n"));
        self.write(&format!("cgroup{group}/cpu.stat"), &format!("usage_usec {cpu_us}\n"));
    }

    pub(super) fn source(&self) -> CgroupSource {
        open(self.root.path())
    }

    fn share_network(&self, pid: &str, network: &str) {
        self.write(&format!("proc/{pid}/net/dev"), "eth0: 100 1 0 0 0 0 0 0 50 1 0 0 0 0 0 0\n");
        let dir = self.root.path().join(format!("proc/{pid}/ns"));
        std::fs::create_dir_all(&dir).expect("folder");
        std::os::unix::fs::symlink(network, dir.join("net")).expect("link");
    }
}

#[tokio::test]
async fn open_files_are_read_in_place_and_follow_what_is_written_to_them() {
    let host = Host::new();
    host.start("/docker/web", 7, 5);
    let mut source = host.source();
    let web = target("web", "web", 7);
    assert_eq!(figures(&mut source, &web).await.get(Figure::CpuUsageNs), Some(5000.0));
    host.write("cgroup/docker/web/cpu.stat", "usage_usec 12345\n");
    assert_eq!(figures(&mut source, &web).await.get(Figure::CpuUsageNs), Some(12_345_000.0));
}

#[tokio::test]
async fn files_that_are_opened_for_each_reading_are_those_of_the_same_group() {
    let host = Host::new();
    host.start("/docker/web", 7, 5);
    let mut source = host.source().with_slots(0);
    let web = target("web", "web", 7);
    assert_eq!(figures(&mut source, &web).await.get(Figure::CpuUsageNs), Some(5000.0));
    host.write("cgroup/docker/web/cpu.stat", "usage_usec 6\n");
    assert_eq!(figures(&mut source, &web).await.get(Figure::CpuUsageNs), Some(6000.0));
    // Made anew under the same path: read as the new one at once, with all of its files.
    let old = host.root.path().join("cgroup/docker/web");
    std::fs::rename(&old, host.root.path().join("old")).expect("renamed");
    host.start("/docker/web", 7, 9);
    host.write("cgroup/docker/web/memory.current", "4096\n");
    let anew = figures(&mut source, &web).await;
    assert_eq!(anew.get(Figure::MemoryUsageBytes), Some(4096.0));
    host.remove("cgroup/docker/web");
    assert!(reason(&mut source, &web).await.contains("it just ended"));
}

/// Beyond the time after which a group's identity is looked up again; the clock is paused.
async fn a_while() {
    tokio::time::advance(Duration::from_secs(11)).await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_is_read_from_the_new_group_and_a_removal_is_a_gap_with_a_reason() {
    let host = Host::new();
    host.start("/docker/web", 7, 5);
    let mut source = host.source();
    let mut web = target("web", "web", 7);
    figures(&mut source, &web).await;

    host.remove("proc/7");
    host.remove("cgroup/docker/web");
    a_while().await;
    let why = reason(&mut source, &web).await;
    assert!(why.contains("main process is gone"), "{why}");

    host.start("/docker/web", 8, 1);
    web.pid = Some(8);
    web.incarnation = 1;
    assert_eq!(figures(&mut source, &web).await.get(Figure::CpuUsageNs), Some(1000.0));
}

#[tokio::test(start_paused = true)]
async fn groups_made_anew_under_the_same_path_are_noticed_by_their_inode() {
    let host = Host::new();
    host.start("/docker/web", 7, 5);
    let mut source = host.source();
    let web = target("web", "web", 7);
    figures(&mut source, &web).await;
    // The old directory stays until the new one is there, so that their inodes must differ.
    let group = host.root.path().join("cgroup/docker/web");
    std::fs::rename(&group, host.root.path().join("cgroup/docker/old")).expect("rename");
    host.start("/docker/web", 7, 9);
    a_while().await;
    assert_eq!(figures(&mut source, &web).await.get(Figure::CpuUsageNs), Some(9000.0));
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_changed_while_the_container_runs_is_seen_within_seconds() {
    let host = Host::new();
    host.start("/docker/web", 7, 5);
    let settings = |memory: &str, cpu: &str, tasks: &str| {
        host.write("cgroup/docker/web/memory.max", memory);
        host.write("cgroup/docker/web/cpu.max", cpu);
        host.write("cgroup/docker/web/pids.max", tasks);
    };
    settings("1048576\n", "150000 100000\n", "100\n");
    let mut source = host.source();
    let web = target("web", "web", 7);
    let read = figures(&mut source, &web).await;
    assert_eq!(read.get(Figure::MemoryLimitBytes), Some(1_048_576.0));
    assert_eq!(read.get(Figure::CpuLimitCores), Some(1.5));
    assert_eq!(read.get(Figure::PidsLimit), Some(100.0));
    settings("2097152\n", "max 100000\n", "max\n");
    assert_eq!(figures(&mut source, &web).await, read);
    a_while().await;
    let read = figures(&mut source, &web).await;
    assert_eq!(read.get(Figure::MemoryLimitBytes), Some(2_097_152.0));
    assert_eq!(read.get(Figure::CpuLimitCores), None);
    assert_eq!(read.get(Figure::PidsLimit), None);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_the_engine_says_has_changed_is_read_at_once() {
    let host = Host::new();
    host.start("/docker/web", 7, 5);
    let limit = |bytes: &str| host.write("cgroup/docker/web/memory.max", bytes);
    limit("67108864\n");
    host.write("cgroup/docker/web/memory.current", "60000000\n");
    let mut source = host.source();
    let mut web = target("web", "web", 7);
    web.limits.memory_bytes = Some(67_108_864);
    let limit_of = |read: FigureSet| read.get(Figure::MemoryLimitBytes);
    assert_eq!(limit_of(figures(&mut source, &web).await), Some(67_108_864.0));
    limit("268435456\n");
    assert_eq!(limit_of(figures(&mut source, &web).await), Some(67_108_864.0));
    web.limits.memory_bytes = Some(268_435_456);
    assert_eq!(limit_of(figures(&mut source, &web).await), Some(268_435_456.0));
    // Nobody has said so, but more than a limit cannot be held.
    limit("536870912\n");
    host.write("cgroup/docker/web/memory.current", "300000000\n");
    assert_eq!(limit_of(figures(&mut source, &web).await), Some(536_870_912.0));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_said_nothing_is_asked_again_after_a_while() {
    let host = Host::new();
    host.start("/docker/web", 7, 5);
    host.write("cgroup/docker/web/io.pressure", "");
    let mut source = host.source();
    let web = target("web", "web", 7);
    assert_eq!(figures(&mut source, &web).await.get(Figure::PsiIoSomeUs), None);
    host.write("cgroup/docker/web/io.pressure", "some avg10=0.00 total=7\n");
    assert_eq!(figures(&mut source, &web).await.get(Figure::PsiIoSomeUs), None);
    a_while().await;
    assert_eq!(figures(&mut source, &web).await.get(Figure::PsiIoSomeUs), Some(7.0));
}

#[tokio::test]
async fn kills_are_totalled_in_the_groups_above_and_only_those_of_this_run() {
    let host = Host::new();
    let total = |group: &str, kills: u32| {
        host.write(&format!("cgroup/{group}/memory.events"), &format!("oom 9\noom_kill {kills}\n"));
    };
    host.start("/docker/web", 7, 5);
    host.start("/ci.slice/ci-night.slice/db", 8, 5);
    total("docker", 40);
    total("ci.slice/ci-night.slice", 2);
    let mut source = host.source();
    assert_eq!(source.aside(&[]).host, FigureSet::new());
    read(&mut source, &[target("web", "web", 7), target("db", "db", 8)]).await;
    let kills = |source: &mut CgroupSource| source.aside(&[]).host.get(Figure::GroupOomKills);
    assert_eq!(kills(&mut source), Some(0.0));
    total("docker", 43);
    total("ci.slice/ci-night.slice", 3);
    assert_eq!(kills(&mut source), Some(4.0));
    // The last container of a group is gone, and with it the file's owner: its kill still counts.
    read(&mut source, &[target("db", "db", 8)]).await;
    total("docker", 44);
    assert_eq!(kills(&mut source), Some(5.0));
}

#[tokio::test]
async fn one_container_that_cannot_be_read_does_not_spoil_the_others() {
    let host = Host::new();
    host.start("/docker/web", 7, 5);
    let mut source = host.source();
    let mut idle = target("idle", "idle", 9);
    idle.pid = None;
    let answers = read(&mut source, &[idle, target("web", "web", 7)]).await;
    let gap = answers[0].as_ref().expect_err("gap");
    assert_eq!(gap.container.as_deref(), Some("idle"));
    assert!(gap.reason.contains("no process on this machine"), "{}", gap.reason);
    assert_eq!(answers[1].as_ref().expect("reading").container, "web");
}

#[tokio::test]
async fn a_process_in_the_runners_own_group_is_refused() {
    let host = Host::new();
    host.start("/ci/runner", 7, 5);
    let why = reason(&mut host.source(), &target("web", "pid-7", 7)).await;
    assert!(why.contains("shares the runner's"), "{why}");
}

#[tokio::test]
async fn a_shared_network_is_counted_once_and_the_hosts_own_never() {
    let host = Host::new();
    for (group, pid) in [("/a", 7), ("/b", 8), ("/c", 9)] {
        host.start(group, pid, 1);
    }
    host.share_network("self", "net:[1]");
    host.share_network("7", "net:[2]");
    host.share_network("8", "net:[2]");
    host.share_network("9", "net:[1]");
    let mut targets = vec![target("b", "b", 8), target("a", "a", 7), target("c", "c", 9)];
    targets[0].started_at = Some("2026-11-20T20:42:46Z".into());
    targets[1].started_at = Some("2026-11-20T20:42:45Z".into());
    let answers = read(&mut host.source(), &targets).await;
    let received: Vec<_> = answers
        .iter()
        .map(|a| a.as_ref().expect("reading").figures.get(Figure::NetRxBytes))
        .collect();
    assert_eq!(received, [None, Some(100.0), None]);
}

#[tokio::test]
async fn a_file_longer_than_the_buffer_is_read_whole() {
    let host = Host::new();
    host.start("/docker/web", 7, 5);
    let padding = "some_key_of_a_later_kernel 1\n".repeat(4000);
    host.write("cgroup/docker/web/memory.stat", &format!("{padding}anon 77\n"));
    let read = figures(&mut host.source(), &target("web", "web", 7)).await;
    assert_eq!(read.get(Figure::AnonBytes), Some(77.0));
}

#[test]
fn a_host_without_control_groups_is_refused_with_a_remedy() {
    let root = tempfile::tempdir().expect("folder");
    std::fs::create_dir_all(root.path().join("proc/self")).expect("folder");
    std::fs::write(root.path().join("proc/self/mountinfo"), "1 1 0:1 / / rw - ext4 x rw\n")
        .expect("write");
    let config = SourcesConfig {
        cgroup_root: root.path().join("cgroup"),
        proc_root: root.path().join("proc"),
        ..SourcesConfig::default()
    };
    let error = CgroupSource::open(&config, RunClock::start()).err().expect("refused");
    assert!(error.contains("sources.cgroup_root"), "{error}");
}
