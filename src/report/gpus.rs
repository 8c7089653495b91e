//! What reports say of GPUs: a table of cells, and a line for the last screen.

use crate::analysis::Analysis;
use crate::analysis::gpu::GpuAnalysis;

use super::words::{self, cell, signed_cell};

/// Heads of the table.
pub const HEAD: [&str; 10] = [
    "GPU",
    "Mean %",
    "Peak %",
    "Peak MB",
    "Of MB",
    "Verdict",
    "MB/min",
    "Growth MB",
    "Peak W / °C",
    "Held back",
];

/// The rows, not escaped: devices, then what containers have of them.
#[must_use]
pub fn rows(analysis: &Analysis) -> Vec<[String; 10]> {
    analysis.gpus.iter().map(row).collect()
}

fn row(gpu: &GpuAnalysis) -> [String; 10] {
    let leak = gpu.leak.as_ref();
    let slope = leak.and_then(|leak| leak.slope_mb_per_min);
    let name = match gpu.container {
        true => format!("container {}", gpu.name),
        false => gpu.name.clone(),
    };
    let heat = match (gpu.peak_power_w, gpu.peak_temperature_c) {
        (None, None) => "–".to_string(),
        (power, heat) => format!("{} / {}", cell(power, 0), cell(heat, 0)),
    };
    let held: Vec<String> =
        gpu.throttled.iter().map(|(why, share)| format!("{why} {share:.0} %")).collect();
    [
        name,
        cell(gpu.mean_percent, 0),
        cell(gpu.peak_percent, 0),
        cell(gpu.peak_memory_mb, 0),
        cell(gpu.memory_mb, 0),
        leak.map_or("–", |leak| words::verdict(leak.verdict)).to_string(),
        signed_cell(slope, 2),
        signed_cell(gpu.growth_mb, 0),
        heat,
        if held.is_empty() { "–".to_string() } else { held.join(", ") },
    ]
}

/// `gpu0 up to 93 % busy, 10240 of 40960 MB; web GPU memory leak`; absent without a GPU.
#[must_use]
pub fn line(analysis: &Analysis) -> Option<String> {
    let device = |gpu: &GpuAnalysis| {
        let busy = gpu.peak_percent.map(|p| format!("up to {p:.0} % busy"));
        let memory = gpu.peak_memory_mb.map(|used| {
            let total = gpu.memory_mb.map(|mb| format!(" of {mb:.0}")).unwrap_or_default();
            format!("{used:.0}{total} MB")
        });
        let parts: Vec<String> = busy.into_iter().chain(memory).collect();
        format!("{} {}", gpu.name, parts.join(", "))
    };
    let devices: Vec<String> =
        analysis.gpus.iter().filter(|g| !g.container).take(DEVICES).map(device).collect();
    let all = analysis.gpus.iter().filter(|g| !g.container).count();
    if devices.is_empty() {
        return None;
    }
    let more = if all > DEVICES { format!(" and {} more", all - DEVICES) } else { String::new() };
    Some(format!("{}{more}", devices.join("; ")))
}

/// Devices that the last screen names.
const DEVICES: usize = 4;
