//! Reads the machine's files at each tick.

use std::fs::File;
use std::path::Path;

use super::parse;
use crate::model::FigureSet;
use crate::source::buffer::Buffer;

type Parse = fn(&str, &mut FigureSet);

const FILES: &[(&str, Parse)] = &[
    ("stat", parse::stat),
    ("loadavg", parse::loadavg),
    ("meminfo", parse::meminfo),
    ("vmstat", parse::vmstat),
    ("pressure/cpu", parse::cpu_pressure),
    ("pressure/memory", parse::memory_pressure),
    ("pressure/io", parse::io_pressure),
];

/// The machine that this process runs on; of no use for a remote engine's.
///
/// Its files stay open and are read in place.
#[derive(Debug)]
pub struct HostSource {
    files: Vec<(File, Parse)>,
    buffer: Buffer,
}

impl HostSource {
    /// `proc_root` is where the proc file system is mounted. A file that is not there (no pressure
    /// accounting in this kernel) leaves its figures absent.
    #[must_use]
    pub fn new(proc_root: &Path) -> HostSource {
        let open = |(name, parse): &(&str, Parse)| {
            let file = File::open(proc_root.join(name)).ok()?;
            Some((file, *parse))
        };
        HostSource { files: FILES.iter().filter_map(open).collect(), buffer: Buffer::new() }
    }

    /// Every figure that the machine gives now.
    #[must_use]
    pub fn read(&mut self) -> FigureSet {
        let mut figures = FigureSet::new();
        for (file, parse) in &self.files {
            if let Ok(text) = self.buffer.read_all(file) {
                parse(text, &mut figures);
            }
        }
        figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Figure;

    #[test]
    fn a_machine_without_pressure_accounting_has_the_other_figures() {
        let root = tempfile::tempdir().expect("folder");
        std::fs::write(root.path().join("loadavg"), "1.17 0.31 0.11 2/85 471\n").expect("write");
        let figures = HostSource::new(root.path()).read();
        assert_eq!(figures.get(Figure::HostLoad1), Some(1.17));
        assert_eq!(figures.len(), 1);
    }

    #[test]
    fn this_machine_answers() {
        let figures = HostSource::new(Path::new("/proc")).read();
        assert!(figures.get(Figure::HostCpuTotalNs).is_some_and(|ns| ns > 0.0));
        assert!(figures.get(Figure::HostMemoryTotalBytes).is_some_and(|b| b > 0.0));
    }
}
