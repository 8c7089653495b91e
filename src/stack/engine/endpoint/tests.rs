use std::path::Path;

use super::*;

/// A client's configuration with one context.
fn config(folder: &Path, name: &str, docker: &str, pems: &[&str]) -> ClientEnv {
    let meta = folder.join("contexts/meta/0a1b");
    let tls = folder.join("contexts/tls/0a1b/docker");
    std::fs::create_dir_all(&meta).expect("a folder");
    std::fs::create_dir_all(&tls).expect("a folder");
    let text = format!(
        r#"{{"Name":"{name}","Metadata":{{"Description":"x"}},"Endpoints":{{"docker":{docker}}}}}"#
    );
    std::fs::write(meta.join("meta.json"), text).expect("a context");
    for pem in pems {
        std::fs::write(tls.join(pem), "").expect("a file");
    }
    ClientEnv { config: Some(folder.to_owned()), ..ClientEnv::default() }
}

fn use_context(env: &ClientEnv, name: &str) {
    let file = env.config.as_ref().expect("a folder").join("config.json");
    std::fs::write(file, format!(r#"{{"auths":{{}},"currentContext":"{name}"}}"#))
        .expect("written");
}

#[tokio::test]
async fn the_docker_host_goes_before_contexts_and_these_before_the_socket() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = r#"{"Host":"ssh://me@build","SkipTLSVerify":false}"#;
    let mut env = config(folder.path(), "far", host, &[]);
    let found = Endpoint::of(&env).await.expect("an endpoint");
    assert_eq!((found.host.as_str(), found.said_by.as_str()), (DEFAULT_SOCKET, "default"));
    use_context(&env, "far");
    let found = Endpoint::of(&env).await.expect("an endpoint");
    assert_eq!(found, Endpoint::new("ssh://me@build", "docker context `far`"));
    env.context = Some("default".into());
    assert_eq!(Endpoint::of(&env).await.expect("an endpoint").host, DEFAULT_SOCKET);
    env.context = Some("far".into());
    assert_eq!(Endpoint::of(&env).await.expect("an endpoint").host, "ssh://me@build");
    env.host = Some("tcp://10.0.0.7:2375".into());
    let found = Endpoint::of(&env).await.expect("an endpoint");
    assert_eq!(found, Endpoint::new("tcp://10.0.0.7:2375", "DOCKER_HOST"));
}

#[tokio::test]
async fn a_context_brings_its_certificates() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = r#"{"Host":"tcp://build:2376"}"#;
    let mut env = config(folder.path(), "far", host, &["ca.pem", "cert.pem", "key.pem"]);
    env.context = Some("far".into());
    let tls = Endpoint::of(&env).await.expect("an endpoint").tls.expect("certificates");
    let place = folder.path().join("contexts/tls/0a1b/docker");
    assert_eq!(tls.ca, Some(place.join("ca.pem")));
    assert_eq!(tls.client, Some((place.join("cert.pem"), place.join("key.pem"))));
    assert!(tls.verify);
}

#[tokio::test]
async fn a_context_may_ask_for_tls_without_a_check_or_for_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut env =
        config(folder.path(), "far", r#"{"Host":"tcp://build","SkipTLSVerify":true}"#, &[]);
    env.context = Some("far".into());
    let found = Endpoint::of(&env).await.expect("an endpoint");
    assert_eq!(found.protection(), Some("TLS, its certificate is not checked"));
    assert!(matches!(found.transport(), Ok(Transport::Tls { port: 2376, .. })), "{found:?}");
    let mut env = config(folder.path(), "far", r#"{"Host":"tcp://build"}"#, &[]);
    env.context = Some("far".into());
    let found = Endpoint::of(&env).await.expect("an endpoint");
    assert_eq!(found.protection(), Some("without TLS"));
    assert!(matches!(found.transport(), Ok(Transport::Tcp { port: 2375, .. })), "{found:?}");
}

#[tokio::test]
async fn a_context_that_is_not_there_or_broken_is_an_error_and_never_the_default_engine() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut env = config(folder.path(), "far", r#"{"Host":"tcp://build"}"#, &[]);
    env.context = Some("absent".into());
    let error = Endpoint::of(&env).await.expect_err("no such context");
    assert!(error.environment);
    assert!(error.message.contains("`absent` (chosen by DOCKER_CONTEXT)"), "{error}");
    for broken in ["5", r#"{"Host":""}"#, "null"] {
        let mut env = config(folder.path(), "far", broken, &[]);
        env.context = Some("far".into());
        let error = Endpoint::of(&env).await.expect_err(broken);
        assert!(error.message.contains("docker context `far`"), "{error}");
    }
}

#[tokio::test]
async fn tls_of_the_environment_is_for_the_network_only() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("ca.pem"), "").expect("a file");
    let mut env = ClientEnv {
        host: Some("tcp://build".into()),
        tls_verify: true,
        cert_path: Some(folder.path().to_owned()),
        ..ClientEnv::default()
    };
    let found = Endpoint::of(&env).await.expect("an endpoint");
    let Transport::Tls { port: 2376, files, .. } = found.transport().expect("a way") else {
        panic!("{found:?}");
    };
    assert_eq!((files.verify, files.client.is_none()), (true, true));
    (env.tls_verify, env.tls) = (false, true);
    let found = Endpoint::of(&env).await.expect("an endpoint");
    assert!(!found.tls.expect("certificates").verify);
    env.host = Some(DEFAULT_SOCKET.into());
    assert_eq!(Endpoint::of(&env).await.expect("an endpoint").tls, None);
}

