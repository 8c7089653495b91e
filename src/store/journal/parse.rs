//! Reads a line of `samples.jsonl`, the twin of [`super::line`], into whatever wants its cells.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use super::FigureSources;
use crate::model::{Figure, FigureSet, Gap, LoadReport, Part, Sample, SourceKind, Tick, Watched};
use crate::store::json::{Bad, Cursor, Num, Parsed, Text};

/// What stands before a line's rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Head {
    pub seq: u64,
    pub at: f64,
    pub t: f64,
    pub scenario: String,
    pub phase: String,
    pub phase_index: u32,
    pub priming: bool,
    pub late_s: Option<f64>,
}

/// What stands behind a line's rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Tail {
    pub host: FigureSet,
    pub runner: FigureSet,
    pub devices: BTreeMap<String, FigureSet>,
    pub load: LoadReport,
    pub watched: Watched,
    pub gaps: Vec<Gap>,
}

/// Takes the cells of a line as they are read.
pub(super) trait Sink {
    /// A line begins. `false`: its rows are not wanted.
    fn head(&mut self, head: &Head) -> bool;
    fn sample(&mut self, name: Text<'_>, incarnation: u32);
    fn part(&mut self, source: SourceKind, at: f64);
    fn figure(&mut self, figure: Figure, value: f64);
    fn end_sample(&mut self);
    fn tail(&mut self, head: &Head, tail: Tail);
}

/// A part of a line's head, figures that are unknown here included.
#[derive(Debug, Clone, Default)]
struct Layout {
    source: Option<SourceKind>,
    figures: Vec<Option<Figure>>,
}

/// Reads lines; what it learned from one line's head it keeps for the next, whose head is mostly
/// the same.
#[derive(Debug)]
pub(super) struct LineParser {
    sources: FigureSources,
    head: Vec<u8>,
    layouts: Vec<Layout>,
    /// Number of the tick that was read last, where its line has one.
    pub seq: Option<u64>,
}

impl LineParser {
    pub(super) fn new(sources: FigureSources) -> LineParser {
        LineParser { sources, head: Vec::new(), layouts: Vec::new(), seq: None }
    }

    /// Reads one line. After an error the sink may hold a part of it.
    pub(super) fn parse(&mut self, line: &[u8], sink: &mut impl Sink) -> Parsed<()> {
        let mut c = Cursor::new(line);
        let mut head = Head::default();
        let mut tail = Tail::default();
        let mut seen = Seen::default();
        let mut members = c.object()?;
        while let Some(key) = members.key(&mut c)? {
            if key.is("parts") {
                self.layouts(&mut c)?;
                seen.parts = true;
            } else if key.is("samples") {
                if seen.all() {
                    self.samples(&mut c, &head, sink)?;
                    seen.rows = true;
                } else {
                    seen.later = Some(c.at());
                    c.skip()?;
                }
            } else if !head_member(&mut c, key, &mut head, &mut seen)? {
                tail_member(&mut c, key, &mut tail)?;
            }
        }
        if !c.is_done() {
            return c.bad("something follows the line's object");
        }
        if !seen.head() {
            return c.bad("at, scenario or phase is missing");
        }
        self.seq = seen.seq.then_some(head.seq);
        match seen.later {
            Some(at) if !seen.rows => {
                c.go(at);
                self.samples(&mut c, &head, sink)?;
            }
            // A tick in which nothing answered.
            None if !seen.rows => {
                sink.head(&head);
            }
            _ => {}
        }
        sink.tail(&head, tail);
        Ok(())
    }

    fn layouts(&mut self, c: &mut Cursor<'_>) -> Parsed<()> {
        let start = c.at();
        c.skip()?;
        let end = c.at();
        let text = c.between(start, end);
        if text == self.head {
            return Ok(());
        }
        c.go(start);
        self.layouts.clear();
        self.head.clear();
        let mut list = c.array()?;
        while list.element(c)? {
            let layout = self.layout(c)?;
            self.layouts.push(layout);
        }
        self.head.extend_from_slice(text);
        Ok(())
    }

