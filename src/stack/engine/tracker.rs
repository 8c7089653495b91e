//! What is known about the containers of a stack, kept up by the engine's events: after an event
//! only the container it names is looked at again. Listing all costs 27 ms on an engine with the
//! containerd image store and is done at the start, after a gap in the events, and when a
//! container appears.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Engine, EngineError, Inspected, events};
use crate::model::{Container, RunState, StackEvent};
use crate::session::ports::LastWords;
use crate::stack::naming::COMPOSE_PROJECT;
use crate::stack::ready::Observed;

/// Which containers belong to the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All containers of a compose project.
    Project(String),
    /// Containers by engine name or id.
    Containers(Vec<String>),
}

/// What has to be looked at again; written by the listener, read by the tracker.
#[derive(Debug, Clone, Default)]
pub(super) struct Marks(Arc<Mutex<Marked>>);

#[derive(Debug, Default)]
struct Marked {
    all: bool,
    ids: BTreeSet<String>,
    names: HashMap<String, String>,
}

impl Marks {
    fn lock(&self) -> MutexGuard<'_, Marked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn mark(&self, id: &str) {
        self.lock().ids.insert(id.to_owned());
    }

    pub(super) fn mark_all(&self) {
        self.lock().all = true;
    }

    pub(super) fn name(&self, id: &str) -> Option<String> {
        self.lock().names.get(id).cloned()
    }

    fn take(&self) -> (bool, BTreeSet<String>) {
        let mut marked = self.lock();
        (std::mem::take(&mut marked.all), std::mem::take(&mut marked.ids))
    }

    fn name_all(&self, names: HashMap<String, String>) {
        self.lock().names = names;
    }
}

/// Counts the lives of each name: another id or another start is another life.
#[derive(Debug, Default)]
struct Incarnations(BTreeMap<String, (String, Option<String>, u32)>);

impl Incarnations {
    fn count(&mut self, container: &Container) -> u32 {
        let life = (container.id.clone(), container.started_at.clone());
        match self.0.get_mut(&container.name) {
            None => {
                self.0.insert(container.name.clone(), (life.0, life.1, 0));
                0
            }
            Some((id, started, count)) => {
                // Not started yet: the life that a container of the same id begins is its first.
                let begun = started.is_none() && *id == life.0;
                if *id != life.0 || *started != life.1 {
                    if !begun {
                        *count += 1;
                    }
                    (*id, *started) = life;
                }
                *count
            }
        }
    }
}

#[derive(Debug)]
struct Known {
    found: Inspected,
    /// Since when it is known to run this life.
    running_since: Option<Instant>,
}

/// The containers of a stack, as far as they are known, and their events.
#[derive(Debug)]
pub struct Tracker {
    engine: Engine,
    selection: Selection,
    marks: Marks,
    known: BTreeMap<String, Known>,
    incarnations: Incarnations,
    events: mpsc::UnboundedReceiver<StackEvent>,
    listener: tokio::task::JoinHandle<()>,
}

