//! Sources, ages and agreement of ticks whose truth is known.

use proptest::prelude::*;

use super::matching::{Point, Rule, counters, gauges};
use super::*;
use crate::model::{Figure, FigureSet, Gap, Part, Sample};

const RULE: Rule = Rule { tolerance: 1.0, spacing: 0.0 };

fn part(source: SourceKind, at: f64, figures: &[(Figure, f64)]) -> Part {
    Part { source, at, figures: figures.iter().copied().collect::<FigureSet>() }
}

fn sample(incarnation: u32, parts: Vec<Part>) -> Sample {
    Sample { name: "web".into(), incarnation, parts }
}

/// A minute of cgroup and docker; docker's frames are older and its values `factor` times as high.
fn minute(memory_factor: f64, cpu_factor: f64, seconds: u32) -> Provenance {
    let mut collector = Collector::comparing(5.0);
    for second in 0..seconds {
        let at = f64::from(second);
        let of = |source, at: f64, memory: f64, cpu: f64| {
            let memory = memory * (100.0 + at) * 1_048_576.0;
            part(source, at, &[(Figure::AnonBytes, memory), (Figure::CpuUsageNs, cpu * at * 4e8)])
        };
        let parts = vec![
            of(SourceKind::Cgroup, at, 1.0, 1.0),
            of(SourceKind::Docker, at - 0.7, memory_factor, cpu_factor),
        ];
        collector.take(at, &[sample(0, parts)], &[]);
    }
    collector.finish(true)
}

fn verdicts(provenance: &Provenance) -> Vec<(&str, Verdict)> {
    provenance.agreement.iter().map(|a| (a.figure.as_str(), a.verdict)).collect()
}

#[test]
fn sources_that_say_the_same_at_different_moments_agree() {
    let found = minute(1.0, 1.0, 60);
    let expected = [("cpu_usage_ns", Verdict::Agree), ("anon_bytes", Verdict::Agree)];
    assert_eq!(verdicts(&found), expected);
    assert!(found.agreement.iter().all(|a| a.pairs >= 11 && a.median_percent.abs() < 1.0));
}

#[test]
fn a_systematic_difference_is_told_with_its_size_and_interval() {
    let found = minute(1.1, 0.8, 60);
    let expected = [("cpu_usage_ns", Verdict::Differ), ("anon_bytes", Verdict::Differ)];
    assert_eq!(verdicts(&found), expected);
    let cpu = &found.agreement[0];
    assert!((cpu.median_percent + 20.0).abs() < 0.1, "{cpu:?}");
    let memory = &found.agreement[1];
    assert!((memory.median_percent - 9.0).abs() < 0.6, "{memory:?}");
    assert!(memory.low_percent.is_some_and(|low| low > 5.0));
}

#[test]
fn few_pairs_and_small_amounts_are_not_judged() {
    let few = minute(2.0, 2.0, 20);
    assert!(few.agreement.iter().all(|a| a.verdict == Verdict::TooFew && a.low_percent.is_none()));
    let mut collector = Collector::comparing(0.0);
    for second in 0..60 {
        let at = f64::from(second);
        let one = part(SourceKind::Cgroup, at, &[(Figure::AnonBytes, 4096.0)]);
        let two = part(SourceKind::Docker, at, &[(Figure::AnonBytes, 8192.0)]);
        collector.take(at, &[sample(0, vec![one, two])], &[]);
    }
    assert_eq!(verdicts(&collector.finish(true)), [("anon_bytes", Verdict::Agree)]);
}

#[test]
fn a_restart_makes_no_pair_over_it() {
    let mut collector = Collector::comparing(0.0);
    for second in 0..20 {
        let at = f64::from(second);
        let count = f64::from(second % 10) * 1e9;
        let of = |source| part(source, at, &[(Figure::CpuUsageNs, count)]);
        let parts = vec![of(SourceKind::Cgroup), of(SourceKind::Docker)];
        collector.take(at, &[sample(second / 10, parts)], &[]);
    }
    assert_eq!(collector.finish(true).agreement[0].pairs, 18);
}

