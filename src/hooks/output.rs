//! What a hook says, up to a bound. It is there also when the hook is cut off.

use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that are kept: a heap profile is smaller, an endless output is not.
const MOST: usize = 32 << 20;

/// Output in the making, shared with whoever reads it.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept(Arc<Mutex<(Vec<u8>, u64)>>);

impl Kept {
    /// Adds what was said; beyond the bound it is only counted.
    pub(super) fn add(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MOST - kept.0.len().min(MOST);
        let (taken, rest) = bytes.split_at(room.min(bytes.len()));
        kept.0.extend_from_slice(taken);
        kept.1 += rest.len() as u64;
    }

    /// The output, and how many bytes were left out.
    pub(super) fn take(&self) -> (Vec<u8>, u64) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *kept)
    }

    /// The last words of it, for a message.
    pub(super) fn end(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let from = kept.0.len().saturating_sub(200);
        let text = String::from_utf8_lossy(&kept.0[from..]);
        text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_beyond_the_bound_is_counted() {
        let kept = Kept::default();
        kept.add(&vec![b'x'; MOST - 1]);
        kept.add(b"abc");
        kept.add(b"d");
        let (bytes, left_out) = kept.take();
        assert_eq!((bytes.len(), bytes.last(), left_out), (MOST, Some(&b'a'), 3));
    }

    #[test]
    fn the_end_is_the_last_line_that_says_something() {
        let kept = Kept::default();
        kept.add(b"one\ntwo\n\n");
        assert_eq!(kept.end(), "two");
    }
}
