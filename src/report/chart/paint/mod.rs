//! Painters: what a [`Picture`](super::Picture) looks like as a page's drawing and as a bitmap.

mod data;
mod digits;
#[cfg(feature = "app")]
mod png;
mod svg;

#[cfg(feature = "app")]
pub use png::{PngError, png};
pub use svg::{escape, svg};
