//! The samples of results.json as they are read: the hot path.

use super::watched;
use crate::analysis::ScenarioData;
use crate::model::units::mb_to_bytes;
use crate::model::{Figure, Scope};
use crate::store::columns::{Budget, Growing, Table, TooSparse};
use crate::store::json::{Cursor, Num, Parsed, Text};

/// CPU beyond this many percent of one core is a broken counter, as in `model::rates`.
const IMPOSSIBLE_CPU_PERCENT: f64 = 1_000_000.0;

/// Most kinds of wrong values that are told apart.
const MAX_NOTES: usize = 20;

/// Most load metrics that are told apart.
const MAX_METRICS: usize = 500;

/// What a key of a container's sample means.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Field {
    UsedMb,
    LimitMb,
    Percent,
    Figure(Figure),
    Incarnation,
    Unknown,
}

impl Field {
    fn of(key: Text<'_>) -> Field {
        match key.decode().as_ref() {
            "memory_used_mb" => Field::UsedMb,
            "memory_limit_mb" => Field::LimitMb,
            "memory_percent" => Field::Percent,
            "incarnation" => Field::Incarnation,
            name => match Figure::by_name(name) {
                Some(figure) if figure.row().scope == Scope::Container => Field::Figure(figure),
                _ => Field::Unknown,
            },
        }
    }
}

/// Keys in the order in which samples repeat them, and what was wrong with their values.
#[derive(Debug, Default)]
pub(super) struct Fields {
    order: Vec<(String, Field)>,
    notes: Vec<(String, u64)>,
}

impl Fields {
    /// What a key at that place means.
    #[inline]
    fn find(&mut self, place: usize, key: Text<'_>) -> Field {
        match self.order.get(place) {
            Some((name, field)) if key.is(name) => *field,
            _ => self.learn(place, key),
        }
    }

    #[cold]
    fn learn(&mut self, place: usize, key: Text<'_>) -> Field {
        let field = Field::of(key);
        // A container with hundreds of unknown keys is not worth remembering.
        if place < 200 {
            let entry = (key.decode().into_owned(), field);
            match self.order.get_mut(place) {
                Some(known) => *known = entry,
                None => self.order.push(entry),
            }
        }
        field
    }

    #[cold]
    fn note(&mut self, what: String) {
        if let Some((_, count)) = self.notes.iter_mut().find(|(known, _)| *known == what) {
            *count += 1;
        } else if self.notes.len() < MAX_NOTES {
            self.notes.push((what, 1));
        }
    }

    /// What was wrong since the last call, with how often.
    pub(super) fn take_notes(&mut self) -> Vec<String> {
        let notes = std::mem::take(&mut self.notes).into_iter();
        notes.map(|(what, count)| format!("{what} ({count} times)")).collect()
    }
}

/// The rows of the scenario that is being read.
#[derive(Debug)]
pub(super) struct Rows {
    pub failed: Option<TooSparse>,
    /// Unix seconds of the run's first sample: zero of the time axis of files without `at`.
    origin: Option<f64>,
    budget: Budget,
    data: ScenarioData,
    table: Table,
    devices: Table,
    host: Growing,
    runner: Growing,
}

/// What a sample says beside its containers.
#[derive(Debug, Default, Clone, Copy)]
struct Times {
    wall: Option<f64>,
    at: Option<f64>,
    queued: Option<f64>,
}

impl Rows {
    pub(super) fn new(budget: Budget) -> Rows {
        Rows {
            failed: None,
            origin: None,
            budget,
            data: ScenarioData::new(""),
            table: Table::default(),
            devices: Table::default(),
            host: Growing::new(),
            runner: Growing::new(),
        }
    }

    pub(super) fn begin(&mut self) {
        self.data = ScenarioData::new("");
        self.table = Table::default();
        self.devices = Table::default();
        self.host = Growing::new();
        self.runner = Growing::new();
    }

