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

#[test]
fn lives_go_on_over_the_parts_of_a_window_and_old_readings_do_not_come_twice() {
    let mut lives = Lives::new(5_000);
    let first = take(&mut lives, vec![series(CPU, &[], &[(1000, 5.0), (2000, 6.0)])]);
    assert!(events(&first).is_empty());
    let next = take(&mut lives, vec![series(CPU, &[], &[(2000, 6.0), (3000, 7.0), (4000, 1.0)])]);
    assert_eq!(incarnations(&next), [0, 1]);
    assert_eq!(lives.containers()[0].incarnation, 1);
}
