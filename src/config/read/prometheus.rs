//! `[sources.prometheus]`.

use std::path::{Path, PathBuf};

use super::expand::{Environment, secret};
use super::load::address;
use super::section::Section;
use crate::config::PrometheusConfig;

pub(super) fn prometheus(
    sources: &Section<'_>,
    base_dir: &Path,
    environment: Environment<'_>,
) -> Option<PrometheusConfig> {
    if !sources.has("prometheus") {
        return None;
    }
    let d = PrometheusConfig::default();
    sources.section("prometheus", |s| {
        if !s.has("address") {
            s.missing("address", "write address = \"prometheus:9090\"");
        }
        let read = PrometheusConfig {
            address: address(s, "address", "prometheus:9090").unwrap_or(d.address),
            matchers: s.maybe_text("match", "namespace=\"shop\"").unwrap_or(d.matchers),
            username: secret(s, "username", environment),
            password: secret(s, "password", environment),
            bearer_token: secret(s, "bearer_token", environment),
            bearer_token_file: file(s, "bearer_token_file", "token", base_dir),
            ca_file: file(s, "ca_file", "ca.pem", base_dir),
            timeout: s.time("timeout", d.timeout),
        };
        let tokens = [read.bearer_token.is_some(), read.bearer_token_file.is_some()];
        let ways = tokens.iter().filter(|there| **there).count();
        if ways + usize::from(read.username.is_some() || read.password.is_some()) > 1 {
            let what = "more than one way to say who asks";
            s.wrong("username", what, "keep username and password, or one bearer token");
        }
        if read.password.is_some() && read.username.is_none() {
            s.missing("username", "write username = \"${PROMETHEUS_USER}\"");
        }
        Some(read)
    })
}

fn file(s: &Section<'_>, key: &'static str, example: &str, base_dir: &Path) -> Option<PathBuf> {
    s.maybe_text(key, example).map(|path| base_dir.join(path))
}

#[cfg(test)]
mod tests {
    use crate::config::{ConfigText, PrometheusConfig, read};

    fn parsed(section: &str) -> Result<(PrometheusConfig, String), String> {
        let text = format!(
            "project = \"p\"\n[stack]\nkind = \"attach\"\nproject = \"p\"\n[sources.prometheus]\n{section}"
        );
        let config = read(&ConfigText {
            text: &text,
            origin: "runner.toml",
            base_dir: std::path::Path::new("/somewhere"),
            set: &[],
            environment: &|name| (name == "PASSWORD").then(|| "s3cret".to_string()),
        })
        .map_err(|problems| problems.to_string())?;
        let record = serde_json::to_string(&config).expect("a record");
        Ok((config.sources.prometheus.expect("it is there"), record))
    }

    #[test]
    fn credentials_come_from_the_environment_and_are_never_recorded() {
        let (read, record) = parsed(
            "address = \"http://u:s3cret@h:9090\"\nusername = \"me\"\npassword = \"${PASSWORD}\"\n\
             match = 'namespace=\"shop\"'\nca_file = \"ca.pem\"\n",
        )
        .expect("a config");
        assert_eq!(read.password.as_deref(), Some("s3cret"));
        assert_eq!(read.matchers, "namespace=\"shop\"");
        assert_eq!(read.ca_file.as_deref(), Some(std::path::Path::new("/somewhere/ca.pem")));
        assert!(!record.contains("s3cret") && record.contains("http://***@h:9090"), "{record}");
    }

    #[test]
    fn mistakes_are_named_without_showing_a_credential() {
        for (section, words) in [
            ("", "address"),
            ("address = \"nowhere\"", "service:port"),
            ("address = \"h:1\"\npassword = \"s3cret\"", "username"),
            ("address = \"h:1\"\npassword = \"${NONE}\"", "NONE is not set"),
            ("address = \"h:1\"\nbearer_token = \"s3cret\\n\"", "more than one line"),
            ("address = \"h:1\"\nusername = \"u\"\nbearer_token = \"s3cret\"", "more than one way"),
            ("address = \"h:1\"\ntocken = \"s3cret\"", "tocken"),
        ] {
            let found = parsed(section).expect_err(section);
            assert!(found.contains(words) && !found.contains("s3cret"), "{section}: {found}");
        }
    }
}
