//! Reads the machine's files under `/proc` (proc(5)). Each function adds what a text says.

use crate::model::{Figure, FigureSet};
use crate::source::kernel_text::{number, pressure, value_of};

/// The kernel shows CPU time in hundredths of a second on every architecture that has containers.
const NS_PER_TICK: f64 = 1e7;

/// `/proc/stat`: CPU time of all cores. Busy is all but idle and iowait; time stolen by the
/// hypervisor counts as busy, since it was not to be had. Guest time is within user time.
pub fn stat(text: &str, figures: &mut FigureSet) {
    let Some(line) = text.lines().find_map(|line| line.strip_prefix("cpu ")) else {
        return;
    };
    // user nice system idle iowait irq softirq steal
    const KINDS: usize = 8;
    let ticks: Vec<f64> = line.split_ascii_whitespace().take(KINDS).map_while(number).collect();
    let &[user, nice, system, idle, iowait, irq, softirq, steal] = ticks.as_slice() else {
        return;
    };
    let busy = user + nice + system + irq + softirq + steal;
    figures.set(Figure::HostCpuBusyNs, busy * NS_PER_TICK);
    figures.set(Figure::HostCpuTotalNs, (busy + idle + iowait) * NS_PER_TICK);
    figures.set(Figure::HostCpuStealNs, steal * NS_PER_TICK);
}

/// `/proc/loadavg`: the average over one minute.
pub fn loadavg(text: &str, figures: &mut FigureSet) {
    let load = text
        .split_ascii_whitespace()
        .next()
        .and_then(|word| word.parse::<f64>().ok())
        .filter(|load| *load >= 0.0);
    figures.set_some(Figure::HostLoad1, load);
}

/// `/proc/meminfo`, whose `kB` are units of 1024 bytes.
pub fn meminfo(text: &str, figures: &mut FigureSet) {
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        let figure = match key {
            "MemTotal" => Figure::HostMemoryTotalBytes,
            "MemAvailable" => Figure::HostMemoryAvailableBytes,
            _ => continue,
        };
        let kib = value.trim().strip_suffix("kB").and_then(number);
        figures.set_some(figure, kib.map(|kib| kib * 1024.0));
    }
}

/// `/proc/vmstat`: OOM kills since the machine started.
pub fn vmstat(text: &str, figures: &mut FigureSet) {
    figures.set_some(Figure::HostOomKills, value_of(text, "oom_kill"));
}

/// `/proc/pressure/cpu`.
pub fn cpu_pressure(text: &str, figures: &mut FigureSet) {
    figures.set_some(Figure::HostPsiCpuSomeUs, pressure(text).some_us);
}

/// `/proc/pressure/memory`.
pub fn memory_pressure(text: &str, figures: &mut FigureSet) {
    let stalled = pressure(text);
    figures.set_some(Figure::HostPsiMemorySomeUs, stalled.some_us);
    figures.set_some(Figure::HostPsiMemoryFullUs, stalled.full_us);
}

/// `/proc/pressure/io`.
pub fn io_pressure(text: &str, figures: &mut FigureSet) {
    figures.set_some(Figure::HostPsiIoFullUs, pressure(text).full_us);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Parse = fn(&str, &mut FigureSet);
    const ALL: &[Parse] =
        &[stat, loadavg, meminfo, vmstat, cpu_pressure, memory_pressure, io_pressure];

    fn read(parse: Parse, text: &str) -> FigureSet {
        let mut figures = FigureSet::new();
        parse(text, &mut figures);
        figures
    }

    #[test]
    fn busy_is_all_but_idle_and_iowait_and_steal_is_busy() {
        let figures = read(stat, "cpu  10 1 20 300 40 2 3 5 7 7\ncpu0 1 2 3 4 5 6 7 8\n");
        assert_eq!(figures.get(Figure::HostCpuBusyNs), Some(41e7));
        assert_eq!(figures.get(Figure::HostCpuTotalNs), Some(381e7));
        assert_eq!(figures.get(Figure::HostCpuStealNs), Some(5e7));
    }

    #[test]
    fn a_short_or_broken_cpu_line_is_no_figure() {
        assert!(read(stat, "cpu  1 2 3 4\n").is_empty());
        assert!(read(stat, "cpu  1 2 3 x 5 6 7 8\n").is_empty());
        assert!(read(stat, "intr 1 2 3\n").is_empty());
    }

    #[test]
    fn memory_is_in_bytes() {
        let figures =
            read(meminfo, "MemTotal:       2048 kB\nMemFree: 1 kB\nMemAvailable:  1024 kB\n");
        assert_eq!(figures.get(Figure::HostMemoryTotalBytes), Some(2_097_152.0));
        assert_eq!(figures.get(Figure::HostMemoryAvailableBytes), Some(1_048_576.0));
    }

    #[test]
    fn a_kernel_without_the_kill_counter_leaves_it_absent() {
        assert!(read(vmstat, "oom_killer 3\npgfault 5\n").is_empty());
        assert_eq!(read(vmstat, "oom_kill 3\n").get(Figure::HostOomKills), Some(3.0));
    }

    proptest! {
        #[test]
        fn no_text_makes_a_parser_panic(text in "(cpu |MemTotal:|oom_kill |some |full )?\\PC{0,60}\n{0,2}\\PC{0,20}") {
            for parse in ALL {
                read(*parse, &text);
            }
        }
    }
}
