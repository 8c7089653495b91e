//! The table of figures: every number a sample can hold is one row here.
//!
//! Journal, results, thresholds, slopes and charts walk this table, so that a new figure is one new
//! row. A [`FigureSet`] is sparse: a figure that was not measured is absent, never zero.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How a figure behaves over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A value at a moment.
    Gauge,
    /// A total since the start of a container incarnation (or of the host), which only grows.
    Counter,
    /// Made from two readings of a counter by [`super::rates`], or given as such by an old file.
    Rate,
}

/// What a figure belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One container of the stack (or one process tree).
    Container,
    /// The machine the stack runs on.
    Host,
    /// One GPU (or one MIG instance of it).
    Device,
    /// The runner's own process.
    Runner,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The figure.
    pub figure: Figure,
    /// Its name in every file.
    pub name: &'static str,
    /// Its unit as people read it.
    pub unit: &'static str,
    /// Gauge, counter or rate.
    pub kind: Kind,
    /// What it belongs to.
    pub scope: Scope,
}

macro_rules! figures {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal, $unit:literal, $kind:ident, $scope:ident; )*) => {
        /// A figure: a row of [`TABLE`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Figure { $( $(#[$doc])* $variant, )* }

        /// Every figure there is, in the order of the enum.
        pub const TABLE: &[Row] = &[ $( Row {
            figure: Figure::$variant,
            name: $name,
            unit: $unit,
            kind: Kind::$kind,
            scope: Scope::$scope,
        }, )* ];
    };
}

