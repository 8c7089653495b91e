//! What is wrong with a config: one line per problem, each with its place and its remedy.

use std::cell::RefCell;
use std::fmt;

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Somewhere in the file as a whole: what is meant is missing from it.
    File,
    /// A line and column of the file, both from 1; columns count characters.
    Line(u32, u32),
    /// A `--set key=value`. Only its key is kept: the value may be a credential.
    Set(String),
}

/// One mistake in a config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line in the file, from 1; absent for `--set` and for what is missing altogether.
    pub line: Option<u32>,
    /// Column in the file, in characters from 1.
    pub column: Option<u32>,
    /// Dotted path of the key (`stress.batch`, `scenario#1.phase#2.interval`); empty for a file
    /// that is not TOML.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
    /// The file, or `--set KEY`.
    pub origin: String,
    /// It was left out rather than written wrongly.
    pub(super) missing: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        f.write_str(": ")?;
        // `--set KEY` names it already.
        let named = self.origin.strip_prefix("--set ") == Some(self.key.as_str());
        if !self.key.is_empty() && !named {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

/// Everything that is wrong with a config, in the order of its lines. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Collects problems while a config is read.
pub(super) struct Log {
    origin: String,
    problems: RefCell<Vec<Problem>>,
    /// Keys that were asked for, with whether they were there: what the reference is held against.
    #[cfg(test)]
    asked: RefCell<Vec<(String, bool)>>,
}

impl Log {
    pub(super) fn new(origin: &str) -> Log {
        Log {
            origin: origin.to_string(),
            problems: RefCell::new(Vec::new()),
            #[cfg(test)]
            asked: RefCell::new(Vec::new()),
        }
    }

    /// Remembers, in tests, that a key was asked for.
    #[cfg(test)]
    pub(super) fn asked(&self, path: String, found: bool) {
        // One element of a list stands for all.
        let names = path.split('.').map(|part| part.split('#').next().unwrap_or(part));
        let path = names.collect::<Vec<_>>().join(".");
        self.asked.borrow_mut().push((path, found));
    }

    /// Keys that were asked for and never found.
    #[cfg(test)]
    pub(super) fn absent_keys(&self) -> Vec<String> {
        let asked = self.asked.borrow();
        let found = |path: &str| asked.iter().any(|(p, found)| *found && p == path);
        let mut absent: Vec<String> = asked.iter().map(|(path, _)| path.clone()).collect();
        absent.retain(|path| !found(path));
        absent.sort();
        absent.dedup();
        absent
    }

    /// Notes something written wrongly at `place`.
    pub(super) fn add(
        &self,
        place: &Place,
        key: &str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.push(place, key, what.into(), remedy.into(), false);
    }

    /// Notes something that was left out of the table at `place`.
    pub(super) fn missing(&self, place: &Place, key: &str, remedy: impl Into<String>) {
        self.push(place, key, "missing".to_string(), remedy.into(), true);
    }

    fn push(&self, place: &Place, key: &str, what: String, remedy: String, missing: bool) {
        let (origin, line, column) = match place {
            Place::File => (self.origin.clone(), None, None),
            Place::Line(line, column) => (self.origin.clone(), Some(*line), Some(*column)),
            Place::Set(key) => (format!("--set {key}"), None, None),
        };
        self.problems.borrow_mut().push(Problem {
            line,
            column,
            key: key.to_string(),
            what,
            remedy,
            origin,
            missing,
        });
    }

    /// All problems, in the order of the file, those without a line last.
    ///
    /// A syntax error leaves a hole in the tree; what seems missing then, or wrong on the same
    /// line, may only be its consequence and is left out.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        let broken: Vec<u32> = problems
            .iter()
            .filter(|problem| problem.key.is_empty())
            .filter_map(|problem| problem.line)
            .collect();
        if !broken.is_empty() {
            problems.retain(|problem| {
                problem.key.is_empty()
                    || (!problem.missing && !problem.line.is_some_and(|l| broken.contains(&l)))
            });
        }
        problems.sort_by_key(|problem| {
            (problem.line.unwrap_or(u32::MAX), problem.column.unwrap_or(u32::MAX))
        });
        // The parser stumbles on over the rest of a broken line.
        problems.dedup_by(|next, first| {
            let both_syntax = next.key.is_empty() && first.key.is_empty();
            both_syntax && next.line.is_some() && next.line == first.line
        });
        problems
    }
}
