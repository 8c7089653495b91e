//! Placeholders in commands and environments of process services (pure).

use std::collections::BTreeMap;
use std::path::Path;

/// What placeholders stand for: ports by service and configured port, and the service's folder.
pub struct Places<'a> {
    /// The service itself.
    pub own: &'a str,
    /// Real ports, by service and configured port.
    pub ports: &'a BTreeMap<(String, u16), u16>,
    /// The service's own folder.
    pub dir: &'a Path,
}

/// Replaces `${port:8000}`, `${address:other:8000}` and `${dir}`.
///
/// # Errors
/// A placeholder that stands for nothing: which, and what there is.
pub fn expand(text: &str, places: &Places<'_>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let (inside, behind) = after
            .split_once('}')
            .ok_or_else(|| format!("'{text}': a placeholder is not closed with '}}'"))?;
        out.push_str(&value(inside, places)?);
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}

fn value(inside: &str, places: &Places<'_>) -> Result<String, String> {
    let unknown = || {
        format!(
            "'${{{inside}}}' stands for nothing; there are ${{port:N}} for a port of the service \
             itself, ${{address:SERVICE:N}} for another's, and ${{dir}}"
        )
    };
    let port_of = |service: &str, port: &str| {
        let port: u16 = port.parse().map_err(|_| unknown())?;
        places.ports.get(&(service.to_string(), port)).copied().ok_or_else(unknown)
    };
    if inside == "dir" {
        return Ok(places.dir.display().to_string());
    }
    if let Some(port) = inside.strip_prefix("port:") {
        return Ok(port_of(places.own, port)?.to_string());
    }
    let address = inside.strip_prefix("address:").ok_or_else(unknown)?;
    let (service, port) = address.rsplit_once(':').ok_or_else(unknown)?;
    Ok(format!("127.0.0.1:{}", port_of(service, port)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<String, String> {
        let ports = [(("web".to_string(), 80), 4001), (("db".to_string(), 5432), 4002)];
        let ports = ports.into_iter().collect();
        expand(text, &Places { own: "web", ports: &ports, dir: Path::new("/tmp/web") })
    }

    #[test]
    fn placeholders_become_ports_addresses_and_the_folder() {
        let text = "--port=${port:80} --db=http://${address:db:5432}/x --dir ${dir}";
        let expected = "--port=4001 --db=http://127.0.0.1:4002/x --dir /tmp/web";
        assert_eq!(check(text).as_deref(), Ok(expected));
        assert_eq!(check("plain $HOME").as_deref(), Ok("plain $HOME"));
    }

    #[test]
    fn a_placeholder_that_stands_for_nothing_says_what_there_is() {
        for text in ["${port:81}", "${address:nobody:1}", "${typo}", "${port:80"] {
            let why = check(text).expect_err(text);
            assert!(why.contains("${") || why.contains('}'), "{why}");
        }
    }
}
