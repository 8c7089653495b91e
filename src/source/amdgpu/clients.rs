//! What processes of the stack hold, from `/proc/PID/fdinfo`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::source::gpu::share::ProcessUse;
use crate::source::gpu::{Owner, Owners};

use super::parse;

/// Processes of containers with their video memory, by PCI address of the card. None where the
/// descriptors of one of them may not be read: what it holds would be missing.
pub(super) fn by_card(owners: &Owners) -> Option<BTreeMap<String, Vec<ProcessUse>>> {
    let mut cards: BTreeMap<String, Vec<ProcessUse>> = BTreeMap::new();
    // An opening that a child has inherited is held once.
    let mut counted = BTreeSet::new();
    for entry in fs::read_dir(owners.proc_root()).ok()?.flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        if !matches!(owners.of(pid), Owner::Container(_)) {
            continue;
        }
        for client in clients(&entry.path())? {
            if counted.insert((client.pci.clone(), client.id)) {
                let held = ProcessUse { pid, memory: client.vram, sm_percent: None };
                add(cards.entry(client.pci).or_default(), held);
            }
        }
    }
    Some(cards)
}

/// A process may have opened the card several times.
fn add(processes: &mut Vec<ProcessUse>, held: ProcessUse) {
    match processes.iter_mut().find(|known| known.pid == held.pid) {
        Some(known) => {
            known.memory = known.memory.zip(held.memory).map(|(a, b)| a.saturating_add(b))
        }
        None => processes.push(held),
    }
}

/// The openings of GPUs of one process; none where they may not be looked at.
fn clients(process: &Path) -> Option<Vec<parse::Client>> {
    let descriptors = match fs::read_dir(process.join("fd")) {
        Ok(descriptors) => descriptors,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return None,
        // It has ended.
        Err(_) => return Some(Vec::new()),
    };
    let is_gpu = |path: &Path| fs::read_link(path).is_ok_and(|to| to.starts_with("/dev/dri"));
    let gpus = descriptors.flatten().filter(|fd| is_gpu(&fd.path()));
    let info = gpus.filter_map(|fd| {
        let path = process.join("fdinfo").join(fd.file_name());
        parse::client(&fs::read_to_string(path).ok()?)
    });
    Some(info.collect())
}
