//! The command line.

use std::path::PathBuf;

use crate::families::FAMILIES;
use crate::train;

/// What is asked for.
pub struct Arguments {
    pub traces: Option<PathBuf>,
    pub list: bool,
    pub simulate: usize,
    pub confirm: usize,
    pub power: usize,
    pub composed: usize,
    /// Folders of series CSVs with labels.
    pub series: Vec<PathBuf>,
    /// Folders of series CSVs with the verdicts that are wanted.
    pub plain: Vec<PathBuf>,
    pub train: train::Asked,
    /// Draws other containers.
    pub seed: u64,
    pub minutes: Vec<f64>,
    pub rates: Vec<f64>,
    pub families: Vec<&'static str>,
}

/// Reads the command line; the error says what to write instead.
pub fn read(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let shared =
        std::env::var_os("RUNNER_SHARED").map(|folder| PathBuf::from(folder).join("traces"));
    let mut all = Arguments {
        traces: shared.filter(|folder| folder.is_dir()),
        list: false,
        simulate: 0,
        confirm: 0,
        power: 0,
        composed: 0,
        series: Vec::new(),
        plain: Vec::new(),
        train: train::Asked { count: 0, seed: 0, without: Vec::new(), trees: 300 },
        seed: 0,
        minutes: vec![5.0, 10.0, 20.0, 30.0, 60.0],
        rates: vec![0.0, 1.0, 2.0, 5.0],
        families: FAMILIES.to_vec(),
    };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--traces" => all.traces = Some(PathBuf::from(value()?)),
            "--list" => all.list = true,
            "--simulate" => all.simulate = number(&word, &value()?)? as usize,
            "--confirm" => all.confirm = number(&word, &value()?)? as usize,
            "--power" => all.power = number(&word, &value()?)? as usize,
            "--composed" => all.composed = number(&word, &value()?)? as usize,
            "--series" => all.series.push(PathBuf::from(value()?)),
            "--plain" => all.plain.push(PathBuf::from(value()?)),
            "--train" => all.train.count = number(&word, &value()?)? as usize,
            "--trees" => all.train.trees = number(&word, &value()?)? as usize,
            "--without" => all.train.without = value()?.split(',').map(str::to_string).collect(),
            "--seed" => all.seed = number(&word, &value()?)? as u64,
            "--minutes" => all.minutes = numbers(&word, &value()?)?,
            "--rates" => all.rates = numbers(&word, &value()?)?,
            "--families" => all.families = families(&value()?)?,
            other => return Err(format!("{other:?} is unknown; see the head of this program")),
        }
    }
    all.train.seed = all.seed;
    Ok(all)
}

fn number(word: &str, text: &str) -> Result<f64, String> {
    let read = text.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0);
    read.ok_or_else(|| format!("{word} {text:?}: write a number, as in {word} 100"))
}

fn numbers(word: &str, text: &str) -> Result<Vec<f64>, String> {
    text.split(',').map(|one| number(word, one)).collect()
}

fn families(text: &str) -> Result<Vec<&'static str>, String> {
    let find = |name: &str| {
        let known = FAMILIES.iter().copied().find(|family| *family == name);
        known.ok_or_else(|| format!("family {name:?} is unknown; known: {}", FAMILIES.join(", ")))
    };
    text.split(',').map(find).collect()
}