    /// The scenario with its columns, and the wall clock of zero on its time axis.
    pub(super) fn take(&mut self) -> (ScenarioData, Option<f64>) {
        let mut data = std::mem::replace(&mut self.data, ScenarioData::new(""));
        let rows = data.time.len();
        let budget = &mut self.budget;
        let host = std::mem::replace(&mut self.host, Growing::new());
        let runner = std::mem::replace(&mut self.runner, Growing::new());
        let done = (|| {
            data.containers = std::mem::take(&mut self.table).finish(budget, rows)?;
            data.devices = std::mem::take(&mut self.devices).finish(budget, rows)?;
            data.host = host.finish(budget, rows)?;
            data.runner = runner.finish(budget, rows)?;
            Ok(())
        })();
        if let Err(sparse) = done {
            self.failed = Some(sparse);
        }
        for (_, column) in data.load_metrics.iter_mut().chain(&mut data.metrics) {
            column.resize(rows, f64::NAN);
        }
        for column in [&mut data.queued, &mut data.active] {
            if !column.is_empty() {
                column.resize(rows, f64::NAN);
            }
        }
        let zero = data.wall.first().zip(data.time.first()).map(|(wall, time)| wall - time);
        (data, zero)
    }

    /// Reads one sample. After an error nothing of it counts.
    pub(super) fn sample(&mut self, c: &mut Cursor<'_>, fields: &mut Fields) -> Parsed<()> {
        let row = self.data.time.len();
        let mut times = Times::default();
        let mut members = c.object()?;
        while let Some(key) = members.key(c)? {
            if key.is("containers") && c.peek()? == b'{' {
                self.containers(c, fields, row)?;
            } else if key.is("timestamp") {
                times.wall = c.num()?.value();
            } else if key.is("at") {
                times.at = c.num()?.value();
            } else if key.is("agents_queued") && c.peek()? == b'{' {
                times.queued = drivers(c)?.or(times.queued);
            } else if key.is("load") && c.peek()? == b'{' {
                self.load(c, row)?;
            } else if key.is("metrics") && c.peek()? == b'{' {
                watched::metrics(c, &mut self.data, row)?;
            } else if key.is("health") && c.peek()? == b'{' {
                watched::health(c, &mut self.data, row)?;
            } else if key.is("host") && c.peek()? == b'{' {
                figures(c, &mut self.host, &mut self.budget, row)?;
            } else if key.is("devices") && c.peek()? == b'{' {
                self.devices(c, row)?;
            } else if key.is("runner") && c.peek()? == b'{' {
                figures(c, &mut self.runner, &mut self.budget, row)?;
            } else {
                c.skip()?;
            }
        }
        self.end_sample(times, fields, row);
        Ok(())
    }

    /// Gives the sample its place on the time axis. A clock that was set back, or a missing time,
    /// must not cost the sample (phases are cut by counting), so that its distance is assumed.
    fn end_sample(&mut self, times: Times, fields: &mut Fields, row: usize) {
        let origin = match (self.origin, times.wall) {
            (None, Some(wall)) => *self.origin.insert(wall),
            (origin, _) => origin.unwrap_or(0.0),
        };
        let told = times.at.or(times.wall.map(|wall| wall - origin));
        let time = &mut self.data.time;
        let last = time.last().copied();
        let step = match time.as_slice() {
            [.., a, b] => b - a,
            _ => 1.0,
        };
        let now = match (told, last) {
            (Some(told), Some(last)) if told <= last => {
                fields.note("the time of a sample is not later than the one before; its distance was assumed".into());
                last + step
            }
            (Some(told), _) => told,
            (None, last) => {
                fields.note("a sample has no time; its distance was assumed".into());
                last.map_or(0.0, |last| last + step)
            }
        };
        time.push(now);
        self.data.wall.push(times.wall.unwrap_or(origin + now));
        if let Some(queued) = times.queued
            && self.data.queued.len() <= row
        {
            self.data.queued.resize(row, f64::NAN);
            self.data.queued.push(queued);
        }
    }

    fn containers(&mut self, c: &mut Cursor<'_>, fields: &mut Fields, row: usize) -> Parsed<()> {
        let mut members = c.object()?;
        let mut guess = 0;
        while let Some(name) = members.key(c)? {
            if c.peek()? == b'{' {
                let at = self.table.find(guess, &name);
                guess = at + 1;
                self.container(c, fields, at, row)?;
            } else {
                fields.note(format!("the sample of {} is not an object; left out", name.decode()));
                c.skip()?;
            }
        }
        Ok(())
    }

