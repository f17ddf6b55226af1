//! The command line of an operation's second process, which resumes poolers should the first one die.

use std::ffi::OsString;

/// The verb of the second process. It is not meant to be typed.
pub(crate) const VERB: &str = "__watch-poolers";

/// How this process starts the second one: the same program with the arguments it was started with itself, so that it
/// reaches the same cluster as the same user.
pub(crate) fn command_line() -> Vec<OsString> {
    let mut arguments = std::env::args_os();
    let called = arguments.next();
    // The binary may have been replaced meanwhile; the name it was called by still starts one.
    let program = std::env::current_exe().ok().map(OsString::from).or(called);
    program.into_iter().chain([VERB.into(), "--".into()]).chain(arguments).collect()
}
