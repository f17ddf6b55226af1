//! THINK. Which standbys a commit waits for (`synchronous_standby_names`).

/// The rule, as the setting says it (manual, "Replication Primary Server Settings").
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StandbyNames {
    /// Whether any of them will do (`ANY`), or the first connected ones in the list (`FIRST`).
    any: bool,
    /// How many must have the commit.
    pub(super) needed: usize,
    names: Vec<String>,
}

/// The mark: a name that no standby has, among the names that an operation sets. A later operation that reads the setting, on
/// whichever server, knows from it alone that the setting has to be emptied again, also after the process that set it has died. A
/// switchover carries it to the new primary like all names.
pub(super) const MARK: &str = "kubectl_stateful_for_the_duration";

/// A piece of the setting's text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Quoted(String),
    Open,
    Close,
    Comma,
}

impl StandbyNames {
    /// Any one of these standbys, for as long as an operation lasts, with the mark among the names.
    pub(super) fn any_for_the_duration(mut names: Vec<String>) -> Self {
        names.sort();
        names.dedup();
        names.push(MARK.to_owned());
        Self { any: true, needed: 1, names }
    }

    /// Whether an operation has set it for its duration.
    pub(super) fn is_for_the_duration(&self) -> bool {
        self.names.iter().any(|name| name == MARK)
    }

    /// Reads the setting. `Ok(None)` when commits wait for no standby; an error when the setting cannot be read.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, UnreadableRule> {
        let tokens = tokens(text).ok_or_else(|| UnreadableRule(text.to_owned()))?;
        if tokens.is_empty() {
            return Ok(None);
        }
        rule(&tokens).map(Some).ok_or_else(|| UnreadableRule(text.to_owned()))
    }

    /// Whether a standby that calls itself so is one of those waited for. Case does not matter to the server
    /// (`SyncRepGetStandbyPriority`).
    pub(super) fn lists(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == "*" || known.eq_ignore_ascii_case(name))
    }

    /// The same rule when two servers have changed places.
    pub(super) fn exchanged(&self, one: &str, other: &str) -> Self {
        let names = self.names.iter().map(|name| {
            if name.eq_ignore_ascii_case(one) {
                other
            } else if name.eq_ignore_ascii_case(other) {
                one
            } else {
                name
            }
            .to_owned()
        });
        Self { names: names.collect(), ..self.clone() }
    }
}

impl std::fmt::Display for StandbyNames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let quoted =
            |name: &String| if name == "*" { name.clone() } else { format!("\"{}\"", name.replace('"', "\"\"")) };
        let names: Vec<String> = self.names.iter().map(quoted).collect();
        write!(f, "{} {} ({})", if self.any { "ANY" } else { "FIRST" }, self.needed, names.join(", "))
    }
}

/// The setting is not one that this adapter can read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read synchronous_standby_names: {0}")]
pub(super) struct UnreadableRule(String);

/// `[FIRST | ANY] n (names)`, or names alone, which means the first one (grammar: `syncrep_gram.y`).
fn rule(tokens: &[Token]) -> Option<StandbyNames> {
    let word = |token: &Token, wanted: &str| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(wanted));
    let (any, rest) = match tokens {
        [first, Token::Word(_), Token::Open, ..] if word(first, "any") => (true, &tokens[1..]),
        [first, Token::Word(_), Token::Open, ..] if word(first, "first") => (false, &tokens[1..]),
        _ => (false, tokens),
    };
    match rest {
        [Token::Word(number), Token::Open, list @ .., Token::Close] => {
            let needed = number.parse().ok().filter(|needed| *needed > 0)?;
            Some(StandbyNames { any, needed, names: names(list)? })
        }
        list => Some(StandbyNames { any, needed: 1, names: names(list)? }),
    }
}

