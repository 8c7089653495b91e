//! Whether the kernel killed anything on this machine lately: one file in place of one a container.

use std::fs::File;
use std::path::Path;

use crate::source::buffer::Buffer;
use crate::source::kernel_text::value_of;

/// Rounds in which containers' own counts are read after the machine's rose. The kernel counts the
/// machine's first, so that one round might come between the two.
const ROUNDS: u32 = 2;

/// Follows `oom_kill` in `/proc/vmstat` (kernel 4.13 and later), which counts every OOM kill,
/// whatever group it was in.
pub(super) struct MachineKills {
    vmstat: Option<File>,
    last: Option<f64>,
    rounds: u32,
}

impl MachineKills {
    pub fn open(proc_root: &Path) -> MachineKills {
        MachineKills { vmstat: File::open(proc_root.join("vmstat")).ok(), last: None, rounds: 0 }
    }

    /// Whether a container may have lost a process since the last round; true where that cannot be
    /// told. Must be asked before the containers are read.
    pub fn may_have_risen(&mut self, buffer: &mut Buffer) -> bool {
        let text = self.vmstat.as_ref().and_then(|file| buffer.read_all(file).ok());
        let Some(now) = text.and_then(|text| value_of(text, "oom_kill")) else {
            return true;
        };
        if self.last.replace(now).is_some_and(|last| last != now) {
            self.rounds = ROUNDS;
        }
        let risen = self.rounds > 0;
        self.rounds = self.rounds.saturating_sub(1);
        risen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_opens_two_rounds_and_a_machine_that_does_not_count_opens_all() {
        let root = tempfile::tempdir().expect("folder");
        let say = |text: &str| std::fs::write(root.path().join("vmstat"), text).expect("write");
        let mut buffer = Buffer::new();
        say("pgfault 7\noom_kill 3\npgmigrate_success 0\n");
        let mut kills = MachineKills::open(root.path());
        let mut ask = || kills.may_have_risen(&mut buffer);
        assert_eq!([ask(), ask()], [false, false]);
        say("pgfault 9\noom_kill 4\npgmigrate_success 0\n");
        assert_eq!([ask(), ask(), ask()], [true, true, false]);
        say("pgfault 9\npgmigrate_success 0\n");
        assert_eq!([ask(), ask(), ask()], [true, true, true]);
        let mut none = MachineKills::open(Path::new("/nowhere"));
        assert!(none.may_have_risen(&mut Buffer::new()));
    }
}
