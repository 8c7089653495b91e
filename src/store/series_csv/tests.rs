//! Promises about series CSVs.

use std::fmt::Write as _;
use std::time::Duration;

use super::*;
use crate::analysis::{Settings, analyze, leak::Verdict};
use crate::model::Figure;

fn read_as(text: &str, config: &SeriesConfig) -> Result<SeriesRead, StoreError> {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("night.csv");
    std::fs::write(&path, text).expect("write");
    read_series(&path, config)
}

fn read(text: &str) -> Result<SeriesRead, StoreError> {
    read_as(text, &SeriesConfig::default())
}

/// What a file says of `api`'s leak: the verdict, MB/min, and the notes.
fn judged(text: &str) -> (Verdict, f64, Vec<String>) {
    let read = read(text).expect("readable");
    assert_eq!(read.damage, []);
    let analysis = analyze(&read.dataset, &Settings::default());
    let leak = analysis.container("api").and_then(|c| c.leak.clone()).expect("a verdict");
    (leak.verdict, leak.slope_mb_per_min.unwrap_or(f64::NAN), read.notes)
}

/// Twenty minutes of `api` at +3 MB/min, a row each 10 s, its times written by `time`.
fn leaking(column: &str, separator: char, time: impl Fn(f64) -> String) -> String {
    let mut text = format!("{column}{separator}container{separator}anon_bytes\n");
    for row in 0..120 {
        let at = 10.0 * f64::from(row);
        let bytes = (120.0 + 3.0 * at / 60.0 + 0.2 * f64::from(row % 3)) * 1_048_576.0;
        let _ = writeln!(text, "{}{separator}api{separator}{bytes:.0}", time(at));
    }
    text
}

fn is_the_leak((verdict, rate, _): &(Verdict, f64, Vec<String>)) -> bool {
    *verdict == Verdict::Leak && (rate - 3.0).abs() < 0.2
}

#[test]
fn rows_grouped_by_container_share_one_time_axis_and_give_rates() {
    let text = "time_s,container,phase,load,usage_bytes,inactive_file_bytes,cpu_ns,colour\r\n\
        0,a,active,50,100000,30000,0,red\r\n2,a,active,50,110000,30000,1000000000,red\r\n4,a,cooldown,0,50000,60000,1000000000,red\r\n\
        0,b,active,50,70000,0,0,\r\n3,b,active,50,80000,0,0,\r\n";
    let SeriesRead { dataset, damage, notes } = read(text).expect("readable");
    assert_eq!((damage.len(), notes.len(), dataset.test_id.as_str()), (0, 0, "night"));
    let series = &dataset.scenarios[0];
    assert_eq!(series.time, [0.0, 2.0, 3.0, 4.0]);
    let a = &series.series("a").expect("a").columns;
    assert_eq!(a.at(Figure::CpuPercent, 1), Some(50.0));
    assert_eq!(a.at(Figure::MemoryWorkingSetBytes, 0), Some(70_000.0));
    assert_eq!(a.at(Figure::MemoryWorkingSetBytes, 3), Some(0.0));
    assert_eq!(a.at(Figure::MemoryUsageBytes, 2), None);
    let phases: Vec<_> =
        series.phases.iter().map(|p| (p.name.as_str(), p.ticks.clone(), p.level)).collect();
    assert_eq!(phases, [("active", 0..3, Some(50)), ("cooldown", 3..4, Some(0))]);
}

#[test]
fn an_unsorted_file_is_read_whole() {
    let text = "time_s,container,anon_bytes\n4,a,300000\n0,a,100000\n2,a,200000\n";
    let SeriesRead { dataset, damage, notes } = read(text).expect("readable");
    assert_eq!((damage, notes), (Vec::new(), Vec::new()));
    let column = dataset.scenarios[0].containers[0].columns.get(Figure::AnonBytes);
    assert_eq!(column, Some(&[100_000.0, 200_000.0, 300_000.0][..]));
}

