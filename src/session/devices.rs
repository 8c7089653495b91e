//! The port for GPUs. They are no containers and have figures of their own, so they are read beside
//! the sampler's sources: asked when a tick begins, waited for when everything else was read.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::model::{Container, Device, FigureSet, Gap, SourceKind};

/// What one round of reading GPUs gave.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceRound {
    /// Who read it.
    pub source: SourceKind,
    /// When it was true: seconds on the run's clock.
    pub at: f64,
    /// Figures by device key.
    pub devices: BTreeMap<String, FigureSet>,
    /// Figures by container name: what its processes have on all devices.
    pub containers: BTreeMap<String, FigureSet>,
    /// What was asked for and did not come; `container` names the device.
    pub gaps: Vec<Gap>,
}

impl DeviceRound {
    /// A round that gave nothing.
    #[must_use]
    pub fn nothing(source: SourceKind, at: f64) -> DeviceRound {
        let (devices, containers) = (BTreeMap::new(), BTreeMap::new());
        DeviceRound { source, at, devices, containers, gaps: Vec::new() }
    }
}

/// The GPUs of one vendor. It never blocks the thread and never ends the run.
#[async_trait]
pub trait DeviceSource: Send {
    /// The devices as they were found.
    fn devices(&self) -> &[Device];

    /// Begins a round; `targets` are the containers whose processes may hold memory. Returns at
    /// once.
    fn begin(&mut self, targets: &[Container]);

    /// The round that was begun. One that is not there at the deadline is a gap.
    async fn finish(&mut self, deadline: Instant) -> DeviceRound;
}
