//! Where figures come from: one folder a source, transport apart from parsing.
//!
//! Parsers are pure functions from text to figures and belong to the core; whatever opens files or
//! connections is behind the feature `app`.

pub mod amdgpu;
#[cfg(feature = "app")]
pub(crate) mod buffer;
pub mod cadvisor;
pub mod cgroup;
pub mod custom;
pub mod docker;
pub mod gpu;
#[cfg(feature = "app")]
mod health;
pub mod host;
#[cfg(feature = "app")]
pub(crate) mod http;
pub mod kernel_text;
mod lenient;
#[cfg(feature = "app")]
pub mod nvml;
#[cfg(all(test, feature = "app"))]
mod offers_tests;
#[cfg(feature = "app")]
pub mod own;
pub mod procfs;
pub mod prometheus;
pub mod resources;
#[cfg(feature = "app")]
mod stamp;
