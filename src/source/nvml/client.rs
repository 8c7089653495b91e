//! The calls, and what to make of their answers.

use std::collections::BTreeMap;
use std::path::Path;

use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::struct_wrappers::device::ProcessInfo;
use nvml_wrapper::{Device as Handle, Nvml};

use crate::model::{Device, Figure, FigureSet, Mig, SourceKind};
use crate::source::gpu::share::{OnDevice, ProcessUse};
use crate::source::gpu::{Driver, DriverRead, Owners};

/// Rounds that a device which answers nothing but errors is left alone, at most.
const LONGEST_REST: u32 = 32;

/// Most MIG instances of a GPU that are looked for.
const MIG_INSTANCES: u32 = 16;

/// The library, started, with the devices it knows.
pub struct NvmlDriver {
    devices: Vec<One>,
}

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ask {
    Utilisation,
    Memory,
    Power,
    Temperature,
    Throttling,
    Compute,
    Graphics,
    Samples,
}

/// One device.
struct One {
    handle: Handle<'static>,
    facts: Device,
    /// What it does not have.
    lacks: Vec<Ask>,
    /// Time stamp of the latest utilisation sample, the driver's microseconds.
    sampled: Option<u64>,
    /// Rounds of the rest after the next failure, and rounds that are left of this one.
    rest: u32,
    left: u32,
    trouble: Option<String>,
}

impl NvmlDriver {
    /// Loads the library, starts it and finds the devices. What it takes is kept until the program
    /// ends.
    ///
    /// # Errors
    /// Why there is no GPU to be read: no library, no driver, no device.
    pub fn open(library: &Path) -> Result<NvmlDriver, String> {
        let nvml = Nvml::builder()
            .lib_path(library.as_os_str())
            .init()
            .map_err(|error| why_not(&error, library))?;
        // Never shut down: devices are read until the program ends, and a library that hangs or
        // lacks the call must not hold up its end.
        let nvml: &'static Nvml = Box::leak(Box::new(nvml));
        let count = nvml.device_count().map_err(|e| format!("no device can be counted: {e}"))?;
        let driver = nvml.sys_driver_version().ok();
        let mut devices = Vec::new();
        for index in 0..count {
            // One without permission or off the bus leaves the others.
            let Ok(handle) = nvml.device_by_index(index) else { continue };
            let key = format!("gpu{index}");
            let instances = instances(&handle, &key, driver.as_deref());
            let mig = if is_parted(&handle) { Mig::Parted } else { Mig::Off };
            devices.push(One::new(handle, key, driver.as_deref(), mig));
            devices.extend(instances);
        }
        if devices.is_empty() {
            return Err(match count {
                0 => "the driver is there and knows no GPU".to_string(),
                n => format!("none of its {n} GPUs can be opened (permission, or off the bus)"),
            });
        }
        Ok(NvmlDriver { devices })
    }
}

fn why_not(error: &NvmlError, library: &Path) -> String {
    match error {
        NvmlError::LibloadingError(error) => {
            format!("{} cannot be loaded ({error})", library.display())
        }
        NvmlError::DriverNotLoaded => "the NVIDIA driver is not loaded".to_string(),
        error => format!("NVML does not start: {error}"),
    }
}

fn is_parted(handle: &Handle<'static>) -> bool {
    /// `NVML_DEVICE_MIG_ENABLE`.
    const ENABLED: u32 = 1;
    handle.mig_mode().is_ok_and(|mode| mode.current == ENABLED)
}

fn instances(parent: &Handle<'static>, key: &str, driver: Option<&str>) -> Vec<One> {
    if !is_parted(parent) {
        return Vec::new();
    }
    let most = parent.mig_device_count().unwrap_or(0).min(MIG_INSTANCES);
    let one = |index: u32| {
        let handle = parent.mig_device_by_index(index).ok()?;
        Some(One::new(handle, format!("{key}-mig{index}"), driver, Mig::Instance))
    };
    (0..most).filter_map(one).collect()
}

impl One {
    fn new(handle: Handle<'static>, key: String, driver: Option<&str>, mig: Mig) -> One {
        let facts = Device {
            key,
            source: SourceKind::Nvml,
            name: handle.name().ok(),
            uuid: handle.uuid().ok(),
            pci: handle.pci_info().ok().map(|pci| pci.bus_id),
            driver: driver.map(str::to_string),
            memory_bytes: handle.memory_info().ok().map(|memory| memory.total),
            mig,
        };
        let (lacks, sampled) = (Vec::new(), None);
        One { handle, facts, lacks, sampled, rest: 0, left: 0, trouble: None }
    }

