//! The sampler with fake sources under paused time.

use super::*;
use crate::model::Figure;
use fake::{Bench, Does, container};

mod fake;

const CPU_MEMORY: &[Figure] = &[Figure::CpuUsageNs, Figure::AnonBytes];
const WITH_PIDS: &[Figure] = &[Figure::CpuUsageNs, Figure::AnonBytes, Figure::Pids];
const TWO: &[(Figure, f64)] = &[(Figure::CpuUsageNs, 1.0), (Figure::AnonBytes, 2.0)];
const THREE: &[(Figure, f64)] =
    &[(Figure::CpuUsageNs, 10.0), (Figure::AnonBytes, 20.0), (Figure::Pids, 30.0)];

fn sources_of(sampled: &Sampled, name: &str) -> Vec<SourceKind> {
    let sample = sampled.samples.iter().find(|sample| sample.name == name);
    sample.map_or_else(Vec::new, |s| s.parts.iter().map(|p| p.source).collect())
}

use SourceKind::{Cadvisor, Cgroup, Docker};

#[tokio::test(start_paused = true)]
async fn a_dearer_source_is_not_read_when_the_cheapest_gives_all_that_it_offers() {
    let mut bench = Bench::new(
        vec![
            (Cgroup, WITH_PIDS, vec![Does::Gives(THREE)]),
            (Docker, CPU_MEMORY, vec![Does::Gives(TWO)]),
        ],
        false,
    );
    for _ in 0..5 {
        let sampled = bench.tick(&[container("web")]).await;
        assert_eq!(sources_of(&sampled, "web"), [Cgroup]);
        assert_eq!((sampled.gaps, sampled.changes), (vec![], vec![]));
    }
    assert_eq!((bench.calls(0), bench.calls(1)), (5, 0));
}

