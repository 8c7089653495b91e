//! TLS to an engine: its certificate is checked against the given authority, and ours is shown.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::Far;
use crate::outside;

/// Twice this (a connection, a handshake) is less than an engine call may take: who waits gets the reason.
const CONNECT_LIMIT: Duration = Duration::from_secs(6);

/// Files with which an engine is met over TLS, as the docker client names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Their folder, for messages and for tools that are given the folder.
    pub folder: PathBuf,
    /// Authorities that may have signed the engine's certificate (`ca.pem`); needed with `verify`.
    pub ca: Option<PathBuf>,
    /// Our certificate and its key (`cert.pem`, `key.pem`), where the engine asks for one.
    pub client: Option<(PathBuf, PathBuf)>,
    /// Whether the engine's certificate is checked.
    pub verify: bool,
}

impl TlsFiles {
    /// The files of a folder, as far as they are there.
    #[must_use]
    pub fn of(folder: &Path, verify: bool) -> TlsFiles {
        let there = |name: &str| Some(folder.join(name)).filter(|path| path.exists());
        let (cert, key) = (there("cert.pem"), there("key.pem"));
        TlsFiles {
            folder: folder.to_owned(),
            ca: there("ca.pem"),
            // One of them alone is named when it is read.
            client: (cert.is_some() || key.is_some())
                .then(|| (folder.join("cert.pem"), folder.join("key.pem"))),
            verify,
        }
    }
}

/// A way to an engine over TLS.
pub struct Tls {
    host: String,
    port: u16,
    name: ServerName<'static>,
    files: TlsFiles,
    connector: TlsConnector,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tls({}:{})", self.host, self.port)
    }
}

impl Tls {
    /// Reads the files. Nothing is connected yet.
    ///
    /// # Errors
    /// A file that is missing or is no certificate or key, with the remedy.
    pub fn new(host: &str, port: u16, files: TlsFiles) -> Result<Tls, String> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned())
            .map_err(|_| format!("`{host}` is neither a host name nor an address"))?;
        let connector = TlsConnector::from(Arc::new(config(&files)?));
        Ok(Tls { host: bare.to_owned(), port, name, files, connector })
    }

    pub(super) async fn open(&self) -> Result<Far, String> {
        let at = (self.host.as_str(), self.port);
        let late = |_| format!("no answer within {} s", CONNECT_LIMIT.as_secs());
        let tcp = timeout(CONNECT_LIMIT, TcpStream::connect(at)).await.map_err(late)?;
        let tcp = tcp.map_err(|e| format!("no connection to {}:{}: {e}", at.0, at.1))?;
        // Only a matter of latency.
        let _ = tcp.set_nodelay(true);
        let shake = self.connector.connect(self.name.clone(), tcp);
        let stream = timeout(CONNECT_LIMIT, shake)
            .await
            .map_err(|_| "the TLS handshake was not answered (does it speak TLS?)".to_owned())?
            .map_err(|e| explain(&e, &self.host, &self.files))?;
        let (read, write) = tokio::io::split(stream);
        let (host, files) = (self.host.clone(), self.files.clone());
        Ok(Far {
            read: Box::new(read),
            write: Box::new(write),
            works: None,
            why: Box::new(move |error| {
                Box::pin(async move {
                    match error {
                        Some(error) => explain(&error, &host, &files),
                        None => "the engine closed the TLS connection without an answer".to_owned(),
                    }
                })
            }),
        })
    }
}

fn config(files: &TlsFiles) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| format!("TLS cannot be set up: {e}"))?;
    let builder = if files.verify {
        builder.with_root_certificates(authorities(files)?)
    } else {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Unchecked(provider)))
    };
    let Some((cert, key)) = &files.client else { return Ok(builder.with_no_client_auth()) };
    let chain = certificates(cert)?;
    let unusable = |why: String| {
        format!(
            "{} cannot be used: {why}; it must hold a private key without a passphrase",
            key.display()
        )
    };
    let pem = outside::bytes(key, outside::MAX_SECRET_BYTES);
    let pem = pem.map_err(|e| unusable(e.to_string()))?;
    let secret = PrivateKeyDer::from_pem_slice(&pem).map_err(|e| unusable(e.to_string()))?;
    builder
        .with_client_auth_cert(chain, secret)
        .map_err(|e| format!("{} does not fit {}: {e}", key.display(), cert.display()))
}

fn authorities(files: &TlsFiles) -> Result<RootCertStore, String> {
    let Some(ca) = &files.ca else {
        return Err(format!(
            "there is no ca.pem in {}; put the engine's ca.pem (and cert.pem and key.pem of a \
             client) there, or set DOCKER_CERT_PATH to the folder that has them",
            files.folder.display()
        ));
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca)? {
        roots.add(certificate).map_err(|e| format!("{} cannot be used: {e}", ca.display()))?;
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let broken = |e: String| format!("{} cannot be read: {e}", path.display());
    let pem = outside::bytes(path, outside::MAX_SECRET_BYTES);
    let pem = pem.map_err(|e| broken(e.to_string()))?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let all = all.map_err(|e| broken(e.to_string()))?;
    if all.is_empty() {
        return Err(format!("{} holds no certificate", path.display()));
    }
    Ok(all)
}

/// A failed handshake in words, with the remedy where one is known.
fn explain(error: &io::Error, host: &str, files: &TlsFiles) -> String {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let Some(tls) = tls else {
        return format!("the TLS connection broke: {error}");
    };
    let folder = files.folder.display();
    match tls {
        Error::InvalidCertificate(why) => match why {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
                "the engine's certificate is not signed by the authority in {folder}/ca.pem; use \
                 the ca.pem that belongs to this engine"
            ),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!(
                    "the engine's certificate is not for `{host}` ({tls}); use a name or address \
                     that is in it, or make a new one (subjectAltName)"
                )
            }
            _ => format!("the engine's certificate cannot be accepted: {tls}"),
        },
        Error::AlertReceived(_) if files.client.is_none() => format!(
            "the engine refused the handshake ({tls}): it asks for a certificate; put cert.pem and \
             key.pem of a client into {folder}"
        ),
        Error::AlertReceived(_) => format!(
            "the engine refused our certificate {folder}/cert.pem ({tls}); use one that its \
             authority signed for clients"
        ),
        Error::InvalidMessage(_) => format!(
            "`{host}` does not speak TLS on this port ({tls}); correct the port, or unset \
             DOCKER_TLS_VERIFY"
        ),
        _ => format!("the TLS handshake failed: {tls}"),
    }
}

/// Accepts any certificate, for who asked for TLS without a check (`DOCKER_TLS`, a context with
/// `skip-tls-verify`). Signatures are still checked.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
