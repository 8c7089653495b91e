//! The ticks of one block, as they come.

use std::collections::HashMap;
use std::ops::Range;

use flate2::Crc;

use super::encode::{Encoder, Unit, put};
use crate::model::{Figure, Part, Sample, SourceKind, Tick};

/// Most parts of one sample: a column's number fits into a byte.
const MAX_PARTS: usize = 200;

/// A tick that the columns cannot hold: a container is twice in it, or in too many parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Odd;

/// Ticks that are not written yet.
#[derive(Debug)]
pub(super) struct Block {
    start: u64,
    length: u64,
    crc: Crc,
    lines: Vec<(usize, Range<usize>)>,
    containers: Vec<Container>,
    index: HashMap<String, usize>,
    cells: usize,
}

#[derive(Debug)]
struct Container {
    name: String,
    /// The row in which it was seen last, from 1.
    seen: usize,
    life: Encoder,
    place: Encoder,
    times: Vec<(Reading, Encoder)>,
    figures: Vec<(Figure, Reading, Encoder)>,
}

/// Which part of a sample a column is of: its source, and how many parts of that source stand
/// before it. What an engine says of disks is read at another time than its count of restarts.
type Reading = (SourceKind, u8);

impl Block {
    /// An empty block whose first line will stand at byte `start` of the journal.
    pub(super) fn new(start: u64) -> Block {
        Block {
            start,
            length: 0,
            crc: Crc::new(),
            lines: Vec::new(),
            containers: Vec::new(),
            index: HashMap::new(),
            cells: 0,
        }
    }

    pub(super) fn ticks(&self) -> usize {
        self.lines.len()
    }

    /// Cells so far: what the block's size and memory go by.
    pub(super) fn cells(&self) -> usize {
        self.cells
    }

    /// First byte of the journal behind the block's lines.
    pub(super) fn end(&self) -> u64 {
        self.start + self.length
    }

    /// Adds a tick and its line, in which `samples` is where the containers' figures stand. After
    /// an error the block is as it was.
    pub(super) fn add(
        &mut self,
        tick: &Tick,
        line: &[u8],
        samples: Range<usize>,
    ) -> Result<(), Odd> {
        let row = self.lines.len();
        let places = self.places(tick, row)?;
        for (place, (at, sample)) in places.into_iter().zip(&tick.samples).enumerate() {
            let Some(container) = self.containers.get_mut(at) else { continue };
            self.cells += container.add(row, place, sample, tick.at);
        }
        self.crc.update(line);
        self.length += line.len() as u64;
        self.lines.push((line.len(), samples));
        Ok(())
    }

    /// Where the containers of a tick are; nothing of the tick is added yet.
    fn places(&mut self, tick: &Tick, row: usize) -> Result<Vec<usize>, Odd> {
        let mut places = Vec::with_capacity(tick.samples.len());
        for (place, sample) in tick.samples.iter().enumerate() {
            let at = self.find(place, &sample.name);
            let container = self.containers.get_mut(at).ok_or(Odd)?;
            let twice = std::mem::replace(&mut container.seen, row + 1) == row + 1;
            if twice || sample.parts.len() > MAX_PARTS {
                return Err(Odd);
            }
            places.push(at);
        }
        Ok(places)
    }

    fn find(&mut self, guess: usize, name: &str) -> usize {
        if self.containers.get(guess).is_some_and(|c| c.name == name) {
            return guess;
        }
        if let Some(at) = self.index.get(name) {
            return *at;
        }
        self.containers.push(Container::new(name));
        self.index.insert(name.to_string(), self.containers.len() - 1);
        // What a container costs beside its cells.
        self.cells += 256;
        self.containers.len() - 1
    }

    /// The block as it stands in the file.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let mut payload = Vec::new();
        put(&mut payload, self.start);
        put(&mut payload, self.length);
        payload.extend_from_slice(&self.crc.sum().to_le_bytes());
        put(&mut payload, self.lines.len() as u64);
        for (length, samples) in &self.lines {
            put(&mut payload, *length as u64);
            put(&mut payload, samples.start as u64);
            put(&mut payload, samples.end as u64);
        }
        let mut names = Names::default();
        let mut containers = Vec::new();
        put(&mut containers, self.containers.len() as u64);
        for container in &mut self.containers {
            text(&mut containers, &container.name);
            let mut chunk = Vec::new();
            container.finish(&mut names, &mut chunk);
            put(&mut containers, chunk.len() as u64);
            containers.extend_from_slice(&chunk);
        }
        list(&mut payload, names.readings.iter().map(|(source, _)| source.name()));
        list(&mut payload, names.figures.iter().map(|figure| figure.name()));
        payload.append(&mut containers);
        let mut crc = Crc::new();
        crc.update(&payload);
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        [&length.to_le_bytes(), &crc.sum().to_le_bytes(), payload.as_slice()].concat()
    }
}

