//! One container's open files: opened once, read in place, opened anew when the groups are.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::kept::{Kept, Slots, TOO_MANY};
use super::paths::{Layout, Membership, Mounts};
use super::{FileSpec, Pace, complete};
use crate::model::{Container, Figure, FigureSet, Limits};
use crate::os::is_out_of_descriptors;
use crate::session::ports::RunClock;
use crate::source::buffer::Buffer;
use crate::source::kernel_text::net_dev;

/// The kernel answers this for an open file of a group that was removed.
const ENODEV: i32 = 19;

/// What is needed to find a container's files.
pub(super) struct Finder<'a> {
    pub proc_root: &'a Path,
    pub mounts: &'a Mounts,
    /// The groups that the runner itself is in.
    pub own: &'a Membership,
    /// Descriptors for the files.
    pub slots: &'a Slots,
}

/// Time between two readings of settings, and of files that say nothing, seconds.
const SELDOM_S: f64 = 10.0;
/// With many containers settings are read once in so many turns of the background files.
const SETTINGS_TURNS: f64 = 3.0;
/// As `SETTINGS_TURNS`, for the group's identity: a removed group says so itself.
const IDENTITY_TURNS: f64 = 6.0;
/// More figures than a container has.
const MOST_FIGURES: usize = 48;

struct OpenFile {
    file: Kept,
    spec: &'static FileSpec,
    /// It said nothing: not asked before this time, seconds on the run's clock.
    rests_until: f64,
}

/// The open files of one incarnation of a container.
pub(super) struct Reader {
    pid: i32,
    incarnation: u32,
    identity: PathBuf,
    inode: u64,
    /// When the group's identity is looked at again.
    identified_until: f64,
    /// When the settings are looked at again.
    seldom_at: f64,
    /// When the background files are due.
    background: Background,
    files: Vec<OpenFile>,
    /// Some of them are found by name: the group's identity is looked at each time.
    by_name: bool,
    settings: FigureSet,
    /// Limits as the engine said them last.
    limits: Limits,
    memory: MemoryOfSleeper,
    /// Where kills are counted that outlive the group.
    pub parent_events: Option<PathBuf>,
    network: Option<Kept>,
    /// Which network the main process is in; containers can share one.
    pub network_id: Option<PathBuf>,
    /// Whether the traffic is this container's to report.
    pub owns_network: bool,
}

/// What is read in a round.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// Time between two readings of a container's background files, seconds; zero: each time.
    pub background_s: f64,
    /// Whether the counts of OOM kills are read.
    pub kills: bool,
}

/// When a container's background files are read.
struct Background {
    due: Option<f64>,
    /// Where in the interval this container's turn is, 0 to 1: they are not all read at once.
    turn: f64,
}

impl Background {
    fn new(pid: i32) -> Background {
        // Process ids of containers that start together lie close together: spread by the golden
        // ratio (Knuth's multiplicative hashing).
        let spread = pid.cast_unsigned().wrapping_mul(0x9E37_79B1);
        Background { due: None, turn: f64::from(spread) / f64::from(u32::MAX) }
    }

    /// Whether it is time, and if so, when the next time is. The first time is at once.
    fn is_due(&mut self, at: f64, every_s: f64) -> bool {
        let Some(due) = self.due else {
            self.due = Some(at + every_s * self.turn);
            return true;
        };
        // A tick comes when it comes: one that is a little early is not put off by a whole one.
        if at + every_s / 10.0 < due.min(at + every_s) {
            return false;
        }
        self.due = Some(at + every_s);
        true
    }
}

/// What the files of [`Pace::Awake`] said, and what the group had used when they did.
#[derive(Default)]
struct MemoryOfSleeper {
    /// CPU time, ns, and memory, bytes.
    used: Option<(f64, f64)>,
    figures: FigureSet,
}

impl MemoryOfSleeper {
    /// Whether the group has slept since: no task of it had CPU time, and its memory is as large as it
    /// was. If not, its figures are to be read anew.
    fn has_slept(&mut self, now: &FigureSet) -> bool {
        let used = now.get(Figure::CpuUsageNs).zip(now.get(Figure::MemoryUsageBytes));
        if used.is_some() && used == self.used {
            return true;
        }
        self.used = used;
        self.figures.clear();
        false
    }

