use super::fold::fold;
use super::fold_tests::{matrix, series};
use super::lives::*;
use super::parse::Series;
use crate::model::{Figure, StackEventKind};

const CPU: &str = "container_cpu_usage_seconds_total";
const OOM: &str = "container_oom_events_total";
const START: &str = "container_start_time_seconds";
const OTHER: &str = "/docker/aac330ff3e679ccc44ecf38ebe47d3057b49844edc7dad81c22d58fdeff41f61";

fn take(lives: &mut Lives, parts: Vec<Series>) -> Told {
    lives.take(fold(matrix(parts)), 1000)
}

fn whole(parts: Vec<Series>) -> Told {
    take(&mut Lives::new(0), parts)
}

fn incarnations(told: &Told) -> Vec<u32> {
    told.samples.iter().map(|sample| sample.incarnation).collect()
}

/// What the stack did, and when, without the first sight.
fn events(told: &Told) -> Vec<(String, f64)> {
    told.events
        .iter()
        .filter_map(|event| match event {
            Happened::Stack(event) => Some((
                match event.kind {
                    StackEventKind::Start => "start".to_owned(),
                    StackEventKind::Die { exit_code: None } => "die".to_owned(),
                    StackEventKind::Oom => "oom".to_owned(),
                    ref other => format!("{other:?}"),
                },
                event.t,
            )),
            Happened::Seen(..) => None,
        })
        .collect()
}

fn named(events: &[(&str, f64)]) -> Vec<(String, f64)> {
    events.iter().map(|(name, t)| ((*name).to_owned(), *t)).collect()
}

#[test]
fn a_counter_that_falls_is_another_life() {
    let told = whole(vec![series(CPU, &[], &[(0, 5.0), (1000, 6.0), (2000, 1.0), (3000, 2.0)])]);
    assert_eq!(incarnations(&told), [0, 0, 1, 1]);
    assert_eq!(events(&told), named(&[("die", 2.0), ("start", 2.0)]));
}

#[test]
fn a_new_start_time_is_another_life_even_where_no_counter_fell() {
    let told = whole(vec![
        series(CPU, &[], &[(10_000, 5.0), (11_000, 6.0), (13_000, 7.0)]),
        series(START, &[], &[(10_500, 3.0), (12_500, 12.0)]),
    ]);
    assert_eq!(incarnations(&told), [0, 0, 1]);
    assert_eq!(events(&told), named(&[("start", 3.0), ("die", 12.0), ("start", 12.0)]));
}

#[test]
fn a_start_time_that_is_told_late_is_no_second_restart() {
    let mut lives = Lives::new(0);
    let first = take(
        &mut lives,
        vec![
            series(CPU, &[], &[(10_000, 5.0), (12_300, 1.0)]),
            series(START, &[], &[(10_500, 3.0)]),
        ],
    );
    assert_eq!(incarnations(&first), [0, 1]);
    let next = take(
        &mut lives,
        vec![
            series(CPU, &[], &[(14_000, 2.0), (15_000, 3.0)]),
            series(START, &[], &[(14_500, 12.0)]),
        ],
    );
    assert_eq!(incarnations(&next), [1, 1]);
    assert!(next.events.is_empty());
}

#[test]
fn kills_that_go_with_a_restart_are_told_at_it_and_others_stay_a_counter() {
    let told = whole(vec![
        series(CPU, &[], &[(1000, 5.0), (2000, 6.0), (3000, 1.0), (4000, 2.0)]),
        series(OOM, &[], &[(1000, 4.0), (2000, 4.0), (3000, 5.0), (4000, 7.0)]),
    ]);
    assert_eq!(events(&told)[1..], named(&[("oom", 3.0), ("die", 3.0), ("start", 3.0)]));
    let kills: Vec<Option<f64>> =
        told.samples.iter().map(|sample| sample.figures.get(Figure::OomKills)).collect();
    assert_eq!(kills, [Some(4.0), Some(4.0), Some(0.0), Some(2.0)]);
}

