//! TOUCH. Makes the old primary a standby of its successor on its own disk, and then stops it: two orders, since somebody else
//! may stop it at any moment. Only once it is known that its disk says standby does its end mean that nobody writes any more.
//!
//! `COPY … TO PROGRAM` runs a shell on the server's own machine: it is the one way to reach its data directory and its
//! postmaster over SQL alone. It needs a superuser or a member of `pg_execute_server_program`, and a shell beside the
//! server; `rehearse` finds out before anything has changed. Whoever runs the server starts it again, as a standby.
//!
//! `standby.signal` is synced to disk before the signal is sent: were it lost with the machine, the old primary would
//! come back writing. SIGINT is the fast stop (manual, "Shutting Down the Server"): sessions end, and the senders of the
//! log stay until every receiver has all of it, the shutdown checkpoint included.

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::decide::Side;
use super::{LOOK, NOT_STOPPING, SwitchoverContext};
use crate::postgres::connections::{Connections, PATIENCE, literal, words};
use crate::{Endpoint, SwitchoverError};

/// How long the server may take to start a shell. Longer, and nobody knows whether it has.
const SHELL_WITHIN: Duration = Duration::from_secs(10);

/// What the server says when it is stopping: the order was carried out.
const STOPPING: &[&str] = &["57P01", "57P02", "57P03"];

/// Tries out, without changing anything, whether `fence` could do all it has to.
pub(super) async fn rehearse(context: &SwitchoverContext<'_>, data_directory: &str) -> Result<(), SwitchoverError> {
    let script = "test -w . && command -v sync && kill -0 \"$(head -n 1 postmaster.pid)\"";
    let order = program(data_directory, script);
    let why = match run(context, &order).await {
        Ok(()) => return Ok(()),
        Err(NotRun::No(why) | NotRun::Broken(why)) => why,
    };
    Err(context.refused(format!(
        "it cannot be stopped over SQL: {why}; it takes COPY TO PROGRAM (a superuser, or pg_execute_server_program), and a \
         shell beside the server"
    )))
}

/// Fences one that knows whom to follow: from now on it comes back as a standby, whoever stops it. An error means that it is not known to, and leads on.
pub(super) async fn fence(context: &SwitchoverContext<'_>, data_directory: &str) -> Result<(), SwitchoverError> {
    let script = ": >standby.signal || exit 1; sync standby.signal . 2>/dev/null || sync";
    match run(context, &program(data_directory, script)).await {
        Ok(()) => Ok(()),
        // No answer came, or not the one that was hoped for: its disk tells. Where that is not known either, it may go on leading and
        // is not stopped; what may be there a server that leads does not read.
        Err(NotRun::No(_) | NotRun::Broken(_)) if is_fenced(context).await => Ok(()),
        Err(NotRun::No(why) | NotRun::Broken(why)) => {
            take_away(context).await;
            Err(context.refused(why))
        }
    }
}

/// Stops one that is fenced. An error means that it was not told to, and leads on; whether it has really stopped the witness
/// hears.
pub(super) async fn stop(context: &SwitchoverContext<'_>, data_directory: &str) -> Result<(), SwitchoverError> {
    let script = "kill -INT \"$(head -n 1 postmaster.pid)\"";
    match run(context, &program(data_directory, script)).await {
        // A "no" says nothing by itself: one that stops ends its sessions' whole process groups (`signal_child` in `postmaster.c`),
        // the shell that told it to among them, and may call that a program that failed.
        Err(NotRun::No(why)) if is_not_stopping(context).await => {
            take_away(context).await;
            Err(context.refused(why))
        }
        // Done, cut off by the very stop it asked for, or not known.
        Ok(()) | Err(NotRun::No(_) | NotRun::Broken(_)) => Ok(()),
    }
}

/// Whether it goes on leading as one that was not told to stop does. Asked once is not enough: the signal may be on its way.
async fn is_not_stopping(context: &SwitchoverContext<'_>) -> bool {
    let asked = Instant::now();
    while asked.elapsed() < NOT_STOPPING {
        if context.side(context.from).await != Side::Leads {
            return false;
        }
        sleep(LOOK).await;
    }
    true
}

