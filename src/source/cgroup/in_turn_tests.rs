//! What is read in turn where there are many containers, on fabricated hosts under paused time.

use std::time::Duration;

use super::CgroupSource;
use super::tests::{Host, read, target};
use crate::config::SourcesConfig;
use crate::model::{Container, Figure, Gap};
use crate::session::ports::{Reading, RunClock};

/// So many containers, each with one task, one OOM kill and some CPU time.
fn crowd(host: &Host, count: i32) -> Vec<Container> {
    let start = |pid: i32| {
        let name = format!("s{pid}");
        host.start(&format!("/docker/{name}"), pid, 5);
        host.write(&format!("cgroup/docker/{name}/pids.current"), "1\n");
        host.write(&format!("cgroup/docker/{name}/memory.events"), "oom_kill 1\n");
        target(&name, &name, pid)
    };
    (100..100 + count).map(start).collect()
}

/// Ticks of a second in which a figure of each container was read.
async fn ticks_with(host: &Host, figure: Figure, targets: &[Container]) -> Vec<usize> {
    let mut source = host.source();
    let mut had = Vec::new();
    for _ in 0..10 {
        let answers = read(&mut source, targets).await;
        let all = answers.iter().map(|a| &a.as_ref().expect("reading").figures);
        assert!(all.clone().all(|f| f.get(Figure::CpuUsageNs).is_some()));
        had.push(all.filter(|f| f.get(figure).is_some()).count());
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    had
}

#[tokio::test(start_paused = true)]
async fn of_a_few_containers_everything_is_read_each_time() {
    let host = Host::new();
    host.write("proc/vmstat", "oom_kill 1\n");
    let few = crowd(&host, 20);
    assert_eq!(ticks_with(&host, Figure::Pids, &few).await, [20; 10]);
    assert_eq!(ticks_with(&host, Figure::OomKills, &few).await, [20; 10]);
}

#[tokio::test(start_paused = true)]
async fn of_many_containers_a_part_is_read_in_turn_and_no_one_is_left_out() {
    let host = Host::new();
    host.write("proc/vmstat", "oom_kill 1\n");
    let many = crowd(&host, 40);
    let had = ticks_with(&host, Figure::Pids, &many).await;
    // All at first; then within four seconds everyone once, and not all in the same tick.
    assert_eq!(had[0], 40);
    assert!(had[1..5].iter().all(|some| (1..25).contains(some)), "{had:?}");
    assert_eq!(had[5..9].iter().sum::<usize>(), 40, "{had:?}");
}

/// What the first of some containers is said to have after its `memory.stat` says 2.
async fn anon_after(host: &Host, source: &mut CgroupSource, all: &[Container]) -> Option<f64> {
    tokio::time::advance(Duration::from_millis(100)).await;
    host.write("cgroup/docker/s100/memory.stat", "anon 2\nfile 3\n");
    let first = read(source, all).await.remove(0).expect("reading");
    first.figures.get(Figure::AnonBytes)
}

/// A crowd whose first member has memory, and a source that has read it once.
async fn crowd_with_memory(host: &Host, count: i32) -> (Vec<Container>, CgroupSource) {
    let all = crowd(host, count);
    host.write("cgroup/docker/s100/memory.current", "4096\n");
    host.write("cgroup/docker/s100/memory.stat", "anon 1\nfile 3\n");
    let mut source = host.source();
    let first = read(&mut source, &all).await.remove(0).expect("reading");
    assert_eq!(first.figures.get(Figure::AnonBytes), Some(1.0));
    (all, source)
}

#[tokio::test(start_paused = true)]
async fn of_many_containers_memory_stat_is_read_of_those_that_ran_or_grew() {
    let host = Host::new();
    let (all, mut source) = crowd_with_memory(&host, 40).await;
    // Nothing ran: what was said holds, whatever a file that nobody can have changed says.
    assert_eq!(anon_after(&host, &mut source, &all).await, Some(1.0));
    host.start("/docker/s100", 100, 6);
    assert_eq!(anon_after(&host, &mut source, &all).await, Some(2.0));

    let (all, mut source) = crowd_with_memory(&host, 40).await;
    assert_eq!(anon_after(&host, &mut source, &all).await, Some(1.0));
    host.write("cgroup/docker/s100/memory.current", "8192\n");
    assert_eq!(anon_after(&host, &mut source, &all).await, Some(2.0));
}

#[tokio::test(start_paused = true)]
async fn memory_stat_is_read_each_time_of_few_containers_and_where_its_use_is_unknown() {
    let host = Host::new();
    let (few, mut source) = crowd_with_memory(&host, 20).await;
    assert_eq!(anon_after(&host, &mut source, &few).await, Some(2.0));
    let (many, mut source) = crowd_with_memory(&host, 40).await;
    host.write("cgroup/docker/s100/memory.current", "");
    assert_eq!(anon_after(&host, &mut source, &many).await, Some(2.0));
}

#[tokio::test(start_paused = true)]
async fn a_sleepers_memory_stat_is_read_again_with_the_settings() {
    let host = Host::new();
    let (all, mut source) = crowd_with_memory(&host, 40).await;
    assert_eq!(anon_after(&host, &mut source, &all).await, Some(1.0));
    // A turn takes four seconds, and the settings three turns.
    tokio::time::advance(Duration::from_secs(12)).await;
    assert_eq!(anon_after(&host, &mut source, &all).await, Some(2.0));
}

#[tokio::test(start_paused = true)]
async fn throttling_is_read_each_time_where_there_is_a_quota_to_be_throttled_by() {
    let host = Host::new();
    let mount = "30 20 0:25 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n";
    host.write("proc/self/mountinfo", mount);
    let start = |pid: i32| {
        let (name, group) = (format!("s{pid}"), format!("cgroup/cpu/docker/s{pid}"));
        host.write(&format!("proc/{pid}/cgroup"), &format!("4:cpu,cpuacct:/docker/{name}\n"));
        host.write(&format!("{group}/cpuacct.usage"), "5\n");
        host.write(&format!("{group}/cpu.stat"), "nr_periods 2\nnr_throttled 1\n");
        host.write(&format!("{group}/cpu.cfs_period_us"), "100000\n");
        let quota = if pid % 2 == 0 { "50000\n" } else { "-1\n" };
        host.write(&format!("{group}/cpu.cfs_quota_us"), quota);
        target(&name, &name, pid)
    };
    let many: Vec<Container> = (100..200).map(start).collect();
    let mut source = host.source();
    let mut had = Vec::new();
    for _ in 0..40 {
        let answers = read(&mut source, &many).await;
        let periods = |a: &Result<Reading, Gap>| {
            let reading = a.as_ref().expect("reading");
            let quota = reading.figures.get(Figure::CpuLimitCores).is_some();
            (quota, reading.figures.get(Figure::CpuPeriods).is_some())
        };
        let all: Vec<_> = answers.iter().map(periods).collect();
        assert_eq!(all.iter().filter(|both| **both == (true, true)).count(), 50);
        had.push(all.iter().filter(|both| **both == (false, true)).count());
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!(had[0], 50);
    assert!(had[1..].iter().all(|without_quota| *without_quota < 20), "{had:?}");
}

#[tokio::test(start_paused = true)]
async fn everything_is_read_each_time_where_the_config_says_so_and_where_sources_are_compared() {
    let host = Host::new();
    let many = crowd(&host, 40);
    for (in_turn, cross_check) in [(false, false), (true, true)] {
        let config = SourcesConfig {
            cgroup_root: host.root.path().join("cgroup"),
            proc_root: host.root.path().join("proc"),
            in_turn,
            cross_check,
            ..SourcesConfig::default()
        };
        let mut source = CgroupSource::open(&config, RunClock::start()).expect("control groups");
        for _ in 0..2 {
            let answers = read(&mut source, &many).await;
            let all = answers.iter().map(|a| &a.as_ref().expect("reading").figures);
            assert!(all.clone().all(|f| f.get(Figure::Pids).is_some()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_oom_kill_on_the_machine_has_every_count_read_at_once() {
    let host = Host::new();
    host.write("proc/vmstat", "oom_kill 1\n");
    let many = crowd(&host, 100);
    let mut source = host.source();
    let counts = async |source: &mut CgroupSource| {
        let answers = read(source, &many).await;
        answers
            .into_iter()
            .filter_map(|a| a.expect("reading").figures.get(Figure::OomKills))
            .count()
    };
    assert_eq!(counts(&mut source).await, 100);
    tokio::time::advance(Duration::from_millis(100)).await;
    assert!(counts(&mut source).await < 20);
    host.write("proc/vmstat", "oom_kill 2\n");
    assert_eq!(counts(&mut source).await, 100);
    // A kernel that does not count them has them read each time.
    std::fs::write(host.root.path().join("proc/vmstat"), "pgfault 1\n").expect("write");
    assert_eq!(counts(&mut source).await, 100);
}
