//! Whether a file of a journal is all there: its lines are of one run, follow each other, and do not
//! end before what the other file knows of it.

use super::seal::{self, Checked, Seal};

/// Follows the lines of one file as they are read.
#[derive(Debug, Default)]
pub(super) struct Follow {
    /// The run whose lines these are; none: that of the first line that says so.
    run: Option<String>,
    sealed: bool,
    /// The place of the next line, from 0.
    next: u64,
    /// Lines since the last good one that could not be used and were named.
    lost: u64,
    /// Lines of the other file that this one knows of.
    beside: u64,
}

impl Follow {
    /// For a file of this run, where it is known.
    pub(super) fn of(run: Option<String>) -> Follow {
        Follow { run, ..Follow::default() }
    }

    /// Whether a line, without its line feed, may be used: its seal, where it has one, else why not.
    pub(super) fn judge(&mut self, line: &[u8]) -> Result<Option<Seal>, String> {
        match seal::check(line) {
            Checked::Wrong => Err("its bytes are not those of its check value (crc)".to_string()),
            Checked::Unsealed if self.sealed => {
                Err("it has no check value (crc), as the lines before it have".to_string())
            }
            Checked::Unsealed => Ok(None),
            Checked::Right(seal) => self.own(&seal).map(|()| Some(seal)),
        }
    }

    fn own(&mut self, seal: &Seal) -> Result<(), String> {
        self.sealed = true;
        match &self.run {
            Some(run) if *run != seal.run => {
                Err(format!("it is a line of run {}, not of run {run}", seal.run))
            }
            Some(_) => Ok(()),
            None => {
                self.run = Some(seal.run.clone());
                Ok(())
            }
        }
    }

    /// A line was named as one that could not be used.
    pub(super) fn lost(&mut self) {
        self.lost += 1;
    }

    /// A line was used; its place is in its seal, else `number`, where the line has one. Answers
    /// how many lines are missing before it.
    pub(super) fn used(&mut self, seal: Option<&Seal>, number: Option<u64>) -> u64 {
        let place = seal.map(|seal| seal.line).or(number).unwrap_or(self.next);
        let missing = place.saturating_sub(self.next).saturating_sub(self.lost);
        self.lost = 0;
        self.next = self.next.max(place.saturating_add(1));
        self.beside = self.beside.max(seal.map_or(0, |seal| seal.beside));
        missing
    }

    /// Takes a line that is known to be as it was written. `false`: it is not the next one.
    pub(super) fn known(&mut self, line: &[u8], number: Option<u64>) -> bool {
        let seal = seal::of_known(line);
        let own = seal.as_ref().is_none_or(|seal| self.own(seal).is_ok());
        own && self.used(seal.as_ref(), number) == 0
    }

    /// Lines that are missing behind the last one, by what the other file knows.
    pub(super) fn missing_at_end(&self, other: &Follow) -> u64 {
        other.beside.saturating_sub(self.next).saturating_sub(self.lost)
    }

    /// Whether its lines carry seals.
    pub(super) fn is_sealed(&self) -> bool {
        self.sealed
    }
}

/// `3 lines before it are missing`.
pub(super) fn missing_before(count: u64) -> String {
    match count {
        1 => "the line before it is missing".to_string(),
        _ => format!("{count} lines before it are missing"),
    }
}

/// `its last 3 lines are missing: samples.jsonl was written beside them`.
pub(super) fn missing_at_end(count: u64, other: &str) -> String {
    let lines = match count {
        1 => "its last line is missing".to_string(),
        _ => format!("its last {count} lines are missing"),
    };
    format!("{lines}: {other} was written beside more of it")
}