figures! {
    // --- CPU of a container ---
    /// CPU time used by all tasks, nanoseconds.
    CpuUsageNs = "cpu_usage_ns", "ns", Counter, Container;
    /// Enforcement periods of the CPU quota that have passed.
    CpuPeriods = "cpu_periods", "periods", Counter, Container;
    /// Periods in which the container was throttled.
    CpuThrottledPeriods = "cpu_throttled_periods", "periods", Counter, Container;
    /// Time for which tasks were throttled, nanoseconds.
    CpuThrottledNs = "cpu_throttled_ns", "ns", Counter, Container;
    /// Cores that the quota allows; absent where there is none.
    CpuLimitCores = "cpu_limit_cores", "cores", Gauge, Container;
    /// CPU used, percent of one core; above 100 with several cores, never clamped.
    CpuPercent = "cpu_percent", "%", Rate, Container;
    /// Share of quota periods that were throttled, percent.
    CpuThrottledPercent = "cpu_throttled_percent", "%", Rate, Container;

    // --- memory of a container ---
    /// What the kernel charges to the container, page cache included.
    MemoryUsageBytes = "memory_usage_bytes", "bytes", Gauge, Container;
    /// Usage less inactive file pages, floored at 0: what counts against the limit before reclaim.
    MemoryWorkingSetBytes = "memory_working_set_bytes", "bytes", Gauge, Container;
    /// The memory limit; absent where there is none.
    MemoryLimitBytes = "memory_limit_bytes", "bytes", Gauge, Container;
    /// Times that usage met the limit and memory had to be reclaimed.
    MemoryLimitHits = "memory_limit_hits", "hits", Counter, Container;
    /// Page faults that had to read from a disk.
    MajorFaults = "major_faults", "faults", Counter, Container;
    /// Page faults that had to read from a disk, a second.
    MajorFaultsPerS = "major_faults_per_s", "faults/s", Rate, Container;
    /// Highest usage of this incarnation.
    MemoryPeakBytes = "memory_peak_bytes", "bytes", Gauge, Container;
    /// Anonymous memory (heaps, stacks).
    AnonBytes = "anon_bytes", "bytes", Gauge, Container;
    /// Shared memory and tmpfs.
    ShmemBytes = "shmem_bytes", "bytes", Gauge, Container;
    /// Page cache (`cache` on cgroup v1, `file` on v2), shared memory included.
    CacheBytes = "cache_bytes", "bytes", Gauge, Container;
    /// Page cache on the active list.
    ActiveFileBytes = "active_file_bytes", "bytes", Gauge, Container;
    /// Page cache on the inactive list.
    InactiveFileBytes = "inactive_file_bytes", "bytes", Gauge, Container;
    /// Files mapped into an address space.
    MappedFileBytes = "mapped_file_bytes", "bytes", Gauge, Container;
    /// Kernel memory (stacks, page tables, slab, sockets where the kernel counts them in).
    KernelBytes = "kernel_bytes", "bytes", Gauge, Container;
    /// Slab the kernel can reclaim under pressure.
    SlabReclaimableBytes = "slab_reclaimable_bytes", "bytes", Gauge, Container;
    /// Network transmission buffers.
    SockBytes = "sock_bytes", "bytes", Gauge, Container;
    /// The limit of swap alone; absent where there is none.
    SwapLimitBytes = "swap_limit_bytes", "bytes", Gauge, Container;
    /// Swap in use.
    SwapBytes = "swap_bytes", "bytes", Gauge, Container;
    /// Working set, percent of the limit; absent where there is no limit.
    MemoryPercent = "memory_percent", "%", Rate, Container;

    // --- IO, network, tasks ---
    /// Bytes read from block devices.
    IoReadBytes = "io_read_bytes", "bytes", Counter, Container;
    /// Bytes written to block devices.
    IoWriteBytes = "io_write_bytes", "bytes", Counter, Container;
    /// Read operations on block devices.
    IoReadOps = "io_read_ops", "ops", Counter, Container;
    /// Write operations on block devices.
    IoWriteOps = "io_write_ops", "ops", Counter, Container;
    /// Bytes read from block devices a second.
    IoReadBytesPerS = "io_read_bytes_per_s", "bytes/s", Rate, Container;
    /// Bytes written to block devices a second.
    IoWriteBytesPerS = "io_write_bytes_per_s", "bytes/s", Rate, Container;
    /// Read operations a second.
    IoReadOpsPerS = "io_read_ops_per_s", "ops/s", Rate, Container;
    /// Write operations a second.
    IoWriteOpsPerS = "io_write_ops_per_s", "ops/s", Rate, Container;
    /// Bytes received on all interfaces but loopback.
    NetRxBytes = "net_rx_bytes", "bytes", Counter, Container;
    /// Bytes sent on all interfaces but loopback.
    NetTxBytes = "net_tx_bytes", "bytes", Counter, Container;
    /// Packets dropped or in error, both directions.
    NetErrors = "net_errors", "packets", Counter, Container;
    /// Bytes received a second.
    NetRxBytesPerS = "net_rx_bytes_per_s", "bytes/s", Rate, Container;
    /// Bytes sent a second.
    NetTxBytesPerS = "net_tx_bytes_per_s", "bytes/s", Rate, Container;
    /// Tasks (threads, as the kernel counts them).
    Pids = "pids", "tasks", Gauge, Container;
    /// Processes in the container.
    Processes = "processes", "processes", Gauge, Container;
    /// Open file descriptors of all its processes.
    OpenFds = "open_fds", "descriptors", Gauge, Container;
    /// Most descriptors its process may open; absent where there are several processes.
    OpenFdsLimit = "open_fds_limit", "descriptors", Gauge, Container;
    /// Sockets in use in its network, of all kinds; absent where it shares the host's.
    Sockets = "sockets", "sockets", Gauge, Container;
    /// What it wrote into its own file system, over the image.
    WritableLayerBytes = "writable_layer_bytes", "bytes", Gauge, Container;
    /// Files in the volumes that it mounts writable; a volume of several counts for each.
    VolumeBytes = "volume_bytes", "bytes", Gauge, Container;
    /// The engine's log of its output, where that is a file.
    LogBytes = "log_bytes", "bytes", Gauge, Container;
    /// Space left on the file system of its writable layer.
    DiskFreeBytes = "disk_free_bytes", "bytes", Gauge, Container;
    /// The limit of tasks; absent where there is none.
    PidsLimit = "pids_limit", "tasks", Gauge, Container;
    /// Restarts by the restart policy since the container was created.
    RestartCount = "restart_count", "restarts", Gauge, Container;
    /// OOM kills counted by the kernel for this incarnation.
    OomKills = "oom_kills", "kills", Counter, Container;

    // --- GPU of a container ---
    /// GPU memory held by its processes, over all GPUs.
    GpuMemoryBytes = "gpu_memory_bytes", "bytes", Gauge, Container;
    /// Share of time in which its processes had work on a GPU's multiprocessors, percent of one
    /// GPU; above 100 with several GPUs.
    GpuSmPercent = "gpu_sm_percent", "%", Gauge, Container;

    // --- pressure of a container ---
    /// Time in which some task waited for CPU, microseconds.
    PsiCpuSomeUs = "psi_cpu_some_us", "us", Counter, Container;
    /// Time in which some task waited for memory, microseconds.
    PsiMemorySomeUs = "psi_memory_some_us", "us", Counter, Container;
    /// Time in which all tasks waited for memory, microseconds.
    PsiMemoryFullUs = "psi_memory_full_us", "us", Counter, Container;
    /// Time in which some task waited for IO, microseconds.
    PsiIoSomeUs = "psi_io_some_us", "us", Counter, Container;
    /// Time in which all tasks waited for IO, microseconds.
    PsiIoFullUs = "psi_io_full_us", "us", Counter, Container;

    // --- host ---
    /// CPU time of all cores that was neither idle nor iowait (steal included), nanoseconds.
    HostCpuBusyNs = "host_cpu_busy_ns", "ns", Counter, Host;
    /// CPU time of all cores, of every kind, nanoseconds.
    HostCpuTotalNs = "host_cpu_total_ns", "ns", Counter, Host;
    /// CPU time stolen by the hypervisor, nanoseconds.
    HostCpuStealNs = "host_cpu_steal_ns", "ns", Counter, Host;
    /// Busy share of all cores, percent (0 to 100).
    HostCpuPercent = "host_cpu_percent", "%", Rate, Host;
    /// Stolen share of all cores, percent.
    HostStealPercent = "host_steal_percent", "%", Rate, Host;
    /// Load average over one minute.
    HostLoad1 = "host_load1", "tasks", Gauge, Host;
    /// Memory of the machine.
    HostMemoryTotalBytes = "host_memory_total_bytes", "bytes", Gauge, Host;
    /// Memory available without swapping (`MemAvailable`).
    HostMemoryAvailableBytes = "host_memory_available_bytes", "bytes", Gauge, Host;
    /// Time in which some task of the machine waited for memory, microseconds.
    HostPsiMemorySomeUs = "host_psi_memory_some_us", "us", Counter, Host;
    /// Time in which all tasks of the machine waited for memory, microseconds.
    HostPsiMemoryFullUs = "host_psi_memory_full_us", "us", Counter, Host;
    /// Time in which some task of the machine waited for CPU, microseconds.
    HostPsiCpuSomeUs = "host_psi_cpu_some_us", "us", Counter, Host;
    /// Time in which all tasks of the machine waited for IO, microseconds.
    HostPsiIoFullUs = "host_psi_io_full_us", "us", Counter, Host;
    /// Share of time in which all tasks waited for memory, percent.
    HostPsiMemoryFullPercent = "host_psi_memory_full_percent", "%", Rate, Host;
    /// OOM kills on the whole machine.
    HostOomKills = "host_oom_kills", "kills", Counter, Host;
    /// OOM kills in the groups above the containers' (cgroup version 2), removed containers included.
    GroupOomKills = "group_oom_kills", "kills", Counter, Host;

    // --- a GPU ---
    /// Share of time in which at least one kernel ran, percent, as the driver says it.
    GpuPercent = "gpu_percent", "%", Gauge, Device;
    /// Share of time in which the GPU's memory was read or written, percent.
    GpuMemoryBusyPercent = "gpu_memory_busy_percent", "%", Gauge, Device;
    /// GPU memory in use, by whomever.
    GpuMemoryUsedBytes = "gpu_memory_used_bytes", "bytes", Gauge, Device;
    /// GPU memory there is.
    GpuMemoryTotalBytes = "gpu_memory_total_bytes", "bytes", Gauge, Device;
    /// GPU memory in use, percent of what there is.
    GpuMemoryPercent = "gpu_memory_percent", "%", Rate, Device;
    /// The part of the memory in use that processes of the stack's containers hold; absent where
    /// the processes or their memory are not known.
    GpuStackMemoryBytes = "gpu_stack_memory_bytes", "bytes", Gauge, Device;
    /// Power drawn.
    GpuPowerWatts = "gpu_power_w", "W", Gauge, Device;
    /// Temperature of the chip.
    GpuTemperatureCelsius = "gpu_temperature_c", "°C", Gauge, Device;
    /// Why clocks are below their highest, as NVML's bits (`nvmlClocksEventReasons`).
    GpuThrottleReasons = "gpu_throttle_reasons", "bits", Gauge, Device;

    // --- the runner itself ---
    /// CPU time used by the runner, nanoseconds.
    RunnerCpuNs = "runner_cpu_ns", "ns", Counter, Runner;
    /// CPU used by the runner, percent of one core.
    RunnerCpuPercent = "runner_cpu_percent", "%", Rate, Runner;
    /// Resident memory of the runner.
    RunnerRssBytes = "runner_rss_bytes", "bytes", Gauge, Runner;
}

