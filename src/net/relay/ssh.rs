//! SSH to an engine, as the docker client does it: `docker system dial-stdio` at the other end joins
//! its input and output to the engine's socket there, whatever that socket is.
//!
//! Every connection is an `ssh` of its own, which the user's own configuration may turn into a
//! channel of one shared connection (`ControlMaster auto`).

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Far;

/// Handshakes at a time: `sshd` begins to drop unfinished ones at ten (`MaxStartups`).
const AT_ONCE: usize = 4;
/// Kept of what it says on stderr, bytes.
const KEEP: usize = 8 * 1024;
/// How long an `ssh` whose output has ended may take to say why.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Where `ssh` goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshTarget {
    /// Login name, where one is given.
    pub user: Option<String>,
    /// Host name, address, or a name of the user's ssh configuration.
    pub host: String,
    /// Port, where one is given.
    pub port: Option<u16>,
    /// Socket of the engine there, where it is not the one that `docker` there would use.
    pub socket: Option<String>,
}

impl SshTarget {
    /// Reads what follows `ssh://`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(rest: &str) -> Result<SshTarget, String> {
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, format!("/{path}")),
            None => (rest, String::new()),
        };
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        if user.is_some_and(|user| user.contains(':')) {
            return Err("a password in an ssh address is not used; use a key".to_owned());
        }
        let (host, port) = super::super::host_port(place)?;
        // Neither may look like an option or a second word.
        let odd = |word: &str| {
            word.is_empty() || word.starts_with('-') || word.contains(char::is_whitespace)
        };
        if odd(&host) || user.is_some_and(odd) || path.contains(char::is_whitespace) {
            return Err("expected ssh://[user@]host[:port]".to_owned());
        }
        let socket = Some(path).filter(|path| path.len() > 1);
        Ok(SshTarget { user: user.map(str::to_owned), host, port, socket })
    }

    fn arguments(&self) -> Vec<String> {
        // Nobody is there to answer a question: a password or an unknown host is an error.
        let mut words: Vec<String> = [
            "-T",
            "-o",
            "BatchMode=yes",
            "-o",
            "ConnectTimeout=10",
            "-o",
            "ServerAliveInterval=15",
        ]
        .map(str::to_owned)
        .to_vec();
        if let Some(user) = &self.user {
            words.extend(["-l".to_owned(), user.clone()]);
        }
        if let Some(port) = self.port {
            words.extend(["-p".to_owned(), port.to_string()]);
        }
        words.extend(["--".to_owned(), self.host.clone(), "docker".to_owned()]);
        if let Some(socket) = &self.socket {
            words.extend(["--host".to_owned(), quoted(&format!("unix://{socket}"))]);
        }
        words.extend(["system".to_owned(), "dial-stdio".to_owned()]);
        words
    }

    fn login(&self) -> String {
        let port = self.port.map(|p| format!("-p {p} ")).unwrap_or_default();
        let user = self.user.as_ref().map(|u| format!("{u}@")).unwrap_or_default();
        format!("ssh {port}{user}{}", self.host)
    }
}

/// A word for the shell at the other end.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A way to an engine over SSH.
#[derive(Debug)]
pub struct Ssh {
    program: PathBuf,
    target: SshTarget,
    starting: Arc<Semaphore>,
}

impl Ssh {
    /// A way with the `ssh` of this machine, which `program` names.
    #[must_use]
    pub fn new(program: PathBuf, target: SshTarget) -> Ssh {
        Ssh { program, target, starting: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    pub(super) async fn open(&self) -> Result<Far, String> {
        let permit = Arc::clone(&self.starting).acquire_owned().await.map_err(|e| e.to_string())?;
        let mut child = Command::new(&self.program)
            .args(self.target.arguments())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| no_program(&self.program, &e))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("ssh was started without pipes".to_owned());
        };
        let said = Arc::new(Mutex::new(Vec::new()));
        let listening = tokio::spawn(listen(child.stderr.take(), Arc::clone(&said)));
        let mut running = Running { group: group(&child), child };
        let target = self.target.clone();
        Ok(Far {
            read: Box::new(output),
            write: Box::new(input),
            works: Some(Box::new(move || drop(permit))),
            why: Box::new(move |_| {
                Box::pin(async move {
                    // The end of its output comes before the end of its words.
                    let ended = timeout(LAST_WORDS, async {
                        let _ = listening.await;
                        running.child.wait().await.ok().and_then(|status| status.code())
                    });
                    let code = ended.await.unwrap_or(None);
                    let said = said.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    explain(code, &String::from_utf8_lossy(&said), &target)
                })
            }),
        })
    }
}

