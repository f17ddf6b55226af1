//! THINK. The shortest path to a mistake, as it is read.

use std::fmt;

/// What is wrong with the last state of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// It breaks this rule.
    Rule(&'static str),
    /// There is no way forward from it.
    NoWayForward,
    /// It is one more than the model may have: nothing is proven.
    TooManyStates(usize),
}

/// The shortest path to a mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counterexample {
    /// What is wrong at its end.
    pub wrong: Wrong,
    /// Who did what, from the beginning on.
    pub path: Vec<(&'static str, &'static str)>,
    /// The state at its end.
    pub state: String,
}

impl Counterexample {
    /// Whether this happens on the path.
    pub fn contains(&self, who: &'static str, what: &'static str) -> bool {
        self.path.contains(&(who, what))
    }
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.wrong {
            Wrong::Rule(rule) => writeln!(f, "broken: {rule}")?,
            Wrong::NoWayForward => writeln!(f, "broken: no way forward from the last state")?,
            Wrong::TooManyStates(limit) => writeln!(f, "not finished: more than {limit} states")?,
        }
        for (index, (who, what)) in self.path.iter().enumerate() {
            writeln!(f, "{:>3}. {who} {what}", index + 1)?;
        }
        write!(f, "     the last state: {}", self.state)
    }
}

impl std::error::Error for Counterexample {}
