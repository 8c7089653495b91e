//! AMD GPUs through the files of the amdgpu driver: `/sys/class/drm/card*/device`, its sensors in
//! `hwmon`, and `/proc/PID/fdinfo` for what a process holds.
//!
//! Every file is optional: which ones there are depends on the product and the kernel. Files of a
//! card that is asleep answer with an error; that is no reading. Processes are those of the stack's
//! containers; to see them takes the rights to read their `fd` folders (root, as a rule).

#[cfg(feature = "app")]
mod client;
#[cfg(feature = "app")]
mod clients;
pub mod parse;

#[cfg(feature = "app")]
pub use client::AmdgpuDriver;
