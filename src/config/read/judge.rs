//! What results are judged by: containers, thresholds, the leak verdict, what is expected and
//! what is accepted; and where figures come from and results go.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::expand::Environment;
use super::load::address;
use super::prometheus::prometheus;
use super::range::{NOT_NEGATIVE, PERCENT, POSITIVE, Range};
use super::section::Section;
use super::tree::Value;
use super::values;
use crate::config::{
    Accept, ContainerConfig, Expect, LeakConfig, ResourceConfig, ResultsConfig, SeriesConfig,
    SourcesConfig, Thresholds, TimeUnit,
};
use crate::model::SourceKind;

pub(super) fn sources(
    root: &Section<'_>,
    base_dir: &Path,
    environment: Environment<'_>,
) -> SourcesConfig {
    let d = SourcesConfig::default();
    root.section("sources", |s| SourcesConfig {
        only: only(s),
        cross_check: s.boolean("cross_check", d.cross_check),
        in_turn: s.boolean("in_turn", d.in_turn),
        timeout: s.time("timeout", d.timeout),
        cadvisor: address(s, "cadvisor", "cadvisor:8080"),
        handles_interval: s.time_or_zero("handles_interval", d.handles_interval),
        disk_interval: s.time_or_zero("disk_interval", d.disk_interval),
        prometheus: prometheus(s, base_dir, environment),
        cgroup_root: path(s, "cgroup_root", d.cgroup_root),
        proc_root: path(s, "proc_root", d.proc_root),
        sys_root: path(s, "sys_root", d.sys_root),
        nvml_library: path(s, "nvml_library", d.nvml_library),
    })
}

fn path(s: &Section<'_>, key: &'static str, default: PathBuf) -> PathBuf {
    let shown = default.display().to_string();
    s.maybe_text(key, &shown).map_or(default, PathBuf::from)
}

/// Sources that can be chosen: the ones that are read while a run goes on.
const CHOOSABLE: [SourceKind; 7] = [
    SourceKind::Cgroup,
    SourceKind::Docker,
    SourceKind::Cadvisor,
    SourceKind::Prometheus,
    SourceKind::Procfs,
    SourceKind::Nvml,
    SourceKind::Amdgpu,
];

fn only(s: &Section<'_>) -> Vec<SourceKind> {
    let names = CHOOSABLE.map(SourceKind::name);
    let mut kinds = Vec::new();
    for (name, place) in s.placed_texts("only", "[\"cgroup\"]").unwrap_or_default() {
        match CHOOSABLE.iter().find(|kind| kind.name() == name) {
            Some(kind) if kinds.contains(kind) => {
                s.wrong_at(&place, "only", format!("{name:?} is there twice"), "remove one");
            }
            Some(kind) => kinds.push(*kind),
            None => {
                let remedy = match values::nearest(&name, &names) {
                    Some(word) => format!("did you mean {word}?"),
                    None => format!("known: {}", names.join(", ")),
                };
                s.wrong_at(&place, "only", format!("unknown source {name:?}"), remedy);
            }
        }
    }
    kinds
}

pub(super) fn containers(root: &Section<'_>) -> BTreeMap<String, ContainerConfig> {
    root.named("containers", |s| ContainerConfig {
        effective_cores: s.switchable("effective_cores", None, POSITIVE, 1.0),
        leak_mb_per_min: s.switchable("leak_mb_per_min", None, POSITIVE, 1.0),
        memory_percent: s.switchable("memory_percent", None, PERCENT, 90.0),
        cpu_percent: s.switchable("cpu_percent", None, POSITIVE, 90.0),
        ignore: s.boolean("ignore", false),
    })
}

