//! The page around a chart: works from a folder without a network, one script for all of them.

use crate::report::chart::paint::escape;

/// The script that adds read-outs, legend switches and zoom to every chart of a page. It is
/// written once beside the charts, or put into a page whole.
pub const SCRIPT: &str = include_str!("runner.js");

/// Name under which [`SCRIPT`] is written into the folder of the charts.
pub const SCRIPT_NAME: &str = "runner.js";

/// The style of a chart in a page, for light and dark screens and for print.
pub const STYLE: &str = include_str!("chart.css");

/// What a chart's page consists of.
#[derive(Debug, Clone, Copy)]
pub struct ChartPage<'a> {
    /// The chart's title; escaped here, as names in it come from outside.
    pub title: &'a str,
    /// The drawing as [`paint::svg`](crate::report::chart::paint::svg) made it.
    pub svg: &'a str,
    /// Path of the script relative to the page, e.g. `../runner.js`.
    pub script: &'a str,
    /// A way back: address relative to the page and its words.
    pub back: Option<(&'a str, &'a str)>,
    /// Address of the same chart as PNG, relative to the page.
    pub png: Option<&'a str>,
}

/// Writes the page.
pub fn chart_page(page: &ChartPage) -> String {
    let title = escape(page.title);
    let link =
        |(to, words): (&str, &str)| format!("<a href=\"{}\">{}</a>", escape(to), escape(words));
    let links: Vec<String> =
        page.back.into_iter().chain(page.png.map(|png| (png, "PNG"))).map(link).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body class=\"runner-page\">\n\
         <nav>{links}</nav>\n<figure>{svg}</figure>\n\
         <script src=\"{script}\"></script>\n</body>\n</html>\n",
        links = links.join(" "),
        svg = page.svg,
        script = escape(page.script),
    )
}