#[test]
fn shares_ages_and_gaps_of_each_source() {
    let mut collector = Collector::new();
    let gap = Gap { source: SourceKind::Cgroup, container: None, reason: "gone".into() };
    for second in 0..10 {
        let at = f64::from(second);
        let stands_in = second >= 8;
        let (source, age) =
            if stands_in { (SourceKind::Docker, 0.5) } else { (SourceKind::Cgroup, 0.0) };
        let mut parts = vec![part(source, at - age, &[(Figure::Pids, 3.0)])];
        if second == 9 {
            // A figure that comes late has its source too.
            parts.push(part(SourceKind::Procfs, at - 4.0, &[(Figure::OpenFds, 7.0)]));
        }
        let gaps = if stands_in { vec![gap.clone()] } else { Vec::new() };
        collector.take(at, &[sample(0, parts)], &gaps);
    }
    let found = collector.finish(true).rounded();
    let rows: Vec<_> = found
        .figures
        .iter()
        .flat_map(|f| f.sources.iter().map(move |s| (f.figure.as_str(), s)))
        .map(|(figure, s)| (figure, s.source, s.counted_percent, s.p95_age_s, s.gaps))
        .collect();
    let expected = [
        ("pids", SourceKind::Cgroup, 80.0, 0.0, 2),
        ("pids", SourceKind::Docker, 20.0, 0.5, 0),
        ("open_fds", SourceKind::Procfs, 10.0, 4.0, 0),
    ];
    assert_eq!(rows, expected);
    assert!(found.agreement.is_empty());
}

#[test]
fn a_bounded_sample_keeps_the_whole_length() {
    let mut thinned = super::thinned::Thinned::default();
    (0..100_000).for_each(|value| thinned.push(value));
    assert_eq!(thinned.seen(), 100_000);
    assert!((512..=1024).contains(&thinned.kept().len()));
    assert!(thinned.kept().last().is_some_and(|last| *last > 99_000));
}

fn series() -> impl Strategy<Value = Vec<Point>> {
    prop::collection::vec((0.01..3.0f64, -1e6..1e6f64), 0..60).prop_map(|steps| {
        let mut at = 0.0;
        let mut point = |(step, value)| {
            at += step;
            Point { at, value }
        };
        steps.into_iter().map(&mut point).collect()
    })
}

proptest! {
    /// Pairs are of readings that exist, in time, close enough, and far enough apart.
    #[test]
    fn gauge_pairs_are_the_nearest(a in series(), b in series(), tolerance in 0.1..2.0f64, spacing in 0.0..5.0f64) {
        let pairs = gauges(&a, &b, Rule { tolerance, spacing });
        for pair in &pairs {
            let own = Point { at: pair.at, value: pair.first };
            prop_assert!(a.contains(&own));
            let distance = |p: &Point| (p.at - pair.at).abs();
            let nearest = b.iter().map(distance).fold(f64::INFINITY, f64::min);
            prop_assert!(nearest <= tolerance);
            prop_assert!(b.iter().any(|p| p.value == pair.second && distance(p) == nearest));
        }
        for two in pairs.windows(2) {
            prop_assert!(two[1].at - two[0].at >= spacing);
        }
    }

    /// A series agrees with itself, whatever it does.
    #[test]
    fn a_series_agrees_with_itself(a in series(), spacing in 0.0..5.0f64) {
        let rule = Rule { tolerance: 1.0, spacing };
        let itself = gauges(&a, &a, rule).into_iter().chain(counters(&a, &a, rule));
        prop_assert!(itself.into_iter().all(|pair| pair.first == pair.second));
    }

    /// A counter that grows steadily has its rate, whenever the two sources read it.
    #[test]
    fn steady_counters_have_their_rates(a in series(), b in series(), rate in 0.0..1e6f64) {
        let of = |points: Vec<Point>| -> Vec<Point> {
            points.into_iter().map(|p| Point { value: rate * p.at, ..p }).collect()
        };
        for pair in counters(&of(a), &of(b), RULE) {
            prop_assert!((pair.first - rate).abs() <= 1e-6 * rate.max(1.0));
            prop_assert!((pair.second - rate).abs() <= 1e-6 * rate.max(1.0));
        }
    }
}
