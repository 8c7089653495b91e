//! A GPU, or one MIG instance of it: the key it has in every result, and what is known about it.

use serde::{Deserialize, Serialize};

use super::sample::SourceKind;

/// One device, as it was found before the first tick.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// Key in all results: `gpu0`, for a MIG instance `gpu0-mig1`.
    pub key: String,
    /// Who reads it (`nvml`, `amdgpu`).
    pub source: SourceKind,
    /// The product's name, where the driver says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// An id that stays over reboots: the UUID, for AMD the unique id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// PCI address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pci: Option<String>,
    /// Version of the driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Memory, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// What MIG has to do with it.
    #[serde(default, skip_serializing_if = "Mig::is_off")]
    pub mig: Mig,
}

/// What MIG (one GPU parted into several) has to do with a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mig {
    /// Nothing.
    #[default]
    Off,
    /// It is parted: the driver gives no utilisation for it as a whole.
    Parted,
    /// It is one of the parts.
    Instance,
}

impl Mig {
    /// Whether it has nothing to do with it.
    #[must_use]
    pub fn is_off(&self) -> bool {
        *self == Mig::Off
    }
}