    /// They are read at the next round, whatever it says.
    fn forget(&mut self) {
        self.used = None;
    }
}

/// Why there is no reading.
pub(super) enum Failure {
    /// The groups are gone; new ones may be there.
    Stale,
    /// Anything else, in words.
    Other(String),
}

impl Reader {
    /// Finds and opens the files of a container. The error says what to do.
    pub fn open(finder: &Finder<'_>, target: &Container) -> Result<Reader, String> {
        let pid = target
            .pid
            .ok_or("it has no process on this machine (not running, or the engine is remote)")?;
        let process = finder.proc_root.join(pid.to_string());
        let layout = locate(finder, &process, target)?;
        let identity = layout.identity().unwrap_or(&process).to_path_buf();
        let inode = inode_of(&identity)
            .map_err(|error| format!("its control group {} is not there ({error}): it just ended, or the group's file system is not mounted here", identity.display()))?;
        let files = open_files(&layout, finder.slots)?;
        let network_id = std::fs::read_link(process.join("ns/net")).ok();
        Ok(Reader {
            pid,
            incarnation: target.incarnation,
            identity,
            inode,
            identified_until: 0.0,
            seldom_at: 0.0,
            background: Background::new(pid),
            by_name: files.iter().any(|open| open.file.is_named()),
            files,
            settings: FigureSet::new(),
            limits: target.limits.clone(),
            memory: MemoryOfSleeper::default(),
            parent_events: layout.parent_events(),
            network: Kept::open(process.join("net/dev"), finder.slots).ok(),
            network_id,
            owns_network: true,
        })
    }

    /// Whether these files are still those of the target. A removed group says so itself when it is
    /// read, so that its identity is looked up now and then only.
    pub fn serves(&self, target: &Container) -> bool {
        target.pid == Some(self.pid) && target.incarnation == self.incarnation
    }

    /// What the engine says limits it has changed: the files of settings are read at the next round.
    pub fn follow_limits(&mut self, limits: &Limits) {
        if self.limits != *limits {
            self.limits.clone_from(limits);
            self.seldom_at = 0.0;
        }
    }

    /// Reads what is due by `plan`; the time is that of the first file, which holds the CPU time.
    pub fn read(
        &mut self,
        clock: &RunClock,
        plan: Plan,
        buffer: &mut Buffer,
    ) -> Result<(f64, FigureSet), Failure> {
        let mut figures = FigureSet::with_capacity(MOST_FIGURES);
        let at = clock.now();
        if self.by_name || at >= self.identified_until {
            if !inode_of(&self.identity).is_ok_and(|inode| inode == self.inode) {
                return Err(Failure::Stale);
            }
            self.identified_until = at + SELDOM_S.max(IDENTITY_TURNS * plan.background_s);
        }
        let has_quota = self.settings.get(Figure::CpuLimitCores).is_some();
        let seldom = at >= self.seldom_at;
        if seldom {
            self.seldom_at = at + SELDOM_S.max(SETTINGS_TURNS * plan.background_s);
            self.settings = FigureSet::new();
        }
        let background = self.background.is_due(at, plan.background_s);
        let (settings, memory) = (&mut self.settings, &mut self.memory);
        if seldom || plan.background_s <= 0.0 {
            memory.forget();
        }
        let mut has_slept = None;
        let mut failure = None;
        self.files.retain_mut(|open| {
            let due = match open.spec.pace {
                Pace::Each => true,
                Pace::Quota => background || has_quota,
                Pace::Kills => background || plan.kills,
                Pace::Background => background,
                // The files of what it has used come before.
                Pace::Awake => !*has_slept.get_or_insert_with(|| memory.has_slept(&figures)),
                Pace::Setting => seldom,
            };
            if !due || at < open.rests_until {
                return true;
            }
            let pace = open.spec.pace;
            match open.file.read(buffer, |buffer, file| buffer.read(file)) {
                Ok(text) => {
                    let into = match pace {
                        Pace::Setting => &mut *settings,
                        Pace::Awake => &mut memory.figures,
                        _ => &mut figures,
                    };
                    let before = into.len();
                    (open.spec.parse)(text, into);
                    if pace != Pace::Setting && into.len() == before {
                        open.rests_until = at + SELDOM_S;
                    }
                    true
                }
                Err(error) => {
                    // Pressure files fail where the kernel was started without pressure
                    // accounting: such a file is not asked again. A removed group fails in every
                    // file.
                    // Where there is no descriptor for it now there may be one the next time.
                    let gone = error.raw_os_error() == Some(ENODEV);
                    let again = gone || is_out_of_descriptors(&error);
                    memory.forget();
                    failure.get_or_insert((gone, error));
                    again
                }
            }
        });
        figures.fill_from(&self.memory.figures);
        match failure {
            Some((true, _)) => return Err(Failure::Stale),
            Some((false, error)) if is_out_of_descriptors(&error) => {
                return Err(Failure::Other(TOO_MANY.to_owned()));
            }
            Some((false, error)) if figures.is_empty() => {
                return Err(Failure::Other(format!("its control group cannot be read: {error}")));
            }
            _ => {}
        }
        if figures.is_empty() {
            return Err(Failure::Other("its control group's files say nothing".to_owned()));
        }
        let limit = self.settings.get(Figure::MemoryLimitBytes);
        let used = figures.get(Figure::MemoryUsageBytes);
        if !seldom && used.zip(limit).is_some_and(|(used, limit)| used > limit) {
            // It cannot hold more than its limit: that was raised.
            self.read_settings(buffer);
        }
        figures.fill_from(&self.settings);
        complete(&mut figures);
        if background {
            self.read_network(buffer, &mut figures);
        }
        Ok((at, figures))
    }

