//! Writes a run folder of any size through the real recorder, to measure on:
//!
//! ```text
//! cargo run --release --no-default-features --example make_run -- FOLDER [CONTAINERS] [TICKS]
//! hyperfine 'runner analyze FOLDER --no-charts'
//! ```
//!
//! Figures are made up but the same each time: services that breathe with the load, a few that
//! leak, one whose child is OOM-killed. Without numbers: 200 containers, 36,000 ticks (ten hours at
//! 1 Hz). Says what recording cost.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use runner::model::{
    Container, Event, EventKind, Figure, FigureSet, LoadReport, Part, Sample, SourceKind,
    StackEvent, StackEventKind, Tick,
};
use runner::store::RunFolder;
use runner::store::journal::{Journal, RunFile};

const WALL: f64 = 1_795_230_893.0;
const SCENARIO: &str = "duration_leak";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let Some(folder) = args.next().map(PathBuf::from) else {
        eprintln!("usage: make_run FOLDER [CONTAINERS] [TICKS]");
        return ExitCode::from(2);
    };
    let mut number = |default| args.next().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (containers, ticks) = (number(200), number(36_000));
    match make(&folder, containers, ticks) {
        Ok(spent) => {
            let each = spent.as_secs_f64() / f64::from(ticks.max(1));
            println!("{}: {:.1} us a tick for recording", folder.display(), 1e6 * each);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes the folder; answers the time spent in the recorder.
fn make(folder: &std::path::Path, containers: u32, ticks: u32) -> std::io::Result<Duration> {
    std::fs::create_dir_all(folder)?;
    let run = RunFile::new("20261121_031453", "2026-11-21T03:14:53Z");
    let folder = RunFolder::at(folder);
    let mut journal = Journal::create(&folder, &run).map_err(std::io::Error::other)?;
    let sources = FIGURES.iter().map(|f| (f.name().to_string(), SourceKind::Cgroup)).collect();
    let known: Vec<Container> = Vec::new();
    journal.begin(&known, sources).map_err(std::io::Error::other)?;
    let mut event = |at: f64, kind| journal.event(&Event { at, t: WALL + at, kind });
    event(0.0, EventKind::ScenarioStart { scenario: SCENARIO.into(), params: Default::default() })?;
    let mut spent = Duration::ZERO;
    let (drain, cooldown) = (ticks * 8 / 10, ticks * 8 / 10 + ticks.min(60));
    for seq in 0..ticks {
        let phase = [0, drain, cooldown].iter().position(|start| *start == seq);
        let index = [drain, cooldown].iter().filter(|start| seq >= **start).count();
        if let Some(phase) = phase {
            border(&mut journal, phase, f64::from(seq))?;
        }
        if seq == ticks / 2 {
            kill(&mut journal, f64::from(seq) + 0.5)?;
        }
        let tick = tick(seq, containers, index, ticks / 2);
        let start = Instant::now();
        journal.tick(&tick)?;
        spent += start.elapsed();
    }
    let end = f64::from(ticks) + 0.5;
    let mut event = |kind| journal.event(&Event { at: end, t: WALL + end, kind });
    event(EventKind::ScenarioEnd {
        scenario: SCENARIO.into(),
        aborted: false,
        reason: None,
        metadata: serde_json::Value::Null,
    })?;
    event(EventKind::RunEnd { abort_reason: None })?;
    let start = Instant::now();
    journal.finish()?;
    Ok(spent + start.elapsed())
}

const PHASES: [&str; 3] = ["active", "drain", "cooldown"];

fn border(journal: &mut Journal, phase: usize, at: f64) -> std::io::Result<()> {
    let index = phase as u32;
    if let Some(before) = phase.checked_sub(1) {
        let kind = EventKind::PhaseEnd {
            scenario: SCENARIO.into(),
            phase: PHASES[before].into(),
            index: index - 1,
            reason: "after".into(),
        };
        journal.event(&Event { at, t: WALL + at, kind })?;
    }
    let kind = EventKind::PhaseStart {
        scenario: SCENARIO.into(),
        phase: PHASES[phase].into(),
        index,
        interval_s: 1.0,
        planned_s: None,
        level: Some(if phase == 0 { 50 } else { 0 }),
        speed: None,
        sampled: true,
    };
    journal.event(&Event { at, t: WALL + at, kind })
}

/// The kernel kills a child in the second container.
fn kill(journal: &mut Journal, at: f64) -> std::io::Result<()> {
    let (id, name) = ("0123456789abcdef".to_string(), name(1));
    let stack = StackEvent { t: WALL + at, id, name, kind: StackEventKind::Oom };
    journal.event(&Event { at, t: WALL + at, kind: EventKind::Stack(stack) })
}

fn name(container: u32) -> String {
    format!("rideshare-service-{container}")
}

const FIGURES: [Figure; 15] = [
    Figure::CpuUsageNs,
    Figure::CpuPeriods,
    Figure::CpuThrottledPeriods,
    Figure::MemoryUsageBytes,
    Figure::MemoryWorkingSetBytes,
    Figure::MemoryLimitBytes,
    Figure::AnonBytes,
    Figure::ShmemBytes,
    Figure::CacheBytes,
    Figure::KernelBytes,
    Figure::SlabReclaimableBytes,
    Figure::SwapBytes,
    Figure::IoWriteBytes,
    Figure::Pids,
    Figure::OomKills,
];

/// A number that is the same each time but looks like noise, 0 to `below`.
fn noise(seq: u32, seed: u32, below: u64) -> u64 {
    let mixed = ((u64::from(seq) << 32) | u64::from(seed)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32) % below.max(1)
}

fn tick(seq: u32, containers: u32, phase: usize, killed: u32) -> Tick {
    let at = f64::from(seq + 1) + noise(seq, 7, 400) as f64 / 1e6;
    Tick {
        seq: u64::from(seq),
        at,
        t: WALL + at,
        scenario: SCENARIO.into(),
        phase: PHASES[phase].into(),
        phase_index: phase as u32,
        priming: false,
        late_s: None,
        samples: (0..containers).map(|c| sample(seq, at, c, phase, killed)).collect(),
        host: [
            (Figure::HostLoad1, 1.5),
            (Figure::HostCpuBusyNs, f64::from(seq) * 9e8),
            (Figure::HostCpuTotalNs, f64::from(seq) * 2e9),
            (Figure::HostMemoryAvailableBytes, 8e9),
        ]
        .into_iter()
        .collect(),
        runner: [(Figure::RunnerCpuNs, f64::from(seq) * 3e6), (Figure::RunnerRssBytes, 2e7)]
            .into_iter()
            .collect(),
        load: LoadReport { queued: Some(if phase == 0 { 50 } else { 0 }), ..LoadReport::default() },
        devices: Default::default(),
        watched: Default::default(),
        gaps: Vec::new(),
    }
}

fn sample(seq: u32, at: f64, container: u32, phase: usize, killed: u32) -> Sample {
    const PAGE: u64 = 4096;
    let busy = if phase == 0 { 4 } else { 1 };
    let leak = if container % 40 == 3 { u64::from(seq) / 4 } else { 0 };
    let anon = PAGE * (20_000 + 900 * busy + leak + noise(seq / 7, container, 300));
    let cache = PAGE * (8_000 + u64::from(seq) / 90);
    let kernel = PAGE * (300 + noise(seq / 20, container, 8));
    let cpu = u64::from(seq) * busy * 90_000_000 + noise(seq, container, 9_000_000);
    let killed = u64::from(container == 1 && seq > killed);
    let values: [u64; 15] = [
        cpu,
        u64::from(seq) * 10,
        u64::from(seq) / 50,
        anon + cache + kernel,
        anon + cache / 2 + kernel,
        512 << 20,
        anon,
        0,
        cache,
        kernel,
        PAGE * 120,
        0,
        u64::from(seq) * 512 * (1 + u64::from(container % 5)),
        12 + noise(seq / 60, container, 3),
        killed,
    ];
    let figures: FigureSet =
        FIGURES.iter().zip(values).map(|(figure, value)| (*figure, value as f64)).collect();
    let took = Duration::from_nanos(u64::from(container) * 22_000 + noise(seq, container, 9_000));
    Sample {
        name: name(container),
        incarnation: 0,
        parts: vec![Part { source: SourceKind::Cgroup, at: at + took.as_secs_f64(), figures }],
    }
}
