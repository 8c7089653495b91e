//! What messages and documentation tell people to type is there: commands with their flags, keys of the
//! config.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::CommandFactory;

use super::args::Cli;
use crate::config::REFERENCE;

/// A text for people, and where it stands.
struct Told {
    place: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == end) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Pages, and the comments of the configs and compose files that people are given.
fn pages() -> Vec<Told> {
    let mut all = vec![root().join("README.md"), root().join("ARCHITECTURE.md")];
    for (folder, end) in [("docs", "md"), ("config", "toml"), ("compose", "yml")] {
        all.extend(files(folder, end));
    }
    let told = |path: PathBuf| Told {
        place: shown(&path),
        text: std::fs::read_to_string(&path).expect("a page"),
    };
    all.into_iter().map(told).collect()
}

/// Texts in the program: its strings, without those of tests.
fn messages() -> Vec<Told> {
    let mut all = Vec::new();
    for path in files("src", "rs") {
        let is_test = path.components().any(|c| c.as_os_str().to_string_lossy().contains("test"));
        if is_test || path.ends_with("promised.rs") {
            continue;
        }
        let code = std::fs::read_to_string(&path).expect("a source");
        let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        if path.ends_with("cli/args.rs") {
            // Its documentation is the help.
            let help = code.lines().filter_map(|line| line.trim().strip_prefix("/// "));
            let text = help.collect::<Vec<_>>().join("\n");
            all.push(Told { place: shown(&path), text });
        }
        // A word alone is a key, a name or a path.
        let texts = strings(code).into_iter().filter(|text| text.contains(' '));
        all.extend(texts.map(|text| Told { place: shown(&path), text }));
    }
    all
}

/// The string literals of Rust code.
fn strings(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else if let Some(after) = rest.strip_prefix("r#\"") {
            let end = after.find("\"#").unwrap_or(after.len());
            found.push(after[..end].to_owned());
            rest = &after[end..];
            rest = rest.strip_prefix("\"#").unwrap_or(rest);
        } else if let Some(after) = rest.strip_prefix('"') {
            let (text, end) = string(after);
            found.push(text);
            rest = &after[end..];
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") {
            rest = &rest[rest[1..].find('\'').map_or(1, |end| end + 2)..];
        } else {
            rest = &rest[c.len_utf8()..];
        }
    }
    found
}

/// A string up to its closing quote, and where that ends.
fn string(text: &str) -> (String, usize) {
    let mut out = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (out, at + 1),
            '\\' => match chars.next() {
                Some((_, 'n')) => out.push('\n'),
                Some((_, '\n')) => while chars.next_if(|(_, c)| c.is_whitespace()).is_some() {},
                Some((_, c)) => out.push(c),
                None => {}
            },
            c => out.push(c),
        }
    }
    (out, text.len())
}

/// Calls of the program in a text: in backticks, in brackets, behind a colon, or a line of their own.
fn calls(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("runner ") {
        let before = &text[..at];
        let after = &text[at + "runner ".len()..];
        let ends: &[char] = if before.ends_with('`') {
            &['`']
        } else if before.ends_with('(') {
            &[')']
        } else if before.ends_with(": ") || before.ends_with('\n') {
            &['\n', '`', ';', ',', '.']
        } else {
            continue;
        };
        let call = after.split(ends).next().unwrap_or_default();
        // A sentence about the program is no call.
        if call.starts_with(|c: char| c.is_ascii_lowercase()) {
            found.push(call.replace('\n', " "));
        }
    }
    found
}

/// What is wrong with a call.
fn wrong_call(call: &str) -> Option<String> {
    let mut command = &Cli::command();
    let mut words = call.split_whitespace().peekable();
    while let Some(word) = words.peek() {
        match command.find_subcommand(word) {
            Some(found) => command = found,
            None if command.has_subcommands() => {
                return Some(format!("`runner {call}`: there is no command {word}"));
            }
            None => break,
        }
        words.next();
    }
    let flag = |word: &str| {
        let long = word.trim_start_matches('[').strip_prefix("--")?;
        let end = long.find(|c: char| !(c.is_ascii_lowercase() || c == '-')).unwrap_or(long.len());
        (end > 0).then(|| long[..end].to_owned())
    };
    let known = |long: &str| {
        long == "help" || command.get_arguments().any(|arg| arg.get_long() == Some(long))
    };
    let unknown = words.filter_map(flag).find(|long| !known(long))?;
    Some(format!("`runner {call}`: there is no flag --{unknown}"))
}

