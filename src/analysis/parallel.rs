//! Both cores for a large run, none of the bother for a small one.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Fewer ticks than this in all are not worth a thread.
const WORTH_A_THREAD: usize = 20_000;

/// `f` of each item, in order; on two threads where `weight` (about: values to read) is large.
///
/// Each thread takes the next item when it is done with one: items are not equally dear, and the
/// cores are not equally free.
pub(crate) fn map<T: Sync, R: Send>(
    items: &[T],
    weight: usize,
    f: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    if weight < WORTH_A_THREAD || items.len() < 2 {
        return items.iter().map(f).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done: Vec<(usize, R)> = Vec::with_capacity(items.len() / 2 + 1);
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return done };
            done.push((at, f(item)));
        }
    };
    let mut all = std::thread::scope(|scope| {
        let second = scope.spawn(work);
        let mut all = work();
        match second.join() {
            Ok(rest) => all.extend(rest),
            Err(panic) => std::panic::resume_unwind(panic),
        }
        all
    });
    all.sort_unstable_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::map;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<u64> = (0..1000).collect();
        let squares: Vec<u64> = items.iter().map(|n| n * n).collect();
        assert_eq!(map(&items, 0, |n| n * n), squares);
        assert_eq!(map(&items, usize::MAX, |n| n * n), squares);
    }
}
