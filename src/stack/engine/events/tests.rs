//! Streams that end, hang, repeat and lie, against a fake engine.

use std::time::Duration;

use serde_json::{Value, json};

use crate::model::{StackEvent, StackEventKind};
use crate::session::ports::unix_now;
use crate::stack::engine::fake::{FakeEngine, container};
use crate::stack::engine::{Selection, Tracker};

fn now_ns() -> i64 {
    (unix_now() * 1e9) as i64
}

fn message(nano: i64, action: &str) -> Value {
    json!({"Type": "container", "Action": action, "timeNano": nano,
           "Actor": {"ID": "1", "Attributes": {"name": "demo-web-1", "exitCode": "137"}}})
}

fn engine(streams: Vec<Vec<Value>>) -> (FakeEngine, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a folder");
    let fake = FakeEngine::start(dir.path(), |_| {});
    fake.world.lock().expect("a world").streams = streams;
    (fake, dir)
}

async fn listen(fake: &FakeEngine) -> Tracker {
    Tracker::start(fake.connect().await, Selection::Project("demo".into()))
}

fn asked(fake: &FakeEngine, path: &str) -> Vec<String> {
    let asked = fake.world.lock().expect("a world").asked.clone();
    asked.into_iter().filter(|a| a.starts_with(path)).collect()
}

fn gap(event: &StackEvent) -> Option<&str> {
    match &event.kind {
        StackEventKind::StreamGap { reason } => Some(reason),
        _ => None,
    }
}

async fn events(tracker: &mut Tracker, count: usize) -> Vec<StackEvent> {
    let mut all = Vec::new();
    while all.len() < count {
        all.push(tracker.next_event().await);
    }
    all
}

#[tokio::test]
async fn a_broken_stream_is_opened_anew_with_a_gap_and_without_repetition() {
    let t = now_ns() + 60_000_000_000;
    let second = |n: i64| t + n * 1_000_000_000;
    let (fake, _dir) = engine(vec![
        vec![message(second(1), "die"), message(second(5), "start")],
        vec![message(second(5), "start"), message(second(5), "oom"), message(second(6), "die")],
    ]);
    let mut tracker = listen(&fake).await;
    let all = events(&mut tracker, 5).await;
    assert_eq!(all[0].kind, StackEventKind::Die { exit_code: Some(137) });
    assert_eq!(all[1].kind, StackEventKind::Start);
    let said = gap(&all[2]).expect("an interruption");
    assert!(said.starts_with("engine stream interrupted 0."), "{said}");
    assert!(said.ends_with("s: the engine ended the stream of events"), "{said}");
    assert_eq!(all[3].kind, StackEventKind::Oom);
    assert_eq!(all[4].kind, StackEventKind::Die { exit_code: Some(137) });
    // Two seconds before the newest event.
    let from = second(3);
    let since = format!("since={}.{:09}", from / 1_000_000_000, from % 1_000_000_000);
    let streams = asked(&fake, "/events");
    assert!(streams[1].contains(&since), "{since}: {streams:?}");
}

#[tokio::test(start_paused = true)]
async fn an_interruption_lasts_until_the_engine_answers_and_then_everything_is_looked_at() {
    let (fake, _dir) = engine(vec![vec![], vec![]]);
    let labels = json!({"com.docker.compose.project": "demo",
        "com.docker.compose.service": "web", "com.docker.compose.container-number": "1"});
    let web = |started: &str| container("1", "demo-web-1", labels.clone(), started);
    {
        let mut world = fake.world.lock().expect("a world");
        world.containers.insert("1".into(), web("2026-11-21T00:00:00Z"));
        world.refusals = 6;
    }
    let mut tracker = listen(&fake).await;
    tracker.containers().await.expect("containers");
    let all = events(&mut tracker, 2).await;
    let told = gap(&all[0]).expect("an interruption");
    assert!(told.contains("not back after"), "{told}");
    assert!(told.contains("503 Service Unavailable starting"), "{told}");
    let over = gap(&all[1]).expect("its end");
    let seconds = over.strip_prefix("engine stream interrupted ").expect(over);
    let seconds: f64 = seconds.split(' ').next().expect("a number").parse().expect("a number");
    assert!((5.0..30.0).contains(&seconds), "{over}");
    // It was restarted meanwhile, and no event told so.
    fake.world.lock().expect("a world").containers.insert("1".into(), web("2026-11-21T00:01:00Z"));
    let now = tracker.containers().await.expect("containers");
    assert_eq!(now[0].incarnation, 1);
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_is_renewed_without_a_gap_and_shows_what_the_dead_one_missed() {
    let (fake, _dir) = engine(vec![vec![], vec![], vec![message(now_ns(), "oom")]]);
    fake.world.lock().expect("a world").stay_open = true;
    let mut tracker = listen(&fake).await;
    let began = tokio::time::Instant::now();
    let all = events(&mut tracker, 2).await;
    // Two quiet minutes: no event for the first renewal, and none was missed.
    assert!(began.elapsed() >= Duration::from_secs(120));
    assert_eq!(all[0].kind, StackEventKind::Oom);
    let said = gap(&all[1]).expect("what was missed");
    assert!(said.starts_with("engine stream had stalled: an event came"), "{said}");
    assert_eq!(asked(&fake, "/events").len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_hangs_ends_the_stream() {
    let (fake, _dir) = engine(vec![vec![], vec![]]);
    fake.world.lock().expect("a world").stay_open = true;
    let mut tracker = listen(&fake).await;
    while asked(&fake, "/events").is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    fake.world.lock().expect("a world").deaf_pings = 1;
    let event = tracker.next_event().await;
    let said = gap(&event).expect("an interruption");
    assert!(said.contains("did not answer within 10 s (ping)"), "{said}");
}

#[tokio::test]
async fn a_message_that_is_none_costs_a_look_and_not_the_stream() {
    let (fake, _dir) = engine(vec![vec![
        json!("no event"),
        json!({"Type": "container", "Action": {}}),
        message(now_ns() + 9_000_000_000, "start"),
    ]]);
    let mut tracker = listen(&fake).await;
    assert_eq!(tracker.next_event().await.kind, StackEventKind::Start);
    assert_eq!(asked(&fake, "/events").len(), 1);
}
