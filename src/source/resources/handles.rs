//! Counts processes, descriptors and sockets.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::config::SourcesConfig;
use crate::model::{Container, Figure, FigureSet, Gap, SourceKind};
use crate::session::ports::{Reading, RunClock, Source};
use crate::source::cgroup::paths::{Layout, Membership, Mounts};

use super::parse;

pub(crate) const OFFERS: &[Figure] =
    &[Figure::Processes, Figure::OpenFds, Figure::OpenFdsLimit, Figure::Sockets];

/// Time that a tick may spend here. A container takes some 100 us: fifty or more are counted over
/// several ticks, so that none of them is late for it.
const MOST_TIME: Duration = Duration::from_millis(5);
/// Time to the next part of a round: the next tick.
const AT_ONCE: Duration = Duration::from_millis(1);

/// Most processes of one container whose descriptors are counted.
const MOST_PROCESSES: usize = 4096;

/// Counts what the processes of containers hold open, on this machine.
pub struct HandlesSource {
    proc_root: PathBuf,
    mounts: Mounts,
    own: Membership,
    own_network: Option<PathBuf>,
    clock: RunClock,
    pace: Duration,
    round: Round,
}

/// A round of counting, which may take several ticks.
#[derive(Default)]
struct Round {
    began: Option<Instant>,
    /// Time from its begin to the latest part of it.
    spent: Duration,
    /// Ids that are still to be counted.
    pending: VecDeque<String>,
}

impl Round {
    /// Goes on with the round, or begins one of all targets.
    fn go_on(&mut self, targets: &[Container]) {
        let now = Instant::now();
        if self.pending.is_empty() {
            self.began = Some(now);
            self.pending = targets.iter().map(|target| target.id.clone()).collect();
        }
        self.spent = self.began.map(|began| now - began).unwrap_or_default();
    }

    /// Time to the next part of it, or else to the next round of those that are `pace` apart.
    fn next(&self, pace: Duration) -> Duration {
        if self.pending.is_empty() { pace.saturating_sub(self.spent).max(AT_ONCE) } else { AT_ONCE }
    }
}

impl HandlesSource {
    /// A source over the file systems that the config names.
    #[must_use]
    pub fn new(config: &SourcesConfig, clock: RunClock) -> HandlesSource {
        let read = |name: &str| fs::read_to_string(config.proc_root.join(name)).unwrap_or_default();
        HandlesSource {
            mounts: Mounts::parse(&read("self/mountinfo"), &config.cgroup_root),
            own: Membership::parse(&read("self/cgroup")),
            own_network: fs::read_link(config.proc_root.join("self/ns/net")).ok(),
            proc_root: config.proc_root.clone(),
            clock,
            pace: config.handles_interval,
            round: Round::default(),
        }
    }

    fn of(&self, target: &Container) -> Result<Reading, Gap> {
        let gap = |reason: String| Gap::about(SourceKind::Procfs, &target.name, reason);
        let pid = target.pid.ok_or_else(|| gap("its first process is not known".into()))?;
        let at = self.clock.now();
        let processes = self.processes(pid, &target.id).map_err(gap)?;
        let mut figures = FigureSet::new();
        figures.set(Figure::Processes, processes.len() as f64);
        figures.set_some(Figure::OpenFds, self.descriptors(&processes).map_err(gap)?);
        if let [only] = processes.as_slice() {
            figures.set_some(Figure::OpenFdsLimit, self.most_files(*only));
        }
        figures.set_some(Figure::Sockets, self.sockets(pid));
        Ok(Reading { container: target.name.clone(), incarnation: target.incarnation, at, figures })
    }

    /// The processes of the container's group, those of groups below it left out (an init system
    /// inside of a container is rare, and a walk would cost every other one).
    fn processes(&self, pid: i32, id: &str) -> Result<Vec<i32>, String> {
        let path = self.proc_root.join(pid.to_string()).join("cgroup");
        let text = fs::read_to_string(&path).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => format!("process {pid} has ended"),
            _ => format!("{}: {e}", path.display()),
        })?;
        let layout = Layout::find(&self.mounts, &Membership::parse(&text), &self.own, id);
        let Some(group) = layout.identity() else { return Ok(self.descendants(pid)) };
        let list = group.join("cgroup.procs");
        let text = fs::read_to_string(&list).map_err(|e| format!("{}: {e}", list.display()))?;
        Ok(parse::processes(&text))
    }

    /// A process without a group of its own (a service of a process stack where none may be made)
    /// and what it started.
    fn descendants(&self, pid: i32) -> Vec<i32> {
        let mut all = vec![pid];
        let mut next = 0;
        while let Some(parent) = all.get(next).copied().filter(|_| all.len() <= MOST_PROCESSES) {
            next += 1;
            let tasks = self.proc_root.join(parent.to_string()).join("task");
            let threads = fs::read_dir(tasks).into_iter().flatten().flatten();
            for thread in threads {
                let children = fs::read_to_string(thread.path().join("children"));
                let children = children.unwrap_or_default();
                all.extend(children.split_whitespace().filter_map(|w| w.parse::<i32>().ok()));
            }
        }
        all
    }

    /// Descriptors of all processes; none where those of one cannot be counted: a part of a sum is
    /// no sum.
    fn descriptors(&self, processes: &[i32]) -> Result<Option<f64>, String> {
        if processes.len() > MOST_PROCESSES {
            return Ok(None);
        }
        let mut sum = 0;
        for pid in processes {
            let folder = self.proc_root.join(pid.to_string()).join("fd");
            match descriptors(&folder) {
                Ok(count) => sum += count,
                // It ended since it was listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) if error.raw_os_error() == Some(nix::libc::ESRCH) => {}
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(None),
                Err(error) => return Err(format!("{}: {error}", folder.display())),
            }
        }
        Ok(Some(sum as f64))
    }

    /// The limit holds for each process on its own: a sum over several has none.
    fn most_files(&self, pid: i32) -> Option<f64> {
        let path = self.proc_root.join(pid.to_string()).join("limits");
        let text = fs::read_to_string(path).ok()?;
        parse::most_files(&text).map(|most| most as f64)
    }

    fn sockets(&self, pid: i32) -> Option<f64> {
        let process = self.proc_root.join(pid.to_string());
        let network = fs::read_link(process.join("ns/net")).ok()?;
        if Some(&network) == self.own_network.as_ref() {
            return None;
        }
        let text = fs::read_to_string(process.join("net/sockstat")).ok()?;
        parse::sockets(&text).map(|count| count as f64)
    }
}

