//! A command on this machine: no terminal, no input, a process group of its own that ends with it.

use std::process::Stdio;

use nix::sys::signal::Signal;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use super::Failure;
use super::output::Kept;
use crate::groups::Living;

/// Runs it to its end. Dropped before, its whole group is killed.
///
/// # Errors
/// It cannot be started, or ended with another code than 0.
pub(super) async fn run(
    command: &[String],
    env: &[(String, String)],
    kept: &Kept,
) -> Result<(), Failure> {
    let Some((program, arguments)) = command.split_first() else {
        return Err("no command is written".to_string());
    };
    let mut child = Command::new(program)
        .args(arguments)
        .envs(env.iter().map(|(key, value)| (key, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("{program} cannot be started: {error}"))?;
    let guard = Guard(Living::of(child.id()));
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let status = {
        // A grandchild may hold the pipes open for ever: the command's own end counts.
        let reading = async { tokio::join!(read(out, kept), read(err, kept)) };
        tokio::pin!(reading);
        let waiting = child.wait();
        tokio::pin!(waiting);
        tokio::select! {
            status = &mut waiting => {
                let _ = tokio::time::timeout(LAST_WORDS, reading).await;
                status
            }
            _ = &mut reading => waiting.await,
        }
    };
    drop(guard);
    let status = status.map_err(|error| format!("{program}: {error}"))?;
    match status.code() {
        Some(0) => Ok(()),
        Some(code) => Err(said(&format!("{program} ended with code {code}"), kept)),
        None => Err(format!("{program} was ended by a signal")),
    }
}

/// Time for what was said at the very end.
const LAST_WORDS: std::time::Duration = std::time::Duration::from_millis(500);

/// What happened, with the last line of the output.
pub(super) fn said(what: &str, kept: &Kept) -> Failure {
    match kept.end() {
        end if end.is_empty() => what.to_string(),
        end => format!("{what}: {end}"),
    }
}

/// Ends the whole group, children of children included.
struct Guard(Option<Living>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(group) = &self.0 {
            group.send(Signal::SIGKILL);
        }
    }
}

async fn read(stream: Option<impl AsyncRead + Unpin>, kept: &Kept) {
    let Some(mut stream) = stream else { return };
    let mut buffer = [0; 16 << 10];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        kept.add(&buffer[..count]);
    }
}
