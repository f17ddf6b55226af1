//! Exit codes: the same for every output format (`docs/exit-codes` in the README).

/// What the shell is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or healthy.
    Done = 0,
    /// Something went wrong.
    Error = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// A check before the start says no; nothing was touched.
    Blocked = 3,
    /// Out of time; the state is kept, `resume` goes on.
    TimedOut = 4,
    /// A human is needed; the state is kept.
    NeedsHuman = 6,
    /// It is not known how far it came.
    Unknown = 7,
    /// Interrupted; the state is kept.
    Interrupted = 130,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
