//! The machine: cores, memory and load, control groups, disk space for results.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access};

use super::row::Row;
use crate::config::Config;
use crate::model::rates::derive_tick;
use crate::model::{Figure, FigureSet};
use crate::session::ports::RunClock;
use crate::source::cgroup::CgroupSource;
use crate::source::host::HostSource;

const GIB: f64 = (1u64 << 30) as f64;
/// Less than this cannot hold a run of any length.
const LEAST_FREE: f64 = 0.1;
/// Less than this is told: a night of many containers needs some hundred MB.
const SMALL_FREE: f64 = 1.0;
/// Above this the machine is busy with something else, percent of all cores.
const BUSY: f64 = 50.0;

/// Cores, memory, and what it does now.
pub async fn host(proc_root: &Path) -> Row {
    let mut source = HostSource::new(proc_root);
    let before = source.read();
    let started = std::time::Instant::now();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let now = source.read();
    let rates = derive_tick(&before, &now, started.elapsed().as_secs_f64());
    host_row(&now, rates.get(Figure::HostCpuPercent))
}

fn host_row(now: &FigureSet, busy: Option<f64>) -> Row {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let mut parts = vec![format!("{cores} cores")];
    let memory = now.get(Figure::HostMemoryTotalBytes);
    if let (Some(total), Some(free)) = (memory, now.get(Figure::HostMemoryAvailableBytes)) {
        parts.push(format!("{:.1} of {:.1} GiB available", free / GIB, total / GIB));
    }
    if let Some(load) = now.get(Figure::HostLoad1) {
        parts.push(format!("load {load:.2}"));
    }
    if let Some(busy) = busy {
        parts.push(format!("{busy:.0} % busy"));
    }
    let text = parts.join(", ");
    match busy {
        Some(busy) if busy > BUSY => Row::note("host", text).with_remedy(
            "something else uses this machine: stress may be stopped by the host, not by a container",
        ),
        _ => Row::ok("host", text),
    }
}

/// Control groups of this machine; `driver` is the engine's.
pub fn control_groups(config: &Config, driver: Option<&str>) -> Row {
    const NAME: &str = "control groups";
    match CgroupSource::open(&config.sources, RunClock::start()) {
        Ok(source) => {
            let driver = driver.map(|d| format!(", driver {d}")).unwrap_or_default();
            Row::ok(NAME, format!("{}{driver}, readable", source.version()))
        }
        // Figures come from the engine or /proc then.
        Err(why) => Row::note(NAME, why).with_remedy("other sources stand in, with fewer figures"),
    }
}

/// Whether results can be written, and how much.
pub fn results(folder: &Path) -> Row {
    const NAME: &str = "results";
    let there = existing(folder);
    let shown = folder.display();
    if !there.is_dir() {
        return Row::failed(NAME, format!("{} is no folder", there.display()), "use --out DIR");
    }
    if let Err(why) = access(&there, AccessFlags::W_OK | AccessFlags::X_OK) {
        return Row::failed(
            NAME,
            format!("{} cannot be written to: {}", there.display(), why.desc()),
            "set results.dir in the config, or use --out DIR",
        );
    }
    let free = match statvfs(&there) {
        Ok(fs) => fs.blocks_available() as f64 * fs.fragment_size() as f64 / GIB,
        Err(why) => return Row::note(NAME, format!("{shown}: free space not known ({why})")),
    };
    let text = format!("{shown}: writable, {free:.1} GiB free");
    if free < LEAST_FREE {
        return Row::failed(NAME, text, "free some space, or set results.dir to another disk");
    }
    if free < SMALL_FREE {
        return Row::note(NAME, text).with_remedy("a long run of many containers may need more");
    }
    Row::ok(NAME, text)
}

/// The folder itself or the nearest one above it that is there.
fn existing(folder: &Path) -> PathBuf {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
    let found = absolute.ancestors().find(|path| path.exists());
    found.unwrap_or(Path::new("/")).to_path_buf()
}

#[cfg(test)]
mod tests {
    use super::super::row::Status;
    use super::*;

    #[test]
    fn results_go_where_a_folder_can_be_made_and_not_into_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let deep = folder.path().join("a/b/results");
        assert_ne!(results(&deep).status, Status::Failed);
        assert!(!deep.exists(), "check makes nothing");
        std::fs::write(folder.path().join("a"), "").expect("a file");
        assert_eq!(results(&deep).status, Status::Failed);
    }

    #[test]
    fn a_busy_machine_is_a_note_and_no_failure() {
        let mut now = FigureSet::new();
        now.set(Figure::HostLoad1, 7.5);
        let row = host_row(&now, Some(80.0));
        assert_eq!(row.status, Status::Note);
        assert!(row.detail.contains("load 7.50, 80 % busy"), "{row:?}");
        assert_eq!(host_row(&now, Some(10.0)).status, Status::Ok);
    }
}
