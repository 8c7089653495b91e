use std::os::unix::fs::symlink;

use super::*;
use crate::model::Container;

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const PCI: &str = "0000:03:00.0";

/// A made-up machine: trees of sys and proc.
struct Machine(tempfile::TempDir);

impl Machine {
    fn new() -> Machine {
        Machine(tempfile::tempdir().expect("a folder"))
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, text).expect("a file");
    }

    /// A card of the kind of systems/RX 580, without `mem_busy_percent`.
    fn card(&self, number: u32, files: &[(&str, &str)]) {
        for (name, text) in files {
            self.write(&format!("sys/class/drm/card{number}/device/{name}"), text);
        }
    }

    fn process(&self, pid: u32, group: &str, vram: &[(u64, &str)]) {
        self.write(&format!("proc/{pid}/cgroup"), &format!("0::{group}\n"));
        fs::create_dir_all(self.0.path().join(format!("proc/{pid}/fd"))).expect("a folder");
        for (fd, (client, memory)) in (5u32..).zip(vram) {
            let info = format!(
                "pos:\t0\ndrm-driver:\tamdgpu\ndrm-client-id:\t{client}\ndrm-pdev:\t{PCI}\n\
                 drm-memory-vram:\t{memory}\n"
            );
            self.write(&format!("proc/{pid}/fdinfo/{fd}"), &info);
            let link = self.0.path().join(format!("proc/{pid}/fd/{fd}"));
            symlink("/dev/dri/renderD128", link).expect("a link");
        }
    }

    fn driver(&self) -> Result<AmdgpuDriver, String> {
        AmdgpuDriver::open(&self.0.path().join("sys"), 2)
    }

    fn read(&self) -> DriverRead {
        let owners = Owners::new(self.0.path().join("proc"), &[web()]);
        self.driver().expect("a card").read(&owners)
    }
}

fn web() -> Container {
    Container { id: ID.into(), pid: Some(100), ..Container::named("web") }
}

const WHOLE: &[(&str, &str)] = &[
    ("uevent", "DRIVER=amdgpu\nPCI_CLASS=30000\nPCI_SLOT_NAME=0000:03:00.0\n"),
    ("gpu_busy_percent", "87\n"),
    ("mem_info_vram_used", "3221225472\n"),
    ("mem_info_vram_total", "8589934592\n"),
    ("unique_id", "4d2f1c\n"),
    ("hwmon/hwmon3/power1_average", "123456000\n"),
    ("hwmon/hwmon3/temp1_input", "71000\n"),
];

#[test]
fn a_card_s_files_become_figures_in_their_units() {
    let machine = Machine::new();
    machine.card(1, WHOLE);
    machine.write("sys/class/drm/card1-HDMI-A-1/status", "connected\n");
    let read = machine.read();
    let [(key, figures)] = read.figures.as_slice() else { panic!("one card: {read:?}") };
    assert_eq!(key, "gpu2");
    let value = |figure| figures.get(figure);
    assert_eq!(value(Figure::GpuPercent), Some(87.0));
    assert_eq!(value(Figure::GpuMemoryUsedBytes), Some(3_221_225_472.0));
    assert_eq!(value(Figure::GpuMemoryTotalBytes), Some(8_589_934_592.0));
    assert_eq!(value(Figure::GpuPowerWatts), Some(123.456));
    assert_eq!(value(Figure::GpuTemperatureCelsius), Some(71.0));
    assert_eq!(value(Figure::GpuMemoryBusyPercent), None);
    assert!(read.troubles.is_empty());
    let facts = machine.driver().expect("a card").devices().remove(0);
    assert_eq!((facts.pci.as_deref(), facts.uuid.as_deref()), (Some(PCI), Some("4d2f1c")));
    assert_eq!((facts.memory_bytes, facts.name), (Some(8_589_934_592), None));
}

#[test]
fn a_file_that_is_missing_or_odd_costs_its_own_figure() {
    let machine = Machine::new();
    machine.card(
        0,
        &[
            ("uevent", "DRIVER=amdgpu\n"),
            ("gpu_busy_percent", "garbage\n"),
            ("mem_info_vram_used", "1024\n"),
            ("hwmon/hwmon0/power1_input", "5000000\n"),
        ],
    );
    let figures = machine.read().figures.remove(0).1;
    let found: Vec<(Figure, f64)> = figures.iter().collect();
    assert_eq!(found, [(Figure::GpuMemoryUsedBytes, 1024.0), (Figure::GpuPowerWatts, 5.0)]);
}

#[test]
fn a_card_that_answers_nothing_is_a_gap_and_leaves_the_other_one() {
    let machine = Machine::new();
    machine.card(0, &[("uevent", "DRIVER=amdgpu\n")]);
    machine.card(1, WHOLE);
    let read = machine.read();
    assert_eq!(read.troubles.len(), 1);
    assert_eq!(read.troubles[0].0, "gpu2");
    assert_eq!(read.figures[1].1.get(Figure::GpuPercent), Some(87.0));
}

#[test]
fn other_vendors_cards_and_machines_without_any_are_no_card() {
    let machine = Machine::new();
    assert!(machine.driver().err().expect("none").contains("no card of amdgpu"));
    machine.card(0, &[("uevent", "DRIVER=i915\n"), ("gpu_busy_percent", "5\n")]);
    assert!(machine.driver().is_err());
}

#[test]
fn processes_of_the_stack_are_found_by_their_open_cards() {
    let machine = Machine::new();
    machine.card(0, WHOLE);
    let group = format!("/system.slice/docker-{ID}.scope");
    machine.process(100, &group, &[(1, "1024 KiB"), (2, "1024 KiB")]);
    // A child has inherited the second opening and has one of its own.
    machine.process(101, &group, &[(2, "1024 KiB"), (3, "4 MiB")]);
    machine.process(200, "/user.slice", &[(9, "512 MiB")]);
    let read = machine.read();
    let processes = read.processes[0].processes.clone().expect("they can be read");
    let sum: u64 = processes.iter().filter_map(|p| p.memory).sum();
    assert_eq!(sum, 6 << 20);
    assert!(processes.iter().all(|p| p.pid != 200), "{processes:?}");
}
