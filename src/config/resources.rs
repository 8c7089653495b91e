//! Growth of what leaks beside memory.

use serde::{Deserialize, Serialize};

/// From which growth an hour, under a steady load, a resource leaks. Zero: not judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceConfig {
    /// Open descriptors.
    pub open_fds_per_hour: f64,
    /// Sockets.
    pub sockets_per_hour: f64,
    /// Threads.
    pub threads_per_hour: f64,
    /// The writable layer, MB.
    pub writable_layer_mb_per_hour: f64,
    /// Volumes, MB.
    pub volume_mb_per_hour: f64,
    /// The log file, MB.
    pub log_mb_per_hour: f64,
}

impl Default for ResourceConfig {
    fn default() -> Self {
        ResourceConfig {
            open_fds_per_hour: 60.0,
            sockets_per_hour: 60.0,
            threads_per_hour: 30.0,
            writable_layer_mb_per_hour: 100.0,
            volume_mb_per_hour: 500.0,
            log_mb_per_hour: 100.0,
        }
    }
}
