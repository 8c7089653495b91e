//! One of cAdvisor's samples as figures.
//!
//! A zero of cAdvisor need not be a measurement: switched-off metrics, PSI on cgroup v1 and kernel
//! memory on v2 are zeros too. What is never zero for a running container counts as absent at zero.

use super::parse::{Machine, unix_seconds};
use super::wire::{Cpu, DiskEntry, DiskIo, Interface, Memory, NetworkStats, Spec, Stats};
use crate::model::{Figure, FigureSet};
use crate::source::kernel_text::{NO_LIMIT_BYTES, shmem_from_lists};

/// Cores of a machine that did not tell.
const MOST_CORES: f64 = 4096.0;

/// All figures of one sample; `at` is its time, Unix seconds.
pub(super) fn of(spec: &Spec, stats: &Stats, machine: &Machine, at: f64) -> FigureSet {
    let mut figures = FigureSet::new();
    if let Some(cpu) = &stats.cpu {
        cpu_figures(cpu, most_cpu_ns(spec, machine, at), &mut figures);
    }
    if let Some(memory) = &stats.memory {
        memory_figures(memory, &mut figures);
    }
    if figures.is_empty() {
        return figures;
    }
    figures.set_some(Figure::MemoryLimitBytes, memory_limit(spec, machine));
    if let Some(disk) = &stats.diskio {
        disk_figures(disk, &mut figures);
    }
    // Without a network of its own v1.3 shows the donor's traffic, which belongs to the donor.
    if let (Some(network), true) = (&stats.network, spec.has_network != Some(false)) {
        network_figures(network, &mut figures);
    }
    psi_figures(stats, &mut figures);
    let threads = stats.processes.as_ref().and_then(|p| p.threads_current);
    figures.set_some(Figure::Pids, threads.filter(|n| *n > 0.0));
    // Zero is also what is sent when /dev/kmsg cannot be read.
    figures.set_some(Figure::OomKills, stats.oom_events.filter(|n| *n > 0.0));
    let quota = spec.cpu.as_ref().and_then(|cpu| cpu.cores());
    figures.set_some(Figure::CpuLimitCores, quota);
    possible(&figures, machine)
}

/// Leaves out what no machine can have counted: differences that were taken below zero, and memory
/// beyond the machine's.
fn possible(figures: &FigureSet, machine: &Machine) -> FigureSet {
    const WRAPPED: f64 = (1u64 << 63) as f64;
    let most = machine.memory_bytes.unwrap_or(WRAPPED);
    let fits = |(figure, value): &(Figure, f64)| match figure {
        Figure::MemoryUsageBytes
        | Figure::MemoryWorkingSetBytes
        | Figure::AnonBytes
        | Figure::CacheBytes
        | Figure::MappedFileBytes
        | Figure::ActiveFileBytes
        | Figure::InactiveFileBytes
        | Figure::ShmemBytes
        | Figure::KernelBytes => *value <= most,
        _ => *value < WRAPPED,
    };
    figures.iter().filter(fits).collect()
}

/// The most CPU time all cores can have given since the container was made, ns. Beyond it a
/// counter is broken (spikes of 1e9 CPU seconds are on record).
fn most_cpu_ns(spec: &Spec, machine: &Machine, at: f64) -> f64 {
    let created = spec.creation_time.as_deref().and_then(unix_seconds);
    let cores = machine.cores.unwrap_or(MOST_CORES);
    // Two seconds on top: creation is stamped after the first process ran.
    created.map_or(f64::MAX, |created| (at - created + 2.0).max(0.0) * cores * 1e9)
}

fn cpu_figures(cpu: &Cpu, most_ns: f64, figures: &mut FigureSet) {
    let total = cpu.usage.as_ref().and_then(|usage| usage.total);
    let Some(total) = total.filter(|ns| *ns > 0.0 && *ns <= most_ns) else {
        return;
    };
    figures.set(Figure::CpuUsageNs, total);
    if let Some(cfs) = &cpu.cfs {
        figures.set_some(Figure::CpuPeriods, cfs.periods);
        figures.set_some(Figure::CpuThrottledPeriods, cfs.throttled_periods);
        figures.set_some(Figure::CpuThrottledNs, cfs.throttled_time);
    }
}

