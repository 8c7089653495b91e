use proptest::prelude::*;

use super::fold::*;
use super::parse::{Labels, Matrix, Point, Series};
use crate::model::Figure;

const ID: &str = "2bc330ff3e679ccc44ecf38ebe47d3057b49844edc7dad81c22d58fdeff41f61";

pub(super) fn series(name: &str, more: &[(&str, &str)], points: &[(i64, f64)]) -> Series {
    let mut labels = Labels::new();
    let path = format!("/docker/{ID}");
    for (label, value) in [("__name__", name), ("id", &path), ("name", "web")].iter().chain(more) {
        labels.insert((*label).to_owned(), (*value).to_owned());
    }
    let points = points.iter().map(|(at_ms, value)| Point { at_ms: *at_ms, value: *value });
    Series { labels, points: points.collect() }
}

pub(super) fn matrix(series: Vec<Series>) -> Matrix {
    Matrix { series, ..Matrix::default() }
}

const WORKING_SET: &str = "container_memory_working_set_bytes";

#[test]
fn figures_of_one_time_are_one_reading_in_the_figures_own_units() {
    let found = fold(matrix(vec![
        series(WORKING_SET, &[], &[(1000, 5.0), (2000, 6.0)]),
        series("container_cpu_usage_seconds_total", &[("cpu", "total")], &[(1000, 1.5)]),
        series("container_spec_memory_limit_bytes", &[], &[(1700, 100.0)]),
        series("container_spec_cpu_quota", &[], &[(1700, 150_000.0)]),
        series("container_spec_cpu_period", &[], &[(1700, 100_000.0)]),
        series("container_start_time_seconds", &[], &[(1700, 0.5), (2700, 0.5)]),
        series("container_tasks_state", &[], &[(1000, 9.0)]),
    ]));
    assert_eq!(found.len(), 1);
    let web = &found[0];
    assert_eq!((web.identity.key.as_str(), web.rows.len()), ("web", 2));
    assert_eq!(web.rows[0].figures.get(Figure::CpuUsageNs), Some(1.5e9));
    assert_eq!(web.rows[0].figures.get(Figure::MemoryLimitBytes), Some(100.0));
    assert_eq!(web.rows[1].figures.get(Figure::CpuUsageNs), None);
    assert_eq!((web.limits.memory_bytes, web.limits.cpus), (Some(100), Some(1.5)));
    assert_eq!(web.starts, [Point { at_ms: 1700, value: 0.5 }]);
}

#[test]
fn what_is_split_by_interface_device_or_core_is_summed_and_loopback_is_not_traffic() {
    let received = "container_network_receive_bytes_total";
    let cpu = "container_cpu_usage_seconds_total";
    let found = fold(matrix(vec![
        series(WORKING_SET, &[], &[(1000, 5.0)]),
        series(received, &[("interface", "eth0")], &[(1000, 5.0)]),
        series(received, &[("interface", "eth1")], &[(1000, 7.0)]),
        series(received, &[("interface", "lo")], &[(1000, 100.0)]),
        series(cpu, &[("cpu", "cpu00")], &[(1000, 1.0)]),
        series(cpu, &[("cpu", "cpu01")], &[(1000, 2.0)]),
        series("container_fs_reads_bytes_total", &[("device", "/dev/vda")], &[(1000, 8.0)]),
        series("container_fs_reads_bytes_total", &[("device", "/dev/vdb")], &[(1000, 1.0)]),
    ]));
    let figures = &found[0].rows[0].figures;
    assert_eq!(figures.get(Figure::NetRxBytes), Some(12.0));
    assert_eq!(figures.get(Figure::CpuUsageNs), Some(3e9));
    assert_eq!(figures.get(Figure::IoReadBytes), Some(9.0));
}

#[test]
fn a_core_total_beside_the_cores_counts_once() {
    let cpu = "container_cpu_usage_seconds_total";
    let found = fold(matrix(vec![
        series(cpu, &[("cpu", "total")], &[(1000, 3.0)]),
        series(cpu, &[("cpu", "cpu00")], &[(1000, 1.0)]),
        series(cpu, &[("cpu", "cpu01")], &[(1000, 2.0)]),
    ]));
    assert_eq!(found[0].rows[0].figures.get(Figure::CpuUsageNs), Some(3e9));
}

