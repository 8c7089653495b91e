//! Drawing charts and putting them into files: a page, a bitmap, and one script for all pages.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::report::chart::paint::{png, svg};
use crate::report::page::{ChartPage, SCRIPT, SCRIPT_NAME, chart_page};
use crate::store::{StoreError, atomic, private};

use super::{Chart, gallery};
use crate::report::Drawn;

/// Folders of charts, in the order of a report.
const FOLDERS: [&str; 7] =
    ["overview", "stress", "duration", "speed_scaling", "metrics", "oom", "isolate"];

pub fn write(folder: &Path, charts: &[Chart], test_id: &str) -> Result<Vec<Drawn>, StoreError> {
    make(folder)?;
    for name in FOLDERS.into_iter().filter(|name| charts.iter().any(|c| c.folder == *name)) {
        make(&folder.join(name))?;
    }
    let drawn = draw_all(folder, charts)?;
    remove_stale(folder, &drawn);
    atomic::write(&folder.join(SCRIPT_NAME), SCRIPT.as_bytes())?;
    atomic::write(&folder.join("index.html"), gallery::page(&drawn, test_id).as_bytes())?;
    Ok(drawn)
}

fn make(folder: &Path) -> Result<(), StoreError> {
    private::create_dir(folder).map_err(|error| StoreError::io(folder, error))
}

/// On two threads, each taking the next chart; the order of the result is that of `charts`.
fn draw_all(folder: &Path, charts: &[Chart]) -> Result<Vec<Drawn>, StoreError> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Result<Drawn, StoreError>)>> = Mutex::new(Vec::new());
    let work = || {
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let Some(chart) = charts.get(n) else { break };
            let drawn = draw(folder, chart);
            // A poisoned list still holds what was drawn.
            done.lock().unwrap_or_else(|broken| broken.into_inner()).push((n, drawn));
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
    let mut done = done.into_inner().unwrap_or_else(|broken| broken.into_inner());
    done.sort_by_key(|(n, _)| *n);
    done.into_iter().map(|(_, drawn)| drawn).collect()
}

fn draw(folder: &Path, chart: &Chart) -> Result<Drawn, StoreError> {
    let picture = chart.spec.layout();
    let name = format!("{}/{}", chart.folder, chart.name);
    let file = |ending: &str| folder.join(format!("{name}.{ending}"));
    let drawing = svg(&picture);
    let png_name = format!("{}.png", chart.name);
    let bitmap = png(&picture);
    let page = chart_page(&ChartPage {
        title: &picture.title,
        svg: &drawing,
        script: &format!("../{SCRIPT_NAME}"),
        back: Some(("../index.html", "All charts")),
        png: bitmap.is_ok().then_some(png_name.as_str()),
    });
    atomic::write(&file("html"), page.as_bytes())?;
    // A chart too large for a bitmap is still a page.
    if let Ok(bitmap) = bitmap {
        atomic::write(&file("png"), &bitmap)?;
    }
    Ok(Drawn {
        name,
        title: picture.title,
        subtitle: picture.subtitle,
        size: (picture.width, picture.height),
        svg: without_data(&drawing),
    })
}

/// The drawing without the points that its page's script reads: a third of its size.
fn without_data(svg: &str) -> String {
    let start = " data-plots=\"";
    let Some(from) = svg.find(start) else { return svg.to_string() };
    let rest = &svg[from + start.len()..];
    let to = rest.find('"').map_or(rest.len(), |end| end + 1);
    format!("{}{}", &svg[..from], &rest[to..])
}

/// Removes charts of an earlier analysis: what it drew then and nobody draws now.
fn remove_stale(folder: &Path, drawn: &[Drawn]) {
    let kept: BTreeSet<&str> = drawn.iter().map(|d| d.name.as_str()).collect();
    for name in FOLDERS {
        let Ok(entries) = fs::read_dir(folder.join(name)) else { continue };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
            let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
            let is_ours = is_chart_name(stem) && matches!(ending, "html" | "png");
            if is_ours && !kept.contains(format!("{name}/{stem}").as_str()) {
                // What cannot be removed is only a chart too many.
                let _ = fs::remove_file(&path);
            }
        }
    }
}

fn is_chart_name(stem: &str) -> bool {
    let stems = [
        "duration_timeline_",
        "stress_timeline_",
        "stress_comparison_",
        "speed_scaling_",
        "metrics_",
        "oom_kill_",
        "tasks_",
    ];
    matches!(stem, "gpu_timeline" | "tasks")
        || stem.ends_with("_heatmap")
        || stems.iter().any(|known| stem.starts_with(known))
}
