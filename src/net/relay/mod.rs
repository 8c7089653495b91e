//! A private Unix socket whose connections go on to an engine over TLS or SSH.
//!
//! The HTTP clients of the package speak to sockets of this machine only, so one relay gives all of
//! them (the engine's API, streams of statistics, events) the same way to a distant engine. The
//! socket lies in a folder that nobody else may enter: who can open it can use the engine.
//!
//! A connection that cannot be made is answered with `502 Bad Gateway` and the reason in the
//! engine's own form of an error, so that the reason reaches whoever asked.

mod ssh;
mod tls;

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

pub use ssh::{Ssh, SshTarget};
pub use tls::{Tls, TlsFiles};

/// Status of the answer when the far end cannot be reached.
pub const UNREACHABLE: u16 = 502;
/// How long the far end may take to finish once the near end is done.
const FAREWELL: Duration = Duration::from_secs(30);
/// Pause after a connection that could not be taken (too many open files).
const BREATH: Duration = Duration::from_millis(100);

/// Where the connections of a relay go.
#[derive(Debug)]
pub enum Way {
    /// To a TLS server.
    Tls(Tls),
    /// To the engine of a machine that is reached with `ssh`.
    Ssh(Ssh),
}

impl Way {
    async fn open(&self) -> Result<Far, String> {
        match self {
            Way::Tls(tls) => tls.open().await,
            Way::Ssh(ssh) => ssh.open().await,
        }
    }
}

/// One connection to the far end.
struct Far {
    read: Box<dyn AsyncRead + Send + Unpin>,
    write: Box<dyn AsyncWrite + Send + Unpin>,
    /// Called with the first bytes: the connection works.
    works: Option<Box<dyn FnOnce() + Send>>,
    /// Says why the far end closed without having said anything.
    why: Box<dyn FnOnce(Option<io::Error>) -> BoxFuture<'static, String> + Send>,
}

/// A relay; it ends, with its connections, when it is dropped.
#[derive(Debug)]
pub struct Relay {
    folder: PathBuf,
    socket: PathBuf,
    task: JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
        // An empty folder in a temporary place: nothing is lost if it stays.
        let _ = std::fs::remove_file(&self.socket);
        let _ = std::fs::remove_dir(&self.folder);
    }
}

impl Relay {
    /// Opens a relay with its socket in a new folder of its own within `parent`. Must be called
    /// within a tokio runtime.
    ///
    /// # Errors
    /// When the folder or the socket cannot be made.
    pub fn open(parent: &Path, way: Way) -> io::Result<Relay> {
        let folder = own_folder(parent)?;
        let socket = folder.join("engine.sock");
        let listener = UnixListener::bind(&socket).inspect_err(|_| {
            let _ = std::fs::remove_dir(&folder);
        })?;
        let task = tokio::spawn(accept(listener, Arc::new(way)));
        Ok(Relay { folder, socket, task })
    }

    /// The socket to connect to.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }
}

/// A folder `relay-PID-N` that only this user may enter. What a killed process left is removed.
fn own_folder(parent: &Path) -> io::Result<PathBuf> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    clear_left_behind(parent);
    loop {
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = parent.join(format!("relay-{}-{n}", std::process::id()));
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
}

fn clear_left_behind(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|n| n.strip_prefix("relay-")?.split('-').next());
        let Some(owner) = owner.and_then(|pid| pid.parse::<u32>().ok()) else { continue };
        if owner != std::process::id() && !Path::new("/proc").join(owner.to_string()).exists() {
            // Only what a relay makes: a folder with anything else in it stays.
            let _ = std::fs::remove_file(entry.path().join("engine.sock"));
            let _ = std::fs::remove_dir(entry.path());
        }
    }
}

async fn accept(listener: UnixListener, way: Arc<Way>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((near, _)) => {
                    connections.spawn(serve(near, Arc::clone(&way)));
                }
                Err(_) => tokio::time::sleep(BREATH).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(mut near: UnixStream, way: Arc<Way>) {
    // The first words before the way: a connection that nobody uses need not go further, and an
    // answer that came before its request would be an error of its own to HTTP clients.
    let mut words = vec![0; 16 * 1024];
    match near.read(&mut words).await {
        Ok(n @ 1..) => words.truncate(n),
        _ => return,
    }
    let why = match way.open().await {
        Ok(far) => pass_on(&mut near, &words, far).await,
        Err(why) => Some(why),
    };
    if let Some(why) = why {
        refuse(&mut near, &why).await;
    }
}

/// Passes `words` and all further bytes to the end; answers the reason when the far end said nothing at all.
async fn pass_on(near: &mut UnixStream, words: &[u8], mut far: Far) -> Option<String> {
    let mut works = far.works.take();
    let mut said_anything = false;
    let failure = {
        let (mut near_read, mut near_write) = near.split();
        let up = async {
            // An end of either side ends the way up; the way down tells what it means.
            if far.write.write_all(words).await.is_ok() && far.write.flush().await.is_ok() {
                let _ = tokio::io::copy(&mut near_read, &mut far.write).await;
            }
            let _ = far.write.shutdown().await;
        };
        let down = async {
            let mut buffer = vec![0; 32 * 1024];
            loop {
                let n = match far.read.read(&mut buffer).await {
                    Ok(0) => return None,
                    Ok(n) => n,
                    Err(error) => return Some(error),
                };
                said_anything = true;
                if let Some(works) = works.take() {
                    works();
                }
                if near_write.write_all(&buffer[..n]).await.is_err() {
                    return None;
                }
            }
        };
        tokio::pin!(up, down);
        tokio::select! {
            failure = &mut down => failure,
            () = &mut up => timeout(FAREWELL, down).await.unwrap_or(None),
        }
    };
    if said_anything { None } else { Some((far.why)(failure).await) }
}

/// Answers whatever was asked with the reason why it cannot be asked.
async fn refuse(near: &mut UnixStream, why: &str) {
    let body = serde_json::json!({ "message": why }).to_string();
    let answer = format!(
        "HTTP/1.1 {UNREACHABLE} Bad Gateway\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    // A client that went away meanwhile needs no answer.
    let _ = near.write_all(answer.as_bytes()).await;
    let _ = near.shutdown().await;
    // What is left unread at the close would take the answer away from the client.
    let _ = timeout(Duration::from_secs(1), async {
        let mut rest = [0; 4096];
        while near.read(&mut rest).await.is_ok_and(|n| n > 0) {}
    })
    .await;
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