    fn container(
        &mut self,
        c: &mut Cursor<'_>,
        fields: &mut Fields,
        at: usize,
        row: usize,
    ) -> Parsed<()> {
        let mut percent = None;
        let mut limited = false;
        let mut place = 0;
        let mut members = c.object()?;
        while let Some(key) = members.key(c)? {
            let field = fields.find(place, key);
            place += 1;
            if field == Field::Unknown {
                c.skip()?;
                continue;
            }
            let num = c.num()?;
            if num == Num::Wrong {
                fields.note(format!("{} is not a number; left out", key.decode()));
            }
            let Some(value) = num.value() else {
                continue;
            };
            match field {
                Field::UsedMb if value >= 0.0 => {
                    self.put(at, Figure::MemoryWorkingSetBytes, row, mb_to_bytes(value));
                }
                // 0.0 means that there is no limit.
                Field::LimitMb if value > 0.0 => {
                    limited = true;
                    self.put(at, Figure::MemoryLimitBytes, row, mb_to_bytes(value));
                }
                Field::Percent => percent = Some(value),
                Field::Figure(Figure::CpuPercent) if value > IMPOSSIBLE_CPU_PERCENT => {
                    fields.note("an impossible cpu_percent; left out".into());
                }
                Field::Figure(figure) => self.put(at, figure, row, value),
                Field::Incarnation => {
                    let life = value.clamp(0.0, f64::from(u32::MAX)) as u32;
                    let put = self.table.put_incarnation(&mut self.budget, at, row, life);
                    self.failed = put.err().or(self.failed);
                }
                Field::UsedMb | Field::LimitMb | Field::Unknown => {}
            }
        }
        if let Some(percent) = percent.filter(|percent| limited || *percent > 0.0) {
            self.put(at, Figure::MemoryPercent, row, percent);
        }
        Ok(())
    }

    fn devices(&mut self, c: &mut Cursor<'_>, row: usize) -> Parsed<()> {
        let mut members = c.object()?;
        let mut guess = 0;
        while let Some(name) = members.key(c)? {
            if c.peek()? != b'{' {
                c.skip()?;
                continue;
            }
            let at = self.devices.find(guess, &name);
            guess = at + 1;
            let mut figures = c.object()?;
            while let Some(key) = figures.key(c)? {
                let value = c.num()?.value();
                let figure = Figure::by_name(&key.decode());
                let figure = figure.filter(|figure| figure.row().scope == Scope::Device);
                if let (Some(figure), Some(value)) = (figure, value)
                    && let Err(sparse) = self.devices.put(&mut self.budget, at, figure, row, value)
                {
                    self.failed = Some(sparse);
                }
            }
        }
        Ok(())
    }

    #[inline]
    fn put(&mut self, at: usize, figure: Figure, row: usize, value: f64) {
        if let Err(sparse) = self.table.put(&mut self.budget, at, figure, row, value) {
            self.failed = Some(sparse);
        }
    }

    fn load(&mut self, c: &mut Cursor<'_>, row: usize) -> Parsed<()> {
        let mut members = c.object()?;
        while let Some(key) = members.key(c)? {
            let Some(value) = c.num()?.value() else {
                continue;
            };
            let column = if key.is("queued") {
                &mut self.data.queued
            } else if key.is("active") {
                &mut self.data.active
            } else {
                let all = &mut self.data.load_metrics;
                let known = all.iter().position(|(name, _)| key.is(name));
                if known.is_none() && all.len() >= MAX_METRICS {
                    continue;
                }
                let at = known.unwrap_or_else(|| {
                    all.push((key.decode().into_owned(), Vec::new()));
                    all.len() - 1
                });
                match all.get_mut(at) {
                    Some((_, column)) => column,
                    None => continue,
                }
            };
            column.resize(row, f64::NAN);
            column.push(value);
        }
        Ok(())
    }
}

/// The level of `agents_queued`: its drivers.
fn drivers(c: &mut Cursor<'_>) -> Parsed<Option<f64>> {
    let mut level = None;
    let mut members = c.object()?;
    while let Some(key) = members.key(c)? {
        let value = c.num()?.value();
        if key.is("drivers") {
            level = value;
        }
    }
    Ok(level)
}

fn figures(
    c: &mut Cursor<'_>,
    columns: &mut Growing,
    budget: &mut Budget,
    row: usize,
) -> Parsed<()> {
    let mut members = c.object()?;
    while let Some(key) = members.key(c)? {
        let value = c.num()?.value();
        if let (Some(figure), Some(value)) = (Figure::by_name(&key.decode()), value)
            && columns.put(budget, figure, row, value).is_err()
        {
            return c.bad(TooSparse::WHAT);
        }
    }
    Ok(())
}