#[test]
fn another_container_under_the_name_is_its_next_life() {
    let told = whole(vec![
        series(CPU, &[], &[(1000, 5.0), (2000, 6.0)]),
        series(CPU, &[("id", OTHER)], &[(4000, 1.0), (5000, 2.0)]),
    ]);
    assert_eq!(incarnations(&told), [0, 0, 1, 1]);
    assert!(told.samples.iter().all(|sample| sample.name == "web"));
    assert_eq!(events(&told).last(), Some(&("start".to_owned(), 4.0)));
}

#[test]
fn two_containers_of_one_name_at_once_get_keys_of_their_own() {
    let points: Vec<(i64, f64)> = (1..10).map(|n| (n * 1000, n as f64)).collect();
    let mut lives = Lives::new(10_000);
    let told =
        take(&mut lives, vec![series(CPU, &[], &points), series(CPU, &[("id", OTHER)], &points)]);
    let names: std::collections::BTreeSet<&str> =
        told.samples.iter().map(|sample| sample.name.as_str()).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["web", "web~aac330ff3e67"][..].to_vec());
    assert_eq!(told.samples.len(), 18);
    assert!(incarnations(&told).iter().all(|inc| *inc == 0));
    assert_eq!(lives.containers().len(), 2);
}

#[test]
fn a_container_of_a_pod_that_is_made_anew_is_a_restart() {
    let pod =
        |id: &str| format!("/kubepods/burstable/pod0a1b2c3d-4e5f-6789-abcd-ef0123456789/{id}");
    let (one, two) = ("1".repeat(64), "2".repeat(64));
    let of = |id: &str, points: &[(i64, f64)]| {
        let more =
            [("id", &*pod(id)), ("namespace", "shop"), ("pod", "web-0"), ("container", "app")]
                .map(|(a, b)| (a, b.to_owned()));
        let more: Vec<(&str, &str)> = more.iter().map(|(a, b)| (*a, b.as_str())).collect();
        series(CPU, &more, points)
    };
    let told = whole(vec![
        of(&one, &[(1000, 5.0), (2000, 6.0)]),
        of(&two, &[(4000, 1.0), (5000, 2.0), (6000, 3.0)]),
    ]);
    assert_eq!(incarnations(&told), [0, 0, 1, 1, 1]);
    assert_eq!(told.samples[0].name, "shop/web-0/app");
    assert_eq!(events(&told)[1..], named(&[("die", 4.0), ("start", 4.0)]));
}

/// A pod's container by its id, with points of CPU and memory and, where told, its start.
fn of_pod(id: char, points: &[(i64, f64)], start: Option<f64>) -> Vec<Series> {
    let id: String = std::iter::repeat_n(id, 64).collect();
    let path = format!("/kubepods/burstable/pod1/{id}");
    let more = [("id", &*path), ("namespace", "frozen"), ("pod", "api-0"), ("container", "api")];
    let memory: Vec<(i64, f64)> = points.iter().map(|(at, cpu)| (*at, 1e6 + cpu)).collect();
    let starts: Vec<(i64, f64)> =
        start.iter().flat_map(|start| points.iter().map(|(at, _)| (*at, *start))).collect();
    vec![
        series(CPU, &more, points),
        series("container_memory_working_set_bytes", &more, &memory),
        series(START, &more, &starts),
    ]
}

/// The old one until 200 s, standing still from 120 s on; the new one from 130 s to 400 s.
fn old_and_new() -> [Vec<(i64, f64)>; 2] {
    let old = (0..=20_i64).map(|n| (n * 10_000, 100.0 + n.min(12) as f64)).collect();
    let new = (13..=40_i64).map(|n| (n * 10_000, (n - 13) as f64)).collect();
    [old, new]
}

