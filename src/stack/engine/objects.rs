//! Networks and volumes: what a reset would destroy, and what a `down` must have removed.

use std::collections::{BTreeMap, HashMap};

use bollard::query_parameters::{
    InspectNetworkOptions, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
};

use super::{CALL_LIMIT, Engine, EngineError, within};
use crate::stack::naming::Labels;

/// A volume of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeFound {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Its driver.
    pub driver: Option<String>,
    /// Options of its driver.
    pub options: BTreeMap<String, String>,
}

/// A network of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkFound {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Its driver.
    pub driver: Option<String>,
    /// Whether it leads nowhere outside.
    pub internal: Option<bool>,
    /// Its subnets.
    pub subnets: Vec<String>,
    /// Options of its driver.
    pub options: BTreeMap<String, String>,
}

impl Engine {
    /// Networks that carry this label (`key=value`).
    ///
    /// # Errors
    /// When the engine does not answer in time, or refuses.
    pub async fn networks_by_label(&self, label: &str) -> Result<Vec<NetworkFound>, EngineError> {
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
        let call = self.clients.docker.list_networks(Some(options));
        let list = within("network list", CALL_LIMIT, call).await?;
        Ok(list
            .into_iter()
            .filter_map(|n| {
                Some(NetworkFound {
                    name: n.name?,
                    labels: n.labels.unwrap_or_default().into_iter().collect(),
                    driver: n.driver.filter(|d| !d.is_empty()),
                    internal: n.internal,
                    subnets: n
                        .ipam
                        .and_then(|ipam| ipam.config)
                        .unwrap_or_default()
                        .into_iter()
                        .filter_map(|c| c.subnet)
                        .collect(),
                    options: n.options.unwrap_or_default().into_iter().collect(),
                })
            })
            .collect())
    }

    /// Volumes that carry this label (`key=value`).
    ///
    /// # Errors
    /// When the engine does not answer in time, or refuses.
    pub async fn volumes_by_label(&self, label: &str) -> Result<Vec<VolumeFound>, EngineError> {
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let call = self.clients.docker.list_volumes(Some(options));
        let list = within("volume list", CALL_LIMIT, call).await?;
        Ok(list.volumes.unwrap_or_default().into_iter().map(found).collect())
    }

    /// One volume by its name; `None` when there is none.
    ///
    /// # Errors
    /// When the engine does not answer in time, or refuses.
    pub async fn volume(&self, name: &str) -> Result<Option<VolumeFound>, EngineError> {
        let call = self.clients.docker.inspect_volume(name);
        match within(&format!("volume {name}"), CALL_LIMIT, call).await {
            Ok(volume) => Ok(Some(found(volume))),
            Err(EngineError::Absent(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether there is a network of this name.
    ///
    /// # Errors
    /// When the engine does not answer in time, or refuses.
    pub async fn has_network(&self, name: &str) -> Result<bool, EngineError> {
        let call = self.clients.docker.inspect_network(name, None::<InspectNetworkOptions>);
        there(within(&format!("network {name}"), CALL_LIMIT, call).await)
    }

    /// Whether this image is on the engine.
    ///
    /// # Errors
    /// When the engine does not answer in time, or refuses.
    pub async fn has_image(&self, reference: &str) -> Result<bool, EngineError> {
        let call = self.clients.docker.inspect_image(reference);
        there(within(&format!("image {reference}"), CALL_LIMIT, call).await)
    }
}

fn there<T>(answer: Result<T, EngineError>) -> Result<bool, EngineError> {
    match answer {
        Ok(_) => Ok(true),
        Err(EngineError::Absent(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

fn found(volume: bollard::models::Volume) -> VolumeFound {
    VolumeFound {
        name: volume.name,
        labels: volume.labels.into_iter().collect(),
        driver: Some(volume.driver).filter(|d| !d.is_empty()),
        options: volume.options.into_iter().collect(),
    }
}
