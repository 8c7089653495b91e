//! Ctrl-C, SIGTERM and SIGHUP: the first asks for an end in order, a second Ctrl-C or SIGTERM leaves
//! at once.

use std::future::Future;
use std::path::Path;

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
use tokio::sync::watch;

use crate::groups;
use crate::session::Signal;

/// Becomes something at the first signal.
pub type Interrupt = watch::Receiver<Option<Signal>>;

/// Listens from now on. A second signal ends the process with its code, and what it waits for.
///
/// A hangup that is ignored when the program starts (`nohup`) stays ignored, and one that follows
/// another signal says nothing new: a terminal that closes sends it twice.
///
/// # Errors
/// When the signals cannot be listened to.
pub fn listen() -> std::io::Result<Interrupt> {
    let interrupts = signal(SignalKind::interrupt())?;
    let terminations = signal(SignalKind::terminate())?;
    let hangups =
        if ignores_hangup(Path::new("/proc")) { None } else { Some(signal(SignalKind::hangup())?) };
    let (tell, told) = watch::channel(None);
    tokio::spawn(forward(interrupts, terminations, hangups, tell));
    Ok(told)
}

/// Pends until a signal came.
pub async fn heard(interrupt: &Interrupt) -> Signal {
    let mut interrupt = interrupt.clone();
    match interrupt.wait_for(Option::is_some).await.map(|signal| *signal) {
        Ok(Some(signal)) => signal,
        // Nobody can send any more: no signal will come.
        _ => std::future::pending().await,
    }
}

/// Does some work, unless a signal comes first: then it is left where it is.
///
/// # Errors
/// The signal.
pub async fn unless_heard<T>(
    interrupt: &Interrupt,
    work: impl Future<Output = T>,
) -> Result<T, Signal> {
    tokio::select! {
        biased;
        signal = heard(interrupt) => Err(signal),
        done = work => Ok(done),
    }
}

async fn forward(
    mut ints: Stream,
    mut terms: Stream,
    mut hups: Option<Stream>,
    tell: watch::Sender<Option<Signal>>,
) {
    let mut asked = false;
    loop {
        let signal = tokio::select! {
            Some(()) = ints.recv() => Signal::Interrupt,
            Some(()) = terms.recv() => Signal::Terminate,
            Some(()) = next(hups.as_mut()) => Signal::Hangup,
            else => return,
        };
        match (asked, signal) {
            (false, _) => {
                tell.send_replace(Some(signal));
            }
            (true, Signal::Hangup) => {}
            (true, _) => {
                groups::kill();
                std::process::exit(i32::from(signal.exit_code()));
            }
        }
        asked = true;
    }
}

async fn next(stream: Option<&mut Stream>) -> Option<()> {
    match stream {
        Some(stream) => stream.recv().await,
        None => std::future::pending().await,
    }
}

/// Whether SIGHUP was ignored when the program started: the first bit of `SigIgn` (proc(5)). Asking
/// the kernel by sigaction would need a handler to put in.
fn ignores_hangup(proc_root: &Path) -> bool {
    let status = std::fs::read_to_string(proc_root.join("self/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hangup_is_ignored_where_the_kernel_says_so() {
        let root = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(root.path().join("self")).expect("a folder");
        let with = |text: &str| {
            std::fs::write(root.path().join("self/status"), text).expect("a file");
            ignores_hangup(root.path())
        };
        assert!(with("Name:\trunner\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000000\n"));
        assert!(!with("Name:\trunner\nSigIgn:\t0000000000001000\nSigCgt:\t0000000000000001\n"));
        assert!(!with("Name:\trunner\n"));
    }

    #[tokio::test]
    async fn work_is_left_when_a_signal_comes_and_done_when_none_does() {
        let (tell, told) = watch::channel(None);
        assert_eq!(unless_heard(&told, async { 7 }).await, Ok(7));
        let (left, ()) = tokio::join!(unless_heard(&told, std::future::pending::<()>()), async {
            tell.send_replace(Some(Signal::Hangup));
        });
        assert_eq!(left, Err(Signal::Hangup));
    }
}
