//! The sources, read for real a few times: what each gives, how old it is, and whether they agree.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::figures;
use super::row::{Row, within};
use crate::analysis::provenance::Collector;
use crate::config::Config;
use crate::model::rates::derive;
use crate::model::units::bytes_to_mb;
use crate::model::{Container, Figure, FigureSet, RunState, Sample, SourceKind};
use crate::session::sampler::{Sampled, Sampler};

/// Time between two rounds.
const PAUSE: Duration = Duration::from_secs(1);
/// Rounds at most: a stream's first frame takes two seconds, its first rate one more.
const ROUNDS: usize = 5;
/// Figures may be twice this old: idle containers' figures are up to a minute old in cAdvisor.
const AGE: Duration = Duration::from_secs(30);
/// From this age on a source is told to be slow.
const OLD_S: f64 = 5.0;

/// What rounds of sampling taught about one source.
#[derive(Debug, Default)]
struct Seen {
    figures: BTreeSet<Figure>,
    containers: BTreeSet<String>,
    oldest: f64,
    reason: Option<String>,
    /// First and last reading by container.
    readings: BTreeMap<String, (Sample, Sample)>,
}

/// Reads all sources for the running containers. One that the config asks for must answer; of the
/// others one is enough.
pub async fn rows(
    config: &Config,
    mut sampler: Sampler,
    kinds: &[SourceKind],
    containers: &[Container],
    now: impl Fn() -> f64,
) -> Vec<Row> {
    let running: Vec<Container> =
        containers.iter().filter(|c| c.state == RunState::Running).cloned().collect();
    let mut seen: BTreeMap<SourceKind, Seen> = BTreeMap::new();
    let mut collector = Collector::comparing(0.0);
    let read = async {
        for round in 0..ROUNDS {
            let limit = Instant::now() + config.sources.timeout;
            let sampled = sampler.sample(&running, AGE, limit).await;
            note(&mut seen, &sampled, now());
            collector.take(now(), &sampled.samples, &sampled.gaps);
            // The third round gives each source that answered at once a rate.
            let answered =
                |kind| seen.get(kind).is_some_and(|s| s.containers.len() == running.len());
            if round >= 2 && kinds.iter().all(answered) {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    if let Err(row) = within("sources", read).await {
        return vec![row];
    }
    let mut rows: Vec<Row> =
        kinds.iter().map(|kind| source_row(*kind, seen.get(kind), running.len())).collect();
    let any = seen.values().any(|seen| !seen.figures.is_empty());
    for (row, kind) in rows.iter_mut().zip(kinds) {
        let named = matches!(kind, SourceKind::Cadvisor | SourceKind::Prometheus);
        let asked_for = config.sources.only.contains(kind) || named;
        if any && !asked_for {
            *row = row.clone().into_note();
        }
    }
    rows.extend(agreement(&seen));
    rows.extend(figures::row(&collector.finish(true)));
    rows
}

fn note(seen: &mut BTreeMap<SourceKind, Seen>, sampled: &Sampled, now: f64) {
    for gap in &sampled.gaps {
        seen.entry(gap.source).or_default().reason = Some(gap.reason.clone());
    }
    for sample in &sampled.samples {
        for part in &sample.parts {
            let seen = seen.entry(part.source).or_default();
            seen.figures.extend(part.figures.iter().map(|(figure, _)| figure));
            seen.containers.insert(sample.name.clone());
            seen.oldest = seen.oldest.max(now - part.at);
            let alone = Sample { parts: vec![part.clone()], ..sample.clone() };
            let pair = seen.readings.entry(sample.name.clone());
            pair.and_modify(|pair| pair.1 = alone.clone()).or_insert((alone.clone(), alone));
        }
    }
}

fn source_row(kind: SourceKind, seen: Option<&Seen>, running: usize) -> Row {
    let name = format!("source {kind}");
    let Some(seen) = seen.filter(|seen| !seen.figures.is_empty()) else {
        let why = seen.and_then(|s| s.reason.clone()).unwrap_or_else(|| "no answer".to_string());
        return Row::failed(&name, why, remedy(kind));
    };
    let mut text = format!(
        "{} figures of {} of {running} containers, {:.1} s old at most",
        seen.figures.len(),
        seen.containers.len(),
        seen.oldest.max(0.0),
    );
    if seen.containers.len() < running {
        let why = seen.reason.as_deref().unwrap_or("no answer about the others");
        text = format!("{text}; {why}");
        return Row::note(&name, text).with_remedy("other sources stand in for what is missing");
    }
    if seen.oldest > OLD_S {
        return Row::note(&name, text).with_remedy("its figures lag behind: use a longer interval");
    }
    Row::ok(&name, text)
}

fn remedy(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Cgroup => "see sources.cgroup_root, or leave it out with sources.only",
        SourceKind::Docker => "look whether `docker stats` answers",
        SourceKind::Cadvisor => "correct sources.cadvisor, or start cAdvisor",
        SourceKind::Prometheus => {
            "correct [sources.prometheus]; a run needs a short scrape interval"
        }
        _ => "leave it out with sources.only",
    }
}

/// Beyond this two sources disagree on CPU: percent of one core, and share of the larger.
const CPU_APART: (f64, f64) = (10.0, 0.25);
/// The same for memory: MB, and share of the larger.
const MEMORY_APART: (f64, f64) = (4.0, 0.1);

/// Compares each source with the first one that knows the container.
fn agreement(seen: &BTreeMap<SourceKind, Seen>) -> Option<Row> {
    const NAME: &str = "agreement";
    let figures: Vec<(SourceKind, BTreeMap<&str, FigureSet>)> =
        seen.iter().map(|(kind, seen)| (*kind, derived(seen))).collect();
    let with: Vec<_> = figures.iter().filter(|(_, of)| !of.is_empty()).collect();
    let (first, others) = with.split_first()?;
    if others.is_empty() {
        return None;
    }
    let (mut worst_cpu, mut worst_memory) = (0.0f64, 0.0f64);
    let mut apart = Vec::new();
    for (kind, of) in others {
        for (name, theirs) in of {
            let Some(ours) = first.1.get(name) else { continue };
            let cpu = pair(ours, theirs, Figure::CpuPercent);
            let memory = pair(ours, theirs, Figure::MemoryWorkingSetBytes)
                .map(|(a, b)| (bytes_to_mb(a), bytes_to_mb(b)));
            if let Some((a, b)) = cpu {
                worst_cpu = worst_cpu.max((a - b).abs());
                if is_apart((a, b), CPU_APART) {
                    apart.push(format!("{name} CPU: {} {a:.1} %, {kind} {b:.1} %", first.0));
                }
            }
            if let Some((a, b)) = memory {
                worst_memory = worst_memory.max((a - b).abs());
                if is_apart((a, b), MEMORY_APART) {
                    apart.push(format!("{name} memory: {} {a:.1} MB, {kind} {b:.1} MB", first.0));
                }
            }
        }
    }
    let kinds: Vec<&str> = with.iter().map(|(kind, _)| kind.name()).collect();
    let kinds = kinds.join(", ");
    if apart.is_empty() {
        return Some(Row::ok(
            NAME,
            format!(
                "{kinds}: CPU within {worst_cpu:.1} points, memory within {worst_memory:.1} MB"
            ),
        ));
    }
    Some(Row::note(NAME, format!("{kinds} differ\n{}", apart.join("\n"))).with_remedy(
        "check again when the containers are idle; if they still differ choose with sources.only",
    ))
}

/// Figures of the last reading with rates since the first.
fn derived(seen: &Seen) -> BTreeMap<&str, FigureSet> {
    seen.readings
        .iter()
        .map(|(name, (first, last))| {
            let mut figures = derive(Some(first), last);
            figures.fill_from(&last.merged());
            (name.as_str(), figures)
        })
        .collect()
}

fn pair(a: &FigureSet, b: &FigureSet, figure: Figure) -> Option<(f64, f64)> {
    Some((a.get(figure)?, b.get(figure)?))
}

fn is_apart((a, b): (f64, f64), (least, share): (f64, f64)) -> bool {
    let difference = (a - b).abs();
    difference > least && difference > share * a.max(b)
}

#[cfg(test)]
mod tests {
    use super::super::row::Status;
    use super::*;
    use crate::model::Part;

    fn round(at: f64, parts: &[(SourceKind, f64, f64)]) -> Sampled {
        let parts = parts.iter().map(|(source, cpu_s, memory_mb)| Part {
            source: *source,
            at,
            figures: [
                (Figure::CpuUsageNs, cpu_s * 1e9),
                (Figure::MemoryWorkingSetBytes, memory_mb * 1_048_576.0),
            ]
            .into_iter()
            .collect(),
        });
        let sample = Sample { name: "web".into(), incarnation: 0, parts: parts.collect() };
        Sampled { samples: vec![sample], ..Sampled::default() }
    }

    #[test]
    fn sources_that_agree_say_how_closely_and_those_that_do_not_are_named() {
        use SourceKind::{Cgroup, Docker};
        let mut seen = BTreeMap::new();
        note(&mut seen, &round(0.0, &[(Cgroup, 0.0, 100.0), (Docker, 0.0, 100.0)]), 0.0);
        note(&mut seen, &round(2.0, &[(Cgroup, 1.0, 100.0), (Docker, 1.1, 101.0)]), 2.0);
        let row = agreement(&seen).expect("two sources");
        assert_eq!(row.status, Status::Ok);
        assert!(row.detail.contains("CPU within 5.0 points, memory within 1.0 MB"), "{row:?}");
        note(&mut seen, &round(3.0, &[(Cgroup, 1.5, 100.0), (Docker, 1.6, 150.0)]), 3.0);
        let row = agreement(&seen).expect("two sources");
        assert_eq!(row.status, Status::Note);
        assert!(row.detail.contains("web memory: cgroup 100.0 MB, docker 150.0 MB"), "{row:?}");
    }

    #[test]
    fn one_source_alone_has_nothing_to_agree_with() {
        let mut seen = BTreeMap::new();
        note(&mut seen, &round(0.0, &[(SourceKind::Cgroup, 0.0, 1.0)]), 0.0);
        assert_eq!(agreement(&seen), None);
    }

    #[test]
    fn a_source_tells_figures_containers_and_age_or_why_there_are_none() {
        let mut seen = BTreeMap::new();
        note(&mut seen, &round(1.0, &[(SourceKind::Cgroup, 0.0, 1.0)]), 1.5);
        let row = source_row(SourceKind::Cgroup, seen.get(&SourceKind::Cgroup), 1);
        assert_eq!(row.detail, "2 figures of 1 of 1 containers, 0.5 s old at most");
        let part = source_row(SourceKind::Cgroup, seen.get(&SourceKind::Cgroup), 2);
        assert_eq!(part.status, Status::Note);
        assert_eq!(source_row(SourceKind::Docker, None, 1).status, Status::Failed);
    }
}
