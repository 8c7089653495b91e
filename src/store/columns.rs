//! Rows as they are read, made into the dense columns of a [`ScenarioData`].
//!
//! A container that appears late is padded with absent values, so a small hostile file could ask
//! for endless memory (a new name on every line); a [`Budget`] in proportion to the bytes read
//! bounds the padding.

use std::collections::HashMap;
use std::sync::Arc;

use crate::analysis::{Columns, Series};
use crate::model::Figure;
use crate::model::figure::TABLE;

/// Absent cells that may be made up for each byte that was read.
const PADDING_PER_BYTE: u64 = 4;
/// Absent cells that any file may have.
const PADDING_FREE: u64 = 4 << 20;

/// How many absent cells may still be made up.
#[derive(Debug)]
pub(crate) struct Budget {
    spent: u64,
    bytes: u64,
    /// Columns of one value, by its bits and their length: one serves all that have them.
    same: HashMap<(u64, usize), Arc<Vec<f64>>>,
}

/// The file names so many containers for its size that their columns would not fit into memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooSparse;

impl TooSparse {
    pub(crate) const WHAT: &'static str =
        "far more containers than samples: nearly every sample names new ones";
}

impl Budget {
    /// For a file of `bytes` bytes, as far as they are known.
    pub(crate) fn new(bytes: u64) -> Budget {
        Budget { spent: 0, bytes, same: HashMap::new() }
    }

    /// Cells that a file of so many bytes may ask for.
    pub(crate) fn allowed(bytes: u64) -> u64 {
        PADDING_FREE + bytes.saturating_mul(PADDING_PER_BYTE)
    }

    /// So many bytes were read by now.
    pub(crate) fn read(&mut self, bytes: u64) {
        self.bytes = bytes;
    }

    pub(crate) fn spend(&mut self, cells: usize) -> Result<(), TooSparse> {
        self.spent += cells as u64;
        if self.spent > Budget::allowed(self.bytes) {
            return Err(TooSparse);
        }
        Ok(())
    }
}

/// A column that grows. As long as all cells are the same it is one value and a count: most limits
/// and many counters never change.
#[derive(Debug, Clone)]
pub(crate) enum Cells {
    Same { value: f64, count: usize },
    Mixed(Vec<f64>),
}

impl Default for Cells {
    fn default() -> Cells {
        Cells::Same { value: f64::NAN, count: 0 }
    }
}

