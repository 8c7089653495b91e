//! The last lines that a service wrote.
//!
//! A service may write anything: bytes that are no text, a line without an end. What is kept is
//! bounded, and reading never stops before the service does, since a pipe that nobody reads would
//! stop it, and one that is closed would kill it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt};

/// Lines that are kept.
const LINES: usize = 100;
/// Bytes of a line that are kept.
const LINE_BYTES: usize = 4096;

/// The last lines, shared by the readers of both outputs.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<VecDeque<String>>>);

impl Log {
    /// The last lines, the newest last.
    #[must_use]
    pub fn text(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect::<Vec<_>>().join("\n")
    }

    /// The newest line.
    #[must_use]
    pub fn last(&self) -> Option<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().rev().find(|line| !line.trim().is_empty()).cloned()
    }

    fn push(&self, line: &[u8]) {
        let line = String::from_utf8_lossy(line).trim_end_matches('\r').to_string();
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// Takes what comes until the other end is closed.
    pub async fn collect(self, mut out: impl AsyncRead + Unpin) {
        let mut chunk = vec![0; 4096];
        let mut line = Vec::new();
        while let Ok(count @ 1..) = out.read(&mut chunk).await {
            for byte in chunk.iter().take(count) {
                match byte {
                    b'\n' => self.push(&std::mem::take(&mut line)),
                    _ if line.len() < LINE_BYTES => line.push(*byte),
                    _ => {}
                }
            }
        }
        if !line.is_empty() {
            self.push(&line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn after(bytes: &[u8]) -> Log {
        let log = Log::default();
        log.clone().collect(bytes).await;
        log
    }

    #[tokio::test]
    async fn the_last_hundred_lines_are_kept_also_one_without_an_end() {
        let text: String = (0..250).map(|n| format!("line {n}\n")).collect();
        let log = after(format!("{text}the end").as_bytes()).await;
        let kept = log.text();
        assert_eq!(kept.lines().count(), 100);
        assert!(kept.starts_with("line 151\n") && kept.ends_with("line 249\nthe end"), "{kept}");
        assert_eq!(log.last().as_deref(), Some("the end"));
    }

    #[tokio::test]
    async fn bytes_that_are_no_text_and_endless_lines_do_no_harm() {
        let mut bytes = vec![0xff, 0xfe, b'\n'];
        bytes.extend(vec![b'x'; 1_000_000]);
        bytes.extend(b"\nafter\n");
        let log = after(&bytes).await;
        let lengths: Vec<usize> = log.text().lines().map(str::len).collect();
        assert_eq!(lengths, [6, LINE_BYTES, 5]);
    }
}