fn memory_figures(memory: &Memory, figures: &mut FigureSet) {
    let Some(usage) = memory.usage.filter(|bytes| *bytes > 0.0) else {
        return;
    };
    figures.set(Figure::MemoryUsageBytes, usage);
    figures.set_some(Figure::MemoryWorkingSetBytes, memory.working_set);
    let peak = memory.max_usage.filter(|peak| *peak >= usage);
    figures.set_some(Figure::MemoryPeakBytes, peak);
    figures.set_some(Figure::AnonBytes, memory.rss);
    figures.set_some(Figure::CacheBytes, memory.cache);
    figures.set_some(Figure::SwapBytes, memory.swap);
    figures.set_some(Figure::MappedFileBytes, memory.mapped_file);
    figures.set_some(Figure::ActiveFileBytes, memory.total_active_file);
    figures.set_some(Figure::InactiveFileBytes, memory.total_inactive_file);
    let faults = memory.hierarchical_data.as_ref().and_then(|data| data.pgmajfault);
    figures.set_some(Figure::MajorFaults, faults);
    figures.set_some(Figure::KernelBytes, memory.kernel.filter(|b| *b > 0.0));
    // The page cache that is on neither file list is shared memory (from 0.50).
    figures.set_some(Figure::ShmemBytes, shmem_from_lists(figures));
}

/// The memory limit; a limit of the machine's size or beyond is none.
pub(super) fn memory_limit(spec: &Spec, machine: &Machine) -> Option<f64> {
    spec.memory
        .as_ref()
        .and_then(|memory| memory.limit)
        .filter(|limit| *limit > 0.0 && *limit < NO_LIMIT_BYTES)
        .filter(|limit| machine.memory_bytes.is_none_or(|all| *limit < all))
}

fn disk_figures(disk: &DiskIo, figures: &mut FigureSet) {
    let bytes = disk.io_service_bytes.as_deref().unwrap_or_default();
    figures.set_some(Figure::IoReadBytes, sum_of_op(bytes, "read"));
    figures.set_some(Figure::IoWriteBytes, sum_of_op(bytes, "write"));
    let ops = disk.io_serviced.as_deref().unwrap_or_default();
    figures.set_some(Figure::IoReadOps, sum_of_op(ops, "read"));
    figures.set_some(Figure::IoWriteOps, sum_of_op(ops, "write"));
}

fn sum_of_op(entries: &[DiskEntry], op: &str) -> Option<f64> {
    let values = entries
        .iter()
        .filter_map(|entry| entry.stats.as_ref())
        .flatten()
        .filter(|(name, _)| name.eq_ignore_ascii_case(op))
        .map(|(_, value)| *value);
    sum(values)
}

fn network_figures(network: &NetworkStats, figures: &mut FigureSet) {
    let interfaces = network.interfaces.as_deref().unwrap_or_default();
    let of = |value: fn(&Interface) -> Option<f64>| {
        let outward = interfaces.iter().filter(|i| i.name.as_deref() != Some("lo"));
        sum(outward.filter_map(value))
    };
    figures.set_some(Figure::NetRxBytes, of(|i| i.rx_bytes));
    figures.set_some(Figure::NetTxBytes, of(|i| i.tx_bytes));
    figures.set_some(Figure::NetErrors, of(errors));
}

fn errors(interface: &Interface) -> Option<f64> {
    let all =
        [interface.rx_errors, interface.tx_errors, interface.rx_dropped, interface.tx_dropped];
    sum(all.into_iter().flatten())
}

/// Totals of zero in every block mean that there is no PSI here (cgroup v1), not that nothing
/// ever waited.
fn psi_figures(stats: &Stats, figures: &mut FigureSet) {
    let cpu = stats.cpu.as_ref().and_then(|b| b.psi.as_ref());
    let memory = stats.memory.as_ref().and_then(|b| b.psi.as_ref());
    let io = stats.diskio.as_ref().and_then(|b| b.psi.as_ref());
    let totals = [
        (Figure::PsiCpuSomeUs, cpu.and_then(|p| p.some_us())),
        (Figure::PsiMemorySomeUs, memory.and_then(|p| p.some_us())),
        (Figure::PsiMemoryFullUs, memory.and_then(|p| p.full_us())),
        (Figure::PsiIoSomeUs, io.and_then(|p| p.some_us())),
        (Figure::PsiIoFullUs, io.and_then(|p| p.full_us())),
    ];
    if totals.iter().any(|(_, us)| us.is_some_and(|us| us > 0.0)) {
        for (figure, us) in totals {
            figures.set_some(figure, us);
        }
    }
}

/// The sum of what was measured; none when nothing was.
fn sum(values: impl Iterator<Item = f64>) -> Option<f64> {
    values.fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
}
