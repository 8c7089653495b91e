//! Reads a window part by part: as much at a time as keeps an answer small, less where Prometheus
//! says that it is too much.

use std::io;
use std::time::{Duration, Instant};

use crate::session::Signal;
use crate::source::prometheus::client::{Problem, Prometheus, Trouble};
use crate::source::prometheus::fold::fold;
use crate::source::prometheus::labels::identify;
use crate::source::prometheus::metrics::{PRESENCE, names, selector};
use crate::source::prometheus::parse::{Labels, Matrix};
use crate::source::prometheus::ticks::spacing_ms;
use crate::source::prometheus::time::shown;
use crate::tell;

use super::Wanted;
use super::record::Record;

/// Samples that an answer should have: some 6 MB of JSON.
const ANSWER_SAMPLES: usize = 150_000;
/// The first part, the shortest and the longest one.
const FIRST_MS: i64 = 300_000;
const SHORTEST_MS: i64 = 10_000;
const LONGEST_MS: i64 = 6 * 3_600_000;
/// How often a part is asked for that fails for a reason which may pass.
const TRIES: u32 = 3;
/// Parts in a row that may fail before the rest is given up.
const LOST_PARTS: u32 = 3;
/// Time between two lines of progress.
const TELL_EVERY: Duration = Duration::from_secs(2);

/// How the reading ended.
pub enum Ended {
    /// All of the window was read.
    Complete,
    /// Prometheus gave up.
    Failed(String),
    /// The user asked for an end.
    Interrupted(Option<Signal>),
    /// The run folder cannot be written to.
    Unwritable(io::Error),
}

impl Ended {
    /// Why the run counts as aborted.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Ended::Complete => None,
            Ended::Failed(_) | Ended::Unwritable(_) => Some("prometheus_failed"),
            Ended::Interrupted(_) => Some("user_interrupt"),
        }
    }
}

/// A window that is there to be read.
pub struct Download<'w> {
    wanted: &'w Wanted,
    selector: String,
    version: Option<String>,
    cores: Option<f64>,
    usual_ms: Option<i64>,
}

impl<'w> Download<'w> {
    /// Looks what there is in the window.
    pub async fn open(wanted: &'w Wanted) -> Result<Download<'w>, Problem> {
        let version = wanted.api.version().await?;
        let presence = selector(PRESENCE, "", &wanted.matchers);
        let sets = wanted.api.label_sets(&presence, wanted.from_ms, wanted.to_ms).await?;
        let containers = sets.iter().filter_map(identify).count();
        if containers == 0 {
            return Err(nothing(wanted, &sets));
        }
        let known = version.as_deref().map_or(String::new(), |v| format!("Prometheus {v}, "));
        tell::people(format!("  {known}{containers} series of containers"));
        let end = wanted.api.samples(&presence, FIRST_MS, Some(wanted.to_ms)).await;
        Ok(Download {
            usual_ms: end.ok().and_then(|matrix| spacing_ms(&fold(matrix))),
            cores: cores(&wanted.api, wanted.to_ms).await,
            wanted,
            selector: selector(&names(), only_containers(&sets), &wanted.matchers),
            version,
        })
    }

    /// Its version.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Cores of the largest machine, where cAdvisor tells.
    pub fn cores(&self) -> Option<f64> {
        self.cores
    }

    /// Reads all of it.
    pub async fn run(&self, record: &mut Record) -> Ended {
        match self.parts(record).await {
            Ok(ended) => ended,
            Err(error) => Ended::Unwritable(error),
        }
    }

    async fn parts(&self, record: &mut Record) -> io::Result<Ended> {
        let Wanted { from_ms, to_ms, .. } = *self.wanted;
        let (mut at, mut size) = (from_ms, FIRST_MS);
        let (mut lost, mut samples, mut unusable) = (0, 0usize, 0);
        let mut progress = Progress::new(from_ms, to_ms);
        while at < to_ms {
            let end = (at + size).min(to_ms);
            let matrix = match self.part(at, end).await {
                Ok(matrix) => matrix,
                Err(problem) if is_too_much(&problem) && size > SHORTEST_MS => {
                    size = (size / 2).max(SHORTEST_MS);
                    continue;
                }
                Err(problem) => {
                    lost += 1;
                    let hopeless = !problem.may_pass() || lost > LOST_PARTS;
                    if hopeless {
                        return Ok(Ended::Failed(problem.to_string()));
                    }
                    record.unread(at, end, &problem.to_string())?;
                    at = end;
                    continue;
                }
            };
            lost = 0;
            for warning in &matrix.warnings {
                record.warn(format!("Prometheus warns: {warning}"))?;
            }
            unusable += matrix.unusable;
            let points = matrix.points();
            samples += points;
            take(record, matrix, end, self.usual_ms)?;
            progress.tell(end, record, samples);
            size = next_size(size, end - at, points);
            at = end;
        }
        if unusable > 0 {
            record.warn(format!("{unusable} values were no figures (NaN, infinite); left out"))?;
        }
        if record.thinned > 0 {
            let (kept, left) = (record.readings, record.thinned);
            record.warn(format!("--step kept {kept} readings and left out {left}"))?;
        }
        tell::people(format!(
            "  read {samples} samples: {} readings of {} containers, one every {:.1} s",
            record.readings,
            record.containers(),
            record.interval_ms().unwrap_or_default() as f64 / 1e3,
        ));
        if record.readings == 0 {
            return Ok(Ended::Failed(format!(
                "there are no samples of containers between {} and {}; correct --from, --to or \
                 --match",
                shown(from_ms),
                shown(to_ms)
            )));
        }
        Ok(Ended::Complete)
    }

    /// The samples after `at` (the very first part: from it on) up to `end`.
    async fn part(&self, at: i64, end: i64) -> Result<Matrix, Problem> {
        let mut tried = 0;
        let mut matrix = loop {
            tried += 1;
            match self.wanted.api.samples(&self.selector, end - at, Some(end)).await {
                Ok(matrix) => break matrix,
                Err(problem) if is_too_much(&problem) => return Err(problem),
                Err(problem) if problem.may_pass() && tried < TRIES => {
                    tokio::time::sleep(Duration::from_secs(u64::from(tried))).await;
                }
                Err(problem) => return Err(problem),
            }
        };
        // Before version 3 the left end of a window is part of it.
        let first = at == self.wanted.from_ms;
        for series in &mut matrix.series {
            series.points.retain(|p| p.at_ms <= end && (p.at_ms > at || first && p.at_ms == at));
        }
        matrix.series.retain(|series| !series.points.is_empty());
        Ok(matrix)
    }
}

/// `usual`: the time between two readings at the end of the window, for a part that holds too few.
fn take(record: &mut Record, matrix: Matrix, end: i64, usual: Option<i64>) -> io::Result<()> {
    let found = fold(matrix);
    // Facts without readings tell nothing yet.
    if found.iter().all(|one| one.rows.is_empty()) {
        return Ok(());
    }
    let (lives, interval) = record.lives(spacing_ms(&found).or(usual));
    let told = lives.take(found, interval);
    record.part(told, end)
}

/// Whether a shorter part may be answered.
fn is_too_much(problem: &Problem) -> bool {
    matches!(problem.trouble, Trouble::TooMuch | Trouble::Slow)
}

/// The length of the next part, so that its answer has about as many samples as it should.
fn next_size(size: i64, read: i64, points: usize) -> i64 {
    let ideal = match points {
        0 => size.saturating_mul(2),
        points => (read as f64 * ANSWER_SAMPLES as f64 / points as f64) as i64,
    };
    // Doubling at most: the next part may be fuller.
    ideal.clamp(size / 4, size.saturating_mul(2)).clamp(SHORTEST_MS, LONGEST_MS)
}

/// What leaves out pods as a whole and their sandboxes, and slices and system services: half of a
/// kubelet's series.
fn only_containers(sets: &[Labels]) -> &'static str {
    let containers = || sets.iter().filter(|labels| identify(labels).is_some());
    let all = |label: &str| {
        containers().all(|labels| labels.get(label).is_some_and(|value| !value.is_empty()))
    };
    // Network figures are the sandbox's in Kubernetes, and no container's.
    if all("container") && all("pod") && !sets.iter().any(|l| l.contains_key("exported_pod")) {
        "container!=\"\",container!=\"POD\""
    } else if all("name") {
        "name!=\"\""
    } else {
        ""
    }
}

