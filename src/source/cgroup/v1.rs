//! Control groups version 1: which files are read, and what each says.
//!
//! `memory.stat` is read by its `total_*` keys, which count the whole subtree, as the other files
//! do (Documentation/admin-guide/cgroup-v1/memory.rst).

use memchr::memmem;

use super::{FileSpec, Pace};
use crate::model::{Figure, FigureSet};
use crate::source::kernel_text::{
    NO_LIMIT_BYTES, entries, keyed, number, shmem_from_lists, value_of,
};

/// The files of version 1, CPU first: its figures are the ones that need an exact time.
pub const FILES: &[FileSpec] = &[
    FileSpec::new("cpuacct", "cpuacct.usage", cpu_usage),
    FileSpec::new("cpu", "cpu.stat", cpu_stat).paced(Pace::Quota),
    FileSpec::new("memory", "memory.usage_in_bytes", memory_usage),
    FileSpec::new("memory", "memory.stat", memory_stat).paced(Pace::Awake),
    FileSpec::new("memory", "memory.limit_in_bytes", memory_limit).paced(Pace::Setting),
    FileSpec::new("memory", "memory.max_usage_in_bytes", memory_peak).paced(Pace::Background),
    FileSpec::new("memory", "memory.kmem.usage_in_bytes", kernel_memory).paced(Pace::Background),
    FileSpec::new("memory", "memory.oom_control", oom_control).paced(Pace::Kills),
    FileSpec::new("blkio", "blkio.throttle.io_service_bytes_recursive", io_bytes)
        .paced(Pace::Background),
    FileSpec::new("blkio", "blkio.throttle.io_serviced_recursive", io_operations)
        .paced(Pace::Background),
    FileSpec::new("pids", "pids.current", pids).paced(Pace::Background),
    FileSpec::new("pids", "pids.max", pids_limit).paced(Pace::Setting),
    FileSpec::new("cpu", "cpu.cfs_period_us", cpu_period).paced(Pace::Setting),
    FileSpec::new("cpu", "cpu.cfs_quota_us", cpu_quota).paced(Pace::Setting),
];

fn cpu_usage(text: &str, figures: &mut FigureSet) {
    figures.set_some(Figure::CpuUsageNs, number(text));
}

fn cpu_stat(text: &str, figures: &mut FigureSet) {
    for (key, value) in keyed(text) {
        match key {
            "nr_periods" => figures.set(Figure::CpuPeriods, value),
            "nr_throttled" => figures.set(Figure::CpuThrottledPeriods, value),
            "throttled_time" => figures.set(Figure::CpuThrottledNs, value),
            _ => {}
        }
    }
}

fn memory_usage(text: &str, figures: &mut FigureSet) {
    figures.set_some(Figure::MemoryUsageBytes, number(text));
}

fn memory_limit(text: &str, figures: &mut FigureSet) {
    let limit = number(text).filter(|limit| *limit < NO_LIMIT_BYTES);
    figures.set_some(Figure::MemoryLimitBytes, limit);
}

fn memory_peak(text: &str, figures: &mut FigureSet) {
    figures.set_some(Figure::MemoryPeakBytes, number(text));
}

fn kernel_memory(text: &str, figures: &mut FigureSet) {
    figures.set_some(Figure::KernelBytes, number(text));
}

fn memory_stat(text: &str, figures: &mut FigureSet) {
    // The longest file, nearly always read: only the lines that count are looked at, and they come
    // last.
    let before = if text.starts_with("total_") {
        Some(0)
    } else {
        memmem::find(text.as_bytes(), b"\ntotal_").map(|newline| newline + 1)
    };
    let totals = before.and_then(|at| text.get(at..)).unwrap_or_default();
    for (key, value) in entries(totals) {
        let Some(key) = key.strip_prefix("total_") else {
            continue;
        };
        let figure = match key {
            "rss" => Figure::AnonBytes,
            "shmem" => Figure::ShmemBytes,
            "cache" => Figure::CacheBytes,
            "active_file" => Figure::ActiveFileBytes,
            "inactive_file" => Figure::InactiveFileBytes,
            "mapped_file" => Figure::MappedFileBytes,
            "swap" => Figure::SwapBytes,
            "pgmajfault" => Figure::MajorFaults,
            _ => continue,
        };
        figures.set_some(figure, number(value));
    }
    if figures.get(Figure::ShmemBytes).is_none() {
        figures.set_some(Figure::ShmemBytes, shmem_from_lists(figures));
    }
}

fn oom_control(text: &str, figures: &mut FigureSet) {
    figures.set_some(Figure::OomKills, value_of(text, "oom_kill"));
}

