//! Prometheus' HTTP API: queries with their time limits and credentials, and what went wrong in
//! words with a remedy.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, StatusCode};

use super::parse::{self, Labels, Matrix, ParseError};
use crate::config::PrometheusConfig;
use crate::config::mask::masked;
use crate::net;
use crate::outside;
use crate::source::http;

/// An answer larger than this is not read: half a million samples are about 15 MB.
const LARGEST_ANSWER: usize = 64 << 20;
/// Queries up to this length go into the address: some proxies let nothing but GET through.
const LONGEST_ADDRESS: usize = 1_800;

/// Who asks, and whom to trust.
#[derive(Clone, Default, PartialEq)]
pub struct Access {
    /// User and password of HTTP basic authentication.
    pub basic: Option<(String, Option<String>)>,
    /// A bearer token.
    pub bearer: Option<String>,
    /// A file that holds one; it is read for each call.
    pub bearer_file: Option<PathBuf>,
    /// Certificates (PEM) that sign the server's.
    pub ca_file: Option<PathBuf>,
}

impl Access {
    /// As configured.
    #[must_use]
    pub fn of(config: &PrometheusConfig) -> Access {
        Access {
            basic: config.username.clone().map(|user| (user, config.password.clone())),
            bearer: config.bearer_token.clone(),
            bearer_file: config.bearer_token_file.clone(),
            ca_file: config.ca_file.clone(),
        }
    }
}

/// How a call went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nobody answers.
    Unreachable,
    /// No answer in time.
    Slow,
    /// Who asks is not let in.
    Refused,
    /// It asks for less at a time.
    TooMuch,
    /// The query is wrong.
    Query,
    /// What answers is no Prometheus, or its answer is broken.
    Answer,
}

/// A call that went wrong: `what; remedy`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{what}; {remedy}")]
pub struct Problem {
    /// Of which sort.
    pub trouble: Trouble,
    /// What happened, and where.
    pub what: String,
    /// What to do.
    pub remedy: &'static str,
}

impl Problem {
    fn new(trouble: Trouble, what: String, remedy: &'static str) -> Problem {
        Problem { trouble, what, remedy }
    }

    /// Whether the same question may be answered a moment later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self.trouble, Trouble::Unreachable | Trouble::Slow | Trouble::Answer)
    }
}

/// A Prometheus at one address.
#[derive(Clone)]
pub struct Prometheus {
    client: Client,
    base: String,
    access: Access,
    limit: Duration,
}

impl Prometheus {
    /// For the API at `base` (`http://host:9090`, with a path prefix where there is one).
    ///
    /// # Errors
    /// When the file of certificates cannot be used.
    pub fn new(base: &str, access: Access, limit: Duration) -> Result<Prometheus, String> {
        let client = match &access.ca_file {
            None => net::client(limit).map_err(|e| http::root_cause(&e))?,
            Some(path) => {
                let at = |why: String| format!("ca_file {}: {why}", path.display());
                let pem = outside::bytes(path, outside::MAX_SECRET_BYTES)
                    .map_err(|e| at(e.to_string()))?;
                if !pem.windows(11).any(|w| w == b"CERTIFICATE") {
                    return Err(at("there is no certificate (PEM) in it".into()));
                }
                net::client_trusting(limit, &pem).map_err(|e| at(http::root_cause(&e)))?
            }
        };
        Ok(Prometheus { client, base: base.trim_end_matches('/').to_owned(), access, limit })
    }

    /// The same at another address.
    #[must_use]
    pub fn at(&self, base: &str) -> Prometheus {
        Prometheus { base: base.trim_end_matches('/').to_owned(), ..self.clone() }
    }

    /// The address as it may be shown.
    #[must_use]
    pub fn shown(&self) -> String {
        masked(&self.base)
    }

    /// The samples of `selector` in the `window_ms` before `at_ms` (Unix; `None`: before now), at
    /// their own times.
    ///
    /// # Errors
    /// What went wrong, with the remedy.
    pub async fn samples(
        &self,
        selector: &str,
        window_ms: i64,
        at_ms: Option<i64>,
    ) -> Result<Matrix, Problem> {
        let mut fields = vec![("query", format!("{selector}[{}ms]", window_ms.max(1)))];
        fields.extend(at_ms.map(|ms| ("time", seconds(ms))));
        let text = self.ask("/api/v1/query", &fields).await?;
        parse::parse_matrix(&text).map_err(|error| self.of_answer(&error))
    }

