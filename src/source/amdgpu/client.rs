//! Reads the files.

use std::fs;
use std::path::{Path, PathBuf};

use crate::model::{Device, Figure, FigureSet, Mig, SourceKind};
use crate::source::gpu::share::OnDevice;
use crate::source::gpu::{Driver, DriverRead, Owners};

use super::clients::by_card;
use super::parse;

/// The cards of this machine.
pub struct AmdgpuDriver {
    cards: Vec<Card>,
}

/// One card.
struct Card {
    facts: Device,
    /// Its `device` folder.
    folder: PathBuf,
    /// Its sensors.
    sensors: Option<PathBuf>,
}

impl AmdgpuDriver {
    /// Looks for cards below `sys_root`; the first one is `gpuN`, N being `first`.
    ///
    /// # Errors
    /// That there is none.
    pub fn open(sys_root: &Path, first: usize) -> Result<AmdgpuDriver, String> {
        let folder = sys_root.join("class/drm");
        let none = || format!("no card of amdgpu in {}", folder.display());
        let entries = fs::read_dir(&folder).map_err(|_| none())?;
        let number = |entry: fs::DirEntry| parse::card(entry.file_name().to_str()?);
        let mut numbers: Vec<u32> = entries.flatten().filter_map(number).collect();
        numbers.sort_unstable();
        let folders = numbers.into_iter().map(|n| folder.join(format!("card{n}/device")));
        let ours = folders.filter(|folder| is_amdgpu(folder)).enumerate();
        let cards: Vec<Card> = ours.map(|(n, folder)| Card::new(folder, first + n)).collect();
        if cards.is_empty() { Err(none()) } else { Ok(AmdgpuDriver { cards }) }
    }
}

fn text(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// By the driver's name, or by a file that no other driver has.
fn is_amdgpu(folder: &Path) -> bool {
    let uevent = text(&folder.join("uevent")).unwrap_or_default();
    match parse::uevent(&uevent, "DRIVER") {
        Some(driver) => driver == "amdgpu",
        None => folder.join("mem_info_vram_total").exists(),
    }
}

impl Card {
    fn new(folder: PathBuf, index: usize) -> Card {
        let word = |name: &str| {
            let text = text(&folder.join(name))?.trim().to_string();
            (!text.is_empty()).then_some(text)
        };
        let uevent = word("uevent").unwrap_or_default();
        let total = word("mem_info_vram_total").and_then(|text| text.parse().ok());
        let facts = Device {
            key: format!("gpu{index}"),
            source: SourceKind::Amdgpu,
            name: word("product_name"),
            uuid: word("unique_id"),
            pci: parse::uevent(&uevent, "PCI_SLOT_NAME").map(str::to_string),
            driver: None,
            memory_bytes: total,
            mig: Mig::Off,
        };
        let sensors = fs::read_dir(folder.join("hwmon")).ok();
        let sensors = sensors.and_then(|entries| entries.flatten().map(|e| e.path()).min());
        Card { facts, folder, sensors }
    }

    fn read(&self) -> FigureSet {
        let own = |name: &str| text(&self.folder.join(name));
        let sensor = |name: &str| parse::number(&text(&self.sensors.as_ref()?.join(name))?);
        let bytes = |name: &str| own(name).and_then(|t| parse::number(&t)).filter(|v| *v >= 0.0);
        let percent = |name: &str| own(name).and_then(|t| parse::percent(&t));
        let mut figures = FigureSet::new();
        figures.set_some(Figure::GpuPercent, percent("gpu_busy_percent"));
        figures.set_some(Figure::GpuMemoryBusyPercent, percent("mem_busy_percent"));
        figures.set_some(Figure::GpuMemoryUsedBytes, bytes("mem_info_vram_used"));
        figures.set_some(Figure::GpuMemoryTotalBytes, bytes("mem_info_vram_total"));
        // Microwatts and thousandths of a degree.
        let power = sensor("power1_average").or_else(|| sensor("power1_input"));
        figures.set_some(Figure::GpuPowerWatts, power.map(|uw| uw / 1e6));
        figures.set_some(Figure::GpuTemperatureCelsius, sensor("temp1_input").map(|mc| mc / 1e3));
        figures
    }
}

impl Driver for AmdgpuDriver {
    fn devices(&self) -> Vec<Device> {
        self.cards.iter().map(|card| card.facts.clone()).collect()
    }

    fn read(&mut self, owners: &Owners) -> DriverRead {
        let mut read = DriverRead::default();
        let held = by_card(owners);
        for card in &self.cards {
            let key = card.facts.key.clone();
            let figures = card.read();
            if figures.is_empty() {
                let why = format!("none of its files in {} answers", card.folder.display());
                read.troubles.push((key.clone(), why));
            }
            let of_card =
                |pci: &String| held.as_ref().map(|held| held.get(pci).cloned().unwrap_or_default());
            let processes = card.facts.pci.as_ref().and_then(of_card);
            read.processes.push(OnDevice { device: key.clone(), processes });
            read.figures.push((key, figures));
        }
        read
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
