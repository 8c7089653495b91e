//! Through the real wrapper, against a stand-in of the library that is built here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::model::{Container, Device, Figure, Mig, SourceKind};
use crate::session::devices::{DeviceRound, DeviceSource};
use crate::session::ports::RunClock;
use crate::source::gpu::Worker;

#[path = "../../../tests/support/nvml/mod.rs"]
mod stand_in;

const LIMIT: Duration = Duration::from_secs(120);
const WEB: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A made-up machine: the library, and processes.
struct Machine(tempfile::TempDir);

impl Machine {
    /// The library behaves as the words say.
    fn new(behaviour: &[&str]) -> Machine {
        let machine = Machine(tempfile::tempdir().expect("a folder"));
        let file = machine.file();
        let library = stand_in::with(behaviour, &file);
        std::fs::write(machine.library(), library).expect("a library");
        machine
    }

    fn library(&self) -> PathBuf {
        self.0.path().join("libnvidia-ml.so.1")
    }

    /// The file by which the test and the library talk.
    fn file(&self) -> PathBuf {
        self.0.path().join("file")
    }

    fn process(&self, pid: u32, group: &str) {
        let folder = self.0.path().join(format!("proc/{pid}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("cgroup"), format!("0::{group}\n")).expect("a file");
    }

    fn open(&self) -> Result<NvmlDriver, String> {
        NvmlDriver::open(&self.library())
    }

    async fn worker(&self) -> Worker {
        let (library, proc_root) = (self.library(), self.0.path().join("proc"));
        let make = move || NvmlDriver::open(&library);
        Worker::open(SourceKind::Nvml, RunClock::start(), proc_root, LIMIT, make)
            .await
            .unwrap_or_else(|why| panic!("{why}"))
    }
}

fn web() -> Container {
    Container { id: WEB.into(), pid: Some(1001), ..Container::named("web") }
}

async fn read(worker: &mut Worker) -> DeviceRound {
    worker.begin(&[web()]);
    worker.finish(Instant::now() + LIMIT).await
}

fn names(round: &DeviceRound, key: &str) -> Vec<&'static str> {
    round.devices[key].iter().map(|(figure, _)| figure.name()).collect()
}

const MIB: f64 = 1_048_576.0;

#[tokio::test]
async fn two_gpus_give_every_figure_in_its_unit() {
    let machine = Machine::new(&[]);
    let mut worker = machine.worker().await;
    let facts: Vec<Device> = worker.devices().to_vec();
    assert_eq!(facts.iter().map(|d| d.key.as_str()).collect::<Vec<_>>(), ["gpu0", "gpu1"]);
    assert_eq!(facts[0].name.as_deref(), Some("NVIDIA A100-SXM4-40GB"));
    assert_eq!(facts[1].uuid.as_deref(), Some("GPU-0000-2"));
    assert_eq!(facts[0].driver.as_deref(), Some("550.54.15"));
    assert_eq!((facts[0].memory_bytes, facts[0].mig), (Some(40960 << 20), Mig::Off));
    let round = read(&mut worker).await;
    let value = |figure| round.devices["gpu1"].get(figure);
    assert_eq!(value(Figure::GpuPercent), Some(73.0));
    assert_eq!(value(Figure::GpuMemoryBusyPercent), Some(21.0));
    assert_eq!(value(Figure::GpuMemoryUsedBytes), Some(10240.0 * MIB));
    assert_eq!(value(Figure::GpuMemoryTotalBytes), Some(40960.0 * MIB));
    assert_eq!(value(Figure::GpuPowerWatts), Some(251.5));
    assert_eq!(value(Figure::GpuTemperatureCelsius), Some(61.0));
    assert_eq!(value(Figure::GpuThrottleReasons), Some(36.0));
    assert!(round.gaps.is_empty(), "{:?}", round.gaps);
}

#[tokio::test]
async fn memory_and_work_of_processes_go_to_their_container() {
    let machine = Machine::new(&[]);
    machine.process(1001, &format!("/system.slice/docker-{WEB}.scope"));
    machine.process(1002, &format!("/system.slice/docker-{WEB}.scope/worker"));
    machine.process(3001, "/user.slice/user-1000.slice");
    let mut worker = machine.worker().await;
    let first = read(&mut worker).await;
    let value = |round: &DeviceRound, figure| round.containers["web"].get(figure);
    // 500 and 250 on the first GPU, 100 on the second; 64 are somebody else's.
    assert_eq!(value(&first, Figure::GpuMemoryBytes), Some(850.0 * MIB));
    assert_eq!(value(&first, Figure::GpuSmPercent), None, "its samples are from before");
    let stack = |key: &str| first.devices[key].get(Figure::GpuStackMemoryBytes);
    assert_eq!((stack("gpu0"), stack("gpu1")), (Some(750.0 * MIB), Some(100.0 * MIB)));
    let second = read(&mut worker).await;
    assert_eq!(value(&second, Figure::GpuSmPercent), Some(50.0));
}

#[tokio::test]
async fn pids_of_another_namespace_are_nobody_s() {
    let machine = Machine::new(&[]);
    let mut worker = machine.worker().await;
    let round = read(&mut worker).await;
    assert!(round.containers.is_empty());
    assert_eq!(round.devices["gpu0"].get(Figure::GpuStackMemoryBytes), None);
    assert_eq!(round.devices["gpu0"].get(Figure::GpuMemoryUsedBytes), Some(10240.0 * MIB));
}

#[tokio::test]
async fn missing_symbols_cost_their_own_figures() {
    let machine = Machine::new(&["old"]);
    let mut worker = machine.worker().await;
    assert_eq!((worker.devices()[0].uuid.clone(), worker.devices()[0].memory_bytes), (None, None));
    let round = read(&mut worker).await;
    let given = ["gpu_percent", "gpu_memory_busy_percent", "gpu_power_w", "gpu_temperature_c"];
    assert_eq!(names(&round, "gpu0"), given);
    assert!(round.gaps.is_empty(), "{:?}", round.gaps);
}

#[tokio::test]
async fn what_a_device_does_not_support_is_absent_and_no_gap() {
    let machine = Machine::new(&["modest"]);
    let mut worker = machine.worker().await;
    let round = read(&mut worker).await;
    let given = ["gpu_memory_used_bytes", "gpu_memory_total_bytes", "gpu_temperature_c"];
    assert_eq!(names(&round, "gpu1"), given);
    assert!(names(&round, "gpu0").contains(&"gpu_power_w"));
    assert!(round.gaps.is_empty(), "{:?}", round.gaps);
}

#[tokio::test]
async fn mig_instances_have_memory_of_their_own_and_no_utilisation() {
    let machine = Machine::new(&["mig"]);
    machine.process(1001, &format!("/docker/{WEB}"));
    machine.process(1002, "/user.slice");
    let mut worker = machine.worker().await;
    let facts: Vec<(String, Mig)> =
        worker.devices().iter().map(|d| (d.key.clone(), d.mig)).collect();
    assert_eq!(
        facts,
        [
            ("gpu0".to_string(), Mig::Parted),
            ("gpu0-mig0".to_string(), Mig::Instance),
            ("gpu0-mig1".to_string(), Mig::Instance),
            ("gpu1".to_string(), Mig::Off),
        ]
    );
    let round = read(&mut worker).await;
    let value = |key: &str, figure| round.devices[key].get(figure);
    assert_eq!(value("gpu0", Figure::GpuPercent), None);
    assert_eq!(value("gpu0", Figure::GpuPowerWatts), Some(251.5));
    assert_eq!(value("gpu0-mig1", Figure::GpuMemoryTotalBytes), Some(4864.0 * MIB));
    assert_eq!(value("gpu0-mig0", Figure::GpuStackMemoryBytes), Some(300.0 * MIB));
    assert_eq!(value("gpu0-mig1", Figure::GpuStackMemoryBytes), Some(0.0));
    // 300 on the instance, 100 on the second GPU; the parted one is not asked, it would add twice.
    assert_eq!(round.containers["web"].get(Figure::GpuMemoryBytes), Some(400.0 * MIB));
    assert!(round.gaps.is_empty(), "{:?}", round.gaps);
}

#[test]
fn no_library_no_driver_and_no_device_say_why() {
    let missing = NvmlDriver::open(Path::new("/nowhere/libnvidia-ml.so.1")).err();
    let missing = missing.expect("there is none");
    assert!(missing.starts_with("/nowhere/libnvidia-ml.so.1 cannot be loaded"), "{missing}");
    let no_driver = Machine::new(&["no_driver"]).open().err();
    assert_eq!(no_driver.as_deref(), Some("the NVIDIA driver is not loaded"));
    let no_gpu = Machine::new(&["no_gpu"]).open().err();
    assert_eq!(no_gpu.as_deref(), Some("the driver is there and knows no GPU"));
    let not_it = tempfile::tempdir().expect("a folder");
    let path = not_it.path().join("libnvidia-ml.so.1");
    std::fs::write(&path, "no library").expect("a file");
    assert!(NvmlDriver::open(&path).err().expect("no library").contains("cannot be loaded"));
}

#[tokio::test]
async fn a_lost_gpu_is_a_gap_and_rests_and_the_other_one_goes_on() {
    let machine = Machine::new(&["lost", "counts"]);
    let mut worker = machine.worker().await;
    let asked = || {
        let text = std::fs::read_to_string(machine.file()).unwrap_or_default();
        text.lines().filter(|line| *line == "power").count()
    };
    let mut calls = Vec::new();
    for _ in 0..8 {
        let before = asked();
        let round = read(&mut worker).await;
        assert!(!round.devices.contains_key("gpu1"));
        assert_eq!(round.devices["gpu0"].get(Figure::GpuPercent), Some(73.0));
        assert_eq!(round.gaps.len(), 1);
        assert_eq!(round.gaps[0].container.as_deref(), Some("gpu1"));
        calls.push(asked() - before);
    }
    // The lost one is asked in rounds 1, 3 and 6.
    assert_eq!(calls, [2, 1, 2, 1, 1, 2, 1, 1]);
}

#[tokio::test]
async fn a_call_that_hangs_costs_one_deadline_and_comes_back() {
    let machine = Machine::new(&["hangs"]);
    let mut worker = machine.worker().await;
    assert_eq!(read(&mut worker).await.devices.len(), 2);
    std::fs::write(machine.file(), "").expect("a file");
    worker.begin(&[web()]);
    let hung = worker.finish(Instant::now() + Duration::from_millis(20)).await;
    assert!(hung.devices.is_empty());
    assert_eq!(hung.gaps.len(), 1);
    let again = tokio::time::timeout(LIMIT / 2, read(&mut worker)).await.expect("not waited for");
    assert!(again.devices.is_empty());
    std::fs::remove_file(machine.file()).expect("it was there");
    let back = async {
        while read(&mut worker).await.devices.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LIMIT, back).await.expect("it is asked again");
}

#[tokio::test]
async fn the_library_is_started_once_and_what_is_not_there_is_asked_for_once() {
    let machine = Machine::new(&["modest", "counts"]);
    let mut worker = machine.worker().await;
    let count = |what: &str| {
        let text = std::fs::read_to_string(machine.file()).unwrap_or_default();
        text.lines().filter(|line| *line == what).count()
    };
    for _ in 0..5 {
        read(&mut worker).await;
    }
    assert_eq!((count("init"), count("power")), (1, 6));
}
