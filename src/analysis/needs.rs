//! Which figures of a container the analysis and its charts do without in a large run.
//!
//! A run of a few containers is read whole. Of a large one ([`LARGE`]) the figures named here are
//! left out, but not of a container that the kernel killed something in: 7.2 million container
//! samples with every figure would take 2 GB. A figure that is not named here is always read, so a
//! new one costs memory before it can be missed; one that is read although it is named here fails a
//! debug assertion in [`super::Columns::get`].

use crate::model::Figure;

/// Container samples from which on a journal is read for what is needed.
pub const LARGE: u64 = 500_000;

/// What nothing reads but results.json, which is without samples when a run is large. Counters
/// stand here whose rates do too.
const UNREAD: &[Figure] = &[
    Figure::CpuUsageNs,
    Figure::CpuPeriods,
    Figure::CpuThrottledPeriods,
    Figure::CpuThrottledNs,
    Figure::MemoryPeakBytes,
    Figure::MappedFileBytes,
    Figure::IoReadBytes,
    Figure::IoWriteBytes,
    Figure::IoReadOps,
    Figure::IoWriteOps,
    Figure::IoReadBytesPerS,
    Figure::IoWriteBytesPerS,
    Figure::IoReadOpsPerS,
    Figure::IoWriteOpsPerS,
    Figure::NetRxBytes,
    Figure::NetTxBytes,
    Figure::NetErrors,
    Figure::NetRxBytesPerS,
    Figure::NetTxBytesPerS,
    Figure::PsiCpuSomeUs,
    Figure::PsiMemorySomeUs,
    Figure::PsiMemoryFullUs,
    Figure::PsiIoSomeUs,
    Figure::PsiIoFullUs,
];

/// Read only in place of a better one: page cache tells shared memory where nothing else does,
/// usage stands in for the working set.
const SPARE: &[(Figure, &[Figure])] = &[
    (Figure::ShmemBytes, &[Figure::CacheBytes, Figure::ActiveFileBytes, Figure::InactiveFileBytes]),
    (Figure::MemoryWorkingSetBytes, &[Figure::MemoryUsageBytes]),
];

/// Whether the analysis may read this figure of a container in a large run.
#[must_use]
pub fn is_needed(figure: Figure) -> bool {
    !UNREAD.contains(&figure)
}

/// The figures that are not needed where `full` were measured without a gap.
pub(crate) fn spared(full: impl Fn(Figure) -> bool) -> Vec<Figure> {
    let spared = SPARE.iter().filter(|(better, _)| full(*better));
    spared.flat_map(|(_, others)| others.iter().copied()).collect()
}