fn names(list: &[Token]) -> Option<Vec<String>> {
    list.split(|token| *token == Token::Comma)
        .map(|name| match name {
            [Token::Word(name) | Token::Quoted(name)] => Some(name.clone()),
            _ => None,
        })
        .collect()
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut found = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let token = match letter {
            space if space.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '*' => Token::Word("*".to_owned()),
            '"' => {
                let mut name = String::new();
                loop {
                    match letters.next()? {
                        '"' if letters.next_if_eq(&'"').is_some() => name.push('"'),
                        '"' => break,
                        other => name.push(other),
                    }
                }
                Token::Quoted(name)
            }
            first if is_of_word(first) => {
                let mut name = first.to_string();
                while let Some(next) = letters.next_if(|next| is_of_word(*next)) {
                    name.push(next);
                }
                Token::Word(name)
            }
            _ => return None,
        };
        found.push(token);
    }
    Some(found)
}

fn is_of_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '$') || !letter.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::StandbyNames;

    fn read(text: &str) -> StandbyNames {
        StandbyNames::parse(text).expect("readable").expect("a rule")
    }

    #[test]
    fn every_way_to_write_the_rule_is_read() {
        for (text, means) in [
            ("a", "FIRST 1 (\"a\")"),
            ("a, b ,c", "FIRST 1 (\"a\", \"b\", \"c\")"),
            ("*", "FIRST 1 (*)"),
            ("2 (a, b, c)", "FIRST 2 (\"a\", \"b\", \"c\")"),
            ("FIRST 2 (a,b)", "FIRST 2 (\"a\", \"b\")"),
            ("any 1(\"db-1\", \"db-2\")", "ANY 1 (\"db-1\", \"db-2\")"),
            ("ANY 2 (*)", "ANY 2 (*)"),
            ("first, any", "FIRST 1 (\"first\", \"any\")"),
            ("\"a\"\"b (c)\"", "FIRST 1 (\"a\"\"b (c)\")"),
        ] {
            assert_eq!(read(text).to_string(), means, "{text}");
            assert_eq!(read(means), read(text), "what is written is read the same");
        }
    }

    #[test]
    fn without_a_name_commits_wait_for_no_standby_and_nonsense_is_an_error() {
        assert_eq!(StandbyNames::parse(" "), Ok(None));
        for text in ["FIRST 1 (", "ANY 0 (a)", "a,,b", "db-1", "\"open", "ANY x (a)", "()"] {
            assert!(StandbyNames::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_is_listed_whatever_its_case() {
        assert!(read("ANY 1 (\"DB-1\")").lists("db-1"));
        assert!(!read("ANY 1 (\"db-1\")").lists("db-2"));
        assert!(read("2 (*)").lists("any-name"));
    }

    #[test]
    fn what_holds_for_the_duration_is_known_by_its_mark_on_whichever_server_it_comes_to() {
        let rule = StandbyNames::any_for_the_duration(vec!["db-2".to_owned(), "db-1".to_owned(), "db-1".to_owned()]);
        assert_eq!(rule.to_string(), "ANY 1 (\"db-1\", \"db-2\", \"kubectl_stateful_for_the_duration\")");
        assert!(read(&rule.to_string()).is_for_the_duration());
        assert!(rule.exchanged("db-1", "db-0").is_for_the_duration());
        assert!(!read("ANY 1 (\"db-1\", \"db-2\")").is_for_the_duration());
    }

    #[test]
    fn two_that_change_places_change_names() {
        assert_eq!(
            read("ANY 1 (\"db-1\", \"db-2\")").exchanged("db-0", "db-1").to_string(),
            "ANY 1 (\"db-0\", \"db-2\")"
        );
        let all = read("ANY 2 (\"db-0\", \"db-1\", \"db-2\")").exchanged("db-0", "db-1");
        assert_eq!(all.to_string(), "ANY 2 (\"db-1\", \"db-0\", \"db-2\")");
        assert_eq!(read("*").exchanged("db-0", "db-1").to_string(), "FIRST 1 (*)");
    }
}
