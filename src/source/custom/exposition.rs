//! Prometheus text exposition pages: the text format 0.0.4, and of OpenMetrics what it shares with
//! it (`# EOF`, `# UNIT`, exemplars and timestamps with fractions).
//!
//! A line is `name{label="value",...} value [timestamp]`. A broken line costs itself: it is counted
//! and the next one is read. Series are handed out one by one, so a page of a hundred thousand
//! series needs no more memory than its text.

use std::borrow::Cow;

use crate::config::selector::{is_name, unquoted};

/// One series of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Series<'a> {
    /// Name of the metric.
    pub name: &'a str,
    /// Its labels as they stand in the page.
    pub labels: Vec<(&'a str, Cow<'a, str>)>,
    /// The value; NaN and infinities as the page says them.
    pub value: f64,
    /// The time the page gives, seconds or milliseconds as its format has it.
    pub timestamp: Option<f64>,
}

impl Series<'_> {
    /// The value of a label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(label, _)| *label == name).map(|(_, value)| value.as_ref())
    }
}

/// Labels of one series; more is no page that a Prometheus would take.
const MAX_LABELS: usize = 256;

/// Reads the lines of a page one after the other.
#[derive(Debug, Clone)]
pub struct Page<'a> {
    rest: &'a str,
    ended: bool,
    broken: u64,
    first_broken: Option<&'a str>,
}

impl<'a> Page<'a> {
    /// The page of a text.
    #[must_use]
    pub fn new(text: &'a str) -> Page<'a> {
        let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        Page { rest, ended: false, broken: 0, first_broken: None }
    }

    /// Lines so far that are no series and no comment.
    #[must_use]
    pub fn broken(&self) -> u64 {
        self.broken
    }

    /// The first of them.
    #[must_use]
    pub fn first_broken(&self) -> Option<&'a str> {
        self.first_broken
    }
}

impl<'a> Iterator for Page<'a> {
    type Item = Series<'a>;

    fn next(&mut self) -> Option<Series<'a>> {
        while !self.ended && !self.rest.is_empty() {
            let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
            self.rest = rest;
            let line = line.trim_matches([' ', '\t', '\r']);
            if line == "# EOF" {
                self.ended = true;
            }
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match series(line) {
                Some(series) => return Some(series),
                None => {
                    self.broken += 1;
                    self.first_broken.get_or_insert(line);
                }
            }
        }
        None
    }
}

/// One line.
fn series(line: &str) -> Option<Series<'_>> {
    let end = line.find(['{', ' ', '\t'])?;
    let (name, rest) = line.split_at(end);
    if !is_name(name, true) {
        return None;
    }
    let rest = rest.trim_start_matches([' ', '\t']);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    // An exemplar follows the value behind a #.
    let rest = rest.split(" #").next().unwrap_or_default();
    let mut words = rest.split_ascii_whitespace();
    let value = number(words.next()?)?;
    let timestamp = match words.next() {
        Some(word) => Some(number(word)?),
        None => None,
    };
    words.next().is_none().then_some(Series { name, labels, value, timestamp })
}

type Labels<'a> = Vec<(&'a str, Cow<'a, str>)>;

/// Labels up to the closing brace, and what follows it.
fn labels(mut text: &str) -> Option<(Labels<'_>, &str)> {
    let mut all = Vec::new();
    loop {
        text = text.trim_start_matches([' ', '\t']);
        if let Some(rest) = text.strip_prefix('}') {
            return Some((all, rest));
        }
        let (name, rest) = text.split_once('=')?;
        let name = name.trim_matches([' ', '\t']);
        let rest = rest.trim_start_matches([' ', '\t']).strip_prefix('"')?;
        let (value, rest) = quoted(rest)?;
        if !is_name(name, false) || all.len() >= MAX_LABELS {
            return None;
        }
        all.push((name, value));
        text = rest.trim_start_matches([' ', '\t']);
        match text.strip_prefix(',') {
            Some(rest) => text = rest,
            None if text.starts_with('}') => {}
            None => return None,
        }
    }
}

/// A value up to its closing quote; only one with escapes is copied.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let end = text.find(['"', '\\'])?;
    if text[end..].starts_with('"') {
        return Some((Cow::Borrowed(&text[..end]), &text[end + 1..]));
    }
    let (value, rest) = unquoted(text)?;
    Some((Cow::Owned(value), rest))
}

