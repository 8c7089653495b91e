use std::os::unix::fs::PermissionsExt;

use tokio::net::TcpListener;

use super::testing::{Authority, Door, ssh_that, ssh_to};
use super::*;

/// An engine that answers each connection with its first bytes and stays open.
async fn echo(folder: &Path) -> (PathBuf, JoinHandle<()>) {
    let path = folder.join("far.sock");
    let listener = UnixListener::bind(&path).expect("a socket");
    let task = tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = near.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    (path, task)
}

async fn ask(relay: &Relay, text: &str) -> String {
    let mut stream = UnixStream::connect(relay.socket()).await.expect("the relay listens");
    stream.write_all(text.as_bytes()).await.expect("written");
    stream.shutdown().await.expect("shut down");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

fn tls(port: u16, folder: &Path) -> Way {
    Way::Tls(Tls::new("127.0.0.1", port, TlsFiles::of(folder, true)).expect("files"))
}

fn ssh(program: PathBuf) -> Way {
    Way::Ssh(Ssh::new(program, SshTarget::parse("me@build:2222").expect("a target")))
}

#[tokio::test]
async fn bytes_pass_both_ways_over_tls_and_over_ssh() {
    let dir = tempfile::tempdir().expect("a folder");
    let (socket, _engine) = echo(dir.path()).await;
    let authority = Authority::new();
    let certs = dir.path().join("certs");
    authority.write_ca(&certs);
    authority.write_cert(&certs, &["127.0.0.1"]);
    let door = Door::tls(&socket, &certs, Some(&authority)).await;
    let long = "x".repeat(300_000);
    let relay = Relay::open(dir.path(), tls(door.port, &certs)).expect("a relay");
    for text in ["hello", long.as_str()] {
        assert!(ask(&relay, text).await == text, "{} bytes over TLS", text.len());
    }
    let door = Door::plain(&socket).await;
    let relay = Relay::open(dir.path(), ssh(ssh_to(dir.path(), door.port))).expect("a relay");
    let mut stream = UnixStream::connect(relay.socket()).await.expect("the relay listens");
    for text in ["hello", long.as_str()] {
        let mut answer = vec![0; text.len()];
        let (mut read, mut write) = stream.split();
        let (sent, got) =
            tokio::join!(write.write_all(text.as_bytes()), read.read_exact(&mut answer));
        assert!(sent.is_ok() && got.is_ok() && answer == text.as_bytes(), "{} bytes", text.len());
    }
    let calls = std::fs::read_to_string(dir.path().join("calls")).expect("noted");
    assert!(calls.contains("BatchMode=yes"), "{calls}");
    assert!(calls.ends_with("-l me -p 2222 -- build docker system dial-stdio\n"), "{calls}");
}

#[tokio::test]
async fn nobody_else_may_enter_and_nothing_is_left() {
    let dir = tempfile::tempdir().expect("a folder");
    // Left by a process that is gone, and one that no relay made.
    for (name, file) in [("relay-4294967294-0", "engine.sock"), ("relay-4294967294-1", "mine")] {
        std::fs::create_dir(dir.path().join(name)).expect("a folder");
        std::fs::write(dir.path().join(name).join(file), "").expect("a file");
    }
    let relay = Relay::open(dir.path(), ssh("ssh".into())).expect("a relay");
    assert!(!dir.path().join("relay-4294967294-0").exists());
    assert!(dir.path().join("relay-4294967294-1/mine").exists());
    let folder = relay.socket().parent().expect("a folder").to_owned();
    let mode = std::fs::metadata(&folder).expect("a folder").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    drop(relay);
    assert!(!folder.exists());
}

#[tokio::test]
async fn an_ssh_that_fails_is_answered_with_what_it_said() {
    let dir = tempfile::tempdir().expect("a folder");
    let script = "cat >/dev/null & echo 'Host key verification failed.' >&2; exit 255";
    let relay = Relay::open(dir.path(), ssh(ssh_that(dir.path(), script))).expect("a relay");
    let answer = ask(&relay, "GET /version HTTP/1.1\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert!(answer.contains("Host key verification failed."), "{answer}");
    assert!(answer.contains("run `ssh -p 2222 me@build` once in a terminal"), "{answer}");
    let missing = dir.path().join("no-ssh");
    let relay = Relay::open(dir.path(), ssh(missing)).expect("a relay");
    let answer = ask(&relay, "GET /version HTTP/1.1\r\n\r\n").await;
    assert!(answer.contains("install the OpenSSH client"), "{answer}");
}

#[tokio::test]
async fn an_ssh_ends_with_its_connection() {
    let dir = tempfile::tempdir().expect("a folder");
    let pid = dir.path().join("pid");
    let script = format!("echo hello; sleep 600 & echo $! >{}; wait", pid.display());
    let relay = Relay::open(dir.path(), ssh(ssh_that(dir.path(), &script))).expect("a relay");
    let mut stream = UnixStream::connect(relay.socket()).await.expect("the relay listens");
    stream.write_all(b"hello").await.expect("written");
    let mut hello = [0; 6];
    stream.read_exact(&mut hello).await.expect("it works");
    let child = loop {
        match std::fs::read_to_string(&pid) {
            Ok(text) if text.ends_with('\n') => break text.trim().to_owned(),
            _ => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    };
    drop(relay);
    let gone = || {
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat"));
        stat.map_or(true, |stat| stat.contains(") Z "))
    };
    while !gone() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn what_a_tls_handshake_can_fail_of_is_told_with_the_remedy() {
    let dir = tempfile::tempdir().expect("a folder");
    let (socket, _engine) = echo(dir.path()).await;
    let (ours, theirs) = (Authority::new(), Authority::new());
    let folder = |name: &str| dir.path().join(name);
    ours.write_ca(&folder("good"));
    ours.write_cert(&folder("good"), &["127.0.0.1"]);
    theirs.write_ca(&folder("wrong-ca"));
    ours.write_ca(&folder("ca-only"));
    ours.write_ca(&folder("wrong-client"));
    theirs.write_cert(&folder("wrong-client"), &["127.0.0.1"]);
    ours.write_cert(&folder("other-name"), &["build.example"]);
    let door = Door::tls(&socket, &folder("good"), Some(&ours)).await;
    let other = Door::tls(&socket, &folder("other-name"), None).await;
    let plain = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let plain_port = plain.local_addr().expect("an address").port();
    let _plain = tokio::spawn(async move {
        while let Ok((mut near, _)) = plain.accept().await {
            let _ = near.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let closed_port = closed.local_addr().expect("an address").port();
    drop(closed);
    for (port, certs, said) in [
        (door.port, "wrong-ca", "not signed by the authority in"),
        (door.port, "ca-only", "it asks for a certificate"),
        (door.port, "wrong-client", "refused our certificate"),
        (other.port, "good", "is not for `127.0.0.1`"),
        (plain_port, "good", "does not speak TLS"),
        (closed_port, "good", "Connection refused"),
    ] {
        let relay = Relay::open(dir.path(), tls(port, &folder(certs))).expect("a relay");
        let answer = ask(&relay, "GET /version HTTP/1.1\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 502 "), "{certs}: {answer}");
        assert!(answer.contains(said), "{certs}: {answer}");
    }
    let files = TlsFiles::of(&folder("wrong-ca"), false);
    let unchecked = Tls::new("127.0.0.1", other.port, files).expect("files");
    let relay = Relay::open(dir.path(), Way::Tls(unchecked)).expect("a relay");
    assert_eq!(ask(&relay, "hello").await, "hello");
}

#[test]
fn files_that_are_missing_or_broken_are_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let failure = |folder: &Path, verify| {
        Tls::new("build", 2376, TlsFiles::of(folder, verify)).expect_err("broken files")
    };
    let said = failure(dir.path(), true);
    assert!(said.contains("there is no ca.pem in"), "{said}");
    assert!(said.contains("DOCKER_CERT_PATH"), "{said}");
    let authority = Authority::new();
    authority.write_ca(dir.path());
    authority.write_cert(dir.path(), &["x"]);
    std::fs::remove_file(dir.path().join("key.pem")).expect("removed");
    assert!(failure(dir.path(), true).contains("key.pem cannot be used"));
    std::fs::write(dir.path().join("key.pem"), "no key").expect("written");
    assert!(failure(dir.path(), true).contains("key.pem cannot be used"));
    std::fs::write(dir.path().join("ca.pem"), "nothing").expect("written");
    assert!(failure(dir.path(), true).contains("holds no certificate"));
    let other = tempfile::tempdir().expect("a folder");
    Authority::new().write_cert(other.path(), &["x"]);
    let key = other.path().join("key.pem");
    std::fs::copy(key, dir.path().join("key.pem")).expect("copied");
    assert!(failure(dir.path(), false).contains("does not fit"));
}
