//! Writes charts and reports, and puts together what is said at the end.

use std::path::Path;

use crate::analysis::{Analysis, Dataset};
use crate::report::console::{Screen, last_screen};
use crate::report::html::{self, Report};
use crate::report::{charts, limits_file, markdown};
use crate::store::{StoreError, atomic};
use crate::tell::Said;

use super::finish::Wanted;
use super::resolve::shown;

/// Writes what is wanted under `out`.
///
/// # Errors
/// When a file cannot be written.
pub fn write(
    out: &Path,
    data: &Dataset,
    analysis: &Analysis,
    wanted: &Wanted,
) -> Result<(), StoreError> {
    let drawn = if wanted.charts {
        let options = charts::Options { all: wanted.all_charts };
        charts::write(&out.join("charts"), data, analysis, &options)?
    } else {
        Vec::new()
    };
    let report = Report { data, analysis, charts: &drawn };
    atomic::write(&out.join(REPORT), html::report(&report).as_bytes())?;
    atomic::write(&out.join("report.md"), markdown::report(&report).as_bytes())?;
    // One that no longer fits would mislead.
    let limits = out.join("limits.compose.yml");
    match limits_file::text(data, analysis) {
        Some(text) => atomic::write(&limits, text.as_bytes())?,
        None if limits_file::is_ours(&limits) => drop(std::fs::remove_file(&limits)),
        None => {}
    }
    Ok(())
}

/// The page that the last screen names.
const REPORT: &str = "report.html";

/// The last screen.
#[must_use]
pub fn screen(out: &Path, data: &Dataset, analysis: &Analysis, wanted: &Wanted) -> Said {
    last_screen(&Screen {
        data,
        analysis,
        report_path: &shown(&out.join(REPORT)),
        demo: wanted.demo,
        wall_seconds: wanted.wall_seconds,
    })
}
