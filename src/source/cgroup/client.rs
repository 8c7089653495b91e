//! The source: keeps a reader per container and answers a tick.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use async_trait::async_trait;
use tokio::time::Instant;

use super::kept::Slots;
use super::machine_kills::MachineKills;
use super::parents::Parents;
use super::paths::{Membership, Mounts};
use super::reader::{Failure, Finder, Plan, Reader};
use super::{FEW, background_interval};
use crate::config::SourcesConfig;
use crate::model::{Container, Figure, Gap, SourceKind};
use crate::session::ports::{Aside, Reading, RunClock, Source};
use crate::source::buffer::Buffer;

/// Reads containers' control groups on this machine.
///
/// A container's files are opened at its first reading and whenever it was restarted or made anew;
/// in between a reading costs one `pread` a file, where descriptors suffice (see `kept.rs`). It reads inline: no call waits for anything.
pub struct CgroupSource {
    proc_root: PathBuf,
    mounts: Mounts,
    own: Membership,
    own_network: Option<PathBuf>,
    clock: RunClock,
    readers: HashMap<String, Reader>,
    parents: Parents,
    machine_kills: MachineKills,
    /// Whether what moves slowly is read in turn where there are many containers. Not where sources
    /// are compared: they are to say the same things at the same time.
    in_turn: bool,
    /// Descriptors for files of groups.
    slots: Slots,
    buffer: Buffer,
}

impl CgroupSource {
    /// Looks where control groups are mounted. `clock` stamps the readings.
    ///
    /// # Errors
    /// When there is nothing to read: in words, with the remedy.
    pub fn open(config: &SourcesConfig, clock: RunClock) -> Result<CgroupSource, String> {
        let table = config.proc_root.join("self/mountinfo");
        let mountinfo = std::fs::read_to_string(&table).map_err(|error| {
            format!(
                "the table of mounts {} cannot be read: {error}; control groups need Linux",
                table.display()
            )
        })?;
        let mounts = Mounts::parse(&mountinfo, &config.cgroup_root);
        if mounts.is_empty() {
            return Err(format!(
                "no control group file system is mounted under {}: set sources.cgroup_root, or use another source",
                config.cgroup_root.display()
            ));
        }
        let own = std::fs::read_to_string(config.proc_root.join("self/cgroup")).unwrap_or_default();
        Ok(CgroupSource {
            mounts,
            own: Membership::parse(&own),
            own_network: std::fs::read_link(config.proc_root.join("self/ns/net")).ok(),
            proc_root: config.proc_root.clone(),
            clock,
            readers: HashMap::new(),
            parents: Parents::default(),
            machine_kills: MachineKills::open(&config.proc_root),
            in_turn: config.in_turn && !config.cross_check,
            slots: Slots::of_this_process(),
            buffer: Buffer::new(),
        })
    }

    /// With so many descriptors for files of groups.
    #[cfg(test)]
    pub(super) fn with_slots(mut self, count: usize) -> CgroupSource {
        self.slots = Slots::new(count);
        self
    }

