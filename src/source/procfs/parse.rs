//! What files of `/proc/PID` say (proc_pid_stat(5), proc_pid_status(5), proc_pid_io(5)).

/// From `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stat {
    /// Parent's pid.
    pub parent: i32,
    /// Session: the pid of the process that began it.
    pub session: i32,
    /// CPU time of all its threads and of the children it waited for, clock ticks.
    pub cpu_ticks: u64,
    /// Threads.
    pub threads: u64,
    /// Start time, clock ticks since boot: tells a reused pid apart.
    pub start_ticks: u64,
}

/// Parses `/proc/PID/stat`. The second field is the command in parentheses and may itself hold
/// parentheses and blanks: fields are counted from the last `)`.
#[must_use]
pub fn stat(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // fields[0] is field 3 of proc_pid_stat(5).
    let field = |number: usize| fields.get(number - 3)?.parse::<i64>().ok();
    let unsigned = |number: usize| u64::try_from(field(number)?).ok();
    let cpu = (14..=17).map(unsigned).sum::<Option<u64>>()?;
    Some(Stat {
        parent: i32::try_from(field(4)?).ok()?,
        session: i32::try_from(field(6)?).ok()?,
        cpu_ticks: cpu,
        threads: unsigned(20)?,
        start_ticks: unsigned(22)?,
    })
}

/// Resident memory by kind, from `/proc/PID/status`, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// Anonymous pages.
    pub anon: Option<u64>,
    /// Pages of mapped files.
    pub file: Option<u64>,
    /// Shared memory and tmpfs.
    pub shmem: Option<u64>,
    /// Swapped out.
    pub swap: Option<u64>,
}

/// Parses `/proc/PID/status`. A kernel thread and a zombie have no memory lines.
#[must_use]
pub fn memory(text: &str) -> Memory {
    let mut memory = Memory::default();
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let slot = match key {
            "RssAnon" => &mut memory.anon,
            "RssFile" => &mut memory.file,
            "RssShmem" => &mut memory.shmem,
            "VmSwap" => &mut memory.swap,
            _ => continue,
        };
        let kilobytes = value.trim().strip_suffix("kB").map_or(value, str::trim);
        *slot = kilobytes.trim().parse::<u64>().ok().and_then(|kb| kb.checked_mul(1024));
    }
    memory
}

/// Bytes read from and written to storage, from `/proc/PID/io`.
#[must_use]
pub fn io(text: &str) -> (Option<u64>, Option<u64>) {
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key))?;
        line.strip_prefix(':')?.trim().parse().ok()
    };
    (value("read_bytes"), value("write_bytes"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STAT: &str = "4242 (a (b) c) S 17 4242 4242 0 -1 4194560 100 5 0 0 250 50 7 3 20 0 9 0 \
                        123456 1000000 2500 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0";

    #[test]
    fn fields_are_counted_from_the_last_parenthesis_of_the_command() {
        let expected =
            Stat { parent: 17, session: 4242, cpu_ticks: 310, threads: 9, start_ticks: 123_456 };
        assert_eq!(stat(STAT), Some(expected));
    }

    #[test]
    fn memory_is_split_by_kind_and_absent_where_a_line_is_missing() {
        let text = "Name:\tx\nVmRSS:\t  900 kB\nRssAnon:\t  500 kB\nRssFile:\t  400 kB\n";
        let memory = memory(text);
        assert_eq!(memory.anon, Some(512_000));
        assert_eq!(memory.file, Some(409_600));
        assert_eq!((memory.shmem, memory.swap), (None, None));
    }

    #[test]
    fn io_counts_storage_not_the_page_cache() {
        let text = "rchar: 1\nwchar: 2\nread_bytes: 4096\nwrite_bytes: 8192\n";
        assert_eq!(io(text), (Some(4096), Some(8192)));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,300}") {
            let _ = (stat(&text), memory(&text), io(&text));
        }
    }
}
