//! Far ends for tests: a TCP or TLS door to a Unix socket, certificates, and an `ssh` made of bash.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// A certificate authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Authority(CertifiedIssuer::self_signed(params, key).expect("an authority"))
    }

    /// Writes `ca.pem` into `folder`.
    pub fn write_ca(&self, folder: &Path) {
        write(folder, "ca.pem", &self.0.pem());
    }

    /// Writes `cert.pem` and `key.pem` for `names` into `folder`.
    pub fn write_cert(&self, folder: &Path, names: &[&str]) {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(names).expect("names");
        let cert = params.signed_by(&key, &self.0).expect("a certificate");
        write(folder, "cert.pem", &cert.pem());
        write(folder, "key.pem", &key.serialize_pem());
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::create_dir_all(folder).expect("a folder");
    std::fs::write(folder.join(name), text).expect("written");
}

/// A door on 127.0.0.1 to a Unix socket; it closes when dropped.
pub struct Door {
    pub port: u16,
    task: JoinHandle<()>,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Door {
    pub async fn plain(socket: &Path) -> Door {
        Door::open(socket, None).await
    }

    /// With the server's certificate in `folder`; it asks for one of `clients`, where given.
    pub async fn tls(socket: &Path, folder: &Path, clients: Option<&Authority>) -> Door {
        super::super::install_crypto();
        let builder = ServerConfig::builder();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.0.der().clone()).expect("an authority");
                let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build();
                builder.with_client_cert_verifier(verifier.expect("a verifier"))
            }
        };
        let chain = CertificateDer::from_pem_file(folder.join("cert.pem")).expect("a certificate");
        let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).expect("a key");
        let config = builder.with_single_cert(vec![chain], key).expect("a server");
        Door::open(socket, Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn open(socket: &Path, tls: Option<TlsAcceptor>) -> Door {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let socket = socket.to_owned();
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(pass(near, tls.clone(), socket.clone()));
            }
        });
        Door { port, task }
    }
}

async fn pass(near: TcpStream, tls: Option<TlsAcceptor>, socket: PathBuf) {
    match tls {
        None => join(near, &socket).await,
        Some(tls) => {
            if let Ok(near) = tls.accept(near).await {
                join(near, &socket).await;
            }
        }
    }
}

async fn join(mut near: impl AsyncRead + AsyncWrite + Unpin, socket: &Path) {
    if let Ok(mut far) = UnixStream::connect(socket).await {
        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
    }
}

/// An `ssh` that notes its words in `folder/calls` and joins its pipes to a port of this machine.
pub fn ssh_to(folder: &Path, port: u16) -> PathBuf {
    let text = format!(
        "exec 3<>/dev/tcp/127.0.0.1/{port} 4<&0 || exit 1\ncat <&4 >&3 &\ncat <&3\nkill $!"
    );
    ssh_that(folder, &text)
}

/// An `ssh` that notes its words in `folder/calls` and does what `script` says.
pub fn ssh_that(folder: &Path, script: &str) -> PathBuf {
    let path = folder.join("ssh");
    let calls = folder.join("calls");
    // Written beside and renamed: a file that is being written cannot be executed.
    let draft = folder.join("ssh.draft");
    let text = format!("#!/bin/bash\necho \"$@\" >>{}\n{script}\n", calls.display());
    std::fs::write(&draft, text).expect("written");
    std::fs::set_permissions(&draft, Permissions::from_mode(0o755)).expect("executable");
    std::fs::rename(&draft, &path).expect("renamed");
    path
}