impl Cells {
    pub(crate) fn len(&self) -> usize {
        match self {
            Cells::Same { count, .. } => *count,
            Cells::Mixed(cells) => cells.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    pub(crate) fn push(&mut self, cell: f64) {
        self.push_many(cell, 1);
    }

    /// Adds a cell so many times.
    #[inline]
    pub(crate) fn push_many(&mut self, cell: f64, times: usize) {
        match self {
            Cells::Mixed(cells) if times == 1 => cells.push(cell),
            Cells::Mixed(cells) => cells.resize(cells.len() + times, cell),
            Cells::Same { value, count } if *count == 0 || value.to_bits() == cell.to_bits() => {
                (*value, *count) = (cell, *count + times);
            }
            Cells::Same { value, count } if times > 0 => {
                let mut cells = vec![*value; *count];
                cells.resize(*count + times, cell);
                *self = Cells::Mixed(cells);
            }
            Cells::Same { .. } => {}
        }
    }

    fn set(&mut self, row: usize, cell: f64) {
        if let Cells::Same { value, count } = self {
            *self = Cells::Mixed(vec![*value; *count]);
        }
        if let Cells::Mixed(cells) = self
            && let Some(place) = cells.get_mut(row)
        {
            *place = cell;
        }
    }

    fn truncate(&mut self, rows: usize) {
        match self {
            Cells::Same { count, .. } => *count = rows.min(*count),
            Cells::Mixed(cells) => cells.truncate(rows),
        }
    }

    fn into_column(self, budget: &mut Budget) -> Arc<Vec<f64>> {
        match self {
            Cells::Same { value, count } => {
                let made = || Arc::new(vec![value; count]);
                budget.same.entry((value.to_bits(), count)).or_insert_with(made).clone()
            }
            Cells::Mixed(cells) => Arc::new(cells),
        }
    }
}

/// Cells that are kept together before they go to their columns.
const PENDING: usize = 1024;

/// Absent cells that the first figure of a container costs: what its empty columns take.
const SERIES_COST: usize = 3 * TABLE.len();

/// The growing columns of one thing (a container, the host), by figure.
///
/// Cells wait in one place and go to their columns many at a time: with hundreds of containers the
/// ends of all columns lie on thousands of pages, and touching each on every tick took a third of
/// the time of reading a journal.
#[derive(Debug, Default)]
pub(crate) struct Growing {
    columns: Vec<Cells>,
    order: Vec<Figure>,
    pending: Vec<(Figure, usize, f64)>,
    /// Figures that are not kept.
    left_out: Vec<Figure>,
}

impl Growing {
    pub(crate) fn new() -> Growing {
        Growing::default()
    }

    /// Of columns that were read elsewhere; of the figures `left_out` none is kept.
    pub(crate) fn of(
        budget: &mut Budget,
        columns: Vec<(Figure, Cells)>,
        left_out: Vec<Figure>,
    ) -> Result<Growing, TooSparse> {
        budget.spend(SERIES_COST)?;
        let mut all = vec![Cells::default(); TABLE.len()];
        let order = columns.iter().map(|(figure, _)| *figure).collect();
        for (figure, cells) in columns {
            if let Some(place) = all.get_mut(figure as usize) {
                *place = cells;
            }
        }
        Ok(Growing { columns: all, order, pending: Vec::new(), left_out })
    }

    /// Sets a cell of the current row (or of an earlier one).
    #[inline]
    pub(crate) fn put(
        &mut self,
        budget: &mut Budget,
        figure: Figure,
        row: usize,
        value: f64,
    ) -> Result<(), TooSparse> {
        if self.columns.is_empty() {
            budget.spend(SERIES_COST)?;
            self.columns = vec![Cells::default(); TABLE.len()];
        }
        self.pending.push((figure, row, value));
        if self.pending.len() >= PENDING {
            return self.flush(budget);
        }
        Ok(())
    }

    fn flush(&mut self, budget: &mut Budget) -> Result<(), TooSparse> {
        for (figure, row, value) in self.pending.drain(..) {
            let Some(column) = self.columns.get_mut(figure as usize) else {
                continue;
            };
            if column.is_empty() {
                self.order.push(figure);
            }
            match row.checked_sub(column.len()) {
                Some(0) => column.push(value),
                Some(missing) => {
                    budget.spend(missing)?;
                    column.push_many(f64::NAN, missing);
                    column.push(value);
                }
                None => column.set(row, value),
            }
        }
        Ok(())
    }

    fn truncate(&mut self, rows: usize) {
        self.pending.retain(|(_, row, _)| *row < rows);
        for column in &mut self.columns {
            column.truncate(rows);
        }
    }

    pub(crate) fn finish(mut self, budget: &mut Budget, rows: usize) -> Result<Columns, TooSparse> {
        self.flush(budget)?;
        let mut done = Columns::new(0);
        self.order.sort_unstable();
        self.order.dedup();
        for figure in self.order {
            let Some(column) = self.columns.get_mut(figure as usize) else {
                continue;
            };
            let mut column = std::mem::take(column);
            column.truncate(rows);
            if column.is_empty() {
                continue;
            }
            let missing = rows - column.len();
            budget.spend(missing)?;
            column.push_many(f64::NAN, missing);
            done.insert(figure, column.into_column(budget));
        }
        if !self.left_out.is_empty() {
            done.set_partial();
        }
        done.resize(rows);
        Ok(done)
    }
}

/// One container's growing series.
#[derive(Debug)]
pub(crate) struct GrowingSeries {
    pub name: String,
    pub columns: Growing,
    incarnation: Vec<u32>,
}

/// The growing series of all containers of a scenario.
#[derive(Debug, Default)]
pub(crate) struct Table {
    series: Vec<GrowingSeries>,
    index: HashMap<String, usize>,
}

impl Table {
    /// Where the container of that name is. `guess` is tried first: samples repeat their order.
    #[inline]
    pub(crate) fn find(&mut self, guess: usize, name: &super::json::Text<'_>) -> usize {
        match self.series.get(guess) {
            Some(series) if name.is(&series.name) => guess,
            _ => self.find_name(&name.decode()),
        }
    }

    /// As [`Table::find`], for a name that is decoded already.
    #[inline]
    pub(crate) fn find_known(&mut self, guess: usize, name: &str) -> usize {
        match self.series.get(guess) {
            Some(series) if series.name == name => guess,
            _ => self.find_name(name),
        }
    }

    pub(crate) fn find_name(&mut self, name: &str) -> usize {
        if let Some(at) = self.index.get(name) {
            return *at;
        }
        self.series.push(GrowingSeries {
            name: name.to_string(),
            columns: Growing::new(),
            incarnation: Vec::new(),
        });
        self.index.insert(name.to_string(), self.series.len() - 1);
        self.series.len() - 1
    }

    #[inline]
    pub(crate) fn put(
        &mut self,
        budget: &mut Budget,
        at: usize,
        figure: Figure,
        row: usize,
        value: f64,
    ) -> Result<(), TooSparse> {
        match self.series.get_mut(at) {
            Some(series) => series.columns.put(budget, figure, row, value),
            None => Ok(()),
        }
    }

    /// Notes which life of the container a row belongs to; until it changes nothing is kept.
    pub(crate) fn put_incarnation(
        &mut self,
        budget: &mut Budget,
        at: usize,
        row: usize,
        incarnation: u32,
    ) -> Result<(), TooSparse> {
        let Some(series) = self.series.get_mut(at) else {
            return Ok(());
        };
        let missing = (row + 1).saturating_sub(series.incarnation.len());
        budget.spend(missing.saturating_sub(1))?;
        note_life(&mut series.incarnation, row, incarnation);
        Ok(())
    }

    /// Takes a series that was read elsewhere, behind those that are there.
    pub(crate) fn adopt(&mut self, name: &str, columns: Growing, incarnation: Vec<u32>) {
        self.index.insert(name.to_string(), self.series.len());
        self.series.push(GrowingSeries { name: name.to_string(), columns, incarnation });
    }

    /// Whether this figure of the container is kept.
    #[inline]
    pub(crate) fn wants(&self, at: usize, figure: Figure) -> bool {
        self.series.get(at).is_none_or(|series| !series.columns.left_out.contains(&figure))
    }

    /// Takes back what a row that turned out broken has set already.
    pub(crate) fn truncate(&mut self, rows: usize) {
        for series in &mut self.series {
            series.columns.truncate(rows);
            series.incarnation.truncate(rows);
        }
    }

    /// The series, all `rows` long; one without any figure is left out.
    pub(crate) fn finish(self, budget: &mut Budget, rows: usize) -> Result<Vec<Series>, TooSparse> {
        let mut all = Vec::with_capacity(self.series.len());
        for series in self.series {
            let columns = series.columns.finish(budget, rows)?;
            if columns.figures().next().is_none() {
                continue;
            }
            all.push(Series {
                name: series.name,
                columns,
                incarnation: lives(series.incarnation, rows),
            });
        }
        Ok(all)
    }
}

/// Notes which life of the container a row belongs to; rows that were missed belong to the one
/// before.
#[inline]
pub(crate) fn note_life(lives: &mut Vec<u32>, row: usize, incarnation: u32) {
    if row >= lives.len() {
        let last = lives.last().copied().unwrap_or(incarnation);
        lives.resize(row + 1, last);
    }
    if let Some(cell) = lives.get_mut(row) {
        *cell = incarnation;
    }
}

/// Incarnations as a dataset keeps them: nothing where they never changed.
fn lives(mut lives: Vec<u32>, rows: usize) -> Vec<u32> {
    let last = lives.last().copied().unwrap_or_default();
    if lives.iter().all(|life| *life == last) {
        return Vec::new();
    }
    lives.resize(rows, last);
    lives
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_and_missing_cells_are_absent() {
        let mut budget = Budget::new(0);
        let mut table = Table::default();
        let a = table.find_name("a");
        table.put(&mut budget, a, Figure::Pids, 1, 5.0).expect("fits");
        let b = table.find_name("b");
        table.put(&mut budget, b, Figure::Pids, 0, 1.0).expect("fits");
        table.find_name("never measured");
        let all = table.finish(&mut budget, 3).expect("fits");
        assert_eq!(all.len(), 2);
        let column = |i: usize| -> Vec<Option<f64>> {
            (0..3).map(|row| all[i].columns.at(Figure::Pids, row)).collect()
        };
        assert_eq!(column(0), [None, Some(5.0), None]);
        assert_eq!(column(1), [Some(1.0), None, None]);
    }

    #[test]
    fn a_new_name_on_every_row_runs_into_the_budget() {
        let mut budget = Budget::new(0);
        let mut table = Table::default();
        let grown = (0..100_000).try_for_each(|row| {
            let at = table.find_name(&format!("c{row}"));
            table.put(&mut budget, at, Figure::Pids, row, 1.0)
        });
        assert_eq!(grown, Err(TooSparse));
    }

    #[test]
    fn incarnations_are_only_kept_where_they_change() {
        let mut budget = Budget::new(0);
        let mut table = Table::default();
        for (row, life) in [(0, 0), (1, 0), (3, 1)] {
            for name in ["same", "new"] {
                let at = table.find_name(name);
                let life = if name == "same" { 0 } else { life };
                table.put(&mut budget, at, Figure::Pids, row, 1.0).expect("fits");
                table.put_incarnation(&mut budget, at, row, life).expect("fits");
            }
        }
        let all = table.finish(&mut budget, 4).expect("fits");
        assert!(all[0].incarnation.is_empty());
        assert_eq!(all[1].incarnation, [0, 0, 0, 1]);
    }
}
