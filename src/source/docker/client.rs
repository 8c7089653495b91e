//! The Docker Engine as a source: one-shot calls where the engine answers them at once, else streams
//! that follow the targets, read without waiting.
//!
//! bollard decodes stats into its own strict types, and one frame that it does not understand ends
//! the stream; it does not hand out the raw frames. So the streams go through the HTTP client that
//! the package has anyway, which speaks over Unix sockets: raw lines are kept and only those
//! that a reading needs are parsed.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use reqwest::Client;
use tokio::time::{Instant, timeout_at};

use super::address::EngineAddress;
use super::calls::{Info, Polled, info, one_shots};
use super::delivery::Delivery;
use super::parse::{Frame, FrameError, parse_frame};
use super::stream::Stream;
use crate::model::{Container, Figure, Gap, SourceKind};
use crate::session::ports::{Reading, RunClock, Source};
use crate::source::stamp::starts_after;

/// Longest time without a frame. Streams come every 1.0 to 1.1 s.
pub(super) const STALL: Duration = Duration::from_secs(5);
/// A one-shot answer that takes longer is none at once.
const AT_ONCE: Duration = Duration::from_millis(500);
/// Rounds without one quick answer after which streams are used instead.
const SLOW_ROUNDS: u32 = 3;
/// A frame whose time differs from its arrival by more than this comes from another clock.
const CLOCK_TOLERANCE_S: f64 = 5.0;

/// What the stats can hold, best case (cgroup v2 with block IO and a network of its own).
pub(crate) const OFFERS: &[Figure] = &[
    Figure::CpuUsageNs,
    Figure::CpuPeriods,
    Figure::CpuThrottledPeriods,
    Figure::CpuThrottledNs,
    Figure::MemoryUsageBytes,
    Figure::MemoryWorkingSetBytes,
    Figure::MemoryLimitBytes,
    Figure::MemoryPeakBytes,
    Figure::AnonBytes,
    Figure::ShmemBytes,
    Figure::CacheBytes,
    Figure::ActiveFileBytes,
    Figure::InactiveFileBytes,
    Figure::MappedFileBytes,
    Figure::KernelBytes,
    Figure::SlabReclaimableBytes,
    Figure::SockBytes,
    Figure::IoReadBytes,
    Figure::IoWriteBytes,
    Figure::IoReadOps,
    Figure::IoWriteOps,
    Figure::NetRxBytes,
    Figure::NetTxBytes,
    Figure::NetErrors,
    Figure::Pids,
];

/// The Docker Engine's stats.
pub struct DockerSource {
    clock: RunClock,
    client: Client,
    base: String,
    stall: Duration,
    info: Option<Info>,
    delivery: Delivery,
    slow_rounds: u32,
    streams: HashMap<String, Stream>,
    /// By container: seconds to add to the engine's time, where its clock is not this machine's.
    skews: HashMap<String, f64>,
}