    /// The label sets of the series of `selector` that have samples between two moments.
    ///
    /// # Errors
    /// What went wrong, with the remedy.
    pub async fn label_sets(
        &self,
        selector: &str,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<Labels>, Problem> {
        let fields = [
            ("match[]", selector.to_owned()),
            ("start", seconds(from_ms)),
            ("end", seconds(to_ms)),
        ];
        let text = self.ask("/api/v1/series", &fields).await?;
        parse::parse_label_sets(&text).map_err(|error| self.of_answer(&error))
    }

    /// Its version; none where it does not tell (before 2.14, and programs with the same API).
    ///
    /// # Errors
    /// When it cannot be reached or refuses who asks.
    pub async fn version(&self) -> Result<Option<String>, Problem> {
        match self.ask("/api/v1/status/buildinfo", &[]).await {
            Ok(text) => Ok(parse::parse_version(&text).ok()),
            Err(problem) if !matches!(problem.trouble, Trouble::Answer | Trouble::Query) => {
                Err(problem)
            }
            Err(_) => Ok(None),
        }
    }

    async fn ask(&self, path: &str, fields: &[(&str, String)]) -> Result<Vec<u8>, Problem> {
        let form = encoded(fields);
        let url = format!("{}{path}", self.base);
        if form.len() <= LONGEST_ADDRESS {
            let url = if form.is_empty() { url } else { format!("{url}?{form}") };
            return self.answer(self.client.get(url)).await;
        }
        let request = self.client.post(url);
        let kind = "application/x-www-form-urlencoded";
        self.answer(request.header(reqwest::header::CONTENT_TYPE, kind).body(form)).await
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Vec<u8>, Problem> {
        let request = self.signed(request)?;
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let text = self.body(response).await?;
        if status.is_success() {
            return Ok(text);
        }
        Err(self.of_status(status, &text))
    }

    fn signed(&self, request: RequestBuilder) -> Result<RequestBuilder, Problem> {
        if let Some((user, password)) = &self.access.basic {
            return Ok(request.basic_auth(user, password.as_ref()));
        }
        if let Some(token) = &self.access.bearer {
            return Ok(request.bearer_auth(token));
        }
        let Some(path) = &self.access.bearer_file else { return Ok(request) };
        match outside::text(path, outside::MAX_SECRET_BYTES) {
            Ok(token) => Ok(request.bearer_auth(token.trim())),
            Err(error) => Err(Problem::new(
                Trouble::Refused,
                format!("the bearer token file {} cannot be read ({error})", path.display()),
                "correct bearer_token_file",
            )),
        }
    }

    async fn body(&self, response: Response) -> Result<Vec<u8>, Problem> {
        let large = response.content_length().is_some_and(|n| n > LARGEST_ANSWER as u64);
        let why = match http::body(response, LARGEST_ANSWER).await {
            Ok(body) => return Ok(body),
            Err(why) => why,
        };
        if large || why.contains("larger than") {
            return Err(self.too_much(why));
        }
        let what = format!("the answer of {} broke off: {why}", self.shown());
        Err(Problem::new(Trouble::Answer, what, "look at what stands between it and here"))
    }

    fn too_much(&self, why: String) -> Problem {
        let what = format!("{}: {why}", self.shown());
        Problem::new(Trouble::TooMuch, what, "select less with match, or a shorter window")
    }

    fn unreachable(&self, error: &reqwest::Error) -> Problem {
        let at = self.shown();
        if error.is_timeout() {
            let seconds = self.limit.as_secs_f64();
            let what = format!("{at} did not answer within {seconds:.0} s");
            return Problem::new(Trouble::Slow, what, "raise timeout, or select less with match");
        }
        if error.is_builder() {
            let what =
                format!("{at} is no address that can be called: {}", http::root_cause(error));
            return Problem::new(Trouble::Query, what, "write http://host:port");
        }
        let what = format!("{at} cannot be reached: {}", http::root_cause(error));
        Problem::new(Trouble::Unreachable, what, "correct the address of Prometheus, or start it")
    }

    fn of_status(&self, status: StatusCode, text: &[u8]) -> Problem {
        let at = self.shown();
        match (status.as_u16(), parse::refusal(text)) {
            (401 | 403, _) => Problem::new(
                Trouble::Refused,
                format!("{at} answered {status}"),
                "give username and password, or a bearer token, that may read it",
            ),
            (_, Some(refused)) => self.of_answer(&refused),
            (404, None) => Problem::new(
                Trouble::Answer,
                format!("{at} has no API of Prometheus (404)"),
                "add the path prefix to the address (http://host/prometheus)",
            ),
            (300..=399, None) => Problem::new(
                Trouble::Answer,
                format!("{at} sends elsewhere ({status}): a login page?"),
                "name the address behind the proxy, or give credentials",
            ),
            (413, None) => self.too_much(format!("answered {status}")),
            (502..=504, None) => Problem::new(
                Trouble::Unreachable,
                format!("{at} answered {status}: {}", http::first_line(text)),
                "look whether Prometheus runs behind it",
            ),
            (_, None) => Problem::new(
                Trouble::Answer,
                format!("{at} answered {status}: {}", http::first_line(text)),
                "look at the log of Prometheus",
            ),
        }
    }

    fn of_answer(&self, error: &ParseError) -> Problem {
        let what = format!("{}: {error}", self.shown());
        match error {
            ParseError::Refused { kind, message } => {
                let message = message.to_ascii_lowercase();
                let much = ["too many samples", "exceeded maximum", "limit", "too large"];
                if much.iter().any(|word| message.contains(word)) {
                    return Problem::new(
                        Trouble::TooMuch,
                        what,
                        "select less with match, or raise --query.max-samples of Prometheus",
                    );
                }
                match kind.as_str() {
                    "timeout" | "canceled" => Problem::new(
                        Trouble::TooMuch,
                        what,
                        "select less with match, or raise --query.timeout of Prometheus",
                    ),
                    "bad_data" => {
                        Problem::new(Trouble::Query, what, "correct the matchers in match")
                    }
                    _ => Problem::new(Trouble::Answer, what, "look at the log of Prometheus"),
                }
            }
            ParseError::Html => Problem::new(
                Trouble::Answer,
                what,
                "name the API itself: a login page or another program answers there",
            ),
            ParseError::Truncated { .. } => {
                Problem::new(Trouble::Answer, what, "look at what stands between it and here")
            }
            ParseError::Format(_) => {
                Problem::new(Trouble::Answer, what, "look whether a Prometheus answers there")
            }
        }
    }
}

fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms.div_euclid(1000), ms.rem_euclid(1000))
}

/// `application/x-www-form-urlencoded`.
fn encoded(fields: &[(&str, String)]) -> String {
    let mut out = String::new();
    for (name, value) in fields {
        if !out.is_empty() {
            out.push('&');
        }
        percent(name, &mut out);
        out.push('=');
        percent(value, &mut out);
    }
    out
}

fn percent(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
pub(super) mod tests;