    /// The answer to a call; what the device does not have is not asked for again.
    fn ask<T>(
        &mut self,
        what: Ask,
        call: impl FnOnce(&Handle<'static>) -> Result<T, NvmlError>,
    ) -> Option<T> {
        if self.lacks.contains(&what) {
            return None;
        }
        match call(&self.handle) {
            Ok(answer) => Some(answer),
            Err(error) if lacks(&error) => {
                self.lacks.push(what);
                None
            }
            Err(error) => {
                self.trouble.get_or_insert_with(|| error.to_string());
                None
            }
        }
    }

    fn read(&mut self) -> FigureSet {
        let mut figures = FigureSet::new();
        if let Some(busy) = self.ask(Ask::Utilisation, Handle::utilization_rates) {
            figures.set_some(Figure::GpuPercent, percent(busy.gpu));
            figures.set_some(Figure::GpuMemoryBusyPercent, percent(busy.memory));
        }
        if let Some(memory) = self.ask(Ask::Memory, Handle::memory_info) {
            figures.set(Figure::GpuMemoryUsedBytes, memory.used as f64);
            figures.set(Figure::GpuMemoryTotalBytes, memory.total as f64);
        }
        let power = self.ask(Ask::Power, Handle::power_usage);
        figures.set_some(Figure::GpuPowerWatts, power.map(|mw| f64::from(mw) / 1000.0));
        let heat = self.ask(Ask::Temperature, |h| h.temperature(TemperatureSensor::Gpu));
        figures.set_some(Figure::GpuTemperatureCelsius, heat.map(f64::from));
        let reasons = self.ask(Ask::Throttling, Handle::current_throttle_reasons);
        figures.set_some(Figure::GpuThrottleReasons, reasons.map(|bits| bits.bits() as f64));
        figures
    }

    /// Its processes; of a GPU that is parted, its instances are asked.
    fn processes(&mut self) -> Option<OnDevice> {
        if self.facts.mig == Mig::Parted {
            return None;
        }
        let compute = self.ask(Ask::Compute, Handle::running_compute_processes);
        let graphics = self.ask(Ask::Graphics, Handle::running_graphics_processes);
        // Cards for computing alone do not know graphics.
        let graphics = match graphics {
            None if self.lacks.contains(&Ask::Graphics) => Some(Vec::new()),
            graphics => graphics,
        };
        let samples = self.samples();
        let processes = compute.zip(graphics).map(|(compute, graphics)| {
            let all = compute.into_iter().chain(graphics);
            all.map(|process| process_use(&process, &samples)).collect()
        });
        Some(OnDevice { device: self.facts.key.clone(), processes })
    }

    /// Mean share of the multiprocessors' time by pid since the round before. The first answer is
    /// of a time before the run and only tells where to go on.
    fn samples(&mut self) -> BTreeMap<u32, f64> {
        let since = self.sampled;
        let call = |h: &Handle<'static>| match h.process_utilization_stats(since) {
            // Nothing new.
            Err(NvmlError::NotFound) => Ok(Vec::new()),
            other => other,
        };
        let samples = self.ask(Ask::Samples, call).unwrap_or_default();
        let mut sums: BTreeMap<u32, (f64, u32)> = BTreeMap::new();
        for sample in &samples {
            self.sampled = self.sampled.max(Some(sample.timestamp));
            let new = since.is_some_and(|since| sample.timestamp > since);
            if new && sample.pid != 0 && sample.sm_util <= 100 {
                let (sum, count) = sums.entry(sample.pid).or_default();
                *sum += f64::from(sample.sm_util);
                *count += 1;
            }
        }
        self.sampled.get_or_insert(0);
        sums.into_iter().map(|(pid, (sum, count))| (pid, sum / f64::from(count))).collect()
    }

    /// One round; a device that answers nothing but errors is left alone for a while.
    fn round(&mut self, read: &mut DriverRead) {
        if self.left > 0 {
            self.left -= 1;
            let device = self.facts.key.clone();
            read.processes.push(OnDevice { device, processes: None });
        } else {
            self.trouble = None;
            let figures = self.read();
            let processes = self.processes();
            let failed = figures.is_empty() && self.trouble.is_some();
            self.rest = if failed { (2 * self.rest).clamp(1, LONGEST_REST) } else { 0 };
            self.left = self.rest;
            read.figures.push((self.facts.key.clone(), figures));
            read.processes.extend(processes);
        }
        if let Some(why) = &self.trouble {
            read.troubles.push((self.facts.key.clone(), why.clone()));
        }
    }
}

/// The device, the driver or the user's rights do not have it, now or later.
fn lacks(error: &NvmlError) -> bool {
    matches!(
        error,
        NvmlError::NotSupported
            | NvmlError::NoPermission
            | NvmlError::InvalidArg
            | NvmlError::FunctionNotFound
            | NvmlError::FailedToLoadSymbol(_)
    )
}

fn percent(value: u32) -> Option<f64> {
    (value <= 100).then(|| f64::from(value))
}

fn process_use(process: &ProcessInfo, samples: &BTreeMap<u32, f64>) -> ProcessUse {
    ProcessUse {
        pid: process.pid,
        memory: match process.used_gpu_memory {
            UsedGpuMemory::Used(bytes) => Some(bytes),
            UsedGpuMemory::Unavailable => None,
        },
        sm_percent: samples.get(&process.pid).copied(),
    }
}

impl Driver for NvmlDriver {
    fn devices(&self) -> Vec<Device> {
        self.devices.iter().map(|one| one.facts.clone()).collect()
    }

    fn read(&mut self, _: &Owners) -> DriverRead {
        let mut read = DriverRead::default();
        for one in &mut self.devices {
            one.round(&mut read);
        }
        read
    }
}
