//! An HTTP call: a profile that a service gives out, a collection that it is asked for.

use std::time::Duration;

use reqwest::Method;

use super::Failure;
use super::output::Kept;
use crate::config::{Address, Call, mask};
use crate::model::Container;
use crate::net;

/// Makes the call; the body of the answer is its output.
///
/// # Errors
/// Nothing answers, or another status than 2xx.
pub(super) async fn call(
    address: &str,
    call: &Call,
    limit: Duration,
    places: &[Container],
    kept: &Kept,
) -> Result<(), Failure> {
    let base = base(address, places)?;
    let url = format!("{base}{}", call.path);
    let shown = format!("{} {}", call.method, mask::masked(&url));
    let method = Method::from_bytes(call.method.as_bytes()).unwrap_or(Method::GET);
    let client = net::client(limit).map_err(|error| format!("no HTTP client: {error}"))?;
    let failed = |error: reqwest::Error| format!("{shown}: {}", chain(&error.without_url()));
    let mut answer = client.request(method, &url).send().await.map_err(failed)?;
    let status = answer.status();
    while let Some(part) = answer.chunk().await.map_err(failed)? {
        kept.add(&part);
    }
    if status.is_success() { Ok(()) } else { Err(format!("{shown}: {status}")) }
}

fn base(address: &str, places: &[Container]) -> Result<String, Failure> {
    match Address::parse(address) {
        Ok(Address::Url(url)) => Ok(url),
        Ok(Address::Service { name, port }) => {
            let named = |c: &&Container| c.name == name || c.service.as_deref() == Some(&name);
            let at = places.iter().find(named).and_then(|c| c.ports.get(&port));
            at.map(|at| format!("http://{at}")).ok_or_else(|| {
                format!("service {name} port {port} is not published on this machine")
            })
        }
        Err(wanted) => Err(format!("hook.http: expected {wanted}")),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(&format!(": {inner}"));
        source = inner.source();
    }
    text
}
