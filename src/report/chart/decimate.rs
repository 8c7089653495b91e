//! Thinning a series without losing its peaks.

/// Splits a series at its gaps: a NaN (or infinite) figure, or more than `gap_after` between two
/// points. Points of each part are finite; a line may be drawn through a part, never between two.
pub fn parts(points: &[(f64, f64)], gap_after: f64) -> Vec<&[(f64, f64)]> {
    let mut found = Vec::new();
    let mut from = 0;
    for at in 0..points.len() {
        let usable = points[at].0.is_finite() && points[at].1.is_finite();
        // Time running backwards (a clock that was set) breaks the line as well.
        let step = if at > from { points[at].0 - points[at - 1].0 } else { 0.0 };
        if !usable || step > gap_after || step < 0.0 {
            found.push(&points[from..at]);
            from = if usable { at } else { at + 1 };
        }
    }
    found.push(&points[from.min(points.len())..]);
    found.retain(|part| !part.is_empty());
    found
}

/// Keeps of each of `columns` equal slices of `x` the first, lowest, highest and last point, in
/// their order: the drawn outline is the same as with every point. `part` is finite and sorted by x.
pub fn thin(part: &[(f64, f64)], x: (f64, f64), columns: usize) -> Vec<(f64, f64)> {
    if part.len() <= columns {
        return part.to_vec();
    }
    let per_unit = columns as f64 / (x.1 - x.0).max(f64::MIN_POSITIVE);
    let column = |p: &(f64, f64)| ((p.0 - x.0) * per_unit).floor();
    let mut kept = Vec::with_capacity(columns * 2);
    let mut from = 0;
    while from < part.len() {
        let here = column(&part[from]);
        let mut to = from + 1;
        while to < part.len() && column(&part[to]) == here {
            to += 1;
        }
        keep(&part[from..to], &mut kept);
        from = to;
    }
    kept
}

/// First, lowest, highest, last, without repeats.
fn keep(slice: &[(f64, f64)], kept: &mut Vec<(f64, f64)>) {
    let mut low = 0;
    let mut high = 0;
    for (at, point) in slice.iter().enumerate() {
        if point.1 < slice[low].1 {
            low = at;
        }
        if point.1 > slice[high].1 {
            high = at;
        }
    }
    let mut wanted = [0, low, high, slice.len() - 1];
    wanted.sort_unstable();
    for (n, at) in wanted.iter().enumerate() {
        if n == 0 || wanted[n - 1] != *at {
            kept.push(slice[*at]);
        }
    }
}
