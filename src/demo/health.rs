//! The health check of the demo's containers: one GET on loopback, exit 0 or 1.
//!
//! Docker starts it every two seconds in every container, so it uses nothing but `std`: no
//! argument parser, no runtime, no allocation worth naming.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

use crate::tell;

/// Longer than a loaded service needs, shorter than the interval of the check.
const LIMIT: Duration = Duration::from_millis(1500);

/// Runs `demo-health [--port N | --url http://HOST:PORT/PATH]`; `args` are those after the
/// subcommand. Without either it asks the port in `DEMO_PORT`, else 8000.
pub fn health_command(args: impl Iterator<Item = String>) -> ExitCode {
    let (authority, path) = match target(args, std::env::var("DEMO_PORT").ok()) {
        Ok(target) => target,
        Err(problem) => {
            tell::people(problem);
            return ExitCode::from(2);
        }
    };
    match ask(&authority, &path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            // Docker keeps this line as the output of the failed check.
            tell::machines(&format!("GET http://{authority}{path}: {problem}"));
            ExitCode::FAILURE
        }
    }
}

/// Host and port, and the path.
fn target(
    mut args: impl Iterator<Item = String>,
    env_port: Option<String>,
) -> Result<(String, String), String> {
    let mut port = env_port.filter(|port| !port.is_empty()).unwrap_or_else(|| "8000".into());
    while let Some(flag) = args.next() {
        let value = args.next().ok_or_else(|| format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--port" => port = value,
            "--url" => {
                let rest = value.strip_prefix("http://").ok_or("--url must start with http://")?;
                let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
                return Ok((authority.to_string(), format!("/{path}")));
            }
            other => return Err(format!("demo-health knows --port and --url, not {other}")),
        }
    }
    Ok((format!("127.0.0.1:{port}"), "/health".to_string()))
}

fn ask(authority: &str, path: &str) -> std::io::Result<()> {
    let address: SocketAddr = authority.to_socket_addrs()?.next().ok_or_else(|| {
        std::io::Error::new(std::io::ErrorKind::AddrNotAvailable, "no such address")
    })?;
    let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n")?;
    let mut head = [0u8; 12];
    stream.read_exact(&mut head)?;
    if head.starts_with(b"HTTP/1.") && head.ends_with(b" 200") {
        return Ok(());
    }
    Err(std::io::Error::other(format!("answered {:?}", String::from_utf8_lossy(&head))))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn words(text: &str) -> impl Iterator<Item = String> + '_ {
        text.split_whitespace().map(String::from)
    }

    #[test]
    fn the_port_comes_from_the_flag_then_the_environment_then_8000() {
        let asked = |text, env: Option<&str>| target(words(text), env.map(String::from)).unwrap().0;
        assert_eq!(asked("--port 9", Some("7")), "127.0.0.1:9");
        assert_eq!(asked("", Some("7")), "127.0.0.1:7");
        assert_eq!(asked("", None), "127.0.0.1:8000");
    }

    #[test]
    fn a_url_is_taken_apart() {
        let target = target(words("--url http://localhost:81/ready"), None).unwrap();
        assert_eq!(target, ("localhost:81".to_string(), "/ready".to_string()));
    }

    #[test]
    fn unknown_flags_and_missing_values_are_refused() {
        assert!(target(words("--port"), None).is_err());
        assert!(target(words("--wait 3"), None).is_err());
        assert!(target(words("--url ftp://x"), None).is_err());
    }

    #[test]
    fn only_an_answer_200_is_healthy() {
        for (line, healthy) in [("HTTP/1.1 200 OK", true), ("HTTP/1.1 503 Busy", false)] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let authority = listener.local_addr().unwrap().to_string();
            let server = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0u8; 256];
                let _ = stream.read(&mut request).unwrap();
                write!(stream, "{line}\r\ncontent-length: 0\r\n\r\n").unwrap();
            });
            assert_eq!(ask(&authority, "/health").is_ok(), healthy);
            server.join().unwrap();
        }
    }
}