#[tokio::test(start_paused = true)]
async fn figures_of_two_sources_are_merged_each_in_one_part_the_cheapest_first() {
    let mut bench = Bench::new(
        vec![
            (Cgroup, CPU_MEMORY, vec![Does::Gives(TWO)]),
            (Docker, WITH_PIDS, vec![Does::Gives(THREE)]),
        ],
        false,
    );
    let sampled = bench.tick(&[container("web")]).await;
    let parts = &sampled.samples[0].parts;
    assert_eq!(parts[0].figures, TWO.iter().copied().collect());
    assert_eq!(parts[1].figures, [(Figure::Pids, 30.0)].into_iter().collect());
    let provenance = bench.sampler.provenance();
    assert_eq!(provenance["cpu_usage_ns"], "cgroup");
    assert_eq!(provenance["pids"], "docker");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_read_seldom_stands_in_for_nobody() {
    let mut gone = vec![Does::Gives(TWO); 3];
    gone.extend(vec![Does::Silent; 4]);
    gone.push(Does::Gives(TWO));
    let mut bench = Bench::new(
        vec![(Cgroup, CPU_MEMORY, gone), (SourceKind::Engine, WITH_PIDS, vec![Does::Gives(THREE)])],
        false,
    );
    let mut alone = 0;
    for _ in 0..16 {
        let sampled = bench.tick(&[container("web")]).await;
        alone += usize::from(sources_of(&sampled, "web") == [SourceKind::Engine]);
        let stands_in = |(_, what): &(SourceKind, String)| what.contains("stands in");
        assert!(!sampled.changes.iter().any(stands_in), "{:?}", sampled.changes);
    }
    assert!(alone > 0, "it was the only one to answer");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_read_seldom_is_neither_asked_nor_missed_in_between() {
    let mut bench = Bench::new(
        vec![
            (Cgroup, CPU_MEMORY, vec![Does::Gives(TWO)]),
            (SourceKind::Engine, WITH_PIDS, vec![Does::Silent, Does::Gives(THREE)]),
        ],
        false,
    );
    let mut had = Vec::new();
    for _ in 0..16 {
        let sampled = bench.tick(&[container("web")]).await;
        assert_eq!((sampled.gaps, sampled.changes), (vec![], vec![]));
        had.push(sampled.samples[0].get(Figure::Pids).is_some());
    }
    assert_eq!((bench.calls(0), bench.calls(1)), (16, 4));
    let ticks: Vec<usize> = (0..16).filter(|tick| had[*tick]).collect();
    assert_eq!(ticks, [5, 10, 15]);
}

#[tokio::test(start_paused = true)]
async fn no_other_source_is_asked_for_what_is_read_in_turn() {
    let script = vec![Does::Gives(THREE), Does::Gives(TWO), Does::Gives(TWO), Does::Gives(THREE)];
    let mut bench = Bench::new(
        vec![(Cgroup, WITH_PIDS, script), (Docker, WITH_PIDS, vec![Does::Gives(THREE)])],
        false,
    );
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let sampled = bench.tick(&[container("web")]).await;
        assert_eq!((sampled.gaps, sampled.changes), (vec![], vec![]));
        tasks.push(sampled.samples[0].get(Figure::Pids));
    }
    assert_eq!(tasks, [Some(30.0), None, None, Some(30.0)]);
    assert_eq!(bench.calls(1), 0);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_never_gives_what_it_offers_is_not_asked_for_ever() {
    let mut bench = Bench::new(
        vec![
            (Cgroup, CPU_MEMORY, vec![Does::Gives(TWO)]),
            (Docker, WITH_PIDS, vec![Does::Gives(TWO)]),
        ],
        false,
    );
    for _ in 0..10 {
        bench.tick(&[container("web")]).await;
    }
    assert_eq!((bench.calls(0), bench.calls(1)), (10, 3));
    // Nor for a new container of the same stack.
    bench.tick(&[container("web"), container("db")]).await;
    assert_eq!(bench.calls(1), 3);
}

#[tokio::test(start_paused = true)]
async fn a_figure_that_the_cheapest_offered_and_did_not_give_comes_from_the_next_in_the_same_tick()
{
    let mut bench = Bench::new(
        vec![
            (Cgroup, WITH_PIDS, vec![Does::Gives(TWO)]),
            (Docker, WITH_PIDS, vec![Does::Gives(THREE)]),
        ],
        false,
    );
    let sampled = bench.tick(&[container("web")]).await;
    assert_eq!(sources_of(&sampled, "web"), [Cgroup, Docker]);
    assert_eq!(sampled.samples[0].get(Figure::Pids), Some(30.0));
}

#[tokio::test(start_paused = true)]
async fn a_hanging_source_is_cut_another_stands_in_and_the_change_is_told_once() {
    let mut bench = Bench::new(
        vec![
            (Cgroup, CPU_MEMORY, vec![Does::Gives(TWO), Does::Hangs]),
            (Docker, CPU_MEMORY, vec![Does::Gives(TWO)]),
        ],
        false,
    );
    let web = [container("web")];
    bench.tick(&web).await;
    assert_eq!(bench.calls(1), 0);
    let mut changes = Vec::new();
    for _ in 0..6 {
        let sampled = bench.tick(&web).await;
        assert_eq!(sources_of(&sampled, "web"), [Docker]);
        assert_eq!(sampled.gaps.len(), 1, "{:?}", sampled.gaps);
        assert!(sampled.gaps[0].reason.contains("no answer within its time limit"));
        changes.extend(sampled.changes);
    }
    let told = [
        (Docker, "stands in for cgroup: web".to_owned()),
        (Cgroup, "does not answer: no answer within its time limit".to_owned()),
    ];
    assert_eq!(changes, told);
}

#[tokio::test(start_paused = true)]
async fn a_failing_source_rests_longer_and_longer_and_its_return_is_told() {
    let mut script = vec![Does::Fails; 5];
    script.push(Does::Gives(TWO));
    let mut bench = Bench::new(vec![(Cgroup, CPU_MEMORY, script)], false);
    let web = [container("web")];
    let mut asked = Vec::new();
    let mut changes = Vec::new();
    for tick in 0..40 {
        let before = bench.calls(0);
        let sampled = bench.tick(&web).await;
        if bench.calls(0) > before {
            asked.push(tick);
        } else {
            assert!(sampled.gaps[0].reason.starts_with("asked again in"), "{:?}", sampled.gaps);
        }
        changes.extend(sampled.changes);
    }
    // Three failures in a row, then a rest of 2, 4, 8 s, then it works again.
    assert_eq!(asked[..6], [0, 1, 2, 4, 8, 16]);
    assert_eq!(asked.len(), 6 + 23);
    let told = [
        (Cgroup, "does not answer: it broke".to_owned()),
        (Cgroup, "answers again after 16 s".to_owned()),
    ];
    assert_eq!(changes, told);
}

#[tokio::test(start_paused = true)]
async fn a_resting_source_is_asked_at_once_when_the_containers_changed() {
    let mut bench = Bench::new(vec![(Cgroup, CPU_MEMORY, vec![Does::Fails])], false);
    for _ in 0..9 {
        bench.tick(&[container("web")]).await;
    }
    let before = bench.calls(0);
    let mut restarted = container("web");
    restarted.incarnation = 2;
    bench.tick(&[restarted]).await;
    assert_eq!(bench.calls(0), before + 1);
}

#[tokio::test(start_paused = true)]
async fn one_container_without_an_answer_costs_the_others_nothing() {
    let mut bench = Bench::new(
        vec![
            (Cgroup, CPU_MEMORY, vec![Does::AllBut("db", TWO)]),
            (Docker, CPU_MEMORY, vec![Does::Gives(TWO)]),
        ],
        false,
    );
    let sampled = bench.tick(&[container("web"), container("db")]).await;
    assert_eq!(sources_of(&sampled, "web"), [Cgroup]);
    assert_eq!(sources_of(&sampled, "db"), [Docker]);
    assert_eq!(sampled.gaps.len(), 1);
    assert_eq!(sampled.gaps[0].container.as_deref(), Some("db"));
    // The stand-in was asked about that container only.
    assert_eq!(*bench.calls[1].lock().expect("calls"), [["db"]]);
}

#[tokio::test(start_paused = true)]
async fn a_reading_older_than_twice_the_interval_is_a_gap_that_tells_its_age() {
    let script = vec![Does::Old(1.9, TWO), Does::Old(2.5, TWO), Does::Old(-9.0, TWO)];
    let mut bench = Bench::new(vec![(Cadvisor, CPU_MEMORY, script)], false);
    let web = [container("web")];
    let first = bench.tick(&web).await;
    assert_eq!(first.samples.len(), 1);
    // The time of the reading, not that of the tick.
    assert!((first.samples[0].parts[0].at - -1.9).abs() < 0.01);
    let old = bench.tick(&web).await;
    assert!(old.samples.is_empty());
    assert_eq!(old.gaps[0].reason, "its figures are 2.5 s old");
    let ahead = bench.tick(&web).await;
    assert_eq!(ahead.gaps[0].reason, "its clock is 9.0 s ahead of this machine's");
}

#[tokio::test(start_paused = true)]
async fn a_reading_of_an_older_life_is_dropped() {
    let mut bench =
        Bench::new(vec![(Docker, CPU_MEMORY, vec![Does::OfOldLife(TWO), Does::Gives(TWO)])], false);
    let web = [container("web")];
    let sampled = bench.tick(&web).await;
    assert!(sampled.samples.is_empty());
    assert_eq!(sampled.gaps[0].reason, "its figures are from before the restart");
    assert_eq!(bench.tick(&web).await.samples.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_gap_about_the_whole_source_is_one_gap_and_hits_every_container() {
    let mut bench = Bench::new(vec![(Cadvisor, CPU_MEMORY, vec![Does::FailsWhole])], false);
    let sampled = bench.tick(&[container("web"), container("db")]).await;
    let gap = Gap { source: Cadvisor, container: None, reason: "it broke".into() };
    assert_eq!(sampled.gaps, [gap]);
}

#[tokio::test(start_paused = true)]
async fn comparing_sources_reads_all_and_keeps_all_parts_the_cheapest_first() {
    let mut bench = Bench::new(
        vec![
            (Cgroup, CPU_MEMORY, vec![Does::Gives(TWO)]),
            (Docker, WITH_PIDS, vec![Does::Gives(THREE)]),
            (Cadvisor, CPU_MEMORY, vec![Does::Hangs]),
        ],
        true,
    );
    for _ in 0..5 {
        let sampled = bench.tick(&[container("web")]).await;
        let sample = &sampled.samples[0];
        assert_eq!(sources_of(&sampled, "web"), [Cgroup, Docker]);
        assert_eq!(sample.get(Figure::AnonBytes), Some(2.0));
        assert_eq!(sample.parts[1].figures.get(Figure::AnonBytes), Some(20.0));
    }
    assert_eq!(bench.calls(1), 5);
}

#[tokio::test(start_paused = true)]
async fn provenance_is_that_of_the_first_tick_in_which_every_container_answered() {
    let mut bench = Bench::new(
        vec![
            (Cgroup, CPU_MEMORY, vec![Does::Fails, Does::Gives(TWO)]),
            (Docker, CPU_MEMORY, vec![Does::AllBut("db", TWO)]),
        ],
        false,
    );
    let targets = [container("web"), container("db")];
    bench.tick(&targets).await;
    assert_eq!(bench.sampler.provenance()["anon_bytes"], "docker");
    bench.tick(&targets).await;
    bench.tick(&targets).await;
    assert_eq!(bench.sampler.provenance()["anon_bytes"], "cgroup");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_needed_no_longer_is_told_to_close_what_it_has_open() {
    let mut bench = Bench::new(
        vec![
            (Cgroup, CPU_MEMORY, vec![Does::Fails, Does::Gives(TWO)]),
            (Docker, CPU_MEMORY, vec![Does::Gives(TWO)]),
        ],
        false,
    );
    for _ in 0..20 {
        bench.tick(&[container("web")]).await;
    }
    let nobody: [&str; 0] = [];
    let calls = bench.calls[1].lock().expect("calls").clone();
    assert_eq!(calls, [&["web"][..], &["web"], &nobody]);
    bench.tick(&[]).await;
    assert_eq!(bench.calls[0].lock().expect("calls").last(), Some(&vec![]));
    assert_eq!(bench.calls(1), 3, "it has nothing open");
}

#[tokio::test(start_paused = true)]
async fn a_recreated_container_is_known_by_its_name() {
    let mut bench = Bench::new(
        vec![
            (Cgroup, WITH_PIDS, vec![Does::Gives(TWO)]),
            (Docker, WITH_PIDS, vec![Does::Gives(TWO)]),
        ],
        false,
    );
    for _ in 0..4 {
        bench.tick(&[container("web")]).await;
    }
    let mut anew = container("web");
    (anew.id, anew.incarnation) = ("id-anew".into(), 2);
    bench.tick(&[anew]).await;
    assert_eq!(bench.calls(1), 3);
}

#[tokio::test(start_paused = true)]
async fn no_targets_and_no_sources_give_nothing() {
    let mut bench = Bench::new(vec![(Cgroup, CPU_MEMORY, vec![Does::Hangs])], true);
    assert_eq!(bench.tick(&[]).await, Sampled::default());
    assert_eq!(bench.calls(0), 0);
    let mut empty = Bench::new(vec![], false);
    assert_eq!(empty.tick(&[container("web")]).await, Sampled::default());
}

#[tokio::test(start_paused = true)]
async fn compared_sources_are_told_apart_and_a_hanging_one_costs_only_itself() {
    use crate::analysis::provenance::{Collector, Verdict};
    const MEMORY: &[Figure] = &[Figure::AnonBytes];
    const TRUE: &[(Figure, f64)] = &[(Figure::AnonBytes, 1e8)];
    const LESS: &[(Figure, f64)] = &[(Figure::AnonBytes, 0.9e8)];
    let plans: Vec<fake::Plan> = vec![
        (SourceKind::Cgroup, MEMORY, vec![Does::Gives(TRUE)]),
        (SourceKind::Docker, MEMORY, vec![Does::Old(0.5, LESS)]),
        (SourceKind::Cadvisor, MEMORY, vec![Does::Hangs]),
    ];
    let mut bench = Bench::new(plans, true);
    let mut collector = Collector::comparing(1.0);
    let start = Instant::now();
    for _ in 0..30 {
        let sampled = bench.tick(&[container("web")]).await;
        collector.take(start.elapsed().as_secs_f64(), &sampled.samples, &sampled.gaps);
    }
    let found = collector.finish(true);
    let [only] = found.agreement.as_slice() else { panic!("{:?}", found.agreement) };
    assert_eq!((only.first, only.second), (SourceKind::Cgroup, SourceKind::Docker));
    assert_eq!(only.verdict, Verdict::Differ);
    assert!((only.median_percent + 10.0).abs() < 1e-9, "{only:?}");
    assert_eq!(found.figures[0].sources[0].counted_percent, 100.0);
}
