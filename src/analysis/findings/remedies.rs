//! What to do about something that grows, by what it is that grows.

use crate::analysis::containers::ContainerAnalysis;
use crate::analysis::resources::ResourceVerdict;
use crate::model::Figure;

/// What to do about memory that grows: a heap has a profile, files in memory and sockets have none.
#[must_use]
pub fn of_memory(container: &ContainerAnalysis) -> String {
    let name = &container.name;
    // The fastest stands first; threads have no share of their own.
    let parts = container.leak.iter().flat_map(|leak| &leak.parts);
    let first = parts.filter(|part| part.share_percent.is_some()).map(|part| part.part.as_str());
    match first.take(1).next() {
        Some("shared_memory") => format!(
            "look which files {name} keeps in tmpfs (/dev/shm, tmpfs mounts) and which shared memory \
             it never frees; a heap profile does not show them"
        ),
        Some("kernel") => format!(
            "look for sockets, pipes and files that {name} opens and never closes: it is the \
             kernel's memory for them that grows"
        ),
        Some("page_cache") => format!(
            "look which files {name} writes and reads: it is their pages that grow, and the kernel \
             gives most of them back when memory is short"
        ),
        _ => format!("profile what {name} allocates while it is under load"),
    }
}

/// What to do about a resource that grows.
#[must_use]
pub fn of_resource(name: &str, found: &ResourceVerdict) -> String {
    let is = |figure: Figure| found.resource == figure.name();
    if is(Figure::OpenFds) {
        format!("look for files and connections that {name} opens and never closes (/proc/PID/fd)")
    } else if is(Figure::Sockets) {
        format!("look for connections that {name} opens and never closes: pools without a bound")
    } else if is(Figure::Pids) {
        format!("look for threads and processes that {name} starts and that never end")
    } else if is(Figure::LogBytes) {
        format!("bound the log of {name} (max-size of its log driver), or let it log less")
    } else if is(Figure::VolumeBytes) {
        format!("clear what {name} keeps in its volumes")
    } else {
        format!("clear what {name} writes into its own layer, or give it a volume")
    }
}
