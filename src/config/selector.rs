//! A series selector as Prometheus writes it: `kafka_lag{topic="x",group!="y"}`.

use std::fmt;

use serde::{Serialize, Serializer};

/// Which series of an exposition page are meant. Regular expressions are not supported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// Name of the metric.
    pub name: String,
    /// Labels that must, or must not, have a value. A label that a series lacks is empty.
    pub matchers: Vec<Matcher>,
}

/// A label and the value that it must have or must not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher {
    /// Name of the label.
    pub label: String,
    /// `=`, or `!=`.
    pub equal: bool,
    /// The value.
    pub value: String,
}

impl Selector {
    /// Reads a selector.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(text: &str) -> Result<Selector, String> {
        let text = text.trim();
        let end = text.find('{').unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let name = name.trim_end();
        if !is_name(name, true) {
            return Err(format!("{name:?} is no name of a metric"));
        }
        let mut matchers = Vec::new();
        if let Some(inner) = rest.strip_prefix('{') {
            let mut rest = inner.trim_start();
            while !rest.starts_with('}') {
                let (matcher, after) = matcher(rest)?;
                matchers.push(matcher);
                rest = after.trim_start();
                match rest.strip_prefix(',') {
                    Some(after) => rest = after.trim_start(),
                    None if rest.starts_with('}') => {}
                    None => return Err("a { without its }".to_string()),
                }
            }
            if rest.trim_end() != "}" {
                return Err(format!("{:?} follows the }}", rest[1..].trim()));
            }
        }
        Ok(Selector { name: name.to_string(), matchers })
    }

    /// Whether a series with these labels is meant.
    #[must_use]
    pub fn fits<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.matchers.iter().all(|m| (label(&m.label).unwrap_or_default() == m.value) == m.equal)
    }
}

/// One matcher, and what follows it.
fn matcher(text: &str) -> Result<(Matcher, &str), String> {
    let end = text.find(['=', '!']).ok_or("a label without = and its value")?;
    let (label, rest) = text.split_at(end);
    let label = label.trim();
    if !is_name(label, false) {
        return Err(format!("{label:?} is no name of a label"));
    }
    let (equal, rest) = if rest.starts_with("=~") || rest.starts_with("!~") {
        return Err("regular expressions are not supported; use = and != and aggregate".into());
    } else if let Some(rest) = rest.strip_prefix("!=") {
        (false, rest)
    } else if let Some(rest) = rest.strip_prefix('=') {
        (true, rest)
    } else {
        return Err("a label without = and its value".into());
    };
    let rest = rest.trim_start().strip_prefix('"').ok_or("the value of a label is not quoted")?;
    let (value, rest) = unquoted(rest).ok_or("a label's value without its closing quote")?;
    Ok((Matcher { label: label.to_string(), equal, value }, rest))
}

/// The text up to the closing quote with its escapes resolved, and what follows the quote.
pub(crate) fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                c @ ('"' | '\\') => value.push(c),
                // As Prometheus reads it: an unknown escape stays as it is.
                other => value.extend(['\\', other]),
            },
            c => value.push(c),
        }
    }
    None
}

/// Whether it is a name of a metric (or of a label, which has no colon).
pub(crate) fn is_name(text: &str, colons: bool) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_' || (colons && c == ':');
    text.starts_with(letter) && text.chars().all(|c| letter(c) || c.is_ascii_digit())
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (n, m) in self.matchers.iter().enumerate() {
            f.write_str(if n == 0 { "{" } else { "," })?;
            let sign = if m.equal { "=" } else { "!=" };
            let value = m.value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            write!(f, "{}{sign}\"{value}\"", m.label)?;
        }
        if self.matchers.is_empty() { Ok(()) } else { f.write_str("}") }
    }
}

impl Serialize for Selector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_selector_is_a_name_with_matchers() {
        let read = |text: &str| Selector::parse(text).expect(text);
        assert_eq!(read("up"), Selector { name: "up".into(), matchers: Vec::new() });
        assert_eq!(read(" up { } ").matchers, []);
        let lag = read(r#"kafka:lag{topic="a\"b\\c\nd", group != "x", }"#);
        assert_eq!(lag.name, "kafka:lag");
        assert_eq!(lag.matchers[0].value, "a\"b\\c\nd");
        assert_eq!((lag.matchers[1].label.as_str(), lag.matchers[1].equal), ("group", false));
        for (text, why) in [
            ("", "no name of a metric"),
            ("1up", "no name of a metric"),
            ("up{", "without = "),
            ("up{a}", "without = "),
            ("up{a=b}", "not quoted"),
            ("up{a=\"b}", "closing quote"),
            ("up{a=\"b\"", "without its }"),
            ("up{a=\"b\"} x", "follows the }"),
            ("up{a=~\"b\"}", "regular expressions"),
            ("up{a-b=\"c\"}", "no name of a label"),
        ] {
            let error = Selector::parse(text).expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn a_label_that_is_not_there_is_empty() {
        let fits = |text: &str| {
            let labels = |name: &str| (name == "topic").then_some("x");
            Selector::parse(text).expect(text).fits(labels)
        };
        for (text, wanted) in [
            ("lag", true),
            (r#"lag{topic="x"}"#, true),
            (r#"lag{topic!="x"}"#, false),
            (r#"lag{topic="x",group=""}"#, true),
            (r#"lag{topic="x",group!=""}"#, false),
        ] {
            assert_eq!(fits(text), wanted, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_what_is_shown_is_read_again(text in "(?s).{0,60}") {
            if let Ok(selector) = Selector::parse(&text) {
                prop_assert_eq!(Selector::parse(&selector.to_string()), Ok(selector));
            }
        }

        #[test]
        fn a_shown_selector_is_read_again(value in "(?s).{0,20}", equal: bool) {
            let matchers = vec![Matcher { label: "a".into(), equal, value }];
            let selector = Selector { name: "b:c".into(), matchers };
            prop_assert_eq!(Selector::parse(&selector.to_string()), Ok(selector));
        }
    }
}
