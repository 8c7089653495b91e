//! A process that outlives a runner that was killed, just long enough to end what it left.
//!
//! The kernel ends the services with their runner, but not what they have started themselves. The guard
//! is this program again, with a pipe from the runner: while the runner lives it waits, and when the
//! pipe closes, however that came, it ends all that carries the run's mark.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{SigSet, Signal};

use super::limits::{Groups, end_group};
use super::mark;

/// The hidden word of the command line that makes this program a guard: mark and control group root
/// follow.
pub const COMMAND: &str = "process-guard";

/// The runner's end of a guard; it goes when this is dropped.
#[derive(Debug)]
pub struct Guard(Child);

impl Guard {
    /// Starts one for the run with this mark.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(program: &Path, mark: &str, cgroup_root: &Path) -> io::Result<Guard> {
        Command::new(program)
            .arg(COMMAND)
            .arg(mark)
            .arg(cgroup_root)
            .current_dir("/")
            .env_remove(mark::VARIABLE)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C on the terminal is for the runner.
            .process_group(0)
            .spawn()
            .map(Guard)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // It finds nothing to do: what the run made was ended in order.
        let _ = self.0.wait();
    }
}

/// The guard's own work, with the words after [`COMMAND`].
pub fn command(mut words: impl Iterator<Item = String>) {
    let (Some(mark), Some(root)) = (words.next(), words.next()) else { return };
    let mut asked = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        asked.add(signal);
    }
    // Whoever asks all of a session to end asks the runner too, and that is who tells the guard.
    let _ = asked.thread_block();
    watch(io::stdin(), Path::new("/proc"), &mark, &PathBuf::from(root));
}

/// Waits for the pipe's end, then ends what carries the mark.
fn watch(mut pipe: impl Read, proc_root: &Path, mark: &str, cgroup_root: &Path) {
    // Nothing is ever said; an error is an end too.
    let _ = io::copy(&mut pipe, &mut io::sink());
    let mine = format!("{mark}/");
    mark::end_processes(proc_root, |owner| owner.starts_with(&mine));
    for parent in Groups::parents(cgroup_root) {
        end_group(&parent.join(mark));
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn what_carries_the_mark_is_ended_when_the_pipe_closes_and_not_before() {
        let sleep = |owner: &str| {
            let mut command = Command::new("sleep");
            command.arg("77").env(mark::VARIABLE, owner).spawn().expect("sleep")
        };
        let mut mine = sleep("runner-guarded-1/web");
        let mut other = sleep("runner-guarded-12/web");
        let (reader, writer) = io::pipe().expect("a pipe");
        let guard = std::thread::spawn(move || {
            watch(reader, Path::new("/proc"), "runner-guarded-1", Path::new("/nowhere"));
        });
        assert!(mine.try_wait().expect("a child").is_none(), "the pipe is open");
        drop(writer);
        guard.join().expect("it ends");
        assert_eq!(mine.wait().expect("ended").signal(), Some(9));
        assert!(other.try_wait().expect("a child").is_none(), "another run's");
        other.kill().expect("ours");
        other.wait().expect("ended");
    }
}
