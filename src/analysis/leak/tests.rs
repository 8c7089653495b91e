use crate::analysis::dataset::{Columns, ScenarioData, Series};
use crate::config::LeakConfig;
use crate::model::Figure;
use crate::model::units::MB;

use super::*;

fn demo() -> LeakConfig {
    LeakConfig { min_minutes: 0.75, block_seconds: Some(4.0), ..LeakConfig::default() }
}

/// A minute-scale wobble and ten-second health checks, from a small generator of its own.
pub(super) fn noise(seed: u64, mb: f64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(2).wrapping_add(0x9e37_79b9);
    move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 11) as f64 / (1u64 << 53) as f64 - 0.5) * 2.0 * mb
    }
}

/// A scenario of `seconds` at 1 s, anonymous memory in MB by a function of time.
pub(super) fn scenario(seconds: usize, anon_mb: impl Fn(f64) -> f64) -> ScenarioData {
    let mut data = ScenarioData::new("duration_leak");
    data.time = (0..seconds).map(|t| t as f64).collect();
    let mut columns = Columns::new(seconds);
    for (row, t) in data.time.iter().enumerate() {
        let mb = anon_mb(*t);
        columns.set(Figure::AnonBytes, row, mb * MB);
        columns.set(Figure::ShmemBytes, row, 0.0);
        columns.set(Figure::SwapBytes, row, 0.0);
        columns.set(Figure::MemoryWorkingSetBytes, row, (mb + 5.0) * MB);
        columns.set(Figure::MemoryLimitBytes, row, 192.0 * MB);
    }
    data.queued = vec![50.0; seconds];
    data.containers.push(Series { name: "it".into(), columns, incarnation: Vec::new() });
    data
}

pub(super) fn judge(data: &ScenarioData, config: &LeakConfig) -> LeakVerdict {
    let input = LeakInput::new(data, &data.containers[0], 0..data.time.len()).expect("input");
    verdict(&input, config)
}

fn of_demo(anon_mb: impl Fn(f64) -> f64) -> LeakVerdict {
    judge(&scenario(60, anon_mb), &demo())
}

#[test]
fn the_planted_leak_of_the_demo_is_found_with_an_interval_of_a_few_mb() {
    for seed in 0..20 {
        let mut next = noise(seed, 0.3);
        let wobble: Vec<f64> = (0..60).map(|_| next()).collect();
        let found = of_demo(|t| 20.0 + 40.0 * t / 60.0 + wobble[t as usize]);
        assert_eq!(found.verdict, Verdict::Leak);
        let (low, high) = (found.ci_low.expect("low"), found.ci_high.expect("high"));
        assert!(low <= 40.0 && 40.0 <= high, "seed {seed}: {low} .. {high}");
        assert!(high - low < 6.0, "seed {seed}: {low} .. {high}");
        assert!(found.approximate);
    }
}

#[test]
fn the_honest_containers_of_the_demo_are_ok() {
    let cache = of_demo(|t| 10.0 + (48.0 * t / 5.0).min(48.0));
    let late_cache = of_demo(|t| 10.0 + (48.0 * t / 9.0).min(48.0));
    let simulation = of_demo(|t| if t < 1.0 { 20.0 } else { 60.0 });
    for found in [cache, late_cache, simulation] {
        assert_eq!(found.verdict, Verdict::Ok, "{found:?}");
    }
    // A minute is short: now and then it cannot be told, but nobody is accused.
    let mut told = 0;
    for seed in 0..20 {
        let mut next = noise(seed, 0.1);
        let wobble: Vec<f64> = (0..60).map(|_| next()).collect();
        let health_check = |t: f64| if (t as u64).is_multiple_of(7) { 2.0 } else { 0.0 };
        let found = of_demo(|t| 30.0 + wobble[t as usize] + health_check(t));
        assert!(matches!(found.verdict, Verdict::Ok | Verdict::Inconclusive), "{seed}: {found:?}");
        told += u32::from(found.verdict == Verdict::Ok);
    }
    assert!(told >= 12, "{told} of 20");
}

#[test]
fn page_cache_is_no_leak() {
    let mut data = scenario(60, |_| 10.0);
    for row in 0..60 {
        let columns = &mut data.containers[0].columns;
        let cache = row as f64 * MB;
        columns.set(Figure::CacheBytes, row, cache);
        columns.set(Figure::ActiveFileBytes, row, cache);
        columns.set(Figure::MemoryWorkingSetBytes, row, 10.0 * MB + cache);
    }
    assert_eq!(judge(&data, &demo()).verdict, Verdict::Ok);
}

#[test]
fn the_predecessors_five_minutes_are_just_enough() {
    let mut data = scenario(300, |t| 100.0 + 2.4 * t / 60.0);
    // 150 ticks of 2 s.
    data.time.retain(|t| (*t as u64).is_multiple_of(2));
    data.containers[0].columns.resize(150);
    for (row, t) in data.time.clone().iter().enumerate() {
        let columns = &mut data.containers[0].columns;
        columns.set(Figure::AnonBytes, row, (100.0 + 2.4 * t / 60.0) * MB);
    }
    let found = judge(&data, &LeakConfig::default());
    assert_eq!(found.verdict, Verdict::Leak, "{found:?}");
    assert_eq!(found.blocks, Some(9));
}

