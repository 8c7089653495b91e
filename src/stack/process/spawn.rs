//! The start of a service's process: in a session of its own, in its control groups, and bound to
//! the runner's life.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Stdio;

use nix::sys::signal::Signal;
use nix::unistd::{Pid, getpid, getppid, setsid, write};
use tokio::process::{Child, Command};

use super::limits::Group;
use super::prepare::Prepared;

/// Starts the service's first process.
///
/// The session keeps it apart from the terminal: Ctrl-C ends the runner, which then ends its
/// services in order. Should the runner be killed, the kernel kills this process with it (when the
/// thread that started it ends, so the runtime must be one that stays on the main thread).
///
/// # Errors
/// Why it cannot be started, with the remedy.
pub fn spawn(prepared: &Prepared, group: Option<&Group>) -> Result<Child, String> {
    let mut words = prepared.command.iter();
    let program = words.next().ok_or("no program is named")?;
    let doors = group.map(Group::doors).transpose();
    let doors = doors.map_err(|e| format!("its control group cannot be entered: {e}"))?;
    let mut command = Command::new(program);
    command
        .args(words)
        .envs(prepared.env.iter().cloned())
        .current_dir(&prepared.work_dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let runner = getpid();
    let doors = doors.unwrap_or_default();
    // SAFETY: between fork and exec the closure only makes system calls (write, setsid, prctl,
    // getppid), which are async-signal-safe, and allocates nothing.
    unsafe {
        command.pre_exec(move || enter(&doors, runner));
    }
    command.spawn().map_err(|error| cannot_start(program, &error))
}

fn enter(doors: &[File], runner: Pid) -> io::Result<()> {
    for door in doors {
        write(door, b"0")?;
    }
    setsid()?;
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    // The runner may have ended before the kernel knew that its end matters.
    if getppid() == runner { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
}

/// Whether a process of ours may enter a group, tried with one that ends before it runs anything.
///
/// # Errors
/// What the kernel said.
pub fn try_doors(doors: Vec<File>) -> io::Result<()> {
    const ENTERED: nix::errno::Errno = nix::errno::Errno::ECANCELED;
    let mut command = std::process::Command::new("true");
    // SAFETY: as above; only write is called.
    unsafe {
        command.pre_exec(move || {
            for door in &doors {
                write(door, b"0")?;
            }
            Err(ENTERED.into())
        });
    }
    match command.spawn() {
        Err(error) if error.raw_os_error() == Some(ENTERED as i32) => Ok(()),
        Err(error) => Err(error),
        Ok(mut child) => child.wait().map(drop),
    }
}

fn cannot_start(program: &str, error: &io::Error) -> String {
    let why = match error.kind() {
        io::ErrorKind::NotFound if program.contains('/') => {
            "no such file, or its interpreter is missing; correct the path".to_string()
        }
        io::ErrorKind::NotFound => {
            "no such program in PATH; install it, or write its path".to_string()
        }
        io::ErrorKind::PermissionDenied => {
            format!("it may not be executed ({error}); make it executable (chmod +x)")
        }
        _ => error.to_string(),
    };
    format!("{program}: {why}")
}