#[test]
fn tools_are_led_to_the_same_endpoint() {
    let (set, unset) = Endpoint::new("ssh://me@build", "docker context `far`").tool_env();
    assert_eq!(set, [("DOCKER_HOST".to_owned(), "ssh://me@build".to_owned())]);
    assert_eq!(unset, ["DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"]);
    let files = TlsFiles::of(Path::new("/certs"), true);
    let mut far = Endpoint { tls: Some(files), ..Endpoint::new("tcp://build", "DOCKER_HOST") };
    let (set, unset) = far.tool_env();
    let set: Vec<String> = set.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let expected = ["DOCKER_HOST=tcp://build", "DOCKER_CERT_PATH=/certs", "DOCKER_TLS_VERIFY=1"];
    assert_eq!(set, expected);
    assert_eq!(unset, ["DOCKER_CONTEXT", "DOCKER_TLS"]);
    far.tls = Some(TlsFiles::of(Path::new("/certs"), false));
    let (set, unset) = far.tool_env();
    assert!(set.contains(&("DOCKER_TLS".to_owned(), "1".to_owned())), "{set:?}");
    assert_eq!(unset, ["DOCKER_CONTEXT", "DOCKER_TLS_VERIFY"]);
}

#[test]
fn what_is_no_address_says_which_there_are() {
    for host in [
        "",
        "build",
        "unix://relative",
        "npipe:////./pipe/docker",
        "https://build:2376",
        "tcp://",
        "tcp://a:b",
        "ssh://",
        "ssh://-oProxyCommand=x",
        "ssh://me:secret@build",
    ] {
        let error = Endpoint::new(host, "DOCKER_HOST").transport().expect_err(host);
        assert!(error.environment);
        assert!(error.message.contains("unix:///path/to/socket, tcp://"), "{error}");
        assert!(!error.message.contains("secret"), "{error}");
    }
}

#[test]
fn only_a_socket_is_surely_this_machine() {
    assert!(!Endpoint::new(DEFAULT_SOCKET, "default").is_remote());
    assert!(Endpoint::new("tcp://10.0.0.7:2375", "DOCKER_HOST").is_remote());
    assert!(Endpoint::new("ssh://me@build", "DOCKER_HOST").is_remote());
}

#[test]
fn published_ports_are_reached_on_the_engines_machine() {
    for (host, machine) in [
        (DEFAULT_SOCKET, "127.0.0.1"),
        ("tcp://10.0.0.7:2375", "10.0.0.7"),
        ("tcp://[::1]:2375", "[::1]"),
        ("ssh://me@build", "build"),
        ("ssh://me@build:22/path", "build"),
    ] {
        assert_eq!(Endpoint::new(host, "x").machine(), machine, "{host}");
    }
}

#[test]
fn an_absent_socket_says_how_to_start_or_install_the_engine() {
    let error = Endpoint::new("unix:///nowhere/docker.sock", "DOCKER_HOST").unreachable("x");
    assert!(error.environment);
    assert!(error.message.contains("/nowhere/docker.sock does not exist"), "{error}");
    assert!(error.message.contains("systemctl start docker"), "{error}");
}

#[test]
fn a_socket_without_permission_names_the_group() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("s");
    let _listener = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
    let endpoint = Endpoint::new(format!("unix://{}", path.display()), "DOCKER_HOST");
    let error = endpoint.unreachable("connect: Permission denied (os error 13)");
    assert!(error.message.contains("group `docker`"), "{error}");
    let error = endpoint.unreachable("no answer within 10 s");
    assert!(error.message.contains("does not answer: no answer within 10 s"), "{error}");
}

#[test]
fn a_remote_engine_is_called_remote() {
    let error = Endpoint::new("tcp://10.0.0.7:2375", "DOCKER_HOST").unreachable("refused");
    assert!(error.message.starts_with("the remote engine tcp://10.0.0.7:2375"), "{error}");
    let asks =
        "Docker responded with status code 400: Client sent an HTTP request to an HTTPS server.";
    let error = Endpoint::new("tcp://10.0.0.7:2376", "DOCKER_HOST").unreachable(asks);
    assert!(error.message.contains("DOCKER_TLS_VERIFY=1"), "{error}");
}
