//! The number of an answer that a metric means, or why there is none.

use serde_json::Value;

use super::exposition::Page;
use crate::config::{Aggregate, Pick, Selector};

/// Why an answer has no number for a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    /// Why, in the same words for every answer of that kind: gaps are counted by it.
    pub reason: String,
    /// What to do, with what the answer has instead; for `check`.
    pub remedy: String,
}

impl Miss {
    fn new(reason: impl Into<String>, remedy: impl Into<String>) -> Miss {
        Miss { reason: reason.into(), remedy: remedy.into() }
    }
}

/// An answer, read once for all metrics of its address.
#[derive(Debug)]
pub struct Answer<'a> {
    bytes: &'a [u8],
    json: Option<Result<Value, Miss>>,
}

impl<'a> Answer<'a> {
    /// The body of an answer.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Answer<'a> {
        Answer { bytes, json: None }
    }

    /// The number that is meant; always finite.
    ///
    /// # Errors
    /// Why there is none.
    pub fn number(&mut self, pick: &Pick) -> Result<f64, Miss> {
        match pick {
            Pick::Pointer(pointer) => {
                let bytes = self.bytes;
                match self.json.get_or_insert_with(|| json(bytes)) {
                    Ok(value) => at(value, pointer),
                    Err(miss) => Err(miss.clone()),
                }
            }
            Pick::Series { selector, aggregate } => series(self.bytes, selector, *aggregate),
        }
    }
}

fn json(bytes: &[u8]) -> Result<Value, Miss> {
    serde_json::from_slice(bytes).map_err(|_| {
        Miss::new(
            "the answer is not JSON",
            format!(
                "it begins with {}; correct the address, or use series for a Prometheus page",
                beginning(bytes)
            ),
        )
    })
}

/// The first characters of an answer, fit for a message.
fn beginning(bytes: &[u8]) -> String {
    const SHOWN: usize = 40;
    let head = bytes.get(..bytes.len().min(4 * SHOWN)).unwrap_or_default();
    let text: String = String::from_utf8_lossy(head).trim().chars().take(SHOWN).collect();
    if text.is_empty() { "nothing".to_string() } else { format!("{text:?}") }
}

fn at(json: &Value, pointer: &str) -> Result<f64, Miss> {
    let Some(found) = json.pointer(pointer) else {
        return Err(Miss::new(
            format!("there is no {pointer} in the answer"),
            there(json, pointer),
        ));
    };
    let wrong = |what: &str| {
        Err(Miss::new(format!("{pointer} is {what}, not a number"), there(json, pointer)))
    };
    match found {
        Value::Number(number) => match number.as_f64().filter(|v| v.is_finite()) {
            Some(value) => Ok(value),
            None => wrong("too large"),
        },
        Value::Null => wrong("null"),
        Value::Bool(_) => wrong("true or false"),
        Value::String(_) => wrong("text"),
        Value::Array(_) => wrong("a list"),
        Value::Object(_) => wrong("an object"),
    }
}

/// Numbers that an answer has, as pointers: those beside where the pointer led first.
fn there(json: &Value, pointer: &str) -> String {
    const SHOWN: usize = 8;
    let (mut base, mut inner) = (String::new(), json);
    for token in pointer.split('/').skip(1) {
        let path = format!("{base}/{token}");
        match json.pointer(&path) {
            Some(next @ (Value::Object(_) | Value::Array(_))) => (base, inner) = (path, next),
            _ => break,
        }
    }
    let mut numbers = Vec::new();
    collect(inner, &base, &mut numbers, 4);
    if numbers.is_empty() && !base.is_empty() {
        collect(json, "", &mut numbers, 4);
    }
    match numbers.len() {
        0 => "there are no numbers in the answer; correct the address".to_string(),
        all => {
            numbers.truncate(SHOWN);
            let more = if all > SHOWN { ", ..." } else { "" };
            format!("its numbers are {}{more}", numbers.join(", "))
        }
    }
}

/// Most numbers that are looked for.
const MOST: usize = 64;

