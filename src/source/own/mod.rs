//! What the runner itself costs: CPU time and resident memory of its own process, in every tick, so
//! that nobody has to believe that measuring is free.

use std::fs::File;
use std::path::Path;

use nix::time::{ClockId, clock_gettime};

use crate::model::{Figure, FigureSet};
use crate::source::buffer::Buffer;
use crate::source::kernel_text::number;

/// The runner's own process. Commands that it started are not in these figures.
#[derive(Debug)]
pub struct OwnSource {
    status: Option<File>,
    buffer: Buffer,
}

impl OwnSource {
    /// `proc_root` is where the proc file system is mounted.
    #[must_use]
    pub fn new(proc_root: &Path) -> OwnSource {
        OwnSource { status: File::open(proc_root.join("self/status")).ok(), buffer: Buffer::new() }
    }

    /// CPU time since the process started (all threads, to the nanosecond) and resident memory now.
    #[must_use]
    pub fn read(&mut self) -> FigureSet {
        let mut figures = FigureSet::new();
        figures.set_some(Figure::RunnerCpuNs, cpu_ns());
        let status = self.status.as_ref().and_then(|file| self.buffer.read_all(file).ok());
        figures.set_some(Figure::RunnerRssBytes, status.and_then(resident_bytes));
        figures
    }
}

fn cpu_ns() -> Option<f64> {
    let time = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).ok()?;
    Some(time.tv_sec() as f64 * 1e9 + time.tv_nsec() as f64)
}

/// `VmRSS` of `/proc/PID/status`, whose `kB` are units of 1024 bytes.
fn resident_bytes(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    let kib = number(line.trim().strip_suffix("kB")?)?;
    Some(kib * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_shows_in_the_cpu_time_and_memory_is_resident() {
        let mut own = OwnSource::new(Path::new("/proc"));
        let before = own.read();
        let mut sum = 0u64;
        for i in 0..3_000_000u64 {
            sum = std::hint::black_box(sum.wrapping_add(i));
        }
        let after = own.read();
        assert!(after.get(Figure::RunnerCpuNs) > before.get(Figure::RunnerCpuNs));
        assert!(after.get(Figure::RunnerRssBytes).is_some_and(|b| b > 65_536.0));
    }

    #[test]
    fn resident_memory_is_in_bytes_and_absent_for_a_status_without_it() {
        assert_eq!(resident_bytes("Name:\tx\nVmRSS:\t    8 kB\n"), Some(8192.0));
        assert_eq!(resident_bytes("Name:\tkthreadd\n"), None);
    }
}
