//! The data behind a chart's plots as compact JSON, for the pages' script.

use std::fmt::Write as _;

use crate::tell::clean;

use super::super::picture::{AxisX, Plot};
use super::digits::{Figure, Short};

/// The plots as JSON: `[{area, x, y, unit, time | steps, times, series: [{name, colour, t, v}]}]`,
/// where `t` is the number of the series' list in `times`.
pub fn json(plots: &[Plot]) -> String {
    let mut out = String::from("[");
    for (n, plot) in plots.iter().enumerate() {
        let area = plot.area;
        let _ = write!(
            out,
            "{}{{\"area\":[{},{},{},{}],\"x\":[{},{}],\"y\":[{},{}],\"unit\":{},",
            if n > 0 { "," } else { "" },
            Short(area.x),
            Short(area.y),
            Short(area.w),
            Short(area.h),
            Figure(plot.x.0),
            Figure(plot.x.1),
            Figure(plot.y.0),
            Figure(plot.y.1),
            quoted(&plot.unit),
        );
        match &plot.axis {
            AxisX::Time { per_unit, unit } => {
                let _ = write!(out, "\"time\":[{per_unit},{}],", quoted(unit));
            }
            AxisX::Categories(names) => {
                let names: Vec<String> = names.iter().map(|n| quoted(n)).collect();
                let _ = write!(out, "\"steps\":[{}],", names.join(","));
            }
        }
        series(&mut out, plot);
        out.push('}');
    }
    out.push(']');
    out
}

/// Series that share their times, as those of one chart mostly do, share one list of them.
fn series(out: &mut String, plot: &Plot) {
    let mut times: Vec<String> = Vec::new();
    let mut rows = String::new();
    for (n, one) in plot.series.iter().enumerate() {
        let xs = list(one.points.iter().map(|p| p.0));
        let at = times.iter().position(|known| *known == xs).unwrap_or_else(|| {
            times.push(xs);
            times.len() - 1
        });
        let _ = write!(
            rows,
            "{}{{\"name\":{},\"colour\":\"{}\",\"t\":{at},\"v\":{}}}",
            if n > 0 { "," } else { "" },
            quoted(&one.name),
            one.colour.hex(),
            list(one.points.iter().map(|p| p.1)),
        );
    }
    let _ = write!(out, "\"times\":[{}],\"series\":[{rows}]", times.join(","));
}

fn list(figures: impl Iterator<Item = f64>) -> String {
    let mut out = String::from("[");
    for (n, figure) in figures.enumerate() {
        if n > 0 {
            out.push(',');
        }
        Figure(figure).write(&mut out);
    }
    out.push(']');
    out
}

/// A JSON string; what HTML could mistake is escaped as well.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if clean::steers(c) || matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}') => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out + "\""
}
