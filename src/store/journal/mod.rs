//! The journal: what a run leaves behind as it happens, so that one that is killed at any moment
//! can be analysed.
//!
//! - `run.json` ([`RunFile`]): written whole before the first tick.
//! - `samples.jsonl`: one line a tick.
//! - `events.jsonl`: one [`crate::model::Event`] a line, as its serde form.
//!
//! A line of `samples.jsonl` is a small table: `parts` is its head, `samples` its rows. Each line
//! can be read alone; names of figures are those of the figure table ([`crate::model::figure`]).
//!
//! ```json
//! {"seq":7,"at":14.0,"t":1769783436.2,"scenario":"baseline","phase":"idle","index":1,
//!  "parts":[{"figures":["cpu_usage_ns","anon_bytes"]},{"src":"engine","figures":["restart_count"]}],
//!  "samples":[["web",0,[0,14.002,812000,9216000],[1,13.1,0]],["db",1,[0,14.003,99,null]]],
//!  "host":{"host_load1":0.4},"runner":{"runner_cpu_ns":12},"load":{"queued":10},
//!  "gaps":[{"source":"docker","container":"db","reason":"no answer within 2 s"}],
//!  "run":"20260130_143022","line":7,"events":9,"crc":"1c291ca3"}
//! ```
//!
//! (on one line). A row is the container's key, its incarnation, and for each source that answered
//! `[part, at, values...]`: `part` counts in `parts`, `at` is when the values were true (monotonic
//! seconds since the start of the run), the values are in the order of the part's `figures`; `null`
//! or a missing value at the end is absent. `src` is left out where it is the one that run.json
//! names for each of the part's figures. `priming` (true) marks the reading before a scenario's
//! first tick, `late_s` a tick that began late; `host`, `runner`, `load` and `gaps` are left out
//! where there is nothing in them. Keys that a reader does not know it skips. The last four keys, in
//! both files, seal the line (`seal.rs`): a line that was changed, lost or put there from another run
//! is told, and never used.
//!
//! The recorder keeps the containers' figures once more in `samples.cols`, by column
//! (`store::columnar`): from it a large run is read many times as fast. It can be deleted.

mod dense;
mod events;
mod follow;
#[cfg(test)]
mod follow_tests;
mod line;
mod parse;
mod provenance;
mod reader;
mod rows;
mod run_file;
mod scenario;
mod seal;
mod stored;
mod stored_container;
#[cfg(test)]
mod stored_tests;
#[cfg(test)]
mod tests;
mod told;
mod writer;

pub use line::write_line;
pub use parse::read_line;
pub(crate) use reader::is_journal;
pub use reader::{Depth, ReadJournal, read_journal, read_journal_for, read_samples};
pub use run_file::{FigureSources, RunFile, SCHEMA_VERSION};
pub(crate) use told::MAX_RUN_BYTES;
pub use writer::Journal;
