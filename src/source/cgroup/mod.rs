//! The kernel's own figures of a container, read from the control group file systems: version 1,
//! version 2, and hosts that mix them.
//!
//! [`paths`] finds a container's groups from its main process, [`v1`] and [`v2`] say which files
//! hold which figures, and the client keeps the files open and reads them in place, which costs a
//! few microseconds a container. Beyond the descriptors that it may have it opens them for each reading.

pub mod paths;
pub mod v1;
pub mod v2;

#[cfg(feature = "app")]
mod client;
#[cfg(feature = "app")]
mod kept;
#[cfg(feature = "app")]
mod machine_kills;
#[cfg(feature = "app")]
mod parents;
#[cfg(feature = "app")]
mod reader;

#[cfg(test)]
mod fixture_tests;
#[cfg(all(test, feature = "app"))]
mod in_turn_tests;
#[cfg(all(test, feature = "app"))]
mod live_tests;
#[cfg(all(test, feature = "app"))]
mod shared_tests;
#[cfg(all(test, feature = "app"))]
pub(super) mod tests;

#[cfg(feature = "app")]
pub use client::CgroupSource;

use crate::model::{Figure, FigureSet};

/// A file of a control group and the figures it holds.
#[derive(Debug, Clone, Copy)]
pub struct FileSpec {
    /// The version 1 controller that the figures belong to; empty where version 1 has none.
    pub controller: &'static str,
    /// The file's name in the group's directory.
    pub name: &'static str,
    /// How often it is read.
    pub pace: Pace,
    /// Puts what a text says into a set.
    pub parse: fn(&str, &mut FigureSet),
}

impl FileSpec {
    const fn new(
        controller: &'static str,
        name: &'static str,
        parse: fn(&str, &mut FigureSet),
    ) -> FileSpec {
        FileSpec { controller, name, pace: Pace::Each, parse }
    }

    const fn paced(self, pace: Pace) -> FileSpec {
        FileSpec { pace, ..self }
    }
}

/// How often a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// At each reading.
    Each,
    /// At each reading of a group with a CPU quota; without one it says nothing that moves, and is
    /// read as [`Pace::Background`].
    Quota,
    /// At each reading after which the machine has counted an OOM kill (`oom_kill` in `/proc/vmstat`),
    /// and where that cannot be told; else as [`Pace::Background`].
    Kills,
    /// At each reading where containers are few, else in turn (see [`background_interval`]); a reading
    /// in between has none of its figures.
    Background,
    /// At each reading where containers are few; else of a group of which a task ran since the last
    /// one, and as [`Pace::Setting`]. In between its figures are those of the last time: with the CPU
    /// time and the memory usage the same to the last digit, nobody in the group has changed them.
    Awake,
    /// Settings, which nobody changes while a container runs, or hardly ever: every ten seconds;
    /// in between they are those of the last time.
    Setting,
}

/// Containers a second, all together, whose background files are read.
///
/// A file costs about the same whatever it says, so that with many containers most of the price
/// would be for what moves slowly, is a total that loses nothing by being read later, or both.
const BACKGROUND_PER_S: f64 = 10.0;

/// Longest time between two readings of a container's background files, seconds.
const BACKGROUND_LONGEST_S: f64 = 10.0;

/// With no more containers than this everything is read each time.
pub const FEW: usize = 20;

/// Time between two readings of the background files of each of so many containers, seconds.
#[must_use]
pub fn background_interval(containers: usize) -> f64 {
    (containers as f64 / BACKGROUND_PER_S).min(BACKGROUND_LONGEST_S)
}

/// Every figure that control groups and `/proc/PID/net/dev` can give, best case.
pub const OFFERS: &[Figure] = &[
    Figure::CpuUsageNs,
    Figure::CpuPeriods,
    Figure::CpuThrottledPeriods,
    Figure::CpuThrottledNs,
    Figure::CpuLimitCores,
    Figure::MemoryUsageBytes,
    Figure::MemoryWorkingSetBytes,
    Figure::MemoryLimitBytes,
    Figure::MemoryPeakBytes,
    Figure::MemoryLimitHits,
    Figure::MajorFaults,
    Figure::SwapLimitBytes,
    Figure::AnonBytes,
    Figure::ShmemBytes,
    Figure::CacheBytes,
    Figure::ActiveFileBytes,
    Figure::InactiveFileBytes,
    Figure::MappedFileBytes,
    Figure::KernelBytes,
    Figure::SlabReclaimableBytes,
    Figure::SockBytes,
    Figure::SwapBytes,
    Figure::IoReadBytes,
    Figure::IoWriteBytes,
    Figure::IoReadOps,
    Figure::IoWriteOps,
    Figure::NetRxBytes,
    Figure::NetTxBytes,
    Figure::NetErrors,
    Figure::Pids,
    Figure::PidsLimit,
    Figure::OomKills,
    Figure::PsiCpuSomeUs,
    Figure::PsiMemorySomeUs,
    Figure::PsiMemoryFullUs,
    Figure::PsiIoSomeUs,
    Figure::PsiIoFullUs,
];

/// What a reading may leave out: the figures of files that are not of [`Pace::Each`].
pub const BACKGROUND: &[Figure] = &[
    Figure::CpuPeriods,
    Figure::CpuThrottledPeriods,
    Figure::CpuThrottledNs,
    Figure::MemoryPeakBytes,
    Figure::MemoryLimitHits,
    Figure::OomKills,
    Figure::KernelBytes,
    Figure::IoReadBytes,
    Figure::IoWriteBytes,
    Figure::IoReadOps,
    Figure::IoWriteOps,
    Figure::NetRxBytes,
    Figure::NetTxBytes,
    Figure::NetErrors,
    Figure::Pids,
    Figure::PsiCpuSomeUs,
    Figure::PsiMemorySomeUs,
    Figure::PsiMemoryFullUs,
    Figure::PsiIoSomeUs,
    Figure::PsiIoFullUs,
];

/// Adds the figures that follow from several files: the working set, which is the usage less the
/// inactive file pages, floored at 0.
pub fn complete(figures: &mut FigureSet) {
    if figures.get(Figure::CpuLimitCores).is_some_and(|cores| cores < 0.0) {
        figures.remove(Figure::CpuLimitCores);
    }
    let usage = figures.get(Figure::MemoryUsageBytes);
    let inactive = figures.get(Figure::InactiveFileBytes);
    if let (Some(usage), Some(inactive)) = (usage, inactive) {
        figures.set(Figure::MemoryWorkingSetBytes, (usage - inactive).max(0.0));
    }
}
