//! LOOK. Whether the disk has room for what a promotion writes: the file of the log that the old timeline ends in is copied for
//! the new one (`XLogInitNewTimeline` in `xlog.c`). A server that cannot write it stops, and clients' writes wait until it is back.

use tokio::time::timeout;

use crate::SwitchoverError;
use crate::postgres::connections::PATIENCE;
use crate::postgres::switchover::{SwitchoverContext, fence};

/// How many files of the log must fit: the copy, and the next one, which is made ahead.
const FILES: u32 = 2;

/// The free space is reported in this many steps up to the limit: a program can return only a small number, its exit code.
const STEPS: u32 = 32;

/// Added to the steps, so that they differ from all other exit codes (1, 2, and 126 and above have meanings of their own).
const FIRST: u32 = 32;

/// Refuses, with the number, where there is not enough. Where it cannot be found out (`df` is missing) the switchover goes on: if
/// the successor stops for lack of space, the old primary becomes the primary again.
pub(in crate::postgres::switchover) async fn check(context: &SwitchoverContext<'_>) -> Result<(), SwitchoverError> {
    match find_shortage(context, context.to).await {
        Some(why) => Err(SwitchoverError::Refused { member: context.to.to_owned(), why }),
        None => Ok(()),
    }
}

/// How much space is missing, as a sentence; none where there is enough, or it is not known.
pub(in crate::postgres::switchover) async fn find_shortage(
    context: &SwitchoverContext<'_>,
    member: &str,
) -> Option<String> {
    const SETTINGS: &str = "SELECT current_setting('data_directory') || '/pg_wal ' || \
        (SELECT setting::bigint / 1024 FROM pg_settings WHERE name = 'wal_segment_size')";
    let settings = context.value(member, SETTINGS).await.ok().flatten()?;
    let (directory, kibibytes) = settings.rsplit_once(' ')?;
    let limit = FILES * kibibytes.parse::<u32>().ok()?;
    let client = context.client(member).await.ok()?;
    let ended = timeout(PATIENCE, client.batch_execute(&question(directory, limit))).await.ok()?.err()?;
    let steps = steps(ended.as_db_error()?.detail()?)?;
    let free = steps * limit / STEPS / 1024;
    Some(format!(
        "{free} MiB are free where its log is ({directory}), and a promotion needs {} MiB there; make room, and ask again",
        limit / 1024
    ))
}

/// An order that succeeds where there is enough space, else fails with an exit code that says how much there is.
fn question(directory: &str, limit: u32) -> String {
    let script = format!(
        "set -- $(df -Pk . | tail -n 1) && test \"$4\" -ge 0 || exit 0; test \"$4\" -ge {limit} && exit 0; \
         exit $(({FIRST} + $4 * {STEPS} / {limit}))"
    );
    fence::program(directory, &script)
}

/// The number of steps in the server's sentence about a program's exit code.
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