    fn read_settings(&mut self, buffer: &mut Buffer) {
        self.settings = FigureSet::new();
        for open in self.files.iter().filter(|open| open.spec.pace == Pace::Setting) {
            if let Ok(text) = open.file.read(buffer, |buffer, file| buffer.read(file)) {
                (open.spec.parse)(text, &mut self.settings);
            }
        }
    }

    fn read_network(&self, buffer: &mut Buffer, figures: &mut FigureSet) {
        let Some(network) = self.network.as_ref().filter(|_| self.owns_network) else { return };
        let Ok(text) = network.read(buffer, |buffer, file| buffer.read_all(file)) else { return };
        if let Some(traffic) = net_dev(text) {
            figures.set(Figure::NetRxBytes, traffic.rx_bytes);
            figures.set(Figure::NetTxBytes, traffic.tx_bytes);
            figures.set(Figure::NetErrors, traffic.errors);
        }
    }
}

fn locate(finder: &Finder<'_>, process: &Path, target: &Container) -> Result<Layout, String> {
    if finder.mounts.is_empty() {
        return Err("no control group file system is mounted here: set sources.cgroup_root, or use another source".to_owned());
    }
    let text =
        std::fs::read_to_string(process.join("cgroup")).map_err(
            |error| match is_out_of_descriptors(&error) {
                true => TOO_MANY.to_owned(),
                false => format!("its main process is gone ({}: {error})", process.display()),
            },
        )?;
    let membership = Membership::parse(&text);
    if membership.memory().is_some() && membership.memory() == finder.own.memory() {
        return Err(
            "it has no control group of its own: it shares the runner's; use the procfs source"
                .to_owned(),
        );
    }
    let layout = Layout::find(finder.mounts, &membership, finder.own, &target.id);
    if layout.is_empty() {
        return Err("it has no control group that can be reached from here (it is in the root group, or the runner is in a control group namespace of its own)".to_owned());
    }
    Ok(layout)
}

fn open_files(layout: &Layout, slots: &Slots) -> Result<Vec<OpenFile>, String> {
    let mut files = Vec::new();
    let mut refused = None;
    for (path, spec) in layout.files() {
        match Kept::open(path.clone(), slots) {
            Ok(file) => files.push(OpenFile { file, spec, rests_until: 0.0 }),
            // An older kernel, or a controller that is off: its figures are absent.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if is_out_of_descriptors(&error) => return Err(TOO_MANY.to_owned()),
            Err(error) => refused = Some(format!("{} cannot be opened: {error}", path.display())),
        }
    }
    match (files.is_empty(), refused) {
        (false, _) => Ok(files),
        (true, Some(refused)) => Err(refused),
        (true, None) => Err("its control group has no file with figures".to_owned()),
    }
}

fn inode_of(path: &Path) -> io::Result<u64> {
    std::fs::metadata(path).map(|meta| meta.ino())
}