pub(super) fn thresholds(root: &Section<'_>) -> Thresholds {
    let d = Thresholds::default();
    root.section("thresholds", |s| {
        let read = Thresholds {
            memory_warning_percent: s.number(
                "memory_warning_percent",
                d.memory_warning_percent,
                PERCENT,
            ),
            memory_critical_percent: s.number(
                "memory_critical_percent",
                d.memory_critical_percent,
                PERCENT,
            ),
            cpu_warning_percent: s.number("cpu_warning_percent", d.cpu_warning_percent, POSITIVE),
            cpu_critical_percent: s.number(
                "cpu_critical_percent",
                d.cpu_critical_percent,
                POSITIVE,
            ),
            cpu_slope_percent_per_min: s.number(
                "cpu_slope_percent_per_min",
                d.cpu_slope_percent_per_min,
                POSITIVE,
            ),
            memory_alarm_percent: s.number("memory_alarm_percent", d.memory_alarm_percent, PERCENT),
        };
        let (warning, critical) = (read.memory_warning_percent, read.memory_critical_percent);
        not_above(s, "memory_warning_percent", warning, "memory_critical_percent", critical);
        let (warning, critical) = (read.cpu_warning_percent, read.cpu_critical_percent);
        not_above(s, "cpu_warning_percent", warning, "cpu_critical_percent", critical);
        read
    })
}

pub(super) fn leak(root: &Section<'_>) -> LeakConfig {
    const TRIM: Range = Range::within(0.0, 0.9, "a share from 0 to 0.9");
    const LEVEL: Range = Range::within(0.5, 0.9999, "a share from 0.5 to 0.9999");
    let d = LeakConfig::default();
    root.section("leak", |s| {
        let read = LeakConfig {
            leak_mb_per_min: s.number("leak_mb_per_min", d.leak_mb_per_min, POSITIVE),
            suspect_mb_per_min: s.number("suspect_mb_per_min", d.suspect_mb_per_min, NOT_NEGATIVE),
            floor_mb_per_min: s.number("floor_mb_per_min", d.floor_mb_per_min, NOT_NEGATIVE),
            min_minutes: s.number("min_minutes", d.min_minutes, POSITIVE),
            block_seconds: s.switchable("block_seconds", d.block_seconds, POSITIVE, 30.0),
            trim: s.number("trim", d.trim, TRIM),
            ci_level: s.number("ci_level", d.ci_level, LEVEL),
            gpu_leak_mb_per_min: s.switchable("gpu_leak_mb_per_min", None, POSITIVE, 1.0),
            gpu_growth_mb: s.switchable("gpu_growth_mb", None, POSITIVE, 500.0),
            confirm: s.boolean("confirm", d.confirm),
            confirm_below_mb_per_min: s.number(
                "confirm_below_mb_per_min",
                d.confirm_below_mb_per_min,
                POSITIVE,
            ),
            horizon: s.time("horizon", Duration::from_secs_f64(d.horizon)).as_secs_f64(),
        };
        let (suspect, leak) = (read.suspect_mb_per_min, read.leak_mb_per_min);
        not_above(s, "suspect_mb_per_min", suspect, "leak_mb_per_min", leak);
        not_above(s, "floor_mb_per_min", read.floor_mb_per_min, "leak_mb_per_min", leak);
        read
    })
}

pub(super) fn resources(root: &Section<'_>) -> ResourceConfig {
    let d = ResourceConfig::default();
    root.section("resources", |s| {
        let floor = |key, default| s.number(key, default, NOT_NEGATIVE);
        ResourceConfig {
            open_fds_per_hour: floor("open_fds_per_hour", d.open_fds_per_hour),
            sockets_per_hour: floor("sockets_per_hour", d.sockets_per_hour),
            threads_per_hour: floor("threads_per_hour", d.threads_per_hour),
            writable_layer_mb_per_hour: floor(
                "writable_layer_mb_per_hour",
                d.writable_layer_mb_per_hour,
            ),
            volume_mb_per_hour: floor("volume_mb_per_hour", d.volume_mb_per_hour),
            log_mb_per_hour: floor("log_mb_per_hour", d.log_mb_per_hour),
        }
    })
}

