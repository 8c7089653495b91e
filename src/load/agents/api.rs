//! Calls of a control API over HTTP, with errors that name the call, the address and the remedy.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

use crate::config::{Address, AgentsLoad, Call, mask};
use crate::load::answers::{beginning, chain};
use crate::net;
use crate::session::ports::LoadError;

/// Answers larger than this are not read on: no state is that long.
const LARGEST_ANSWER: usize = 4 << 20;

/// Why a call failed.
#[derive(Debug)]
pub(super) struct CallError {
    /// In words, with the remedy.
    pub(super) message: String,
    /// In the few words that failures are counted by.
    pub(super) cause: String,
    /// The status, where there was an answer.
    pub(super) status: Option<StatusCode>,
}

impl From<CallError> for LoadError {
    fn from(error: CallError) -> LoadError {
        LoadError(error.message)
    }
}

/// The API: where it is and how it is called.
pub(super) struct Api {
    client: reqwest::Client,
    headers: HeaderMap,
    address: Address,
    /// `http://host:port` as it is now; absent until a service was found.
    base: RwLock<Option<String>>,
}

impl Api {
    pub(super) fn new(config: &AgentsLoad) -> Result<Api, LoadError> {
        let address = Address::parse(&config.address)
            .map_err(|wanted| LoadError(format!("load.address: expected {wanted}")))?;
        let client = net::client(config.timeout)
            .map_err(|e| LoadError(format!("no HTTP client: {}", chain(&e))))?;
        let base = match &address {
            Address::Url(url) => Some(url.clone()),
            Address::Service { .. } => None,
        };
        Ok(Api { client, headers: headers(config)?, address, base: RwLock::new(base) })
    }

    /// Looks up where the service is now; a URL stays as it is.
    pub(super) fn relocate(&self, resolve: &(dyn Fn(&str, u16) -> Option<String> + Sync)) {
        if let Address::Service { name, port } = &self.address {
            let base = resolve(name, *port).map(|at| format!("http://{at}"));
            *self.base.write().unwrap_or_else(PoisonError::into_inner) = base;
        }
    }

    fn base(&self) -> Result<String, CallError> {
        let base = self.base.read().unwrap_or_else(PoisonError::into_inner);
        base.clone().ok_or_else(|| {
            let place = match &self.address {
                Address::Service { name, port } => format!("service {name} port {port}"),
                Address::Url(url) => mask::masked(url),
            };
            CallError {
                message: format!(
                    "load.address: {place} is not published on this machine; publish the port in \
                     the compose file (ports: [\"127.0.0.1::8000\"]) or write a URL"
                ),
                cause: "no address".to_string(),
                status: None,
            }
        })
    }

    /// Makes a call and reads its answer as JSON; an answer without a body is `null`.
    pub(super) async fn json(
        &self,
        call: &Call,
        body: Option<Value>,
        limit: Option<Duration>,
    ) -> Result<Value, CallError> {
        let text = self.call(call, body, limit).await?;
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).map_err(|error| CallError {
            message: format!(
                "{}: the answer is not JSON ({error}): {}; is load.address the control API?",
                self.shown(call),
                beginning(&text)
            ),
            cause: "no JSON".to_string(),
            status: None,
        })
    }

    /// Makes a call; an answer other than 2xx is an error. Returns the body.
    pub(super) async fn call(
        &self,
        call: &Call,
        body: Option<Value>,
        limit: Option<Duration>,
    ) -> Result<String, CallError> {
        let url = format!("{}{}", self.base()?, call.path);
        let method = Method::from_bytes(call.method.as_bytes()).unwrap_or(Method::GET);
        let mut request = self.client.request(method, url).headers(self.headers.clone());
        if let Some(body) = body {
            request = request.json(&body);
        }
        if let Some(limit) = limit {
            request = request.timeout(limit);
        }
        let response = request.send().await.map_err(|e| self.failed(call, &e))?;
        let status = response.status();
        let text = body_of(response).await.map_err(|e| match e {
            BodyError::Broken(e) => self.failed(call, &e),
            BodyError::TooLarge => self.too_large(call),
        })?;
        if status.is_success() {
            return Ok(text);
        }
        Err(self.refused(call, status, &text))
    }

    /// The call as a message shows it, without credentials.
    fn shown(&self, call: &Call) -> String {
        let base = self.base().unwrap_or_default();
        format!("{} {}", call.method, mask::masked(&format!("{base}{}", call.path)))
    }

    fn failed(&self, call: &Call, error: &reqwest::Error) -> CallError {
        let (what, remedy) = if error.is_timeout() {
            ("no answer in time", "is it overloaded? load.timeout sets the limit")
        } else if error.is_connect() {
            ("nothing answers there", "is the service up, and load.address right?")
        } else {
            ("the connection broke", "did the service restart? see its log")
        };
        CallError {
            message: format!("{}: {what} ({}); {remedy}", self.shown(call), chain(error)),
            cause: net::cause(error).to_string(),
            status: None,
        }
    }

    fn too_large(&self, call: &Call) -> CallError {
        CallError {
            message: format!(
                "{}: an answer above {} MB; is load.address the control API?",
                self.shown(call),
                LARGEST_ANSWER >> 20
            ),
            cause: "answer too large".to_string(),
            status: None,
        }
    }

    fn refused(&self, call: &Call, status: StatusCode, body: &str) -> CallError {
        let remedy = match status.as_u16() {
            401 | 403 => {
                "give its key: [load.headers] X-API-Key = \"${API_KEY}\" (headers are never recorded)"
            }
            404 | 405 => "correct the path of this call in [load]",
            300..=399 => "redirects to other hosts are not followed: write that address",
            500..=599 => "see the log of the service",
            _ => "see the documentation of the API",
        };
        CallError {
            message: format!("{}: {status}: {}; {remedy}", self.shown(call), beginning(body)),
            cause: status.as_u16().to_string(),
            status: Some(status),
        }
    }
}

fn headers(config: &AgentsLoad) -> Result<HeaderMap, LoadError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &config.headers {
        let unusable = |_| LoadError(format!("load.headers.{name} is not usable as a header"));
        let key =
            HeaderName::from_bytes(name.as_bytes()).map_err(|e| e.to_string()).map_err(unusable)?;
        let mut value =
            HeaderValue::from_str(value).map_err(|e| e.to_string()).map_err(unusable)?;
        value.set_sensitive(true);
        headers.insert(key, value);
    }
    Ok(headers)
}

enum BodyError {
    Broken(reqwest::Error),
    TooLarge,
}

async fn body_of(mut response: Response) -> Result<String, BodyError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(BodyError::Broken)? {
        if bytes.len() + chunk.len() > LARGEST_ANSWER {
            return Err(BodyError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
