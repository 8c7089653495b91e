//! One line of the table: what was looked at, how it is, and what to do.

use std::future::Future;
use std::time::Duration;

use serde::Serialize;

use super::figures::FigureLine;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// As a run needs it.
    Ok,
    /// A run works, but there is something to know.
    Note,
    /// Not there now; a run brings it up.
    NotUp,
    /// A run would not work.
    Failed,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What it is.
    pub name: String,
    /// How it is.
    pub status: Status,
    /// What was found.
    pub detail: String,
    /// What to do, where something is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// Figures with their sources, in the row about them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<FigureLine>,
}

impl Row {
    fn new(name: &str, status: Status, detail: impl Into<String>) -> Row {
        Row {
            name: name.to_string(),
            status,
            detail: detail.into(),
            remedy: None,
            figures: Vec::new(),
        }
    }

    /// As a run needs it.
    pub fn ok(name: &str, detail: impl Into<String>) -> Row {
        Row::new(name, Status::Ok, detail)
    }

    /// Something to know.
    pub fn note(name: &str, detail: impl Into<String>) -> Row {
        Row::new(name, Status::Note, detail)
    }

    /// Not there now, and a run brings it up.
    pub fn not_up(name: &str, what: &str) -> Row {
        Row::new(name, Status::NotUp, format!("{what}; a run will start it (see --up)"))
    }

    /// A run would not work.
    pub fn failed(name: &str, detail: impl Into<String>, remedy: impl Into<String>) -> Row {
        Row { remedy: Some(remedy.into()), ..Row::new(name, Status::Failed, detail) }
    }

    /// A run would not work; `message` is `what is wrong; what to do`, as errors are written here, or
    /// several lines (others' words, in which a semicolon means nothing) of which the last says what to do.
    pub fn error(name: &str, message: &str) -> Row {
        let parts = message.trim_end().rsplit_once('\n').or_else(|| message.split_once("; "));
        let Some((detail, remedy)) = parts else {
            return Row::new(name, Status::Failed, message);
        };
        Row::failed(name, detail, remedy)
    }

    /// The same with something to do.
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Row {
        self.remedy = Some(remedy.into());
        self
    }

    /// A failure that does no harm here: others can stand in.
    pub fn into_note(mut self) -> Row {
        if self.status == Status::Failed {
            self.status = Status::Note;
        }
        self
    }
}

/// Time limit of one probe. It is above the limits of single calls, whose errors say more.
pub const LIMIT: Duration = Duration::from_secs(25);

/// Waits for a probe no longer than its limit: what hangs makes a failed row.
///
/// # Errors
/// The row that says so.
pub async fn within<T>(name: &str, probe: impl Future<Output = T>) -> Result<T, Row> {
    tokio::time::timeout(LIMIT, probe).await.map_err(|_| {
        let seconds = LIMIT.as_secs();
        Row::failed(
            name,
            format!("no answer within {seconds} s"),
            "look whether the engine answers (`docker ps`), and restart it if it hangs",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_split_into_what_is_wrong_and_what_to_do() {
        let row = Row::error("engine", "there is none; start it; or install it");
        assert_eq!(row.detail, "there is none");
        assert_eq!(row.remedy.as_deref(), Some("start it; or install it"));
        assert_eq!(Row::error("engine", "broken").remedy, None);
        let row = Row::error("start", "`up -d` failed: no; really\nlast words\nstart it; or else");
        assert_eq!(row.detail, "`up -d` failed: no; really\nlast words");
        assert_eq!(row.remedy.as_deref(), Some("start it; or else"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_hangs_is_a_failed_row_and_no_hang() {
        let row = within("engine", std::future::pending::<()>()).await.expect_err("it hangs");
        assert_eq!(row.status, Status::Failed);
        assert!(row.detail.contains("no answer within"), "{row:?}");
    }
}