fn not_above(s: &Section<'_>, low_key: &str, low: f64, high_key: &str, high: f64) {
    if low > high {
        let what = format!("{low} is above {high_key} ({high})");
        s.wrong(low_key, what, format!("lower {low_key} or raise {high_key}"));
    }
}

pub(super) fn results(root: &Section<'_>) -> ResultsConfig {
    let d = ResultsConfig::default();
    root.section("results", |s| ResultsConfig {
        dir: path(s, "dir", d.dir),
        inline_samples: s.whole("inline_samples", 500_000, 0) as usize,
        mode: mode(s, d.mode),
    })
}

pub(super) fn series(root: &Section<'_>) -> SeriesConfig {
    let units = TimeUnit::ALL.map(|unit| (unit.word(), Some(unit)));
    root.section("series", |s| SeriesConfig {
        time_unit: s.choice("time_unit", &units, None),
        interval: s.maybe_time("interval", Duration::from_secs(2), false),
    })
}

/// Permissions as `chmod` has them; the run itself needs all of its own.
fn mode(s: &Section<'_>, default: u32) -> u32 {
    let Some(text) = s.maybe_text("mode", "0750") else { return default };
    let digits = text.len() <= 4 && text.chars().all(|c| c.is_digit(8));
    let mode = u32::from_str_radix(&text, 8).ok().filter(|_| digits);
    match mode.filter(|mode| mode & 0o700 == 0o700 && *mode <= 0o777) {
        Some(mode) => mode,
        None => {
            let what = format!("{text:?} are no permissions of a folder that its user can use");
            s.wrong("mode", what, "write mode = \"0700\", \"0750\" or \"0755\"");
            default
        }
    }
}

pub(super) fn expect(root: &Section<'_>) -> Expect {
    root.section("expect", |s| {
        let read = Expect {
            leak: s.texts("leak", "[\"stream-processor\"]"),
            leak_mb_per_min: s.switchable("leak_mb_per_min", None, POSITIVE, 1.0),
            task_leak: s.texts("task_leak", "[\"web/search\"]"),
        };
        for name in &read.task_leak {
            if !name.contains('/') {
                s.wrong("task_leak", format!("{name:?} names no task"), "write \"container/task\"");
            }
        }
        for name in values::repeated(&read.leak) {
            s.wrong("leak", format!("{name:?} is there twice"), "remove one");
        }
        if read.leak.is_empty() && read.leak_mb_per_min.is_some() {
            s.missing("leak", "name the containers: leak = [\"stream-processor\"]");
        }
        read
    })
}

pub(super) fn accept(root: &Section<'_>) -> Vec<Accept> {
    root.sections("accept", |s| Accept {
        container: s.required_text("container", "cache"),
        finding: s.required_text("finding", "leak"),
        until: date(s),
        why: s.required_text("why", "known, ticket 123"),
    })
    .unwrap_or_default()
}

fn date(s: &Section<'_>) -> chrono::NaiveDate {
    const EXAMPLE: &str = "2026-12-31";
    let Some(node) = s.find("until") else {
        s.missing("until", format!("write until = {EXAMPLE}"));
        return chrono::NaiveDate::default();
    };
    let date = match &node.value {
        Value::Date(text) | Value::Text(text) => text.parse().ok(),
        _ => None,
    };
    date.unwrap_or_else(|| {
        s.expected("until", node, "a date", EXAMPLE);
        chrono::NaiveDate::default()
    })
}

pub(super) fn fail_on(root: &Section<'_>) -> Vec<String> {
    let words = root.placed_texts("fail_on", "[\"suspect\"]").unwrap_or_default();
    for (word, place) in &words {
        if !values::is_key(word) {
            let what = format!("{word:?} is no verdict or finding");
            root.wrong_at(place, "fail_on", what, "write fail_on = [\"suspect\"]");
        }
    }
    words.into_iter().map(|(word, _)| word).collect()
}
