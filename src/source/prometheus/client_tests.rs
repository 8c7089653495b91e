use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};

use super::*;

/// What was asked: method, path with query, body, authorization.
type Calls = Arc<Mutex<Vec<[String; 4]>>>;

/// A Prometheus that answers everything with one text.
pub(in crate::source::prometheus) struct Fake {
    pub base: String,
    pub calls: Calls,
    server: tokio::task::JoinHandle<()>,
}

impl Fake {
    pub async fn new(answer: impl Fn(&str) -> Response + Clone + Send + Sync + 'static) -> Fake {
        let calls = Calls::default();
        let noted = Arc::clone(&calls);
        let take = move |State(calls): State<Calls>,
                         method: Method,
                         uri: Uri,
                         headers: HeaderMap,
                         body: Bytes| {
            let given = headers.get("authorization").and_then(|v| v.to_str().ok());
            calls.lock().unwrap().push([
                method.to_string(),
                uri.to_string(),
                String::from_utf8_lossy(&body).into_owned(),
                given.unwrap_or_default().to_owned(),
            ]);
            let answer = answer(uri.path());
            async move { answer }
        };
        let app = Router::new().fallback(take).with_state(noted);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        Fake { base, calls, server }
    }

    fn api(&self, access: Access) -> Prometheus {
        Prometheus::new(&self.base, access, Duration::from_secs(20)).unwrap()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.abort();
    }
}

const EMPTY: &str = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;

async fn problem(status: u16, text: &'static str) -> Problem {
    let fake =
        Fake::new(move |_| (StatusCode::from_u16(status).unwrap(), text).into_response()).await;
    fake.api(Access::default()).samples("up", 60_000, None).await.unwrap_err()
}

#[tokio::test]
async fn a_query_asks_for_the_samples_of_a_window_at_a_moment() {
    let fake = Fake::new(|_| EMPTY.into_response()).await;
    let api = fake.api(Access::default());
    api.samples("{a=\"b\"}", 60_000, Some(1_795_226_628_965)).await.unwrap();
    let calls = fake.calls.lock().unwrap().clone();
    assert_eq!(calls[0][0], "GET");
    assert_eq!(
        calls[0][1],
        "/api/v1/query?query=%7Ba%3D%22b%22%7D%5B60000ms%5D&time=1795226628.965"
    );
}

#[tokio::test]
async fn a_long_query_is_posted() {
    let fake = Fake::new(|_| EMPTY.into_response()).await;
    let long = format!("{{id=~\"{}\"}}", "x".repeat(3000));
    fake.api(Access::default()).samples(&long, 1000, None).await.unwrap();
    let calls = fake.calls.lock().unwrap().clone();
    assert_eq!((calls[0][0].as_str(), calls[0][1].as_str()), ("POST", "/api/v1/query"));
    assert!(calls[0][2].starts_with("query=%7Bid%3D~"), "{}", calls[0][2]);
}

#[tokio::test]
async fn credentials_go_with_every_call_in_each_of_their_ways() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "from-file\n").unwrap();
    for (access, wanted) in [
        (Access { basic: Some(("u".into(), Some("p".into()))), ..Access::default() }, "Basic dTpw"),
        (Access { bearer: Some("tok".into()), ..Access::default() }, "Bearer tok"),
        (Access { bearer_file: Some(token.clone()), ..Access::default() }, "Bearer from-file"),
    ] {
        let fake = Fake::new(|_| EMPTY.into_response()).await;
        fake.api(access).samples("up", 1000, None).await.unwrap();
        assert_eq!(fake.calls.lock().unwrap()[0][3], wanted);
    }
    let lost = Access { bearer_file: Some(folder.path().join("none")), ..Access::default() };
    let fake = Fake::new(|_| EMPTY.into_response()).await;
    let error = fake.api(lost).samples("up", 1000, None).await.unwrap_err().to_string();
    assert!(error.contains("none") && error.contains("bearer_token_file"), "{error}");
}

#[tokio::test]
async fn what_goes_wrong_is_named_with_its_place_and_remedy() {
    const BAD: &str = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
    const MANY: &str = r#"{"status":"error","errorType":"execution","error":
        "query processing would load too many samples into memory in query execution"}"#;
    const SLOW: &str = r#"{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}"#;
    const OTHER: &str = r#"{"status":"error","errorType":"internal","error":"expanding series"}"#;
    for (status, text, trouble, words) in [
        (401, "", Trouble::Refused, "401"),
        (403, "Forbidden", Trouble::Refused, "bearer token"),
        (400, BAD, Trouble::Query, "bad_data: parse error"),
        (422, MANY, Trouble::TooMuch, "too many samples"),
        (503, SLOW, Trouble::TooMuch, "timed out"),
        (500, OTHER, Trouble::Answer, "expanding series"),
        (404, "404 page not found", Trouble::Answer, "path prefix"),
        (302, "", Trouble::Answer, "login page"),
        (502, "Bad Gateway", Trouble::Unreachable, "Bad Gateway"),
        (413, "", Trouble::TooMuch, "413"),
        (500, "boom", Trouble::Answer, "boom"),
        (200, "<html><body>Sign in", Trouble::Answer, "HTML"),
        (200, &EMPTY[..40], Trouble::Answer, "breaks off after 40 bytes"),
        (200, "ok", Trouble::Answer, "cannot be understood"),
    ] {
        let problem = problem(status, text).await;
        assert_eq!(problem.trouble, trouble, "{status} {text}: {problem}");
        let message = problem.to_string();
        assert!(message.contains(words), "{status}: {message}");
        assert!(message.contains("http://127.0.0.1:") && message.contains("; "), "{message}");
    }
}

#[tokio::test]
async fn nobody_there_and_nobody_answering_are_told_apart_without_credentials() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let silent = Prometheus::new(
        &format!("http://u:s3cret@{at}"),
        Access::default(),
        Duration::from_millis(300),
    )
    .unwrap();
    let error = silent.samples("up", 1000, None).await.unwrap_err();
    assert!(error.may_pass());
    assert!(error.to_string().contains("did not answer within"), "{error}");
    drop(listener);
    let error = silent.samples("up", 1000, None).await.unwrap_err().to_string();
    assert!(error.contains("cannot be reached") && !error.contains("s3cret"), "{error}");
}

#[tokio::test]
async fn a_program_without_buildinfo_has_no_version_and_works() {
    let fake = Fake::new(|_| StatusCode::NOT_FOUND.into_response()).await;
    assert_eq!(fake.api(Access::default()).version().await.unwrap(), None);
}

#[test]
fn a_ca_file_without_certificates_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    let make = || {
        let access = Access { ca_file: Some(path.clone()), ..Access::default() };
        Prometheus::new("https://h", access, Duration::from_secs(1)).err().unwrap_or_default()
    };
    assert!(make().contains("ca.pem"));
    std::fs::write(&path, "nothing").unwrap();
    assert!(make().contains("no certificate"));
}
