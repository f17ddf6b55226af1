//! TOUCH. The successor's rule for commits: the old primary's, with the two names exchanged. Set while it is still a
//! standby, where it has no effect; without it, commits on the new primary would wait for no standby, or for ever.

use std::time::Instant;

use tokio::time::sleep;

use crate::SwitchoverError;
use crate::postgres::answers::text;
use crate::postgres::connections::{PATIENCE, literal, words};
use crate::postgres::conninfo::Conninfo;
use crate::postgres::standby_names::StandbyNames;
use crate::postgres::switchover::follow::PRIMARY_CONNINFO;
use crate::postgres::switchover::{POLL, SwitchoverContext};

const RULE: &str = "SELECT current_setting('synchronous_standby_names') AS rule";

/// The name under which a member registers at its primary, or would: what it connects with, else its `cluster_name`, else
/// its own.
pub(super) async fn name_of(context: &SwitchoverContext<'_>, member: &str) -> Result<String, SwitchoverError> {
    let rows =
        context.rows(member, "SELECT pg_is_in_recovery() AS standby, current_setting('cluster_name') AS name").await?;
    let row = rows.into_iter().next().unwrap_or_default();
    let named = if text(&row, "standby") == Some("t") {
        let setting = context.value(member, PRIMARY_CONNINFO).await?.unwrap_or_default();
        Conninfo::parse(&setting).and_then(|conninfo| conninfo.get("application_name").map(ToOwned::to_owned))
    } else {
        None // the connection string of a primary is an old one and may have another member's name
    };
    let cluster = text(&row, "name").filter(|name| !name.is_empty()).map(ToOwned::to_owned);
    Ok(named.or(cluster).unwrap_or_else(|| member.to_owned()))
}

/// Sets the successor's rule, and waits until it has read it. `old` is the name the old primary will register under.
pub(super) async fn exchange(context: &SwitchoverContext<'_>, old: &str) -> Result<(), SwitchoverError> {
    let refused = |why: String| SwitchoverError::Refused { member: context.to.to_owned(), why };
    let read = |rule: Option<String>| {
        StandbyNames::parse(&rule.unwrap_or_default()).map_err(|error| refused(error.to_string()))
    };
    let new = name_of(context, context.to).await?;
    let wanted = read(context.value(context.from, RULE).await?)?.map(|rule| rule.exchanged(&new, old));
    if read(context.value(context.to, RULE).await?)? == wanted {
        return Ok(());
    }
    let rule = wanted.as_ref().map(ToString::to_string).unwrap_or_default();
    let client = context.client(context.to).await?;
    let set = format!("ALTER SYSTEM SET synchronous_standby_names ={}", literal(&rule));
    client.batch_execute(&set).await.map_err(|error| refused(words(&error)))?;
    client.batch_execute("SELECT pg_reload_conf()").await.map_err(|error| refused(words(&error)))?;
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if read(context.value(context.to, RULE).await?)? == wanted {
            return Ok(());
        }
        sleep(POLL).await;
    }
    Err(refused("it does not take over synchronous_standby_names: something else sets it there".to_owned()))
}
