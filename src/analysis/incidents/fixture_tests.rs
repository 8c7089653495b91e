//! The classifier against recordings whose truth is known from the kernel's log.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use super::{Classifier, Group, Incident, IncidentKind, Totals};
use crate::model::{Container, StackEvent, StackEventKind as Kind};

/// What is fed, in the order it came.
enum Witness {
    Event(StackEvent),
    Counter(String, u32, u64),
    State(Box<Container>),
}

/// Which witnesses may speak.
#[derive(Clone, Copy, PartialEq)]
enum Hearing {
    All,
    EventsOnly,
    WithoutOomEvents,
    /// With cAdvisor's account of the kernel's log.
    AllAndLog,
    /// The same, but no `oom` event of the engine.
    LogWithoutOomEvents,
}

impl Hearing {
    fn hears(self, event: &StackEvent) -> bool {
        match event.kind {
            Kind::Oom => !matches!(self, Hearing::WithoutOomEvents | Hearing::LogWithoutOomEvents),
            Kind::KernelOom { .. } => {
                matches!(self, Hearing::AllAndLog | Hearing::LogWithoutOomEvents)
            }
            _ => true,
        }
    }
}

struct Set {
    feed: Vec<(f64, Witness)>,
    truth: BTreeMap<String, Truth>,
}

#[derive(serde::Deserialize)]
struct Truth {
    kernel_oom_kills: Vec<Value>,
    id: String,
    dies: Vec<Die>,
    starts: Vec<f64>,
}

#[derive(serde::Deserialize)]
struct Die {
    t: f64,
    #[serde(rename = "exitCode")]
    exit_code: i64,
}

impl Set {
    fn load(root: &Path) -> Set {
        #[derive(serde::Deserialize)]
        struct File {
            containers: BTreeMap<String, Truth>,
        }
        let text = std::fs::read_to_string(root.join("truth.json")).expect("truth");
        let file: File = serde_json::from_str(&text).expect("truth");
        let mut feed: Vec<_> =
            lines(&root.join("engine/events-live.jsonl.gz")).iter().filter_map(event).collect();
        feed.extend(counters(&lines(&root.join("cgroup/series.jsonl.gz"))));
        let states = lines(&root.join("engine/state-at-event.jsonl.gz"));
        feed.extend(states.iter().filter_map(|line| state(line, &file.containers)));
        feed.extend(file.containers.iter().flat_map(|(name, truth)| kernel_log(name, truth)));
        feed.sort_by(|a, b| a.0.total_cmp(&b.0));
        Set { feed, truth: file.containers }
    }

    fn judge(&self, mut classifier: Classifier, hearing: Hearing) -> Verdict {
        let mut incidents = Vec::new();
        for (now, witness) in &self.feed {
            match witness {
                Witness::Event(event) if !hearing.hears(event) => {}
                Witness::Event(event) => classifier.push(event),
                _ if hearing == Hearing::EventsOnly => {}
                Witness::Counter(name, incarnation, kills) => {
                    let group = Group { kills: Some(*kills), tasks: None };
                    classifier.group(name, *incarnation, *now, group);
                }
                Witness::State(container) => classifier.observe(container, *now),
            }
            incidents.extend(classifier.poll(*now));
        }
        incidents.extend(classifier.finish());
        Verdict { incidents, totals: classifier.totals() }
    }
}

/// The kernel's kills as cAdvisor tells them: stamped up to a second early (0.8 s were recorded), and
/// told at the next of its questions.
fn kernel_log(name: &str, truth: &Truth) -> Vec<(f64, Witness)> {
    const EARLY_S: f64 = 0.8;
    const LATE_S: f64 = 2.5;
    let kills = truth.kernel_oom_kills.iter().filter_map(|kill| kill["t"].as_f64());
    kills
        .map(|t| {
            let kind = Kind::KernelOom { process: None, pid: None };
            let (id, name) = (truth.id.clone(), name.to_owned());
            (t + LATE_S, Witness::Event(StackEvent { t: t - EARLY_S, id, name, kind }))
        })
        .collect()
}

