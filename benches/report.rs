//! What a re-analysis costs with every chart: reading, analysis, all charts and both reports.
//!
//! The promise on two idle cores is 0.5 s for the file of 20 containers and 4 s for 200.

use std::path::{Path, PathBuf};

use divan::Bencher;
use runner::analysis::{Columns, Dataset, Phase, ScenarioData, Series, Settings, analyze};
use runner::model::Figure;
use runner::model::units::MB;
use runner::report::html::{self, Report};
use runner::report::{charts, markdown};
use runner::store::input::{Input, read};

fn main() {
    divan::main();
}

fn thin() -> Input {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path: PathBuf = root.join("tests/fixtures/predecessor/thin-20-containers.json.gz");
    Input::Results(path)
}

fn everything(data: &Dataset, folder: &Path) -> usize {
    let analysis = analyze(data, &Settings::default());
    let options = charts::Options::default();
    let drawn = charts::write(folder, data, &analysis, &options).expect("charts");
    let report = Report { data, analysis: &analysis, charts: &drawn };
    html::report(&report).len() + markdown::report(&report).len()
}

#[divan::bench(sample_count = 10)]
fn analyze_20_containers_from_the_file(bencher: Bencher) {
    let (input, folder) = (thin(), tempfile::tempdir().expect("tempdir"));
    bencher.bench_local(|| everything(&read(&input).expect("read").dataset, folder.path()));
}

#[divan::bench(sample_count = 10)]
fn charts_and_reports_of_20_containers(bencher: Bencher) {
    let data = read(&thin()).expect("read").dataset;
    let folder = tempfile::tempdir().expect("tempdir");
    bencher.bench_local(|| everything(&data, folder.path()));
}

#[divan::bench(sample_count = 5)]
fn charts_and_reports_of_200_containers(bencher: Bencher) {
    let data = wide(read(&thin()).expect("read").dataset);
    let folder = tempfile::tempdir().expect("tempdir");
    bencher.bench_local(|| everything(&data, folder.path()));
}

/// The same run with ten times as many containers and three times as many ticks.
fn wide(mut data: Dataset) -> Dataset {
    data.scenarios = data.scenarios.into_iter().map(wide_scenario).collect();
    data
}

fn wide_scenario(mut scenario: ScenarioData) -> ScenarioData {
    let rows = scenario.time.len();
    let stretch =
        |values: &[f64]| -> Vec<f64> { values.iter().flat_map(|v| [*v, *v, *v]).collect() };
    let first = scenario.time.first().copied().unwrap_or(0.0);
    scenario.time = (0..3 * rows).map(|row| first + 2.0 * row as f64).collect();
    scenario.wall = stretch(&scenario.wall);
    scenario.queued = stretch(&scenario.queued);
    scenario.active = stretch(&scenario.active);
    scenario.host = Columns::default();
    scenario.runner = Columns::default();
    scenario.load_metrics.clear();
    for phase in &mut scenario.phases {
        let ticks = 3 * phase.ticks.start..3 * phase.ticks.end;
        let at = |row: usize| first + 2.0 * row as f64;
        *phase = Phase { start: at(ticks.start), end: at(ticks.end), ticks, ..phase.clone() };
    }
    let old = std::mem::take(&mut scenario.containers);
    for copy in 0..10 {
        scenario.containers.extend(old.iter().map(|series| {
            let mut columns = Columns::new(3 * rows);
            let figures: Vec<Figure> = series.columns.figures().collect();
            for figure in figures {
                let values = series.columns.get(figure).unwrap_or_default();
                *columns.column_mut(figure) = stretch(values)
                    .into_iter()
                    .enumerate()
                    .map(|(row, v)| {
                        v + ((row * 7 + copy) % 5) as f64 * MB / 100.0 * is_bytes(figure)
                    })
                    .collect();
            }
            Series { name: format!("{}-{copy}", series.name), columns, incarnation: Vec::new() }
        }));
    }
    scenario
}

fn is_bytes(figure: Figure) -> f64 {
    if figure.name().ends_with("_bytes") { 1.0 } else { 0.0 }
}
