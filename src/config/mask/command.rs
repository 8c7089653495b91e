//! Credentials among the words of a command, and within a script that is one of its words.

use serde::Serializer;

use super::{MASK, in_url, is_secret_header, masked, speaks_of_secret};

/// A command's words with credentials masked: those of URLs, values of flags and variables whose
/// name speaks of a secret, passwords behind `-u user:` and `-p`, and headers.
#[must_use]
pub fn masked_words(command: &[String]) -> Vec<String> {
    Reader::default().words(command)
}

/// The credentials themselves.
pub(super) fn in_words(command: &[String]) -> Vec<String> {
    let mut reader = Reader::default();
    reader.words(command);
    reader.found
}

/// A command is recorded without what looks like a credential.
pub(crate) fn serialize<S: Serializer>(command: &[String], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(masked_words(command))
}

/// What the next word is, by the one before it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum Next {
    #[default]
    Anything,
    Secret,
    /// `user:password`.
    User,
    /// `Name: value`.
    Header,
}

/// Goes over words; keeps what it masks.
#[derive(Default)]
struct Reader {
    found: Vec<String>,
    /// The program asks for a password with `-pPASSWORD`.
    is_sql: bool,
}

impl Reader {
    fn words(&mut self, command: &[String]) -> Vec<String> {
        let mut next = Next::default();
        command.iter().map(|word| self.word(word, &mut next)).collect()
    }

    fn word(&mut self, word: &str, next: &mut Next) -> String {
        let expected = std::mem::take(next);
        if expected != Next::Anything && !word.starts_with('-') {
            return self.value(expected, word);
        }
        *next = asks_for(word);
        if let Some((name, value)) = word.split_once('=').filter(|(name, _)| is_plain(name)) {
            let asked = asks_for(name);
            let asked = if speaks_of_secret(name) { Next::Secret } else { asked };
            // A variable before a command: the rest is the command's.
            let is_quoted = bare(value) != value;
            let is_whole =
                word.starts_with('-') || is_quoted || !value.contains(char::is_whitespace);
            if asked != Next::Anything && is_whole {
                *next = Next::Anything;
                return format!("{name}={}", self.value(asked, value));
            }
        }
        if let Some(header) = word.strip_prefix("-H").and_then(|it| self.header(bare(it), true)) {
            *next = Next::Anything;
            return format!("-H{header}");
        }
        if word.contains(char::is_whitespace) {
            return self.header(word, false).unwrap_or_else(|| self.script(word));
        }
        if let Some(password) = word.strip_prefix("-p").filter(|it| self.is_password(it)) {
            *next = Next::Anything;
            return format!("-p{}", self.value(Next::Secret, password));
        }
        self.is_sql |= ["mysql", "mariadb"].iter().any(|program| word.contains(program));
        self.url(word)
    }

    fn url(&mut self, word: &str) -> String {
        self.found.extend(in_url(word));
        masked(word)
    }

    fn value(&mut self, what: Next, value: &str) -> String {
        match what {
            Next::Anything => value.to_string(),
            Next::Secret => {
                self.found.push(bare(value).to_string());
                MASK.to_string()
            }
            Next::User => match value.split_once(':') {
                // `1000:1000` are a user and a group.
                Some((user, password)) if !password.chars().all(|c| c.is_ascii_digit()) => {
                    self.found.push(password.to_string());
                    format!("{user}:{MASK}")
                }
                _ => value.to_string(),
            },
            Next::Header => self.header(value, true).unwrap_or_else(|| self.url(value)),
        }
    }

    /// `Authorization: Bearer X`; none where it is no header, or not one of a credential. `told`:
    /// the word before says that it is a header.
    fn header(&mut self, word: &str, told: bool) -> Option<String> {
        let (name, value) = word.split_once(':')?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let is_header = !name.is_empty() && name.chars().all(is_name) && !value.starts_with("//");
        let is_secret = match told {
            true => is_secret_header(name),
            // `auth:8000` is a place.
            false => speaks_of_secret(name) && value.starts_with(' '),
        };
        if !is_header || value.is_empty() || !is_secret {
            return None;
        }
        self.found.extend(super::in_header(value));
        let gap = if value.starts_with(' ') { " " } else { "" };
        Some(format!("{name}:{gap}{MASK}"))
    }

    /// `-pX`, and neither a port (`-p8080`) nor a long option of one dash (`-print`).
    fn is_password(&self, rest: &str) -> bool {
        let is_word = rest.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '-' | '='));
        let is_number = rest.chars().all(|c| c.is_ascii_digit() || matches!(c, ':' | '/' | '.'));
        !rest.is_empty() && !is_number && (self.is_sql || !is_word && !rest.contains('='))
    }

    /// The words of a shell's script, everything between them as it is.
    fn script(&mut self, script: &str) -> String {
        let parts = parts(script);
        if let [Part::Word(word)] = parts[..] {
            return self.url(word);
        }
        let mut out = String::with_capacity(script.len());
        let mut next = Next::default();
        for part in parts {
            match part {
                Part::Between(text) => {
                    // Another command begins.
                    if text.contains([';', '|', '&', '\n']) {
                        next = Next::Anything;
                        self.is_sql = false;
                    }
                    out.push_str(text);
                }
                Part::Word(text) => {
                    let inner = bare(text);
                    let at = if inner.len() == text.len() { 0 } else { 1 };
                    out.push_str(&text[..at]);
                    out.push_str(&self.word(inner, &mut next));
                    out.push_str(&text[text.len() - at..]);
                }
            }
        }
        out
    }
}

