//! The chart engine: a chart is laid out once in our own types, then painted twice.
//!
//! A specification ([`Heatmap`], [`Timeline`], [`PanelGrid`], [`Bars`], [`Steps`]) holds plain names
//! and figures, with NaN or `None` where a figure is absent. `layout()` turns it into a [`Picture`]
//! of rectangles, lines and labels: pure arithmetic, the same on every machine. [`paint::svg`] and
//! [`paint::png`] only draw what the picture says, so a page and a bitmap never disagree.

mod bars;
mod colour;
mod decimate;
mod events;
mod frame;
mod grid;
mod heatmap;
mod intervals;
mod legend;
pub mod paint;
mod panel;
pub mod picture;
mod scale;
mod steps;
#[cfg(test)]
mod tests;
mod text;
mod threshold;
mod timeline;

pub use bars::{BarRow, Bars};
pub use grid::{GridPanel, PanelGrid, SlopeLine, Tone};
pub use heatmap::Heatmap;
pub use intervals::{IntervalRow, Intervals};
pub use picture::Picture;
pub use steps::{StepSeries, Steps};
pub use timeline::{Band, Event, EventKind, Panel, Series, Threshold, Timeline};
