//! GPUs of this machine, read once as a run does it.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::row::{Row, within};
use crate::cli::gpus::{self, Gpus};
use crate::config::Config;
use crate::model::{Container, Device, Figure, FigureSet, Gap};
use crate::session::ports::RunClock;

const NAME: &str = "GPU";

/// One row: the GPUs with what they say, or why there is none. A machine without one lacks nothing.
pub async fn row(config: &Config, remote: bool) -> Row {
    let opened = within(NAME, gpus::open(config, remote, RunClock::start())).await;
    let mut gpus = match opened {
        Ok(gpus) => gpus,
        Err(row) => return row.into_note(),
    };
    let mut read = BTreeMap::new();
    let mut gaps = Vec::new();
    for source in &mut gpus.sources {
        const NONE: &[Container] = &[];
        source.begin(NONE);
        let round = source.finish(Instant::now() + config.sources.timeout).await;
        read.extend(round.devices);
        gaps.extend(round.gaps);
    }
    told(&gpus, &read, &gaps)
}

fn told(gpus: &Gpus, read: &BTreeMap<String, FigureSet>, gaps: &[Gap]) -> Row {
    if gpus.devices.is_empty() {
        let whys = gpus.missing.iter().map(|(kind, why)| format!("{kind}: {why}"));
        return Row::ok(NAME, format!("none; {}", whys.collect::<Vec<_>>().join("; ")));
    }
    let mut lines: Vec<String> =
        gpus.devices.iter().map(|device| line(device, read.get(&device.key))).collect();
    let name = |gap: &Gap| gap.container.clone().unwrap_or_else(|| gap.source.to_string());
    lines.extend(gaps.iter().map(|gap| format!("{}: {}", name(gap), gap.reason)));
    let text = lines.join("\n");
    if gaps.is_empty() {
        return Row::ok(NAME, text);
    }
    Row::note(NAME, text).with_remedy("a run leaves out what does not answer; see `nvidia-smi`")
}

fn line(device: &Device, read: Option<&FigureSet>) -> String {
    let names = read.map(|figures| figures.iter().map(|(f, _)| short(f)).collect::<Vec<_>>());
    let names = names.filter(|names| !names.is_empty());
    let gives = names.map_or_else(|| "no figure".to_string(), |names| names.join(", "));
    format!("{}; gives {gives}", gpus::describe(device))
}

fn short(figure: Figure) -> &'static str {
    figure.name().strip_prefix("gpu_").unwrap_or(figure.name())
}

#[cfg(test)]
mod tests {
    use super::super::row::Status;
    use super::*;

    #[tokio::test]
    async fn a_machine_without_a_gpu_is_as_a_run_needs_it_and_says_why() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config::minimal("demo");
        config.sources.sys_root = folder.path().to_path_buf();
        config.sources.nvml_library = folder.path().join("libnvidia-ml.so.1");
        let row = row(&config, false).await;
        assert_eq!(row.status, Status::Ok);
        assert!(row.detail.starts_with("none; nvml: "), "{row:?}");
        assert!(row.detail.contains("cannot be loaded"), "{row:?}");
        assert!(row.detail.contains("amdgpu: no card of amdgpu"), "{row:?}");
    }

    #[tokio::test]
    async fn a_card_says_what_it_gives() {
        let folder = tempfile::tempdir().expect("a folder");
        let card = folder.path().join("class/drm/card0/device");
        std::fs::create_dir_all(&card).expect("folders");
        std::fs::write(card.join("gpu_busy_percent"), "5\n").expect("a file");
        std::fs::write(card.join("mem_info_vram_total"), "8589934592\n").expect("a file");
        let mut config = Config::minimal("demo");
        config.sources.sys_root = folder.path().to_path_buf();
        config.sources.nvml_library = folder.path().join("none.so");
        let row = row(&config, false).await;
        assert_eq!(row.status, Status::Ok);
        assert_eq!(row.detail, "gpu0 AMD GPU, 8.0 GiB; gives percent, memory_total_bytes");
        let remote = super::row(&config, true).await;
        assert!(remote.detail.contains("another machine"), "{remote:?}");
    }
}
