//! Who made something or holds a lock: a process, told apart from a later one with the same pid.
//!
//! Written into labels and lock files as `pid:start:namespace:boot`: the pid, its start time in
//! clock ticks since boot, the inode of its pid namespace (a pid means nothing in another one) and
//! the first digits of the boot id (start times mean nothing after a reboot).

use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// A process that made something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its pid.
    pub pid: u32,
    /// Start time, clock ticks since boot.
    pub start: u64,
    /// Inode of its pid namespace; 0 where it is not known.
    pub namespace: u64,
    /// First digits of the boot id; empty where it is not known.
    pub boot: String,
}

/// Whether a holder still lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It does.
    Alive,
    /// It does not.
    Dead,
    /// It cannot be told from here: another machine or another pid namespace.
    Unknown,
}

impl Holder {
    /// This process.
    ///
    /// # Errors
    /// Where /proc is not readable.
    pub fn me() -> std::io::Result<Holder> {
        let pid = std::process::id();
        let start = start_time(Path::new("/proc"), pid)
            .ok_or_else(|| std::io::Error::other("/proc/self/stat is not readable"))?;
        Ok(Holder { pid, start, namespace: namespace(), boot: boot() })
    }

    /// Whether it still lives, seen from this process. `this_machine` says that it can only have
    /// lived here (what it made is on this machine's engine): then another boot is a reboot.
    #[must_use]
    pub fn life(&self, this_machine: bool) -> Life {
        self.life_in(Path::new("/proc"), namespace(), &boot(), this_machine)
    }

    /// Whether any process has this pid now, seen from here.
    #[must_use]
    pub fn lives(pid: u32) -> bool {
        start_time(Path::new("/proc"), pid).is_some()
    }

    fn life_in(&self, proc_root: &Path, namespace: u64, boot: &str, this_machine: bool) -> Life {
        if self.boot != boot {
            return if this_machine { Life::Dead } else { Life::Unknown };
        }
        if self.namespace != namespace {
            return Life::Unknown;
        }
        match start_time(proc_root, self.pid) {
            Some(start) if start == self.start => Life::Alive,
            _ => Life::Dead,
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Holder { pid, start, namespace, boot } = self;
        write!(f, "{pid}:{start}:{namespace}:{boot}")
    }
}

/// A text that does not name a holder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` does not name a process (pid:start:namespace:boot)")]
pub struct NotAHolder(String);

impl FromStr for Holder {
    type Err = NotAHolder;

    fn from_str(text: &str) -> Result<Holder, NotAHolder> {
        let parts: Vec<&str> = text.trim().split(':').collect();
        let parse = || -> Option<Holder> {
            let [pid, start, namespace, boot] = parts.as_slice() else {
                return None;
            };
            Some(Holder {
                pid: pid.parse().ok()?,
                start: start.parse().ok()?,
                namespace: namespace.parse().ok()?,
                boot: (*boot).to_owned(),
            })
        };
        parse().ok_or_else(|| NotAHolder(text.to_owned()))
    }
}

/// Start time of a process, clock ticks since boot: field 22 of /proc/PID/stat (proc(5)); the
/// second field is a name in parentheses that may hold anything.
fn start_time(proc_root: &Path, pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(proc_root.join(pid.to_string()).join("stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    // A zombie has ended, it only waits for its parent.
    let state = fields.next()?;
    if state == "Z" || state == "X" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

fn namespace() -> u64 {
    std::fs::read_link("/proc/self/ns/pid")
        .ok()
        .and_then(|link| {
            let text = link.to_string_lossy().into_owned();
            let (_, inode) = text.split_once('[')?;
            inode.trim_end_matches(']').parse().ok()
        })
        .unwrap_or(0)
}

fn boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().chars().take(8).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_survives_its_text() {
        let me = Holder::me().expect("/proc is readable");
        assert_eq!(me.to_string().parse(), Ok(me.clone()));
        assert_eq!(me.life(true), Life::Alive);
    }

    #[test]
    fn a_later_process_with_the_same_pid_is_not_the_holder() {
        let mut other = Holder::me().expect("/proc is readable");
        other.start += 1;
        assert_eq!(other.life(true), Life::Dead);
    }

    #[test]
    fn another_machine_or_pid_namespace_cannot_be_told() {
        let me = Holder::me().expect("/proc is readable");
        let elsewhere = Holder { namespace: me.namespace + 1, ..me.clone() };
        assert_eq!(elsewhere.life(true), Life::Unknown);
        let rebooted = Holder { boot: "00000000".into(), ..me };
        assert_eq!(rebooted.life(false), Life::Unknown);
        assert_eq!(rebooted.life(true), Life::Dead, "this machine was started anew since");
    }

    #[test]
    fn a_name_with_parentheses_and_a_zombie_do_not_confuse_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let proc = dir.path().join("7");
        std::fs::create_dir(&proc).expect("a folder");
        let stat = |state: &str| {
            format!("7 (a) b (c) {state} 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2 3\n")
        };
        std::fs::write(proc.join("stat"), stat("S")).expect("a file");
        let holder = Holder { pid: 7, start: 98765, namespace: 1, boot: "b".into() };
        assert_eq!(holder.life_in(dir.path(), 1, "b", true), Life::Alive);
        std::fs::write(proc.join("stat"), stat("Z")).expect("a file");
        assert_eq!(holder.life_in(dir.path(), 1, "b", true), Life::Dead);
    }

    #[test]
    fn other_texts_name_nobody() {
        for text in ["", "12", "12:x:1:b", "a:1:1:b", "1:2:3", "1:2:3:4:5"] {
            assert!(text.parse::<Holder>().is_err(), "{text}");
        }
    }
}
