//! Health checks of process services.

use std::process::Stdio;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

use super::prepare::Prepared;

/// `GET path` on a loopback port answers 200. One short connection: a check every two seconds must
/// cost next to nothing.
///
/// # Errors
/// What was answered instead.
pub async fn get(port: u16, path: &str) -> Result<(), String> {
    let address = ("127.0.0.1", port);
    let mut stream = TcpStream::connect(address).await.map_err(|e| format!("port {port}: {e}"))?;
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(|e| e.to_string())?;
    let answer = status_line(&mut stream).await.map_err(|e| format!("GET {path}: {e}"))?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.lines().next().unwrap_or_default();
    match status.split_ascii_whitespace().nth(1) {
        Some("200") => Ok(()),
        Some(code) => Err(format!("GET {path} answered {code}")),
        None => Err(format!("GET {path} answered nothing that is HTTP")),
    }
}

/// The first bytes up to the end of a line: the body, and a server that keeps the connection open,
/// are not waited for.
async fn status_line(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    const LONGEST: usize = 1024;
    let mut answer = Vec::new();
    while answer.len() < LONGEST && !answer.contains(&b'\n') {
        if stream.read_buf(&mut answer).await? == 0 {
            break;
        }
    }
    Ok(answer)
}

/// A command exits 0. It runs where the service does, with its environment.
///
/// # Errors
/// How it ended, with what it printed.
pub async fn command(prepared: &Prepared) -> Result<(), String> {
    let words = prepared.probe.as_deref().unwrap_or_default();
    let (program, args) = words.split_first().ok_or("the health command is empty")?;
    let output = Command::new(program)
        .args(args)
        .envs(prepared.env.iter().cloned())
        .current_dir(&prepared.work_dir)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|e| format!("{program} cannot be started: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    Err(format!("{}: {}", output.status, said.trim()))
}
