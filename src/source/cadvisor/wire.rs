//! cAdvisor's JSON, as far as figures are read from it. v1.3 and v2.1 answer the same shape for
//! this: a map from cgroup path to `spec` and `stats`. Every field is optional, since versions
//! 0.49 to 0.60 leave out what they did not collect, and one of a wrong type is absent.

use serde::Deserialize;

use crate::source::lenient::{
    Entries, Object, flag, number, numbers, object, objects, text, texts,
};

/// Entries by cgroup path; something else than an object is no entry.
pub(super) type Answer = Entries<Object<Entry>>;

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Entry {
    #[serde(deserialize_with = "text")]
    pub id: Option<String>,
    #[serde(deserialize_with = "texts")]
    pub aliases: Option<Vec<String>>,
    #[serde(deserialize_with = "object")]
    pub spec: Option<Spec>,
    #[serde(deserialize_with = "objects")]
    pub stats: Option<Vec<Stats>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Spec {
    #[serde(deserialize_with = "text")]
    pub creation_time: Option<String>,
    #[serde(deserialize_with = "texts")]
    pub aliases: Option<Vec<String>>,
    #[serde(deserialize_with = "flag")]
    pub has_network: Option<bool>,
    #[serde(deserialize_with = "object")]
    pub cpu: Option<CpuSpec>,
    #[serde(deserialize_with = "object")]
    pub memory: Option<MemorySpec>,
}

/// `limit` is left out on purpose: it holds shares, not a limit.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct CpuSpec {
    #[serde(deserialize_with = "number")]
    pub quota: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub period: Option<f64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct MemorySpec {
    #[serde(deserialize_with = "number")]
    pub limit: Option<f64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Stats {
    #[serde(deserialize_with = "text")]
    pub timestamp: Option<String>,
    #[serde(deserialize_with = "object")]
    pub cpu: Option<Cpu>,
    #[serde(deserialize_with = "object")]
    pub memory: Option<Memory>,
    #[serde(deserialize_with = "object")]
    pub diskio: Option<DiskIo>,
    #[serde(deserialize_with = "object")]
    pub network: Option<NetworkStats>,
    #[serde(deserialize_with = "object")]
    pub processes: Option<Processes>,
    #[serde(deserialize_with = "number")]
    pub oom_events: Option<f64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Cpu {
    #[serde(deserialize_with = "object")]
    pub usage: Option<CpuUsage>,
    #[serde(deserialize_with = "object")]
    pub cfs: Option<Cfs>,
    #[serde(deserialize_with = "object")]
    pub psi: Option<Psi>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct CpuUsage {
    #[serde(deserialize_with = "number")]
    pub total: Option<f64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Cfs {
    #[serde(deserialize_with = "number")]
    pub periods: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub throttled_periods: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub throttled_time: Option<f64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Memory {
    #[serde(deserialize_with = "number")]
    pub usage: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub max_usage: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub working_set: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub rss: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub cache: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub swap: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub mapped_file: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub total_active_file: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub total_inactive_file: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub kernel: Option<f64>,
    #[serde(deserialize_with = "object")]
    pub hierarchical_data: Option<MemoryData>,
    #[serde(deserialize_with = "object")]
    pub psi: Option<Psi>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct MemoryData {
    #[serde(deserialize_with = "number")]
    pub pgmajfault: Option<f64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct DiskIo {
    #[serde(deserialize_with = "objects")]
    pub io_service_bytes: Option<Vec<DiskEntry>>,
    #[serde(deserialize_with = "objects")]
    pub io_serviced: Option<Vec<DiskEntry>>,
    #[serde(deserialize_with = "object")]
    pub psi: Option<Psi>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct DiskEntry {
    #[serde(deserialize_with = "numbers")]
    pub stats: Option<Vec<(String, f64)>>,
}

/// The figures beside `interfaces` (v1.3) are those of the first interface only: not read.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct NetworkStats {
    #[serde(deserialize_with = "objects")]
    pub interfaces: Option<Vec<Interface>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Interface {
    #[serde(deserialize_with = "text")]
    pub name: Option<String>,
    #[serde(deserialize_with = "number")]
    pub rx_bytes: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub tx_bytes: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub rx_errors: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub tx_errors: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub rx_dropped: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub tx_dropped: Option<f64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Processes {
    #[serde(deserialize_with = "number")]
    pub threads_current: Option<f64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Psi {
    #[serde(deserialize_with = "object")]
    pub some: Option<PsiData>,
    #[serde(deserialize_with = "object")]
    pub full: Option<PsiData>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct PsiData {
    /// Microseconds, whatever cAdvisor's comments say.
    #[serde(deserialize_with = "number")]
    pub total: Option<f64>,
}

impl CpuSpec {
    /// Cores that the quota allows. Without a cap there is a period alone.
    pub fn cores(&self) -> Option<f64> {
        let quota = self.quota.filter(|us| *us > 0.0)?;
        Some(quota / self.period.filter(|us| *us > 0.0)?)
    }
}

impl Psi {
    pub fn some_us(&self) -> Option<f64> {
        self.some.as_ref()?.total
    }

    pub fn full_us(&self) -> Option<f64> {
        self.full.as_ref()?.total
    }
}
