//! The parser against recorded answers of cAdvisor 0.49 and 0.60 on both cgroup versions, and
//! against the kernel's own figures recorded beside them.

use crate::testing::shared;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::parse::{Machine, Snapshot, parse_machine, parse_stats};
use crate::model::{Figure, FigureSet};

const ID: &str = "3c06f19d67ce64ca7f38af41d123c994cec8497b7ca2a74a756a1a0b004112ae";

fn gunzip(path: &Path) -> String {
    let file = std::fs::File::open(path).expect("fixture");
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("gzip");
    text
}

fn all_sets() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cadvisor");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("folder")
        .map(|entry| entry.expect("entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "gz"))
        .collect();
    paths.sort();
    assert_eq!(paths.len(), 9, "{paths:?}");
    let read = |path: &PathBuf| {
        let name = path.file_name().expect("name").to_string_lossy().into_owned();
        (name, serde_json::from_str(&gunzip(path)).expect("json"))
    };
    paths.iter().map(read).collect()
}

fn machine(set: &Value) -> Machine {
    parse_machine(set["machine"].to_string().as_bytes()).expect("machine")
}

fn parse(body: &Value) -> Snapshot {
    let machine = Machine { memory_bytes: Some(8e9), cores: Some(2.0) };
    let answer = json!({ format!("/docker/{ID}"): body });
    parse_stats(answer.to_string().as_bytes(), &machine)
        .expect("an answer")
        .pop()
        .expect("a snapshot")
}

fn figures(body: &Value) -> FigureSet {
    parse(body).sample.expect("figures").figures
}

/// The kernel's readings of one container just before and after `at`.
fn around<'a>(truth: &'a [Value], id: &str, at: f64) -> Option<(&'a Value, &'a Value)> {
    let mut of_id: Vec<&Value> = truth
        .iter()
        .filter_map(|line| line["containers"].as_object())
        .flat_map(|containers| containers.values())
        .filter(|c| c["id"].as_str().is_some_and(|short| id.starts_with(short)))
        .collect();
    let time = |c: &Value| c["t"].as_f64().unwrap_or_default();
    of_id.sort_by(|a, b| time(a).total_cmp(&time(b)));
    let after = of_id.iter().position(|c| time(c) > at)?;
    let before = after.checked_sub(1)?;
    Some((of_id[before], of_id[after]))
}

/// What was compared with the kernel, and how often it agreed.
#[derive(Default, Debug)]
struct Comparison {
    equal: BTreeMap<&'static str, [usize; 2]>,
    counters: BTreeMap<&'static str, [usize; 2]>,
}

impl Comparison {
    /// Gauges that stood still around the sample must be equal; counters must lie between.
    fn add(&mut self, figures: &FigureSet, before: &Value, after: &Value) {
        for (figure, value) in figures.iter() {
            let name = figure.name();
            let (Some(low), Some(high)) = (before[name].as_f64(), after[name].as_f64()) else {
                continue;
            };
            if figure.row().kind == crate::model::Kind::Counter {
                let tally = self.counters.entry(name).or_default();
                tally[0] += usize::from(low <= value && value <= high);
                tally[1] += 1;
            } else if low == high {
                let tally = self.equal.entry(name).or_default();
                tally[0] += usize::from(value == low);
                tally[1] += 1;
            }
        }
    }
}

fn compare(answers: &[Value], truth: &[Value], machine: &Machine, into: &mut Comparison) {
    for answer in answers.iter().filter(|a| a["status"] == 200) {
        let body = answer["body"].as_str().expect("body");
        for snapshot in parse_stats(body.as_bytes(), machine).expect("an answer") {
            let Ok(sample) = &snapshot.sample else {
                continue;
            };
            if let Some((before, after)) = around(truth, &snapshot.id, sample.at) {
                into.add(&sample.figures, before, after);
            }
        }
    }
}

#[test]
fn recorded_answers_equal_the_kernel_s_own_figures() {
    let mut all = Comparison::default();
    for (name, set) in all_sets() {
        let answers = set["answers"].as_array().expect("answers");
        let truth = set["truth"].as_array().expect("truth");
        let before = all.counters.get("cpu_usage_ns").map_or(0, |t| t[1]);
        compare(answers, truth, &machine(&set), &mut all);
        let cpu = all.counters.get("cpu_usage_ns").map_or(0, |t| t[1]);
        assert!(cpu > before, "{name}: nothing compared");
    }
    println!("{all:?}");
    for name in ["cpu_usage_ns", "psi_cpu_some_us", "cpu_throttled_ns"] {
        let [agree, of] = all.counters[name];
        assert!(of >= 50 && agree * 100 >= of * 98, "{name}: {agree} of {of}");
    }
    for name in [
        "memory_usage_bytes",
        "anon_bytes",
        "cache_bytes",
        "mapped_file_bytes",
        "active_file_bytes",
        "inactive_file_bytes",
        "shmem_bytes",
    ] {
        let [agree, of] = all.equal[name];
        assert!(of >= 50 && agree * 100 >= of * 98, "{name}: {agree} of {of}");
    }
}

