//! TOUCH. Fences the old primary, so that it restarts as a standby of its successor, and then stops it. These are two orders, since
//! the kubelet or a user may stop it at any moment. Only once the fence is known to be on its disk does a stop mean that it will
//! not take writes again.
//!
//! `COPY … TO PROGRAM` runs a shell on the server's own machine: it is the one way to reach its data directory and its
//! postmaster over SQL alone. It needs a superuser or a member of `pg_execute_server_program`, and a shell beside the
//! server; `rehearse` finds out before anything has changed. The kubelet then starts the server again, as a standby.
//!
//! `standby.signal` is synced to disk before the signal is sent: were it lost with the machine, the old primary would
//! come back writing. SIGINT is the fast stop (manual, "Shutting Down the Server"): sessions end, and the senders of the
//! log stay until every receiver has all of it, the shutdown checkpoint included.

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::decide::ServerState;
use super::{CHECK_EVERY, NOT_STOPPING, SwitchoverContext};
use crate::postgres::connections::{Connections, PATIENCE, literal, words};
use crate::{Endpoint, SwitchoverError};

/// How long the server may take to start a shell. After that it is not known whether it has.
const SHELL_WITHIN: Duration = Duration::from_secs(10);

/// The error codes of a server that is stopping: the order was carried out.
const STOPPING: &[&str] = &["57P01", "57P02", "57P03"];

/// Checks, without changing anything, whether `fence` and `stop` could be carried out.
pub(super) async fn rehearse(context: &SwitchoverContext<'_>, data_directory: &str) -> Result<(), SwitchoverError> {
    let script = "test -w . && command -v sync && kill -0 \"$(head -n 1 postmaster.pid)\"";
    let order = program(data_directory, script);
    let why = match run(context, &order).await {
        Ok(()) => return Ok(()),
        Err(NotRun::Refused(why) | NotRun::ConnectionLost(why)) => why,
    };
    Err(context.refused(format!(
        "it cannot be stopped over SQL: {why}; it takes COPY TO PROGRAM (a superuser, or pg_execute_server_program), and a \
         shell beside the server"
    )))
}

/// Fences the old primary, whose settings already name the successor: from now on it restarts as a standby, whether this tool, the
/// kubelet or a user stops it. An error means that it may not be fenced, and stays the primary.
pub(super) async fn fence(context: &SwitchoverContext<'_>, data_directory: &str) -> Result<(), SwitchoverError> {
    let script = ": >standby.signal || exit 1; sync standby.signal . 2>/dev/null || sync";
    match run(context, &program(data_directory, script)).await {
        Ok(()) => Ok(()),
        // It refused or did not answer: its disk tells whether it is fenced. Where that is not known either it stays the primary
        // and is not stopped; a running primary does not read a fence that may be there.
        Err(NotRun::Refused(_) | NotRun::ConnectionLost(_)) if is_fenced(context).await => Ok(()),
        Err(NotRun::Refused(why) | NotRun::ConnectionLost(why)) => {
            remove_fence(context).await;
            Err(context.refused(why))
        }
    }
}

/// Stops the fenced primary. An error means that it did not get the order, and stays the primary; the WAL receiver finds out
/// whether it has really stopped.
pub(super) async fn stop(context: &SwitchoverContext<'_>, data_directory: &str) -> Result<(), SwitchoverError> {
    let script = "kill -INT \"$(head -n 1 postmaster.pid)\"";
    match run(context, &program(data_directory, script)).await {
        // An error by itself says nothing: a server that stops kills its sessions' whole process groups (`signal_child` in
        // `postmaster.c`), including the shell that sent the signal, and may report that as a program that failed.
        Err(NotRun::Refused(why)) if is_not_stopping(context).await => {
            remove_fence(context).await;
            Err(context.refused(why))
        }
        // It was carried out, or its connection was cut off by the stop it asked for, or that is not known.
        Ok(()) | Err(NotRun::Refused(_) | NotRun::ConnectionLost(_)) => Ok(()),
    }
}

/// Whether the server stays the primary for so long that it cannot have got the order to stop. Asking once is not enough: the
/// signal may still be arriving.
async fn is_not_stopping(context: &SwitchoverContext<'_>) -> bool {
    let asked = Instant::now();
    while asked.elapsed() < NOT_STOPPING {
        if context.state(context.from).await != ServerState::Primary {
            return false;
        }
        sleep(CHECK_EVERY).await;
    }
    true
}

