//! Ctrl-C and SIGTERM: the first asks for an end, the second leaves at once.

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
use tokio::sync::watch;

use crate::session::Signal;

/// Listens from now on. The channel becomes something at the first signal; a second one ends the
/// process with its code.
///
/// # Errors
/// When the signals cannot be listened to.
pub fn listen() -> std::io::Result<watch::Receiver<Option<Signal>>> {
    let interrupts = signal(SignalKind::interrupt())?;
    let terminations = signal(SignalKind::terminate())?;
    let (tell, told) = watch::channel(None);
    tokio::spawn(forward(interrupts, terminations, tell));
    Ok(told)
}

async fn forward(mut ints: Stream, mut terms: Stream, tell: watch::Sender<Option<Signal>>) {
    let mut asked = false;
    loop {
        let signal = tokio::select! {
            Some(()) = ints.recv() => Signal::Interrupt,
            Some(()) = terms.recv() => Signal::Terminate,
            else => return,
        };
        if asked {
            std::process::exit(i32::from(signal.exit_code()));
        }
        asked = true;
        tell.send_replace(Some(signal));
    }
}