#[test]
fn of_two_rows_of_one_time_the_later_counts_and_how_many_there_are_is_said() {
    let text = "time_s,container,anon_bytes,pids\n0,a,100000,7\n2,a,150000,7\n2,a,200000,\n";
    let SeriesRead { dataset, damage, notes } = read(text).expect("readable");
    let columns = &dataset.scenarios[0].containers[0].columns;
    assert_eq!(columns.at(Figure::AnonBytes, 1), Some(200_000.0));
    assert_eq!(columns.at(Figure::Pids, 1), Some(7.0), "what the later row lacks stays");
    assert_eq!((damage.len(), notes.len()), (0, 1));
    assert!(notes[0].contains("1 rows") && notes[0].contains("first: a"), "{notes:?}");
}

#[test]
fn senseless_rows_are_named_and_left_out() {
    let text = "time_s,container,anon_bytes\n0,a,100000\nlater,a,5\n3,,6\n4,a,x\n5,a\n";
    let SeriesRead { dataset, damage, .. } = read(text).expect("readable");
    let lines: Vec<_> = damage.iter().map(|d| d.line).collect();
    assert_eq!(lines, [Some(3), Some(4)]);
    let column = dataset.scenarios[0].containers[0].columns.get(Figure::AnonBytes).expect("anon");
    assert_eq!(column[0], 100_000.0);
    assert!(column[1..].iter().all(|v| v.is_nan()));
}

#[test]
fn a_header_without_a_needed_column_says_which_and_where_columns_are_documented() {
    for (text, word) in [
        ("time_s,anon_bytes\n1,200000\n", "no column container"),
        ("time_s,container,pids\n1,a,2\n", "usage_bytes"),
        ("container,anon_bytes\na,200000\n", "no column time_s"),
        ("", "one column"),
        ("time_s,container,anon_bytes\n", "no row"),
    ] {
        let message = read(text).expect_err("refused").to_string();
        assert!(message.contains(word) && message.contains("night.csv"), "{message}");
        assert!(message.contains("docs/series.md"), "{message}");
    }
}

#[test]
fn a_leak_is_the_same_in_whatever_unit_its_times_and_bytes_are_written() {
    const BEGIN: f64 = 1_772_352_000.0;
    let date = |at: f64| {
        let at = chrono::DateTime::from_timestamp((BEGIN + at) as i64, 0).expect("a date");
        at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
    };
    for (name, text) in [
        ("relative", leaking("time_s", ',', |at| at.to_string())),
        ("epoch", leaking("time_s", ',', |at| (BEGIN + at).to_string())),
        ("ms", leaking("time_s", ',', |at| format!("{:.0}", 1e3 * (BEGIN + at)))),
        ("us", leaking("timestamp", ';', |at| format!("{:.0}", 1e6 * (BEGIN + at)))),
        ("ns", leaking("ts", '\t', |at| format!("{:.0}", 1e9 * (BEGIN + at)))),
        ("named ms", leaking("time_ms", ',', |at| format!("{:.0}", 1e3 * at))),
        ("dates", leaking("time", ',', date)),
    ] {
        let judged = judged(&text);
        assert!(is_the_leak(&judged), "{name}: {judged:?}");
        let said = judged.2.iter().any(|note| note.contains("since 1970"));
        assert_eq!(said, matches!(name, "ms" | "us" | "ns"), "{name}: {:?}", judged.2);
    }
}

#[test]
fn memory_may_be_in_kilobytes_megabytes_or_gigabytes() {
    for (column, value) in
        [("anon_kb", "2048"), ("anon_mib", "2"), ("anon_mb", "2.0"), ("anon_gb", "0.001953125")]
    {
        let text = format!("time_s,container,{column}\n0,a,{value}\n");
        let read = read(&text).expect("readable");
        let columns = &read.dataset.scenarios[0].containers[0].columns;
        assert_eq!(columns.at(Figure::AnonBytes, 0), Some(2.0 * 1_048_576.0), "{column}");
    }
}

#[test]
fn megabytes_in_a_column_of_bytes_are_refused_and_so_are_bytes_in_one_of_megabytes() {
    for (column, value, place) in [
        ("working_set_bytes", "120.25", "column working_set_bytes"),
        ("anon_mb", "125829120", "column anon_mb"),
    ] {
        let text = format!("time_s,container,{column}\n0,api,{value}\n10,api,{value}\n");
        let message = read(&text).expect_err("refused").to_string();
        assert!(message.contains(place) && message.contains("unit"), "{message}");
    }
}