fn nothing(wanted: &Wanted, sets: &[Labels]) -> Problem {
    let (from, to) = (shown(wanted.from_ms), shown(wanted.to_ms));
    let other = match sets.len() {
        0 => String::new(),
        n => format!(" ({n} series are of slices or services of the system)"),
    };
    Problem {
        trouble: Trouble::Query,
        what: format!("{} has no container in {from} to {to}{other}", wanted.address),
        remedy: "correct --from, --to or --match, and look whether it scrapes cAdvisor or the \
                 kubelets' /metrics/cadvisor",
    }
}

async fn cores(api: &Prometheus, at_ms: i64) -> Option<f64> {
    let answer = api.samples("machine_cpu_cores", FIRST_MS, Some(at_ms)).await.ok()?;
    let values = answer.series.iter().filter_map(|series| Some(series.points.last()?.value));
    values.filter(|cores| *cores > 0.0).reduce(f64::max)
}

/// Tells how far it is, now and then.
struct Progress {
    from_ms: i64,
    to_ms: i64,
    told: Instant,
}

impl Progress {
    fn new(from_ms: i64, to_ms: i64) -> Progress {
        Progress { from_ms, to_ms, told: Instant::now() }
    }

    fn tell(&mut self, at_ms: i64, record: &Record, samples: usize) {
        if self.told.elapsed() < TELL_EVERY || at_ms >= self.to_ms {
            return;
        }
        self.told = Instant::now();
        let done = 100 * (at_ms - self.from_ms) / (self.to_ms - self.from_ms).max(1);
        let containers = record.containers();
        tell::people(format!(
            "  {done:3} %  {}  {samples} samples, {containers} containers",
            shown(at_ms)
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow_and_shrink_towards_answers_of_the_wanted_size() {
        assert_eq!(next_size(60_000, 60_000, 0), 120_000);
        assert_eq!(next_size(60_000, 60_000, 10), 120_000);
        assert_eq!(next_size(60_000, 60_000, 2 * ANSWER_SAMPLES), 30_000);
        assert_eq!(next_size(60_000, 60_000, 100 * ANSWER_SAMPLES), 15_000);
        assert_eq!(next_size(LONGEST_MS, LONGEST_MS, 1), LONGEST_MS);
        assert_eq!(next_size(SHORTEST_MS, SHORTEST_MS, 100 * ANSWER_SAMPLES), SHORTEST_MS);
    }
}