/// A number as Go writes it. `0x1p-2` and digits with underscores are not used by any exporter.
fn number(word: &str) -> Option<f64> {
    let unsigned = word.trim_start_matches(['+', '-']);
    let plain = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let special = ["nan", "inf", "infinity"].iter().any(|s| unsigned.eq_ignore_ascii_case(s));
    (plain || special).then(|| word.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Name, labels, value and time of each series, as text.
    fn read(text: &str) -> (Vec<String>, u64) {
        let mut page = Page::new(text);
        let mut all = Vec::new();
        for series in page.by_ref() {
            let labels: Vec<String> =
                series.labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
            let at = series.timestamp.map(|t| format!(" @{t}")).unwrap_or_default();
            all.push(format!("{}[{}] {}{at}", series.name, labels.join(" "), series.value));
        }
        (all, page.broken())
    }

    #[test]
    fn a_page_as_exporters_write_it() {
        let page = "# HELP http_requests_total Requests\\n\\\\so far.\n\
                    # TYPE http_requests_total counter\n\
                    http_requests_total{method=\"post\",code=\"200\"} 1027 1395066363000\n\
                    http_requests_total{method=\"post\",code=\"400\",} 3\r\n\
                    \n\
                    # escapes\n\
                    msdos{path=\"C:\\\\DIR\\\\F.TXT\",error=\"Cannot find:\\n\\\"F.TXT\\\"\"} 1.458255915e9\n\
                    no_labels 12.47\n\
                    \t  spaced  { a = \"b\" , c = \"d\" }  +Inf  -3982045  \n\
                    nothing{} NaN\n\
                    job:rate:sum -0.5\n\
                    latency_bucket{le=\"+Inf\"} 2693\n\
                    with_exemplar_bucket{le=\"0.1\"} 8 # {trace_id=\"KOO5S4vxi0o\"} 0.067\n\
                    created 1.7e9 1520430000.123\n\
                    # EOF\n\
                    after_the_end 1\n";
        let (series, broken) = read(page);
        assert_eq!(
            series,
            [
                r#"http_requests_total[method="post" code="200"] 1027 @1395066363000"#,
                r#"http_requests_total[method="post" code="400"] 3"#,
                r#"msdos[path="C:\\DIR\\F.TXT" error="Cannot find:\n\"F.TXT\""] 1458255915"#,
                "no_labels[] 12.47",
                r#"spaced[a="b" c="d"] inf @-3982045"#,
                "nothing[] NaN",
                "job:rate:sum[] -0.5",
                r#"latency_bucket[le="+Inf"] 2693"#,
                r#"with_exemplar_bucket[le="0.1"] 8"#,
                "created[] 1700000000 @1520430000.123",
            ]
        );
        assert_eq!(broken, 0);
    }

    #[test]
    fn a_broken_line_costs_itself() {
        for line in [
            "<!doctype html>",
            "{\"queue\": 3}",
            "name",
            "name value",
            "name 1 2 3",
            "name 1_000",
            "name 0x10",
            "1name 1",
            "name{a=\"b\" 1",
            "name{a=b} 1",
            "name{a=\"b\"c=\"d\"} 1",
            "name{a-b=\"c\"} 1",
            "name{a=\"\\",
            "name{a=\"b\"}",
            "name{=\"b\"} 1",
            "näme 1",
        ] {
            let (series, broken) = read(&format!("before 1\n{line}\nafter 2"));
            assert_eq!(series, ["before[] 1", "after[] 2"], "{line}");
            assert_eq!(broken, 1, "{line}");
        }
    }

    #[test]
    fn a_line_with_too_many_labels_is_broken() {
        let labels: Vec<String> = (0..1000).map(|n| format!("l{n}=\"\"")).collect();
        assert_eq!(read(&format!("name{{{}}} 1", labels.join(","))), (Vec::new(), 1));
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in "(?s)([a-z_:{}=\",\\\\# 0-9.\n\t+-]|NaN|\\PC){0,200}") {
            let lines = text.lines().count();
            let mut page = Page::new(&text);
            let read = page.by_ref().count();
            prop_assert!(read + page.broken() as usize <= lines + 1);
        }

        #[test]
        fn what_is_written_is_read(
            value in prop_oneof![any::<f64>(), Just(f64::INFINITY), Just(f64::NAN)],
            label in "(?s).{0,20}",
            at in proptest::option::of(-1_000_000i64..1_000_000),
        ) {
            let escaped = label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let time = at.map(|t| format!(" {t}")).unwrap_or_default();
            let text = format!("m{{l=\"{escaped}\"}} {value}{time}\nn 1");
            let all: Vec<Series<'_>> = Page::new(&text).collect();
            prop_assert_eq!(all.len(), 2);
            prop_assert_eq!(all[0].label("l"), Some(label.as_str()));
            prop_assert!(all[0].value == value || (value.is_nan() && all[0].value.is_nan()));
            prop_assert_eq!(all[0].timestamp, at.map(|t| t as f64));
        }
    }
}
