//! Reads process trees.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::model::{Container, Figure, FigureSet, Gap, SourceKind};
use crate::session::ports::{Reading, RunClock, Source};

use super::parse::{self, Stat};

/// Reads the process trees of containers whose first pid is known.
pub struct ProcfsSource {
    root: PathBuf,
    clock: RunClock,
    ns_per_tick: f64,
    /// Counters over all processes of a tree, also those that are gone.
    counters: BTreeMap<(String, u32, Figure), Counter>,
}

pub(crate) const OFFERS: &[Figure] = &[
    Figure::CpuUsageNs,
    Figure::MemoryWorkingSetBytes,
    Figure::MemoryLimitBytes,
    Figure::AnonBytes,
    Figure::ShmemBytes,
    Figure::MappedFileBytes,
    Figure::SwapBytes,
    Figure::IoReadBytes,
    Figure::IoWriteBytes,
    Figure::Pids,
];

type Table = BTreeMap<i32, Stat>;

impl ProcfsSource {
    /// A source over the proc file system at `root`.
    #[must_use]
    pub fn new(root: PathBuf, clock: RunClock) -> ProcfsSource {
        let per_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK);
        let per_second = per_second.ok().flatten().filter(|n| *n > 0).unwrap_or(100);
        let ns_per_tick = 1e9 / per_second as f64;
        ProcfsSource { root, clock, ns_per_tick, counters: BTreeMap::new() }
    }

    /// All processes there are: one pass serves every target.
    fn table(&self) -> std::io::Result<Table> {
        let mut table = Table::new();
        for entry in fs::read_dir(&self.root)?.flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse::<i32>().ok()) else {
                continue;
            };
            // A process may end between the listing and the read.
            let Ok(text) = fs::read_to_string(entry.path().join("stat")) else { continue };
            if let Some(stat) = parse::stat(&text) {
                table.insert(pid, stat);
            }
        }
        Ok(table)
    }

    fn tree(&mut self, target: &Container, table: &Table) -> Result<Reading, Gap> {
        let gap = |reason: String| Gap::about(SourceKind::Procfs, &target.name, reason);
        let first = target.pid.ok_or_else(|| gap("its first process is not known".into()))?;
        if !table.contains_key(&first) {
            return Err(gap(format!("process {first} has ended")));
        }
        let at = self.clock.now();
        let mut figures = FigureSet::new();
        let (mut ticks, mut threads) = (0u64, 0u64);
        for pid in tree_of(first, table) {
            let Some(stat) = table.get(&pid) else { continue };
            ticks += stat.cpu_ticks;
            threads += stat.threads;
            self.add_files(pid, &mut figures);
        }
        figures.set(Figure::CpuUsageNs, ticks as f64 * self.ns_per_tick);
        self.never_fall(target, &mut figures);
        figures.set(Figure::Pids, threads as f64);
        if let Some(limit) = target.limits.memory_bytes {
            figures.set(Figure::MemoryLimitBytes, limit as f64);
        }
        let resident = [Figure::AnonBytes, Figure::MappedFileBytes, Figure::ShmemBytes];
        let resident: Vec<f64> = resident.iter().filter_map(|f| figures.get(*f)).collect();
        if !resident.is_empty() {
            figures.set(Figure::MemoryWorkingSetBytes, resident.iter().sum());
        }
        let (container, incarnation) = (target.name.clone(), target.incarnation);
        Ok(Reading { container, incarnation, at, figures })
    }

    fn add_files(&self, pid: i32, figures: &mut FigureSet) {
        let folder = self.root.join(pid.to_string());
        if let Ok(text) = fs::read_to_string(folder.join("status")) {
            let memory = parse::memory(&text);
            add(figures, Figure::AnonBytes, memory.anon);
            add(figures, Figure::MappedFileBytes, memory.file);
            add(figures, Figure::ShmemBytes, memory.shmem);
            add(figures, Figure::SwapBytes, memory.swap);
        }
        // Another user's process keeps this file to itself.
        if let Ok(text) = fs::read_to_string(folder.join("io")) {
            let (read, written) = parse::io(&text);
            add(figures, Figure::IoReadBytes, read);
            add(figures, Figure::IoWriteBytes, written);
        }
    }

    fn never_fall(&mut self, target: &Container, figures: &mut FigureSet) {
        for figure in [Figure::CpuUsageNs, Figure::IoReadBytes, Figure::IoWriteBytes] {
            let Some(sum) = figures.get(figure) else { continue };
            let key = (target.name.clone(), target.incarnation, figure);
            figures.set(figure, self.counters.entry(key).or_default().take(sum));
        }
    }
}

/// A counter summed over the processes of a tree.
///
/// A process that ends hands what it used to the parent that waits for it. Where none does, the
/// sum falls, and what was counted is kept. The sum also falls for a moment when a process ends
/// between the read of its parent and its own; so that this is not kept and then counted again, a
/// fall must last for two readings.
#[derive(Debug, Clone, Copy, Default)]
struct Counter {
    told: f64,
    lost: f64,
    fell_to: Option<f64>,
}

impl Counter {
    fn take(&mut self, sum: f64) -> f64 {
        let value = sum + self.lost;
        if value >= self.told {
            self.fell_to = None;
            self.told = value;
        } else if let Some(fell_to) = self.fell_to.take() {
            let missing = (self.told - fell_to).max(0.0);
            self.lost += missing;
            self.told = self.told.max(value + missing);
        } else {
            self.fell_to = Some(value);
        }
        self.told
    }
}

