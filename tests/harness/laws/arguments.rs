//! The command line of the laws, as cargo's own test runner has it.

use std::num::NonZeroUsize;

use anyhow::{Context as _, Result, bail};

use super::Law;

/// How many laws run at once. A law waits for pods most of the time; with more of them on two cores the pods of each take as much
/// longer as there are more laws (decision 21 has the measurements).
const AT_ONCE: usize = 2;

/// What to run, and how.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Arguments {
    names: Vec<String>,
    skipped: Vec<String>,
    exact: bool,
    /// Slow laws: left out, alone, or with the others.
    slow: Slow,
    pub(super) list: bool,
    /// Shows the notes of all laws, not only of those that fail.
    pub(super) show_notes: bool,
    pub(super) at_once: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slow {
    LeftOut,
    Alone,
    Too,
}

impl Arguments {
    /// Reads them; an argument that is not known is an error, so that no law is left out by mistake.
    pub(super) fn parse(words: impl Iterator<Item = String>) -> Result<Self> {
        let mut arguments = Self {
            names: Vec::new(),
            skipped: Vec::new(),
            exact: false,
            slow: Slow::LeftOut,
            list: false,
            show_notes: false,
            at_once: AT_ONCE,
        };
        let mut words = words.peekable();
        while let Some(word) = words.next() {
            let (flag, value) = word.split_once('=').map_or((word.as_str(), None), |(flag, value)| (flag, Some(value)));
            let mut value =
                || value.map(ToOwned::to_owned).or_else(|| words.next()).with_context(|| format!("{flag} what?"));
            match flag {
                "--ignored" => arguments.slow = Slow::Alone,
                "--include-ignored" => arguments.slow = Slow::Too,
                "--exact" => arguments.exact = true,
                "--list" => arguments.list = true,
                "--nocapture" | "--show-output" => arguments.show_notes = true,
                "--skip" => arguments.skipped.push(value()?),
                "--test-threads" => arguments.at_once = value()?.parse::<NonZeroUsize>().context(word.clone())?.get(),
                flag if flag.starts_with('-') => bail!("there is no flag {flag}"),
                _ => arguments.names.push(word),
            }
        }
        Ok(arguments)
    }

    /// Whether a law is to be proven.
    pub(super) fn select(&self, law: &Law) -> bool {
        let matches = |words: &[String]| {
            words.iter().any(|word| if self.exact { law.name == *word } else { law.name.contains(word) })
        };
        let by_name = (self.names.is_empty() || matches(&self.names)) && !matches(&self.skipped);
        by_name
            && match self.slow {
                Slow::LeftOut => law.slow.is_none(),
                Slow::Alone => law.slow.is_some(),
                Slow::Too => true,
            }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::Arguments;
    use crate::Law;

    fn law(name: &str) -> Law {
        Law::new(&format!("laws::{name}"), |_| async { Ok(()) }.boxed_local())
    }

    fn parse(words: &str) -> anyhow::Result<Arguments> {
        Arguments::parse(words.split_whitespace().map(ToOwned::to_owned))
    }

    #[test]
    fn laws_are_chosen_by_name_and_slow_ones_when_asked_for() {
        let (quick, slow) = (law("redis::quick"), law("redis::slow").slow("four minutes"));
        let chosen = |words: &str| {
            let arguments = parse(words).expect("arguments");
            (arguments.select(&quick), arguments.select(&slow))
        };
        assert_eq!(chosen(""), (true, false));
        assert_eq!(chosen("--ignored"), (false, true));
        assert_eq!(chosen("--include-ignored redis"), (true, true));
        assert_eq!(chosen("--include-ignored --skip slow"), (true, false));
        assert_eq!(chosen("postgres"), (false, false));
        assert_eq!(chosen("--exact redis::quick"), (true, false));
        assert_eq!(chosen("--exact quick"), (false, false));
    }

    #[test]
    fn an_argument_that_is_not_known_is_an_error() {
        assert!(parse("--ignore").is_err());
        assert!(parse("--test-threads none").is_err());
        assert_eq!(parse("--test-threads=5").expect("arguments").at_once, 5);
    }
}
