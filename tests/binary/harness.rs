//! A folder to run the program in, and what it needs of the machine.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A fresh folder in which the program is run.
pub struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    pub fn new() -> Site {
        Site { folder: tempfile::tempdir().expect("a folder") }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// The program with these arguments, in this folder, without a terminal.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
        command.args(args).current_dir(self.path()).env("NO_COLOR", "1").stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::from(self.command(args).output().expect("the program starts"))
    }

    pub fn start(&self, args: &[&str]) -> Child {
        let log = std::fs::File::create(self.path().join("log.txt")).expect("a log");
        self.command(args).stdout(Stdio::null()).stderr(log).spawn().expect("the program starts")
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path().join("log.txt")).unwrap_or_default()
    }

    /// The run folders in `results`.
    pub fn runs(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.path().join("results")) else { return Vec::new() };
        let mut runs: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        runs.sort();
        runs
    }
}

/// How the program ended.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ran {
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "stderr:\n{}\nstdout:\n{}", self.err, self.out);
        self
    }
}

pub fn json(path: &Path) -> Value {
    let text = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A file of the repository.
pub fn in_repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Waits for something, at most so long.
#[track_caller]
pub fn wait_for<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "no {what} within {} s", limit.as_secs());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Whether a process lives; one that only waits for its parent does not.
pub fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

/// Sends a signal to a program.
#[track_caller]
pub fn signal(child: &Child, signal: nix::sys::signal::Signal) {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
    nix::sys::signal::kill(pid, signal).expect("a signal");
}

/// Tests that measure share one machine: one at a time.
pub fn alone() -> MutexGuard<'static, ()> {
    static MACHINE: Mutex<()> = Mutex::new(());
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits up to a minute until the machine is less than half busy: a stress test on a busy machine
/// rightly says "host-bound".
#[track_caller]
pub fn wait_until_quiet() {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let busy = busy_percent(Duration::from_secs(2));
        if busy < 50.0 {
            return;
        }
        assert!(Instant::now() < end, "the machine is {busy:.0} % busy: nothing can be measured");
    }
}

fn busy_percent(over: Duration) -> f64 {
    let (busy, total) = cpu_ticks();
    std::thread::sleep(over);
    let (busy_now, total_now) = cpu_ticks();
    100.0 * (busy_now - busy) / (total_now - total).max(1.0)
}

/// All but idle and iowait, and all: `/proc/stat`.
fn cpu_ticks() -> (f64, f64) {
    let text = std::fs::read_to_string("/proc/stat").expect("/proc/stat");
    let line = text.lines().next().expect("a line");
    let fields: Vec<f64> = line.split_whitespace().skip(1).filter_map(|f| f.parse().ok()).collect();
    // guest and guest_nice are counted in user and nice.
    let total: f64 = fields.iter().take(8).sum();
    (total - fields[3] - fields[4], total)
}