fn add(figures: &mut FigureSet, figure: Figure, value: Option<u64>) {
    if let Some(value) = value {
        figures.set(figure, figures.get(figure).unwrap_or(0.0) + value as f64);
    }
}

/// A process, all its descendants, and all of the session that it leads: a process that its
/// parent left behind is found there. Parents are known, children are not, so the table is walked
/// until nothing is added; trees of services are a few levels deep.
fn tree_of(first: i32, table: &Table) -> BTreeSet<i32> {
    let in_session = |(pid, stat): (&i32, &Stat)| (stat.session == first).then_some(*pid);
    let mut tree: BTreeSet<i32> = table.iter().filter_map(in_session).collect();
    tree.insert(first);
    let mut unseen: Vec<i32> = tree.iter().copied().collect();
    while let Some(parent) = unseen.pop() {
        for (pid, stat) in table {
            if stat.parent == parent && tree.insert(*pid) {
                unseen.push(*pid);
            }
        }
    }
    tree
}

#[async_trait]
impl Source for ProcfsSource {
    fn kind(&self) -> SourceKind {
        SourceKind::Procfs
    }

    fn offers(&self) -> &'static [Figure] {
        OFFERS
    }

    async fn read(&mut self, targets: &[Container], _: Instant) -> Vec<Result<Reading, Gap>> {
        match self.table() {
            Ok(table) => targets.iter().map(|target| self.tree(target, &table)).collect(),
            Err(error) => {
                let reason = format!("{} cannot be listed: {error}", self.root.display());
                vec![Err(Gap::of_all(SourceKind::Procfs, reason))]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Limits;

    fn write(root: &std::path::Path, pid: i32, parent: i32, ticks: u64, anon_kb: u64) {
        let folder = root.join(pid.to_string());
        fs::create_dir_all(&folder).expect("folder");
        let stat =
            format!("{pid} (svc) S {parent} 1 1 0 -1 0 0 0 0 0 {ticks} 0 0 0 20 0 2 0 100 0 0 0");
        fs::write(folder.join("stat"), stat).expect("stat");
        fs::write(folder.join("status"), format!("RssAnon:\t{anon_kb} kB\n")).expect("status");
    }

    fn target(pid: i32) -> Container {
        Container {
            id: format!("pid-{pid}"),
            pid: Some(pid),
            limits: Limits { memory_bytes: Some(1 << 20), ..Limits::default() },
            ..Container::named("svc")
        }
    }

    #[tokio::test]
    async fn a_service_is_its_first_process_and_all_descendants_and_nobody_else() {
        let root = tempfile::tempdir().expect("temp");
        write(root.path(), 10, 1, 100, 1000);
        write(root.path(), 11, 10, 50, 200);
        write(root.path(), 12, 11, 25, 30);
        write(root.path(), 13, 1, 999, 999);
        let mut source = ProcfsSource::new(root.path().to_path_buf(), RunClock::start());
        let readings = source.read(&[target(10)], Instant::now()).await;
        let reading = readings[0].as_ref().expect("reading");
        assert_eq!(reading.figures.get(Figure::CpuUsageNs), Some(1.75e9));
        assert_eq!(reading.figures.get(Figure::AnonBytes), Some(1230.0 * 1024.0));
        assert_eq!(reading.figures.get(Figure::Pids), Some(6.0));
        assert_eq!(reading.figures.get(Figure::MemoryLimitBytes), Some(1048576.0));
        assert_eq!(reading.figures.get(Figure::SwapBytes), None);
    }

    #[tokio::test]
    async fn cpu_time_of_a_child_that_nobody_waited_for_is_kept_and_counting_goes_on() {
        let root = tempfile::tempdir().expect("temp");
        write(root.path(), 10, 1, 100, 1000);
        write(root.path(), 11, 10, 50, 200);
        let mut source = ProcfsSource::new(root.path().to_path_buf(), RunClock::start());
        let mut told = Vec::new();
        for ticks in [100, 110, 120, 130] {
            write(root.path(), 10, 1, ticks, 1000);
            let readings = source.read(&[target(10)], Instant::now()).await;
            told.push(readings[0].as_ref().expect("reading").figures.get(Figure::CpuUsageNs));
            let _ = fs::remove_dir_all(root.path().join("11"));
        }
        assert_eq!(told, [1.5e9, 1.5e9, 1.6e9, 1.7e9].map(Some));
        let gone = source.read(&[target(77)], Instant::now()).await;
        assert!(gone[0].as_ref().expect_err("gap").reason.contains("77"));
    }

    #[test]
    fn a_sum_that_falls_for_one_reading_is_not_counted_twice() {
        let mut counter = Counter::default();
        let told: Vec<f64> = [100.0, 60.0, 110.0, 120.0].map(|sum| counter.take(sum)).to_vec();
        assert_eq!(told, [100.0, 100.0, 110.0, 120.0]);
    }

    #[tokio::test]
    async fn a_process_left_behind_in_the_session_still_belongs_to_the_service() {
        let root = tempfile::tempdir().expect("temp");
        write(root.path(), 10, 1, 100, 1000);
        write(root.path(), 12, 1, 1, 24);
        let stat = "12 (svc) S 1 12 10 0 -1 0 0 0 0 0 1 0 0 0 20 0 2 0 100 0 0 0";
        fs::write(root.path().join("12/stat"), stat).expect("stat");
        let mut source = ProcfsSource::new(root.path().to_path_buf(), RunClock::start());
        let readings = source.read(&[target(10)], Instant::now()).await;
        let anon = readings[0].as_ref().expect("reading").figures.get(Figure::AnonBytes);
        assert_eq!(anon, Some(1024.0 * 1024.0));
    }
}
