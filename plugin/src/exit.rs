//! Exit codes: the same for every verb and every output format. `docs/exit-codes.md` is made from this enum.

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The command did what it was asked to do, or the answer is yes.
    Done = 0,
    /// Something went wrong.
    Error = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// A check before the start refused; nothing was touched.
    Blocked = 3,
    /// A time limit ran out; the operation can be resumed.
    TimedOut = 4,
    /// An operator has to act before the operation can be resumed.
    NeedsHuman = 6,
    /// The API server did not answer, so it is unknown how far the operation came.
    Unknown = 7,
    /// The user or the system interrupted the operation; it can be resumed.
    Interrupted = 130,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::Exit;

    const ALL: &[Exit] = &[
        Exit::Done,
        Exit::Error,
        Exit::Usage,
        Exit::Blocked,
        Exit::TimedOut,
        Exit::NeedsHuman,
        Exit::Unknown,
        Exit::Interrupted,
    ];

    /// What it means, and what a script or its reader does next. A new code does not compile without both.
    const fn explained(exit: Exit) -> (&'static str, &'static str) {
        match exit {
            Exit::Done => (
                "The command did what it was asked to do. `check`: it is safe. `guard status`: the guard is healthy.",
                "Nothing.",
            ),
            Exit::Error => (
                "Something went wrong: the cluster is out of reach, a permission is missing, or you did not confirm.",
                "Read the error. If an operation had begun, its journal is kept: `resume` it.",
            ),
            Exit::Usage => (
                "The command line makes no sense. Nothing was touched.",
                "Correct the command line; `--help` shows how.",
            ),
            Exit::Blocked => (
                "A check refused before anything was touched. `check`: it is not safe. `guard status`: the guard is not healthy.",
                "Do what the hint says, then run the command again.",
            ),
            Exit::TimedOut => {
                ("A time limit ran out. The operation's journal is kept.", "`resume` it, from any machine.")
            }
            Exit::NeedsHuman => (
                "The operation stopped because a person has to act first, or the canary lost an acknowledged write. `abort`: the \
                 operation is ended, and the database has more than one primary.",
                "Read the error, fix what it names, then `resume` (after `abort` there is nothing to resume).",
            ),
            Exit::Unknown => (
                "The API server did not answer, so it is unknown whether the last change was made.",
                "`resume`: it observes the database before it does anything.",
            ),
            Exit::Interrupted => (
                "Ctrl-C or SIGTERM stopped the operation at a safe moment. Its journal is kept.",
                "`resume` it, or `abort` it.",
            ),
        }
    }

    fn page() -> String {
        let mut page = "# Exit codes\n\nThe same for every verb and every output format. This page is made from `plugin/src/exit.rs` \
             (`UPDATE_GOLDEN=1 cargo test -p kubectl-stateful exit`).\n\n| code | what happened | what to do |\n|---|---|---|\n"
            .to_owned();
        for exit in ALL {
            let (means, next) = explained(*exit);
            writeln!(page, "| {} | {means} | {next} |", *exit as u8).expect("text");
        }
        page
    }

    #[test]
    fn the_page_says_what_the_codes_mean() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/exit-codes.md");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(file, page()).expect("a writable file");
        }
        let found = std::fs::read_to_string(file).unwrap_or_default();
        assert!(found == page(), "UPDATE_GOLDEN=1 writes {file} anew. It should be:\n{}", page());
    }
}
