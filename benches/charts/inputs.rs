//! A run of 20 containers as the charts see it: 1,300 ticks over duration, with noise, a leak, a
//! cache that fills, a gap and an OOM kill.

use runner::report::chart::*;

pub const CONTAINERS: usize = 20;
const NAMES: [&str; 20] = [
    "rideshare-stream-processor",
    "rideshare-simulation",
    "rideshare-kafka",
    "rideshare-redis",
    "rideshare-trino",
    "rideshare-minio",
    "rideshare-postgres-airflow",
    "rideshare-airflow-scheduler",
    "rideshare-airflow-webserver",
    "rideshare-prometheus",
    "rideshare-grafana",
    "rideshare-cadvisor",
    "rideshare-osrm",
    "rideshare-hive-metastore",
    "rideshare-spark-streaming-high-volume",
    "rideshare-spark-streaming-low-volume",
    "rideshare-schema-registry",
    "rideshare-frontend",
    "rideshare-otel-collector",
    "rideshare-localstack",
];

fn noise(n: usize, seed: usize) -> f64 {
    let mixed = (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ (seed as u64).wrapping_mul(0xd1b5_4a32_d192_ed03);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((mixed >> 40) as f64 / (1u64 << 24) as f64) - 0.5
}

pub fn name(n: usize) -> String {
    NAMES[n % NAMES.len()].to_owned()
}

/// Memory of one container: the first leaks, the fourth fills up, the others stay.
pub fn memory(container: usize, ticks: usize) -> Series {
    let x: Vec<f64> = (0..ticks).map(|n| n as f64 * 900.0 / ticks as f64).collect();
    let base = 60.0 + 47.0 * ((container * 7) % 20) as f64;
    let y = x.iter().enumerate().map(|(n, t)| {
        let load = if *t < 300.0 { 1.0 } else { (1.0 - (t - 300.0) / 60.0).max(0.0) };
        let grown = match container {
            0 => 2.4 * (t.min(300.0) / 60.0) * 4.0,
            3 => 70.0 * (1.0 - (-t / 60.0).exp()),
            _ => 0.0,
        };
        let gap = container == 2 && (400.0..470.0).contains(t);
        if gap {
            f64::NAN
        } else {
            base + grown + load * base * 0.06 + noise(n, container) * base * 0.03
        }
    });
    Series { name: name(container), y: y.collect(), x: x.clone(), gap_after: f64::INFINITY }
}

pub fn cpu(container: usize, ticks: usize) -> Series {
    let mut one = memory(container, ticks);
    let high = 4.0 + ((container * 11) % 20) as f64 * 6.0;
    for (n, (x, y)) in one.x.iter().zip(one.y.iter_mut()).enumerate() {
        *y = (high * (x / 900.0) * (1.0 + noise(n, container + 50) * 0.35)).max(0.0);
    }
    one
}

pub fn bands() -> Vec<Band> {
    let band = |from, to, name: &str| Band { from, to, name: name.to_owned() };
    vec![band(0.0, 300.0, "active"), band(300.0, 352.0, "drain"), band(352.0, 900.0, "cooldown")]
}

pub fn heatmap() -> Heatmap {
    let columns = ["baseline", "stress_test", "duration_leak", "speed_scaling"];
    Heatmap {
        title: "Memory by container and scenario".to_owned(),
        subtitle: "mean of the scenario's samples, working set; run 20261121_031455".to_owned(),
        unit: "MB".to_owned(),
        rows: (0..CONTAINERS).map(name).collect(),
        columns: columns.map(str::to_owned).to_vec(),
        values: (0..CONTAINERS)
            .map(|r| {
                (0..4)
                    .map(|c| {
                        let absent = (r == 5 && c == 2) || (r == 11 && c > 1);
                        (!absent).then(|| {
                            (60.0 + 47.0 * ((r * 7) % 20) as f64) * (1.0 + 0.12 * c as f64)
                        })
                    })
                    .collect()
            })
            .collect(),
    }
}

pub fn stress() -> Timeline {
    let threshold = |value, name: &str| Threshold { value, name: name.to_owned() };
    Timeline {
        title: "Stress test: CPU and memory while load grows".to_owned(),
        subtitle: "stopped at 110 agents: rideshare-trino CPU 186.2 % >= 180 % (90 % of 2 cores)"
            .to_owned(),
        panels: vec![
            Panel {
                label: "CPU".to_owned(),
                unit: "%".to_owned(),
                series: (0..CONTAINERS).map(|c| cpu(c, 1300)).collect(),
                thresholds: vec![
                    threshold(90.0, "90 % of 1 core:"),
                    threshold(135.0, "90 % of 1.5 cores:"),
                ],
            },
            Panel {
                label: "memory".to_owned(),
                unit: "MB".to_owned(),
                series: (0..CONTAINERS).map(|c| memory(c, 1300)).collect(),
                thresholds: vec![],
            },
        ],
        bands: vec![
            Band { from: 0.0, to: 40.0, name: "settle".to_owned() },
            Band { from: 40.0, to: 900.0, name: "load".to_owned() },
        ],
        events: vec![
            Event {
                at: 612.0,
                name: "OOM kill rideshare-redis".to_owned(),
                kind: EventKind::OomKill,
            },
            Event {
                at: 618.0,
                name: "restart rideshare-redis".to_owned(),
                kind: EventKind::Restart,
            },
            Event { at: 880.0, name: "threshold reached".to_owned(), kind: EventKind::Note },
        ],
    }
}

/// One of the two panels alone, as in `stress_timeline_cpu`.
pub fn stress_panel(n: usize) -> Timeline {
    let mut one = stress();
    one.panels = vec![one.panels.swap_remove(n)];
    one
}

pub fn duration(first: usize) -> PanelGrid {
    PanelGrid {
        title: "Memory during duration (1 of 3)".to_owned(),
        subtitle:
            "each panel has its own scale; dashed: slope of the active phase; run 20261121_031455"
                .to_owned(),
        unit: "MB".to_owned(),
        panels: (first..first + 8)
            .map(|c| {
                let series = memory(c, 1300);
                let slope = if c == 0 { 9.6 } else { 0.02 };
                let start = series.y[0];
                GridPanel {
                    events: vec![],
                    slopes: vec![SlopeLine {
                        from: (0.0, start),
                        to: (300.0, start + slope * 5.0),
                    }],
                    badge: Some(match c {
                        0 => ("leak +9.61 MB/min (9.2 .. 10.0)".to_owned(), Tone::Alarm),
                        3 => ("inconclusive".to_owned(), Tone::Watch),
                        _ => ("ok +0.02 MB/min".to_owned(), Tone::Calm),
                    }),
                    threshold: Some(Threshold {
                        value: if c == 0 { 130.0 } else { 4096.0 },
                        name: "limit".to_owned(),
                    }),
                    series,
                }
            })
            .collect(),
        bands: bands(),
    }
}

pub fn comparison() -> Bars {
    Bars {
        title: "Stress test: peak CPU by container".to_owned(),
        subtitle: "largest rolling mean over 10 s against the threshold; nearest to it first"
            .to_owned(),
        label: "CPU".to_owned(),
        unit: "%".to_owned(),
        groups: vec!["baseline mean".to_owned(), "stress peak".to_owned()],
        rows: (0..CONTAINERS)
            .map(|c| {
                let peak = 4.0 + ((c * 11) % 20) as f64 * 6.4;
                BarRow {
                    name: name(c),
                    values: vec![Some(peak * 0.1), (c != 13).then_some(peak)],
                    threshold: (c != 7).then_some([90.0, 135.0, 180.0][c % 3]),
                }
            })
            .collect(),
    }
}

pub fn speed() -> Steps {
    Steps {
        title: "Speed scaling: mean CPU per step".to_owned(),
        subtitle: "agents = 50 / multiplier; stopped by rideshare-trino at 64×".to_owned(),
        x_label: "speed multiplier".to_owned(),
        label: "mean CPU".to_owned(),
        unit: "%".to_owned(),
        steps: (1..=6).map(|n| format!("{}×", 1 << n)).collect(),
        series: (0..CONTAINERS)
            .map(|c| StepSeries {
                name: name(c),
                values: (0..6)
                    .map(|n| {
                        let absent = c == 4 && n == 3;
                        (!absent).then(|| 3.0 + ((c * 11) % 20) as f64 * (1.0 + n as f64 * 0.9))
                    })
                    .collect(),
            })
            .collect(),
        thresholds: vec![Threshold { value: 90.0, name: "90 % of 1 core:".to_owned() }],
    }
}
