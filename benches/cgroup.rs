//! What one reading of a container's control group costs: the runner's own price per container and
//! tick. Run on real groups of this machine when it can make some (root on cgroup v1 or v2), else on
//! recorded files, whose reading is somewhat cheaper than the kernel's.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use divan::Bencher;
use divan::counter::ItemsCount;
use runner::config::SourcesConfig;
use runner::model::Container;
use runner::session::ports::{RunClock, Source};
use runner::source::cgroup::CgroupSource;

fn main() {
    divan::main();
}

fn target(name: &str, id: &str, pid: i32) -> Container {
    Container { id: id.into(), pid: Some(pid), ..Container::named(name) }
}

fn read_all(bencher: Bencher, config: &SourcesConfig, targets: &[Container]) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("runtime");
    runtime.block_on(async {
        let mut source = CgroupSource::open(config, RunClock::start()).expect("control groups");
        let deadline = tokio::time::Instant::now() + Duration::from_secs(3600);
        let first = source.read(targets, deadline).await;
        assert!(first.iter().all(Result::is_ok), "{first:?}");
        bencher
            .counter(ItemsCount::new(targets.len()))
            .bench_local(|| futures_executor(source.read(targets, deadline)));
    });
}

/// The source never waits, so that polling once is enough.
fn futures_executor<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

#[divan::bench]
fn recorded_files_of_8_containers(bencher: Bencher) {
    #[derive(serde::Deserialize)]
    struct Recorded {
        id: String,
        pid: i32,
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cgroup/v2-systemd");
    let text = std::fs::read_to_string(root.join("targets.json")).expect("fixture");
    let recorded: std::collections::BTreeMap<String, Recorded> =
        serde_json::from_str(&text).expect("fixture");
    let targets: Vec<_> = recorded.iter().map(|(name, r)| target(name, &r.id, r.pid)).collect();
    let config = SourcesConfig {
        cgroup_root: root.join("cgroup"),
        proc_root: root.join("proc"),
        ..SourcesConfig::default()
    };
    read_all(bencher, &config, &targets);
}

/// Groups of this machine with a sleeping process in each, removed afterwards.
struct Groups {
    dirs: Vec<PathBuf>,
    sleepers: Vec<Child>,
}

impl Groups {
    const CONTROLLERS: &[&str] = &["cpu", "cpuacct", "memory", "blkio", "pids", "unified"];

    fn make(count: usize) -> std::io::Result<Groups> {
        let mut groups = Groups { dirs: Vec::new(), sleepers: Vec::new() };
        for index in 0..count {
            let child = Command::new("sleep").arg("600").spawn()?;
            let pid = child.id();
            groups.sleepers.push(child);
            for controller in Self::CONTROLLERS {
                let dir = PathBuf::from(format!(
                    "/sys/fs/cgroup/{controller}/runner-bench-{}-{index}",
                    std::process::id()
                ));
                std::fs::create_dir(&dir)?;
                groups.dirs.push(dir.clone());
                std::fs::write(dir.join("cgroup.procs"), pid.to_string())?;
            }
        }
        Ok(groups)
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for sleeper in &mut self.sleepers {
            let _ = sleeper.kill();
            let _ = sleeper.wait();
        }
        for dir in &self.dirs {
            let _ = std::fs::remove_dir(dir);
        }
    }
}

#[divan::bench]
fn real_groups_of_20_processes(bencher: Bencher) {
    let groups = match Groups::make(20) {
        Ok(groups) => groups,
        Err(error) => {
            println!("left out: no control groups can be made here ({error})");
            return;
        }
    };
    let targets: Vec<_> = groups
        .sleepers
        .iter()
        .map(|sleeper| {
            let name = format!("sleeper-{}", sleeper.id());
            target(&name, &name, sleeper.id().cast_signed())
        })
        .collect();
    read_all(bencher, &SourcesConfig::default(), &targets);
}