/// Open descriptors of one process. Since Linux 6.2 the size of the folder is their number; before,
/// they are counted.
fn descriptors(folder: &Path) -> io::Result<u64> {
    // Listing needs the right that counting by size does not: without it a zero is no answer.
    let listed = fs::read_dir(folder)?;
    let size = fs::metadata(folder)?.len();
    Ok(if size > 0 { size } else { listed.count() as u64 })
}

#[async_trait]
impl Source for HandlesSource {
    fn kind(&self) -> SourceKind {
        SourceKind::Procfs
    }

    fn offers(&self) -> &'static [Figure] {
        OFFERS
    }

    fn pace(&self) -> Duration {
        self.round.next(self.pace)
    }

    async fn read(
        &mut self,
        targets: &[Container],
        deadline: Instant,
    ) -> Vec<Result<Reading, Gap>> {
        if targets.is_empty() {
            self.round = Round::default();
            return Vec::new();
        }
        self.round.go_on(targets);
        let deadline = deadline.min(Instant::now() + MOST_TIME);
        let by_id: HashMap<&str, &Container> = targets.iter().map(|t| (t.id.as_str(), t)).collect();
        let mut answers = Vec::new();
        while let Some(id) = self.round.pending.pop_front() {
            // One that is gone is left out.
            if let Some(target) = by_id.get(id.as_str()) {
                answers.push(self.of(target));
                tokio::task::yield_now().await;
            }
            // At least one a tick, however little time there is.
            if Instant::now() >= deadline {
                break;
            }
        }
        answers
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::process::Command;

    use super::*;

    #[test]
    fn descriptors_of_this_process_rise_by_those_that_are_opened() {
        // Other tests of this process open and close files too: many more than they do.
        let folder = Path::new("/proc/self/fd");
        let before = descriptors(folder).expect("counted");
        let held: Vec<File> = (0..300).map(|_| File::open("/dev/null").expect("a file")).collect();
        let after = descriptors(folder).expect("counted");
        assert!(after >= before + 200, "{before} -> {after} with {} more", held.len());
    }

    #[test]
    fn what_a_process_started_belongs_to_it() {
        let mut shell = Command::new("sh").args(["-c", "sleep 60; true"]).spawn().expect("a shell");
        let source = HandlesSource::new(&SourcesConfig::default(), RunClock::start());
        let pid = i32::try_from(shell.id()).expect("a pid");
        let family = || source.descendants(pid);
        let start = std::time::Instant::now();
        while family().len() < 2 && start.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let family = family();
        assert_eq!((family.len(), family[0]), (2, pid));
        assert!(source.descriptors(&family).expect("counted").expect("readable") >= 6.0);
        let _ = nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(family[1]),
            nix::sys::signal::SIGKILL,
        );
        let _ = shell.kill();
        let _ = shell.wait();
    }

    #[test]
    fn a_round_goes_on_at_the_next_tick_and_the_next_one_begins_a_pace_after_it_began() {
        let pace = Duration::from_secs(10);
        let mut round = Round { pending: VecDeque::from(["a".to_owned()]), ..Round::default() };
        assert_eq!(round.next(pace), AT_ONCE);
        round.pending.clear();
        round.spent = Duration::from_secs(3);
        assert_eq!(round.next(pace), Duration::from_secs(7));
        round.spent = Duration::from_secs(30);
        assert_eq!(round.next(pace), AT_ONCE);
    }

    #[tokio::test]
    async fn little_time_counts_some_and_the_ticks_after_it_the_others() {
        let own = i32::try_from(std::process::id()).expect("a pid");
        let target =
            |n: i32| crate::source::cgroup::tests::target(&n.to_string(), &format!("id-{n}"), own);
        let targets: Vec<Container> = (0..5).map(target).collect();
        let mut source = HandlesSource::new(&SourcesConfig::default(), RunClock::start());
        let mut counted = 0;
        for tick in 1..=5 {
            counted += source.read(&targets, Instant::now()).await.len();
            assert_eq!(counted, tick);
        }
        assert!(source.pace() > AT_ONCE);
        let _ = source.read(&targets, Instant::now()).await;
        assert!(source.read(&[], Instant::now()).await.is_empty());
        assert!(source.round.pending.is_empty());
    }

    #[test]
    fn a_process_that_is_gone_is_not_found() {
        let error = descriptors(Path::new("/proc/999999999/fd")).expect_err("no process");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
