//! What Prometheus answers: the envelope of its HTTP API, range vectors, label sets, its version.
//!
//! Format: <https://prometheus.io/docs/prometheus/latest/querying/api/>.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Labels of a series, the metric's name (`__name__`) among them.
pub type Labels = BTreeMap<String, String>;

/// A sample as it was scraped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Unix milliseconds: its own time, not that of the query.
    pub at_ms: i64,
    /// The value; finite.
    pub value: f64,
}

/// The samples of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What it is about.
    pub labels: Labels,
    /// In ascending order of time, one a time.
    pub points: Vec<Point>,
}

/// An answer with samples.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Matrix {
    /// The series that have samples.
    pub series: Vec<Series>,
    /// Values that are no figures (NaN, infinite, no number at all); they are left out.
    pub unusable: u64,
    /// What Prometheus itself warns of.
    pub warnings: Vec<String>,
}

impl Matrix {
    /// How many samples there are.
    #[must_use]
    pub fn points(&self) -> usize {
        self.series.iter().map(|series| series.points.len()).sum()
    }
}

/// Why an answer cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// A web page: a login form, a proxy, or another program.
    #[error("the answer is a web page (HTML), not JSON")]
    Html,
    /// It ends before its end.
    #[error("the answer breaks off after {bytes} bytes")]
    Truncated {
        /// Its length.
        bytes: usize,
    },
    /// No JSON of this API.
    #[error("the answer cannot be understood: {0}")]
    Format(String),
    /// Prometheus says why it refuses.
    #[error("{kind}: {message}")]
    Refused {
        /// Its word for the kind of error (`bad_data`, `execution`, `timeout`).
        kind: String,
        /// Its text.
        message: String,
    },
}

#[derive(Deserialize)]
struct Envelope<T> {
    status: String,
    data: Option<T>,
    #[serde(rename = "errorType")]
    kind: Option<String>,
    error: Option<String>,
    warnings: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Vectors {
    #[serde(rename = "resultType")]
    kind: String,
    #[serde(default)]
    result: Lenient<Vec<RawSeries>>,
}

#[derive(Deserialize)]
struct RawSeries {
    #[serde(default)]
    metric: Labels,
    #[serde(default)]
    values: Vec<RawPoint>,
}

/// A vector or scalar has another shape; its kind is told first.
struct Lenient<T>(Option<T>);

impl<T> Default for Lenient<T> {
    fn default() -> Self {
        Lenient(None)
    }
}

impl<'de> Deserialize<'de> for Lenient<Vec<RawSeries>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Lenient<Vec<RawSeries>>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of series")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = list.next_element()? {
                    all.push(one);
                }
                Ok(Lenient(Some(all)))
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Lenient(Some(Vec::new())))
            }
        }
        deserializer.deserialize_any(List)
    }
}

/// `[seconds, "value"]`; `None` where it is no number that can be used.
struct RawPoint(Option<Point>);

/// A number, or a number in quotes; anything else is none.
struct Scalar(Option<f64>);

/// Takes whatever stands there: a value that is wrong costs itself only.
struct Anything;

/// What stood there.
enum Found {
    Number(f64),
    Pair(Option<f64>, Option<f64>),
    Other,
}

