//! A folder of series CSVs with `labels.csv` beside them: run, container, kind
//! (`part+part|leak|load`), leaks, rate_mb_per_min, unsure, minutes.

use std::collections::BTreeMap;
use std::path::Path;

use runner::analysis::{Columns, ScenarioData, Series};
use runner::model::Figure;

use super::draw::{Drawn, Truth, phases};
use super::truth_of;

type Rows = BTreeMap<String, Vec<(f64, bool, f64, f64)>>;

pub fn read(folder: &Path) -> Result<Vec<Drawn>, String> {
    let path = folder.join("labels.csv");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut runs: BTreeMap<String, Rows> = BTreeMap::new();
    let mut all = Vec::new();
    for line in text.lines().skip(1) {
        let truth = truth(line).ok_or_else(|| format!("{}: {line:?}", path.display()))?;
        if !runs.contains_key(&truth.run) {
            runs.clear();
            runs.insert(truth.run.clone(), rows(&folder.join(format!("{}.csv", truth.run)))?);
        }
        let rows = runs.get(&truth.run).and_then(|rows| rows.get(&truth.container));
        let data = rows.map(|rows| scenario(rows)).ok_or_else(|| format!("no series: {line}"))?;
        all.push(Drawn { data, truth });
    }
    Ok(all)
}

fn truth(line: &str) -> Option<Truth> {
    let cells: Vec<&str> = line.trim().split(',').collect();
    let [run, container, kind, leaks, rate, unsure, minutes] = cells[..] else { return None };
    let (parts, kind, shape) = truth_of(kind);
    Some(Truth {
        run: run.to_string(),
        container: container.to_string(),
        parts,
        kind,
        shape,
        leaks: leaks == "1",
        rate: rate.parse().ok()?,
        unsure: unsure == "1",
        minutes: minutes.parse().ok()?,
    })
}

fn rows(path: &Path) -> Result<Rows, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut all = Rows::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.trim().split(',').collect();
        let [time, container, phase, bytes, load] = cells[..] else {
            return Err(format!("{}: {line:?}", path.display()));
        };
        let number = |cell: &str| cell.parse::<f64>().map_err(|e| format!("{cell:?}: {e}"));
        let row = (number(time)?, phase == "active", number(bytes)?, number(load)?);
        all.entry(container.to_string()).or_default().push(row);
    }
    Ok(all)
}

fn scenario(rows: &[(f64, bool, f64, f64)]) -> ScenarioData {
    let mut data = ScenarioData::new("series");
    data.time = rows.iter().map(|row| row.0).collect();
    data.queued = rows.iter().map(|row| row.3).collect();
    let mut columns = Columns::new(rows.len());
    for (at, row) in rows.iter().enumerate() {
        columns.set(Figure::AnonBytes, at, row.2);
    }
    data.containers.push(Series { name: "it".into(), columns, incarnation: Vec::new() });
    data.phases = phases(&data.time, rows.iter().take_while(|row| row.1).count());
    data
}

/// Series with the verdicts that a careful person would accept beside them (`wanted.csv`: file,
/// verdicts, rate_mb_per_min), read and judged as `runner analyze` does.
pub fn plain(folder: &Path) -> Result<(), String> {
    let path = folder.join("wanted.csv");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let (mut right, mut all) = (0, 0);
    for line in text.lines().skip(1) {
        let mut cells = line.split(',');
        let mut next = || cells.next().unwrap_or_default();
        let (name, wanted, rate) = (next(), next(), next());
        let file = folder.join(format!("{name}.csv"));
        let input = runner::store::input::Input::SeriesCsv(file);
        let data = runner::store::input::read(&input).map_err(|e| e.to_string())?.dataset;
        let analysis = runner::analysis::analyze(&data, &runner::analysis::Settings::default());
        let found = analysis.containers.first().and_then(|c| c.leak.clone());
        let found = found.ok_or_else(|| format!("{name}: no verdict"))?;
        let is_wanted = wanted.split(' ').any(|v| v == found.verdict.to_string());
        let (low, high) = (found.ci_low.unwrap_or(f64::NAN), found.ci_high.unwrap_or(f64::NAN));
        let holds = rate.parse::<f64>().ok().filter(|rate| *rate != 0.0);
        let holds = holds.is_none_or(|rate| low - 0.05 <= rate && rate <= high + 0.05);
        all += 1;
        right += u32::from(is_wanted && holds);
        println!(
            "{} {name}: {} {:.2} [{low:.2}, {high:.2}] p {:.3}, wanted {wanted} {rate}; {}",
            if is_wanted && holds { "as wanted " } else { "NOT WANTED" },
            found.verdict,
            found.slope_mb_per_min.unwrap_or(f64::NAN),
            found.probability.unwrap_or(f64::NAN),
            found.reason.unwrap_or_default()
        );
    }
    println!("{right} of {all} as wanted");
    Ok(())
}
