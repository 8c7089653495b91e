//! Which container has how much of a GPU, from what the driver says of processes.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Figure, FigureSet};

/// What one process has of one device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProcessUse {
    /// Its pid.
    pub pid: u32,
    /// Memory, bytes; absent where the driver does not say it.
    pub memory: Option<u64>,
    /// Share of time with work on the multiprocessors, percent.
    pub sm_percent: Option<f64>,
}

/// The processes of one device; none where the driver does not list them.
#[derive(Debug, Clone, PartialEq)]
pub struct OnDevice {
    /// Key of the device.
    pub device: String,
    /// Its processes.
    pub processes: Option<Vec<ProcessUse>>,
}

/// Whose process it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// This container's.
    Container(String),
    /// Somebody else's.
    Foreign,
    /// Not to be told.
    Unknown,
}

/// Who has what.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Shares {
    /// Memory held by containers, by device; absent where not all of it is known.
    pub devices: BTreeMap<String, f64>,
    /// Figures by container.
    pub containers: BTreeMap<String, FigureSet>,
}

#[derive(Default)]
struct Sum {
    memory: f64,
    memory_unknown: bool,
    sm: Option<f64>,
}

/// Adds up what processes have. `seen` are containers that had memory before in this run: such a
/// one that has none now has 0, where every process of every device is known; it keeps those of
/// this round.
pub fn shares(
    all: &[OnDevice],
    seen: &mut BTreeSet<String>,
    mut whose: impl FnMut(u32) -> Whose,
) -> Shares {
    let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
    let mut shares = Shares::default();
    let mut complete = !all.is_empty();
    for device in all {
        let Some(processes) = &device.processes else {
            complete = false;
            continue;
        };
        let mut held = Some(0.0);
        for process in by_pid(processes).values() {
            match whose(process.pid) {
                Whose::Foreign => {}
                Whose::Unknown => {
                    complete = false;
                    held = None;
                }
                Whose::Container(name) => {
                    let sum = sums.entry(name).or_default();
                    let memory = process.memory.map(|bytes| bytes as f64);
                    held = held.zip(memory).map(|(held, more)| held + more);
                    sum.memory += memory.unwrap_or(0.0);
                    sum.memory_unknown |= memory.is_none();
                    if let Some(percent) = process.sm_percent {
                        sum.sm = Some(sum.sm.unwrap_or(0.0) + percent);
                    }
                }
            }
        }
        shares.devices.extend(held.map(|held| (device.device.clone(), held)));
    }
    let none_now: Vec<String> =
        seen.iter().filter(|name| complete && !sums.contains_key(*name)).cloned().collect();
    for (name, sum) in sums {
        let mut figures = FigureSet::new();
        // A part of it would read as all of it.
        figures.set_some(
            Figure::GpuMemoryBytes,
            (!sum.memory_unknown && lists_all(all)).then_some(sum.memory),
        );
        figures.set_some(Figure::GpuSmPercent, sum.sm);
        seen.insert(name.clone());
        if !figures.is_empty() {
            shares.containers.insert(name, figures);
        }
    }
    for name in none_now {
        let none = [(Figure::GpuMemoryBytes, 0.0)].into_iter().collect();
        shares.containers.insert(name, none);
    }
    shares
}

fn lists_all(all: &[OnDevice]) -> bool {
    all.iter().all(|device| device.processes.is_some())
}