    fn layout(&self, c: &mut Cursor<'_>) -> Parsed<Layout> {
        let mut layout = Layout::default();
        let mut members = c.object()?;
        while let Some(key) = members.key(c)? {
            if key.is("src") {
                let name = c.text_or_skip()?;
                layout.source = Some(name.and_then(|n| n.parse().ok()).unwrap_or(SourceKind::File));
            } else if key.is("figures") {
                let mut names = c.array()?;
                while names.element(c)? {
                    layout.figures.push(Figure::by_name(&c.text()?.decode()));
                }
            } else {
                c.skip()?;
            }
        }
        if layout.source.is_none() {
            let mut known = layout.figures.iter().flatten();
            layout.source = known.find_map(|figure| self.sources.get(*figure));
        }
        Ok(layout)
    }

    fn samples(&self, c: &mut Cursor<'_>, head: &Head, sink: &mut impl Sink) -> Parsed<()> {
        if !sink.head(head) {
            return c.skip();
        }
        let mut rows = c.array()?;
        while rows.element(c)? {
            let mut row = c.array()?;
            if !row.element(c)? {
                return c.bad("a row without a name");
            }
            let name = c.text()?;
            if !row.element(c)? {
                return c.bad("a row without an incarnation");
            }
            let incarnation = whole(c.num()?).unwrap_or(0);
            sink.sample(name, u32::try_from(incarnation).unwrap_or(u32::MAX));
            while row.element(c)? {
                self.part(c, head, sink)?;
            }
            sink.end_sample();
        }
        Ok(())
    }

    #[inline]
    fn part(&self, c: &mut Cursor<'_>, head: &Head, sink: &mut impl Sink) -> Parsed<()> {
        let mut cells = c.array()?;
        if !cells.element(c)? {
            return c.bad("a part without its number");
        }
        let index = whole(c.num()?).and_then(|n| usize::try_from(n).ok());
        let Some(layout) = index.and_then(|index| self.layouts.get(index)) else {
            return c.bad("a part that the line's head does not have");
        };
        let at = match cells.element(c)? {
            true => c.num()?.value().unwrap_or(head.at),
            false => return c.bad("a part without its time"),
        };
        sink.part(layout.source.unwrap_or(SourceKind::File), at);
        let mut figures = layout.figures.iter();
        while cells.element(c)? {
            let value = c.num()?.value();
            if let (Some(Some(figure)), Some(value)) = (figures.next(), value) {
                sink.figure(*figure, value);
            }
        }
        Ok(())
    }
}

/// What of a line was there already.
#[derive(Debug, Default)]
struct Seen {
    seq: bool,
    at: bool,
    scenario: bool,
    phase: bool,
    parts: bool,
    rows: bool,
    /// Where rows that came before the head begin.
    later: Option<usize>,
}

impl Seen {
    fn head(&self) -> bool {
        self.at && self.scenario && self.phase
    }