fn collect(value: &Value, path: &str, found: &mut Vec<String>, depth: u32) {
    if depth == 0 || found.len() >= MOST {
        return;
    }
    match value {
        Value::Number(_) => found.push(path.to_string()),
        Value::Object(map) => {
            for (key, value) in map.iter().take(MOST) {
                let key = key.replace('~', "~0").replace('/', "~1");
                collect(value, &format!("{path}/{key}"), found, depth - 1);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().take(3).enumerate() {
                collect(value, &format!("{path}/{index}"), found, depth - 1);
            }
        }
        _ => {}
    }
}

fn series(bytes: &[u8], selector: &Selector, aggregate: Aggregate) -> Result<f64, Miss> {
    let text = std::str::from_utf8(bytes).map_err(|_| not_a_page(bytes))?;
    let mut page = Page::new(text);
    let mut sum = Sum::default();
    let mut same_name = Vec::new();
    let mut any = false;
    for series in page.by_ref() {
        any = true;
        if series.name != selector.name {
            continue;
        }
        if selector.fits(|label| series.label(label)) {
            sum.add(series.value);
        } else if same_name.len() < 5 {
            let labels: Vec<String> =
                series.labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
            same_name.push(format!("{}{{{}}}", series.name, labels.join(",")));
        }
    }
    if !any && !text.trim().is_empty() {
        return Err(not_a_page(bytes));
    }
    if sum.count > 0 {
        return sum.figure(selector, aggregate);
    }
    if let (true, Some(line)) =
        (page.broken() > 0, page.first_broken().filter(|line| line.starts_with(&selector.name)))
    {
        let line: String = line.chars().take(80).collect();
        let reason = format!("the line of {} is broken", selector.name);
        return Err(Miss::new(reason, format!("it reads {line:?}; correct the exporter")));
    }
    let reason = format!("no series matches {selector}");
    Err(Miss::new(
        reason,
        match same_name.as_slice() {
            [] => nearest(text, &selector.name),
            some => format!("there are {}", some.join(", ")),
        },
    ))
}

fn not_a_page(bytes: &[u8]) -> Miss {
    Miss::new(
        "the answer is not a Prometheus text page",
        format!(
            "it begins with {}; correct the address, or use pointer for a JSON answer",
            beginning(bytes)
        ),
    )
}

/// The names of a page that are most like the one that is not there.
fn nearest(text: &str, wanted: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for series in Page::new(text) {
        if names.last() != Some(&series.name) && names.len() < 5000 {
            names.push(series.name);
        }
    }
    names.sort_unstable();
    names.dedup();
    names.sort_by_cached_key(|name| {
        let part = name.contains(wanted) || wanted.contains(name);
        (!part, strsim(name, wanted))
    });
    names.truncate(5);
    match names.as_slice() {
        [] => "the page has no series; correct the address".to_string(),
        names => format!("the nearest names are {}", names.join(", ")),
    }
}

/// Edit distance of two names, of their first 100 letters.
fn strsim(a: &str, b: &str) -> usize {
    let (a, b): (Vec<u8>, Vec<u8>) = (a.bytes().take(100).collect(), b.bytes().take(100).collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let next = (corner + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
            corner = row[j + 1];
            row[j + 1] = next;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// Series that match, put together.
#[derive(Debug, Default)]
struct Sum {
    count: u64,
    finite: u64,
    sum: f64,
    max: Option<f64>,
    min: Option<f64>,
}

impl Sum {
    /// A value that is not finite is no measurement (an exporter's word for "none").
    fn add(&mut self, value: f64) {
        self.count += 1;
        if value.is_finite() {
            self.finite += 1;
            self.sum += value;
            self.max = Some(self.max.map_or(value, |max| max.max(value)));
            self.min = Some(self.min.map_or(value, |min| min.min(value)));
        }
    }

    fn figure(&self, selector: &Selector, aggregate: Aggregate) -> Result<f64, Miss> {
        if aggregate == Aggregate::One && self.count > 1 {
            return Err(Miss::new(
                format!("several series match {selector}"),
                format!(
                    "there are {}; name their labels, or write aggregate = \"sum\" (or max, min, avg)",
                    self.count
                ),
            ));
        }
        let value = match aggregate {
            Aggregate::One | Aggregate::Sum => (self.finite > 0).then_some(self.sum),
            Aggregate::Max => self.max,
            Aggregate::Min => self.min,
            Aggregate::Avg => (self.finite > 0).then(|| self.sum / self.finite as f64),
        };
        value.filter(|v| v.is_finite()).ok_or_else(|| {
            Miss::new(
                format!("{selector} is NaN or infinite"),
                "the exporter has no number for it now",
            )
        })
    }
}

#[cfg(test)]
#[path = "pick_tests.rs"]
mod tests;
