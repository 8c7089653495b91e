//! Credentials are never recorded: what a URL or path may hold of them is masked when the config
//! is written into a run folder.

use serde::Serializer;

/// What stands in place of a credential.
pub const MASK: &str = "***";

/// A URL or path without credentials: user info and the values of query parameters whose names
/// speak of secrets.
#[must_use]
pub fn masked(text: &str) -> String {
    let (front, query) = match text.split_once('?') {
        Some((front, query)) => (front, Some(query)),
        None => (text, None),
    };
    let mut masked = masked_user(front);
    if let Some(query) = query {
        let parameters: Vec<String> = query.split('&').map(masked_parameter).collect();
        masked.push('?');
        masked.push_str(&parameters.join("&"));
    }
    masked
}

fn masked_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_string();
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match host.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{MASK}@{host}{path}"),
        None => url.to_string(),
    }
}

fn masked_parameter(parameter: &str) -> String {
    match parameter.split_once('=') {
        Some((name, _)) if speaks_of_secret(name) => format!("{name}={MASK}"),
        _ => parameter.to_string(),
    }
}

/// Whether the name of a parameter, flag or variable says that its value is a credential.
#[must_use]
pub fn speaks_of_secret(name: &str) -> bool {
    const SECRET: [&str; 6] = ["key", "token", "secret", "password", "auth", "sig"];
    let name = name.to_ascii_lowercase();
    SECRET.iter().any(|s| name.contains(s))
}

pub(crate) fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&masked(text))
}

pub(crate) fn serialize_some<S: Serializer>(
    text: &Option<String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match text {
        Some(text) => serializer.serialize_some(&masked(text)),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_info_and_secret_parameters_are_masked_and_nothing_else() {
        for (text, wanted) in [
            ("http://u:p@h:80/x", "http://***@h:80/x"),
            ("http://u@h", "http://***@h"),
            ("http://h/a@b", "http://h/a@b"),
            ("/a?mode=immediate&api_key=abc", "/a?mode=immediate&api_key=***"),
            ("/a?Token=abc&x", "/a?Token=***&x"),
            ("simulation:8000", "simulation:8000"),
        ] {
            assert_eq!(masked(text), wanted);
        }
    }
}
