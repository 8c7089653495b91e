//! A Prometheus that scrapes cAdvisor or a kubelet, as configured.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::{mask, seconds};

/// `[sources.prometheus]`. Credentials are never recorded.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PrometheusConfig {
    /// `service:port` or a URL, with the path prefix where there is one.
    #[serde(serialize_with = "mask::serialize")]
    pub address: String,
    /// Matchers that select the stack's series (`namespace="shop"`); empty: all.
    #[serde(rename = "match")]
    pub matchers: String,
    /// User of HTTP basic authentication.
    #[serde(skip)]
    pub username: Option<String>,
    /// Its password.
    #[serde(skip)]
    pub password: Option<String>,
    /// A bearer token.
    #[serde(skip)]
    pub bearer_token: Option<String>,
    /// A file that holds a bearer token, read for each call: tokens are renewed.
    #[serde(skip)]
    pub bearer_token_file: Option<PathBuf>,
    /// Certificates (PEM) that sign the server's; they alone are trusted then.
    pub ca_file: Option<PathBuf>,
    /// Time limit of one query. A reading during a run has `sources.timeout` as well.
    #[serde(serialize_with = "seconds")]
    pub timeout: Duration,
}

impl Default for PrometheusConfig {
    fn default() -> Self {
        PrometheusConfig {
            address: "http://localhost:9090".to_string(),
            matchers: String::new(),
            username: None,
            password: None,
            bearer_token: None,
            bearer_token_file: None,
            ca_file: None,
            timeout: Duration::from_secs(30),
        }
    }
}
