//! One frame of `GET /containers/ID/stats` as figures.
//!
//! The structs (`wire.rs`) are ours, not a client library's: every field is optional, because cgroup
//! versions and engines differ in what they send, and only what is a figure is read.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike};

use super::wire::{BlkioEntry, BlkioStats, CpuStats, MemoryDetail, MemoryStats, Network, Wire};
use crate::model::{Figure, FigureSet};
use crate::source::kernel_text::{NO_LIMIT_BYTES, shmem_from_lists};

/// More tasks than any kernel has: the engine's word for "no limit" in the wrong place.
const TOO_MANY_TASKS: f64 = u32::MAX as f64;

/// What one frame says.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// When the figures were true, Unix seconds of the engine's clock.
    pub read: f64,
    /// The figures: gauges and counters as the engine read them.
    pub figures: FigureSet,
}

/// Why a frame has no figures.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FrameError {
    /// The engine's answer for a container that does not run.
    #[error("the engine sent an empty frame (the container does not run)")]
    NotRunning,
    /// A frame without the time at which it was true: its counters are of no use.
    #[error("the engine sent a frame without a time")]
    NoTime,
    /// No JSON, or not that of the stats call.
    #[error("the engine's frame cannot be understood: {0}")]
    Malformed(String),
    /// The engine's own error instead of a frame.
    #[error("the engine says: {0}")]
    Engine(String),
}

/// Reads one frame. `host_memory` is the machine's memory in bytes: where no limit is set, the
/// engine sends it as the limit. While it is unknown, no limit is given at all.
///
/// # Errors
/// When the frame is empty, has no time, or is not a frame.
pub fn parse_frame(text: &[u8], host_memory: Option<f64>) -> Result<Frame, FrameError> {
    let wire: Wire =
        serde_json::from_slice(text).map_err(|e| FrameError::Malformed(e.to_string()))?;
    if let (None, Some(message)) = (&wire.read, wire.message) {
        return Err(FrameError::Engine(message));
    }
    let read = unix_seconds(wire.read.as_deref())?;
    let memory = wire.memory_stats.unwrap_or_default();
    let cpu = wire.cpu_stats.unwrap_or_default();
    let mut figures = FigureSet::new();
    cpu_figures(&cpu, &mut figures);
    memory_figures(&memory, host_memory, &mut figures);
    if figures.get(Figure::CpuUsageNs).is_none() && memory.usage.0.is_none() {
        return Err(FrameError::NotRunning);
    }
    io_figures(&wire.blkio_stats.unwrap_or_default(), &mut figures);
    network_figures(&wire.networks.unwrap_or_default(), &mut figures);
    let pids = wire.pids_stats.and_then(|p| p.current.0);
    figures.set_some(Figure::Pids, pids.filter(|tasks| *tasks < TOO_MANY_TASKS));
    Ok(Frame { read, figures })
}

/// A frame of a container that does not run carries the year 1.
fn unix_seconds(read: Option<&str>) -> Result<f64, FrameError> {
    let read = read.ok_or(FrameError::NoTime)?;
    let time = DateTime::parse_from_rfc3339(read).map_err(|_| FrameError::NoTime)?;
    if time.year() <= 1 {
        return Err(FrameError::NotRunning);
    }
    Ok(time.timestamp() as f64 + f64::from(time.timestamp_subsec_nanos()) * 1e-9)
}

fn cpu_figures(cpu: &CpuStats, figures: &mut FigureSet) {
    let total = cpu.cpu_usage.as_ref().and_then(|u| u.total_usage.0);
    // A process that runs has used CPU: zero is the engine's word for "not read".
    figures.set_some(Figure::CpuUsageNs, total.filter(|ns| *ns > 0.0));
    let Some(throttling) = &cpu.throttling_data else {
        return;
    };
    if total.is_some_and(|ns| ns > 0.0) {
        figures.set_some(Figure::CpuPeriods, throttling.periods.0);
        figures.set_some(Figure::CpuThrottledPeriods, throttling.throttled_periods.0);
        figures.set_some(Figure::CpuThrottledNs, throttling.throttled_time.0);
    }
}

