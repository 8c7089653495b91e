//! OOM kills as cAdvisor reads them from the kernel's log (`/api/v1.3/events`).
//!
//! The list has kills from before cAdvisor's start and of containers long gone: whoever uses it
//! filters by time and id. Times are those of the kernel's log, counted from a start of the machine
//! that cAdvisor knows to the second only: up to a second early (0.0 to 0.8 s were recorded).

use serde::Deserialize;

use super::parse::{ParseError, id_in, unix_seconds};
use crate::source::lenient::{Object, number, object, text};

/// One kill by the kernel.
#[derive(Debug, Clone, PartialEq)]
pub struct KernelKill {
    /// The container's id.
    pub id: String,
    /// Unix seconds, up to one second early.
    pub at: f64,
    /// The victim's name.
    pub process: Option<String>,
    /// The victim's pid on the host.
    pub pid: Option<u32>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Line {
    #[serde(deserialize_with = "text")]
    container_name: Option<String>,
    #[serde(deserialize_with = "text")]
    timestamp: Option<String>,
    #[serde(deserialize_with = "text")]
    event_type: Option<String>,
    #[serde(deserialize_with = "object")]
    event_data: Option<Data>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Data {
    #[serde(deserialize_with = "object")]
    oom: Option<Victim>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Victim {
    #[serde(deserialize_with = "number")]
    pid: Option<f64>,
    #[serde(deserialize_with = "text")]
    process_name: Option<String>,
}

/// Reads the kills out of an answer of the events call; what is no kill of a container is left out.
///
/// # Errors
/// When it is no JSON list.
pub fn parse_kills(text: &[u8]) -> Result<Vec<KernelKill>, ParseError> {
    let lines: Option<Vec<Object<Line>>> =
        serde_json::from_slice(text).map_err(|error| ParseError::new(&error))?;
    let kills = lines.unwrap_or_default().into_iter().filter_map(|line| kill(line.0?));
    Ok(kills.collect())
}

fn kill(line: Line) -> Option<KernelKill> {
    // `oom` says that memory ran short, `oomKill` that a process was killed for it.
    if line.event_type.as_deref() != Some("oomKill") {
        return None;
    }
    let victim = line.event_data.and_then(|data| data.oom).unwrap_or_default();
    Some(KernelKill {
        id: id_in(&line.container_name?)?.to_owned(),
        at: unix_seconds(&line.timestamp?)?,
        process: victim.process_name.filter(|name| !name.is_empty()),
        pid: victim.pid.filter(|pid| *pid <= f64::from(u32::MAX)).map(|pid| pid as u32),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "27889c8d36710f6ed45c4ae0acdd9c6f6535317e157b1cae9a1fe99036315870";

    #[test]
    fn a_kill_is_told_with_its_victim_and_what_is_no_kill_is_left_out() {
        let text = format!(
            r#"[{{"container_name":"/docker/{ID}","timestamp":"2026-11-21T01:29:05.867167022Z",
                 "event_type":"oomKill","event_data":{{"oom":{{"pid":10866,"process_name":"fxload"}}}}}},
                {{"container_name":"/docker/{ID}","timestamp":"2026-11-21T01:29:05.867167022Z",
                 "event_type":"oom","event_data":{{}}}},
                {{"container_name":"/","timestamp":"2026-11-21T01:29:05Z","event_type":"oomKill"}},
                {{"container_name":"/docker/{ID}","timestamp":"?","event_type":"oomKill"}}, 7, null,
                {{"container_name":"/system.slice/docker-{ID}.scope","timestamp":
                  "2026-11-21T01:29:06Z","event_type":"oomKill","event_data":{{"oom":{{"pid":"x"}}}}}}]"#
        );
        let kills = parse_kills(text.as_bytes()).expect("kills");
        assert_eq!(kills.len(), 2);
        assert_eq!((kills[0].process.as_deref(), kills[0].pid), (Some("fxload"), Some(10_866)));
        assert!((kills[0].at - 1_795_224_545.867).abs() < 0.001);
        assert_eq!((kills[1].id.as_str(), kills[1].pid), (ID, None));
    }

    #[test]
    fn no_events_are_no_kills_and_plain_text_is_an_error() {
        assert_eq!(parse_kills(b"null"), Ok(Vec::new()));
        assert_eq!(parse_kills(b"[]"), Ok(Vec::new()));
        assert!(parse_kills(b"unknown request type").is_err());
    }

    /// Every kernel kill of the full recordings, where they are at hand.
    #[test]
    fn all_kernel_kills_of_the_recordings_are_there_up_to_a_second_early() {
        let Some(shared) = crate::testing::shared() else { return };
        let mut kills = 0;
        for set in std::fs::read_dir(shared.join("fixtures")).expect("fixtures").flatten() {
            let events = set.path().join("once/v1.3-events-oom.json");
            let (Ok(text), Ok(truth)) = (
                std::fs::read(&events),
                std::fs::read_to_string(set.path().join("truth/oom-kills.json")),
            ) else {
                continue;
            };
            let told = parse_kills(&text).expect("events");
            let truth: serde_json::Value = serde_json::from_str(&truth).expect("truth");
            for kill in truth.as_array().expect("kills") {
                let (id, pid) = (kill["id"].as_str(), kill["pid"].as_u64());
                let found =
                    told.iter().find(|k| Some(k.id.as_str()) == id && k.pid.map(u64::from) == pid);
                let found = found.unwrap_or_else(|| panic!("{}: {kill}", set.path().display()));
                let early = kill["t"].as_f64().expect("t") - found.at;
                assert!((-0.05..1.0).contains(&early), "{early}");
                kills += 1;
            }
        }
        assert!(kills >= 200, "only {kills}");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(
            text in "(\\[|\\{|\"event_type\":\"oomKill\"|,|\"timestamp\":|\\PC{0,12}|\\]|\\}){0,12}",
        ) {
            let _ = parse_kills(text.as_bytes());
        }
    }
}
