//! `[isolate]`: each task of the load alone.

use super::scenarios::fits;
use super::section::Section;
use super::values;
use crate::config::{Isolate, LoadConfig};

pub(super) fn isolate(root: &Section<'_>, load: Option<&LoadConfig>) -> Isolate {
    let d = Isolate::default();
    root.section("isolate", |s| {
        let read = Isolate {
            tasks: s.texts("tasks", "[\"search\"]"),
            level: s.whole("level", d.level, 1),
            rounds: s.whole("rounds", d.rounds, 3),
            slot: s.time("slot", d.slot),
            rest: s.time("rest", d.rest),
            warmup: s.time_or_zero("warmup", d.warmup),
            interval: s.time("interval", d.interval),
            seed: s.maybe_whole("seed", 0, 1),
        };
        fits(s, "interval", read.interval * 4, "rest", read.rest);
        fits(s, "interval", read.interval, "slot", read.slot);
        known(s, &read.tasks, load);
        read
    })
}

fn known(s: &Section<'_>, tasks: &[String], load: Option<&LoadConfig>) {
    for name in values::repeated(tasks) {
        s.wrong("tasks", format!("{name:?} is there twice"), "remove one");
    }
    let Some(load) = load else { return };
    let there = load.tasks();
    for name in tasks.iter().filter(|name| !there.contains(&name.as_str())) {
        let what = format!("the load has no task {name:?}");
        s.wrong("tasks", what, format!("there are: {}", there.join(", ")));
    }
}
