//! NVIDIA GPUs through NVML, the driver's management library, loaded when the program runs.
//!
//! Every figure is optional: which ones there are depends on the product, the driver and MIG. What
//! a device says it does not support is not asked for again. Utilisation is the share of time in
//! which at least one kernel ran, over the driver's own window of 1/6 s to 1 s. Memory in use needs
//! a driver of release 510 or later. Processes come with pids of the host.

mod client;

pub use client::NvmlDriver;

#[cfg(test)]
mod tests;
