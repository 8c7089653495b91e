//! Keys and lives: which name a container has in the results, and where one life of it ends and
//! the next begins.
//!
//! Prometheus knows no events. A restart shows as a new container id, a new start time, or a CPU
//! counter that falls; an OOM kill as a rise of cAdvisor's count, which outlives a restart.

use std::collections::HashMap;

use super::fold::{Found, Row};
use super::lingering::Lingering;
use super::parse::Point;
use crate::model::{
    Container, Figure, FigureSet, Health, Limits, RunState, StackEvent, StackEventKind,
};

/// A reading under its key, as the journal takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampled {
    /// Unix milliseconds.
    pub at_ms: i64,
    /// The container's key.
    pub name: String,
    /// Which life of it.
    pub incarnation: u32,
    /// Its figures; OOM kills are counted from the start of the life, as the kernel does.
    pub figures: FigureSet,
}

/// Something that happened, in order of time.
#[derive(Debug, Clone, PartialEq)]
pub enum Happened {
    /// A container as it was from then on.
    Seen(Box<Container>, f64),
    /// A start, an end, or an OOM kill.
    Stack(StackEvent),
}

impl Happened {
    /// Unix seconds.
    #[must_use]
    pub fn t(&self) -> f64 {
        match self {
            Happened::Seen(_, t) => *t,
            Happened::Stack(event) => event.t,
        }
    }
}

/// What one part of a window gave.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Told {
    /// Readings in order of time.
    pub samples: Vec<Sampled>,
    /// Events in order of time.
    pub events: Vec<Happened>,
}

/// A unit (see [`super::labels::Identity::unit`]) as far as it was read.
#[derive(Debug, Clone)]
struct Unit {
    name: String,
    incarnation: u32,
    container_id: Option<String>,
    /// Unix seconds of the start of this life, as told.
    start: Option<f64>,
    /// The times between which this life began, where that was seen (Unix seconds).
    began: Option<(f64, f64)>,
    cpu: Option<f64>,
    /// OOM kills as last told, and how many of them are of earlier lives.
    oom: Option<f64>,
    oom_before: f64,
    last_ms: i64,
    container: Container,
}

/// Who has a key, and how many lives it has had.
#[derive(Debug, Clone)]
struct Holder {
    unit: String,
    incarnation: u32,
    last_ms: i64,
}

/// All containers of a window, over its parts.
#[derive(Debug, Default)]
pub struct Lives {
    units: HashMap<String, Unit>,
    holders: HashMap<String, Holder>,
    lingering: Lingering,
    /// Keys in order of first sight.
    order: Vec<String>,
    /// Containers that are there from this moment on have just been made; none before the first
    /// part is read.
    fresh_after_ms: i64,
}

/// A start time counts as new from this difference on: cAdvisor tells whole seconds.
const NEW_START_S: f64 = 1.0;
/// A container that was started so long before its first reading is no new one, seconds.
const NEW_S: f64 = 60.0;
/// Start times are cut to seconds, and clocks of scrape and reading differ a little.
const START_SLACK_S: f64 = 1.0;
/// Kills in one step beyond this are no count but a broken counter.
const MOST_KILLS: f64 = 1000.0;

impl Lives {
    /// For a window; containers first seen after `fresh_after_ms` were started within it.
    #[must_use]
    pub fn new(fresh_after_ms: i64) -> Lives {
        Lives { fresh_after_ms, ..Lives::default() }
    }

    /// The containers as last seen, in order of first sight.
    #[must_use]
    pub fn containers(&self) -> Vec<Container> {
        let known = |name: &String| self.units.get(&self.holders.get(name)?.unit);
        self.order.iter().filter_map(known).map(|unit| unit.container.clone()).collect()
    }

    /// Takes the next part of the window. `spacing_ms` is the usual time between two readings.
    pub fn take(&mut self, mut part: Vec<Found>, spacing_ms: i64) -> Told {
        self.lingering.clear(&mut part, spacing_ms);
        part.sort_by_key(Found::first_ms);
        for found in &part {
            let unit = &found.identity.unit;
            let name = self.units.get(unit).map(|unit| &unit.name);
            let holder = name.and_then(|name| self.holders.get_mut(name));
            if let Some(holder) = holder.filter(|holder| holder.unit == *unit) {
                holder.last_ms = holder.last_ms.max(found.last_ms().unwrap_or(i64::MIN));
            }
        }
        let mut told = Told::default();
        for found in part {
            self.unit(found, spacing_ms, &mut told);
        }
        told.samples.sort_by_key(|sample| (sample.at_ms, sample.incarnation));
        told.samples = in_order_of_lives(std::mem::take(&mut told.samples));
        // Stable: an end stays before the start that follows it in the same second.
        told.events.sort_by(|a, b| a.t().total_cmp(&b.t()));
        told
    }

