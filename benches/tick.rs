//! A whole tick: control groups read, sources merged, rates made, the line of the journal and its
//! columns written. Over fabricated trees, whose files cost less to read than the kernel's: this is
//! the runner's own part of the price. `benches/side-by-side/run.sh` has the whole.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use divan::Bencher;
use divan::counter::ItemsCount;
use runner::config::SourcesConfig;
use runner::model::{Container, FigureSet};
use runner::session::ports::RunClock;
use runner::session::sampler::Sampler;
use runner::session::ticker::{LoadNow, Occasion, Ticker};
use runner::source::cgroup::CgroupSource;
use runner::store::RunFolder;
use runner::store::journal::{Journal, RunFile};

fn main() {
    divan::main();
}

/// The recorded container that all fabricated ones are copies of.
const ID: &str = "e032f25e45b9b9268b63b228a523d9131ecb957471cc4e9fcb685ec320046e9e";
const PID: &str = "19762";
const CONTROLLERS: [&str; 5] = ["cpu", "cpuacct", "memory", "blkio", "pids"];

fn recorded() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cgroup/v1-cgroupfs")
}

fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("folder");
    for entry in fs::read_dir(from).expect("fixture") {
        let entry = entry.expect("fixture");
        if entry.file_type().expect("fixture").is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("copy");
        }
    }
}

/// A host with so many containers below `root`, as the kernel shows them.
fn fabricate(root: &Path, count: i32) -> Vec<Container> {
    copy_files(&recorded().join("proc/self"), &root.join("proc/self"));
    (0..count).map(|index| fabricate_one(root, index)).collect()
}

fn fabricate_one(root: &Path, index: i32) -> Container {
    let (id, pid) = (format!("{index:064x}"), 100_000 + index);
    for controller in CONTROLLERS {
        let groups = Path::new("cgroup").join(controller).join("docker");
        copy_files(&recorded().join(&groups).join(ID), &root.join(&groups).join(&id));
    }
    let (from, to) = (recorded().join("proc").join(PID), root.join("proc").join(pid.to_string()));
    copy_files(&from.join("net"), &to.join("net"));
    let membership = fs::read_to_string(from.join("cgroup")).expect("fixture");
    fs::write(to.join("cgroup"), membership.replace(ID, &id)).expect("membership");
    fs::create_dir_all(to.join("ns")).expect("folder");
    std::os::unix::fs::symlink(format!("net:[{pid}]"), to.join("ns/net")).expect("network");
    let name = format!("rideshare-service-{index}");
    Container { service: Some(name.clone()), id, pid: Some(pid), ..Container::named(&name) }
}

fn ticker(root: &Path) -> Ticker {
    let config = SourcesConfig {
        cgroup_root: root.join("cgroup"),
        proc_root: root.join("proc"),
        ..SourcesConfig::default()
    };
    let clock = RunClock::start();
    let source = CgroupSource::open(&config, clock).expect("control groups");
    let sampler = Sampler::new(clock, vec![Box::new(source)], false);
    let none = || Box::new(FigureSet::new);
    Ticker::new(clock, sampler, none(), none(), Duration::from_secs(5))
}

#[divan::bench(args = [80, 500])]
fn tick_to_journal(bencher: Bencher, count: i32) {
    let root = tempfile::tempdir().expect("folder");
    let containers = fabricate(root.path(), count);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("runtime");
    let folder = tempfile::tempdir().expect("folder");
    let run = RunFile::new("x", "2026-01-30T14:30:22Z");
    let mut journal = Journal::create(&RunFolder::at(folder.path()), &run).expect("journal");
    let mut ticker = ticker(root.path());
    let occasion = Occasion {
        scenario: "soak",
        phase: "active",
        phase_index: 0,
        interval: Duration::from_secs(1),
        priming: false,
        due: f64::INFINITY,
    };
    let mut tick = || {
        let taken = runtime.block_on(ticker.take(occasion, &containers, &LoadNow::default()));
        journal.tick(&taken.tick).expect("written");
        taken
    };
    assert_eq!(tick().tick.samples.len(), containers.len());
    bencher.counter(ItemsCount::new(containers.len())).bench_local(tick);
}
