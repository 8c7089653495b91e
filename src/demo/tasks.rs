//! Endpoints under `/tasks/`, each with its own way with memory: what a run that takes tasks apart is
//! tried on. Only there when they are configured.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::any;

use super::burn::burn;
use super::web::Refusal;

/// CPU time of a request, whatever its task.
const COST: Duration = Duration::from_micros(500);

/// An endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Task {
    pub name: String,
    pub memory: Memory,
}

/// What a request does to memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Memory {
    /// Nothing.
    Plain,
    /// Takes so many bytes and gives them back.
    Borrow(usize),
    /// Fills a cache of at most so many bytes, an eighth of it a request.
    Cache(usize),
    /// Keeps so many bytes for ever.
    Leak(usize),
}

/// `browse,search=borrow:262144,session=cache:8388608,checkout=leak:32768`.
pub(super) fn parse(text: &str) -> Option<Vec<Task>> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(task).collect()
}

fn task(text: &str) -> Option<Task> {
    let (name, memory) = match text.split_once('=') {
        None => (text, Memory::Plain),
        Some((name, what)) => {
            let (kind, bytes) = what.split_once(':')?;
            let bytes: usize = bytes.parse().ok().filter(|bytes| *bytes <= 1 << 30)?;
            let memory = match kind {
                "borrow" => Memory::Borrow(bytes),
                "cache" => Memory::Cache(bytes),
                "leak" => Memory::Leak(bytes),
                _ => return None,
            };
            (name, memory)
        }
    };
    let usable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let named = !name.is_empty() && name.chars().all(usable);
    named.then(|| Task { name: name.to_string(), memory })
}

struct Shared {
    tasks: Vec<Task>,
    kept: Mutex<Vec<Vec<u8>>>,
    cached: Mutex<Vec<(usize, Vec<u8>)>>,
}

pub(super) fn router(tasks: &[Task]) -> Router {
    let shared = Shared { tasks: tasks.to_vec(), kept: Mutex::default(), cached: Mutex::default() };
    Router::new().route("/tasks/{name}", any(serve)).with_state(Arc::new(shared))
}

async fn serve(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
) -> Result<&'static str, Refusal> {
    let found = shared.tasks.iter().position(|task| task.name == name);
    let Some(index) = found else {
        return Err(Refusal(StatusCode::NOT_FOUND, format!("there is no task {name}")));
    };
    burn(COST, Instant::now() + Duration::from_millis(20));
    match shared.tasks[index].memory {
        Memory::Plain => {}
        Memory::Borrow(bytes) => drop(std::hint::black_box(touched(bytes))),
        Memory::Leak(bytes) => keep(&mut lock(&shared.kept), bytes),
        Memory::Cache(bytes) => {
            let mut cached = lock(&shared.cached);
            if cached.iter().filter(|(task, _)| *task == index).count() < 8 {
                cached.push((index, touched(bytes / 8)));
            }
        }
    }
    Ok("done\n")
}

/// Reserved at a time for what is kept. Untouched pages cost nothing.
const SLAB: usize = 1 << 20;

/// Keeps exactly so many bytes more: in slabs that are filled up, since blocks of their own would
/// each be rounded up to pages, and some would fit into what was freed before.
fn keep(slabs: &mut Vec<Vec<u8>>, mut bytes: usize) {
    while bytes > 0 {
        let room = slabs.last().map_or(0, |slab| slab.capacity() - slab.len());
        if room == 0 {
            slabs.push(Vec::with_capacity(SLAB));
            continue;
        }
        let step = bytes.min(room);
        if let Some(slab) = slabs.last_mut() {
            slab.resize(slab.len() + step, 0xA5);
        }
        bytes -= step;
    }
}

/// Memory that is really there. Not of zeros: no kernel can share or merge it.
fn touched(bytes: usize) -> Vec<u8> {
    vec![0xA5; bytes]
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_read_with_what_they_do_to_memory() {
        let tasks = parse("browse, search=borrow:10,session=cache:80,checkout=leak:5").unwrap();
        let names: Vec<&str> = tasks.iter().map(|task| task.name.as_str()).collect();
        assert_eq!(names, ["browse", "search", "session", "checkout"]);
        assert_eq!(tasks[3].memory, Memory::Leak(5));
        for wrong in ["a=leak", "a=leak:x", "a=eat:1", "=leak:1", "a b", "a=leak:9999999999"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[tokio::test]
    async fn only_the_leak_keeps_more_with_every_request() {
        let tasks = parse("browse,session=cache:80,checkout=leak:5").unwrap();
        let shared = Arc::new(Shared { tasks, kept: Mutex::default(), cached: Mutex::default() });
        for _ in 0..20 {
            for name in ["browse", "session", "checkout"] {
                serve(State(Arc::clone(&shared)), Path(name.to_string())).await.unwrap();
            }
        }
        let kept: usize = lock(&shared.kept).iter().map(Vec::len).sum();
        assert_eq!(kept, 100);
        assert_eq!(lock(&shared.cached).len(), 8);
        let missing = serve(State(shared), Path("other".to_string())).await.unwrap_err();
        assert_eq!(missing.0, StatusCode::NOT_FOUND);
    }
}
