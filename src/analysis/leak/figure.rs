//! The figure a leak is looked for in.
//!
//! `usage` and `working_set` hold page cache: files written and read twice look like a leak. `rss`
//! misses tmpfs, which really does run into the limit. So: anonymous memory, shared memory and
//! swap; on cgroup v2 also sockets and the kernel memory that cannot be reclaimed. cgroup v1 does
//! not tell reclaimable slab from the rest, so its kernel memory stays out (a container that only
//! wrote files grew from 0.3 to 3.6 MiB there).

use crate::analysis::dataset::Columns;
use crate::model::Figure;
use crate::model::units::bytes_to_mb;

/// A series to look for a leak in, and what it is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct LeakFigure {
    /// What was added up, by name (`anon+shmem+swap`, `working_set`).
    pub name: String,
    /// MB at each tick; NaN where a part of it was not measured.
    pub mb: Vec<f64>,
}

/// One part: what it adds, and what is taken off it.
struct Part {
    name: &'static str,
    add: Figure,
    less: &'static [Figure],
}

const SHMEM: Part = part("shmem", Figure::ShmemBytes, &[]);
/// Exact where shared memory is not told (verified on cgroup v1): what is cache and on no file list.
const SHMEM_FROM_CACHE: Part =
    part("shmem", Figure::CacheBytes, &[Figure::ActiveFileBytes, Figure::InactiveFileBytes]);
const SWAP: Part = part("swap", Figure::SwapBytes, &[]);
const KERNEL: Part =
    part("kernel-slab_reclaimable", Figure::KernelBytes, &[Figure::SlabReclaimableBytes]);
const SOCK: Part = part("sock", Figure::SockBytes, &[]);

const fn part(name: &'static str, add: Figure, less: &'static [Figure]) -> Part {
    Part { name, add, less }
}

impl Part {
    fn figures(&self) -> impl Iterator<Item = Figure> + '_ {
        std::iter::once(self.add).chain(self.less.iter().copied())
    }

    /// Measured in at least half the rows in which anonymous memory was.
    fn is_in(&self, columns: &Columns, anon: &[f64]) -> bool {
        self.figures().all(|figure| {
            columns.get(figure).is_some_and(|column| {
                let (rows, both) =
                    anon.iter().zip(column).fold((0, 0), |(rows, both), (anon, value)| {
                        let row = usize::from(anon.is_finite());
                        (rows + row, both + row * usize::from(value.is_finite()))
                    });
                2 * both >= rows && both > 0
            })
        })
    }

    fn add_to(&self, columns: &Columns, sum: &mut [f64]) {
        if let Some(column) = columns.get(self.add) {
            sum.iter_mut().zip(column).for_each(|(sum, v)| *sum += v);
        }
        for column in self.less.iter().filter_map(|figure| columns.get(*figure)) {
            sum.iter_mut().zip(column).for_each(|(sum, v)| *sum -= v);
        }
    }
}

/// The leak figure of a container: the best that its columns allow. None where there is no memory
/// figure at all.
#[must_use]
pub fn choose(columns: &Columns) -> Option<LeakFigure> {
    anonymous(columns).or_else(|| {
        let active = &[Figure::ActiveFileBytes];
        let files = &[Figure::ActiveFileBytes, Figure::InactiveFileBytes];
        let (set, usage) = (Figure::MemoryWorkingSetBytes, Figure::MemoryUsageBytes);
        without(columns, set, active, "working_set-active_file")
            .or_else(|| without(columns, set, &[], WORKING_SET))
            .or_else(|| without(columns, usage, files, "usage-active_file-inactive_file"))
            .or_else(|| without(columns, usage, &[], USAGE))
    })
}

fn anonymous(columns: &Columns) -> Option<LeakFigure> {
    let anon = columns.get(Figure::AnonBytes)?;
    if !anon.iter().any(|v| v.is_finite()) {
        return None;
    }
    let is_in = |part: &Part| part.is_in(columns, anon);
    let mut parts = Vec::new();
    if is_in(&SHMEM) {
        parts.push(SHMEM);
    } else if is_in(&SHMEM_FROM_CACHE) {
        parts.push(SHMEM_FROM_CACHE);
    }
    if is_in(&SWAP) {
        parts.push(SWAP);
    }
    // Only cgroup v2 tells reclaimable slab.
    if is_in(&KERNEL) {
        parts.push(KERNEL);
        parts.extend(Some(SOCK).filter(is_in));
    }
    let mut bytes = anon.to_vec();
    let mut name = String::from("anon");
    for part in &parts {
        part.add_to(columns, &mut bytes);
        name.push('+');
        name.push_str(part.name);
    }
    let mb = bytes.into_iter().map(bytes_to_mb).collect();
    Some(LeakFigure { name, mb })
}

const WORKING_SET: &str = "working_set";
const USAGE: &str = "usage";

impl LeakFigure {
    /// Whether page cache is in it, which nothing told apart.
    #[must_use]
    pub fn holds_page_cache(&self) -> bool {
        self.name == WORKING_SET || self.name == USAGE
    }
}

/// A figure less the page cache in it; none where either was not measured.
fn without(
    columns: &Columns,
    figure: Figure,
    less: &'static [Figure],
    name: &str,
) -> Option<LeakFigure> {
    let column = columns.get(figure)?;
    let part = Part { name: "", add: figure, less };
    if !column.iter().any(|v| v.is_finite()) || !part.is_in(columns, column) {
        return None;
    }
    let mut bytes = vec![0.0; column.len()];
    part.add_to(columns, &mut bytes);
    let mb = bytes.into_iter().map(bytes_to_mb).collect();
    Some(LeakFigure { name: name.to_string(), mb })
}
