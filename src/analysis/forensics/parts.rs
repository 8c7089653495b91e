//! What a container's memory is made of, in parts that do not overlap.

use crate::analysis::dataset::Columns;
use crate::model::Figure;
use crate::model::units::bytes_to_mb;

/// One part over all rows.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryPart {
    /// `anon`, `shmem`, `cache`, `kernel`, `sock`, `swap`.
    pub name: &'static str,
    /// MB at each row; NaN where it was not measured.
    pub mb: Vec<f64>,
}

/// Part, its figure, and the figure that holds another part too.
const PARTS: [(&str, Figure, Option<Figure>); 6] = [
    ("anon", Figure::AnonBytes, None),
    ("shmem", Figure::ShmemBytes, None),
    // The kernel counts shared memory as page cache.
    ("cache", Figure::CacheBytes, Some(Figure::ShmemBytes)),
    ("kernel", Figure::KernelBytes, None),
    ("sock", Figure::SockBytes, None),
    // Not charged to the limit of memory, but it tells what was pushed out.
    ("swap", Figure::SwapBytes, None),
];

/// The parts that were measured. Where only some of a column's rows tell shared memory, the rest
/// of the page cache is absent.
#[must_use]
pub fn parts(columns: &Columns) -> Vec<MemoryPart> {
    let part = |(name, figure, less): &(&'static str, Figure, Option<Figure>)| {
        let column = columns.get(*figure)?;
        let less = less.and_then(|figure| columns.get(figure));
        let mb: Vec<f64> = match less {
            Some(less) => {
                // f64::max would make a number of an absent value.
                let rest = |(all, less): (&f64, &f64)| if less > all { 0.0 } else { all - less };
                column.iter().zip(less).map(|pair| bytes_to_mb(rest(pair))).collect()
            }
            None => column.iter().map(|bytes| bytes_to_mb(*bytes)).collect(),
        };
        mb.iter().any(|v| v.is_finite()).then_some(MemoryPart { name, mb })
    };
    PARTS.iter().filter_map(part).collect()
}
