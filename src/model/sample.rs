//! A sample: what is known about one container at one tick, with where each part came from.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::figure::{Figure, FigureSet};

/// Where figures come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// The kernel's control group files.
    Cgroup,
    /// Process files under `/proc`, summed over a process tree.
    Procfs,
    /// The Docker Engine's stats.
    Docker,
    /// cAdvisor's HTTP API.
    Cadvisor,
    /// A Prometheus that scrapes cAdvisor or a kubelet.
    Prometheus,
    /// NVIDIA's management library.
    Nvml,
    /// The amdgpu driver's sysfs files.
    Amdgpu,
    /// The engine's inspect answers (restart counts).
    Engine,
    /// An endpoint of a `[[metric]]` or `[[health]]` in the config.
    Custom,
    /// A file that another program wrote.
    File,
}

impl SourceKind {
    /// All kinds with their names.
    pub const NAMES: &'static [(SourceKind, &'static str)] = &[
        (SourceKind::Cgroup, "cgroup"),
        (SourceKind::Procfs, "procfs"),
        (SourceKind::Docker, "docker"),
        (SourceKind::Cadvisor, "cadvisor"),
        (SourceKind::Prometheus, "prometheus"),
        (SourceKind::Nvml, "nvml"),
        (SourceKind::Amdgpu, "amdgpu"),
        (SourceKind::Engine, "engine"),
        (SourceKind::Custom, "custom"),
        (SourceKind::File, "file"),
    ];

    /// Name in files and configs.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(kind, _)| *kind == self).map_or("unknown", |(_, name)| name)
    }
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SourceKind {
    type Err = String;
    fn from_str(name: &str) -> Result<SourceKind, String> {
        Self::NAMES
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(kind, _)| *kind)
            .ok_or_else(|| format!("unknown source '{name}'"))
    }
}

/// Figures that one source read at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Who read them.
    pub source: SourceKind,
    /// When they were true: monotonic seconds since the start of the run. Counters are divided by
    /// the difference of these, not by the tick's interval.
    pub at: f64,
    /// The figures.
    #[serde(flatten)]
    pub figures: FigureSet,
}

/// What is known about one container at one tick. Parts are in order of precedence; a figure is
/// in one part only, except under `sources.cross_check`, where the first one counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The container's key.
    pub name: String,
    /// Which life of the container this is (see [`super::Container::incarnation`]).
    #[serde(default, rename = "inc", skip_serializing_if = "is_first")]
    pub incarnation: u32,
    /// Figures by source, the cheapest first.
    pub parts: Vec<Part>,
}

fn is_first(incarnation: &u32) -> bool {
    *incarnation == 0
}

impl Sample {
    /// The value of a figure, from the first part that has it.
    #[must_use]
    pub fn get(&self, figure: Figure) -> Option<f64> {
        self.parts.iter().find_map(|part| part.figures.get(figure))
    }

    /// The value of a figure with its source and the moment it was read.
    #[must_use]
    pub fn get_with_time(&self, figure: Figure) -> Option<(f64, SourceKind, f64)> {
        self.parts
            .iter()
            .find_map(|part| part.figures.get(figure).map(|value| (value, part.source, part.at)))
    }

    /// All figures as one set; the first part that has one wins.
    #[must_use]
    pub fn merged(&self) -> FigureSet {
        let mut all = FigureSet::new();
        for part in &self.parts {
            all.fill_from(&part.figures);
        }
        all
    }
}
