//! What follows a measurement, now or years later: analysis, results.json where there is none,
//! summary.json, charts, reports, and what is said at the end.

use std::path::{Path, PathBuf};

use crate::analysis::incidents::{InScenario, counts, of_dataset, oom_events};
use crate::analysis::{
    Analysis, Dataset, Status, Summary, add_unfinished, analyze, analyze_with, records,
};
use crate::model::event::Unfinished;
use crate::store::input::{Input, Loaded, read_as};
use crate::store::results::{Extras, write_results};
use crate::store::run_folder::{RESULTS, SUMMARY};
use crate::store::{Damage, StoreError, atomic};
use crate::tell::Said;

use super::exit::Exit;

mod living;
mod settings;

pub use settings::of_recorded;

/// What is wanted beside summary.json.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Draw charts.
    pub charts: bool,
    /// Draw the duration timelines of all containers.
    pub all_charts: bool,
    /// The built-in demo: its last screen says how to go on.
    pub demo: bool,
    /// How long the whole command took, where it measured: the last screen says so.
    pub wall_seconds: Option<f64>,
    /// `--set key=value` over the recorded thresholds.
    pub overrides: Vec<String>,
    /// What the run left undone, also where its record does not say so.
    pub unfinished: Vec<Unfinished>,
}

/// An input that was analyzed.
pub struct Done {
    /// What was found.
    pub analysis: Analysis,
    /// The last screen.
    pub screen: Said,
    /// What could not be used.
    pub damage: Vec<Damage>,
    /// What is worth a word and is no damage.
    pub notes: Vec<String>,
    /// What could not be written; the screen and the summary say so too.
    pub unwritten: Vec<StoreError>,
    /// Clean, findings, or aborted for damage or for what could not be written.
    pub exit: Exit,
    /// The summary, as written.
    pub summary: Summary,
}

/// Why an input could not be analyzed.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// Reading or writing failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An override is wrong.
    #[error("{0}")]
    Settings(String),
}

impl Failed {
    /// Its exit code: a path or format that is not known, or a wrong override, is a usage error.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Failed::Store(error) => Exit::from(error),
            Failed::Settings(_) => Exit::Usage,
        }
    }
}

/// Analyzes an input and writes everything under `out`. What cannot be written (a full disk) does not
/// keep the answer back: it is told with it.
///
/// # Errors
/// When nothing of it is of use, an override is wrong, or there is no `out` and it cannot be made.
pub fn finish(input: &Input, out: &Path, wanted: &Wanted) -> Result<Done, Failed> {
    let Analysed { data, mut analysis, damage, notes, needs_results } =
        analysed(input, &wanted.overrides)?;
    make_out(input, out)?;
    for left in &wanted.unfinished {
        if !analysis.unfinished.contains(left) {
            add_unfinished(&mut analysis, &data, left.clone());
        }
    }
    let mut unwritten = Vec::new();
    // A run that goes on writes its own results at its end.
    if needs_results && analysis.status != Status::Running {
        let written = write_results(&out.join(RESULTS), &data, &extras(&data, &analysis));
        note_unwritten(written, &mut unwritten, &mut analysis, &data);
    }
    let written = write_summary(out, &Summary::of(&analysis));
    note_unwritten(written, &mut unwritten, &mut analysis, &data);
    let written = super::report::write(out, &data, &analysis, wanted);
    if written.is_err() {
        note_unwritten(written, &mut unwritten, &mut analysis, &data);
        // It fails as the report did, or tells of it.
        let _ = write_summary(out, &Summary::of(&analysis));
    }
    let mut exit = exit_of(&analysis);
    if !unwritten.is_empty() {
        exit = exit.and(Exit::Aborted);
    }
    let screen = super::report::screen(out, &data, &analysis, wanted);
    let summary = Summary::of(&analysis);
    Ok(Done { analysis, screen, damage, notes, unwritten, exit, summary })
}

/// How to write what could not be written.
const ELSEWHERE: &str =
    "what was measured is kept: runner analyze FOLDER --out DIR writes the rest somewhere else";

impl Done {
    /// What could not be written, a line each, and what to do.
    pub fn unwritten_lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.unwritten.iter().map(ToString::to_string).collect();
        if !lines.is_empty() {
            lines.push(ELSEWHERE.to_string());
        }
        lines
    }
}

/// What is written from now on says what could not be.
fn note_unwritten<T>(
    written: Result<T, StoreError>,
    unwritten: &mut Vec<StoreError>,
    analysis: &mut Analysis,
    data: &Dataset,
) {
    let Err(error) = written else { return };
    let left = Unfinished {
        message: format!("not everything was written: {error}"),
        remedy: ELSEWHERE.to_string(),
    };
    add_unfinished(analysis, data, left);
    unwritten.push(error);
}