fn memory_figures(memory: &MemoryStats, host_memory: Option<f64>, figures: &mut FigureSet) {
    let Some(usage) = memory.usage.0 else {
        return;
    };
    figures.set(Figure::MemoryUsageBytes, usage);
    figures.set_some(Figure::MemoryPeakBytes, memory.max_usage.0);
    let limit = memory
        .limit
        .0
        .filter(|limit| *limit > 0.0 && *limit < NO_LIMIT_BYTES)
        .filter(|limit| host_memory.is_some_and(|host| *limit < host));
    figures.set_some(Figure::MemoryLimitBytes, limit);
    let Some(stats) = &memory.stats else {
        return;
    };
    let inactive_file = if stats.total_inactive_file.0.is_some() {
        cgroup_v1_figures(stats, figures);
        stats.total_inactive_file.0
    } else {
        cgroup_v2_figures(stats, figures);
        stats.inactive_file.0
    };
    // As `docker stats` does it: taken off only when it is smaller than usage.
    let working_set = inactive_file.map(|file| if file < usage { usage - file } else { usage });
    figures.set_some(Figure::MemoryWorkingSetBytes, working_set);
}

/// The `total_` keys hold the whole subtree, as usage does.
fn cgroup_v1_figures(stats: &MemoryDetail, figures: &mut FigureSet) {
    figures.set_some(Figure::AnonBytes, stats.total_rss.0);
    figures.set_some(Figure::CacheBytes, stats.total_cache.0);
    figures.set_some(Figure::ActiveFileBytes, stats.total_active_file.0);
    figures.set_some(Figure::InactiveFileBytes, stats.total_inactive_file.0);
    figures.set_some(Figure::MappedFileBytes, stats.total_mapped_file.0);
    figures.set_some(Figure::SwapBytes, stats.total_swap.0);
    // v1 has no shmem key in this answer; the cache that is on neither file list is shared memory.
    figures.set_some(Figure::ShmemBytes, shmem_from_lists(figures));
}

fn cgroup_v2_figures(stats: &MemoryDetail, figures: &mut FigureSet) {
    figures.set_some(Figure::AnonBytes, stats.anon.0);
    figures.set_some(Figure::CacheBytes, stats.file.0);
    figures.set_some(Figure::ActiveFileBytes, stats.active_file.0);
    figures.set_some(Figure::InactiveFileBytes, stats.inactive_file.0);
    figures.set_some(Figure::MappedFileBytes, stats.file_mapped.0);
    figures.set_some(Figure::ShmemBytes, stats.shmem.0);
    figures.set_some(Figure::SlabReclaimableBytes, stats.slab_reclaimable.0);
    figures.set_some(Figure::SockBytes, stats.sock.0);
    figures.set_some(Figure::KernelBytes, kernel_bytes(stats));
}

/// `kernel` where the engine passes it on; else the parts of it that it does pass on. Engines up
/// to 29 send stacks and slab only, which leaves out page tables (some 100 KB a process).
fn kernel_bytes(stats: &MemoryDetail) -> Option<f64> {
    stats.kernel.0.or_else(|| {
        let parts = [stats.kernel_stack.0, stats.pagetables.0, stats.percpu.0, stats.slab.0];
        stats.slab.0?;
        Some(parts.into_iter().flatten().sum())
    })
}

fn io_figures(blkio: &BlkioStats, figures: &mut FigureSet) {
    let bytes = blkio.io_service_bytes_recursive.as_deref().unwrap_or_default();
    figures.set_some(Figure::IoReadBytes, sum_of_op(bytes, "read"));
    figures.set_some(Figure::IoWriteBytes, sum_of_op(bytes, "write"));
    let ops = blkio.io_serviced_recursive.as_deref().unwrap_or_default();
    figures.set_some(Figure::IoReadOps, sum_of_op(ops, "read"));
    figures.set_some(Figure::IoWriteOps, sum_of_op(ops, "write"));
}

/// Sum over devices; the case of the operation differs between cgroup versions.
fn sum_of_op(entries: &[BlkioEntry], op: &str) -> Option<f64> {
    entries
        .iter()
        .filter(|e| e.op.as_deref().is_some_and(|o| o.eq_ignore_ascii_case(op)))
        .filter_map(|e| e.value.0)
        .fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
}

fn network_figures(networks: &BTreeMap<String, Network>, figures: &mut FigureSet) {
    let sum = |of: fn(&Network) -> Option<f64>| {
        networks
            .iter()
            .filter(|(name, _)| *name != "lo")
            .filter_map(|(_, network)| of(network))
            .fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
    };
    figures.set_some(Figure::NetRxBytes, sum(|n| n.rx_bytes.0));
    figures.set_some(Figure::NetTxBytes, sum(|n| n.tx_bytes.0));
    figures.set_some(Figure::NetErrors, sum(Network::errors));
}