#[test]
fn a_sum_that_lacks_a_part_for_a_moment_is_absent_then() {
    let received = "container_network_receive_bytes_total";
    let found = fold(matrix(vec![
        series(WORKING_SET, &[], &[(1000, 5.0), (2000, 5.0), (3000, 5.0)]),
        series(received, &[("interface", "eth0")], &[(1000, 5.0), (2000, 5.0), (3000, 5.0)]),
        series(received, &[("interface", "eth1")], &[(1000, 7.0), (3000, 7.0)]),
    ]));
    let received: Vec<Option<f64>> =
        found[0].rows.iter().map(|row| row.figures.get(Figure::NetRxBytes)).collect();
    assert_eq!(received, [Some(12.0), None, Some(12.0)]);
}

#[test]
fn a_container_scraped_twice_is_counted_once() {
    let of = |job: &str, points: &[(i64, f64)]| series(WORKING_SET, &[("job", job)], points);
    let found = fold(matrix(vec![
        of("cadvisor", &[(1000, 5.0), (2000, 6.0)]),
        of("kubelet", &[(1500, 5.5)]),
    ]));
    assert_eq!(found.len(), 1);
    let times: Vec<i64> = found[0].rows.iter().map(|row| row.at_ms).collect();
    assert_eq!(times, [1000, 2000]);
}

#[test]
fn a_label_that_changes_with_a_restart_makes_no_second_container() {
    let count =
        |n: &str, at| series(WORKING_SET, &[("container_label_restartcount", n)], &[(at, 5.0)]);
    let found = fold(matrix(vec![count("", 1000), count("1", 2000)]));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].rows.len(), 2);
}

#[test]
fn zeros_that_may_mean_nothing_and_no_limit_are_absent() {
    let found = fold(matrix(vec![
        series(WORKING_SET, &[], &[(1000, 0.0)]),
        series("container_pressure_cpu_waiting_seconds_total", &[], &[(1000, 0.0)]),
        series("container_memory_kernel_usage", &[], &[(1000, 0.0)]),
        series("container_spec_memory_limit_bytes", &[], &[(1000, 0.0)]),
        series("container_memory_rss", &[], &[(1000, -1.0)]),
    ]));
    let figures = &found[0].rows[0].figures;
    assert_eq!(figures.len(), 1);
    assert_eq!(figures.get(Figure::MemoryWorkingSetBytes), Some(0.0));
    assert_eq!(found[0].limits.memory_bytes, None);
}

proptest! {
    #[test]
    fn rows_are_in_order_and_no_sum_is_more_than_its_parts(
        a in prop::collection::btree_map(0..50i64, 0.0..1e6f64, 0..30),
        b in prop::collection::btree_map(0..50i64, 0.0..1e6f64, 0..30),
        anchors in prop::collection::btree_set(0..50i64, 1..30),
    ) {
        let points = |map: &std::collections::BTreeMap<i64, f64>| -> Vec<(i64, f64)> {
            map.iter().map(|(at, value)| (*at, *value)).collect()
        };
        let anchors: Vec<(i64, f64)> = anchors.iter().map(|at| (*at, 1.0)).collect();
        let received = "container_network_receive_bytes_total";
        let found = fold(matrix(vec![
            series(WORKING_SET, &[], &anchors),
            series(received, &[("interface", "eth0")], &points(&a)),
            series(received, &[("interface", "eth1")], &points(&b)),
        ]));
        let rows = &found[0].rows;
        prop_assert!(rows.is_sorted_by(|x, y| x.at_ms < y.at_ms));
        prop_assert_eq!(rows.len(), anchors.len());
        for row in rows {
            let whole = a.get(&row.at_ms).unwrap_or(&0.0) + b.get(&row.at_ms).unwrap_or(&0.0);
            if let Some(sum) = row.figures.get(Figure::NetRxBytes) {
                prop_assert!((sum - whole).abs() < 1e-6);
            }
        }
    }
}