/// Absent files are sets without that witness.
fn lines(path: &Path) -> Vec<Value> {
    let Ok(file) = std::fs::File::open(path) else {
        return Vec::new();
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("gzip");
    text.lines().map(|line| serde_json::from_str(line).expect("line")).collect()
}

fn event(line: &Value) -> Option<(f64, Witness)> {
    let event = &line["event"];
    if event["Type"] != "container" {
        return None;
    }
    let attributes = &event["Actor"]["Attributes"];
    let number = |key: &str| attributes[key].as_str().and_then(|n| n.parse::<i64>().ok());
    let kind = match event["Action"].as_str()? {
        "create" => Kind::Create,
        "start" => Kind::Start,
        "oom" => Kind::Oom,
        "die" => Kind::Die { exit_code: number("exitCode") },
        "kill" => Kind::Kill { signal: number("signal").and_then(|n| i32::try_from(n).ok()) },
        "stop" => Kind::Stop,
        "restart" => Kind::Restart,
        "destroy" => Kind::Destroy,
        _ => return None,
    };
    let event = StackEvent {
        t: event["timeNano"].as_f64()? / 1e9,
        id: event["Actor"]["ID"].as_str()?.to_owned(),
        name: attributes["com.docker.compose.service"].as_str()?.to_owned(),
        kind,
    };
    Some((line["arrived"].as_f64()?, Witness::Event(event)))
}

/// A group made anew has another inode: that is an incarnation.
fn counters(lines: &[Value]) -> Vec<(f64, Witness)> {
    let mut inodes: BTreeMap<String, (u64, u32)> = BTreeMap::new();
    let mut readings = Vec::new();
    for line in lines {
        let (Some(t), Some(name)) = (line["t"].as_f64(), line["container"].as_str()) else {
            continue;
        };
        let files = ["memory/memory.oom_control", "memory.events"];
        let text = files.iter().find_map(|file| line["files"][file].as_str());
        let count = text.and_then(|text| {
            let row = text.lines().find_map(|row| row.strip_prefix("oom_kill "))?;
            row.parse().ok()
        });
        let (Some(kills), Some(inode)) = (count, line["ino"].as_u64()) else {
            continue;
        };
        let (known, incarnation) = inodes.entry(name.to_owned()).or_insert((inode, 0));
        if *known != inode {
            (*known, *incarnation) = (inode, *incarnation + 1);
        }
        readings.push((t, Witness::Counter(name.to_owned(), *incarnation, kills)));
    }
    readings
}

/// Answers that took over a second describe some later moment.
fn state(line: &Value, truth: &BTreeMap<String, Truth>) -> Option<(f64, Witness)> {
    let late = line["after_event_s"].as_f64()?;
    if late > 1.0 {
        return None;
    }
    let name = line["container"].as_str()?.to_owned();
    let state = &line["State"];
    let container = Container {
        id: truth.get(&name)?.id.clone(),
        state: serde_json::from_value(state["Status"].clone()).ok()?,
        exit_code: state["ExitCode"].as_i64(),
        restart_count: line["RestartCount"].as_u64()?,
        oom_killed: state["OOMKilled"].as_bool()?,
        ..Container::named(&name)
    };
    Some((line["t"].as_f64()?, Witness::State(Box::new(container))))
}

struct Verdict {
    incidents: Vec<Incident>,
    totals: BTreeMap<String, Totals>,
}

/// How a verdict compares with the truth.
#[derive(Debug, PartialEq, Default)]
struct Score {
    true_kills: u64,
    found_kills: u64,
    false_kills: u64,
    ends: usize,
    right_ends: usize,
    wrong: Vec<String>,
}

impl Verdict {
    fn score(&self, set: &Set) -> Score {
        let mut score = Score::default();
        for (name, truth) in &set.truth {
            let kills = truth.kernel_oom_kills.len() as u64;
            let found = self.totals.get(name).map_or(0, |t| t.oom_kills);
            score.true_kills += kills;
            score.found_kills += found.min(kills);
            score.false_kills += found.saturating_sub(kills);
            if found != kills {
                score.wrong.push(format!("{name}: {found} kills, true {kills}"));
            }
            let told: Vec<_> = self
                .incidents
                .iter()
                .filter(|i| &i.container == name)
                .filter(|i| !matches!(i.kind, IncidentKind::OomChild | IncidentKind::Recreated))
                .map(|i| i.kind)
                .collect();
            let expected = expected_ends(name, truth);
            score.ends += expected.len();
            let right = told.iter().zip(&expected).filter(|(a, b)| a == b).count();
            score.right_ends += right;
            if told != expected {
                score.wrong.push(format!("{name}: ends {told:?}, true {expected:?}"));
            }
        }
        score
    }
}

/// What each container was made to do (the recordings' own README): the first ends of those whose
/// main process leaks are its kills, whatever comes later was asked for.
fn expected_ends(name: &str, truth: &Truth) -> Vec<IncidentKind> {
    let leaks = matches!(name, "leaky" | "leakfast" | "shoom");
    let kills = truth.kernel_oom_kills.len();
    let kind = |(index, die): (usize, &Die)| match (name, die.exit_code) {
        ("exited", 0) => IncidentKind::Exit,
        ("crashy", 1) | ("childexit", _) => IncidentKind::Crash,
        _ if leaks && index < kills => IncidentKind::OomMain,
        _ => IncidentKind::Stopped,
    };
    truth.dies.iter().enumerate().map(kind).collect()
}

fn perfect(score: &Score) -> bool {
    score.wrong.is_empty() && score.true_kills > 0
}

fn committed() -> Vec<(String, Set)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/incidents");
    let mut sets: Vec<_> = std::fs::read_dir(root)
        .expect("fixtures")
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .map(|e| (e.file_name().to_string_lossy().into_owned(), Set::load(&e.path())))
        .collect();
    sets.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(!sets.is_empty());
    sets
}

