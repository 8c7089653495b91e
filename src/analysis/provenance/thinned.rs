//! A bounded sample of a long series: every value at first, then every second one, every fourth.

/// Values that are kept at most.
const MOST: usize = 1024;

/// Evenly spaced values of a series of any length.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Thinned<T> {
    kept: Vec<T>,
    seen: u64,
    stride: u64,
}

impl<T> Default for Thinned<T> {
    fn default() -> Thinned<T> {
        Thinned { kept: Vec::new(), seen: 0, stride: 1 }
    }
}

impl<T> Thinned<T> {
    pub(super) fn push(&mut self, value: T) {
        if self.seen.is_multiple_of(self.stride) {
            if self.kept.len() == MOST {
                let mut index = 0;
                self.kept.retain(|_| {
                    index += 1;
                    index % 2 == 1
                });
                self.stride *= 2;
            }
            if self.seen.is_multiple_of(self.stride) {
                self.kept.push(value);
            }
        }
        self.seen += 1;
    }

    pub(super) fn seen(&self) -> u64 {
        self.seen
    }

    pub(super) fn kept(&self) -> &[T] {
        &self.kept
    }
}

/// The value at a share of ascending values, the nearest one that was measured.
pub(super) fn quantile(ascending: &[f64], share: f64) -> Option<f64> {
    let last = ascending.len().checked_sub(1)?;
    ascending.get((share * last as f64).round() as usize).copied()
}

pub(super) fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.filter(|v| v.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    values
}
