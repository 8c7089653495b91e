//! HTTP clients: one place that makes them, so that all have the same manners; and the relay that
//! gives them a distant engine as a socket of this machine.

pub mod relay;

use std::path::Path;
use std::time::Duration;

use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, ClientBuilder};

/// An HTTP client with connection reuse and a time limit for each call.
///
/// A redirect is followed only on the same host and port: a header with a credential must not go
/// wherever an answer points. Proxies of the environment are not used: load and figures come from
/// the stack itself. On a system without certificates (a bare container) `https` addresses are
/// refused when they are called, and `http` works as everywhere.
///
/// # Errors
/// The TLS library cannot be used at all.
pub fn client(timeout: Duration) -> Result<Client, reqwest::Error> {
    build(|| {
        builder()
            .timeout(timeout)
            .connect_timeout(timeout.min(CONNECT_LIMIT))
            .pool_idle_timeout(Duration::from_secs(15))
    })
}

/// As [`client`], for a server whose certificate is signed by one of these (PEM); they alone are
/// trusted.
///
/// # Errors
/// There is no certificate in `pem`, or the TLS library cannot be used at all.
pub fn client_trusting(timeout: Duration, pem: &[u8]) -> Result<Client, reqwest::Error> {
    install_crypto();
    let trusted = reqwest::Certificate::from_pem_bundle(pem)?;
    builder()
        .timeout(timeout)
        .connect_timeout(timeout.min(CONNECT_LIMIT))
        .tls_certs_only(trusted)
        .build()
}

/// The same without a time limit for a whole call: streams go on for ever, and who reads them
/// watches them. With a `socket` every connection goes to the Unix socket at that path.
///
/// # Errors
/// The TLS library cannot be used at all.
pub fn streaming_client(socket: Option<&Path>) -> Result<Client, reqwest::Error> {
    build(|| match socket {
        Some(path) => builder().unix_socket(path),
        None => builder(),
    })
}

const CONNECT_LIMIT: Duration = Duration::from_secs(5);

fn build(make: impl Fn() -> ClientBuilder) -> Result<Client, reqwest::Error> {
    install_crypto();
    make().build().or_else(|_| without_certificates(make()))
}

fn without_certificates(builder: ClientBuilder) -> Result<Client, reqwest::Error> {
    builder.tls_certs_only([]).build()
}

fn builder() -> ClientBuilder {
    Client::builder()
        .connect_timeout(CONNECT_LIMIT)
        .redirect(Policy::custom(same_host_only))
        .no_proxy()
        .user_agent(concat!("runner/", env!("CARGO_PKG_VERSION")))
}

/// Why a request failed, in the few words that failures are counted by.
#[must_use]
pub fn cause(error: &reqwest::Error) -> &'static str {
    use std::io::ErrorKind;
    if error.is_timeout() {
        return "no answer in time";
    }
    match io_kind(error) {
        Some(ErrorKind::ConnectionRefused) => "connection refused",
        Some(ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable) => "host unreachable",
        _ if error.is_connect() => "no connection",
        _ => "connection broke",
    }
}

fn io_kind(error: &(dyn std::error::Error + 'static)) -> Option<std::io::ErrorKind> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return Some(io.kind());
        }
        cause = error.source();
    }
    None
}

fn same_host_only(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let place =
        |url: &reqwest::Url| (url.host_str().map(str::to_string), url.port_or_known_default());
    let same = attempt.previous().last().map(place) == Some(place(attempt.url()));
    if same && attempt.previous().len() <= 5 { attempt.follow() } else { attempt.stop() }
}

/// rustls is built without a default provider; an error means that one is there already.
fn install_crypto() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Splits `host`, `host:port`, `[v6]` or `[v6]:port`; the brackets are taken off.
///
/// # Errors
/// When what stands for the port is none, or nothing stands for the host.
pub(crate) fn host_port(text: &str) -> Result<(String, Option<u16>), String> {
    let wrong = || format!("`{text}` is no host or host:port");
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or_else(wrong)?;
            match after.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if after.is_empty() => (host, None),
                None => return Err(wrong()),
            }
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = port.map(|p| p.parse::<u16>().map_err(|_| wrong())).transpose()?;
    if host.is_empty() || port == Some(0) {
        return Err(wrong());
    }
    Ok((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_and_its_port_are_told_apart() {
        for (text, host, port) in [
            ("build", "build", None),
            ("build:2376", "build", Some(2376)),
            ("10.0.0.7:1", "10.0.0.7", Some(1)),
            ("[::1]", "::1", None),
            ("[fe80::1]:2376", "fe80::1", Some(2376)),
        ] {
            assert_eq!(host_port(text), Ok((host.to_owned(), port)), "{text}");
        }
        for text in ["", ":1", "a:b", "a:", "a:0", "a:70000", "::1", "[::1", "[::1]x", "[]:1"] {
            assert!(host_port(text).is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn plain_http_needs_no_certificates() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let app = axum::Router::new().fallback(async || "here");
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        install_crypto();
        let client = without_certificates(builder()).unwrap();
        let answer = client.get(format!("http://{at}/")).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "here");
        server.abort();
    }
}