    fn unit(&mut self, found: Found, spacing_ms: i64, told: &mut Told) {
        let id = found.identity.unit.clone();
        let holds = |unit: &Unit| self.holders.get(&unit.name).is_some_and(|h| h.unit == id);
        // One whose key went to another, and that is there still, gets a key of its own.
        let mut unit = match self.units.remove(&id).filter(holds) {
            Some(unit) => unit,
            None => self.begin(&found, spacing_ms, told),
        };
        unit.container.limits = merged(&unit.container.limits, &found.limits);
        if found.identity.container_id != unit.container_id {
            // The same pod's container, made anew.
            if let Some(row) = found.rows.first() {
                let start = start_of(&found.starts, row.at_ms);
                unit.next_life(row, start, told);
                unit.container_id.clone_from(&found.identity.container_id);
            }
        }
        for row in found.rows {
            unit.row(row, &found.starts, told);
        }
        let last_ms = unit.last_ms;
        if let Some(holder) = self.holders.get_mut(&unit.name) {
            holder.incarnation = holder.incarnation.max(unit.incarnation);
            holder.last_ms = holder.last_ms.max(last_ms);
        }
        self.units.insert(id, unit);
    }

    /// A unit that is seen for the first time: its key, and whether it takes another's place.
    fn begin(&mut self, found: &Found, spacing_ms: i64, told: &mut Told) -> Unit {
        let identity = &found.identity;
        let first_ms = found.first_ms().unwrap_or_default();
        let (name, predecessor) = self.name(found, first_ms, spacing_ms);
        let incarnation = predecessor.map_or(0, |before| before + 1);
        let start = found.starts.first().map(|point| point.value);
        let container = Container {
            name: name.clone(),
            id: identity.unit.clone(),
            engine_name: identity.engine_name.clone(),
            service: identity.service.clone(),
            incarnation,
            pid: None,
            started_at: start.and_then(rfc3339),
            state: RunState::Running,
            health: Health::None,
            exit_code: None,
            restart_count: 0,
            oom_killed: false,
            one_shot: false,
            limits: found.limits.clone(),
            image: identity.image.clone(),
            ports: std::collections::BTreeMap::new(),
        };
        let first = first_ms as f64 / 1e3;
        // One that was started long before is only seen again.
        let old = start.is_some_and(|start| first - start >= NEW_S);
        let started = predecessor.is_some() || first_ms > self.fresh_after_ms && !old;
        let t = if started {
            start.filter(|s| (first - s).abs() < NEW_S).unwrap_or(first)
        } else {
            first
        };
        let t = t.min(first);
        let start_event = started.then(|| stack(&container, t, StackEventKind::Start));
        let seen = Happened::Seen(Box::new(container.clone()), t);
        if predecessor.is_some() {
            told.events.extend(start_event);
            told.events.push(seen);
        } else {
            told.events.push(seen);
            told.events.extend(start_event);
        }
        if predecessor.is_none() {
            self.order.push(name.clone());
        }
        let holder = Holder { unit: identity.unit.clone(), incarnation, last_ms: first_ms };
        self.holders.insert(name.clone(), holder);
        Unit {
            name,
            incarnation,
            container_id: identity.container_id.clone(),
            start,
            began: started.then_some((first - spacing_ms as f64 / 1e3, first)),
            cpu: None,
            oom: None,
            oom_before: 0.0,
            last_ms: i64::MIN,
            container,
        }
    }

    /// A key that nobody holds at that time, and the last life of its earlier holder.
    fn name(&self, found: &Found, first_ms: i64, spacing_ms: i64) -> (String, Option<u32>) {
        let identity = &found.identity;
        let id = identity.container_id.as_deref().unwrap_or(&identity.unit);
        let short: String = id.chars().take(12).collect();
        let candidates = [
            identity.key.clone(),
            identity.engine_name.clone(),
            format!("{}~{short}", identity.key),
        ];
        for name in candidates {
            match self.holders.get(&name) {
                None => return (name, None),
                Some(holder) if holder.last_ms <= first_ms + 2 * spacing_ms => {
                    return (name, Some(holder.incarnation));
                }
                Some(_) => {}
            }
        }
        (format!("{}~{id}", identity.key), None)
    }
}

impl Unit {
    fn row(&mut self, row: Row, starts: &[Point], told: &mut Told) {
        if row.at_ms <= self.last_ms {
            return;
        }
        let cpu = row.figures.get(Figure::CpuUsageNs);
        let fell = self.cpu.zip(cpu).is_some_and(|(before, now)| now < before);
        let new = |start: &f64| self.is_new(*start);
        if fell {
            let start = start_of(starts, row.at_ms).filter(new);
            self.next_life(&row, start, told);
        } else if let Some(start) = surely_started(starts, row.at_ms).filter(new) {
            // It may be told later than it was seen by the counter.
            if self.last_ms == i64::MIN || self.explains(start) {
                self.start = Some(start);
            } else {
                self.next_life(&row, Some(start), told);
            }
        }
        self.keep(row, told);
    }

