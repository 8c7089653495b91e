//! The role `cache`: values fill it up to its bound, then the oldest are overwritten.
//!
//! It looks like a leak while it fills, and is none: what a leak test must not fall for.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State as Shared;
use axum::routing::{get, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

/// A ring of value bytes.
#[derive(Debug)]
pub(super) struct Cache {
    bound: usize,
    values: Vec<u8>,
    next: usize,
    puts: u64,
}

#[derive(Deserialize)]
struct Keys {
    count: u32,
    value_bytes: u32,
}

impl Cache {
    /// An empty cache that holds `bound` bytes at most.
    pub fn new(bound: usize) -> Cache {
        // Reserved, not touched: it costs what has been put.
        Cache { bound, values: Vec::with_capacity(bound), next: 0, puts: 0 }
    }

    /// Puts `count` values of `bytes` each, overwriting the oldest when it is full.
    fn put(&mut self, count: u32, bytes: u32) {
        self.puts += u64::from(count);
        let asked = u64::from(count) * u64::from(bytes);
        // More than all of it would only overwrite itself.
        let mut left = asked.min(self.bound as u64) as usize;
        while left > 0 {
            left -= self.write(left);
        }
    }

    /// Writes up to `bytes` at the ring's place; returns how many.
    fn write(&mut self, bytes: usize) -> usize {
        let mark = (self.puts & 0x7F) as u8 | 1;
        if self.values.len() < self.bound {
            let step = bytes.min(self.bound - self.values.len());
            self.values.resize(self.values.len() + step, mark);
            return step;
        }
        let step = bytes.min(self.bound - self.next);
        self.values[self.next..self.next + step].fill(mark);
        self.next = (self.next + step) % self.bound;
        step
    }
}

/// `PUT /keys` and `GET /stats`.
pub(super) fn router(bound: usize) -> Router {
    Router::new()
        .route("/keys", put(keys))
        .route("/stats", get(stats))
        .with_state(Arc::new(Mutex::new(Cache::new(bound))))
}

async fn keys(Shared(cache): Shared<Arc<Mutex<Cache>>>, Json(body): Json<Keys>) -> Json<Value> {
    let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
    cache.put(body.count, body.value_bytes);
    Json(json!({ "used_bytes": cache.values.len() }))
}

async fn stats(Shared(cache): Shared<Arc<Mutex<Cache>>>) -> Json<Value> {
    let cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
    Json(
        json!({ "used_bytes": cache.values.len(), "bound_bytes": cache.bound, "puts": cache.puts }),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_fills_to_its_bound_and_stays_there() {
        let mut cache = Cache::new(1000);
        cache.put(3, 200);
        assert_eq!(cache.values.len(), 600);
        cache.put(10, 200);
        cache.put(10, 200);
        assert_eq!(cache.values.len(), 1000);
    }

    proptest! {
        #[test]
        fn no_put_takes_it_beyond_its_bound(puts in prop::collection::vec((0u32..100, 0u32..100), 0..40)) {
            let mut cache = Cache::new(997);
            for (count, bytes) in puts {
                cache.put(count, bytes);
                prop_assert!(cache.values.len() <= 997 && cache.values.capacity() == 997);
            }
        }
    }
}
