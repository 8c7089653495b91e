//! One GET, bounded in time and size.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Client;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::source::http::{body, root_cause};

/// Largest answer that is read.
pub const LARGEST: usize = 4 << 20;

/// What is asked, without the place.
#[derive(Debug, Clone)]
pub struct Request {
    client: Client,
    headers: HeaderMap,
    timeout: Duration,
}

impl Request {
    /// A request with these headers (valid ones: a config was checked) and time limit.
    #[must_use]
    pub fn new(client: Client, headers: &BTreeMap<String, String>, timeout: Duration) -> Request {
        let header = |(name, value): (&String, &String)| {
            let mut value = HeaderValue::from_str(value).ok()?;
            value.set_sensitive(true);
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, value))
        };
        Request { client, headers: headers.iter().filter_map(header).collect(), timeout }
    }

    /// Reads the whole answer.
    ///
    /// # Errors
    /// Why there is none, in the same words for every failure of that kind.
    pub async fn get(&self, url: &str) -> Result<Vec<u8>, String> {
        let asked = self.client.get(url).headers(self.headers.clone());
        let answer = async {
            let response = asked.send().await.map_err(|e| unreachable(&e))?;
            let status = response.status();
            if status.is_redirection() {
                return Err(format!("HTTP {}: a redirect that is not followed", status.as_u16()));
            }
            if !status.is_success() {
                return Err(format!("HTTP {}", status.as_u16()));
            }
            body(response, LARGEST).await
        };
        match tokio::time::timeout(self.timeout, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {} s", self.timeout.as_secs_f64())),
        }
    }
}

fn unreachable(error: &reqwest::Error) -> String {
    if error.is_builder() {
        return "the address cannot be used".to_string();
    }
    root_cause(error)
}
