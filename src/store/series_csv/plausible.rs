//! Whether figures can be in the unit that their column says. A column of megabytes called bytes
//! would make every leak a millionth of what it is.

use csv::ByteRecord;

use super::cells;
use super::header::{Cell, Header, JUDGED, rows_of};
use crate::model::units::{GB, KB};

/// No container's memory is less at its highest, bytes: a process with one page table has more.
const LEAST: f64 = 32.0 * KB;
/// Nor more, bytes: 64 TB.
const MOST: f64 = 65536.0 * GB;

/// Judges the memory columns by their highest value in the whole file.
///
/// # Errors
/// The place and what is wrong with it.
pub(super) fn judge(header: &Header, bytes: &[u8]) -> Result<(), (String, String)> {
    let judged = |(at, name, cell): &(usize, String, Cell)| match cell {
        Cell::Number(figure, unit) if JUDGED.contains(figure) => Some((*at, name.clone(), *unit)),
        _ => None,
    };
    let columns: Vec<(usize, String, f64)> = header.cells.iter().filter_map(judged).collect();
    let mut highest = vec![0.0f64; columns.len()];
    let mut reader = rows_of(bytes, header.delimiter);
    let mut record = ByteRecord::new();
    while matches!(reader.read_byte_record(&mut record), Ok(true)) {
        for ((at, ..), highest) in columns.iter().zip(&mut highest) {
            let cell = std::str::from_utf8(record.get(*at).unwrap_or_default()).unwrap_or_default();
            let value = cells::number(cell.trim(), header.delimiter).unwrap_or(0.0);
            *highest = highest.max(value);
        }
    }
    for ((_, name, unit), highest) in columns.iter().zip(highest) {
        let bytes = highest * unit;
        if highest > 0.0 && !(LEAST..=MOST).contains(&bytes) {
            let size = if bytes < LEAST {
                "less than any process has"
            } else {
                "more than any machine has"
            };
            let other =
                if bytes < LEAST && *unit == 1.0 { "; megabytes go into a column _mb" } else { "" };
            let what = format!("its highest value, {highest}, would be {size}{other}");
            return Err((format!("column {name}"), what));
        }
    }
    Ok(())
}
