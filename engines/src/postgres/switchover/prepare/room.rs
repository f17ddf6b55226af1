//! LOOK. Whether there is room for what a promotion writes: the file of the log that the old timeline ends in is copied for the
//! new one (`XLogInitNewTimeline` in `xlog.c`). A server that cannot make it goes down, and writes wait until it is back.

use tokio::time::timeout;

use crate::SwitchoverError;
use crate::postgres::connections::PATIENCE;
use crate::postgres::switchover::{SwitchoverContext, fence};

/// How many files of the log must fit: the copy, and the next one, which is made ahead.
const FILES: u32 = 2;

/// So many steps are counted up to that limit: a program can say a small number alone, as how it ends.
const STEPS: u32 = 32;

/// What is added to them, so that they are told apart from any other end (1, 2, and 126 and above mean something).
const FIRST: u32 = 32;

/// Refuses, with the number, where there is not enough. Where nobody can be found to ask (`df` is missing) the switchover goes on:
/// a successor that goes down over it gives the role back.
pub(in crate::postgres::switchover) async fn there_is(context: &SwitchoverContext<'_>) -> Result<(), SwitchoverError> {
    match lacking(context, context.to).await {
        Some(why) => Err(SwitchoverError::Refused { member: context.to.to_owned(), why }),
        None => Ok(()),
    }
}

/// What is lacking, in words; nothing where there is enough, or it is not known.
pub(in crate::postgres::switchover) async fn lacking(context: &SwitchoverContext<'_>, member: &str) -> Option<String> {
    const SETTINGS: &str = "SELECT current_setting('data_directory') || '/pg_wal ' || \
        (SELECT setting::bigint / 1024 FROM pg_settings WHERE name = 'wal_segment_size')";
    let settings = context.word(member, SETTINGS).await.ok().flatten()?;
    let (directory, kibibytes) = settings.rsplit_once(' ')?;
    let limit = FILES * kibibytes.parse::<u32>().ok()?;
    let link = context.link(member).await.ok()?;
    let ended = timeout(PATIENCE, link.batch_execute(&question(directory, limit))).await.ok()?.err()?;
    let steps = steps(ended.as_db_error()?.detail()?)?;
    let free = steps * limit / STEPS / 1024;
    Some(format!(
        "{free} MiB are free where its log is ({directory}), and a promotion needs {} MiB there; make room, and ask again",
        limit / 1024
    ))
}

/// Ends well where there is enough, else with a number that says how much there is.
fn question(directory: &str, limit: u32) -> String {
    let script = format!(
        "set -- $(df -Pk . | tail -n 1) && test \"$4\" -ge 0 || exit 0; test \"$4\" -ge {limit} && exit 0; \
         exit $(({FIRST} + $4 * {STEPS} / {limit}))"
    );
    fence::program(directory, &script)
}

/// The number in what the server says of how a program ended.
fn steps(detail: &str) -> Option<u32> {
    let code: u32 = detail.rsplit_once("exit code ")?.1.trim_end_matches('.').parse().ok()?;
    code.checked_sub(FIRST).filter(|steps| *steps < STEPS)
}

#[cfg(test)]
mod tests {
    use super::steps;

    #[test]
    fn only_an_end_that_means_a_number_is_one() {
        assert_eq!(steps("child process exited with exit code 32"), Some(0));
        assert_eq!(steps("child process exited with exit code 63"), Some(31));
        for other in ["child process exited with exit code 1", "child process exited with exit code 127", "signal 9"] {
            assert_eq!(steps(other), None, "{other}");
        }
    }
}