/// A process that computes and draws is in both lists, each time with all of its memory.
fn by_pid(processes: &[ProcessUse]) -> BTreeMap<u32, ProcessUse> {
    let mut by_pid: BTreeMap<u32, ProcessUse> = BTreeMap::new();
    for process in processes {
        let known = by_pid.entry(process.pid).or_insert(*process);
        known.memory = known.memory.max(process.memory);
        known.sm_percent = known.sm_percent.or(process.sm_percent);
    }
    by_pid
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(pid: u32, memory: Option<u64>) -> ProcessUse {
        ProcessUse { pid, memory, sm_percent: None }
    }

    fn on(device: &str, processes: &[ProcessUse]) -> OnDevice {
        OnDevice { device: device.into(), processes: Some(processes.to_vec()) }
    }

    /// 1 and 2 are those of `web`, 3 of `db`, 9 nobody's, all others foreign.
    fn whose(pid: u32) -> Whose {
        match pid {
            1 | 2 => Whose::Container("web".into()),
            3 => Whose::Container("db".into()),
            9 => Whose::Unknown,
            _ => Whose::Foreign,
        }
    }

    fn of(all: &[OnDevice]) -> Shares {
        shares(all, &mut BTreeSet::new(), whose)
    }

    fn memory(shares: &Shares, name: &str) -> Option<f64> {
        shares.containers.get(name)?.get(Figure::GpuMemoryBytes)
    }

    #[test]
    fn a_container_has_what_its_processes_have_on_all_devices() {
        let all = [
            on("gpu0", &[used(1, Some(10)), used(2, Some(5)), used(7, Some(100))]),
            on("gpu1", &[used(1, Some(1)), used(3, Some(2))]),
        ];
        let shares = of(&all);
        assert_eq!((memory(&shares, "web"), memory(&shares, "db")), (Some(16.0), Some(2.0)));
        assert_eq!(shares.devices, [("gpu0".into(), 15.0), ("gpu1".into(), 3.0)].into());
    }

    #[test]
    fn a_process_in_both_lists_counts_once() {
        let shares = of(&[on("gpu0", &[used(1, Some(10)), used(1, Some(10))])]);
        assert_eq!(memory(&shares, "web"), Some(10.0));
    }

    #[test]
    fn what_is_known_in_part_is_absent() {
        let shares = of(&[on("gpu0", &[used(1, Some(10)), used(2, None), used(3, Some(1))])]);
        assert_eq!((memory(&shares, "web"), memory(&shares, "db")), (None, Some(1.0)));
        assert_eq!(shares.devices.get("gpu0"), None);
        let unlisted = OnDevice { device: "gpu1".into(), processes: None };
        let shares = of(&[on("gpu0", &[used(1, Some(10))]), unlisted]);
        assert_eq!(memory(&shares, "web"), None);
        assert_eq!(shares.devices, [("gpu0".into(), 10.0)].into());
    }

    #[test]
    fn a_pid_of_nobody_leaves_the_known_ones_and_takes_the_device_s_sum() {
        let shares = of(&[on("gpu0", &[used(1, Some(10)), used(9, Some(5))])]);
        assert_eq!(memory(&shares, "web"), Some(10.0));
        assert_eq!(shares.devices.get("gpu0"), None);
    }

    #[test]
    fn who_gave_all_of_it_back_has_none_and_who_never_had_any_has_no_figure() {
        let mut seen = BTreeSet::new();
        shares(&[on("gpu0", &[used(1, Some(10))])], &mut seen, whose);
        let after = shares(&[on("gpu0", &[])], &mut seen, whose);
        assert_eq!((memory(&after, "web"), memory(&after, "db")), (Some(0.0), None));
        assert_eq!(after.devices, [("gpu0".into(), 0.0)].into());
        // A pid that cannot be told may be its own.
        let unclear = shares(&[on("gpu0", &[used(9, Some(1))])], &mut seen, whose);
        assert_eq!(memory(&unclear, "web"), None);
    }

    #[test]
    fn work_on_several_gpus_adds_up() {
        let busy = |pid| ProcessUse { pid, memory: Some(1), sm_percent: Some(60.0) };
        let shares = of(&[on("gpu0", &[busy(1)]), on("gpu1", &[busy(2), busy(3)])]);
        assert_eq!(shares.containers["web"].get(Figure::GpuSmPercent), Some(120.0));
        assert_eq!(shares.containers["db"].get(Figure::GpuSmPercent), Some(60.0));
    }
}
