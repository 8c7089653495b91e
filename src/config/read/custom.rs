//! `[[scenario]]`: scenarios that users write.

use std::time::Duration;

use super::range::POSITIVE;
use super::scenarios::{BUILT_IN, any_level, fits, limits};
use super::section::Section;
use super::stack::RESETS;
use super::tree::{Node, Value};
use super::values;
use crate::config::{Action, PhaseConfig, Reset, ScenarioConfig, StackConfig, StressLimits, Until};

/// Names that cannot be given to a scenario: words of the command line, and the keys that the
/// built-in ones have in results.json.
const RESERVED: [&str; 6] =
    ["all", "custom", "stress_test", "duration_leak", "speed_scaling", "profile"];

const WORDS: [&str; 4] = ["start", "pause", "resume", "reset"];

pub(super) fn custom(root: &Section<'_>, stack: &StackConfig, loaded: bool) -> Vec<ScenarioConfig> {
    let mut names: Vec<String> = Vec::new();
    let scenarios = root.sections("scenario", |s| {
        let scenario = scenario(s, stack);
        check_name(s, &scenario.name, &names);
        let acts = scenario.phases.iter().any(|phase| !phase.actions.is_empty());
        if acts && !loaded {
            s.wrong("phase", "its actions need a load", "write a [load] section");
        }
        names.push(scenario.name.clone());
        scenario
    });
    scenarios.unwrap_or_default()
}

fn check_name(s: &Section<'_>, name: &str, earlier: &[String]) {
    if name.is_empty() {
        return;
    }
    if !values::is_key(name) {
        let what = format!("{name:?} is no usable name");
        s.wrong("name", what, "use lower-case letters, digits, _ and -");
    } else if BUILT_IN.contains(&name) || RESERVED.contains(&name) {
        s.wrong("name", format!("{name:?} is reserved"), "choose another name");
    } else if earlier.iter().any(|other| other == name) {
        let what = format!("two scenarios are named {name:?}");
        s.wrong("name", what, "give each a name of its own");
    }
}

fn scenario(s: &Section<'_>, stack: &StackConfig) -> ScenarioConfig {
    let limits = s.section("limits", |l| limits(l, StressLimits::default()));
    let phases = s.sections("phase", phase).unwrap_or_default();
    if phases.is_empty() {
        s.missing("phase", "write [[scenario.phase]] with name, interval, do and until");
    }
    let names: Vec<String> = phases.iter().map(|phase| phase.name.clone()).collect();
    for name in values::repeated(&names) {
        let what = format!("two phases are named {name:?}");
        s.wrong("phase", what, "give each a name of its own");
    }
    ScenarioConfig {
        name: s.required_text("name", "soak"),
        reset: reset(s, stack.reset),
        stop_on_oom: s.boolean("stop_on_oom", true),
        expect_oom: s.boolean("expect_oom", false),
        limits,
        phases,
    }
}

/// A scenario can only ask for less than `stack.reset` consents to.
fn reset(s: &Section<'_>, consent: Reset) -> Option<Reset> {
    if !s.has("reset") {
        return None;
    }
    let asked = s.choice("reset", &RESETS, Reset::Never);
    let rank = |reset| match reset {
        Reset::Never => 0,
        Reset::Containers => 1,
        Reset::Volumes => 2,
    };
    if rank(asked) > rank(consent) {
        s.wrong(
            "reset",
            "asks for more than stack.reset consents to",
            "raise stack.reset, or ask for less here",
        );
    }
    Some(asked)
}

fn phase(s: &Section<'_>) -> PhaseConfig {
    let name = s.required_text("name", "active");
    if !name.is_empty() && !values::is_key(&name) {
        let what = format!("{name:?} is no usable name");
        s.wrong("name", what, "use lower-case letters, digits, _ and -");
    }
    let interval = s.time("interval", Duration::from_secs(2));
    let until = until(s);
    if let Some(after) = until.after {
        fits(s, "interval", interval, "until.after", after);
    }
    PhaseConfig {
        name,
        interval,
        sampled: s.boolean("sampled", true),
        actions: actions(s),
        until,
        threshold_ends_scenario: s.boolean("threshold_ends_scenario", false),
    }
}

/// `until = "2m"`, or `until = { drained = true, after = "10m" }`.
fn until(s: &Section<'_>) -> Until {
    const EXAMPLE: &str = "\"2m\" or until = { drained = true, after = \"10m\" }";
    let Some(node) = s.find("until") else {
        s.missing("until", format!("write until = {EXAMPLE}"));
        return Until::default();
    };
    if !matches!(node.value, Value::Table(_)) {
        return Until {
            after: s.maybe_time("until", Duration::from_secs(120), false),
            ..Until::default()
        };
    }
    s.section("until", |u| {
        let read = Until {
            after: u.maybe_time("after", Duration::from_secs(120), false),
            drained: u.boolean("drained", false),
            level_reached: u.boolean("level_reached", false),
            threshold: u.boolean("threshold", false),
            threshold_at_end: u.boolean("threshold_at_end", false),
        };
        let ends = read.drained || read.level_reached || read.threshold;
        if read.after.is_none() && !ends && !u.has("after") {
            u.missing("after", format!("write until = {EXAMPLE}: nothing ends this phase"));
        }
        read
    })
}

/// `do = ["start", { level = 50 }, { speed = 4 }, { ramp = 10, every = "3s" }, "pause"]`.
fn actions(s: &Section<'_>) -> Vec<Action> {
    const EXAMPLE: &str = "[\"start\", { level = 50 }]";
    let Some(node) = s.find("do") else {
        return Vec::new();
    };
    let Value::List(items) = &node.value else {
        s.expected("do", node, "a list of actions", EXAMPLE);
        return Vec::new();
    };
    let read = |(index, item): (usize, _)| action(s, index, item);
    items.iter().enumerate().filter_map(read).collect()
}

fn action(s: &Section<'_>, index: usize, item: &Node) -> Option<Action> {
    let path = format!("{}#{}", s.key("do"), index + 1);
    if let Value::Text(word) = &item.value {
        let known = word_action(word);
        if known.is_none() {
            let remedy = match values::nearest(word, &WORDS) {
                Some(word) => format!("did you mean {word:?}?"),
                None => format!("write {} or {{ level = 50 }}", WORDS.join(", ")),
            };
            s.wrong_at(&item.place, "do", format!("unknown action {word:?}"), remedy);
        }
        return known;
    }
    s.item(item, path)?.finished(table_action)
}

fn word_action(word: &str) -> Option<Action> {
    match word {
        "start" => Some(Action::Start),
        "pause" => Some(Action::Pause),
        "resume" => Some(Action::Resume),
        "reset" => Some(Action::Reset),
        _ => None,
    }
}

fn table_action(a: &Section<'_>) -> Option<Action> {
    let (level, speed, ramp) = (a.has("level"), a.has("speed"), a.has("ramp"));
    if a.has("every") && !ramp {
        a.wrong("every", "belongs to ramp", "write { ramp = 10, every = \"3s\" }");
    }
    match (level, speed, ramp) {
        (true, false, false) => Some(Action::Reach(any_level(a, "level"))),
        (false, true, false) => Some(Action::Speed(a.number("speed", 1.0, POSITIVE))),
        (false, false, true) => Some(Action::Ramp {
            batch: a.whole("ramp", 10, 1),
            every: a.time("every", Duration::from_secs(3)),
        }),
        _ => {
            a.wrong(
                "level",
                "expected exactly one of level, speed and ramp",
                "write an action for each, in order: { speed = 4 }, { level = 50 }",
            );
            None
        }
    }
}