impl<'de> Visitor<'de> for Anything {
    type Value = Found;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pair of time and value")
    }
    fn visit_f64<E>(self, value: f64) -> Result<Found, E> {
        Ok(Found::Number(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Found, E> {
        Ok(Found::Number(value as f64))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Found, E> {
        Ok(Found::Number(value as f64))
    }
    fn visit_str<E>(self, text: &str) -> Result<Found, E> {
        Ok(text.parse().map_or(Found::Other, Found::Number))
    }
    fn visit_bool<E>(self, _: bool) -> Result<Found, E> {
        Ok(Found::Other)
    }
    fn visit_unit<E>(self) -> Result<Found, E> {
        Ok(Found::Other)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Found::Other)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut pair: A) -> Result<Found, A::Error> {
        let at: Option<Scalar> = pair.next_element()?;
        let value: Option<Scalar> = pair.next_element()?;
        while pair.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Found::Pair(at.and_then(|s| s.0), value.and_then(|s| s.0)))
    }
}

impl<'de> Deserialize<'de> for RawPoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RawPoint, D::Error> {
        Ok(RawPoint(match deserializer.deserialize_any(Anything)? {
            Found::Pair(at, value) => point(at, value),
            Found::Number(_) | Found::Other => None,
        }))
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Scalar, D::Error> {
        Ok(Scalar(match deserializer.deserialize_any(Anything)? {
            Found::Number(number) => Some(number),
            Found::Pair(..) | Found::Other => None,
        }))
    }
}

/// Times beyond this (the year 5138) are no times of samples.
const LATEST_S: f64 = 1e11;

fn point(at: Option<f64>, value: Option<f64>) -> Option<Point> {
    let at = at.filter(|at| at.is_finite() && at.abs() < LATEST_S)?;
    let value = value.filter(|value| value.is_finite())?;
    Some(Point { at_ms: (at * 1e3).round() as i64, value })
}

/// Reads the answer of an instant query of a range vector (`metric[5m]`), or of a range query.
///
/// # Errors
/// When it is no such answer, or says why it was refused.
pub fn parse_matrix(text: &[u8]) -> Result<Matrix, ParseError> {
    let (vectors, warnings) = open::<Vectors>(text)?;
    if vectors.kind != "matrix" {
        let what = format!("a matrix was asked for, a {} came", vectors.kind);
        return Err(ParseError::Format(what));
    }
    let mut matrix = Matrix { warnings, ..Matrix::default() };
    for raw in vectors.result.0.unwrap_or_default() {
        take(&mut matrix, raw);
    }
    Ok(matrix)
}

fn take(matrix: &mut Matrix, raw: RawSeries) {
    let all = raw.values.len();
    let mut points: Vec<Point> = raw.values.into_iter().filter_map(|p| p.0).collect();
    matrix.unusable += (all - points.len()) as u64;
    tidy(&mut points);
    if !points.is_empty() {
        matrix.series.push(Series { labels: raw.metric, points });
    }
}

/// Ascending by time, one a time.
pub(super) fn tidy(points: &mut Vec<Point>) {
    if !points.is_sorted_by(|a, b| a.at_ms < b.at_ms) {
        points.sort_by_key(|p| p.at_ms);
        points.dedup_by_key(|p| p.at_ms);
    }
}

/// Reads the answer of `/api/v1/series`: label sets.
///
/// # Errors
/// When it is no such answer, or says why it was refused.
pub fn parse_label_sets(text: &[u8]) -> Result<Vec<Labels>, ParseError> {
    open::<Vec<Labels>>(text).map(|(sets, _)| sets)
}

/// Reads the version in the answer of `/api/v1/status/buildinfo`.
///
/// # Errors
/// When it is no such answer.
pub fn parse_version(text: &[u8]) -> Result<String, ParseError> {
    #[derive(Deserialize)]
    struct Build {
        version: String,
    }
    open::<Build>(text).map(|(build, _)| build.version)
}

/// The text of an error in an answer with a status other than 200, where there is one.
#[must_use]
pub fn refusal(text: &[u8]) -> Option<ParseError> {
    match open::<IgnoredAny>(text) {
        Err(refused @ ParseError::Refused { .. }) => Some(refused),
        _ => None,
    }
}

fn open<'de, T: Deserialize<'de>>(text: &'de [u8]) -> Result<(T, Vec<String>), ParseError> {
    let start = text.trim_ascii_start();
    if start.first() == Some(&b'<') {
        return Err(ParseError::Html);
    }
    let envelope: Envelope<T> = serde_json::from_slice(text).map_err(|error| {
        if error.is_eof() {
            ParseError::Truncated { bytes: text.len() }
        } else {
            ParseError::Format(error.to_string())
        }
    })?;
    if envelope.status != "success" {
        return Err(ParseError::Refused {
            kind: envelope.kind.unwrap_or_else(|| envelope.status.clone()),
            message: envelope.error.unwrap_or_else(|| "it does not say why".into()),
        });
    }
    let data = envelope.data.ok_or_else(|| ParseError::Format("it has no data".into()))?;
    Ok((data, envelope.warnings.unwrap_or_default()))
}
