//! `${VARIABLE}` in headers and environments: credentials stay out of the file.

use std::collections::BTreeMap;

use super::section::Section;
use super::tree::{Node, Value};

/// Looks a variable of the environment up.
pub(super) type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// Strings by names that the user chooses, with `${VARIABLE}` replaced. Messages never show a
/// value. `kept` says which placeholders mean something else and stay.
pub(super) fn secrets(
    parent: &Section<'_>,
    key: &'static str,
    environment: Environment<'_>,
    kept: fn(&str) -> bool,
) -> BTreeMap<String, String> {
    parent.section(key, |section| {
        let read = |(name, node): (&str, &Node)| {
            let Some(text) = plain(node) else {
                let what = format!("expected a string, found {}", node.kind());
                section.wrong(name, what, format!("write {name} = \"${{VARIABLE}}\""));
                return None;
            };
            match expand(&text, environment, kept) {
                Ok(value) => Some((name.to_string(), value)),
                Err(Unresolved::Unset(variable)) => {
                    section.wrong(
                        name,
                        format!("the environment variable {variable} is not set"),
                        format!("set it: export {variable}=..."),
                    );
                    None
                }
                Err(Unresolved::Unclosed) => {
                    let remedy = "close it with }";
                    section.wrong(name, "a ${ without its }", remedy);
                    None
                }
            }
        };
        section.entries().filter_map(read).collect()
    })
}

/// One string with `${VARIABLE}` replaced, for a credential; messages never show it.
pub(super) fn secret(
    section: &Section<'_>,
    key: &'static str,
    environment: Environment<'_>,
) -> Option<String> {
    let node = section.find(key)?;
    let Value::Text(text) = &node.value else {
        let what = format!("expected a string, found {}", node.kind());
        section.wrong(key, what, format!("write {key} = \"${{VARIABLE}}\""));
        return None;
    };
    match expand(text, environment, |_| false) {
        Ok(value) if value.trim().is_empty() || value.contains(char::is_control) => {
            section.wrong(key, "it is empty, or more than one line", "write one line");
            None
        }
        Ok(value) => Some(value),
        Err(Unresolved::Unset(variable)) => {
            let what = format!("the environment variable {variable} is not set");
            section.wrong(key, what, format!("set it: export {variable}=..."));
            None
        }
        Err(Unresolved::Unclosed) => {
            section.wrong(key, "a ${ without its }", "close it with }");
            None
        }
    }
}

fn plain(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text(text) => Some(text.clone()),
        // `PORT = 8000` and `DEBUG = true` mean what they say in an environment.
        Value::Integer(value) => Some(value.to_string()),
        Value::Boolean(value) => Some(value.to_string()),
        _ => None,
    }
}

#[derive(Debug, PartialEq)]
enum Unresolved {
    Unset(String),
    Unclosed,
}

fn expand(
    text: &str,
    environment: Environment<'_>,
    kept: fn(&str) -> bool,
) -> Result<String, Unresolved> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, tail) = after.split_once('}').ok_or(Unresolved::Unclosed)?;
        out.push_str(before);
        if kept(name) {
            out.push_str(&format!("${{{name}}}"));
        } else {
            let value = environment(name).ok_or_else(|| Unresolved::Unset(name.to_string()))?;
            out.push_str(&value);
        }
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_and_placeholders_of_a_service_stay() {
        let environment = |name: &str| (name == "TOKEN").then(|| "s3cret".to_string());
        let kept = |name: &str| name == "dir";
        let expanded = |text| expand(text, &environment, kept);
        assert_eq!(expanded("Bearer ${TOKEN}!"), Ok("Bearer s3cret!".to_string()));
        assert_eq!(expanded("${dir}/x ${TOKEN}"), Ok("${dir}/x s3cret".to_string()));
        assert_eq!(expanded("$5 }{"), Ok("$5 }{".to_string()));
        assert_eq!(expanded("${NONE}"), Err(Unresolved::Unset("NONE".to_string())));
        assert_eq!(expanded("${TOKEN"), Err(Unresolved::Unclosed));
    }
}
