//! Bottlenecks and recommendations, in words with numbers.

use crate::analysis::analyze::Analysis;
use crate::analysis::containers::ContainerAnalysis;
use crate::analysis::leak::Verdict;
use crate::model::event::Trigger;
use crate::model::units::fixed;

use super::leaks::{rate, until_limit};
use super::limits::{in_words, is_failed_load};
use super::remedies;

/// What gives in first.
#[must_use]
pub fn bottlenecks(analysis: &Analysis) -> Vec<String> {
    let stress = analysis.capacity.as_ref().and_then(|capacity| {
        let trigger = capacity.trigger.as_ref()?;
        let level = capacity.max_level.map(|l| format!(" at level {l}")).unwrap_or_default();
        Some(if trigger.container == "host" {
            format!("host-bound{level}: no container reached its limit; {}", in_words(trigger))
        } else {
            format!("{}{level}", in_words(trigger))
        })
    });
    let speed = analysis.speed.as_ref().and_then(|speed| {
        let step = speed.steps.iter().rfind(|step| step.trigger.is_some())?;
        Some(format!("{} at {}x speed", in_words(step.trigger.as_ref()?), step.multiplier))
    });
    stress.into_iter().chain(speed).collect()
}

/// What to do next.
#[must_use]
pub fn recommendations(analysis: &Analysis) -> Vec<String> {
    let mut all: Vec<String> = analysis.containers.iter().filter_map(about_leak).collect();
    let trigger = analysis.capacity.as_ref().and_then(|capacity| capacity.trigger.as_ref());
    all.extend(trigger.and_then(|trigger| about_trigger(analysis, trigger)));
    all.extend(analysis.containers.iter().filter_map(about_memory));
    all
}

fn about_leak(container: &ContainerAnalysis) -> Option<String> {
    let leak = container.leak.as_ref()?;
    let name = &container.name;
    match leak.verdict {
        Verdict::Leak => {
            let until = until_limit(container).map(|text| format!("; {text}")).unwrap_or_default();
            let unit = leak.bytes_per_unit.zip(leak.unit.as_ref());
            let per = unit
                .map(|(bytes, unit)| format!(" ({:.1} KB per {unit})", bytes / 1024.0))
                .unwrap_or_default();
            let todo = capital(&remedies::of_memory(container));
            Some(format!("{todo}: {}{per}{until}.", rate(leak)))
        }
        Verdict::Suspect | Verdict::Inconclusive => Some(format!(
            "Measure {name} for longer ({:.0} minutes under load were judged): {}.",
            leak.minutes.unwrap_or(0.0),
            rate(leak)
        )),
        Verdict::Ok | Verdict::InsufficientData => None,
    }
}

/// The beginning of a sentence.
fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn about_trigger(analysis: &Analysis, trigger: &Trigger) -> Option<String> {
    let capacity = analysis.capacity.as_ref()?;
    let next = capacity.next(&analysis.settings).map(|(name, room)| {
        format!(" Next comes {name}, with {} % of its threshold left.", fixed(room, 0))
    });
    let next = next.unwrap_or_default();
    let name = &trigger.container;
    let advice = match trigger.metric.as_str() {
        _ if name == "host" => {
            "The machine gave in, no container did: use a larger one, or fewer containers.".into()
        }
        _ if is_failed_load(trigger) => {
            "To carry more, look at why requests fail: the table of the load has their causes."
                .into()
        }
        metric if name == "load" => {
            format!("To carry more, look at what moves {metric} of the load.")
        }
        metric if name == "metric" => {
            format!("To carry more, look at what moves the metric {metric}.")
        }
        "cpu" => {
            let cores = trigger.cores.map(|c| format!(" beyond {c} cores")).unwrap_or_default();
            format!("To carry more, give {name} more CPU{cores}, or make its work cheaper.")
        }
        "memory" => {
            format!("To carry more, raise the memory limit of {name}, or cut what it holds.")
        }
        metric => format!("To carry more, look at {metric} of {name} first."),
    };
    Some(format!("{advice}{next}"))
}

/// A limit that is too tight for what was measured.
fn about_memory(container: &ContainerAnalysis) -> Option<String> {
    let (limit, suggested) = (container.limit_mb?, container.suggested.memory_mb?);
    let is_leak = container.leak.as_ref().is_some_and(|leak| leak.verdict == Verdict::Leak);
    (suggested as f64 > limit && !is_leak).then(|| {
        format!(
            "Raise the memory limit of {} from {limit:.0} to {suggested} MB: it peaked at {:.0} MB.",
            container.name,
            container.peak_memory_mb.unwrap_or(0.0)
        )
    })
}
