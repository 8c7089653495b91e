//! What is watched beside the containers' figures: numbers of `[[metric]]` and checks of
//! `[[health]]`, as a tick carries them.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::figure::Number;

/// What a tick carries of metrics and health checks.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Watched {
    /// The latest reading of each metric that is a gauge, in its own unit.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub gauges: BTreeMap<String, Measured>,
    /// The latest reading of each metric that is a counter: the total, not the rate.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub counters: BTreeMap<String, Measured>,
    /// All checks of each service since the tick before, in order.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub health: BTreeMap<String, Vec<HealthCheck>>,
}

impl Watched {
    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.gauges.is_empty() && self.counters.is_empty() && self.health.is_empty()
    }
}

/// A number that was read; in files `[value, at]`, and `[value, at, life]` where the life is not
/// the first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// The number. Finite.
    pub value: f64,
    /// When it was read: monotonic seconds since the start of the run.
    pub at: f64,
    /// Which life of its container it was read from; 0 for a metric of no container.
    pub life: u32,
}

/// One health check; in files `[at, ms]`, with null for a check that failed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HealthCheck {
    /// When it began: monotonic seconds since the start of the run.
    pub at: f64,
    /// How long the answer took, milliseconds; absent where none came, or an error.
    pub ms: Option<f64>,
}

impl Serialize for Measured {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_seq(None)?;
        row.serialize_element(&Number(self.value))?;
        row.serialize_element(&Number(self.at))?;
        if self.life > 0 {
            row.serialize_element(&self.life)?;
        }
        row.end()
    }
}

impl Serialize for HealthCheck {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_seq(Some(2))?;
        row.serialize_element(&Number(self.at))?;
        row.serialize_element(&self.ms.map(Number))?;
        row.end()
    }
}

/// Numbers and nulls of a row, as many as there are; a later version may write more.
struct Row;

impl<'de> Visitor<'de> for Row {
    type Value = [Option<f64>; 3];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut row = [None; 3];
        for cell in &mut row {
            match list.next_element::<Option<f64>>()? {
                Some(value) => *cell = value,
                None => return Ok(row),
            }
        }
        while list.next_element::<serde::de::IgnoredAny>()?.is_some() {}
        Ok(row)
    }
}

impl<'de> Deserialize<'de> for Measured {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Measured, D::Error> {
        match deserializer.deserialize_seq(Row)? {
            [Some(value), Some(at), life] => {
                Ok(Measured { value, at, life: life.unwrap_or(0.0).max(0.0) as u32 })
            }
            _ => Err(serde::de::Error::custom("a metric needs its value and its time")),
        }
    }
}

impl<'de> Deserialize<'de> for HealthCheck {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<HealthCheck, D::Error> {
        match deserializer.deserialize_seq(Row)? {
            [Some(at), ms, _] => Ok(HealthCheck { at, ms }),
            _ => Err(serde::de::Error::custom("a health check needs its time")),
        }
    }
}

/// Makes figures of readings, live and in analysis: a gauge as it is, a counter as its rate.
///
/// A reading stays the latest one over several ticks where a metric is asked more rarely than ticks
/// come; its rate stays with it.
#[derive(Debug, Clone, Default)]
pub struct MetricRates {
    latest: BTreeMap<String, (Measured, Option<f64>)>,
}

impl MetricRates {
    /// The figures of a tick by name: gauges in their unit, counters a second. A counter has none
    /// at its first reading, after it fell, and over a restart of its container.
    pub fn figures(&mut self, watched: &Watched) -> BTreeMap<String, f64> {
        let mut all: BTreeMap<String, f64> = BTreeMap::new();
        for (name, reading) in &watched.gauges {
            if reading.value.is_finite() {
                all.insert(name.clone(), reading.value);
            }
        }
        for (name, reading) in &watched.counters {
            if let Some(rate) = self.rate(name, *reading) {
                all.insert(name.clone(), rate);
            }
        }
        all
    }

    fn rate(&mut self, name: &str, now: Measured) -> Option<f64> {
        let Some((before, rate)) = self.latest.get_mut(name) else {
            self.latest.insert(name.to_string(), (now, None));
            return None;
        };
        if before.at != now.at || before.life != now.life {
            *rate = (before.life == now.life)
                .then(|| super::rates::counter((before.value, before.at), (now.value, now.at)))
                .flatten();
            *before = now;
        }
        *rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(value: f64, at: f64, life: u32) -> Watched {
        let reading = Measured { value, at, life };
        Watched { counters: BTreeMap::from([("jobs".into(), reading)]), ..Watched::default() }
    }

    #[test]
    fn what_is_watched_survives_its_line() {
        let mut watched = counter(1e9 + 1.0, 12.25, 2);
        watched.gauges.insert("depth".into(), Measured { value: 0.5, at: 12.0, life: 0 });
        let checks =
            vec![HealthCheck { at: 11.0, ms: Some(4.25) }, HealthCheck { at: 12.0, ms: None }];
        watched.health.insert("web".into(), checks);
        let text = serde_json::to_string(&watched).expect("write");
        assert_eq!(
            text,
            r#"{"gauges":{"depth":[0.5,12]},"counters":{"jobs":[1000000001,12.25,2]},"health":{"web":[[11,4.25],[12,null]]}}"#
        );
        assert_eq!(serde_json::from_str::<Watched>(&text).expect("read"), watched);
        for wrong in [r#"{"gauges":{"a":[1]}}"#, r#"{"gauges":{"a":[null,1]}}"#] {
            assert!(serde_json::from_str::<Watched>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_counter_becomes_a_rate_but_never_over_a_reset_or_a_restart() {
        let mut rates = MetricRates::default();
        let mut rate =
            |value, at, life| rates.figures(&counter(value, at, life)).get("jobs").copied();
        assert_eq!(rate(100.0, 10.0, 0), None, "one reading is no rate");
        assert_eq!(rate(120.0, 12.0, 0), Some(10.0));
        assert_eq!(rate(120.0, 12.0, 0), Some(10.0), "the same reading at the next tick");
        assert_eq!(rate(5.0, 14.0, 0), None, "it fell");
        assert_eq!(rate(9.0, 16.0, 0), Some(2.0));
        assert_eq!(rate(19.0, 18.0, 1), None, "another life");
        assert_eq!(rate(20.0, 20.0, 1), Some(0.5));
        assert_eq!(rate(20.0, 19.0, 1), None, "time went back");
    }
}
