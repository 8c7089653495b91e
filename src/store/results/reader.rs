//! Reads results.json, ours and the predecessor's, straight into columns.
//!
//! A value of the wrong kind costs that value; a file that breaks off or turns to garbage gives
//! what came before. Both are reported.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::cut;
use super::sample::{Fields, Rows};
use crate::analysis::{Dataset, Format, ScenarioData};
use crate::store::columns::{Budget, TooSparse};
use crate::store::error::{Damage, DamageLog, StoreError};
use crate::store::files;
use crate::store::json::{Bad, Cursor, Parsed, line_and_column};

/// Most bytes of a results.json: it is read as a whole. 800,000 container samples are a third.
const MAX_RESULTS_BYTES: u64 = 512 << 20;

/// A results.json that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Results {
    /// The run.
    pub dataset: Dataset,
    /// What could not be used.
    pub damage: Vec<Damage>,
    /// Name of the file beside it that holds the samples, where they are not inline.
    pub samples_file: Option<String>,
}

/// Reads a results.json, gzipped or not.
///
/// # Errors
/// When it cannot be read at all, or nothing in it is of use: empty, not JSON, broken before the
/// first sample.
pub fn read_results(path: &Path) -> Result<Results, StoreError> {
    let mut damage = DamageLog::new(path);
    let bytes = files::read_all(path, MAX_RESULTS_BYTES, &mut damage)?;
    parse(&bytes, path, damage)
}

/// As [`read_results`], from memory; `path` is for messages.
///
/// # Errors
/// As [`read_results`].
pub fn parse_results(bytes: &[u8], path: &Path) -> Result<Results, StoreError> {
    parse(bytes, path, DamageLog::new(path))
}

fn parse(bytes: &[u8], path: &Path, damage: DamageLog) -> Result<Results, StoreError> {
    let damaged = |place: String, what: &str| StoreError::Damaged {
        path: path.to_path_buf(),
        place,
        what: what.to_string(),
        remedy: "look for another copy; a run folder's samples.jsonl can be analyzed instead",
    };
    if bytes.trim_ascii().is_empty() {
        return Err(damaged("at its start".into(), "the file is empty"));
    }
    let place = |bad: Bad| {
        let (line, column) = line_and_column(bytes, bad.at);
        (line, format!("line {line}, column {column}"))
    };
    let mut reader = Reader::new(bytes, damage);
    let read = reader.top();
    if reader.rows.failed.is_some() {
        return Err(damaged("throughout".into(), TooSparse::WHAT));
    }
    if let Err(bad) = read {
        let (line, place) = place(bad);
        if reader.scenarios.iter().all(|s| s.time.is_empty()) {
            return Err(damaged(place, bad.what));
        }
        reader
            .damage
            .note(Some(line), || format!("{} ({place}); what came before it was read", bad.what));
    } else if !reader.has_scenarios {
        return Err(damaged("at the top level".into(), "there is no list of scenarios"));
    }
    Ok(reader.finish(path))
}

