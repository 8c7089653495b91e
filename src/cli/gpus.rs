//! The GPUs of this machine: which sources read them, and why others do not.

use std::time::Duration;

use crate::config::Config;
use crate::model::{Device, Mig, SourceKind};
use crate::session::devices::DeviceSource;
use crate::session::ports::RunClock;
use crate::source::amdgpu::AmdgpuDriver;
use crate::source::gpu::Worker;
use crate::source::nvml::NvmlDriver;

/// A driver that takes longer to start is left alone. Without its persistence mode a driver wakes
/// every GPU first, which takes seconds.
const START: Duration = Duration::from_secs(15);

/// What was found.
#[derive(Default)]
pub struct Gpus {
    /// Who reads them.
    pub sources: Vec<Box<dyn DeviceSource>>,
    /// The devices.
    pub devices: Vec<Device>,
    /// Why a source has none.
    pub missing: Vec<(SourceKind, String)>,
}

/// Opens the sources of GPUs that the config allows. Those of another machine cannot be read.
pub async fn open(config: &Config, remote: bool, clock: RunClock) -> Gpus {
    let mut gpus = Gpus::default();
    for kind in [SourceKind::Nvml, SourceKind::Amdgpu] {
        let only = &config.sources.only;
        let why_not = if remote {
            Some("the containers run on another machine")
        } else {
            (!only.is_empty() && !only.contains(&kind)).then_some("sources.only leaves it out")
        };
        match why_not {
            Some(why) => gpus.missing.push((kind, why.to_string())),
            None => gpus.add(kind, config, clock).await,
        }
    }
    gpus
}

impl Gpus {
    async fn add(&mut self, kind: SourceKind, config: &Config, clock: RunClock) {
        let proc_root = config.sources.proc_root.clone();
        let opened = match kind {
            SourceKind::Nvml => {
                let library = config.sources.nvml_library.clone();
                let make = move || NvmlDriver::open(&library);
                Worker::open(kind, clock, proc_root, START, make).await
            }
            _ => {
                let (sys_root, first) = (config.sources.sys_root.clone(), self.next_number());
                let make = move || AmdgpuDriver::open(&sys_root, first);
                Worker::open(kind, clock, proc_root, START, make).await
            }
        };
        match opened {
            Ok(worker) => {
                self.devices.extend_from_slice(worker.devices());
                self.sources.push(Box::new(worker));
            }
            Err(why) => self.missing.push((kind, why)),
        }
    }

    /// The number after the highest that is taken: NVML leaves out what it cannot open.
    fn next_number(&self) -> usize {
        let number = |d: &Device| d.key.strip_prefix("gpu")?.split('-').next()?.parse().ok();
        self.devices.iter().filter_map(number).max().map_or(0, |highest: usize| highest + 1)
    }
}

/// A device in words: `gpu0 NVIDIA A100-SXM4-40GB, 40.0 GiB, driver 550.54.15, parted by MIG`.
pub fn describe(device: &Device) -> String {
    let name = device.name.as_deref().unwrap_or(match device.source {
        SourceKind::Amdgpu => "AMD GPU",
        _ => "NVIDIA GPU",
    });
    let memory = device.memory_bytes.map(|b| format!("{:.1} GiB", b as f64 / (1u64 << 30) as f64));
    let driver = device.driver.as_ref().map(|version| format!("driver {version}"));
    let mig = match device.mig {
        Mig::Off => None,
        Mig::Parted => Some("parted by MIG: no utilisation as a whole".to_string()),
        Mig::Instance => Some("MIG instance".to_string()),
    };
    let parts: Vec<String> = [memory, driver, mig].into_iter().flatten().collect();
    format!("{} {name}{}{}", device.key, if parts.is_empty() { "" } else { ", " }, parts.join(", "))
}
