use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::response::IntoResponse;

use super::super::client::tests::Fake;
use super::*;

const ID: &str = "2bc330ff3e679ccc44ecf38ebe47d3057b49844edc7dad81c22d58fdeff41f61";

fn container(name: &str, id: &str) -> Container {
    Container {
        id: id.into(),
        engine_name: format!("demo-{name}-1"),
        service: Some(name.into()),
        ..Container::named(name)
    }
}

fn labels(metric: &str, more: &str) -> String {
    format!(r#"{{"__name__":"{metric}","id":"/docker/{ID}","name":"demo-web-1"{more}}}"#)
}

fn matrix(series: &[String]) -> String {
    let list = series.join(",");
    format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{list}]}}}}"#)
}

fn sets(list: &str) -> String {
    format!(r#"{{"status":"success","data":[{list}]}}"#)
}

/// A source on a fake whose samples are `samples(now)`.
async fn source(
    samples: impl Fn(f64) -> String + Clone + Send + Sync + 'static,
) -> (Fake, PrometheusSource, RunClock) {
    let clock = RunClock::start();
    let fake = Fake::new(move |path| {
        if path.ends_with("/series") {
            return sets(&labels(PRESENCE, "")).into_response();
        }
        samples(clock.wall()).into_response()
    })
    .await;
    let handle = CadvisorAddress::default();
    handle.set(Some(&fake.base));
    let source = PrometheusSource::new(clock, &PrometheusConfig::default(), handle).unwrap();
    (fake, source, clock)
}

fn series(metric: &str, more: &str, values: &[(f64, f64)]) -> String {
    let values: Vec<String> = values.iter().map(|(t, v)| format!("[{t:.3},\"{v}\"]")).collect();
    format!(r#"{{"metric":{},"values":[{}]}}"#, labels(metric, more), values.join(","))
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

#[tokio::test]
async fn the_newest_sample_of_each_container_comes_with_its_own_time() {
    let (fake, mut source, clock) = source(|now| {
        matrix(&[
            series(PRESENCE, "", &[(now - 3.0, 5.0), (now - 1.0, 7.0)]),
            series("container_cpu_usage_seconds_total", r#","cpu":"total""#, &[(now - 1.0, 2.0)]),
        ])
    })
    .await;
    let targets = [container("web", ID), container("db", &"0".repeat(64))];
    let answers = source.read(&targets, soon()).await;
    let reading = answers[0].as_ref().unwrap();
    let age = clock.now() - reading.at;
    assert!((0.5..20.0).contains(&age), "{age}");
    assert_eq!(reading.figures.get(Figure::MemoryWorkingSetBytes), Some(7.0));
    assert_eq!(reading.figures.get(Figure::CpuUsageNs), Some(2e9));
    let gap = answers[1].as_ref().unwrap_err();
    assert!(gap.reason.contains("no series of it"), "{gap:?}");
    let calls = fake.calls.lock().unwrap().clone();
    assert_eq!(calls.len(), 2);
    assert!(calls[1][1].contains(&format!("%2Fdocker%2F{ID}")), "{}", calls[1][1]);
}

#[tokio::test]
async fn a_container_that_only_lingers_is_a_gap_with_a_reason() {
    let (_fake, mut source, _) = source(|now| {
        let old: Vec<(f64, f64)> = (0..5).map(|n| (now - 120.0 + f64::from(n), 5.0)).collect();
        matrix(&[series(PRESENCE, "", &old)])
    })
    .await;
    let gap = source.read(&[container("web", ID)], soon()).await.remove(0).unwrap_err();
    assert!(gap.reason.contains("no longer scraped"), "{gap:?}");
}

#[tokio::test]
async fn a_dead_container_of_the_name_does_not_stand_for_the_one_that_runs() {
    for order in [false, true] {
        let (_fake, mut source, _) = source(move |now| {
            let times = [now - 3.0, now - 2.0, now - 1.0];
            // Without an engine's id, so that they are told by name.
            let of = |path: &str, first: f64, step: f64| {
                let values: Vec<(f64, f64)> =
                    times.iter().enumerate().map(|(n, t)| (*t, first + step * n as f64)).collect();
                series(PRESENCE, "", &values).replace(&format!("/docker/{ID}"), path)
            };
            let mut all = vec![of("/a/dead", 500.0, 0.0), of("/b/runs", 120.0, 1.0)];
            if order {
                all = vec![of("/b/dead", 500.0, 0.0), of("/a/runs", 120.0, 1.0)];
            }
            matrix(&all)
        })
        .await;
        source.known.insert(ID.into(), BTreeSet::from(["/a".to_owned()]));
        let answers = source.read(&[container("web", ID)], soon()).await;
        let figures = &answers[0].as_ref().unwrap().figures;
        assert_eq!(figures.get(Figure::MemoryWorkingSetBytes), Some(122.0));
    }
}

#[tokio::test]
async fn a_sample_from_before_the_restart_is_not_of_this_life() {
    let (_fake, mut source, clock) =
        source(|now| matrix(&[series(PRESENCE, "", &[(now - 2.0, 5.0)])])).await;
    let mut target = container("web", ID);
    target.started_at = super::super::lives::rfc3339(clock.wall() + 60.0);
    let gap = source.read(&[target], soon()).await.remove(0).unwrap_err();
    assert!(gap.reason.contains("since the restart"), "{gap:?}");
}

#[tokio::test]
async fn kills_of_earlier_lives_are_not_counted_again() {
    let count = Arc::new(AtomicUsize::new(0));
    let (_fake, mut source, _) = source(move |now| {
        let kills = [3.0, 4.0, 6.0][count.fetch_add(1, Ordering::SeqCst).min(2)];
        matrix(&[
            series(PRESENCE, "", &[(now, 5.0)]),
            series(metrics::OOM_EVENTS, "", &[(now, kills)]),
        ])
    })
    .await;
    let mut target = container("web", ID);
    let mut kills = Vec::new();
    for incarnation in [0, 1, 1] {
        target.incarnation = incarnation;
        let answers = source.read(&[target.clone()], soon()).await;
        let reading = answers.into_iter().next().unwrap().unwrap();
        kills.push(reading.figures.get(Figure::OomKills));
    }
    assert_eq!(kills, [Some(3.0), Some(0.0), Some(2.0)]);
}

#[tokio::test]
async fn an_answer_that_is_none_costs_this_tick_only() {
    let count = Arc::new(AtomicUsize::new(0));
    let (_fake, mut source, _) = source(move |now| match count.fetch_add(1, Ordering::SeqCst) {
        0 => "<html>".to_owned(),
        1 => matrix(&[series(PRESENCE, "", &[(now, 5.0)])])[..80].to_owned(),
        _ => matrix(&[series(PRESENCE, "", &[(now, 5.0)])]),
    })
    .await;
    let targets = [container("web", ID)];
    for words in ["HTML", "breaks off"] {
        let gap = source.read(&targets, soon()).await.remove(0).unwrap_err();
        assert!(gap.reason.contains(words), "{gap:?}");
    }
    assert!(source.read(&targets, soon()).await.remove(0).is_ok());
}

#[tokio::test]
async fn without_an_address_every_reading_is_a_gap() {
    let clock = RunClock::start();
    let config = PrometheusConfig::default();
    let mut source = PrometheusSource::new(clock, &config, CadvisorAddress::default()).unwrap();
    let gap = source.read(&[container("web", ID)], soon()).await.remove(0).unwrap_err();
    assert!(gap.reason.contains("address is not known"), "{gap:?}");
    assert!(source.read(&[], soon()).await.is_empty());
}