impl Container {
    fn new(name: &str) -> Container {
        Container {
            name: name.to_string(),
            seen: 0,
            life: Encoder::new(Unit::Value),
            place: Encoder::new(Unit::Value),
            times: Vec::new(),
            figures: Vec::new(),
        }
    }

    /// Adds a sample; answers how many cells it has.
    fn add(&mut self, row: usize, place: usize, sample: &Sample, now: f64) -> usize {
        self.life.pad(row);
        self.life.push(Some(f64::from(sample.incarnation)));
        self.place.pad(row);
        self.place.push(Some(place as f64));
        let (mut cells, mut guess) = (2, 0);
        for (number, part) in sample.parts.iter().enumerate() {
            let before = sample.parts.iter().take(number).filter(|p| p.source == part.source);
            let reading = (part.source, u8::try_from(before.count()).unwrap_or(u8::MAX));
            self.add_time(row, reading, part, now);
            for (figure, value) in part.figures.iter() {
                // The first part that has a figure wins.
                if number == 0 || !self.has(row, figure) {
                    self.add_figure(row, &mut guess, reading, figure, value);
                    cells += 1;
                }
            }
        }
        cells + sample.parts.len()
    }

    fn add_time(&mut self, row: usize, reading: Reading, part: &Part, now: f64) {
        let at = match self.times.iter().position(|(known, _)| *known == reading) {
            Some(at) => at,
            None => {
                self.times.push((reading, Encoder::new(Unit::Time)));
                self.times.len() - 1
            }
        };
        let Some((_, times)) = self.times.get_mut(at).filter(|(_, t)| t.ticks() <= row) else {
            return;
        };
        times.pad(row);
        // A time that is none is written as null, and read as the tick's.
        times.push(Some(part.at).filter(|at| at.is_finite()).or(Some(now)));
    }

    fn has(&self, row: usize, figure: Figure) -> bool {
        self.figures.iter().any(|(f, _, column)| *f == figure && column.ticks() > row)
    }

    /// `guess` is where the column is likely to be: samples repeat their order.
    fn add_figure(
        &mut self,
        row: usize,
        guess: &mut usize,
        reading: Reading,
        figure: Figure,
        value: f64,
    ) {
        let is_it = |(f, r, _): &(Figure, Reading, Encoder)| *f == figure && *r == reading;
        let known = self.figures.get(*guess).filter(|column| is_it(column)).map(|_| *guess);
        let at = known.or_else(|| self.figures.iter().position(is_it)).unwrap_or_else(|| {
            self.figures.push((figure, reading, Encoder::new(Unit::Value)));
            self.figures.len() - 1
        });
        *guess = at + 1;
        if let Some((_, _, column)) = self.figures.get_mut(at) {
            column.pad(row);
            column.push(Some(value));
        }
    }

    fn finish(&mut self, names: &mut Names, out: &mut Vec<u8>) {
        self.life.finish(out);
        self.place.finish(out);
        put(out, self.times.len() as u64);
        for (reading, times) in &mut self.times {
            put(out, names.reading(*reading));
            times.finish(out);
        }
        put(out, self.figures.len() as u64);
        for (figure, reading, values) in &mut self.figures {
            put(out, names.figure(*figure));
            put(out, names.reading(*reading));
            values.finish(out);
        }
    }
}

/// Names that the columns of a block have, by number. A source of several parts is named once for
/// each, the first part first: a container's times are in that order.
#[derive(Debug, Default)]
struct Names {
    readings: Vec<Reading>,
    figures: Vec<Figure>,
}

impl Names {
    fn reading(&mut self, reading: Reading) -> u64 {
        number(&mut self.readings, reading)
    }

    fn figure(&mut self, figure: Figure) -> u64 {
        number(&mut self.figures, figure)
    }
}

fn number<T: PartialEq>(all: &mut Vec<T>, one: T) -> u64 {
    let at = all.iter().position(|known| *known == one).unwrap_or_else(|| {
        all.push(one);
        all.len() - 1
    });
    at as u64
}

fn list<'a>(out: &mut Vec<u8>, names: impl ExactSizeIterator<Item = &'a str>) {
    put(out, names.len() as u64);
    names.for_each(|name| text(out, name));
}

fn text(out: &mut Vec<u8>, name: &str) {
    put(out, name.len() as u64);
    out.extend_from_slice(name.as_bytes());
}