impl Drop for Tracker {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Tracker {
    /// Starts listening. Must be called within a tokio runtime.
    #[must_use]
    pub fn start(engine: Engine, selection: Selection) -> Tracker {
        let marks = Marks::default();
        marks.mark_all();
        let (sender, events) = mpsc::unbounded_channel();
        let listener =
            tokio::spawn(events::listen(engine.clone(), selection.clone(), marks.clone(), sender));
        Tracker {
            engine,
            selection,
            marks,
            known: BTreeMap::new(),
            incarnations: Incarnations::default(),
            events,
            listener,
        }
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The next event. Cancel-safe.
    pub async fn next_event(&mut self) -> StackEvent {
        match self.events.recv().await {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }

    /// Forgets what is known: the next look is at everything.
    pub fn look_anew(&self) {
        self.marks.mark_all();
    }

    #[cfg(test)]
    pub(super) fn mark(&self, id: &str) {
        self.marks.mark(id);
    }

    /// The containers as they are now, by name.
    ///
    /// # Errors
    /// When the engine does not answer in time, or refuses; the next call looks again.
    pub async fn containers(&mut self) -> Result<Vec<Container>, EngineError> {
        self.refresh().await?;
        Ok(self.in_order().map(|k| k.found.container.clone()).collect())
    }

    /// The same with what readiness needs.
    ///
    /// # Errors
    /// As [`Tracker::containers`].
    pub async fn observed(&mut self) -> Result<Vec<Observed>, EngineError> {
        self.refresh().await?;
        Ok(self.in_order().map(observed).collect())
    }

    /// The same with labels.
    ///
    /// # Errors
    /// As [`Tracker::containers`].
    pub async fn inspected(&mut self) -> Result<Vec<Inspected>, EngineError> {
        self.refresh().await?;
        Ok(self.in_order().map(|k| k.found.clone()).collect())
    }

    /// What was known at the last look, by key.
    #[must_use]
    pub fn last_known(&self, name: &str) -> Option<&Inspected> {
        self.known.values().map(|k| &k.found).find(|f| f.container.name == name)
    }

    /// `host:port` of a service's port, as known at the last look: by key, else by service.
    #[must_use]
    pub fn address(&self, service: &str, port: u16) -> Option<String> {
        let of = |f: &Inspected| match f.container.ports.get(&port) {
            Some(address) => Some(address.clone()),
            None if f.host_network => Some(format!("{}:{port}", self.engine.endpoint.machine())),
            None => None,
        };
        let by_key = self.last_known(service).and_then(of);
        by_key.or_else(|| {
            self.in_order()
                .map(|k| &k.found)
                .filter(|f| f.container.service.as_deref() == Some(service))
                .find_map(of)
        })
    }

    /// The last words of a container, by key.
    pub async fn last_words(&self, name: &str) -> LastWords {
        match self.last_known(name) {
            Some(found) => self.engine.last_words(&found.container).await,
            None => LastWords {
                log: format!("(no container {name} is known: it was removed with its log)\n"),
                health: None,
            },
        }
    }

    fn in_order(&self) -> impl Iterator<Item = &Known> {
        let mut all: Vec<&Known> = self.known.values().collect();
        all.sort_by(|a, b| a.found.container.name.cmp(&b.found.container.name));
        all.into_iter()
    }

    async fn refresh(&mut self) -> Result<(), EngineError> {
        let (all, ids) = self.marks.take();
        let new = ids.iter().any(|id| !self.known.contains_key(id));
        let result =
            if all || new { self.look_at_all().await } else { self.look_at(ids.clone()).await };
        if result.is_err() {
            // Not looked at: the marks stay.
            if all || new {
                self.marks.mark_all();
            }
            ids.iter().for_each(|id| self.marks.mark(id));
        }
        result
    }

    async fn look_at_all(&mut self) -> Result<(), EngineError> {
        let ids = match &self.selection {
            Selection::Project(project) => {
                self.engine.ids_by_label(&format!("{COMPOSE_PROJECT}={project}")).await?
            }
            Selection::Containers(names) => names.clone(),
        };
        let found = self.engine.inspect_all(ids).await?;
        let there: BTreeSet<&str> = found.iter().map(|f| f.container.id.as_str()).collect();
        self.known.retain(|id, _| there.contains(id.as_str()));
        self.take_in(found);
        Ok(())
    }

    async fn look_at(&mut self, ids: BTreeSet<String>) -> Result<(), EngineError> {
        if ids.is_empty() {
            return Ok(());
        }
        let found = self.engine.inspect_all(ids.iter().cloned().collect()).await?;
        for id in ids {
            if !found.iter().any(|f| f.container.id == id) {
                self.known.remove(&id);
            }
        }
        self.take_in(found);
        Ok(())
    }

    fn take_in(&mut self, found: Vec<Inspected>) {
        for f in found {
            let id = f.container.id.clone();
            let running = f.container.state == RunState::Running;
            let before = self.known.get(&id);
            let same_life =
                before.is_some_and(|k| k.found.container.started_at == f.container.started_at);
            let running_since = match before.and_then(|k| k.running_since) {
                Some(since) if running && same_life => Some(since),
                _ => running.then(Instant::now),
            };
            self.known.insert(id, Known { found: f, running_since });
        }
        self.settle_names();
        for known in self.known.values_mut() {
            known.found.container.incarnation = self.incarnations.count(&known.found.container);
        }
        let names =
            self.known.iter().map(|(id, k)| (id.clone(), k.found.container.name.clone())).collect();
        self.marks.name_all(names);
    }

    /// Two containers may claim one key for a moment (one replaces the other) or for good (a
    /// `container_name` equal to another service): the newest has it, the others go by their
    /// engine names.
    fn settle_names(&mut self) {
        let mut order: Vec<(Option<i64>, String)> =
            self.known.iter().map(|(id, k)| (k.found.created, id.clone())).collect();
        order.sort();
        let mut taken = BTreeSet::new();
        for (_, id) in order.iter().rev() {
            if let Some(known) = self.known.get_mut(id) {
                let c = &mut known.found.container;
                if !taken.insert(c.name.clone()) {
                    c.name.clone_from(&c.engine_name);
                    taken.insert(c.name.clone());
                }
            }
        }
    }
}

fn observed(known: &Known) -> Observed {
    Observed {
        container: known.found.container.clone(),
        last_check: known.found.checks.last().cloned(),
        error: known.found.error.clone(),
        running_for: known.running_since.map_or(Duration::ZERO, |since| since.elapsed()),
    }
}
