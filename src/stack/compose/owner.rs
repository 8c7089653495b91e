//! Whose containers and volumes these are, and whether they may be touched. Own is what carries
//! our labels; all else is foreign, also a stack started by hand from the same file.

use std::fmt;

use super::labels::Stamp;
use crate::config::Reset;
use crate::model::{Container, RunState};
use crate::stack::holder::{Holder, Life};
use crate::stack::naming::{COMPOSE_DIRECTORY, Labels};
use crate::stack::ready::{Expected, is_done};
use crate::stack::{LABEL_PID, LABEL_PROJECT, LABEL_RUN};

/// Who made a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// This run.
    Ours,
    /// An earlier run of this tool; its process has ended.
    Ended {
        /// Its labels, to add to what it made without remaking it.
        stamp: Stamp,
    },
    /// A run of this tool that still goes on.
    Living {
        /// Its test id.
        run: String,
        /// Its pid.
        pid: u32,
    },
    /// A run of this tool on another machine or in another pid namespace.
    Elsewhere {
        /// Its test id.
        run: String,
    },
    /// Somebody else.
    Foreign {
        /// The folder it was started from, where compose says so.
        from: Option<String>,
    },
}

/// Who made a thing with these labels; `local`: it is on this machine's engine.
#[must_use]
pub fn owner(labels: &Labels, ours: &Stamp, local: bool) -> Owner {
    let get = |key: &str| labels.get(key).cloned().unwrap_or_default();
    if get(LABEL_PROJECT) != ours.project {
        return Owner::Foreign { from: labels.get(COMPOSE_DIRECTORY).cloned() };
    }
    let (run, pid) = (get(LABEL_RUN), get(LABEL_PID));
    if run == ours.run && pid == ours.pid {
        return Owner::Ours;
    }
    match pid.parse::<Holder>() {
        Ok(holder) => match holder.life(local) {
            Life::Dead => Owner::Ended { stamp: Stamp { project: ours.project.clone(), run, pid } },
            Life::Alive => Owner::Living { run, pid: holder.pid },
            Life::Unknown => Owner::Elsewhere { run },
        },
        Err(_) => Owner::Elsewhere { run },
    }
}

/// A container or volume with its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// Its name in the engine.
    pub name: String,
    /// Who made it.
    pub owner: Owner,
}

impl fmt::Display for Owned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.owner {
            Owner::Foreign { from: Some(from) } => write!(f, "{} (from {from})", self.name),
            Owner::Ended { stamp } => write!(f, "{} (run {}, ended)", self.name, stamp.run),
            Owner::Elsewhere { run } => write!(f, "{} (run {run}, not on this machine)", self.name),
            Owner::Living { run, pid } => write!(f, "{} (run {run}, pid {pid})", self.name),
            Owner::Ours | Owner::Foreign { from: None } => f.write_str(&self.name),
        }
    }
}

impl Owned {
    /// Another run of this tool made it, which may still go on.
    #[must_use]
    pub fn is_of_a_run(&self) -> bool {
        matches!(self.owner, Owner::Living { .. } | Owner::Elsewhere { .. })
    }

    /// Needs the user's word to be taken over.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        matches!(self.owner, Owner::Foreign { .. } | Owner::Elsewhere { .. })
    }
}

/// What is there before a reset.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Survey {
    /// Containers of the project, in whatever state.
    pub containers: Vec<Owned>,
    /// Volumes that `down -v` would remove.
    pub volumes: Vec<Owned>,
}

/// Checks whether a reset of what is there is consented to.
///
/// # Errors
/// Why not: what would be destroyed, and how to consent.
pub fn may_reset(
    project: &str,
    survey: &Survey,
    reset: Reset,
    take_over: bool,
) -> Result<(), String> {
    // Plain `down` keeps volumes.
    let volumes: &[Owned] = match reset {
        Reset::Volumes => &survey.volumes,
        Reset::Containers | Reset::Never => &[],
    };
    refuse_living(project, survey.containers.iter().chain(volumes))?;
    let foreign = |all: &[Owned]| -> Vec<String> {
        all.iter().filter(|o| o.is_foreign()).map(ToString::to_string).collect()
    };
    let (containers, volumes) = (foreign(&survey.containers), foreign(volumes));
    if take_over || (containers.is_empty() && volumes.is_empty()) {
        return Ok(());
    }
    let mut lost = Vec::new();
    if !containers.is_empty() {
        lost.push(format!("the containers {}", containers.join(", ")));
    }
    if !volumes.is_empty() {
        lost.push(format!("the volumes {} with their data", volumes.join(", ")));
    }
    Err(format!(
        "project `{project}` has things on this engine that runner did not make; a reset would \
         destroy {}. Take them down yourself, give the config another `project`, or consent with \
         `stack.take_over = true`",
        lost.join(" and ")
    ))
}

fn refuse_living<'a>(
    project: &str,
    mut all: impl Iterator<Item = &'a Owned>,
) -> Result<(), String> {
    match all.find_map(|o| match &o.owner {
        Owner::Living { run, pid } => Some((run, pid)),
        _ => None,
    }) {
        Some((run, pid)) => Err(format!(
            "project `{project}` belongs to run {run} (pid {pid}), which still goes on; wait for \
             it, stop it, or give this run another `project`"
        )),
        None => Ok(()),
    }
}

/// What to do where nothing may be taken down (`stack.reset = never`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gentle {
    /// Bring up what is missing, labelled so.
    BringUp(Stamp),
    /// Look only: all is there, or what is there is not ours to change.
    Look,
}

/// Decides what can be done without taking anything down: `up` remakes whatever differs from the
/// files and labels, so it is only called where nothing is there, or where all of it carries one
/// and the same stamp of ours.
///
/// # Errors
/// When another run goes on in it.
pub fn gently(
    ours: &Stamp,
    survey: &Survey,
    containers: &[Container],
    expected: &[Expected],
) -> Result<Gentle, String> {
    refuse_living(&ours.project, survey.containers.iter())?;
    if survey.containers.is_empty() {
        return Ok(Gentle::BringUp(ours.clone()));
    }
    if !something_is_down(containers, expected) {
        return Ok(Gentle::Look);
    }
    let mut stamps = survey.containers.iter().map(|o| match &o.owner {
        Owner::Ours => Some(ours.clone()),
        Owner::Ended { stamp } => Some(stamp.clone()),
        _ => None,
    });
    let first = stamps.next().flatten();
    Ok(match first {
        Some(stamp) if stamps.all(|s| s.as_ref() == Some(&stamp)) => Gentle::BringUp(stamp),
        _ => Gentle::Look,
    })
}

fn something_is_down(containers: &[Container], expected: &[Expected]) -> bool {
    let missing = expected.iter().any(|e| {
        let there = containers.iter().filter(|c| c.service.as_deref() == Some(&e.service)).count();
        there < e.replicas as usize
    });
    missing
        || containers.iter().any(|c| match c.state {
            RunState::Created | RunState::Dead => true,
            RunState::Exited => !is_done(expected, c),
            RunState::Running | RunState::Paused | RunState::Restarting => false,
        })
}

#[cfg(test)]
mod tests;