/// What a word says about the one after it.
fn asks_for(word: &str) -> Next {
    match word {
        "-u" | "-U" | "--user" | "--proxy-user" => Next::User,
        "-H" | "--header" | "--proxy-header" => Next::Header,
        "Bearer" | "bearer" => Next::Secret,
        _ if word.starts_with('-') && !word.contains('=') && speaks_of_secret(word) => Next::Secret,
        _ => Next::Anything,
    }
}

/// The name of a flag or variable, not the beginning of a URL.
fn is_plain(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// A word without the quotes around it.
fn bare(word: &str) -> &str {
    let within = |quote| word.strip_prefix(quote)?.strip_suffix(quote);
    let within = within('\'').or_else(|| within('"'));
    within.filter(|inner| !inner.contains(&word[..1])).unwrap_or(word)
}

#[derive(Clone, Copy)]
enum Part<'t> {
    Word(&'t str),
    Between(&'t str),
}

/// Words and what is between them; quotes hold a word together.
fn parts(script: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut begin, mut in_word, mut quote) = (0, false, None);
    let mut push = |from: usize, to: usize, word: bool| {
        if from < to {
            let text = &script[from..to];
            parts.push(if word { Part::Word(text) } else { Part::Between(text) });
        }
    };
    for (at, c) in script.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '\'' | '"') => quote = Some(c),
            None => {}
        }
        let apart =
            quote.is_none() && (c.is_whitespace() || matches!(c, ';' | '|' | '&' | '(' | ')'));
        if apart == in_word {
            push(begin, at, in_word);
            (begin, in_word) = (at, !apart);
        }
    }
    push(begin, script.len(), in_word);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_a_command_are_not_recorded() {
        let words = |text: &str| text.split(' ').map(str::to_string).collect::<Vec<_>>();
        for (command, wanted) in [
            ("curl http://u:p@h/x?token=1", "curl http://***@h/x?token=***"),
            ("tool --password hunter2 -v", "tool --password *** -v"),
            ("tool --api-key=abc --out=x", "tool --api-key=*** --out=x"),
            ("PGPASSWORD=abc psql", "PGPASSWORD=*** psql"),
            ("jcmd 1 GC.run", "jcmd 1 GC.run"),
            ("curl -u me:abc --user=me:abc http://h/", "curl -u me:*** --user=me:*** http://h/"),
            ("mysql -phunter -P3306", "mysql -p*** -P3306"),
            ("tool -pS3cret -p8080 -p80:80", "tool -p*** -p8080 -p80:80"),
            ("tool -H X-Vault:abc auth:8000", "tool -H X-Vault:*** auth:8000"),
            ("find . -print -path x", "find . -print -path x"),
            ("docker run -u 1000:1000 -H tcp://h:1", "docker run -u 1000:1000 -H tcp://h:1"),
        ] {
            assert_eq!(masked_words(&words(command)), words(wanted));
        }
    }

    #[test]
    fn a_script_is_masked_word_by_word_and_stays_readable() {
        for (script, wanted) in [
            (
                "curl -u me:A1 -H 'Authorization: Bearer A2' \"http://x/?token=A3&y=1\"; \
                 PGPASSWORD=A4 psql | mysql -pA5 db",
                "curl -u me:*** -H 'Authorization: ***' \"http://x/?token=***&y=1\"; \
                 PGPASSWORD=*** psql | mysql -p*** db",
            ),
            ("sh -c \"tool --token 'A6' x\" && date", "sh -c \"tool --token '***' x\" && date"),
            ("echo Authorization: Bearer A7", "echo Authorization: Bearer ***"),
            ("SECRET='a b' run  --now", "SECRET=*** run  --now"),
            ("PGPASSWORD=A8 psql -h db", "PGPASSWORD=*** psql -h db"),
            ("for i in 1 2; do date; done", "for i in 1 2; do date; done"),
        ] {
            let command = ["sh", "-c", script].map(str::to_string);
            assert_eq!(masked_words(&command)[2], wanted);
        }
    }

    #[test]
    fn what_is_masked_is_known_by_its_value() {
        let command = [
            "curl",
            "-H",
            "Authorization: Bearer A-2",
            "-H",
            "Accept: text/html",
            "-u",
            "me:A-1",
            "postgres://u:A-3@h/db",
            "--key='A-4'",
        ];
        let found = in_words(&command.map(str::to_string));
        assert_eq!(found, ["A-2", "A-1", "A-3", "A-4"]);
    }
}