/// Whether its disk says that it is a standby.
async fn is_fenced(context: &SwitchoverContext<'_>) -> bool {
    let there = context.value(context.from, "SELECT (pg_stat_file('standby.signal', true)).size::text").await;
    matches!(there, Ok(Some(_)))
}

/// Removes the fence from a server that was not stopped and is still the primary. Otherwise its next restart would leave the
/// database without a primary.
pub(super) async fn remove_fence(context: &SwitchoverContext<'_>) {
    if let (Ok(endpoint), Ok(Some(directory))) =
        (context.endpoint(context.from), context.value(context.from, "SHOW data_directory").await)
    {
        let _ = remove_fence_from(context.connections, endpoint, &directory).await;
    }
}

/// Removes the fence from any primary that another process of this tool fenced before it died. A standby keeps its fence. Returns
/// what was done, as sentences for the user.
pub(in crate::postgres) async fn remove_leftover_fences(
    connections: &Connections,
    endpoints: &[Endpoint],
) -> Vec<String> {
    let mut notes = Vec::new();
    for endpoint in endpoints {
        // A member that cannot be asked is left as it is: a fence that is not known to be there is not removed.
        let Ok(Some(directory)) = connections.value(endpoint, FENCED_LEADER, PATIENCE).await else { continue };
        let member = &endpoint.member;
        notes.push(match remove_fence_from(connections, endpoint, &directory).await {
            Ok(()) => {
                format!("{member} is the primary and was fenced for a switchover that did not take place: the fence is removed")
            }
            Err(NotRun::Refused(why) | NotRun::ConnectionLost(why)) => format!(
                "{member} is the primary and would restart as a standby: remove standby.signal from {directory} ({why})"
            ),
        });
    }
    notes
}

/// Checks that the server is a primary and removes the fence in one order: if it had become a standby since it was asked, removing
/// its fence would make it a second primary after its next start.
async fn remove_fence_from(connections: &Connections, endpoint: &Endpoint, directory: &str) -> Result<(), NotRun> {
    let leads = "SELECT 1 WHERE NOT pg_is_in_recovery()";
    run_on(connections, endpoint, &order(leads, "read -r leads || exit 0", directory, "rm -f standby.signal")).await
}

/// Selects the data directory of a primary that would restart as a standby.
const FENCED_LEADER: &str = "SELECT current_setting('data_directory') FROM pg_stat_file('standby.signal', true) \
    WHERE size IS NOT NULL AND NOT pg_is_in_recovery()";

/// Why an order was not carried out, as far as that is known.
enum NotRun {
    /// The server refused: nothing has happened.
    Refused(String),
    /// The connection ended, with the server stopping or otherwise.
    ConnectionLost(String),
}

async fn run(context: &SwitchoverContext<'_>, order: &str) -> Result<(), NotRun> {
    let endpoint = context.endpoint(context.from).map_err(|error| NotRun::Refused(error.to_string()))?;
    run_on(context.connections, endpoint, order).await
}

async fn run_on(connections: &Connections, endpoint: &Endpoint, order: &str) -> Result<(), NotRun> {
    let client = connections.to(endpoint).await.map_err(|why| NotRun::Refused(why.to_string()))?;
    match timeout(SHELL_WITHIN, client.batch_execute(order)).await {
        Err(_) => {
            connections.forget(endpoint).await;
            Err(NotRun::ConnectionLost(format!("no answer within {SHELL_WITHIN:?}")))
        }
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => match error.code() {
            Some(code) if !STOPPING.contains(&code.code()) => Err(NotRun::Refused(words(&error))),
            Some(_) | None => Err(NotRun::ConnectionLost(words(&error))),
        },
    }
}

/// An order that runs a script in a directory. The script first reads what `COPY` sends, so that the pipe never breaks.
pub(super) fn program(directory: &str, script: &str) -> String {
    order("SELECT 1", "cat >/dev/null", directory, script)
}

/// An order that runs a script in a directory, with the answer to a question as its input.
fn order(question: &str, reads: &str, directory: &str, script: &str) -> String {
    let quoted = directory.replace('\'', r"'\''");
    let whole = format!("{reads}; cd '{quoted}' || exit 1; {script}");
    format!("COPY ({question}) TO PROGRAM{}", literal(&whole))
}

#[cfg(test)]
mod tests {
    use super::program;

    #[test]
    fn a_directory_with_a_quote_stays_one_word() {
        let order = program("/data/it's", "true");
        assert_eq!(order, r"COPY (SELECT 1) TO PROGRAM E'cat >/dev/null; cd ''/data/it''\\''''s'' || exit 1; true'");
    }
}