impl Figure {
    /// The row of the table that describes this figure.
    #[must_use]
    pub fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// Name in every file.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The figure with that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Figure> {
        TABLE.iter().find(|row| row.name == name).map(|row| row.figure)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A sparse set of figures, ordered by the table. Values are finite.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FigureSet(Vec<(Figure, f64)>);

impl FigureSet {
    /// An empty set.
    #[must_use]
    pub fn new() -> FigureSet {
        FigureSet::default()
    }

    /// An empty set with room for that many figures.
    #[must_use]
    pub fn with_capacity(figures: usize) -> FigureSet {
        FigureSet(Vec::with_capacity(figures))
    }

    /// Sets a figure. A value that is not finite is not a measurement and is left out.
    pub fn set(&mut self, figure: Figure, value: f64) {
        if !value.is_finite() {
            return;
        }
        if self.0.last().is_none_or(|(last, _)| *last < figure) {
            self.0.push((figure, value));
            return;
        }
        match self.0.binary_search_by_key(&figure, |(f, _)| *f) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (figure, value)),
        }
    }

    /// Sets a figure where there is a value.
    pub fn set_some(&mut self, figure: Figure, value: Option<f64>) {
        if let Some(value) = value {
            self.set(figure, value);
        }
    }

    /// The value of a figure, where it was measured.
    #[must_use]
    pub fn get(&self, figure: Figure) -> Option<f64> {
        let at = self.0.binary_search_by_key(&figure, |(f, _)| *f).ok()?;
        self.0.get(at).map(|(_, value)| *value)
    }

    /// Takes a figure out.
    pub fn remove(&mut self, figure: Figure) -> Option<f64> {
        let at = self.0.binary_search_by_key(&figure, |(f, _)| *f).ok()?;
        Some(self.0.remove(at).1)
    }

    /// Adds the figures of `other` that this set lacks.
    pub fn fill_from(&mut self, other: &FigureSet) {
        self.0.reserve(other.len());
        for (figure, value) in other.iter() {
            if self.get(figure).is_none() {
                self.set(figure, value);
            }
        }
    }

    /// Takes all figures out; the room stays.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Figures and values in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (Figure, f64)> + '_ {
        self.0.iter().copied()
    }

    /// Whether nothing was measured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many figures there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl FromIterator<(Figure, f64)> for FigureSet {
    fn from_iter<I: IntoIterator<Item = (Figure, f64)>>(pairs: I) -> FigureSet {
        let pairs = pairs.into_iter();
        let mut set = FigureSet::with_capacity(pairs.size_hint().0);
        for (figure, value) in pairs {
            set.set(figure, value);
        }
        set
    }
}

