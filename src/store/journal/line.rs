//! A tick as one line of `samples.jsonl`; the format is told in [`super`].

use std::io::Write;
use std::ops::Range;

use serde::Serialize;

use super::FigureSources;
use crate::model::figure::Number;
use crate::model::{Figure, LoadReport, Part, SourceKind, Tick};

/// Figures that a source gave in this tick, over all containers.
struct Head {
    source: SourceKind,
    figures: Vec<Figure>,
}

/// Appends the line of a tick, with its end, to `out`.
pub fn write_line(tick: &Tick, sources: &FigureSources, out: &mut Vec<u8>) {
    write_line_in_parts(tick, sources, out);
}

/// As [`write_line`]; answers where in `out` the value of `samples` stands.
pub(super) fn write_line_in_parts(
    tick: &Tick,
    sources: &FigureSources,
    out: &mut Vec<u8>,
) -> Range<usize> {
    out.push(b'{');
    entry(out, "seq", &tick.seq);
    entry(out, "at", &tick.at);
    entry(out, "t", &tick.t);
    entry(out, "scenario", &tick.scenario);
    entry(out, "phase", &tick.phase);
    entry(out, "index", &tick.phase_index);
    if tick.priming {
        entry(out, "priming", &true);
    }
    if let Some(late) = tick.late_s {
        entry(out, "late_s", &late);
    }
    let heads = heads(tick);
    write_heads(&heads, sources, out);
    let samples = write_samples(tick, &heads, out);
    if !tick.host.is_empty() {
        entry(out, "host", &tick.host);
    }
    if !tick.devices.is_empty() {
        entry(out, "devices", &tick.devices);
    }
    if !tick.runner.is_empty() {
        entry(out, "runner", &tick.runner);
    }
    if tick.load != LoadReport::default() {
        entry(out, "load", &tick.load);
    }
    if !tick.watched.is_empty() {
        entry(out, "watched", &tick.watched);
    }
    if !tick.gaps.is_empty() {
        entry(out, "gaps", &tick.gaps);
    }
    out.extend_from_slice(b"}\n");
    samples
}

fn entry(out: &mut Vec<u8>, key: &str, value: &impl Serialize) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    json(out, key);
    out.push(b':');
    json(out, value);
}

fn json<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    // Writing these types to memory cannot fail; if it ever did, null keeps the line readable.
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.extend_from_slice(b"null");
    }
}

/// One head for each source, with all its figures in the order of the table.
fn heads(tick: &Tick) -> Vec<Head> {
    let mut heads: Vec<Head> = Vec::new();
    for part in tick.samples.iter().flat_map(|sample| &sample.parts) {
        let at = heads.iter().position(|head| head.source == part.source);
        let at = at.unwrap_or_else(|| {
            heads.push(Head { source: part.source, figures: Vec::new() });
            heads.len() - 1
        });
        let Some(head) = heads.get_mut(at) else {
            continue;
        };
        // Containers have mostly the same figures.
        if part.figures.iter().map(|(figure, _)| figure).eq(head.figures.iter().copied()) {
            continue;
        }
        for (figure, _) in part.figures.iter() {
            if let Err(at) = head.figures.binary_search(&figure) {
                head.figures.insert(at, figure);
            }
        }
    }
    heads
}

fn write_heads(heads: &[Head], sources: &FigureSources, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"parts\":[");
    for (index, head) in heads.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.push(b'{');
        let known = |figure: &Figure| sources.get(*figure) == Some(head.source);
        if head.figures.is_empty() || !head.figures.iter().all(known) {
            entry(out, "src", &head.source);
        }
        let names: Vec<&str> = head.figures.iter().map(|figure| figure.name()).collect();
        entry(out, "figures", &names);
        out.push(b'}');
    }
    out.push(b']');
}

fn write_samples(tick: &Tick, heads: &[Head], out: &mut Vec<u8>) -> Range<usize> {
    out.extend_from_slice(b",\"samples\":");
    let start = out.len();
    out.push(b'[');
    for (index, sample) in tick.samples.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.push(b'[');
        json(out, &sample.name);
        // Writing to memory cannot fail.
        let _ = write!(out, ",{}", sample.incarnation);
        for part in &sample.parts {
            write_part(part, heads, out);
        }
        out.push(b']');
    }
    out.push(b']');
    start..out.len()
}

fn write_part(part: &Part, heads: &[Head], out: &mut Vec<u8>) {
    let found = heads.iter().enumerate();
    let Some((index, head)) = found.into_iter().find(|(_, h)| h.source == part.source) else {
        return;
    };
    let _ = write!(out, ",[{index},");
    json(out, &part.at);
    let mut nulls = 0;
    // Both are in the order of the table, and the head has every figure that a part has.
    let mut values = part.figures.iter().peekable();
    for figure in &head.figures {
        let Some((_, value)) = values.next_if(|(next, _)| next == figure) else {
            nulls += 1;
            continue;
        };
        for _ in 0..nulls {
            out.extend_from_slice(b",null");
        }
        nulls = 0;
        out.push(b',');
        json(out, &Number(value));
    }
    out.push(b']');
}
