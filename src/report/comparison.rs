//! What a comparison of two runs says on the terminal.

use crate::analysis::compare::{Change, Comparison, ContainerComparison, Slope};
use crate::model::units::{fixed, signed};
use crate::tell::clean;

/// Longest name of a container in the table.
const NAME: usize = 40;

/// The comparison in plain text, every line ended.
#[must_use]
pub fn text(found: &Comparison) -> String {
    let mut text = format!(
        "{}  {} against {} ({})\n",
        headline(found.verdict),
        found.current,
        found.base,
        found.scenario
    );
    for condition in &found.conditions {
        text.push_str(&format!("conditions  {condition}\n"));
    }
    let shown: Vec<&ContainerComparison> = found.containers.iter().collect();
    let width = shown.iter().map(|c| c.name.chars().count().min(NAME)).max().unwrap_or(0).max(9);
    text.push_str(&format!(
        "\n{:<width$}  {:<12}  {:>24}  {:>10}  {:>10}\n",
        "container", "change", "difference, MB/min", "base", "current"
    ));
    for container in shown {
        text.push_str(&line(container, width));
    }
    text
}

fn headline(verdict: Change) -> &'static str {
    match verdict {
        Change::Worse => "worse",
        Change::Suspect => "suspect",
        Change::Inconclusive => "inconclusive",
        Change::Unpaired | Change::NoWorse | Change::Better => "not worse",
    }
}

fn line(container: &ContainerComparison, width: usize) -> String {
    let name: String = container.name.chars().take(NAME).map(clean::shown).collect();
    let mut line = format!(
        "{name:<width$}  {:<12}  {:>24}  {:>10}  {:>10}",
        word(container.change),
        container.difference.map_or("-".into(), |d| interval(d, container.approximate)),
        estimate(container.base),
        estimate(container.current),
    );
    if let Some(reason) = &container.reason {
        line.push_str("  ");
        line.push_str(reason);
    }
    line.push('\n');
    line
}

fn word(change: Change) -> &'static str {
    match change {
        Change::Worse => "worse",
        Change::Suspect => "suspect",
        Change::Inconclusive => "inconclusive",
        Change::Unpaired => "not compared",
        Change::NoWorse => "no worse",
        Change::Better => "better",
    }
}

fn interval(slope: Slope, approximate: bool) -> String {
    let sign = if approximate { "~" } else { "" };
    let (low, high) = (fixed(slope.ci_low, 2), fixed(slope.ci_high, 2));
    format!("{sign}{} ({low} .. {high})", signed(slope.mb_per_min, 2))
}

fn estimate(slope: Option<Slope>) -> String {
    slope.map_or("-".into(), |s| signed(s.mb_per_min, 2))
}
