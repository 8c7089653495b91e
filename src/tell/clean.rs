//! Text from outside without what steers a terminal or turns the order of letters round.

/// Whether a character does something instead of showing something: the control characters of both
/// sets (ESC begins colours, titles and writes to the clipboard) and those that change the
/// direction of text, which can make one name look like another.
#[must_use]
pub fn steers(c: char) -> bool {
    c.is_control() || turns(c)
}

/// Whether it changes the direction of the text after it (Unicode's UAX #9).
fn turns(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A blank in place of a character that steers.
#[must_use]
pub fn shown(c: char) -> char {
    if steers(c) { ' ' } else { c }
}

/// The text with its lines and tabs, and nothing else that steers.
#[must_use]
pub fn lines(text: &str) -> String {
    text.chars().map(|c| if matches!(c, '\n' | '\t') { c } else { shown(c) }).collect()
}

/// The text as one line.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.chars().map(shown).collect()
}

/// JSON in which what steers is written as its escape: the same JSON. Line breaks and tabs are
/// between its values, for within a string they are escaped already.
#[must_use]
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            c if steers(c) => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_and_characters_that_turn_text_become_blanks_and_letters_stay() {
        let steering = "a\u{1b}[31m\u{7}\r\u{7f}\u{9b}\u{202e}\u{2066}\u{200f}\u{61c}b";
        assert_eq!(lines(steering), "a [31m        b");
        assert_eq!(lines("один\n\tzwei é 東 🦀"), "один\n\tzwei é 東 🦀");
        assert_eq!(one_line("a\nb\tc"), "a b c");
    }

    #[test]
    fn cleaned_json_is_the_same_json() {
        let value = serde_json::json!({ "a\u{202e}\u{9b}": "\u{7f}\u{1b}[31m\n é" });
        for text in [value.to_string(), format!("{value:#}\n")] {
            let cleaned = json(&text);
            assert!(!cleaned.chars().any(|c| steers(c) && c != '\n'), "{cleaned:?}");
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(&cleaned).ok(),
                Some(value.clone())
            );
        }
    }
}
