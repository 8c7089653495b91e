//! Answers of services, and the kernel's text about resources and cards.

use runner::config::{Aggregate, Pick, Selector};
use runner::source::custom::exposition::Page;
use runner::source::custom::pick::Answer;
use runner::source::prometheus::fold::{Found, fold};
use runner::source::prometheus::lives::{Lives, Sampled};
use runner::source::prometheus::parse::{parse_label_sets, parse_matrix, parse_version, refusal};
use runner::source::prometheus::ticks::{Ticks, spacing_ms, spans};
use runner::source::resources::parse::{Inspect, most_files, processes, sockets};
use runner::source::{amdgpu as card, prometheus as api};

use super::{measured, parts};

/// Answers of Prometheus, one part of a window behind the other.
pub fn prometheus(data: &[u8]) {
    let (mut lives, mut spacing, mut sampled) = (Lives::new(0), 10_000, Vec::new());
    for (_, text) in parts(data) {
        let text = text.as_bytes();
        let _ = (parse_version(text), refusal(text));
        for labels in parse_label_sets(text).unwrap_or_default() {
            let _ = api::labels::identify(&labels);
        }
        let Ok(matrix) = parse_matrix(text) else { continue };
        for series in &matrix.series {
            assert!(series.points.is_sorted_by(|a, b| a.at_ms < b.at_ms));
            assert!(series.points.iter().all(|point| point.value.is_finite()));
        }
        let found = fold(matrix);
        found.iter().for_each(read);
        spacing = spacing_ms(&found).unwrap_or(spacing);
        sampled.extend(lives.take(found, spacing).samples);
    }
    let _ = lives.containers();
    ticks(sampled, spacing);
}

fn read(found: &Found) {
    assert!(found.rows.is_sorted_by(|a, b| a.at_ms < b.at_ms));
    found.rows.iter().for_each(|row| measured(&row.figures));
}

/// Later parts may not be later in time: readings are taken as they come.
fn ticks(sampled: Vec<Sampled>, spacing: i64) {
    let times = || sampled.iter().map(|sample| sample.at_ms);
    let (Some(from), Some(to)) = (times().min(), times().max()) else { return };
    let Ok(spans) = spans(from, to, Vec::new()) else { return };
    let mut ticks = Ticks::new("window", from, spacing, spans);
    let mut done = Vec::new();
    for sample in sampled {
        measured(&sample.figures);
        done.extend(ticks.push(sample));
    }
    done.extend(ticks.close());
    assert!(done.is_sorted_by(|a, b| a.t < b.t));
    let _ = (ticks.holes(), ticks.gone(to));
}

const AGGREGATES: [Aggregate; 5] =
    [Aggregate::One, Aggregate::Sum, Aggregate::Max, Aggregate::Min, Aggregate::Avg];

/// What a metric picks (a JSON pointer or a selector) in the first line, the answer below it.
pub fn exposition(data: &[u8]) {
    let line = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (wanted, rest) = data.split_at(line);
    let (wanted, body) = (String::from_utf8_lossy(wanted), rest.get(1..).unwrap_or_default());
    let mut answer = Answer::new(body);
    for pick in picks(&wanted) {
        match answer.number(&pick) {
            Ok(value) => assert!(value.is_finite()),
            Err(miss) => assert!(!miss.reason.is_empty() && !miss.remedy.is_empty()),
        }
    }
    page(&String::from_utf8_lossy(body));
}

fn picks(wanted: &str) -> Vec<Pick> {
    let of = |selector: &Selector| {
        AGGREGATES.map(|aggregate| Pick::Series { selector: selector.clone(), aggregate })
    };
    match Selector::parse(wanted) {
        Ok(selector) => of(&selector).to_vec(),
        Err(_) => vec![Pick::Pointer(wanted.to_owned())],
    }
}

fn page(text: &str) {
    let mut page = Page::new(text);
    let mut read = 0;
    for series in page.by_ref() {
        assert!(!series.name.is_empty() && series.label("a b").is_none());
        read += 1;
    }
    assert!(read + page.broken() <= text.lines().count() as u64);
    assert_eq!(page.broken() > 0, page.first_broken().is_some());
}

/// `sockstat`, `limits`, `cgroup.procs`, and the engine's inspect answer.
pub fn resources(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = (sockets(&text), most_files(&text));
    assert!(processes(&text).iter().all(|pid| *pid > 0));
    if let Ok(inspect) = serde_json::from_slice::<Inspect>(data) {
        let places = inspect.places();
        let all = places.layer.iter().chain(&places.log).chain(&places.volumes);
        assert!(all.into_iter().all(|path| path.starts_with('/')));
    }
}

/// Files of a card and of an opening of it.
pub fn amdgpu(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    assert!(card::parse::number(&text).is_none_or(f64::is_finite));
    assert!(card::parse::percent(&text).is_none_or(|v| (0.0..=100.0).contains(&v)));
    let _ = (card::parse::card(&text), card::parse::client(&text));
    let _ = ["DRIVER", "PCI_SLOT_NAME"].map(|key| card::parse::uevent(&text, key));
}
