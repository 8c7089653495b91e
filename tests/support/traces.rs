//! Recorded memory series with the truth beside them, and the verdict on each.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use runner::analysis::leak::LeakVerdict;
use runner::analysis::{Columns, Dataset, Format, Phase, ScenarioData, Series, Settings, analyze};
use runner::model::Figure;

/// What a recorded container did, and what was said of it.
#[derive(Debug)]
pub struct Judged {
    /// Its name.
    pub name: String,
    /// The kind of program (`py_leak_late`).
    #[allow(dead_code)]
    pub kind: String,
    /// It leaks.
    pub leaks: bool,
    /// Rates at which memory really grew, MB/min: with and without kernel memory. Empty where it
    /// changed on the way.
    pub rates: Vec<f64>,
    /// The verdict.
    pub verdict: LeakVerdict,
}

/// All containers of a set (`short`, `long`).
pub fn judged(folder: &Path, set: &str) -> Vec<Judged> {
    let labels = std::fs::read_to_string(folder.join(format!("{set}.labels.csv"))).unwrap();
    let mut verdicts: BTreeMap<String, LeakVerdict> =
        read(&folder.join(format!("{set}.csv.gz"))).into_iter().map(judge).collect();
    labels
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            Judged {
                name: cells[0].to_string(),
                kind: cells[1].to_string(),
                leaks: cells[2] == "1",
                rates: cells[4..6].iter().filter_map(|cell| cell.parse().ok()).collect(),
                verdict: verdicts.remove(cells[0]).unwrap(),
            }
        })
        .collect()
}

/// One scenario a container, as small a reader as this needs.
fn read(path: &Path) -> Vec<ScenarioData> {
    let mut text = String::new();
    let file = std::fs::File::open(path).unwrap();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let at = |name: &str| header.iter().position(|column| *column == name).unwrap();
    let figures = [
        ("anon_bytes", Figure::AnonBytes),
        ("shmem_bytes", Figure::ShmemBytes),
        ("cache_bytes", Figure::CacheBytes),
        ("active_file_bytes", Figure::ActiveFileBytes),
        ("inactive_file_bytes", Figure::InactiveFileBytes),
        ("kernel_bytes", Figure::KernelBytes),
        ("usage_bytes", Figure::MemoryUsageBytes),
        ("memory_limit_bytes", Figure::MemoryLimitBytes),
    ]
    .map(|(name, figure)| (at(name), figure));
    let mut rows: BTreeMap<&str, Vec<Vec<&str>>> = BTreeMap::new();
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        rows.entry(cells[at("container")]).or_default().push(cells);
    }
    let scenario = |(name, rows): (&str, Vec<Vec<&str>>)| {
        let mut data = ScenarioData::new("series");
        data.time = rows.iter().map(|row| row[at("time_s")].parse().unwrap()).collect();
        data.queued = rows.iter().map(|r| r[at("load")].parse().unwrap_or(f64::NAN)).collect();
        let mut columns = Columns::new(rows.len());
        for (index, row) in rows.iter().enumerate() {
            for (cell, figure) in figures {
                if let Ok(value) = row[cell].parse() {
                    columns.set(figure, index, value);
                }
            }
        }
        data.containers.push(Series { name: name.into(), columns, incarnation: Vec::new() });
        let active = rows.iter().take_while(|row| row[at("phase")] == "active").count();
        data.phases.push(Phase {
            name: "active".into(),
            start: data.time[0],
            end: data.time[active - 1],
            ticks: 0..active,
            level: None,
            speed: None,
            end_reason: None,
        });
        data
    };
    rows.into_iter().map(scenario).collect()
}

fn judge(scenario: ScenarioData) -> (String, LeakVerdict) {
    let name = scenario.containers[0].name.clone();
    let data = Dataset {
        provenance: Default::default(),
        format: Format::SeriesCsv,
        test_id: String::new(),
        started_at: None,
        completed_at: None,
        abort_reason: None,
        config: serde_json::Value::Null,
        derived_config: serde_json::Value::Null,
        run: serde_json::Value::Null,
        containers: Vec::new(),
        scenarios: vec![scenario],
        events: Vec::new(),
    };
    let analysis = analyze(&data, &Settings::default());
    (name, analysis.containers[0].leak.clone().unwrap())
}
