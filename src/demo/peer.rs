//! A client for the demo's services among themselves: one kept connection, blocking, small.
//!
//! Ten requests a second for hours must cost next to nothing and keep memory flat, which a full
//! HTTP client with its pools does not promise.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::args::SettingsError;

/// An answer that takes longer is a failure.
const LIMIT: Duration = Duration::from_secs(2);
const MAX_HEAD: u64 = 16 << 10;
const MAX_BODY: u64 = 64 << 10;

/// One service to talk to.
#[derive(Debug)]
pub(super) struct Peer {
    authority: String,
    connection: Option<BufReader<TcpStream>>,
}

impl Peer {
    /// `url` is `http://HOST:PORT`; `variable` names it in the error.
    pub fn new(url: &str, variable: &'static str) -> Result<Peer, SettingsError> {
        let authority = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
        match authority {
            Some(authority) if authority.contains(':') && !authority.contains('/') => {
                Ok(Peer { authority: authority.to_string(), connection: None })
            }
            _ => Err(SettingsError::Invalid {
                variable,
                value: url.to_string(),
                wanted: "http://HOST:PORT",
            }),
        }
    }

    /// Sends `body` as JSON and returns the answer's body; an answer that is not 2xx is an error.
    /// A connection that the other side has closed meanwhile is opened again, once.
    pub fn send(&mut self, method: &str, path: &str, body: &str) -> io::Result<Vec<u8>> {
        let kept = self.connection.is_some();
        match self.exchange(method, path, body) {
            Err(error) if kept && gone(&error) => self.exchange(method, path, body),
            answer => answer,
        }
    }

    fn exchange(&mut self, method: &str, path: &str, body: &str) -> io::Result<Vec<u8>> {
        // Taken out: after any error the connection is in an unknown state and is dropped.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.authority,
            body.len()
        );
        connection.get_mut().write_all(request.as_bytes())?;
        let answer = read_answer(&mut connection)?;
        self.connection = Some(connection);
        if (200..300).contains(&answer.status) {
            return Ok(answer.body);
        }
        Err(io::Error::other(format!("{method} {path}: status {}", answer.status)))
    }

    fn connect(&self) -> io::Result<BufReader<TcpStream>> {
        let address = self.authority.to_socket_addrs()?.next().ok_or_else(|| {
            io::Error::new(io::ErrorKind::AddrNotAvailable, "the name has no address")
        })?;
        let stream = TcpStream::connect_timeout(&address, LIMIT)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        stream.set_nodelay(true)?;
        Ok(BufReader::with_capacity(4 << 10, stream))
    }
}

fn gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    body: Vec<u8>,
}

/// Reads one answer of HTTP/1.1 with a Content-Length.
fn read_answer(from: &mut impl BufRead) -> io::Result<Answer> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_string());
    let mut head = from.by_ref().take(MAX_HEAD);
    let status = read_line(&mut head)?
        .split_whitespace()
        .nth(1)
        .and_then(|status| status.parse().ok())
        .ok_or_else(|| bad("no status line"))?;
    let mut length = 0u64;
    loop {
        let line = read_line(&mut head)?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(|_| bad("unreadable Content-Length"))?;
        }
    }
    if length > MAX_BODY {
        return Err(bad("the answer is too long"));
    }
    let mut body = vec![0; length as usize];
    from.read_exact(&mut body)?;
    Ok(Answer { status, body })
}

fn read_line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    match line.strip_suffix('\n') {
        Some(text) => Ok(text.trim_end_matches('\r').to_string()),
        None => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the answer ends early")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_to_its_length_and_no_further() {
        let mut bytes: &[u8] =
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 429 Busy\r\n\r\n";
        let first = read_answer(&mut bytes).unwrap();
        assert_eq!(first, Answer { status: 200, body: b"ok".to_vec() });
        assert_eq!(read_answer(&mut bytes).unwrap().status, 429);
    }

    #[test]
    fn damaged_answers_are_errors() {
        for bytes in [
            &b""[..],
            b"HTTP/1.1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",
            b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        ] {
            assert!(read_answer(&mut &*bytes).is_err());
        }
    }

    #[test]
    fn a_url_needs_host_and_port() {
        for (url, right) in [
            ("http://cache:8000", true),
            ("http://cache:8000/", true),
            ("https://cache:8000", false),
            ("cache:8000", false),
            ("http://cache", false),
            ("http://cache:8000/keys", false),
        ] {
            assert_eq!(Peer::new(url, "X").is_ok(), right, "{url}");
        }
    }
}