    /// `v1`, `v2` or `hybrid` (version 1 with an empty or pressure-only version 2), for people.
    #[must_use]
    pub fn version(&self) -> &'static str {
        self.mounts.version()
    }

    /// Opens what is new, forgets what is gone; answers why a target has no reader.
    fn follow(&mut self, targets: &[Container]) -> HashMap<String, String> {
        let mut reasons = HashMap::new();
        let mut opened = false;
        let served = |target: &&Container| {
            self.readers.get(&target.name).is_some_and(|reader| reader.serves(target))
        };
        if targets.iter().filter(served).count() == targets.len().max(self.readers.len()) {
            return reasons;
        }
        let names: HashSet<&str> = targets.iter().map(|t| t.name.as_str()).collect();
        self.readers.retain(|name, _| names.contains(name.as_str()));
        for target in targets {
            if self.readers.get(&target.name).is_some_and(|r| r.serves(target)) {
                continue;
            }
            self.readers.remove(&target.name);
            match self.open_reader(target) {
                Ok(reader) => {
                    self.readers.insert(target.name.clone(), reader);
                    opened = true;
                }
                Err(reason) => {
                    reasons.insert(target.name.clone(), reason);
                }
            }
        }
        if opened {
            self.assign_networks(targets);
            self.parents.follow(self.readers.values().filter_map(|r| r.parent_events.as_deref()));
        }
        reasons
    }

    fn open_reader(&self, target: &Container) -> Result<Reader, String> {
        let finder = Finder {
            proc_root: &self.proc_root,
            mounts: &self.mounts,
            own: &self.own,
            slots: &self.slots,
        };
        Reader::open(&finder, target)
    }

    /// Containers that share a network show the same traffic: it is counted once, for the one that
    /// started first, whose network it is. The runner's own network is the host's and nobody's.
    fn assign_networks(&mut self, targets: &[Container]) {
        let mut order: Vec<&Container> = targets.iter().collect();
        order.sort_by_key(|target| (target.started_at.as_deref(), target.pid));
        let mut taken: HashSet<PathBuf> = self.own_network.iter().cloned().collect();
        for target in order {
            let Some(reader) = self.readers.get_mut(&target.name) else {
                continue;
            };
            reader.owns_network = match &reader.network_id {
                Some(network) => taken.insert(network.clone()),
                None => true,
            };
        }
    }

    fn plan(&mut self, containers: usize) -> Plan {
        if containers <= FEW || !self.in_turn {
            return Plan { background_s: 0.0, kills: true };
        }
        Plan {
            background_s: background_interval(containers),
            kills: self.machine_kills.may_have_risen(&mut self.buffer),
        }
    }

    fn read_target(&mut self, target: &Container, plan: Plan) -> Result<Reading, String> {
        match self.read_open(target, plan) {
            Err(Failure::Stale) => {}
            Err(Failure::Other(reason)) => return Err(reason),
            Ok(reading) => return Ok(reading),
        }
        // The groups were removed since they were opened; a quick restart may have made new ones.
        self.readers.remove(&target.name);
        let reader = self.open_reader(target)?;
        self.readers.insert(target.name.clone(), reader);
        self.read_open(target, plan).map_err(|failure| match failure {
            Failure::Stale => "its control group was removed: it ended".to_owned(),
            Failure::Other(reason) => reason,
        })
    }

    fn read_open(&mut self, target: &Container, plan: Plan) -> Result<Reading, Failure> {
        let Some(reader) = self.readers.get_mut(&target.name) else {
            return Err(Failure::Stale);
        };
        reader.follow_limits(&target.limits);
        let (at, figures) = reader.read(&self.clock, plan, &mut self.buffer)?;
        Ok(Reading { container: target.name.clone(), incarnation: target.incarnation, at, figures })
    }
}

#[async_trait]
impl Source for CgroupSource {
    fn kind(&self) -> SourceKind {
        SourceKind::Cgroup
    }

    fn offers(&self) -> &'static [Figure] {
        super::OFFERS
    }

    fn background(&self) -> &'static [Figure] {
        super::BACKGROUND
    }

    async fn read(
        &mut self,
        targets: &[Container],
        _deadline: Instant,
    ) -> Vec<Result<Reading, Gap>> {
        let mut reasons = self.follow(targets);
        let plan = self.plan(targets.len());
        let mut answers = Vec::with_capacity(targets.len());
        for target in targets {
            let answer = match reasons.remove(&target.name) {
                Some(reason) => Err(reason),
                None => self.read_target(target, plan),
            };
            let gap = |reason| Gap::about(SourceKind::Cgroup, &target.name, reason);
            answers.push(answer.map_err(gap));
        }
        answers
    }

    fn aside(&mut self, _: &[Container]) -> Aside {
        let kills = self.parents.kills(&mut self.buffer);
        let host = kills.map(|kills| (Figure::GroupOomKills, kills)).into_iter().collect();
        Aside { host, ..Aside::default() }
    }
}