#[test]
fn every_recorded_answer_parses_and_a_dying_container_has_a_reason_in_place_of_figures() {
    let mut without = 0;
    for (name, set) in all_sets() {
        for answer in set["answers"].as_array().expect("answers") {
            let body = answer["body"].as_str().expect("body");
            let snapshots = parse_stats(body.as_bytes(), &machine(&set)).expect("an answer");
            assert!(snapshots.len() > 5, "{name}");
            for snapshot in snapshots {
                match snapshot.sample {
                    Ok(sample) => assert!(!sample.figures.is_empty(), "{name}"),
                    Err(reason) => {
                        assert!(reason.starts_with("cAdvisor has n"), "{name}: {reason}");
                        without += 1;
                    }
                }
            }
        }
    }
    assert!(without >= 5, "{without}");
}

#[test]
fn limits_that_mean_none_are_absent_in_every_version_and_real_ones_are_kept() {
    for (name, set) in all_sets() {
        let answer = &set["answers"][0]["body"];
        let body = answer.as_str().expect("body");
        let snapshots = parse_stats(body.as_bytes(), &machine(&set)).expect("an answer");
        let limits: Vec<Option<u64>> = snapshots.iter().map(|s| s.limits.memory_bytes).collect();
        assert!(limits.contains(&Some(134_217_728)), "{name}: {limits:?}");
        assert!(limits.contains(&None), "{name}: {limits:?}");
        let too_large = limits.iter().flatten().find(|limit| **limit > 1 << 40);
        assert_eq!(too_large, None, "{name}");
    }
}

#[test]
fn the_cpu_limit_is_quota_over_period_and_never_the_shares() {
    let capped = json!({"spec": {"cpu": {"limit": 1024, "quota": 50000, "period": 100000}}});
    assert_eq!(parse(&capped).limits.cpus, Some(0.5));
    let shares = json!({"spec": {"cpu": {"limit": 1024, "period": 100000}}});
    assert_eq!(parse(&shares).limits.cpus, None);
    let set = all_sets().into_iter().find(|(name, _)| name.starts_with("cadvisor-0.60-adv"));
    let (_, set) = set.expect("the set");
    let answers = set["answers"].as_array().expect("answers");
    let v13 = answers.iter().find(|a| a["kind"] == "v1.3").expect("v1.3");
    let body = v13["body"].as_str().expect("body");
    let snapshots = parse_stats(body.as_bytes(), &machine(&set)).expect("an answer");
    let cpus: Vec<f64> = snapshots.iter().filter_map(|s| s.limits.cpus).collect();
    for cores in [0.5, 0.6, 0.2] {
        assert!(cpus.contains(&cores), "{cores}: {cpus:?}");
    }
}

#[test]
fn pressure_is_absent_on_cgroup_v1_where_its_zeros_mean_nothing() {
    for (name, set) in all_sets() {
        let psi = name.contains("0.60-cgroup2");
        let mut seen = 0;
        for answer in set["answers"].as_array().expect("answers") {
            let body = answer["body"].as_str().expect("body");
            for snapshot in parse_stats(body.as_bytes(), &machine(&set)).expect("an answer") {
                let Ok(sample) = snapshot.sample else {
                    continue;
                };
                seen += usize::from(sample.figures.get(Figure::PsiCpuSomeUs).is_some());
            }
        }
        assert_eq!(seen > 0, psi, "{name}: {seen}");
    }
}

#[test]
fn all_interfaces_are_summed_and_a_borrowed_network_is_left_to_its_owner() {
    let network = json!({"name": "eth0", "rx_bytes": 5, "interfaces": [
        {"name": "eth0", "rx_bytes": 5, "tx_bytes": 1, "rx_dropped": 1},
        {"name": "eth1", "rx_bytes": 7, "tx_bytes": 2, "tx_errors": 2},
        {"name": "lo", "rx_bytes": 100, "tx_bytes": 100}]});
    let of = |has_network: Option<bool>| {
        figures(&json!({"spec": {"has_network": has_network}, "stats": [{
            "timestamp": "2026-11-21T01:31:55Z", "memory": {"usage": 5}, "network": network}]}))
    };
    assert_eq!(of(Some(true)).get(Figure::NetRxBytes), Some(12.0));
    assert_eq!(of(None).get(Figure::NetTxBytes), Some(3.0));
    assert_eq!(of(Some(true)).get(Figure::NetErrors), Some(3.0));
    assert_eq!(of(Some(false)).get(Figure::NetRxBytes), None);
}

