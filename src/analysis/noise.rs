//! What memory does around its trend: measured from a run, for planning the next one.

use std::ops::Range;

use super::dataset::{Dataset, ScenarioData, Series, clip, is_active};
use super::leak::choose;
use super::leak::power::Noise;
use super::slope::least_squares;
use super::stats::{Sample, lag1};

/// Fewer readings tell nothing of their noise.
const LEAST: usize = 20;

/// The noise of each container under load, by key: standard deviation of the leak figure around its
/// line (from the median absolute deviation, so that a step does not count as noise), and the time
/// over which neighbouring readings resemble each other (from the autocorrelation at lag 1, as of
/// an AR(1) process). From the longest phase under load; empty where there is none.
#[must_use]
pub fn noise(data: &Dataset) -> Vec<(String, Noise)> {
    let phases = data.scenarios.iter().flat_map(|scenario| {
        let active = scenario.phases.iter().filter(|phase| is_active(&phase.name));
        active.map(move |phase| (scenario, clip(&phase.ticks, scenario.time.len())))
    });
    let Some((scenario, rows)) = phases.max_by_key(|(_, rows)| rows.len()) else {
        return Vec::new();
    };
    let of = |series: &Series| Some((series.name.clone(), of_series(scenario, series, &rows)?));
    scenario.containers.iter().filter_map(of).collect()
}

fn of_series(scenario: &ScenarioData, series: &Series, rows: &Range<usize>) -> Option<Noise> {
    let figure = choose(&series.columns)?;
    let time = scenario.time.get(rows.clone())?;
    let mb = figure.mb.get(rows.clone())?;
    let (time, mb): (Vec<f64>, Vec<f64>) =
        time.iter().zip(mb).filter(|(_, mb)| mb.is_finite()).unzip();
    if mb.len() < LEAST {
        return None;
    }
    let slope = least_squares(&time, &mb)?;
    let start = time.first()?;
    let rest = time.iter().zip(&mb).map(|(t, mb)| mb - slope * (t - start) / 60.0);
    let sample = Sample::of(rest)?;
    let rho = lag1(&sample).clamp(0.0, 0.99);
    let interval = (time.last()? - start) / (time.len() as f64 - 1.0);
    // 1.4826: a normal distribution's standard deviation in units of its MAD.
    let sd_mb = 1.4826 * sample.sorted().mad();
    let correlation_seconds = if rho > 0.0 { -interval / rho.ln() } else { 0.0 };
    Some(Noise { sd_mb, correlation_seconds })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::dataset::{Columns, Phase};
    use crate::model::Figure;

    fn scenario(phase: &str) -> ScenarioData {
        let mut scenario = ScenarioData::new("duration_leak");
        let rows = 300;
        let mut columns = Columns::new(rows);
        for row in 0..rows {
            scenario.time.push(2.0 * row as f64);
            // A ramp of 30 MB/min, and a square wave of +-1 MB with a period of 40 s.
            let wave = if (row / 10) % 2 == 0 { 1.0 } else { -1.0 };
            columns.set(Figure::AnonBytes, row, (100.0 + row as f64 + wave) * 1_048_576.0);
        }
        scenario.phases = vec![Phase {
            name: phase.into(),
            start: 0.0,
            end: 600.0,
            ticks: 0..rows,
            level: None,
            speed: None,
            end_reason: None,
        }];
        scenario.containers = vec![Series { name: "web".into(), columns, incarnation: Vec::new() }];
        scenario
    }

    fn data(phase: &str) -> Dataset {
        Dataset {
            provenance: Default::default(),
            format: crate::analysis::Format::Runner,
            test_id: "made".into(),
            started_at: None,
            completed_at: None,
            abort_reason: None,
            config: serde_json::Value::Null,
            derived_config: serde_json::Value::Null,
            run: serde_json::Value::Null,
            containers: Vec::new(),
            scenarios: vec![scenario(phase)],
            events: Vec::new(),
        }
    }

    #[test]
    fn the_noise_is_that_around_the_line_and_not_the_growth() {
        let found = noise(&data("active"));
        let [(name, noise)] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(name, "web");
        // The MAD of a square wave is its height.
        assert!((noise.sd_mb - 1.4826).abs() < 0.1, "{noise:?}");
        assert!((8.0..25.0).contains(&noise.correlation_seconds), "{noise:?}");
    }

    #[test]
    fn a_run_without_load_tells_nothing() {
        assert_eq!(noise(&data("baseline")), Vec::new());
    }
}