#[test]
fn every_kill_and_every_end_of_the_recordings_is_found_and_nothing_else() {
    for (name, set) in committed() {
        let score = set.judge(Classifier::offline(), Hearing::All).score(&set);
        assert!(perfect(&score), "{name}: {score:?}");
    }
}

#[test]
fn told_live_the_kills_are_counted_once_as_well() {
    for (name, set) in committed() {
        let score = set.judge(Classifier::live(), Hearing::All).score(&set);
        assert!(perfect(&score), "{name}: {score:?}");
    }
}

#[test]
fn events_alone_find_every_kill_and_only_the_container_without_a_killer_deceives_them() {
    for (name, set) in committed() {
        let score = set.judge(Classifier::offline(), Hearing::EventsOnly).score(&set);
        let deceived = usize::from(set.truth.contains_key("oomoff"));
        assert_eq!(score.found_kills, score.true_kills, "{name}: {score:?}");
        assert_eq!(score.right_ends, score.ends, "{name}: {score:?}");
        assert_eq!(score.wrong.len(), deceived, "{name}: {score:?}");
    }
}

#[test]
fn without_any_oom_event_nothing_is_called_oom_that_was_not() {
    for (name, set) in committed() {
        let verdict = set.judge(Classifier::offline(), Hearing::WithoutOomEvents);
        assert_eq!(verdict.score(&set).false_kills, 0, "{name}");
    }
}

#[test]
fn the_kernel_s_log_adds_nothing_where_events_told_and_replaces_them_where_they_did_not() {
    for (name, set) in committed() {
        let both = set.judge(Classifier::offline(), Hearing::AllAndLog).score(&set);
        assert!(perfect(&both), "{name}: {both:?}");
        let log = set.judge(Classifier::offline(), Hearing::LogWithoutOomEvents).score(&set);
        assert!(perfect(&log), "{name}, no oom events: {log:?}");
    }
}

#[test]
fn a_log_that_comes_after_the_verdict_counts_no_kill_twice() {
    for (name, set) in committed() {
        let score = set.judge(Classifier::live(), Hearing::AllAndLog).score(&set);
        assert_eq!((score.found_kills, score.false_kills), (score.true_kills, 0), "{name}");
    }
}

#[test]
fn a_restart_is_a_start_after_an_end_that_nobody_asked_for() {
    for (name, set) in committed() {
        let verdict = set.judge(Classifier::offline(), Hearing::All);
        for (container, truth) in &set.truth {
            let ends = expected_ends(container, truth);
            let unasked = |start: &&f64| {
                let before = truth.dies.iter().rposition(|die| die.t < **start);
                before.is_some_and(|at| ends[at] != IncidentKind::Stopped)
            };
            let expected = truth.starts.iter().filter(unasked).count() as u64;
            let told = verdict.totals.get(container).map_or(0, |t| t.restarts);
            assert_eq!(told, expected, "{name}, {container}");
        }
    }
}

#[test]
fn all_shared_recordings_are_judged() {
    let Some(shared) = crate::testing::shared() else { return };
    let sets = std::fs::read_dir(Path::new(&shared).join("fixtures")).expect("fixtures");
    let mut names: Vec<_> = sets.flatten().map(|e| e.path()).collect();
    names.sort();
    let mut judged = 0;
    for path in names {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !name.starts_with("docker-") || !path.join("truth.json").exists() {
            continue;
        }
        let set = Set::load(&path);
        for (how, hearing) in [
            ("all", Hearing::All),
            ("events only", Hearing::EventsOnly),
            ("no oom events", Hearing::WithoutOomEvents),
            ("all and the kernel's log", Hearing::AllAndLog),
            ("no oom events but the log", Hearing::LogWithoutOomEvents),
        ] {
            let score = set.judge(Classifier::offline(), hearing).score(&set);
            println!("{name}, {how}: {score:?}");
            if matches!(hearing, Hearing::All | Hearing::AllAndLog) {
                assert_eq!(score.found_kills, score.true_kills, "{name}");
                assert_eq!(score.right_ends, score.ends, "{name}");
            }
        }
        judged += 1;
    }
    assert!(judged >= 11, "only {judged} sets");
}