    fn all(&self) -> bool {
        self.head() && self.parts
    }
}

fn head_member(
    c: &mut Cursor<'_>,
    key: Text<'_>,
    head: &mut Head,
    seen: &mut Seen,
) -> Parsed<bool> {
    if key.is("at") {
        if let Some(at) = c.num()?.value() {
            (head.at, seen.at) = (at, true);
        }
    } else if key.is("t") {
        head.t = c.num()?.value().unwrap_or(f64::NAN);
    } else if key.is("scenario") {
        head.scenario = c.text()?.decode().into_owned();
        seen.scenario = true;
    } else if key.is("phase") {
        head.phase = c.text()?.decode().into_owned();
        seen.phase = true;
    } else if key.is("index") {
        head.phase_index = whole(c.num()?).and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    } else if key.is("seq") {
        let seq = whole(c.num()?);
        (head.seq, seen.seq) = (seq.unwrap_or(0), seq.is_some());
    } else if key.is("priming") {
        head.priming = c.truth()?.unwrap_or(false);
    } else if key.is("late_s") {
        head.late_s = c.num()?.value();
    } else {
        return Ok(false);
    }
    Ok(true)
}

fn tail_member(c: &mut Cursor<'_>, key: Text<'_>, tail: &mut Tail) -> Parsed<()> {
    if key.is("host") {
        tail.host = figures(c)?;
    } else if key.is("runner") {
        tail.runner = figures(c)?;
    } else if key.is("devices") {
        tail.devices = devices(c)?;
    } else if key.is("load") {
        tail.load = typed(c)?;
    } else if key.is("watched") {
        tail.watched = typed(c)?;
    } else if key.is("gaps") {
        tail.gaps = typed(c)?;
    } else {
        c.skip()?;
    }
    Ok(())
}

/// Most devices that a line may tell of.
const MAX_DEVICES: usize = 256;

fn devices(c: &mut Cursor<'_>) -> Parsed<BTreeMap<String, FigureSet>> {
    let mut all = BTreeMap::new();
    let mut members = c.object()?;
    while let Some(key) = members.key(c)? {
        if all.len() >= MAX_DEVICES {
            c.skip()?;
            continue;
        }
        let name = key.decode().into_owned();
        all.insert(name, figures(c)?);
    }
    Ok(all)
}

fn figures(c: &mut Cursor<'_>) -> Parsed<FigureSet> {
    let mut set = FigureSet::new();
    let mut members = c.object()?;
    while let Some(key) = members.key(c)? {
        let value = c.num()?.value();
        if let (Some(figure), Some(value)) = (Figure::by_name(&key.decode()), value) {
            set.set(figure, value);
        }
    }
    Ok(set)
}

/// Small values in their serde form.
fn typed<T: DeserializeOwned>(c: &mut Cursor<'_>) -> Parsed<T> {
    c.peek()?;
    let start = c.at();
    c.skip()?;
    serde_json::from_slice(c.between(start, c.at()))
        .map_err(|_| Bad { at: start, what: "load, watched or gaps are not of the expected form" })
}

fn whole(num: Num) -> Option<u64> {
    num.value().filter(|v| *v >= 0.0 && v.fract() == 0.0).map(|v| v as u64)
}

/// Reads one line of `samples.jsonl` as the tick it was.
///
/// # Errors
/// What is wrong, and at which byte of the line.
pub fn read_line(line: &[u8], sources: &FigureSources) -> Result<Tick, String> {
    let mut sink = TickSink::default();
    LineParser::new(sources.clone())
        .parse(line, &mut sink)
        .map_err(|bad| format!("{} at byte {}", bad.what, bad.at))?;
    sink.done.ok_or_else(|| "an empty line".to_string())
}

/// Makes the tick again.
#[derive(Default)]
struct TickSink {
    samples: Vec<Sample>,
    done: Option<Tick>,
}

impl Sink for TickSink {
    fn head(&mut self, _: &Head) -> bool {
        true
    }

    fn sample(&mut self, name: Text<'_>, incarnation: u32) {
        self.samples.push(Sample {
            name: name.decode().into_owned(),
            incarnation,
            parts: Vec::new(),
        });
    }

    fn part(&mut self, source: SourceKind, at: f64) {
        if let Some(sample) = self.samples.last_mut() {
            sample.parts.push(Part { source, at, figures: FigureSet::new() });
        }
    }

    fn figure(&mut self, figure: Figure, value: f64) {
        let part = self.samples.last_mut().and_then(|s| s.parts.last_mut());
        if let Some(part) = part {
            part.figures.set(figure, value);
        }
    }

    fn end_sample(&mut self) {}

    fn tail(&mut self, head: &Head, tail: Tail) {
        self.done = Some(Tick {
            seq: head.seq,
            at: head.at,
            t: head.t,
            scenario: head.scenario.clone(),
            phase: head.phase.clone(),
            phase_index: head.phase_index,
            priming: head.priming,
            late_s: head.late_s,
            samples: std::mem::take(&mut self.samples),
            host: tail.host,
            runner: tail.runner,
            devices: tail.devices,
            load: tail.load,
            watched: tail.watched,
            gaps: tail.gaps,
        });
    }
}
