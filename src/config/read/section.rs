//! A table being read: asks for keys one by one, notes what is wrong and goes on with the default,
//! and at the end reports every key that nobody asked for.

use std::cell::RefCell;
use std::time::Duration;

use super::problem::{Log, Place};
use super::range::Range;
use super::tree::{Node, Table, Value};
use super::values;

/// A table (or its absence) with its path.
pub(super) struct Section<'a> {
    pub(super) table: Option<&'a Table>,
    pub(super) place: Place,
    pub(super) path: String,
    pub(super) log: &'a Log,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Section<'a> {
    /// The whole document.
    pub(super) fn root(table: &'a Table, log: &'a Log) -> Section<'a> {
        Section::new(Some(table), Place::File, String::new(), log)
    }

    pub(super) fn new(
        table: Option<&'a Table>,
        place: Place,
        path: String,
        log: &'a Log,
    ) -> Section<'a> {
        Section { table, place, path, log, known: RefCell::new(Vec::new()) }
    }

    /// The full path of one of its keys.
    pub(super) fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_string() } else { format!("{}.{key}", self.path) }
    }

    /// The value of a key; the key is known from now on.
    pub(super) fn find(&self, key: &'static str) -> Option<&'a Node> {
        self.known.borrow_mut().push(key);
        let node = self.table.and_then(|table| table.get(key)).map(|(_, node)| node);
        #[cfg(test)]
        self.log.asked(self.key(key), node.is_some());
        node
    }

    /// Whether a key was written.
    pub(super) fn has(&self, key: &'static str) -> bool {
        self.find(key).is_some()
    }

    /// Notes what is wrong with the value of a key.
    pub(super) fn wrong(&self, key: &str, what: impl Into<String>, remedy: impl Into<String>) {
        let place = self.table.and_then(|table| table.get(key)).map(|(place, node)| {
            if matches!(node.value, Value::Table(_)) { place } else { &node.place }
        });
        self.log.add(place.unwrap_or(&self.place), &self.key(key), what, remedy);
    }

    /// Notes that a key must be written.
    pub(super) fn missing(&self, key: &str, remedy: impl Into<String>) {
        self.log.missing(&self.place, &self.key(key), remedy);
    }

    /// Notes that a value is not what was wanted, with an example of what is.
    pub(super) fn expected(&self, key: &str, node: &Node, wanted: &str, example: &str) {
        let what = format!("expected {wanted}, found {}", node.shown());
        let remedy = format!("write {key} = {example}");
        self.log.add(&node.place, &self.key(key), what, remedy);
    }

    /// A whole number of at least `min`.
    pub(super) fn whole(&self, key: &'static str, default: u32, min: u32) -> u32 {
        self.maybe_whole(key, min, default).unwrap_or(default)
    }

    /// A whole number of at least `min`, where one is written.
    pub(super) fn maybe_whole(&self, key: &'static str, min: u32, example: u32) -> Option<u32> {
        let node = self.find(key)?;
        let value = match node.value {
            Value::Integer(value) => u32::try_from(value).ok().filter(|value| *value >= min),
            _ => None,
        };
        if value.is_none() {
            let wanted = format!("a whole number of at least {min}");
            self.expected(key, node, &wanted, &example.to_string());
        }
        value
    }

    /// A number in a range.
    pub(super) fn number(&self, key: &'static str, default: f64, range: Range) -> f64 {
        match self.find(key) {
            None => default,
            Some(node) => self.number_of(key, node, range, default).unwrap_or(default),
        }
    }

    /// A number in a range that can be switched off with `false`.
    pub(super) fn switchable(
        &self,
        key: &'static str,
        default: Option<f64>,
        range: Range,
        example: f64,
    ) -> Option<f64> {
        match self.find(key) {
            None => default,
            Some(Node { value: Value::Boolean(false), .. }) => None,
            Some(node) => self.number_of(key, node, range, example),
        }
    }

    pub(super) fn number_of(
        &self,
        key: &str,
        node: &Node,
        range: Range,
        example: f64,
    ) -> Option<f64> {
        let value = number(node).filter(|value| range.holds(*value));
        if value.is_none() {
            self.expected(key, node, range.words, &example.to_string());
        }
        value
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self, key: &'static str, default: bool) -> bool {
        match self.find(key) {
            None => default,
            Some(Node { value: Value::Boolean(value), .. }) => *value,
            Some(node) => {
                self.expected(key, node, "true or false", &default.to_string());
                default
            }
        }
    }

    /// A time above 0.
    pub(super) fn time(&self, key: &'static str, default: Duration) -> Duration {
        self.maybe_time(key, default, false).unwrap_or(default)
    }

    /// A time, which may be 0.
    pub(super) fn time_or_zero(&self, key: &'static str, default: Duration) -> Duration {
        self.maybe_time(key, default, true).unwrap_or(default)
    }

    /// A time, where one is written.
    pub(super) fn maybe_time(
        &self,
        key: &'static str,
        example: Duration,
        zero: bool,
    ) -> Option<Duration> {
        let node = self.find(key)?;
        let value = time(node).filter(|value| zero || !value.is_zero());
        if value.is_none() {
            let wanted = if zero {
                "a time such as \"2s\" or \"1m30s\", or seconds"
            } else {
                "a time above 0 such as \"2s\" or \"1m30s\", or seconds"
            };
            let example = format!("\"{}\"", values::duration_text(example));
            self.expected(key, node, wanted, &example);
        }
        value
    }

    /// A string.
    pub(super) fn text(&self, key: &'static str, default: &str) -> String {
        self.maybe_text(key, default).unwrap_or_else(|| default.to_string())
    }

    /// A string, where one is written. An empty one is a mistake.
    pub(super) fn maybe_text(&self, key: &'static str, example: &str) -> Option<String> {
        let node = self.find(key)?;
        let value = match &node.value {
            Value::Text(text) if !text.trim().is_empty() => Some(text.clone()),
            _ => None,
        };
        if value.is_none() {
            self.expected(key, node, "a string", &format!("{example:?}"));
        }
        value
    }

    /// A string that must be there.
    pub(super) fn required_text(&self, key: &'static str, example: &str) -> String {
        if !self.has(key) {
            self.missing(key, format!("write {key} = {example:?}"));
            return String::new();
        }
        self.text(key, example)
    }

    /// A list of strings, each with its place. `--set` may give it as `a,b`.
    pub(super) fn placed_texts(
        &self,
        key: &'static str,
        example: &str,
    ) -> Option<Vec<(String, Place)>> {
        let node = self.find(key)?;
        match &node.value {
            Value::List(items) => Some(self.texts_of(key, items, example)),
            Value::Text(text) if matches!(node.place, Place::Set(_)) => Some(
                text.split(',')
                    .map(|part| (part.trim().to_string(), node.place.clone()))
                    .filter(|(part, _)| !part.is_empty())
                    .collect(),
            ),
            _ => {
                self.expected(key, node, "a list of strings", example);
                None
            }
        }
    }

    fn texts_of(&self, key: &str, items: &[Node], example: &str) -> Vec<(String, Place)> {
        items
            .iter()
            .filter_map(|item| match &item.value {
                Value::Text(text) if !text.trim().is_empty() => {
                    Some((text.clone(), item.place.clone()))
                }
                _ => {
                    self.expected(key, item, "a list of strings", example);
                    None
                }
            })
            .collect()
    }

    /// A list of strings; nothing written is an empty list.
    pub(super) fn texts(&self, key: &'static str, example: &str) -> Vec<String> {
        self.placed_texts(key, example)
            .unwrap_or_default()
            .into_iter()
            .map(|(text, _)| text)
            .collect()
    }

    /// Notes a problem with one element of a list.
    pub(super) fn wrong_at(
        &self,
        place: &Place,
        key: &str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.log.add(place, &self.key(key), what, remedy);
    }

    /// One of several words.
    pub(super) fn choice<T: Copy>(
        &self,
        key: &'static str,
        choices: &[(&str, T)],
        default: T,
    ) -> T {
        let Some(node) = self.find(key) else {
            return default;
        };
        let found = match &node.value {
            Value::Text(text) => choices.iter().find(|(word, _)| word == text),
            _ => None,
        };
        if let Some((_, value)) = found {
            return *value;
        }
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let nearest = match &node.value {
            Value::Text(text) => values::nearest(text, &words),
            _ => None,
        };
        let example = nearest.or(words.first().copied()).unwrap_or_default();
        let wanted = format!("one of {}", words.join(", "));
        self.expected(key, node, &wanted, &format!("{example:?}"));
        default
    }

    pub(super) fn all_known(&self) {
        // Marks a table whose keys are the user's own: nothing in it can be unknown.
        self.known.borrow_mut().push(ANY_KEY);
    }

    /// Reads it, then reports the keys that were not asked for.
    pub(super) fn finished<T>(self, read: impl FnOnce(&Section<'a>) -> T) -> T {
        let value = read(&self);
        let known = self.known.borrow();
        if known.contains(&ANY_KEY) {
            return value;
        }
        for (key, (place, _)) in self.table.into_iter().flatten() {
            if !known.contains(&key.as_str()) {
                self.unknown(key, place, &known);
            }
        }
        drop(known);
        value
    }

    fn unknown(&self, key: &str, place: &Place, known: &[&str]) {
        let remedy = match values::nearest(key, known) {
            Some(word) => format!("did you mean {word}?"),
            None => {
                let mut words = known.to_vec();
                words.sort_unstable();
                words.dedup();
                format!("known here: {}", words.join(", "))
            }
        };
        self.log.add(place, &self.key(key), "unknown key", remedy);
    }
}

const ANY_KEY: &str = "*";

/// A number, where the node is a finite one.
pub(super) fn number(node: &Node) -> Option<f64> {
    match node.value {
        Value::Integer(value) => Some(value as f64),
        Value::Float(value) => Some(value).filter(|value| value.is_finite()),
        _ => None,
    }
}

/// A time, where the node is one.
pub(super) fn time(node: &Node) -> Option<Duration> {
    match &node.value {
        Value::Text(text) => values::duration(text),
        _ => number(node).and_then(values::duration_from_seconds),
    }
}
