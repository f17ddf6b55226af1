//! The verbs: a file and a row each. A file holds the verb's arguments, examples, permissions, past tense and what it does.

mod abort;
mod check;
mod complete;
mod completion;
mod drain;
mod finalize;
mod guard;
mod history;
mod rbac;
mod resume;
mod rollback;
mod status;
mod switchover;
mod upgrade;
mod version;
mod watch_poolers;

use std::ffi::OsString;
use std::path::Path;

use crate::exit::Exit;
use crate::report;
use crate::verb::{Call, Verb};

/// Every verb, in the order in which the help lists them.
const VERBS: &[Verb] = &[
    status::VERB,
    check::VERB,
    upgrade::VERB,
    switchover::VERB,
    drain::VERB,
    resume::VERB,
    abort::VERB,
    rollback::VERB,
    finalize::VERB,
    history::VERB,
    guard::VERB,
    rbac::VERB,
    version::VERB,
    completion::VERB,
    watch_poolers::VERB,
    complete::VERB,
];

/// Reads the command line. After help or the version the process ends well, after a usage error with code 2.
pub(crate) fn read() -> Result<Call, Exit> {
    let mut words: Vec<OsString> = std::env::args_os().collect();
    // kubectl calls `kubectl_complete-stateful` with the words typed so far; the same binary answers.
    let name = words.first().and_then(|path| Path::new(path).file_name()).unwrap_or_default();
    if name.to_string_lossy().starts_with("kubectl_complete-") {
        words.insert(1, complete::VERB.name.into());
        words.insert(2, "--".into());
    }
    Call::read(VERBS, words).map_err(|error| report::usage(&error))
}

/// Runs the verb and says how it ended.
pub(crate) async fn run(call: Call) -> Exit {
    let printer = call.printer;
    call.dispatch(VERBS).await.unwrap_or_else(|failure| printer.failure(&failure))
}

#[cfg(test)]
mod tests {
    use super::VERBS;
    use crate::verb::command;

    #[test]
    fn the_command_line_is_consistent() {
        command(VERBS).debug_assert();
    }

    #[test]
    fn every_verb_that_needs_permissions_has_a_role() {
        let without: Vec<&str> =
            VERBS.iter().filter(|verb| verb.rights.role().is_none()).map(|verb| verb.name).collect();
        // They ask the API server for nothing, or for what every user may see.
        assert_eq!(without, ["rbac", "version", "completion", "__watch-poolers", "__complete"]);
    }

    #[test]
    fn finalize_needs_the_permissions_of_a_switchover() {
        let role = |name: &str| {
            let verb = VERBS.iter().find(|verb| verb.name == name).expect("the verb");
            (verb.rights.role(), verb.rights.permissions())
        };
        assert_eq!(role("finalize"), role("switchover"));
    }

    #[test]
    fn every_verb_that_takes_words_shows_how() {
        for verb in command(VERBS).get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "version")
        {
            let shown = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            let typed = format!("kubectl stateful {}", verb.get_name());
            assert!(shown.starts_with("Examples:\n  ") && shown.contains(&typed), "{typed} --help shows no example");
        }
    }
}
