//! The one place that prints: people are told on stderr, machines on stdout.
//!
//! Four things hold here and nowhere else has to think of them. Printing decides nothing: what a
//! closed pipe or a full disk does not take is dropped, and the exit code stays the verdict's. Text
//! from outside (names, error texts, what was typed) cannot steer a terminal: it is cleaned here.
//! Colours are ours alone, and obey `NO_COLOR`. Known credentials are masked. Lints forbid printing
//! elsewhere.

pub mod clean;
mod said;

pub use said::{Said, Tone};

#[cfg(feature = "app")]
pub use print::{is_terminal, keep_secret, machines, painted, people};

#[cfg(feature = "app")]
#[allow(clippy::disallowed_methods)] // This is the place.
mod print {
    use std::io::{IsTerminal, Write};
    use std::sync::{PoisonError, RwLock};

    use super::{Said, clean};
    use crate::config::mask::Secrets;

    /// What must not be told.
    static SECRETS: RwLock<Secrets> = RwLock::new(Secrets::none());

    /// From now on these credentials are masked in all that is told.
    pub fn keep_secret(secrets: Secrets) {
        *SECRETS.write().unwrap_or_else(PoisonError::into_inner) = secrets;
    }

    /// A text as a terminal takes it: masked, cleaned, in our colours.
    #[must_use]
    pub fn painted(said: &Said) -> String {
        said.painted(&SECRETS.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells people, on stderr. A text that does not end its line is ended.
    pub fn people(text: impl Into<Said>) {
        write(std::io::stderr().lock(), ended(painted(&text.into())));
    }

    /// Answers JSON on stdout. What could steer a terminal stands in it as its escape, so that a
    /// reader gets the very same text. A text that does not end its line is ended.
    pub fn machines(json: &str) {
        let secrets = SECRETS.read().unwrap_or_else(PoisonError::into_inner);
        let hidden = secrets.hide_in_json(json.as_bytes()).map(|value| value.to_string());
        write(std::io::stdout().lock(), ended(clean::json(hidden.as_deref().unwrap_or(json))));
    }

    /// Whether people watch a terminal that can move its cursor.
    #[must_use]
    pub fn is_terminal() -> bool {
        std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
    }

    fn ended(mut text: String) -> String {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text
    }

    /// Nobody can be told that nobody can be told.
    fn write(mut to: impl Write, text: String) {
        let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
    }
}
