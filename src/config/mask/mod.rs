//! Credentials are never recorded. What the config may hold of them is masked where it is written
//! down (URLs here, commands in `command`); what is known to be one is masked by its value in all
//! that is recorded or told (`secrets`).

use serde::Serializer;

pub(crate) mod command;
mod secrets;

pub use command::masked_words;
pub use secrets::Secrets;

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

/// The credentials of a URL or path: those that [`masked`] masks.
fn in_url(text: &str) -> Vec<String> {
    let (front, query) = text.split_once('?').unwrap_or((text, ""));
    let mut found = Vec::new();
    if let Some((_, rest)) = front.split_once("://") {
        let host = rest.split('/').next().unwrap_or_default();
        // `token@` is one as well as `user:password@`.
        let user = host.rsplit_once('@').map(|(user, _)| user);
        found.extend(user.map(|user| user.split_once(':').map_or(user, |(_, password)| password)));
    }
    let parameters = query.split('&').filter_map(|parameter| parameter.split_once('='));
    found.extend(parameters.filter(|(name, _)| speaks_of_secret(name)).map(|(_, value)| value));
    found.into_iter().map(str::to_string).collect()
}

/// Whether the value of a header may be a credential: whatever is not a common one without.
fn is_secret_header(name: &str) -> bool {
    const HARMLESS: [&str; 14] = [
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "connection",
        "content-encoding",
        "content-language",
        "content-length",
        "content-type",
        "host",
        "origin",
        "referer",
        "user-agent",
    ];
    !HARMLESS.iter().any(|harmless| name.eq_ignore_ascii_case(harmless))
}

/// The credential in a header's value: without its scheme (`Bearer X`).
fn in_header(value: &str) -> Vec<String> {
    let value = value.trim();
    let last = value.split_once(' ').map_or(value, |(_, last)| last.trim());
    vec![last.to_string()]
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
    const WITHIN: [&str; 10] = [
        "key",
        "token",
        "secret",
        "password",
        "passwd",
        "passphrase",
        "auth",
        "sig",
        "credential",
        "cookie",
    ];
    // `compass` and `PWD` are none.
    const AT_END: [&str; 6] = ["_pass", "-pass", "_pwd", "-pwd", "_pw", "-pw"];
    // An author is none, an authorization is.
    let name = name.to_ascii_lowercase().replace("authori", "auth").replace("author", "");
    WITHIN.iter().any(|s| name.contains(s)) || AT_END.iter().any(|s| name.ends_with(s))
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
    fn names_of_secrets_are_told_from_names_that_look_like_them() {
        for name in
            ["X-API-Key", "Authorization", "db_pass", "CI_JOB_TOKEN", "AWS_SECRET", "cookie"]
        {
            assert!(speaks_of_secret(name), "{name}");
        }
        for name in ["GIT_AUTHOR_NAME", "PWD", "compass", "passive", "user", "PATH"] {
            assert!(!speaks_of_secret(name), "{name}");
        }
    }

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