/// A JSON number without a needless `.0`: counters are read back as they were written.
pub(crate) struct Number(pub f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if self.0.fract() == 0.0 && self.0.abs() <= EXACT {
            serializer.serialize_i64(self.0 as i64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

impl FigureSet {
    /// Writes the figures as entries of a map that the caller has opened.
    pub(crate) fn serialize_entries<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        for (figure, value) in self.iter() {
            map.serialize_entry(figure.name(), &Number(value))?;
        }
        Ok(())
    }
}

impl Serialize for FigureSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        self.serialize_entries(&mut map)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for FigureSet {
    /// Unknown names are skipped: a newer version may have written them.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<FigureSet, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = FigureSet;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from figure names to numbers")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FigureSet, A::Error> {
                let mut set = FigureSet::new();
                while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                    match Figure::by_name(&name) {
                        Some(figure) => set.set_some(figure, map.next_value::<Option<f64>>()?),
                        None => {
                            map.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(set)
            }
        }
        deserializer.deserialize_map(Names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_stands_at_its_own_index_and_names_are_unique() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.figure as usize, index);
            assert_eq!(Figure::by_name(row.name), Some(row.figure));
        }
    }

    #[test]
    fn a_value_that_is_not_finite_is_absent() {
        let mut set = FigureSet::new();
        set.set(Figure::CpuPercent, f64::NAN);
        set.set(Figure::Pids, f64::INFINITY);
        assert!(set.is_empty());
        assert_eq!(set.get(Figure::CpuPercent), None);
    }

    #[test]
    fn a_set_survives_json_and_skips_names_it_does_not_know() {
        let set: FigureSet =
            [(Figure::Pids, 3.0), (Figure::CpuPercent, 12.5)].into_iter().collect();
        let text = serde_json::to_string(&set).expect("serialize");
        assert_eq!(text, r#"{"cpu_percent":12.5,"pids":3}"#);
        let back: FigureSet =
            serde_json::from_str(r#"{"cpu_percent":12.5,"later":{"x":1},"pids":3}"#).expect("read");
        assert_eq!(back, set);
    }
}
