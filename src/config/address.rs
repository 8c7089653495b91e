//! Addresses as a config writes them: `service:port`, or a URL.

/// Where something answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A service of the stack, by its key, and the port inside it.
    Service {
        /// The service's key.
        name: String,
        /// The port as the service itself numbers it.
        port: u16,
    },
    /// A URL without its trailing slash.
    Url(String),
}

impl Address {
    /// Reads `service:port` or `http://...`. `localhost:8000` and `127.0.0.1:8000` mean the
    /// machine itself, not a service of that name.
    ///
    /// # Errors
    /// What is wrong, in words that follow "expected".
    pub fn parse(text: &str) -> Result<Address, &'static str> {
        const WANTED: &str = "an address: service:port or http://host:port";
        let text = text.trim().trim_end_matches('/');
        if let Some((scheme, rest)) = text.split_once("://") {
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
            let usable = matches!(scheme, "http" | "https")
                && !host.is_empty()
                && !host.starts_with(':')
                && !text.chars().any(|c| c.is_whitespace() || c.is_control());
            return usable.then(|| Address::Url(text.to_string())).ok_or(WANTED);
        }
        let (name, port) = text.rsplit_once(':').ok_or(WANTED)?;
        let port: u16 = port.parse().map_err(|_| WANTED)?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if port == 0 || name.is_empty() || !name.chars().all(allowed) {
            return Err(WANTED);
        }
        if name == "localhost" || name.parse::<std::net::Ipv4Addr>().is_ok() {
            return Ok(Address::Url(format!("http://{text}")));
        }
        Ok(Address::Service { name: name.to_string(), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_service_with_its_port_or_a_url() {
        let service = |name: &str, port| Address::Service { name: name.to_string(), port };
        let url = |text: &str| Address::Url(text.to_string());
        for (text, wanted) in [
            ("simulation:8000", service("simulation", 8000)),
            ("stream-processor.1:80", service("stream-processor.1", 80)),
            ("http://localhost:8000/", url("http://localhost:8000")),
            ("https://u:p@example.org/api", url("https://u:p@example.org/api")),
            ("http://[::1]:8000", url("http://[::1]:8000")),
            ("localhost:8000", url("http://localhost:8000")),
            ("127.0.0.1:8000", url("http://127.0.0.1:8000")),
        ] {
            assert_eq!(Address::parse(text), Ok(wanted), "{text}");
        }
        for text in [
            "",
            "simulation",
            "simulation:",
            "simulation:0",
            "simulation:70000",
            ":80",
            "a b:80",
            "ftp://x",
            "http://",
            "http://:80",
            "http://a b",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }
}