/// Whether its disk says that it is a standby.
async fn is_fenced(context: &SwitchoverContext<'_>) -> bool {
    let there = context.word(context.from, "SELECT (pg_stat_file('standby.signal', true)).size::text").await;
    matches!(there, Ok(Some(_)))
}

/// Takes the fence away again from a server that was not stopped and leads on. Left there, its next restart would leave
/// the database without a primary.
pub(super) async fn take_away(context: &SwitchoverContext<'_>) {
    if let (Ok(endpoint), Ok(Some(directory))) =
        (context.endpoint(context.from), context.word(context.from, "SHOW data_directory").await)
    {
        let _ = take_away_from(context.connections, endpoint, &directory).await;
    }
}

/// The same for whoever leads and was fenced by somebody who died before the stop. A server that is no leader keeps its fence.
/// What was done, for people.
pub(in crate::postgres) async fn take_back(connections: &Connections, endpoints: &[Endpoint]) -> Vec<String> {
    let mut told = Vec::new();
    for endpoint in endpoints {
        // Not to be asked is the same as before: what is not known to be there is not taken away.
        let Ok(Some(directory)) = connections.word(endpoint, FENCED_LEADER, PATIENCE).await else { continue };
        let member = &endpoint.member;
        told.push(match take_away_from(connections, endpoint, &directory).await {
            Ok(()) => {
                format!("{member} leads, and was fenced for a switchover that did not take place: it is no longer")
            }
            Err(NotRun::No(why) | NotRun::Broken(why)) => format!(
                "{member} leads, and comes back as a standby when it is started again: remove standby.signal from \
                 {directory} ({why})"
            ),
        });
    }
    told
}

/// Looks and takes in one order, in one session: one that became a standby since it was asked would lead after its next start,
/// beside another.
async fn take_away_from(connections: &Connections, endpoint: &Endpoint, directory: &str) -> Result<(), NotRun> {
    let leads = "SELECT 1 WHERE NOT pg_is_in_recovery()";
    run_on(connections, endpoint, &order(leads, "read -r leads || exit 0", directory, "rm -f standby.signal")).await
}

/// The data directory of a server that leads and would not after its next start.
const FENCED_LEADER: &str = "SELECT current_setting('data_directory') FROM pg_stat_file('standby.signal', true) \
    WHERE size IS NOT NULL AND NOT pg_is_in_recovery()";

/// Why an order was not carried out, as far as that is known.
enum NotRun {
    /// The server said so: nothing has happened.
    No(String),
    /// The connection ended, with the server stopping or otherwise.
    Broken(String),
}

async fn run(context: &SwitchoverContext<'_>, order: &str) -> Result<(), NotRun> {
    let endpoint = context.endpoint(context.from).map_err(|error| NotRun::No(error.to_string()))?;
    run_on(context.connections, endpoint, order).await
}

async fn run_on(connections: &Connections, endpoint: &Endpoint, order: &str) -> Result<(), NotRun> {
    let link = connections.to(endpoint).await.map_err(|why| NotRun::No(why.to_string()))?;
    match timeout(SHELL_WITHIN, link.batch_execute(order)).await {
        Err(_) => {
            connections.forget(endpoint).await;
            Err(NotRun::Broken(format!("no answer within {SHELL_WITHIN:?}")))
        }
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => match error.code() {
            Some(code) if !STOPPING.contains(&code.code()) => Err(NotRun::No(words(&error))),
            Some(_) | None => Err(NotRun::Broken(words(&error))),
        },
    }
}

/// A script in a directory. It reads what `COPY` sends first, so that the pipe never breaks.
pub(super) fn program(directory: &str, script: &str) -> String {
    order("SELECT 1", "cat >/dev/null", directory, script)
}

/// A script in a directory, given what a question is answered with.
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
