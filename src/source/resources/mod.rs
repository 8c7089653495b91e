//! What leaks more often than heaps: descriptors, sockets, processes, files.
//!
//! Two sources that are read seldom ([`crate::session::ports::Source::pace`]): `Handles` counts
//! what the processes of a container hold, `Disk` measures what it wrote. Both read this machine's
//! files and change nothing.

pub mod parse;

#[cfg(feature = "app")]
mod disk;
#[cfg(feature = "app")]
mod handles;
#[cfg(feature = "app")]
mod places;

#[cfg(feature = "app")]
pub use disk::DiskSource;
#[cfg(all(test, feature = "app"))]
pub(crate) use disk::OFFERS as DISK_OFFERS;
#[cfg(feature = "app")]
pub use handles::HandlesSource;
#[cfg(all(test, feature = "app"))]
pub(crate) use handles::OFFERS as HANDLES_OFFERS;
