//! A reader of the replaced framework's files, as small as a test needs. The real one is in
//! `store`; this one keeps the analysis' tests apart from it.

use std::io::Read;
use std::ops::Range;

use serde_json::Value;

use crate::analysis::*;
use crate::model::Figure;
use crate::model::units::MB;

pub(super) fn load(name: &str) -> (Value, Dataset) {
    let path = format!("{}/tests/fixtures/predecessor/{name}", env!("CARGO_MANIFEST_DIR"));
    let file = std::fs::File::open(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("gzip");
    let file: Value = serde_json::from_str(&text).expect("json");
    let data = dataset(&file);
    (file, data)
}

fn dataset(file: &Value) -> Dataset {
    let text = |key: &str| file[key].as_str().map(str::to_string);
    Dataset {
        provenance: Default::default(),
        format: Format::Predecessor,
        test_id: text("test_id").unwrap_or_default(),
        started_at: text("started_at"),
        completed_at: text("completed_at"),
        abort_reason: text("abort_reason"),
        config: file["config"].clone(),
        derived_config: file["derived_config"].clone(),
        run: Value::Null,
        containers: Vec::new(),
        scenarios: file["scenarios"].as_array().expect("scenarios").iter().map(scenario).collect(),
        events: Vec::new(),
    }
}

fn scenario(file: &Value) -> ScenarioData {
    let mut data = ScenarioData::new(file["scenario_name"].as_str().expect("a name"));
    let samples = file["samples"].as_array().expect("samples");
    let stamp = |sample: &Value| sample["timestamp"].as_f64().expect("a time");
    data.time = samples.iter().map(stamp).collect();
    data.wall = data.time.clone();
    data.metadata = file["metadata"].clone();
    data.aborted = file["aborted"].as_bool().unwrap_or(false);
    data.oom_events = serde_json::from_value(file["oom_events"].clone()).unwrap_or_default();
    let queued = |sample: &Value| sample["agents_queued"]["drivers"].as_f64();
    data.queued = samples.iter().map(|s| queued(s).unwrap_or(f64::NAN)).collect();
    for (row, sample) in samples.iter().enumerate() {
        for (name, figures) in sample["containers"].as_object().expect("containers") {
            let columns = columns_of(&mut data, name, samples.len());
            let mut set = |figure, key: &str, factor: f64| {
                if let Some(value) = figures[key].as_f64() {
                    columns.set(figure, row, value * factor);
                }
            };
            set(Figure::MemoryWorkingSetBytes, "memory_used_mb", MB);
            set(Figure::CpuPercent, "cpu_percent", 1.0);
            if figures["memory_limit_mb"].as_f64().is_some_and(|limit| limit > 0.0) {
                set(Figure::MemoryLimitBytes, "memory_limit_mb", MB);
                set(Figure::MemoryPercent, "memory_percent", 1.0);
            }
        }
    }
    data.phases = phases(&data);
    data
}

fn columns_of<'a>(data: &'a mut ScenarioData, name: &str, len: usize) -> &'a mut Columns {
    let at = data.containers.iter().position(|series| series.name == name);
    let at = at.unwrap_or_else(|| {
        let columns = Columns::new(len);
        data.containers.push(Series { name: name.into(), columns, incarnation: Vec::new() });
        data.containers.len() - 1
    });
    &mut data.containers[at].columns
}

fn phases(data: &ScenarioData) -> Vec<Phase> {
    let mut phases = Vec::new();
    let mut from = 0;
    let mut cut = |name: String, count: u64, speed: Option<f64>| {
        let ticks: Range<usize> = from..(from + count as usize).min(data.time.len());
        from = ticks.end;
        phases.push(Phase {
            name,
            start: data.time.get(ticks.start).copied().unwrap_or(0.0),
            end: data.time.get(ticks.end.max(1) - 1).copied().unwrap_or(0.0),
            ticks,
            level: None,
            speed,
            end_reason: None,
        });
    };
    for name in ["active", "drain", "cooldown"] {
        if let Some(count) = data.metadata["phase_sample_counts"][name].as_u64() {
            cut(name.into(), count, None);
        }
    }
    for step in data.metadata["step_results"].as_array().into_iter().flatten() {
        let count = step["sample_count"].as_u64().expect("a count");
        cut(format!("{}x", step["multiplier"]), count, step["multiplier"].as_f64());
    }
    phases
}
