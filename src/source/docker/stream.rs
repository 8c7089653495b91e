//! One container's stats stream: a task that keeps the latest frame, and opens the stream anew when
//! it breaks, ends, stalls, or sends what is no frame.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::{Client, Response};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::source::http::{body, first_line, root_cause};

/// A frame is 2 to 8 KB; a line beyond this is not one.
const LONGEST_FRAME: usize = 1 << 20;
/// First pause before a broken stream is opened again; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// A stream that says nothing is given longer each time it is opened, up to this many times the
/// first limit: while a container starts, all streams of an engine were seen to pause for 13 s.
const MORE_PATIENCE: u32 = 4;

/// What a stream knows now.
#[derive(Debug, Clone, Default)]
pub(super) struct Latest {
    /// The last complete line and when it arrived.
    pub frame: Option<(Arc<[u8]>, Instant)>,
    /// Why there is no working stream, while there is none.
    pub trouble: Option<String>,
}

/// A running stream; dropping it closes the connection.
#[derive(Debug)]
pub(super) struct Stream {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    latest: Mutex<Latest>,
    changed: Notify,
    rejected: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn frame(&self, line: &[u8]) {
        *self.lock() = Latest { frame: Some((Arc::from(line), Instant::now())), trouble: None };
        self.changed.notify_waiters();
    }

    fn broken(&self, why: String) {
        *self.lock() = Latest { frame: None, trouble: Some(why) };
        self.changed.notify_waiters();
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stream {
    /// Opens `url` and keeps it open. `stall` is the longest time without a frame.
    pub fn open(client: Client, url: String, stall: Duration) -> Stream {
        let shared = Arc::new(Shared::default());
        let task = tokio::spawn(keep_open(client, url, stall, Arc::clone(&shared)));
        Stream { shared, task }
    }

    /// The latest frame, or why there is none.
    pub fn latest(&self) -> Latest {
        self.shared.lock().clone()
    }

    /// Says that the latest frame cannot be understood: it is dropped and the stream opened anew.
    pub fn reject(&self, why: String) {
        self.shared.broken(why);
        self.shared.rejected.notify_one();
    }

    /// Waits until there is a frame or a reason why there is none.
    pub async fn answered(&self) {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            // Enrolled before the look, so that a change between the two is not missed.
            changed.as_mut().enable();
            let latest = self.latest();
            if latest.frame.is_some() || latest.trouble.is_some() {
                return;
            }
            changed.await;
        }
    }
}

async fn keep_open(client: Client, url: String, stall: Duration, shared: Arc<Shared>) {
    let mut pause = FIRST_PAUSE;
    let mut patience = stall;
    loop {
        let opened = Instant::now();
        let (why, frames) = follow(&client, &url, patience, &shared).await;
        shared.broken(why);
        patience = if frames { stall } else { (patience * 2).min(stall * MORE_PATIENCE) };
        // A stream that had worked for a while deserves a quick second try.
        if frames && opened.elapsed() > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Follows one connection to its end; answers why it ended, and whether it sent any frame.
async fn follow(client: &Client, url: &str, stall: Duration, shared: &Shared) -> (String, bool) {
    let seconds = stall.as_secs_f64();
    let mut response = match timeout(stall, client.get(url).send()).await {
        Err(_) => return (format!("the stats stream did not open within {seconds} s"), false),
        Ok(Err(error)) => return (format!("the stats stream: {}", root_cause(&error)), false),
        Ok(Ok(response)) => response,
    };
    if !response.status().is_success() {
        return (refusal("stats stream", response, stall).await, false);
    }
    let mut rest = Vec::new();
    let mut frames = false;
    let why = loop {
        let chunk = tokio::select! {
            chunk = timeout(stall, response.chunk()) => chunk,
            () = shared.rejected.notified() => {
                break "the stats stream sent a frame that cannot be understood".to_owned();
            }
        };
        match chunk {
            Err(_) => break format!("the stats stream sent nothing for {seconds} s"),
            Ok(Err(error)) => break format!("the stats stream broke: {}", root_cause(&error)),
            Ok(Ok(None)) => break "the engine ended the stats stream".to_owned(),
            Ok(Ok(Some(chunk))) => rest.extend_from_slice(&chunk),
        }
        if let Some(line) = take_last_line(&mut rest) {
            frames = true;
            shared.frame(&line);
        }
        if rest.len() > LONGEST_FRAME {
            break "the stats stream sent a line beyond 1 MiB".to_owned();
        }
    };
    (why, frames)
}

/// Why the engine refused a call, in its own words.
pub(super) async fn refusal(what: &str, response: Response, limit: Duration) -> String {
    #[derive(serde::Deserialize)]
    struct Said {
        message: String,
    }
    let status = response.status();
    let text = match timeout(limit, body(response, LONGEST_FRAME)).await {
        Ok(Ok(text)) => match serde_json::from_slice::<Said>(&text) {
            Ok(said) => first_line(said.message.as_bytes()),
            Err(_) => first_line(&text),
        },
        _ => String::new(),
    };
    // The relay's own answer: no engine said it.
    if status.as_u16() == crate::net::relay::UNREACHABLE {
        return format!("the engine cannot be reached: {text}");
    }
    format!("the engine refused the {what}: {status} {text}")
}

/// Takes all complete lines off the buffer and answers the last one that is not empty.
fn take_last_line(buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let end = buffer.iter().rposition(|byte| *byte == b'\n')?;
    let complete: Vec<u8> = buffer.drain(..=end).collect();
    complete
        .split(|byte| *byte == b'\n')
        .rfind(|line| !line.trim_ascii().is_empty())
        .map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::take_last_line;

    #[test]
    fn only_the_last_complete_line_counts_and_the_beginning_of_the_next_stays() {
        let mut buffer = b"one\ntwo\n\nthr".to_vec();
        assert_eq!(take_last_line(&mut buffer).as_deref(), Some(&b"two"[..]));
        assert_eq!(buffer, b"thr");
        assert_eq!(take_last_line(&mut buffer), None);
        buffer.extend_from_slice(b"ee\n");
        assert_eq!(take_last_line(&mut buffer).as_deref(), Some(&b"three"[..]));
        assert!(buffer.is_empty());
    }
}