#[test]
fn relative_times_of_an_unlikely_unit_are_warned_of_and_can_be_settled() {
    let text = leaking("time_s", ',', |at| format!("{:.0}", 1e3 * at));
    let notes = read(&text).expect("readable").notes;
    assert!(notes.iter().any(|note| note.contains("--set series.time_unit=ms")), "{notes:?}");
    let config = SeriesConfig { time_unit: Some(TimeUnit::Milliseconds), interval: None };
    let read = read_as(&text, &config).expect("readable");
    assert_eq!(
        (read.notes, read.dataset.scenarios[0].duration_seconds),
        (Vec::new(), Some(1190.0))
    );
}

/// Of `api` and `long`: the phase of each row by its own time, and both leak 3 MB/min.
fn two_phases() -> String {
    let mut text = String::from("time_s,container,phase,load,anon_bytes\n");
    for row in 0..240 {
        let at = 10.0 * f64::from(row);
        for (name, end) in [("api", 1200.0), ("long", 2400.0)] {
            let phase = if at < end { "active" } else { "cooldown" };
            let bytes = (50.0 + 3.0 * at.min(end) / 60.0 + 0.1 * f64::from(row % 3)) * 1_048_576.0;
            let _ = writeln!(text, "{at},{name},{phase},20,{bytes:.0}");
        }
    }
    text
}

#[test]
fn a_container_with_a_shorter_phase_is_judged_by_its_own_phase() {
    let read = read(&two_phases()).expect("readable");
    assert_eq!(read.dataset.scenarios.len(), 2);
    assert!(read.notes.iter().any(|note| note.contains("2 different")), "{:?}", read.notes);
    let analysis = analyze(&read.dataset, &Settings::default());
    for name in ["api", "long"] {
        let leak = analysis.container(name).and_then(|c| c.leak.clone()).expect("a verdict");
        let rate = leak.slope_mb_per_min.unwrap_or(f64::NAN);
        assert!(leak.verdict == Verdict::Leak && (rate - 3.0).abs() < 0.2, "{name}: {leak:?}");
    }
}

#[test]
fn containers_sampled_at_different_moments_are_judged_as_if_each_stood_alone() {
    let alone = leaking("time_s", ',', |at| at.to_string());
    let mut beside = alone.clone();
    for row in 0..200 {
        let _ = writeln!(beside, "{},other,{}", 3.7 + 6.0 * f64::from(row), 90_000_000 + row % 5);
    }
    assert!(is_the_leak(&judged(&alone)));
    assert_eq!(judged(&alone).1, judged(&beside).1);
}

#[test]
fn rows_that_miss_here_and_there_do_not_part_containers() {
    let mut text = String::from("time_s,container,phase,anon_bytes\n");
    for row in 0..300 {
        for (name, misses) in [("a", 3), ("b", 4), ("c", 5)] {
            if row % misses != 0 {
                let phase = if row < 200 { "active" } else { "cooldown" };
                let _ = writeln!(text, "{},{name},{phase},100000", 2 * row);
            }
        }
    }
    let read = read(&text).expect("readable");
    assert_eq!(read.dataset.scenarios.len(), 1);
    let phases: Vec<_> = read.dataset.scenarios[0].phases.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(phases, ["active", "cooldown"]);
}

#[test]
fn loads_that_differ_are_kept_for_each_container() {
    let text = "time_s,container,load,anon_bytes\n0,a,5,100000\n0,b,9,100000\n2,a,6,100000\n2,b,9,100000\n";
    let read = read(text).expect("readable");
    let scenario = &read.dataset.scenarios[0];
    let own = [("a".to_string(), vec![5.0, 6.0]), ("b".to_string(), vec![9.0, 9.0])];
    assert_eq!(scenario.container_loads, own);
    assert_eq!(scenario.queued, [9.0, 9.0]);
}

#[test]
fn a_cpu_counter_that_falls_is_another_life() {
    let text = "time_s,container,anon_bytes,cpu_ns\n0,a,100000,5\n2,a,100000,9\n4,a,100000,1\n6,a,100000,3\n";
    let read = read(text).expect("readable");
    assert_eq!(read.dataset.scenarios[0].containers[0].incarnation, [0, 0, 1, 1]);
}