impl DockerSource {
    /// A source on the engine at `address`. Nothing is opened before the first reading.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(clock: RunClock, address: &EngineAddress) -> Result<DockerSource, String> {
        let (client, base) = address.client()?;
        Ok(DockerSource {
            clock,
            client,
            base,
            stall: STALL,
            info: None,
            delivery: Delivery::Streams,
            slow_rounds: 0,
            streams: HashMap::new(),
            skews: HashMap::new(),
        })
    }

    /// Sets the longest time without a frame after which a stream is opened anew (5 s).
    #[must_use]
    pub fn with_stall(mut self, stall: Duration) -> DockerSource {
        self.stall = stall;
        self
    }

    /// How figures come now: it follows from the engine's version and from how fast it answers.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        self.delivery
    }

    /// Asks the engine about itself until it has answered once.
    async fn know(&mut self, deadline: Instant) {
        if self.info.is_some() {
            return;
        }
        // Half of the time: an engine that is slow to count its images still has figures.
        let half = deadline.saturating_duration_since(Instant::now()) / 2;
        self.info = info(&self.client, &self.base, deadline.min(Instant::now() + half)).await;
        if let Some(Info { version: Some(version), .. }) = &self.info {
            self.delivery = Delivery::of_version(version);
        }
    }

    async fn read_streams(
        &mut self,
        targets: &[Container],
        deadline: Instant,
    ) -> Vec<Result<Reading, String>> {
        let new = self.follow(targets);
        self.first_frames(&new, deadline).await;
        targets.iter().map(|target| self.latest(target)).collect()
    }

    /// Opens streams of new targets and closes those of targets that are gone. Answers the new ids.
    fn follow(&mut self, targets: &[Container]) -> Vec<String> {
        self.streams.retain(|id, _| targets.iter().any(|target| target.id == *id));
        let mut new = Vec::new();
        for target in targets {
            if self.streams.contains_key(&target.id) {
                continue;
            }
            let url = format!("{}/containers/{}/stats?stream=true", self.base, target.id);
            let stream = Stream::open(self.client.clone(), url, self.stall);
            self.streams.insert(target.id.clone(), stream);
            new.push(target.id.clone());
        }
        new
    }

    /// Only the reading that opens a stream waits for it: a second or two, once a container.
    async fn first_frames(&self, new: &[String], deadline: Instant) {
        let answers = new.iter().filter_map(|id| self.streams.get(id)).map(Stream::answered);
        // A stream that is still silent is a gap of its own; nothing to do here.
        let _ = timeout_at(deadline, join_all(answers)).await;
    }

    fn latest(&mut self, target: &Container) -> Result<Reading, String> {
        let Some(stream) = self.streams.get(&target.id) else {
            return Err("no stats stream is open".to_owned());
        };
        let latest = stream.latest();
        let Some((line, arrived)) = latest.frame else {
            let why = "the stats stream has sent no frame yet";
            return Err(latest.trouble.unwrap_or_else(|| why.to_owned()));
        };
        let frame = parse_frame(&line, self.host_memory());
        if let Err(error @ FrameError::Malformed(_)) = &frame {
            stream.reject(error.to_string());
        }
        self.reading(target, frame, arrived)
    }

    async fn read_one_shots(
        &mut self,
        targets: &[Container],
        deadline: Instant,
    ) -> Vec<Result<Reading, String>> {
        let ids: Vec<&str> = targets.iter().map(|target| target.id.as_str()).collect();
        let polled = one_shots(&self.client, &self.base, &ids, deadline).await;
        self.judge(&polled);
        targets
            .iter()
            .zip(polled)
            .map(|(target, polled)| match polled {
                Polled::Frame(text, arrived, _) => {
                    let frame = parse_frame(&text, self.host_memory());
                    self.reading(target, frame, arrived)
                }
                Polled::Refused(why) | Polled::Failed(why) => Err(why),
            })
            .collect()
    }

    /// An engine that does not do what its version promises (a proxy, another engine under this
    /// name) is asked for streams from the next reading on.
    fn judge(&mut self, polled: &[Polled]) {
        let quick = |p: &Polled| matches!(p, Polled::Frame(_, _, took) if *took <= AT_ONCE);
        let slow_or_refused = |p: &Polled| matches!(p, Polled::Frame(..) | Polled::Refused(_));
        if polled.iter().any(quick) {
            self.slow_rounds = 0;
        } else if polled.iter().any(slow_or_refused) {
            self.slow_rounds += 1;
        }
        if self.slow_rounds >= SLOW_ROUNDS {
            self.delivery = Delivery::Streams;
        }
    }

    fn host_memory(&self) -> Option<f64> {
        self.info.as_ref().and_then(|info| info.memory)
    }

    fn reading(
        &mut self,
        target: &Container,
        frame: Result<Frame, FrameError>,
        arrived: Instant,
    ) -> Result<Reading, String> {
        let Frame { read, figures } = frame.map_err(|error| error.to_string())?;
        if starts_after(target, read) {
            return Err("the engine has sent no frame since the restart yet".to_owned());
        }
        let arrived_at = self.clock.now() - arrived.elapsed().as_secs_f64();
        let at = self.clock.at_of_wall(read);
        // Within one machine a frame is true just before it arrives. Else the clocks differ (a
        // remote engine, a stepped clock), and the first difference seen serves from then on,
        // so that the time between two frames stays the engine's own.
        let skew = self.skews.entry(target.id.clone()).or_insert(0.0);
        if (at + *skew - arrived_at).abs() > CLOCK_TOLERANCE_S {
            *skew = arrived_at - at;
        }
        Ok(Reading {
            container: target.name.clone(),
            incarnation: target.incarnation,
            at: at + *skew,
            figures,
        })
    }
}

#[async_trait]
impl Source for DockerSource {
    fn kind(&self) -> SourceKind {
        SourceKind::Docker
    }

    fn offers(&self) -> &'static [Figure] {
        OFFERS
    }

    async fn read(
        &mut self,
        targets: &[Container],
        deadline: Instant,
    ) -> Vec<Result<Reading, Gap>> {
        self.skews.retain(|id, _| targets.iter().any(|target| target.id == *id));
        if !targets.is_empty() {
            self.know(deadline).await;
        }
        let answers = match self.delivery {
            Delivery::Streams => self.read_streams(targets, deadline).await,
            Delivery::OneShot => {
                self.streams.clear();
                self.read_one_shots(targets, deadline).await
            }
        };
        let gap = |target: &Container, why| Gap::about(SourceKind::Docker, &target.name, why);
        let answers = answers.into_iter().zip(targets);
        answers.map(|(answer, target)| answer.map_err(|why| gap(target, why))).collect()
    }
}
