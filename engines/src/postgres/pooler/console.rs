//! The admin console of a pooler: one word at a time.

use tokio::time::timeout;

use crate::postgres::answers::Row;
use crate::postgres::connections::{Connections, PATIENCE, ask, failure};
use crate::{Endpoint, ServerError};

/// The database the console pretends to be.
pub(in crate::postgres) const CONSOLE: &str = "pgbouncer";

/// Says something that is answered at once; the rows of the answer. A console that does not answer is opened anew the
/// next time.
pub(in crate::postgres) async fn say(
    consoles: &Connections,
    endpoint: &Endpoint,
    word: &str,
) -> Result<Vec<Row>, ServerError> {
    let console = consoles.to(endpoint).await?;
    let said = match timeout(PATIENCE, ask(&console, word)).await {
        Ok(Ok(answers)) => return Ok(answers.into_iter().next().unwrap_or_default()),
        Ok(Err(error)) if error.as_db_error().is_some() => return Err(failure(&error)),
        Ok(Err(error)) => failure(&error),
        Err(_) => ServerError::NoAnswer(PATIENCE),
    };
    consoles.forget(endpoint).await;
    Err(said)
}

/// A pool's name as the console reads it: in quotes, with quotes in it doubled.
pub(in crate::postgres) fn named(pool: &str) -> String {
    format!("\"{}\"", pool.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_name_stays_one_word() {
        assert_eq!(super::named(r#"a "b" c"#), r#""a ""b"" c""#);
    }
}
