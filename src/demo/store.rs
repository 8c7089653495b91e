//! The role `store`: appends to segment files and removes the oldest.
//!
//! Its page cache grows to a bound, its own memory does not: no leak, though usage rises.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::web::Refusal;

/// The size of a segment, and how many are kept: 64 MB in all.
const SEGMENT_BYTES: u64 = 8 << 20;
const SEGMENTS: usize = 8;
/// The most that one call appends.
const MAX_APPEND: u64 = 4 << 20;

/// Segment files in a folder.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    segment_bytes: u64,
    current: Option<(File, u64)>,
    segments: VecDeque<PathBuf>,
    opened: u64,
    appended: u64,
}

#[derive(Deserialize)]
struct Append {
    bytes: u64,
}

impl Store {
    /// Makes `folder`; segments of an earlier process are removed, since nobody counts them.
    pub fn open(folder: PathBuf, segment_bytes: u64) -> io::Result<Store> {
        fs::create_dir_all(&folder)?;
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "segment") {
                fs::remove_file(path)?;
            }
        }
        let segments = VecDeque::new();
        Ok(Store { folder, segment_bytes, current: None, segments, opened: 0, appended: 0 })
    }

    fn append(&mut self, bytes: u64) -> io::Result<()> {
        const BLOCK: [u8; 4096] = [0x42; 4096];
        let mut left = bytes.min(MAX_APPEND);
        while left > 0 {
            let (file, written) = self.segment()?;
            let step = left.min(BLOCK.len() as u64);
            file.write_all(&BLOCK[..step as usize])?;
            *written += step;
            left -= step;
            self.appended += step;
        }
        Ok(())
    }

    /// The segment to write to: a new one when there is none or it is full.
    fn segment(&mut self) -> io::Result<&mut (File, u64)> {
        let full = self.current.as_ref().is_none_or(|(_, written)| *written >= self.segment_bytes);
        if full {
            self.current = None;
            self.make_room()?;
            let path = self.folder.join(format!("{:06}.segment", self.opened));
            self.opened += 1;
            let file = File::create(&path)?;
            self.segments.push_back(path);
            return Ok(self.current.insert((file, 0)));
        }
        self.current.as_mut().ok_or_else(|| io::Error::other("no segment is open"))
    }

    fn make_room(&mut self) -> io::Result<()> {
        while self.segments.len() >= SEGMENTS {
            if let Some(oldest) = self.segments.pop_front() {
                fs::remove_file(oldest)?;
            }
        }
        Ok(())
    }
}

/// `POST /append` and `GET /stats`.
pub(super) fn router(folder: PathBuf) -> io::Result<Router> {
    let store = Arc::new(Mutex::new(Store::open(folder, SEGMENT_BYTES)?));
    Ok(Router::new().route("/append", post(append)).route("/stats", get(stats)).with_state(store))
}

async fn append(
    Shared(store): Shared<Arc<Mutex<Store>>>,
    Json(body): Json<Append>,
) -> Result<Json<Value>, Refusal> {
    let mut store = store.lock().unwrap_or_else(PoisonError::into_inner);
    store.append(body.bytes).map_err(|error| {
        Refusal(StatusCode::INSUFFICIENT_STORAGE, format!("cannot append: {error}"))
    })?;
    Ok(Json(json!({ "segments": store.segments.len() })))
}

async fn stats(Shared(store): Shared<Arc<Mutex<Store>>>) -> Json<Value> {
    let store = store.lock().unwrap_or_else(PoisonError::into_inner);
    Json(json!({ "segments": store.segments.len(), "appended_bytes": store.appended }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_in(folder: &std::path::Path) -> u64 {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
    }

    #[test]
    fn what_it_keeps_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path().into(), 10_000).unwrap();
        for _ in 0..100 {
            store.append(5_000).unwrap();
        }
        assert_eq!(store.appended, 500_000);
        assert!(store.segments.len() <= SEGMENTS);
        assert!(bytes_in(folder.path()) <= SEGMENTS as u64 * (10_000 + 4096));
    }

    #[test]
    fn segments_of_an_earlier_process_are_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        Store::open(folder.path().into(), 100).unwrap().append(1_000).unwrap();
        fs::write(folder.path().join("notes.txt"), "mine").unwrap();
        Store::open(folder.path().into(), 100).unwrap();
        assert_eq!(bytes_in(folder.path()), 4);
    }
}
