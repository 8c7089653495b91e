//! Control groups version 2: which files are read, and what each says
//! (Documentation/admin-guide/cgroup-v2.rst).

use super::{FileSpec, Pace};
use crate::model::{Figure, FigureSet};
use crate::source::kernel_text::{keyed, number, pressure, value_of};

/// The files of version 2, CPU first. Each names the version 1 controller that has its figures on
/// a hybrid host; the pressure files have none and are always read here.
pub const FILES: &[FileSpec] = &[
    FileSpec::new("cpuacct", "cpu.stat", cpu_stat),
    FileSpec::new("memory", "memory.current", memory_current),
    FileSpec::new("memory", "memory.stat", memory_stat).paced(Pace::Awake),
    FileSpec::new("memory", "memory.max", memory_max).paced(Pace::Setting),
    FileSpec::new("memory", "memory.peak", memory_peak).paced(Pace::Background),
    FileSpec::new("memory", "memory.swap.current", swap_current).paced(Pace::Awake),
    FileSpec::new("memory", "memory.swap.max", swap_max).paced(Pace::Setting),
    FileSpec::new("memory", "memory.events", memory_events).paced(Pace::Kills),
    FileSpec::new("blkio", "io.stat", io_stat).paced(Pace::Background),
    FileSpec::new("pids", "pids.current", pids).paced(Pace::Background),
    FileSpec::new("pids", "pids.max", pids_limit).paced(Pace::Setting),
    FileSpec::new("cpuacct", "cpu.max", cpu_max).paced(Pace::Setting),
    FileSpec::new("", "cpu.pressure", cpu_pressure).paced(Pace::Background),
    FileSpec::new("", "memory.pressure", memory_pressure).paced(Pace::Background),
    FileSpec::new("", "io.pressure", io_pressure).paced(Pace::Background),
];

const NS_PER_US: f64 = 1000.0;

fn cpu_stat(text: &str, figures: &mut FigureSet) {
    for (key, value) in keyed(text) {
        match key {
            "usage_usec" => figures.set(Figure::CpuUsageNs, value * NS_PER_US),
            "nr_periods" => figures.set(Figure::CpuPeriods, value),
            "nr_throttled" => figures.set(Figure::CpuThrottledPeriods, value),
            "throttled_usec" => figures.set(Figure::CpuThrottledNs, value * NS_PER_US),
            _ => {}
        }
    }
}

fn memory_current(text: &str, figures: &mut FigureSet) {
    figures.set_some(Figure::MemoryUsageBytes, number(text));
}

/// `max` is no number, so that no limit is no figure.
fn memory_max(text: &str, figures: &mut FigureSet) {
    figures.set_some(Figure::MemoryLimitBytes, number(text));
}

fn memory_peak(text: &str, figures: &mut FigureSet) {
    figures.set_some(Figure::MemoryPeakBytes, number(text));
}

fn swap_current(text: &str, figures: &mut FigureSet) {
    figures.set_some(Figure::SwapBytes, number(text));
}

fn memory_stat(text: &str, figures: &mut FigureSet) {
    let mut kernel_parts = None;
    for (key, value) in keyed(text) {
        let figure = match key {
            "anon" => Figure::AnonBytes,
            "file" => Figure::CacheBytes,
            "shmem" => Figure::ShmemBytes,
            "active_file" => Figure::ActiveFileBytes,
            "inactive_file" => Figure::InactiveFileBytes,
            "file_mapped" => Figure::MappedFileBytes,
            "kernel" => Figure::KernelBytes,
            "slab_reclaimable" => Figure::SlabReclaimableBytes,
            "sock" => Figure::SockBytes,
            "pgmajfault" => Figure::MajorFaults,
            "kernel_stack" | "pagetables" | "percpu" | "slab" => {
                *kernel_parts.get_or_insert(0.0) += value;
                continue;
            }
            _ => continue,
        };
        figures.set(figure, value);
    }
    // Kernels before 5.18 show only the parts of kernel memory; these are nearly all of it.
    if figures.get(Figure::KernelBytes).is_none() {
        figures.set_some(Figure::KernelBytes, kernel_parts);
    }
}

fn swap_max(text: &str, figures: &mut FigureSet) {
    figures.set_some(Figure::SwapLimitBytes, number(text));
}

fn memory_events(text: &str, figures: &mut FigureSet) {
    for (key, times) in keyed(text) {
        match key {
            "max" => figures.set(Figure::MemoryLimitHits, times),
            "oom_kill" => figures.set(Figure::OomKills, times),
            _ => {}
        }
    }
}

