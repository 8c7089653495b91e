//! What is told: pieces of text, some of them in a colour of ours.

use std::fmt;

use super::clean;
use crate::config::mask::Secrets;

/// How a piece is painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Good.
    Good,
    /// Worth a look.
    Watch,
    /// Bad.
    Bad,
    /// Neither, but it stands out.
    Plain,
    /// Of less weight than what stands beside it.
    Dim,
}

/// A text of one or several lines. Colours stand beside the text, never within it, so that what
/// comes from outside can be cleaned without a look at where it came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    pieces: Vec<(Option<Tone>, String)>,
}

impl Said {
    /// Text in a colour.
    #[must_use]
    pub fn of(tone: Tone, text: &str) -> Said {
        Said { pieces: vec![(Some(tone), text.to_string())] }
    }

    /// Adds text as it is.
    pub fn push(&mut self, text: &str) {
        self.pieces.push((None, text.to_string()));
    }

    /// Adds text in a colour.
    pub fn push_in(&mut self, tone: Tone, text: &str) {
        self.pieces.push((Some(tone), text.to_string()));
    }

    /// Adds what else is said.
    pub fn append(&mut self, mut more: Said) {
        self.pieces.append(&mut more.pieces);
    }

    /// The text for a terminal: masked, cleaned, and in colours where stderr shows them.
    #[cfg(feature = "app")]
    pub(super) fn painted(&self, secrets: &Secrets) -> String {
        use owo_colors::{OwoColorize, Stream};
        self.rendered(secrets, |tone, text| match tone {
            Tone::Good => text.if_supports_color(Stream::Stderr, |t| t.green()).to_string(),
            Tone::Watch => text.if_supports_color(Stream::Stderr, |t| t.yellow()).to_string(),
            Tone::Bad => text.if_supports_color(Stream::Stderr, |t| t.red()).to_string(),
            Tone::Plain => text.if_supports_color(Stream::Stderr, |t| t.bold()).to_string(),
            Tone::Dim => text.if_supports_color(Stream::Stderr, |t| t.dimmed()).to_string(),
        })
    }

    fn rendered(&self, secrets: &Secrets, paint: impl Fn(Tone, &str) -> String) -> String {
        let piece = |(tone, text): &(Option<Tone>, String)| {
            let text = clean::lines(&secrets.hide(text));
            tone.map_or_else(|| text.clone(), |tone| paint(tone, &text))
        };
        self.pieces.iter().map(piece).collect()
    }
}

/// Cleaned, without colours.
impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rendered(&Secrets::none(), |_, text| text.to_string()))
    }
}

impl From<String> for Said {
    fn from(text: String) -> Said {
        Said { pieces: vec![(None, text)] }
    }
}

impl From<&String> for Said {
    fn from(text: &String) -> Said {
        Said::from(text.clone())
    }
}

impl From<&str> for Said {
    fn from(text: &str) -> Said {
        Said::from(text.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_of_ours_is_painted_and_one_from_outside_is_not() {
        let mut said = Said::default();
        said.push_in(Tone::Bad, "le\u{1b}[0mak");
        said.push(" shop\u{1b}[31m\u{202e}\nnext");
        let mut secrets = Secrets::none();
        secrets.add("shop-secret");
        said.push(" shop-secret");
        let painted = said.rendered(&secrets, |tone, text| format!("<{tone:?}>{text}</>"));
        assert_eq!(painted, "<Bad>le [0mak</> shop [31m \nnext ***");
        assert_eq!(said.to_string(), "le [0mak shop [31m \nnext shop-secret");
    }
}