/// Makes the folder of the results. `runner/` beside what was read is this program's own: a link in
/// its place may lead anywhere. A folder that somebody named may well be a link.
fn make_out(input: &Input, out: &Path) -> Result<(), StoreError> {
    let read = input.path();
    let base = if read.is_dir() { read } else { read.parent().unwrap_or(Path::new("")) };
    let below = out.strip_prefix(base).ok().filter(|below| below.starts_with("runner"));
    let mut folder = base.to_path_buf();
    for part in below.into_iter().flat_map(Path::components) {
        folder.push(part);
        atomic::own_folder(&folder)?;
    }
    std::fs::create_dir_all(out).map_err(|e| StoreError::io(out, e))
}

/// A run that was read and analyzed; nothing was written.
pub struct Analysed {
    /// What was measured.
    pub data: Dataset,
    /// What it says.
    pub analysis: Analysis,
    /// What could not be used.
    pub damage: Vec<Damage>,
    /// What was read another way than usual, and why.
    pub notes: Vec<String>,
    /// There is no results.json, or it was made of half the run.
    pub needs_results: bool,
}

/// Reads and analyzes an input, with `--set key=value` over its recorded thresholds.
///
/// # Errors
/// When nothing of it is of use, or an override is wrong.
pub fn analysed(input: &Input, overrides: &[String]) -> Result<Analysed, Failed> {
    let series = settings::of_series(overrides).map_err(Failed::Settings)?;
    let Loaded { dataset: mut data, damage, notes, needs_results, .. } = read_as(input, &series)?;
    living::tell(&mut data);
    let settings = of_recorded(&data, overrides).map_err(Failed::Settings)?;
    let incidents = of_dataset(&data);
    add_oom_events(&mut data, &incidents);
    let mut analysis = if incidents.is_empty() {
        analyze(&data, &settings)
    } else {
        analyze_with(&data, &settings, counts(&incidents))
    };
    analysis.take_damage(damage.clone());
    Ok(Analysed { data, analysis, damage, notes, needs_results })
}

/// What results.json holds beside the dataset.
fn extras(data: &Dataset, analysis: &Analysis) -> Extras {
    let mut extras = Extras::default();
    extras.top.insert("analysis".into(), records::analysis(analysis));
    extras.top.insert("derived_config".into(), derived_config(data, analysis));
    if data.completed_at.is_none() {
        extras.top.insert("recovered".into(), true.into());
    }
    for scenario in &analysis.scenarios {
        let mut metadata = records::duration_metadata(analysis, scenario);
        metadata.extend(records::isolate_metadata(analysis, scenario));
        metadata.extend(records::load_metadata(analysis, scenario));
        if !metadata.is_empty() {
            extras.metadata.insert(scenario.name.clone(), metadata);
        }
    }
    extras.rolling_window_s = analysis.settings.stress.window.as_secs_f64();
    if let Some(inline) = data.config.pointer("/results/inline_samples").and_then(|v| v.as_u64()) {
        extras.inline_samples = usize::try_from(inline).unwrap_or(usize::MAX);
    }
    extras
}

/// What later scenarios were built on, with the replaced framework's keys.
fn derived_config(data: &Dataset, analysis: &Analysis) -> serde_json::Value {
    let mut map = serde_json::Map::new();
    let duration = data.scenarios.iter().find(|s| s.name == "duration_leak");
    if !data.level_is_agents() {
        return map.into();
    }
    if let Some(level) = duration.and_then(|s| s.metadata.get("level")) {
        map.insert("duration_agent_count".into(), level.clone());
    }
    if let Some(level) = analysis.capacity.as_ref().and_then(|c| c.max_level) {
        map.insert("stress_drivers_queued".into(), level.into());
    }
    map.into()
}

fn add_oom_events(data: &mut Dataset, incidents: &[InScenario]) {
    for (scenario, found) in data.scenarios.iter_mut().zip(incidents) {
        scenario.oom_events = oom_events(found);
    }
}

fn write_summary(out: &Path, summary: &Summary) -> Result<PathBuf, StoreError> {
    let path = out.join(SUMMARY);
    let mut text = serde_json::to_vec_pretty(summary)
        .map_err(|e| StoreError::io(&path, std::io::Error::other(e)))?;
    text.push(b'\n');
    atomic::write(&path, &text)?;
    Ok(path)
}

fn exit_of(analysis: &Analysis) -> Exit {
    let findings = analysis.findings.iter().any(|finding| finding.fails);
    let exit = if findings { Exit::Findings } else { Exit::Clean };
    let partial = analysis.status.is_partial() || !analysis.damage.is_empty();
    if partial { exit.and(Exit::Aborted) } else { exit }
}