/// `50000 100000`: quota and period; `max 100000` is no limit.
fn cpu_max(text: &str, figures: &mut FigureSet) {
    let mut words = text.split_ascii_whitespace().map(number);
    let quota = words.next().flatten();
    let period = words.next().flatten().filter(|us| *us > 0.0);
    figures
        .set_some(Figure::CpuLimitCores, quota.zip(period).map(|(quota, period)| quota / period));
}

/// OOM kills in a group and all below it, removed ones included (`memory.events` of a parent).
#[must_use]
pub fn kills_below(text: &str) -> Option<f64> {
    value_of(text, "oom_kill")
}

/// Sums `8:0 rbytes=1 wbytes=2 rios=3 wios=4 ...` over all devices. An empty file is a true zero:
/// where the IO controller is off there is no file.
fn io_stat(text: &str, figures: &mut FigureSet) {
    let mut totals = [
        ("rbytes", Figure::IoReadBytes, 0.0),
        ("wbytes", Figure::IoWriteBytes, 0.0),
        ("rios", Figure::IoReadOps, 0.0),
        ("wios", Figure::IoWriteOps, 0.0),
    ];
    let pairs = text.split_ascii_whitespace().filter_map(|word| word.split_once('='));
    for (key, value) in pairs {
        for (name, _, total) in &mut totals {
            if key == *name {
                *total += number(value).unwrap_or(0.0);
            }
        }
    }
    for (_, figure, total) in totals {
        figures.set(figure, total);
    }
}

fn pids(text: &str, figures: &mut FigureSet) {
    figures.set_some(Figure::Pids, number(text));
}

fn pids_limit(text: &str, figures: &mut FigureSet) {
    figures.set_some(Figure::PidsLimit, number(text));
}

fn cpu_pressure(text: &str, figures: &mut FigureSet) {
    figures.set_some(Figure::PsiCpuSomeUs, pressure(text).some_us);
}

fn memory_pressure(text: &str, figures: &mut FigureSet) {
    let stalled = pressure(text);
    figures.set_some(Figure::PsiMemorySomeUs, stalled.some_us);
    figures.set_some(Figure::PsiMemoryFullUs, stalled.full_us);
}

fn io_pressure(text: &str, figures: &mut FigureSet) {
    let stalled = pressure(text);
    figures.set_some(Figure::PsiIoSomeUs, stalled.some_us);
    figures.set_some(Figure::PsiIoFullUs, stalled.full_us);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(parse: fn(&str, &mut FigureSet), text: &str) -> FigureSet {
        let mut figures = FigureSet::new();
        parse(text, &mut figures);
        figures
    }

    #[test]
    fn the_word_max_means_no_limit() {
        assert!(read(memory_max, "max\n").is_empty());
        let limited = read(memory_max, "1048576\n");
        assert_eq!(limited.get(Figure::MemoryLimitBytes), Some(1_048_576.0));
    }

    #[test]
    fn microseconds_become_nanoseconds() {
        let figures =
            read(cpu_stat, "usage_usec 5\nnr_periods 3\nnr_throttled 2\nthrottled_usec 7\n");
        assert_eq!(figures.get(Figure::CpuUsageNs), Some(5000.0));
        assert_eq!(figures.get(Figure::CpuThrottledNs), Some(7000.0));
        assert_eq!(figures.get(Figure::CpuPeriods), Some(3.0));
    }

    #[test]
    fn kernel_memory_is_the_kernels_own_sum_else_that_of_its_parts() {
        let with = read(memory_stat, "kernel 100\nkernel_stack 1\npagetables 2\nslab 4\n");
        assert_eq!(with.get(Figure::KernelBytes), Some(100.0));
        let without = read(memory_stat, "kernel_stack 1\npagetables 2\npercpu 8\nslab 4\n");
        assert_eq!(without.get(Figure::KernelBytes), Some(15.0));
        assert_eq!(read(memory_stat, "anon 1\n").get(Figure::KernelBytes), None);
    }

    #[test]
    fn block_io_is_summed_over_devices_and_an_empty_file_is_a_true_zero() {
        let figures = read(
            io_stat,
            "8:0 rbytes=10 wbytes=1 rios=2 wios=1 dbytes=9 dios=9\n8:16\n254:0 rbytes=5 wbytes=0 rios=1 wios=0\n",
        );
        assert_eq!(figures.get(Figure::IoReadBytes), Some(15.0));
        assert_eq!(figures.get(Figure::IoReadOps), Some(3.0));
        assert_eq!(read(io_stat, "").get(Figure::IoWriteBytes), Some(0.0));
    }
}