fn io_bytes(text: &str, figures: &mut FigureSet) {
    let (read, write) = io_totals(text);
    figures.set_some(Figure::IoReadBytes, read);
    figures.set_some(Figure::IoWriteBytes, write);
}

fn io_operations(text: &str, figures: &mut FigureSet) {
    let (read, write) = io_totals(text);
    figures.set_some(Figure::IoReadOps, read);
    figures.set_some(Figure::IoWriteOps, write);
}

/// Sums `8:0 Read 4096` lines over all devices.
///
/// Where everything is zero nothing is said: recent kernels leave these totals at zero for a group
/// without a throttle rule, whatever it reads and writes.
fn io_totals(text: &str) -> (Option<f64>, Option<f64>) {
    let (mut read, mut write) = (0.0, 0.0);
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace().skip(1);
        let (Some(operation), Some(value)) = (words.next(), words.next().and_then(number)) else {
            continue;
        };
        match operation {
            "Read" => read += value,
            "Write" => write += value,
            _ => {}
        }
    }
    if read == 0.0 && write == 0.0 {
        return (None, None);
    }
    (Some(read), Some(write))
}

fn pids(text: &str, figures: &mut FigureSet) {
    figures.set_some(Figure::Pids, number(text));
}

/// `max` is no number, so that no limit is no figure.
fn pids_limit(text: &str, figures: &mut FigureSet) {
    figures.set_some(Figure::PidsLimit, number(text));
}

/// The period stands, negative, where the limit is to be, until the quota is read after it;
/// [`super::complete`] takes out one that was left alone.
fn cpu_period(text: &str, figures: &mut FigureSet) {
    let period = number(text).filter(|us| *us > 0.0);
    figures.set_some(Figure::CpuLimitCores, period.map(|us| -us));
}

/// No limit is -1, which is no number here.
fn cpu_quota(text: &str, figures: &mut FigureSet) {
    let period = figures.remove(Figure::CpuLimitCores);
    let cores = number(text).zip(period).map(|(quota, period)| quota / -period);
    figures.set_some(Figure::CpuLimitCores, cores);
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
    fn the_sentinel_of_any_page_size_means_no_limit() {
        for sentinel in ["9223372036854771712\n", "9223372036854710272\n"] {
            assert!(read(memory_limit, sentinel).is_empty(), "{sentinel}");
        }
        let limited = read(memory_limit, "134217728\n");
        assert_eq!(limited.get(Figure::MemoryLimitBytes), Some(134_217_728.0));
    }

    #[test]
    fn memory_stat_counts_the_whole_subtree() {
        let figures = read(
            memory_stat,
            "rss 1\ncache 2\nshmem 1\ntotal_rss 10\ntotal_cache 20\ntotal_shmem 5\ntotal_swap 0\n",
        );
        assert_eq!(figures.get(Figure::AnonBytes), Some(10.0));
        assert_eq!(figures.get(Figure::ShmemBytes), Some(5.0));
        assert_eq!(figures.get(Figure::SwapBytes), Some(0.0));
    }

    #[test]
    fn a_memory_stat_without_totals_says_nothing() {
        assert!(read(memory_stat, "rss 1\ncache 2\nsubtotal_rss 4\n").is_empty());
        assert!(read(memory_stat, "").is_empty());
    }

    #[test]
    fn without_a_key_of_its_own_shared_memory_is_the_cache_on_neither_file_list() {
        let figures =
            read(memory_stat, "total_cache 100\ntotal_active_file 30\ntotal_inactive_file 50\n");
        assert_eq!(figures.get(Figure::ShmemBytes), Some(20.0));
        assert!(read(memory_stat, "total_cache 100\n").get(Figure::ShmemBytes).is_none());
    }

    #[test]
    fn block_io_that_says_nothing_but_zero_is_absent() {
        assert!(read(io_bytes, "Total 0\n").is_empty());
        assert!(read(io_bytes, "8:0 Read 0\n8:0 Write 0\nTotal 0\n").is_empty());
        let figures = read(
            io_bytes,
            "8:0 Read 4096\n8:0 Write 0\n8:0 Sync 4096\n8:0 Total 4096\n8:16 Read 4\n8:16 Write 6\nTotal 4106\n",
        );
        assert_eq!(figures.get(Figure::IoReadBytes), Some(4100.0));
        assert_eq!(figures.get(Figure::IoWriteBytes), Some(6.0));
    }

    #[test]
    fn a_kernel_that_does_not_count_kills_leaves_them_absent() {
        assert!(read(oom_control, "oom_kill_disable 0\nunder_oom 1\n").is_empty());
        let counted = read(oom_control, "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
        assert_eq!(counted.get(Figure::OomKills), Some(3.0));
    }
}