    fn is_new(&self, start: f64) -> bool {
        self.start.is_none_or(|known| start - known >= NEW_START_S)
    }

    fn explains(&self, start: f64) -> bool {
        self.start.is_none()
            || self.began.is_some_and(|(from, to)| {
                start >= from - START_SLACK_S && start <= to + START_SLACK_S
            })
    }

    /// A life ended between the last reading and this one.
    fn next_life(&mut self, row: &Row, start: Option<f64>, told: &mut Told) {
        let now = row.at_ms as f64 / 1e3;
        let before = if self.last_ms == i64::MIN { now } else { self.last_ms as f64 / 1e3 };
        let t = start.filter(|s| *s > before && *s <= now).unwrap_or(now);
        let raw = row.figures.get(Figure::OomKills);
        let kills = self.oom.zip(raw).map_or(0.0, |(known, raw)| raw - known);
        if (1.0..=MOST_KILLS).contains(&kills) {
            for _ in 0..kills as u32 {
                told.events.push(stack(&self.container, t, StackEventKind::Oom));
            }
        }
        self.oom_before = if kills >= 0.0 { raw.or(self.oom).unwrap_or(0.0) } else { 0.0 };
        told.events.push(stack(&self.container, t, StackEventKind::Die { exit_code: None }));
        told.events.push(stack(&self.container, t, StackEventKind::Start));
        self.incarnation += 1;
        self.start = start.or(self.start);
        self.cpu = None;
        self.began = Some((before, now));
        self.container.incarnation = self.incarnation;
        self.container.started_at = start.and_then(rfc3339);
        told.events.push(Happened::Seen(Box::new(self.container.clone()), t));
    }

    fn keep(&mut self, row: Row, told: &mut Told) {
        let Row { at_ms, mut figures } = row;
        if let Some(raw) = figures.get(Figure::OomKills) {
            if raw < self.oom_before {
                self.oom_before = 0.0;
            }
            self.oom = Some(raw);
            figures.set(Figure::OomKills, raw - self.oom_before);
        }
        self.cpu = figures.get(Figure::CpuUsageNs).or(self.cpu);
        self.last_ms = at_ms;
        told.samples.push(Sampled {
            at_ms,
            name: self.name.clone(),
            incarnation: self.incarnation,
            figures,
        });
    }
}

/// The latest start that may have been before a reading.
fn start_of(starts: &[Point], at_ms: i64) -> Option<f64> {
    let now = at_ms as f64 / 1e3;
    starts.iter().map(|point| point.value).filter(|start| *start <= now).reduce(f64::max)
}

/// The latest start that was before a reading even though start times are cut to seconds.
fn surely_started(starts: &[Point], at_ms: i64) -> Option<f64> {
    let now = at_ms as f64 / 1e3;
    let cut = |start: f64| if start.fract() == 0.0 { start + 1.0 } else { start };
    starts.iter().map(|point| point.value).filter(|start| cut(*start) <= now).reduce(f64::max)
}

/// Readings of a life that ended do not come after the first one of the next: a scrape may see
/// both for a moment.
fn in_order_of_lives(samples: Vec<Sampled>) -> Vec<Sampled> {
    let mut latest: HashMap<String, (u32, i64)> = HashMap::new();
    let mut kept = Vec::with_capacity(samples.len());
    for sample in samples {
        let known = latest.entry(sample.name.clone()).or_insert((sample.incarnation, i64::MIN));
        if sample.incarnation < known.0 || sample.at_ms <= known.1 {
            continue;
        }
        *known = (sample.incarnation, sample.at_ms);
        kept.push(sample);
    }
    kept
}

fn merged(known: &Limits, told: &Limits) -> Limits {
    Limits {
        memory_bytes: told.memory_bytes.or(known.memory_bytes),
        cpus: told.cpus.or(known.cpus),
        pids: told.pids.or(known.pids),
    }
}

fn stack(container: &Container, t: f64, kind: StackEventKind) -> Happened {
    let (id, name) = (container.id.clone(), container.name.clone());
    Happened::Stack(StackEvent { t, id, name, kind })
}

/// Unix seconds as RFC 3339 in UTC.
#[must_use]
pub fn rfc3339(t: f64) -> Option<String> {
    let millis = (t * 1e3).round();
    let time = chrono::DateTime::from_timestamp_millis(millis as i64)?;
    Some(time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
}
