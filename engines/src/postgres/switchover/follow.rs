//! TOUCH. Makes the other standbys follow the successor, where their settings name the old primary itself. Standbys that name a
//! Service reach the successor as soon as the Service points to it.

use std::time::Duration;

use tokio::time::timeout;

use super::SwitchoverContext;
use super::decide::ServerState;
use crate::postgres::answers::text;
use crate::postgres::connections::{Connections, PATIENCE, literal, words};
use crate::postgres::conninfo::Conninfo;
use crate::{Endpoint, NoClientPause, SwitchoverError};

/// How long a standby may take to reload its settings. Clients' writes wait meanwhile, and a standby that hangs must not make them
/// wait longer.
const RELOADED_WITHIN: Duration = Duration::from_millis(200);

/// A standby whose settings name the successor, and that follows it as soon as it reloads them.
pub(super) struct Follower {
    member: String,
    before: Conninfo,
}

/// The question for a standby's connection string. Only superusers may ask it: the answer may hold a password.
pub(super) const PRIMARY_CONNINFO: &str = "SELECT setting FROM pg_settings WHERE name = 'primary_conninfo'";

/// Writes the successor into the settings of every standby that names the old primary. Nothing happens before `follow`: writing
/// waits for a disk, and clients must not wait for that during the pause. A standby that does not answer or refuses is left out: it
/// keeps receiving from the old primary, which by then is a standby itself and passes the log on.
pub(super) async fn point_at_successor(context: &SwitchoverContext<'_>, host: &str, port: &str) -> Vec<Follower> {
    let mut followers = Vec::new();
    let Ok(from) = context.endpoint(context.from) else { return followers };
    for other in context.others() {
        let Ok(Some(setting)) = context.value(&other.member, PRIMARY_CONNINFO).await else { continue };
        let Some(before) = Conninfo::parse(&setting) else { continue };
        if before.get("host").is_some_and(|host| from.is_at(host)) {
            let now = before.clone().with("host", host).with("port", port).without("hostaddr");
            if set(context, &other.member, &now).await.is_ok() {
                followers.push(Follower { member: other.member.clone(), before });
            }
        }
    }
    followers
}

/// Makes these standbys follow the successor by reloading their settings, which also wakes a standby that waits before its next
/// attempt to connect. A standby that fails to reload is reported as behind by the next assessment; the switchover does not fail.
pub(super) async fn follow(context: &SwitchoverContext<'_>, followers: &[Follower]) {
    let reload = |follower: &Follower| {
        let member = follower.member.clone();
        async move { context.rows_within(&member, "SELECT pg_reload_conf()", RELOADED_WITHIN).await }
    };
    let _ = futures::future::join_all(followers.iter().map(reload)).await;
}

/// Restores the settings of these standbys, so that they follow the old primary again.
pub(super) async fn point_back(context: &SwitchoverContext<'_>, followers: &[Follower]) {
    for follower in followers {
        let _ = set(context, &follower.member, &follower.before).await;
    }
    follow(context, followers).await;
}

/// A standby's connection string that it uses, and the one in its files, which it would use after a restart. Both may hold a
/// password.
const UNAPPLIED: &str = "SELECT now.setting AS now, file.setting AS file FROM pg_settings AS now, \
    (SELECT setting FROM pg_file_settings WHERE name = 'primary_conninfo' ORDER BY seqno DESC LIMIT 1) AS file \
    WHERE now.name = 'primary_conninfo' AND now.setting IS DISTINCT FROM file.setting AND pg_is_in_recovery()";

/// What was done about a standby whose files name another member than it follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::postgres) enum Unapplied {
    /// There is no such setting, or it is not known which of the two members is the primary.
    Left,
    /// The files are set back to the primary that it follows.
    SetBack,
    /// It follows the new primary that its files name.
    Applied,
}

/// Makes a standby's files and what it follows the same, where a process that died during a switchover has left them different
/// ([`point_at_successor`]). It follows the member that is the primary: the old one, where the switchover did not take place, or else
/// it would follow a standby after its next restart; the new one, where only the reload was lost. A standby that cannot be asked is
/// left as it is.
pub(in crate::postgres) async fn settle_unapplied(
    connections: &Connections,
    endpoints: &[Endpoint],
    member: &str,
) -> Result<Unapplied, SwitchoverError> {
    let context = SwitchoverContext { connections, endpoints, from: member, to: member, clients: &NoClientPause };
    let Ok(rows) = context.rows(member, UNAPPLIED).await else { return Ok(Unapplied::Left) };
    let conninfo = |name| rows.first().and_then(|row| text(row, name)).and_then(Conninfo::parse);
    let (Some(now), Some(file)) = (conninfo("now"), conninfo("file")) else { return Ok(Unapplied::Left) };
    let named = |conninfo: &Conninfo| {
        let host = conninfo.get("host")?.to_owned();
        endpoints.iter().find(|endpoint| endpoint.is_at(&host)).map(|endpoint| endpoint.member.as_str())
    };
    // Anything else is the user's own change, which waits for a reload.
    let (Some(follows), Some(written)) = (named(&now), named(&file)) else { return Ok(Unapplied::Left) };
    if follows == written {
        return Ok(Unapplied::Left);
    }
    if context.state(written).await == ServerState::Primary {
        context.rows(member, "SELECT pg_reload_conf()").await?;
        return Ok(Unapplied::Applied);
    }
    if context.state(follows).await == ServerState::Primary {
        set(&context, member, &now).await?;
        return Ok(Unapplied::SetBack);
    }
    Ok(Unapplied::Left)
}

/// Sets a server's connection string to its primary. It may hold a password, so this session's statements are kept out of the
/// server's log.
pub(super) async fn set(
    context: &SwitchoverContext<'_>,
    member: &str,
    conninfo: &Conninfo,
) -> Result<(), SwitchoverError> {
    const UNLOGGED: &str = "SET log_statement = none; SET log_min_duration_statement = -1; \
        SET log_min_error_statement = panic";
    let client = context.client(member).await?;
    let refused =
        |error: tokio_postgres::Error| SwitchoverError::Refused { member: member.to_owned(), why: words(&error) };
    let order = format!("ALTER SYSTEM SET primary_conninfo ={}", literal(&conninfo.reveal()));
    let set = async {
        client.batch_execute(UNLOGGED).await?;
        client.batch_execute(&order).await
    };
    match timeout(PATIENCE, set).await {
        Ok(set) => set.map_err(refused),
        Err(_) => {
            context.connections.forget(context.endpoint(member)?).await;
            Err(SwitchoverError::Unreachable {
                member: member.to_owned(),
                why: format!("no answer within {PATIENCE:?}"),
            })
        }
    }
}