#[test]
fn too_little_is_said_to_be_too_little() {
    let found = judge(&scenario(200, |t| t), &LeakConfig::default());
    assert_eq!(found.verdict, Verdict::InsufficientData);
    let reason = found.reason.expect("a reason");
    assert!(reason.contains("3.3 minutes") && reason.contains("4.5"), "{reason}");
}

#[test]
fn a_restart_cuts_the_series_and_zeros_are_no_memory() {
    let mut data = scenario(1000, |t| match t as u64 {
        0..=299 => 100.0 + t / 60.0,
        300..=309 => 0.0,
        // A new life, flat.
        _ => 20.0,
    });
    assert_eq!(
        judge(&data, &LeakConfig::default()).verdict,
        Verdict::Ok,
        "the longer life is flat"
    );
    data.containers[0].incarnation = (0..1000).map(|t| u32::from(t >= 660)).collect();
    let input = LeakInput::new(&data, &data.containers[0], 0..1000).expect("input");
    let segment = usable(&input, 0.0).expect("a segment");
    assert_eq!((segment.rows, segment.lives), (310..660, 3));
}

#[test]
fn growth_below_the_threshold_is_suspect_and_slower_growth_ok() {
    let at = |rate: f64| judge(&scenario(600, |t| 50.0 + rate * t / 60.0), &LeakConfig::default());
    assert_eq!(at(0.7).verdict, Verdict::Suspect);
    assert_eq!(at(0.1).verdict, Verdict::Ok);
    assert_eq!(at(-5.0).verdict, Verdict::Ok);
    assert_eq!(at(1.5).verdict, Verdict::Leak);
}

#[test]
fn a_wandering_series_is_inconclusive_with_its_interval_as_the_reason() {
    let found = judge(&scenario(300, |t| 50.0 + 8.0 * (t / 50.0).sin()), &LeakConfig::default());
    assert_eq!(found.verdict, Verdict::Inconclusive, "{found:?}");
    assert!(found.reason.expect("a reason").contains("MB/min"));
}

#[test]
fn the_limit_and_the_work_are_brought_in_where_they_are_known() {
    let data = scenario(600, |t| 50.0 + 3.0 * t / 60.0);
    let found = judge(&data, &LeakConfig::default());
    let (low, high) = found.minutes_to_limit.expect("minutes");
    // 192 - (50 + 30 + 5) = 107 MB at 3 MB/min.
    assert!((34.0..36.0).contains(&low), "{low}");
    assert!(high.is_some_and(|high| (35.5..40.0).contains(&high)));
    let bytes = found.bytes_per_unit.expect("bytes");
    assert!((bytes - 3.0 * MB / 50.0).abs() < 1.0);
    assert_eq!(found.unit.as_deref(), Some("agent-minute"));
}

fn columns(figures: &[(Figure, f64)]) -> Columns {
    let mut columns = Columns::new(2);
    for (figure, mb) in figures {
        for row in 0..2 {
            columns.set(*figure, row, mb * MB);
        }
    }
    columns
}

#[test]
fn the_figure_is_the_best_that_the_source_allows_and_says_its_name() {
    use Figure as F;
    let v1 =
        [(F::AnonBytes, 10.0), (F::ShmemBytes, 1.0), (F::SwapBytes, 2.0), (F::KernelBytes, 50.0)];
    let v2 = [
        (F::AnonBytes, 10.0),
        (F::ShmemBytes, 1.0),
        (F::SwapBytes, 2.0),
        (F::KernelBytes, 50.0),
        (F::SlabReclaimableBytes, 45.0),
        (F::SockBytes, 0.5),
    ];
    let docker_v1 = [
        (F::AnonBytes, 10.0),
        (F::CacheBytes, 9.0),
        (F::ActiveFileBytes, 3.0),
        (F::InactiveFileBytes, 2.0),
    ];
    let predecessor = [(F::MemoryWorkingSetBytes, 7.0)];
    type Case<'a> = (&'a [(F, f64)], &'a str, f64);
    let table: [Case<'_>; 4] = [
        (&v1, "anon+shmem+swap", 13.0),
        (&v2, "anon+shmem+swap+kernel-slab_reclaimable+sock", 18.5),
        (&docker_v1, "anon+shmem", 14.0),
        (&predecessor, "working_set", 7.0),
    ];
    for (figures, name, mb) in table {
        let chosen = choose(&columns(figures)).expect("a figure");
        assert_eq!((chosen.name.as_str(), chosen.mb[0]), (name, mb));
    }
    assert_eq!(choose(&columns(&[(F::CpuPercent, 1.0)])), None);
}

