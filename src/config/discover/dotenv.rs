//! `.env` files and `${VARIABLE}`, as far as compose's tools agree on them.

use std::collections::BTreeMap;

/// Looks a variable up.
type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The variables of a `.env` file. What stands in `outer` goes before earlier lines where a value names
/// another variable.
pub(super) fn parse(text: &str, outer: Lookup<'_>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut rest = text.trim_start_matches('\u{feff}');
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let Some((name, _)) = line.split_once('=').filter(|_| !line.trim_start().starts_with('#'))
        else {
            rest = after;
            continue;
        };
        let value_at = &rest[name.len() + 1..];
        let name = name.trim().trim_start_matches("export ").trim();
        let lookup = |name: &str| outer(name).or_else(|| found.get(name).cloned());
        let (value, after) = value(value_at, &lookup);
        found.insert(name.to_owned(), value);
        rest = after;
    }
    found
}

/// The value that begins here, and the lines after it.
fn value<'t>(text: &'t str, lookup: Lookup<'_>) -> (String, &'t str) {
    let start = text.trim_start_matches([' ', '\t']);
    let next_line = |text: &'t str| text.split_once('\n').map_or("", |(_, after)| after);
    if let Some(quoted) = start.strip_prefix('\'')
        && let Some((literal, after)) = quoted.split_once('\'')
    {
        return (literal.to_owned(), next_line(after));
    }
    if let Some(quoted) = start.strip_prefix('"')
        && let Some(end) = closing_quote(quoted)
    {
        return (expand(&unescape(&quoted[..end]), lookup), next_line(&quoted[end + 1..]));
    }
    let line = start.split('\n').next().unwrap_or_default();
    // A `#` behind a blank begins a comment; within a word it is a part of it.
    let kept = line.split(" #").next().unwrap_or_default().trim();
    let kept = if kept.starts_with('#') { "" } else { kept };
    (expand(kept, lookup), next_line(start))
}

/// Where the quote that closes a string stands.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes.then_some(at)
    })
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('$') => out.push_str("$$"),
            Some(other) => out.push(other),
            None => out.push(c),
        }
    }
    out
}

/// A text with its `$NAME`, `${NAME}`, `${NAME:-else}`, `${NAME:+then}` replaced; `$$` is a dollar sign.
pub(super) fn expand(text: &str, lookup: Lookup<'_>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(tail) = after.strip_prefix('$') {
            out.push('$');
            rest = tail;
        } else if let Some((inner, tail)) = after.strip_prefix('{').and_then(braced) {
            out.push_str(&braces(inner, lookup));
            rest = tail;
        } else {
            let end = name_end(after);
            let (name, tail) = after.split_at(end);
            if name.is_empty() {
                out.push('$');
            } else {
                out.push_str(&lookup(name).unwrap_or_default());
            }
            rest = tail;
        }
    }
    out.push_str(rest);
    out
}

fn name_end(text: &str) -> usize {
    text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len())
}

/// What stands before the brace that closes, and what behind it.
fn braced(text: &str) -> Option<(&str, &str)> {
    let mut depth = 1;
    let end = text.char_indices().find_map(|(at, c)| {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        (depth == 0).then_some(at)
    })?;
    Some((&text[..end], &text[end + 1..]))
}

fn braces(inner: &str, lookup: Lookup<'_>) -> String {
    let (name, how) = inner.split_at(name_end(inner));
    let value = lookup(name);
    let (set, how) = match how.strip_prefix(':') {
        Some(how) => (value.clone().filter(|v| !v.is_empty()), how),
        None => (value.clone(), how),
    };
    match (how.strip_prefix('-'), how.strip_prefix('+')) {
        (Some(default), _) => set.unwrap_or_else(|| expand(default, lookup)),
        (_, Some(then)) => set.map_or(String::new(), |_| expand(then, lookup)),
        _ => value.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> BTreeMap<String, String> {
        parse(text, &|name| (name == "HOME").then(|| "/root".to_owned()))
    }

    #[test]
    fn quotes_comments_exports_and_earlier_lines_are_understood() {
        let text = "\u{feff}# a comment\n\nA=shop # not this\nexport B='$A #1'\nC=\"two\nlines\"\n\
                    D = ${A}-$HOME\nE=\"a\\\"b\\$A\"\nF=\nno variable\nG=#none\nH=a#b\r\n";
        let found = of(text);
        let expected = [
            ("A", "shop"),
            ("B", "$A #1"),
            ("C", "two\nlines"),
            ("D", "shop-/root"),
            ("E", "a\"b$A"),
            ("F", ""),
            ("G", ""),
            ("H", "a#b"),
        ];
        let found: Vec<_> = found.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_quote_that_is_never_closed_ends_with_its_line() {
        let found = of("A=\"open\nB='too\nC=x");
        assert_eq!(found.get("C").map(String::as_str), Some("x"));
        assert_eq!(found.get("A").map(String::as_str), Some("\"open"));
    }

    #[test]
    fn variables_have_defaults_and_alternatives_also_nested_ones() {
        let lookup = |name: &str| match name {
            "SET" => Some("value".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        for (text, expected) in [
            ("a$SET-b", "avalue-b"),
            ("${SET}", "value"),
            ("${NONE:-x}", "x"),
            ("${EMPTY:-x}", "x"),
            ("${EMPTY-x}", ""),
            ("${NONE:-${SET:-y}}!", "value!"),
            ("${SET:+then}${NONE:+then}", "then"),
            ("${SET:?must}", "value"),
            ("$$SET", "$SET"),
            ("5$ ${open", "5$ ${open"),
        ] {
            assert_eq!(expand(text, &lookup), expected, "{text}");
        }
    }
}