#[test]
fn a_dead_container_s_last_figures_beside_the_new_one_are_no_more_restarts() {
    for told in [true, false] {
        let [old, new] = old_and_new();
        let start = |at: f64| told.then_some(at);
        // As one part, and cut where both are there, and where the new one is alone.
        for borders in [vec![], vec![150_000], vec![125_000, 150_000, 170_000, 250_000]] {
            let mut lives = Lives::new(30_000);
            let (mut incarnations, mut values, mut all) = (vec![], vec![], vec![]);
            let mut from = -1;
            for to in borders.iter().copied().chain([i64::MAX]) {
                let cut = |points: &[(i64, f64)]| -> Vec<(i64, f64)> {
                    points.iter().copied().filter(|(at, _)| *at > from && *at <= to).collect()
                };
                let mut part = of_pod('1', &cut(&old), start(0.5));
                part.extend(of_pod('2', &cut(&new), start(128.0)));
                part.retain(|series| !series.points.is_empty());
                let told = lives.take(fold(matrix(part)), 10_000);
                incarnations.extend(told.samples.iter().map(|s| (s.at_ms, s.incarnation)));
                values.extend(told.samples.iter().map(|s| s.figures.get(Figure::CpuUsageNs)));
                all.extend(events(&told));
                from = to;
            }
            let case = format!("{told}, {borders:?}");
            let expected: Vec<(i64, u32)> =
                (0..=40).map(|n| (n * 10_000, u32::from(n >= 13))).collect();
            assert_eq!(incarnations, expected, "{case}");
            let at = if told { 128.0 } else { 130.0 };
            assert_eq!(all, named(&[("die", at), ("start", at)]), "{case}");
            assert_eq!(values[12..15], [Some(112e9), Some(0.0), Some(1e9)], "{case}");
            assert_eq!(lives.containers().len(), 1, "{case}");
        }
    }
}

#[test]
fn a_window_that_begins_while_the_dead_one_lingers_has_the_one_that_does_something() {
    let old: Vec<(i64, f64)> = (0..=12_i64).map(|n| (n * 10_000, 112.0)).collect();
    let new: Vec<(i64, f64)> = (0..=30_i64).map(|n| (n * 10_000, n as f64)).collect();
    for order in [true, false] {
        let mut parts = [of_pod('1', &old, None), of_pod('2', &new, None)];
        if order {
            parts.reverse();
        }
        let told = Lives::new(30_000).take(fold(matrix(parts.concat())), 10_000);
        assert_eq!(incarnations(&told), [0; 31]);
        assert_eq!(told.samples[3].figures.get(Figure::CpuUsageNs), Some(3e9));
        assert!(events(&told).is_empty());
    }
}

#[test]
fn a_container_made_anew_takes_the_name_of_one_that_stands_still() {
    let old: Vec<(i64, f64)> = (0..=20_i64).map(|n| (n * 1000, 5.0 + n.min(9) as f64)).collect();
    let new: Vec<(i64, f64)> = (10..=30_i64).map(|n| (n * 1000, (n - 10) as f64)).collect();
    let told = whole(vec![series(CPU, &[], &old), series(CPU, &[("id", OTHER)], &new)]);
    assert!(told.samples.iter().all(|sample| sample.name == "web"));
    let expected: Vec<u32> = (0..=30).map(|n| u32::from(n >= 10)).collect();
    assert_eq!(incarnations(&told), expected);
}

#[test]
fn lives_go_on_over_the_parts_of_a_window_and_old_readings_do_not_come_twice() {
    let mut lives = Lives::new(5_000);
    let first = take(&mut lives, vec![series(CPU, &[], &[(1000, 5.0), (2000, 6.0)])]);
    assert!(events(&first).is_empty());
    let next = take(&mut lives, vec![series(CPU, &[], &[(2000, 6.0), (3000, 7.0), (4000, 1.0)])]);
    assert_eq!(incarnations(&next), [0, 1]);
    assert_eq!(lives.containers()[0].incarnation, 1);
}
