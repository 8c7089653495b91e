//! What stands beside the ticks: run.json and events.jsonl.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::follow::{Follow, missing_before};
use crate::model::Event;
use crate::store::error::{Damage, DamageLog, StoreError};
use crate::store::files::{self, Lines};
use crate::store::json::breaks_off;
use crate::store::run_folder::SAMPLES;

/// Most bytes of a run.json: one of a thousand containers is a tenth of it.
pub(crate) const MAX_RUN_BYTES: u64 = 4 << 20;
/// Most memory that the events of a run may take, bytes, as [`weight`] has it: all are kept. It is
/// enough for 400,000 of them.
const MAX_EVENTS_WEIGHT: usize = 384 << 20;

/// run.json, or null where there is none, it cannot be read, or it is another run's.
pub(super) fn read_run(path: &Path, of: Option<&str>) -> (Value, Vec<Damage>) {
    let mut damage = DamageLog::new(path);
    let unknown = "names, limits and sources are unknown";
    if !path.exists() {
        damage.note(None, || format!("is missing; {unknown}"));
        return (Value::Null, damage.into_vec());
    }
    let read = files::read_all(path, MAX_RUN_BYTES, &mut damage).map_err(|error| error.what());
    let parsed = read.and_then(|bytes| {
        serde_json::from_slice::<Value>(&bytes).map_err(|error| error.to_string())
    });
    let own = parsed.and_then(|run| match (run.get("test_id").and_then(Value::as_str), of) {
        (Some(id), Some(of)) if id != of => {
            Err(format!("belongs to run {id}, but {SAMPLES} to run {of}"))
        }
        _ => Ok(run),
    });
    let run = own.unwrap_or_else(|why| {
        damage.note(None, || format!("{why}; read on without it: {unknown}"));
        Value::Null
    });
    (run, damage.into_vec())
}

/// What events.jsonl tells.
#[derive(Debug, Default)]
pub(super) struct Told {
    path: PathBuf,
    pub events: Vec<Event>,
    of: Option<String>,
    pub follow: Follow,
    /// None where no such file was asked for.
    pub damage: Option<DamageLog>,
}

impl Told {
    /// Lines that are missing at its end, by what the samples know, which were read later. A run that
    /// goes on has written more meanwhile.
    pub(super) fn missing_at_end(&self, samples: &Follow) -> u64 {
        match self.follow.missing_at_end(samples) {
            0 => 0,
            _ if !self.path.exists() => 0,
            _ => read_events(&self.path, self.of.clone()).follow.missing_at_end(samples),
        }
    }
}

/// The events; what cannot be used is damage, never the end.
pub(super) fn read_events(path: &Path, of: Option<String>) -> Told {
    let mut damage = DamageLog::new(path);
    let mut told =
        Told { path: path.to_path_buf(), follow: Follow::of(of.clone()), of, ..Told::default() };
    let instead = "scenarios are taken from the samples";
    if !path.exists() {
        damage.note(None, || format!("is missing; {instead}"));
    } else if let Err(error) = read_event_lines(path, &mut told, &mut damage) {
        damage.note(None, || format!("{}; {instead} as far as they are not told", error.what()));
    } else if told.events.is_empty() && damage.is_empty() {
        damage.note(None, || format!("is empty; {instead}"));
    }
    told.damage = Some(damage);
    told
}

fn read_event_lines(
    path: &Path,
    told: &mut Told,
    damage: &mut DamageLog,
) -> Result<(), StoreError> {
    let mut lines = Lines::open(path)?;
    let mut room = MAX_EVENTS_WEIGHT;
    while let Some(line) = lines.next().map_err(|e| StoreError::io(path, e))? {
        let number = Some(line.number);
        let Some(left) = room.checked_sub(weight(line.bytes)) else {
            damage.note(number, || "is too large; read up to here".into());
            break;
        };
        room = left;
        let parsed = serde_json::from_slice::<Event>(line.bytes).map_err(|e| e.to_string());
        match parsed.and_then(|event| Ok((event, told.follow.judge(line.bytes)?))) {
            Ok((event, seal)) => {
                let missing = told.follow.used(seal.as_ref(), None);
                if missing > 0 {
                    damage.note(number, || missing_before(missing));
                }
                told.events.push(event);
            }
            Err(_) if line.bytes.trim_ascii().is_empty() => {}
            // The one that a killed run was writing.
            Err(_) if line.torn && breaks_off(line.bytes) => {}
            Err(why) => {
                damage.note(number, || format!("{why}; the line was skipped"));
                told.follow.lost();
            }
        }
    }
    Ok(())
}

/// About what an event takes in memory, bytes: a few letters can become a map that takes hundreds.
fn weight(line: &[u8]) -> usize {
    let count = |byte| memchr::memchr_iter(byte, line).count();
    line.len() + 640 * count(b'{') + 32 * count(b',')
}