#[test]
fn climbs_to_the_limit_are_a_leak_in_each_life_also_where_only_the_working_set_is_known() {
    // Six climbs of 30 MB/min to a limit of 128 MB; no incarnation is told.
    let climb = |t: f64| 20.0 + 100.0 * (t % 200.0) / 200.0;
    let mut data = scenario(1200, climb);
    let columns = &mut data.containers[0].columns;
    for row in 0..1200 {
        columns.set(Figure::MemoryLimitBytes, row, 128.0 * MB);
    }
    let found = judge(&data, &LeakConfig::default());
    assert_eq!((found.verdict, found.confirmed), (Verdict::Leak, Some(true)), "{found:?}");
    let (low, high) = (found.ci_low.expect("low"), found.ci_high.expect("high"));
    assert!(low <= 30.0 && 30.0 <= high && high - low < 6.0, "{low} .. {high}");

    let mut only = Columns::new(1200);
    for row in 0..1200 {
        only.set(Figure::MemoryWorkingSetBytes, row, climb(row as f64) * MB);
        only.set(Figure::MemoryLimitBytes, row, 128.0 * MB);
        only.set(Figure::CpuUsageNs, row, 1e7 * (row % 200) as f64);
    }
    data.containers[0].columns = only;
    assert_eq!(judge(&data, &LeakConfig::default()).verdict, Verdict::Leak);

    // The same teeth far below the limit are a collector's.
    let teeth = judge(&scenario(1200, climb), &LeakConfig::default());
    assert_ne!(teeth.verdict, Verdict::Leak, "{teeth:?}");
}

#[test]
fn a_working_set_alone_is_at_most_suspect_and_without_active_files_it_is_level() {
    let grows = |t: f64| 100.0 + 3.0 * t / 60.0;
    let data = |has_files: bool| {
        let mut data = scenario(1200, grows);
        let mut columns = Columns::new(1200);
        for row in 0..1200 {
            columns.set(Figure::MemoryWorkingSetBytes, row, grows(row as f64) * MB);
            if has_files {
                columns.set(Figure::ActiveFileBytes, row, (grows(row as f64) - 80.0) * MB);
            }
        }
        data.containers[0].columns = columns;
        judge(&data, &LeakConfig::default())
    };
    let alone = data(false);
    assert_eq!(alone.verdict, Verdict::Suspect, "{alone:?}");
    assert_eq!(alone.reason.as_deref(), Some("the working set holds active page cache"));
    let told = data(true);
    assert_eq!(told.verdict, Verdict::Ok, "{told:?}");
    assert_eq!(told.figure.as_deref(), Some("working_set-active_file"));
}

#[test]
fn a_line_that_began_with_the_container_is_suspect_below_ten_minutes() {
    let data = scenario(480, |t| 50.0 + 4.0 * t / 60.0);
    let of = |age_minutes| {
        let input = LeakInput::new(&data, &data.containers[0], 0..480).expect("input");
        verdict(&LeakInput { age_minutes, ..input }, &LeakConfig::default())
    };
    assert_eq!(of(Some(25.0)).verdict, Verdict::Leak, "a warm stack");
    let fresh = of(Some(0.2));
    assert_eq!(fresh.verdict, Verdict::Suspect, "{fresh:?}");
    assert_eq!(fresh.reason.as_deref(), Some("a cache still filling looks the same"));
}

#[test]
fn slow_growth_over_hours_is_suspect_where_the_limit_is_near() {
    let mut next = noise(3, 0.5);
    let wobble: Vec<f64> = (0..7200).map(|_| next()).collect();
    let mut data = scenario(7200, |t| 100.0 + 0.2 * t / 60.0 + wobble[t as usize]);
    let near = judge(&data, &LeakConfig::default());
    assert_eq!(near.verdict, Verdict::Suspect, "{near:?}");
    assert!(near.reason.expect("a reason").ends_with(" h"));
    for row in 0..7200 {
        data.containers[0].columns.set(Figure::MemoryLimitBytes, row, 4096.0 * MB);
    }
    assert_eq!(judge(&data, &LeakConfig::default()).verdict, Verdict::Ok, "weeks away");
}

#[test]
fn the_parts_add_up_to_what_was_judged_and_page_cache_is_none_of_them() {
    let mut data = scenario(1200, |t| 50.0 + 2.0 * t / 60.0);
    for row in 0..1200 {
        let columns = &mut data.containers[0].columns;
        columns.set(Figure::CacheBytes, row, 9.0 * row as f64 / 60.0 * MB);
        columns.set(Figure::ShmemBytes, row, 1.0 * row as f64 / 60.0 * MB);
    }
    let found = judge(&data, &LeakConfig::default());
    let names: Vec<&str> = found.parts.iter().map(|part| part.part.as_str()).collect();
    assert_eq!(names, ["heap", "shared_memory"]);
    let sum: f64 = found.parts.iter().map(|part| part.per_min).sum();
    assert!((sum - found.slope_mb_per_min.expect("a rate")).abs() < 1e-6, "{found:?}");
}
