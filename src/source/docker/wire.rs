//! The stats answer as it is sent, as far as it holds figures.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A count or a size. Whatever is no number from 0 to 2^64 is absent: one odd value must not cost
/// the others, and a negative one is no measurement.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count(pub Option<f64>);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Count, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Count;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_u64<E>(self, value: u64) -> Result<Count, E> {
        Ok(Count(Some(value as f64)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Count, E> {
        Ok(Count(u64::try_from(value).ok().map(|v| v as f64)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Count, E> {
        Ok(Count(Some(value).filter(|v| (0.0..=u64::MAX as f64).contains(v))))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Count, E> {
        Ok(Count(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<Count, E> {
        Ok(Count(None))
    }

    fn visit_unit<E>(self) -> Result<Count, E> {
        Ok(Count(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Count, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Count(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Count, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Count(None))
    }
}

#[derive(serde::Deserialize)]
pub(super) struct Wire {
    pub read: Option<String>,
    pub message: Option<String>,
    pub cpu_stats: Option<CpuStats>,
    pub memory_stats: Option<MemoryStats>,
    pub blkio_stats: Option<BlkioStats>,
    pub networks: Option<BTreeMap<String, Network>>,
    pub pids_stats: Option<PidsStats>,
}

#[derive(serde::Deserialize, Default)]
pub(super) struct CpuStats {
    pub cpu_usage: Option<CpuUsage>,
    pub throttling_data: Option<Throttling>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
pub(super) struct CpuUsage {
    pub total_usage: Count,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
pub(super) struct Throttling {
    pub periods: Count,
    pub throttled_periods: Count,
    pub throttled_time: Count,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
pub(super) struct MemoryStats {
    pub usage: Count,
    pub max_usage: Count,
    pub limit: Count,
    pub stats: Option<MemoryDetail>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
pub(super) struct MemoryDetail {
    // cgroup v1
    pub total_rss: Count,
    pub total_cache: Count,
    pub total_active_file: Count,
    pub total_inactive_file: Count,
    pub total_mapped_file: Count,
    pub total_swap: Count,
    // cgroup v2
    pub anon: Count,
    pub file: Count,
    pub active_file: Count,
    pub inactive_file: Count,
    pub file_mapped: Count,
    pub shmem: Count,
    pub sock: Count,
    pub slab: Count,
    pub slab_reclaimable: Count,
    pub kernel: Count,
    pub kernel_stack: Count,
    pub pagetables: Count,
    pub percpu: Count,
}

#[derive(serde::Deserialize, Default)]
pub(super) struct BlkioStats {
    pub io_service_bytes_recursive: Option<Vec<BlkioEntry>>,
    pub io_serviced_recursive: Option<Vec<BlkioEntry>>,
}

#[derive(serde::Deserialize)]
pub(super) struct BlkioEntry {
    pub op: Option<String>,
    #[serde(default)]
    pub value: Count,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
pub(super) struct PidsStats {
    pub current: Count,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
pub(super) struct Network {
    pub rx_bytes: Count,
    pub tx_bytes: Count,
    pub rx_errors: Count,
    pub tx_errors: Count,
    pub rx_dropped: Count,
    pub tx_dropped: Count,
}

impl Network {
    pub fn errors(&self) -> Option<f64> {
        let all = [self.rx_errors, self.tx_errors, self.rx_dropped, self.tx_dropped];
        let known: Vec<f64> = all.into_iter().filter_map(|count| count.0).collect();
        (!known.is_empty()).then(|| known.iter().sum())
    }
}