#[test]
fn the_newest_sample_counts_wherever_it_stands() {
    let sample = parse(&json!({"stats": [
        {"timestamp": "2026-11-21T01:31:57Z", "memory": {"usage": 7}},
        {"timestamp": "2026-11-21T01:31:55Z", "memory": {"usage": 5}}]}))
    .sample
    .expect("figures");
    assert_eq!(sample.figures.get(Figure::MemoryUsageBytes), Some(7.0));
    assert_eq!(sample.at, 1_795_224_717.0);
}

#[test]
fn no_samples_no_time_and_all_zeros_are_reasons_and_never_zeros() {
    for body in [
        json!({"stats": []}),
        json!({"stats": null}),
        json!({}),
        json!({"stats": [{"memory": {"usage": 7}}]}),
        json!({"stats": [{"timestamp": "0001-01-01T00:00:00Z", "memory": {"usage": 7}}]}),
        json!({"stats": [{"timestamp": "2026-11-21T01:31:55Z"}]}),
        json!({"stats": [{"timestamp": "2026-11-21T01:31:55Z",
            "cpu": {"usage": {"total": 0}, "cfs": {"periods": 0}}, "memory": {"usage": 0, "rss": 0}}]}),
    ] {
        assert!(parse(&body).sample.is_err(), "{body}");
    }
}

#[test]
fn more_cpu_time_than_all_cores_can_have_given_is_not_a_figure() {
    let of = |total: f64| {
        figures(&json!({"spec": {"creation_time": "2026-11-21T01:31:45Z"}, "stats": [{
            "timestamp": "2026-11-21T01:31:55Z", "memory": {"usage": 5},
            "cpu": {"usage": {"total": total}}}]}))
        .get(Figure::CpuUsageNs)
    };
    assert_eq!(of(19e9), Some(19e9));
    assert_eq!(of(1e18), None);
}

#[test]
fn the_id_is_found_in_any_cgroup_path_or_the_aliases_and_never_in_a_name() {
    let entry = json!({"stats": []});
    let aliased = json!({"aliases": ["web", ID]});
    let by_spec = json!({"spec": {"aliases": ["web", ID]}});
    let answer = json!({
        format!("/system.slice/docker-{ID}.scope"): entry, format!("/fx/{ID}"): entry,
        format!("/machine.slice/libpod-{ID}.scope"): entry, "/docker/web": aliased,
        "/docker/web2": by_spec, "/system.slice/sshd.service": entry, "/": entry});
    let found = parse_stats(answer.to_string().as_bytes(), &Machine::default()).expect("an answer");
    let ids: Vec<&str> = found.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids, [ID; 5]);
}

#[test]
fn plain_text_is_an_error_that_says_so() {
    let error = parse_stats(b"failed to get container", &Machine::default()).expect_err("error");
    assert!(error.to_string().starts_with("cAdvisor's answer cannot be understood"));
}

/// Every answer of the full recordings against the kernel, where they are at hand.
#[test]
fn all_shared_recordings_agree_with_the_kernel() {
    let Some(root) = shared() else { return };
    for (name, trimmed) in all_sets() {
        let folder = root.join("fixtures").join(name.trim_end_matches(".json.gz"));
        let lines = |file: &str| -> Vec<Value> {
            let text = gunzip(&folder.join(file));
            text.lines().map(|l| serde_json::from_str(l).expect("json")).collect()
        };
        let mut answers = lines("series.jsonl.gz");
        answers.retain(|a| a["body"].as_str().is_some_and(|b| b.starts_with('{')));
        let truth: Vec<Value> = lines("truth/cgroup.jsonl.gz").iter().map(plain_truth).collect();
        let mut all = Comparison::default();
        compare(&answers, &truth, &machine(&trimmed), &mut all);
        println!("{name}: {} answers, {all:?}", answers.len());
        for (figure, [agree, of]) in all.equal.iter().chain(&all.counters) {
            assert!(*of < 20 || agree * 100 >= of * 95, "{name} {figure}: {agree} of {of}");
        }
    }
}

