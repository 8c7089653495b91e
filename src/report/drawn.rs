//! A chart that has been drawn, as reports take it in.

/// A chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// Path below the charts' folder without its ending: `overview/cpu_heatmap`.
    pub name: String,
    /// Its title.
    pub title: String,
    /// The line below its title.
    pub subtitle: String,
    /// Size in CSS pixels.
    pub size: (f64, f64),
    /// The drawing as one `<svg>` element, without the data that its page reads out.
    pub svg: String,
}