fn no_program(program: &std::path::Path, error: &io::Error) -> String {
    let program = program.display();
    if error.kind() == io::ErrorKind::NotFound {
        return format!("there is no `{program}` here; install the OpenSSH client");
    }
    format!("`{program}` cannot be started: {error}")
}

fn group(child: &Child) -> Option<Pid> {
    child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw)
}

/// A running `ssh`; dropping it ends it with whatever it started (`ProxyCommand`).
struct Running {
    child: Child,
    group: Option<Pid>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = self.group.filter(|_| self.child.id().is_some()) {
            // Gone already is as good.
            let _ = killpg(group, Signal::SIGTERM);
        }
    }
}

async fn listen(stderr: Option<ChildStderr>, said: Arc<Mutex<Vec<u8>>>) {
    let Some(mut stderr) = stderr else { return };
    let mut buffer = [0; 1024];
    while let Ok(n @ 1..) = stderr.read(&mut buffer).await {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.extend_from_slice(&buffer[..n]);
        let over = said.len().saturating_sub(KEEP);
        said.drain(..over);
    }
}

/// Why there was no answer: what `ssh` said, and the remedy where one is known.
fn explain(code: Option<i32>, said: &str, target: &SshTarget) -> String {
    let said = last_lines(said);
    let login = target.login();
    let holds = |part: &str| said.to_lowercase().contains(part);
    let remedy = if holds("host key verification failed") || holds("authenticity of host") {
        format!("; run `{login}` once in a terminal and look at the host's key")
    } else if code == Some(127) || holds("command not found") || holds("docker: not found") {
        "; the docker client is needed there: install it, or put it on the PATH of logins without \
         a terminal"
            .to_owned()
    } else if holds("docker daemon socket") || holds("docker.sock") {
        "; the login there must be allowed to use the engine (group `docker`), and it must run"
            .to_owned()
    } else if holds("permission denied") || holds("too many authentication failures") {
        format!("; `{login}` must work without a password: use a key (ssh-agent, ssh-copy-id)")
    } else if code == Some(255) {
        format!("; look whether `{login}` works")
    } else {
        String::new()
    };
    let code = code.map_or("it was ended".to_owned(), |code| format!("exit code {code}"));
    let said = if said.is_empty() { "it said nothing".to_owned() } else { said };
    format!("`{login}` gave no connection to an engine ({code}): {said}{remedy}")
}

fn last_lines(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    let from = lines.len().saturating_sub(3);
    let text = lines[from..].join(" / ");
    text.chars().filter(|c| !c.is_control()).take(600).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_becomes_the_words_of_a_call() {
        let words = |rest: &str| {
            let target = SshTarget::parse(rest).expect(rest);
            target.arguments()[7..].join(" ")
        };
        assert_eq!(words("build"), "-- build docker system dial-stdio");
        assert_eq!(words("me@build:2222"), "-l me -p 2222 -- build docker system dial-stdio");
        assert_eq!(
            words("me@[::1]:22/run/user/1/docker.sock"),
            "-l me -p 22 -- ::1 docker --host 'unix:///run/user/1/docker.sock' system dial-stdio"
        );
    }

    #[test]
    fn what_could_be_an_option_or_a_secret_is_refused() {
        for rest in ["", "-oProxyCommand=x", "me@", "-l@build", "a b", "me:secret@build", "h:port"]
        {
            assert!(SshTarget::parse(rest).is_err(), "{rest}");
        }
    }

    #[test]
    fn known_failures_get_a_remedy() {
        let target = SshTarget::parse("me@build").expect("a target");
        for (code, said, remedy) in [
            (255, "Host key verification failed.\r\n", "once in a terminal"),
            (255, "me@build: Permission denied (publickey).", "use a key"),
            (127, "bash: line 1: docker: command not found", "docker client is needed there"),
            (1, "permission denied while trying to connect to the Docker daemon socket", "group"),
            (255, "ssh: connect to host build port 22: Connection refused", "`ssh me@build` works"),
        ] {
            let text = explain(Some(code), said, &target);
            assert!(text.contains(remedy), "{text}");
            assert!(text.contains(said.trim()), "{text}");
        }
    }
}