#[test]
fn docker_stats_as_csv_is_read_as_it_is() {
    let text = "ts,container,cpu_perc,mem_usage\n\
        2026-03-01T08:00:00Z,api,0.52%,120.0MiB / 1.944GiB\n\
        2026-03-01T08:00:02Z,api,0.60%,120.5MiB / 1.944GiB\n";
    let read = read(text).expect("readable");
    let scenario = &read.dataset.scenarios[0];
    let columns = &scenario.containers[0].columns;
    assert_eq!(scenario.duration_seconds, Some(2.0));
    assert_eq!(columns.at(Figure::MemoryWorkingSetBytes, 1), Some(120.5 * 1_048_576.0));
    assert_eq!(columns.at(Figure::CpuPercent, 0), Some(0.52));
    assert!(columns.at(Figure::MemoryLimitBytes, 0).is_some());
}

const JSON_LINES: &str = "\u{1b}[2J\u{1b}[H{\"BlockIO\":\"0B / 0B\",\"CPUPerc\":\"1.00%\",\"Container\":\"c1\",\
    \"ID\":\"c1\",\"MemPerc\":\"0.1%\",\"MemUsage\":\"10MiB / 64MiB\",\"Name\":\"web\",\"NetIO\":\"0B / 0B\",\"PIDs\":\"3\"}\n\
    {\"CPUPerc\":\"--\",\"MemUsage\":\"-- / --\",\"Name\":\"db\",\"PIDs\":\"--\"}\n\
    {\"CPUPerc\":\"2.00%\",\"MemUsage\":\"11MiB / 64MiB\",\"Name\":\"web\",\"PIDs\":\"4\"}\u{1b}[K\n\n\
    {\"CPUPerc\":\"0.10%\",\"MemUsage\":\"5MiB / 64MiB\",\"Name\":\"db\",\"PIDs\":\"1\"}\n";

#[test]
fn docker_stats_as_json_lines_needs_only_the_time_between_rounds() {
    let message = read(JSON_LINES).expect_err("no time").to_string();
    assert!(message.contains("--set series.interval=2s"), "{message}");
    let config = SeriesConfig { time_unit: None, interval: Some(Duration::from_secs(2)) };
    let read = read_as(JSON_LINES, &config).expect("readable");
    let scenario = &read.dataset.scenarios[0];
    assert_eq!((read.damage, scenario.time.as_slice()), (Vec::new(), &[0.0, 2.0][..]));
    let web = &scenario.series("web").expect("web").columns;
    assert_eq!(web.at(Figure::MemoryWorkingSetBytes, 1), Some(11.0 * 1_048_576.0));
    assert_eq!(web.at(Figure::Pids, 0), Some(3.0));
    let db = &scenario.series("db").expect("db").columns;
    assert_eq!(db.at(Figure::MemoryWorkingSetBytes, 0), None);
}

#[test]
fn json_lines_with_a_time_of_their_own_need_nothing() {
    let text = "{\"time\":1772352000,\"Name\":\"web\",\"MemUsage\":\"10MiB / 64MiB\"}\n\
                {\"time\":1772352005,\"Name\":\"web\",\"MemUsage\":\"10MiB / 64MiB\"}\n";
    let read = read(text).expect("readable");
    assert_eq!(read.dataset.scenarios[0].duration_seconds, Some(5.0));
}

#[test]
fn the_shared_recordings_are_read_whole() {
    let Some(shared) = crate::testing::shared() else { return };
    for (name, rows) in [("short.csv.gz", 27_000), ("long.csv.gz", 60_000)] {
        let path = Path::new(&shared).join("traces").join(name);
        let read = read_series(&path, &SeriesConfig::default()).expect("readable");
        assert_eq!((read.damage, read.notes), (Vec::new(), Vec::new()));
        let scenario = &read.dataset.scenarios[0];
        let phases: Vec<&str> = scenario.phases.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(phases, ["active", "cooldown"]);
        let columns = scenario.containers.iter().map(|s| s.columns.get(Figure::AnonBytes));
        let values = columns.flatten().flatten().filter(|v| !v.is_nan());
        assert_eq!(values.count(), rows);
    }
}
