//! THINK. The connection string of a standby (`primary_conninfo`): parsed, single keywords changed, written again.

/// Words of a connection string (manual, "Connection Strings", keyword and value). It may hold a password, so it is
/// never printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Conninfo(Vec<(String, String)>);

impl std::fmt::Debug for Conninfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(connection string)")
    }
}

impl Conninfo {
    /// Reads `host=a port=5432 password='it''s'`. None for what is not written so, an URI for example.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut words = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (name, after) = rest.split_once('=')?;
            let name = name.trim();
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return None;
            }
            let (value, after) = value(after.trim_start())?;
            words.push((name.to_owned(), value));
            rest = after.trim_start();
        }
        Some(Self(words))
    }

    /// The value of a word; the last one counts, as it does for the library.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The same with another value for a word.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same without a word.
    pub(super) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(known, _)| known != name);
        self
    }

    /// The text a server reads. It may hold a password: for the server alone.
    pub(super) fn reveal(&self) -> String {
        let quoted = |value: &str| value.replace('\\', "\\\\").replace('\'', "\\'");
        let words: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}='{}'", quoted(value))).collect();
        words.join(" ")
    }
}

/// A value at the beginning of a text, and what follows it.
fn value(text: &str) -> Option<(String, &str)> {
    let quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut letters = text.char_indices().skip(usize::from(quoted));
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => value.push(letters.next()?.1),
            '\'' if quoted => return Some((value, &text[at + 1..])),
            space if !quoted && space.is_whitespace() => return Some((value, &text[at..])),
            other => value.push(other),
        }
    }
    (!quoted).then_some((value, ""))
}

#[cfg(test)]
mod tests {
    use super::Conninfo;

    #[test]
    fn words_are_read_as_the_library_reads_them_and_written_back_the_same() {
        let conninfo =
            Conninfo::parse(r"user=replicator password='it\'s a \\ word' host = db-0.db port=5432").expect("words");
        assert_eq!(conninfo.get("password"), Some(r"it's a \ word"));
        assert_eq!((conninfo.get("host"), conninfo.get("sslmode")), (Some("db-0.db"), None));
        assert_eq!(Conninfo::parse(&conninfo.reveal()), Some(conninfo));
        assert_eq!(Conninfo::parse("host='' user=x").expect("words").get("host"), Some(""));
    }

    #[test]
    fn one_word_is_exchanged_and_the_others_stay() {
        let conninfo = Conninfo::parse("host=db-0.db hostaddr=10.0.0.1 password=s host=db-9").expect("words");
        assert_eq!(conninfo.get("host"), Some("db-9"), "the last one counts");
        let changed = conninfo.with("host", "db-1.db").without("hostaddr");
        assert_eq!(changed.reveal(), "password='s' host='db-1.db'");
    }

    #[test]
    fn what_is_not_words_is_not_guessed_at() {
        for text in ["postgresql://db-0/postgres", "host", "password='open", "a b=c"] {
            assert_eq!(Conninfo::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_password_is_never_printed() {
        let conninfo = Conninfo::parse("password=hunter2").expect("words");
        assert!(!format!("{conninfo:?}").contains("hunter2"));
    }
}
