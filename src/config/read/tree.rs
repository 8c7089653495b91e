//! The document as a tree of our own: every value knows where it was written, whether in the file
//! or by `--set`. The only module that knows the TOML parser.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::problem::{Log, Place};

/// A table: key -> where the key was written, and its value.
pub(super) type Table = BTreeMap<String, (Place, Node)>;

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    /// A date or time, as written.
    Date(String),
    List(Vec<Node>),
    Table(Table),
}

impl Node {
    /// The value as a message shows it.
    pub(super) fn shown(&self) -> String {
        match &self.value {
            Value::Text(text) => format!("{:?}", shortened(text)),
            Value::Integer(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::Boolean(value) => value.to_string(),
            Value::Date(text) => text.clone(),
            Value::List(items) if items.iter().all(Node::is_plain) => {
                let items: Vec<String> = items.iter().map(Node::shown).collect();
                shortened(&format!("[{}]", items.join(", ")))
            }
            Value::List(_) | Value::Table(_) => self.kind().to_string(),
        }
    }

    fn is_plain(&self) -> bool {
        !matches!(self.value, Value::List(_) | Value::Table(_))
    }

    /// The kind of value, for messages that must not show it.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::Text(_) => "a string",
            Value::Integer(_) | Value::Float(_) => "a number",
            Value::Boolean(_) => "true or false",
            Value::Date(_) => "a date",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }
}

fn shortened(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST {
        return text.to_string();
    }
    text.chars().take(LONGEST).chain("...".chars()).collect()
}

/// Parses a document. Syntax errors are logged; what could be understood is in the tree.
pub(super) fn parse(text: &str, log: &Log) -> Table {
    let lines = Lines::new(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let place = error.span().map_or(Place::File, |span| lines.place(span.start));
        let what = error.message().replace('\n', ", ");
        log.add(&place, "", format!("not TOML: {what}"), SYNTAX_REMEDY);
    }
    convert_table(table.get_ref(), &|at| lines.place(at))
}

const SYNTAX_REMEDY: &str = "write one key = value a line, strings in double quotes";

/// Lays one `--set key=value` over the tree. The value is TOML, or else a plain string.
pub(super) fn set(root: &mut Table, typed: &str, log: &Log) {
    let (key, value) = match typed.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => (key.trim(), value.trim()),
        _ => {
            let key = typed.split('=').next().unwrap_or_default().trim();
            let place = Place::Set(key.to_string());
            log.add(&place, key, "expected key=value", "write --set stress.batch=5");
            return;
        }
    };
    let place = Place::Set(key.to_string());
    let Some(parsed) = set_document(key, value, &place) else {
        log.add(
            &place,
            key,
            "not a key",
            "write names joined by dots, quoted where they hold dots themselves",
        );
        return;
    };
    merge(root, parsed);
}

fn set_document(key: &str, value: &str, place: &Place) -> Option<Table> {
    let quoted = toml::Value::String(value.to_string()).to_string();
    [value, quoted.as_str()].into_iter().find_map(|value| {
        let text = format!("{key} = {value}");
        let (table, errors) = DeTable::parse_recoverable(&text);
        // More than one key would come from a line break in the value.
        let one = errors.is_empty() && table.get_ref().len() == 1;
        one.then(|| convert_table(table.get_ref(), &|_| place.clone()))
    })
}

fn merge(into: &mut Table, from: Table) {
    for (key, (place, node)) in from {
        if let Node { value: Value::Table(inner), .. } = node {
            match into.get_mut(&key) {
                Some((_, Node { value: Value::Table(existing), .. })) => merge(existing, inner),
                _ => {
                    let node = Node { place: place.clone(), value: Value::Table(inner) };
                    into.insert(key, (place, node));
                }
            }
        } else {
            into.insert(key, (place, node));
        }
    }
}

fn convert_table(table: &DeTable<'_>, place: &dyn Fn(usize) -> Place) -> Table {
    table
        .iter()
        .map(|(key, value)| {
            let node =
                Node { place: place(value.span().start), value: convert(value.get_ref(), place) };
            (key.get_ref().to_string(), (place(key.span().start), node))
        })
        .collect()
}

fn convert(value: &DeValue<'_>, place: &dyn Fn(usize) -> Place) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(value) => Value::Integer(value),
            Err(_) => Value::Float(number.as_str().parse().unwrap_or(f64::INFINITY)),
        },
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(value) => Value::Boolean(*value),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Array(items) => Value::List(
            items
                .iter()
                .map(|item| Node {
                    place: place(item.span().start),
                    value: convert(item.get_ref(), place),
                })
                .collect(),
        ),
        DeValue::Table(table) => Value::Table(convert_table(table, place)),
    }
}

/// Where the lines of a text begin, and how many characters there are up to each part of it: a
/// line may be as long as the file, and counting it anew for each of its values would take hours.
struct Lines<'a> {
    text: &'a [u8],
    starts: Vec<usize>,
    /// Characters before each multiple of [`PART`].
    parts: Vec<usize>,
}

/// Bytes that are counted at once.
const PART: usize = 256;

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Lines<'a> {
        let starts =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let text = text.as_bytes();
        let mut parts = vec![0];
        let mut sum = 0;
        for part in text.chunks(PART) {
            sum += characters(part);
            parts.push(sum);
        }
        Lines { text, starts, parts }
    }

    fn place(&self, at: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= at).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let column = self.characters_before(at).saturating_sub(self.characters_before(start)) + 1;
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Place::Line(number(line), number(column))
    }

    fn characters_before(&self, at: usize) -> usize {
        let at = at.min(self.text.len());
        let part = at / PART;
        let rest = self.text.get(part * PART..at).unwrap_or_default();
        self.parts.get(part).copied().unwrap_or(0) + characters(rest)
    }
}

/// Characters that begin in these bytes of UTF-8.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The place as it would be counted by hand.
    fn counted(text: &str, at: usize) -> Place {
        let head = &text[..at];
        let line = head.matches('\n').count() + 1;
        let column = head.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Place::Line(line as u32, column as u32)
    }

    #[test]
    fn a_place_is_its_line_and_its_character_whatever_the_length_of_the_line() {
        let text = format!("a = 1\n{}ä€\u{1f980} = 2\r\n\nlast", "é€x".repeat(PART));
        let lines = Lines::new(&text);
        for (at, _) in text.char_indices().chain([(text.len(), 'x')]) {
            assert_eq!(lines.place(at), counted(&text, at), "{at}");
        }
        assert_eq!(Lines::new("").place(0), Place::Line(1, 1));
    }

    #[test]
    fn a_line_of_a_megabyte_does_not_cost_its_square() {
        let text = format!("a = [{}]", "1,".repeat(500_000));
        let begun = std::time::Instant::now();
        let log = Log::new("runner.toml");
        assert_eq!(parse(&text, &log).len(), 1);
        assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
    }
}
