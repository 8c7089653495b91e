//! One call of the compose tool: no terminal, no input, a process group of its own, a time limit.
//!
//! On a terminal the plugins ask questions and 5.5.0 hangs on Ctrl-C; in the runner's own group
//! Ctrl-C would end them before the runner could. A call that is dropped (an interrupt) is asked
//! to end, and the next one waits until it has.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use crate::groups::Living;

/// Kept of each stream, bytes: `config` of a very large project is below.
const KEEP: usize = 16 * 1024 * 1024;
/// How long a call may take to end after it was asked to.
pub const FAREWELL: Duration = Duration::from_secs(5);

/// What a call said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output {
    /// Exit code; absent when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error: progress, and the reason when it failed.
    pub stderr: String,
}

impl Output {
    /// Whether it exited with 0. That alone does not mean that anything was done.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.code == Some(0)
    }
}

/// How a call went wrong before it could say anything.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The program is not there or cannot be started.
    #[error("`{program}` cannot be started: {error}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        error: std::io::Error,
    },
    /// It did not end in time and was ended.
    #[error("it did not end within {} s; its last words: {said}", limit.as_secs())]
    TimedOut {
        /// How long was waited.
        limit: Duration,
        /// The end of what it said.
        said: String,
    },
}

/// What calls of one tool share: the environment, and the group of a call that was cut short.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    env: Vec<(String, String)>,
    unset: Vec<&'static str>,
    leaving: Arc<Leaving>,
}

impl Caller {
    /// Calls with these variables set and these unset.
    #[must_use]
    pub fn new(env: Vec<(String, String)>, unset: Vec<&'static str>) -> Caller {
        Caller { env, unset, leaving: Arc::default() }
    }

    /// Runs `words` in `dir` and waits for its end.
    ///
    /// # Errors
    /// When it cannot be started or does not end within `limit`.
    pub async fn run(
        &self,
        words: &[String],
        dir: &Path,
        limit: Duration,
    ) -> Result<Output, CallError> {
        self.wait_for_leaving().await;
        let (program, args) = words.split_first().map_or(("", words), |(p, a)| (p.as_str(), a));
        let mut command = Command::new(program);
        command
            .args(args)
            .envs(self.env.iter().map(|(k, v)| (k, v)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        if dir.is_dir() {
            command.current_dir(dir);
        }
        for name in &self.unset {
            command.env_remove(name);
        }
        let start = |error| CallError::Start { program: program.to_owned(), error };
        let mut child = command.spawn().map_err(start)?;
        let mut guard = Guard { group: Living::of(child.id()), leaving: self.leaving.clone() };
        // Goes on when the call is dropped: whoever ends in order must not die of a closed pipe.
        let said = Arc::new(Mutex::new(Vec::new()));
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let err = said.clone();
        let all = tokio::spawn(async move {
            let out = Mutex::new(Vec::new());
            tokio::join!(read(stdout, &out), read(stderr, &err));
            (child.wait().await, text(&out))
        });
        match tokio::time::timeout(limit, all).await {
            Ok(ended) => {
                guard.group = None;
                let (status, stdout) = ended.map_err(|e| start(std::io::Error::other(e)))?;
                Ok(Output { code: status.map_err(start)?.code(), stdout, stderr: text(&said) })
            }
            Err(_) => {
                drop(guard);
                self.wait_for_leaving().await;
                Err(CallError::TimedOut {
                    limit,
                    said: super::failure::last_lines(&text(&said), 3),
                })
            }
        }
    }

    /// Waits until a call that was cut short is gone.
    async fn wait_for_leaving(&self) {
        let taken = self.leaving.take();
        let Some(group) = taken else { return };
        let begun = tokio::time::Instant::now();
        while group.is_there() {
            if begun.elapsed() > FAREWELL {
                group.send(Signal::SIGKILL);
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The group of a call that was cut short and asked to end.
#[derive(Debug, Default)]
struct Leaving(Mutex<Option<Living>>);

impl Leaving {
    fn put(&self, group: Living) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(group);
    }

    fn take(&self) -> Option<Living> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        // No further call waits for it: it must not outlive this process.
        if let Some(group) = self.take() {
            group.abandon();
        }
    }
}

/// Asks the group to end when the call is dropped before its end.
struct Guard {
    group: Option<Living>,
    leaving: Arc<Leaving>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(group) = self.group.take() {
            group.send(Signal::SIGTERM);
            self.leaving.put(group);
        }
    }
}

/// Reads to the end, keeping the last [`KEEP`] bytes or more.
async fn read(stream: Option<impl AsyncRead + Unpin>, into: &Mutex<Vec<u8>>) {
    let Some(mut stream) = stream else { return };
    let mut part = vec![0; 16 * 1024];
    while let Ok(n) = stream.read(&mut part).await {
        if n == 0 {
            return;
        }
        let mut into = into.lock().unwrap_or_else(PoisonError::into_inner);
        into.extend_from_slice(part.get(..n).unwrap_or_default());
        if into.len() > 2 * KEEP {
            let old = into.len() - KEEP;
            into.drain(..old);
        }
    }
}

fn text(bytes: &Mutex<Vec<u8>>) -> String {
    let bytes = bytes.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Vec<String> {
        vec!["sh".into(), "-c".into(), script.into()]
    }

    async fn run(script: &str, limit: Duration) -> Result<Output, CallError> {
        Caller::default().run(&sh(script), Path::new("/"), limit).await
    }

    #[tokio::test]
    async fn a_call_has_no_input_and_a_group_of_its_own() {
        let script = "cat; test ! -t 0 && ps -o pgid= -p $$ | tr -d ' '; echo $$ >&2; exit 3";
        let output = run(script, Duration::from_secs(30)).await.expect("it ran");
        assert_eq!(output.code, Some(3));
        assert_eq!(output.stdout.trim(), output.stderr.trim());
    }

    #[tokio::test]
    async fn a_call_that_hangs_is_ended_with_its_children() {
        let error = run("echo working >&2; sleep 1000 & wait", Duration::from_millis(500))
            .await
            .expect_err("it hangs");
        assert!(error.to_string().contains("working"), "{error}");
    }

    #[tokio::test]
    async fn a_call_cut_short_is_gone_before_the_next_one_runs() {
        let dir = tempfile::tempdir().expect("a folder");
        let caller = Caller::default();
        let mark = dir.path().join("mark");
        let slow = sh(&format!(
            "trap 'sleep 0.3; echo done > {0}; exit' TERM; echo > {0}.up; while :; do sleep 0.05; done",
            mark.display()
        ));
        let limit = Duration::from_secs(30);
        let up = dir.path().join("mark.up");
        tokio::select! {
            _ = caller.run(&slow, dir.path(), limit) => panic!("it does not end by itself"),
            () = async { while !up.exists() { tokio::time::sleep(Duration::from_millis(10)).await } } => {}
        }
        let next = caller.run(&sh("cat mark"), dir.path(), limit).await.expect("it ran");
        assert_eq!(next.stdout.trim(), "done");
    }

    #[tokio::test]
    async fn an_absent_program_is_named() {
        let words = ["no-such-compose-tool".to_owned()];
        let error = Caller::default()
            .run(&words, Path::new("/"), Duration::from_secs(1))
            .await
            .expect_err("there is none");
        assert!(error.to_string().contains("`no-such-compose-tool` cannot be started"), "{error}");
    }
}
