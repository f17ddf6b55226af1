//! The admin console of a pooler: one command at a time.

use tokio::time::timeout;

use crate::postgres::answers::TextRow;
use crate::postgres::connections::{Connections, PATIENCE, ask, failure};
use crate::{Endpoint, ServerError};

/// The name of the database by which clients connect to the console.
pub(in crate::postgres) const CONSOLE: &str = "pgbouncer";

/// Sends a command that is answered at once, and returns the rows of the answer. If the console does not answer, the next command
/// opens a new connection to it.
pub(in crate::postgres) async fn query_console(
    consoles: &Connections,
    endpoint: &Endpoint,
    command: &str,
) -> Result<Vec<TextRow>, ServerError> {
    let console = consoles.to(endpoint).await?;
    let why = match timeout(PATIENCE, ask(&console, command)).await {
        Ok(Ok(answers)) => return Ok(answers.into_iter().next().unwrap_or_default()),
        Ok(Err(error)) if error.as_db_error().is_some() => return Err(failure(&error)),
        Ok(Err(error)) => failure(&error),
        Err(_) => ServerError::NoAnswer(PATIENCE),
    };
    consoles.forget(endpoint).await;
    Err(why)
}

/// A pool's name as the console reads it: in quotes, with quotes in it doubled.
pub(in crate::postgres) fn quoted(pool: &str) -> String {
    format!("\"{}\"", pool.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_name_stays_one_word() {
        assert_eq!(super::quoted(r#"a "b" c"#), r#""a ""b"" c""#);
    }
}