struct Reader<'a> {
    c: Cursor<'a>,
    damage: DamageLog,
    rows: Rows,
    fields: Fields,
    top: Map<String, Value>,
    scenarios: Vec<ScenarioData>,
    has_scenarios: bool,
    samples_file: Option<String>,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8], damage: DamageLog) -> Reader<'a> {
        Reader {
            c: Cursor::new(bytes),
            damage,
            rows: Rows::new(Budget::new(bytes.len() as u64)),
            fields: Fields::default(),
            top: Map::new(),
            scenarios: Vec::new(),
            has_scenarios: false,
            samples_file: None,
        }
    }

    /// The line that is being read, where it will be told: it is counted from the file's start.
    fn line(&self) -> Option<u64> {
        if self.damage.is_full() {
            return None;
        }
        let before = self.c.between(0, self.c.at());
        Some(line_and_column(before, before.len()).0)
    }

    fn top(&mut self) -> Parsed<()> {
        let mut members = self.c.object()?;
        while let Some(key) = members.key(&mut self.c)? {
            if key.is("scenarios") && !self.has_scenarios {
                self.has_scenarios = true;
                self.all_scenarios()?;
            } else if key.is("analysis") || key.is("scenarios") {
                self.c.skip()?;
            } else {
                let value = self.c.value()?;
                self.top.insert(key.decode().into_owned(), value);
            }
        }
        if !self.c.is_done() {
            return self.c.bad("something follows the end of the results");
        }
        Ok(())
    }

    fn all_scenarios(&mut self) -> Parsed<()> {
        if self.c.peek()? != b'[' {
            return self.c.bad("scenarios is not a list");
        }
        let mut list = self.c.array()?;
        while list.element(&mut self.c)? {
            if self.c.peek()? == b'{' {
                self.scenario()?;
            } else {
                let line = self.line();
                self.damage.note(line, || "a scenario is not an object; left out".into());
                self.c.skip()?;
            }
        }
        Ok(())
    }

    /// Reads one scenario; one that breaks off is kept as far as it goes.
    fn scenario(&mut self) -> Parsed<()> {
        let mut record = Map::new();
        self.rows.begin();
        let read = self.members(&mut record);
        let (mut data, rows) = self.rows.take();
        cut::fill(&mut data, record, &mut self.damage, rows);
        if read.is_err() {
            data.aborted = true;
            data.abort_reason = Some("file_breaks_off".into());
        }
        if data.name.is_empty() {
            data.name = format!("scenario_{}", self.scenarios.len() + 1);
        }
        self.scenarios.push(data);
        read
    }

    fn members(&mut self, record: &mut Map<String, Value>) -> Parsed<()> {
        let mut members = self.c.object()?;
        while let Some(key) = members.key(&mut self.c)? {
            if key.is("samples") && self.c.peek()? == b'[' {
                self.samples()?;
            } else if key.is("samples_file") {
                let name = self.c.text_or_skip()?.map(|name| name.into_owned());
                self.samples_file = name.or(self.samples_file.take());
            } else {
                let value = self.c.value()?;
                record.insert(key.decode().into_owned(), value);
            }
        }
        Ok(())
    }

    fn samples(&mut self) -> Parsed<()> {
        let mut list = self.c.array()?;
        let mut wrong = 0u64;
        while list.element(&mut self.c)? {
            if self.c.peek()? == b'{' {
                self.rows.sample(&mut self.c, &mut self.fields)?;
            } else {
                wrong += 1;
                self.c.skip()?;
            }
            if self.rows.failed.is_some() {
                return self.c.bad(TooSparse::WHAT);
            }
        }
        if wrong > 0 {
            let line = self.line();
            self.damage.note(line, || format!("{wrong} samples are not objects; left out"));
        }
        for what in self.fields.take_notes() {
            let line = self.line();
            self.damage.note(line, || what);
        }
        Ok(())
    }

    fn finish(mut self, path: &Path) -> Results {
        let notes = self.fields.take_notes();
        for what in notes {
            self.damage.note(None, || what);
        }
        let top = &mut self.top;
        let mut text = |key: &str| match top.remove(key) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let test_id = text("test_id").unwrap_or_else(|| name_of(path));
        let (started_at, completed_at) = (text("started_at"), text("completed_at"));
        let reason = text("abort_reason");
        let mut take = |key: &str| top.remove(key).unwrap_or(Value::Null);
        let aborted = take("aborted") == Value::Bool(true);
        let (config, derived_config) = (take("config"), take("derived_config"));
        let containers = take("containers");
        let ours = top.contains_key("schema_version");
        top.retain(|key, _| {
            let run = ["schema_version", "runner_version", "host", "engine", "sources", "devices"];
            run.contains(&key.as_str())
        });
        let containers = match containers {
            Value::Array(list) => list,
            _ => Vec::new(),
        };
        let dataset = Dataset {
            provenance: Default::default(),
            format: if ours { Format::Runner } else { Format::Predecessor },
            test_id,
            started_at,
            completed_at,
            abort_reason: reason.or_else(|| aborted.then(|| "unknown".into())),
            config,
            derived_config,
            run: match std::mem::take(top) {
                run if run.is_empty() => Value::Null,
                run => Value::Object(run),
            },
            containers: containers
                .into_iter()
                .filter_map(|c| serde_json::from_value(c).ok())
                .collect(),
            scenarios: self.scenarios,
            events: Vec::new(),
        };
        Results { dataset, damage: self.damage.into_vec(), samples_file: self.samples_file }
    }
}

/// The name of a run whose file does not tell it: its folder's or its own.
fn name_of(path: &Path) -> String {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let parent = path.parent().and_then(Path::file_name).map(PathBuf::from);
    match parent {
        Some(parent) if file.starts_with("results.json") => parent.display().to_string(),
        _ => file.split('.').next().unwrap_or("run").to_string(),
    }
}