/// A line of the shared truth (cgroup file names) under the names of our figures.
fn plain_truth(line: &Value) -> Value {
    const KEYS: &[(&str, &str)] = &[
        ("cpu_usage_ns", "/cpu_ns"),
        ("memory_usage_bytes", "/usage"),
        ("cache_bytes", "/cache"),
        ("anon_bytes", "/rss"),
        ("memory_usage_bytes", "/memory.current"),
        ("cache_bytes", "/memory.stat/file"),
        ("anon_bytes", "/memory.stat/anon"),
    ];
    let number = |v: &Value| v.as_f64().or_else(|| v.as_str()?.parse().ok());
    let plain = |container: &Value| {
        let mut out = json!({"id": container["id"], "t": container.get("t").unwrap_or(&line["t"])});
        for (name, pointer) in KEYS {
            if let Some(value) = container.pointer(pointer).and_then(number) {
                out[*name] = json!(value);
            }
        }
        if let Some(us) = container.pointer("/cpu.stat/usage_usec").and_then(number) {
            out["cpu_usage_ns"] = json!(us * 1000.0);
        }
        out
    };
    let containers = line["containers"].as_object().expect("containers");
    let containers: serde_json::Map<String, Value> =
        containers.iter().map(|(name, container)| (name.clone(), plain(container))).collect();
    json!({"t": line["t"], "containers": containers})
}

/// Places of numbers, texts, lists and objects in an answer, as JSON pointers.
fn places(value: &Value, at: &str, into: &mut Vec<String>) {
    let mut child = |key: &str, value: &Value| {
        let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
        places(value, &at, into);
        into.push(at);
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| child(key, value)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, value)| child(&index.to_string(), value));
        }
        _ => {}
    }
}

#[test]
fn a_field_of_a_wrong_type_costs_itself_and_never_another_container() {
    let odd = [json!("odd"), json!(-1), json!([]), json!({}), json!(null), json!(true)];
    for (name, set) in all_sets().into_iter().filter(|(name, _)| name.contains("advised.")) {
        let machine = machine(&set);
        let body = set["answers"][0]["body"].as_str().expect("body");
        let mut answer: Value = serde_json::from_str(body).expect("json");
        // Two containers are enough: one is damaged, the other is to stay as it is.
        let keys: Vec<String> = answer.as_object().expect("map").keys().skip(2).cloned().collect();
        keys.iter().for_each(|key| {
            answer.as_object_mut().expect("map").remove(key);
        });
        let whole = parse_stats(answer.to_string().as_bytes(), &machine).expect("an answer");
        let mut all = Vec::new();
        places(&answer, "", &mut all);
        for (place, odd) in all.iter().zip(odd.iter().cycle()) {
            let mut damaged = answer.clone();
            *damaged.pointer_mut(place).expect("place") = odd.clone();
            let read = parse_stats(damaged.to_string().as_bytes(), &machine)
                .unwrap_or_else(|e| panic!("{name} {place} {odd}: {e}"));
            for snapshot in whole.iter().filter(|s| !place.contains(&s.id)) {
                assert!(read.contains(snapshot), "{name} {place} {odd}");
            }
        }
    }
}

#[test]
fn one_odd_number_leaves_the_figures_beside_it() {
    let memory = json!({"usage": 900, "working_set": "odd", "rss": 7, "cache": [], "swap": -1});
    let stats = json!({"timestamp": "2026-11-21T01:31:55Z", "memory": memory, "cpu": "odd",
        "network": {"interfaces": [7, {"name": "eth0", "rx_bytes": "x", "tx_bytes": 5}]}});
    let figures = figures(&json!({"aliases": 7, "spec": {"memory": []}, "stats": [3, stats]}));
    assert_eq!(figures.get(Figure::MemoryUsageBytes), Some(900.0));
    assert_eq!(figures.get(Figure::AnonBytes), Some(7.0));
    assert_eq!(figures.get(Figure::NetTxBytes), Some(5.0));
    for absent in [
        Figure::MemoryWorkingSetBytes,
        Figure::CacheBytes,
        Figure::SwapBytes,
        Figure::NetRxBytes,
        Figure::CpuUsageNs,
    ] {
        assert_eq!(figures.get(absent), None, "{absent}");
    }
}

#[test]
fn more_memory_than_the_machine_has_and_wrapped_counters_are_no_figures() {
    let wrapped = 18_446_744_073_709_551_000u64;
    let figures = figures(&json!({"stats": [{"timestamp": "2026-11-21T01:31:55Z",
        "memory": {"usage": 900, "rss": 9_000_000_000u64},
        "network": {"interfaces": [{"name": "eth0", "rx_bytes": wrapped, "tx_bytes": 5}]}}]}));
    assert_eq!(figures.get(Figure::AnonBytes), None);
    assert_eq!(figures.get(Figure::NetRxBytes), None);
    assert_eq!(figures.get(Figure::NetTxBytes), Some(5.0));
}
