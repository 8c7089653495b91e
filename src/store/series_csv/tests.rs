//! Promises about series CSVs.

use super::*;

fn read(text: &str) -> Result<(Dataset, Vec<Damage>), StoreError> {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("night.csv");
    std::fs::write(&path, text).expect("write");
    read_series_csv(&path)
}

#[test]
fn rows_grouped_by_container_share_one_time_axis_and_give_rates() {
    let text = "time_s,container,phase,load,usage_bytes,inactive_file_bytes,cpu_ns,colour\r\n\
        0,a,active,50,100,30,0,red\r\n2,a,active,50,110,30,1000000000,red\r\n4,a,cooldown,0,50,60,1000000000,red\r\n\
        0,b,active,50,7,0,0,\r\n3,b,active,50,8,0,0,\r\n";
    let (data, damage) = read(text).expect("readable");
    assert_eq!((damage.len(), data.test_id.as_str()), (0, "night"));
    let series = &data.scenarios[0];
    assert_eq!(series.time, [0.0, 2.0, 3.0, 4.0]);
    let a = &series.series("a").expect("a").columns;
    assert_eq!(a.at(Figure::CpuPercent, 1), Some(50.0));
    assert_eq!(a.at(Figure::MemoryWorkingSetBytes, 0), Some(70.0));
    assert_eq!(a.at(Figure::MemoryWorkingSetBytes, 3), Some(0.0));
    assert_eq!(a.at(Figure::MemoryUsageBytes, 2), None);
    let phases: Vec<_> =
        series.phases.iter().map(|p| (p.name.as_str(), p.ticks.clone(), p.level)).collect();
    assert_eq!(phases, [("active", 0..3, Some(50)), ("cooldown", 3..4, Some(0))]);
}

#[test]
fn unsorted_repeated_and_senseless_rows_are_named_and_left_out() {
    let text =
        "time_s,container,anon_bytes\n0,a,1\n2,a,2\n1,a,3\n2,a,4\nlater,a,5\n3,,6\n4,a,x\n5,a\n";
    let (data, damage) = read(text).expect("readable");
    let lines: Vec<_> = damage.iter().map(|d| d.line).collect();
    assert_eq!(lines, [Some(4), Some(5), Some(6), Some(7)]);
    let column = data.scenarios[0].containers[0].columns.get(Figure::AnonBytes).expect("anon");
    assert_eq!(&column[..2], [1.0, 2.0]);
    assert!(column[2..].iter().all(|v| v.is_nan()));
}

#[test]
fn a_header_without_a_needed_column_says_which() {
    for (text, word) in [
        ("time_s,anon_bytes\n1,2\n", "no column container"),
        ("time_s,container,pids\n1,a,2\n", "usage_bytes"),
        ("", "empty"),
        ("time_s,container,anon_bytes\n", "no row"),
    ] {
        let message = read(text).expect_err("refused").to_string();
        assert!(message.contains(word) && message.contains("night.csv"), "{message}");
    }
}

#[test]
fn the_shared_recordings_are_read_whole() {
    let Some(shared) = crate::testing::shared() else { return };
    for (name, rows) in [("short.csv.gz", 27_000), ("long.csv.gz", 60_000)] {
        let path = Path::new(&shared).join("traces").join(name);
        let (data, damage) = read_series_csv(&path).expect("readable");
        assert_eq!(damage, []);
        let scenario = &data.scenarios[0];
        let phases: Vec<&str> = scenario.phases.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(phases, ["active", "cooldown"]);
        let columns = scenario.containers.iter().map(|s| s.columns.get(Figure::AnonBytes));
        let values = columns.flatten().flatten().filter(|v| !v.is_nan());
        assert_eq!(values.count(), rows);
    }
}