#[test]
fn every_command_that_messages_and_documentation_name_is_there() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for Told { place, text } in pages().into_iter().chain(messages()) {
        for call in calls(&text) {
            count += 1;
            wrong.extend(wrong_call(&call).map(|why| format!("{place}: {why}")));
        }
    }
    assert!(count > 20, "only {count} calls were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_command_or_flag_that_is_not_there_is_found() {
    assert!(wrong_call("archiv prune").is_some_and(|why| why.contains("no command archiv")));
    assert!(wrong_call("run --no-such").is_some_and(|why| why.contains("no flag --no-such")));
    assert_eq!(wrong_call("run -s stress [--agents N]"), None);
    assert_eq!(
        calls("see `runner run -s x`; the runner itself (runner check)"),
        ["run -s x", "check"]
    );
}

/// Every key of the reference with its table: `stress.limits.window`; and the tables.
fn keys() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut table = String::new();
    for line in REFERENCE.lines() {
        let line = line.strip_prefix("#: ").unwrap_or(line).trim();
        if let Some(header) = line.strip_prefix('[') {
            table = header.trim_matches(['[', ']']).to_owned();
            found.insert(table.clone());
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            let whole = format!("{table}.{}", key.trim_matches('"'));
            found.insert(whole.trim_start_matches('.').to_owned());
        }
    }
    found
}

/// Tables whose keys are the user's own names.
const OPEN: [&str; 8] = [
    "containers",
    "stack.env",
    "load.headers",
    "load.status_metrics",
    "load.performance_metrics",
    "health",
    "metric",
    "scenario.limits",
];
/// What an earlier scenario found, where a level refers to it.
const FOUND: [&str; 2] = ["stress.max_level", "stress.sustained_level"];

/// Words of a text that look like keys of a table of the reference.
fn named_keys(text: &str, tables: &BTreeSet<String>) -> Vec<String> {
    let part_of_word = |c: char| c.is_ascii_alphanumeric() || "_.-/$".contains(c);
    text.split(|c: char| !part_of_word(c))
        .map(|word| word.trim_matches(['.', '-']))
        .filter(|word| {
            let mut parts = word.split('.');
            let table = parts.next().unwrap_or_default();
            let mut rest = parts.peekable();
            let is_key = |part: &str| {
                !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            };
            tables.contains(table) && rest.peek().is_some() && rest.all(is_key)
        })
        .map(str::to_owned)
        .collect()
}

fn is_file(word: &str) -> bool {
    let ends = ["json", "jsonl", "html", "md", "png", "toml", "csv", "rs", "yml", "cols", "log"];
    word.rsplit_once('.').is_some_and(|(_, end)| ends.contains(&end))
}

#[test]
fn every_key_that_messages_and_documentation_name_is_in_the_reference() {
    let keys = keys();
    let tables: BTreeSet<String> =
        keys.iter().filter_map(|key| Some(key.split_once('.')?.0.to_owned())).collect();
    let is_there = |key: &str| {
        keys.contains(key)
            || FOUND.contains(&key)
            || OPEN.iter().any(|open| key.starts_with(&format!("{open}.")))
            || ["load_below", "load_above", "metric_below", "metric_above"]
                .iter()
                .any(|map| key.contains(&format!(".{map}.")))
    };
    let mut wrong = Vec::new();
    let mut count = 0;
    for Told { place, text } in pages().into_iter().chain(messages()) {
        for key in named_keys(&text, &tables).into_iter().filter(|word| !is_file(word)) {
            count += 1;
            if !is_there(&key) {
                wrong.push(format!("{place}: there is no key {key}"));
            }
        }
    }
    assert!(count > 50, "only {count} keys were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        !is_there("stack.attach") && is_there("stack.reset") && is_there("stress.limits.window")
    );
}
