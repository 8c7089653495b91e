//! Time stamps of figures against the life of the container they are about.

use chrono::DateTime;

use crate::model::Container;

/// Whether this incarnation of `target` started after `unix_seconds`: figures of that moment then
/// belong to the one before. Both times are the engine machine's own. `false` where the start is
/// not known.
pub(crate) fn starts_after(target: &Container, unix_seconds: f64) -> bool {
    target
        .started_at
        .as_deref()
        .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
        .is_some_and(|start| start.timestamp_micros() as f64 * 1e-6 > unix_seconds)
}
