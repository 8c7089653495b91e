//! Which profiles are enabled to begin with: those of COMPOSE_PROFILES, else all that can run together.

use crate::config::discover::{Discovered, Origin};
use crate::stack::compose::{Clash, ProjectFile, Service, clashes};

use super::read::profiles_of;

/// What was chosen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Choice {
    /// Enabled.
    pub on: Vec<String>,
    /// Somebody else said so, also where that is none of them; the remarks tell who.
    pub settled: bool,
    /// Left to the owner, and why: one excludes the other.
    pub off: Vec<String>,
    /// What excludes what, a line each.
    pub reasons: Vec<String>,
}

impl Choice {
    /// The profiles that the config is written for: where each excludes another, the first, as an offer.
    pub fn written(&self) -> &[String] {
        if self.on.is_empty() { self.off.get(..1).unwrap_or_default() } else { &self.on }
    }
}

/// Chooses.
pub fn choose(file: &ProjectFile, found: &Discovered) -> Choice {
    if found.profiles_by != Origin::Caller {
        return Choice { on: found.profiles.clone(), settled: true, ..Choice::default() };
    }
    let all = profiles_of(file);
    let of = |profiles: &[&String]| {
        let profiles: Vec<String> = profiles.iter().map(|p| (*p).clone()).collect();
        clashes(&file.enabled(&profiles).collect::<Vec<&Service>>())
    };
    let base = of(&[]);
    let alone: Vec<Vec<Clash>> = all.iter().map(|profile| of(&[profile])).collect();
    let mut choice = Choice::default();
    let mut off = vec![false; all.len()];
    for (index, (profile, clashes)) in all.iter().zip(&alone).enumerate() {
        let new: Vec<&Clash> = clashes.iter().filter(|clash| !base.contains(clash)).collect();
        if !new.is_empty() {
            off[index] = true;
            let services = others(&new);
            choice.reasons.push(format!(
                "profile {profile} cannot be enabled as it is: {} wanted by {services}",
                shared(&new)
            ));
        }
    }
    for (one, first) in all.iter().enumerate() {
        for (other, second) in all.iter().enumerate().skip(one + 1) {
            let known = |c: &Clash| alone[one].contains(c) || alone[other].contains(c);
            let both = of(&[first, second]);
            let new: Vec<&Clash> = both.iter().filter(|clash| !known(clash)).collect();
            if !new.is_empty() {
                off[one] = true;
                off[other] = true;
                choice.reasons.push(format!(
                    "profiles {first} and {second} exclude each other: both want {}",
                    shared(&new)
                ));
            }
        }
    }
    for (profile, off) in all.into_iter().zip(off) {
        if off { choice.off.push(profile) } else { choice.on.push(profile) }
    }
    choice
}

fn shared(clashes: &[&Clash]) -> String {
    clashes.iter().map(|clash| clash.shared.to_string()).collect::<Vec<_>>().join(", ")
}

fn others(clashes: &[&Clash]) -> String {
    let mut names: Vec<&str> =
        clashes.iter().flat_map(|c| c.services.iter().map(String::as_str)).collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}
