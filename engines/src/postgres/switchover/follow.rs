//! TOUCH. Makes the other standbys follow the successor, where they name the old primary itself. Those that name a Service
//! find the successor there as soon as it leads clients.

use std::time::Duration;

use tokio::time::timeout;

use super::SwitchoverContext;
use crate::SwitchoverError;
use crate::postgres::connections::{PATIENCE, literal, words};
use crate::postgres::conninfo::Conninfo;

/// How long one may take to hear it. It is asked while writes wait, and one that hangs must not make them wait longer.
const TOLD_WITHIN: Duration = Duration::from_millis(200);

/// A standby that is told whom to follow, and as soon as it reads its settings anew does.
pub(super) struct Follower {
    member: String,
    before: Conninfo,
}

/// The question for how a standby connects. Superusers alone may ask it: the answer may hold a password.
pub(super) const PRIMARY_CONNINFO: &str = "SELECT setting FROM pg_settings WHERE name = 'primary_conninfo'";

/// Writes down with every standby concerned that it should follow the successor. Nothing happens before `follow`: writing
/// waits for a disk, and in the pause nobody should. One that does not answer, or will not, is left out: it goes on asking
/// the old primary, which by then is a standby itself and passes the log on.
pub(super) async fn tell(context: &SwitchoverContext<'_>, host: &str, port: &str) -> Vec<Follower> {
    let mut told = Vec::new();
    let Ok(from) = context.endpoint(context.from) else { return told };
    for other in context.others() {
        let Ok(Some(setting)) = context.word(&other.member, PRIMARY_CONNINFO).await else { continue };
        let Some(before) = Conninfo::parse(&setting) else { continue };
        if before.get("host").is_some_and(|host| from.is_at(host)) {
            let now = before.clone().with("host", host).with("port", port).without("hostaddr");
            if set(context, &other.member, &now).await.is_ok() {
                told.push(Follower { member: other.member.clone(), before });
            }
        }
    }
    told
}

/// Now they do. Reading settings anew also wakes one that is waiting to try again. What fails here leaves a standby that
/// the next look shows to be behind; it fails no switchover.
pub(super) async fn follow(context: &SwitchoverContext<'_>, followers: &[Follower]) {
    let reload = |follower: &Follower| {
        let member = follower.member.clone();
        async move { context.rows_within(&member, "SELECT pg_reload_conf()", TOLD_WITHIN).await }
    };
    let _ = futures::future::join_all(followers.iter().map(reload)).await;
}

/// Takes back what they were told.
pub(super) async fn untell(context: &SwitchoverContext<'_>, followers: &[Follower]) {
    for follower in followers {
        let _ = set(context, &follower.member, &follower.before).await;
    }
    follow(context, followers).await;
}

/// Writes down how a server connects to its primary. What is written may hold a password, so this session's statements
/// are kept out of the server's log.
pub(super) async fn set(
    context: &SwitchoverContext<'_>,
    member: &str,
    conninfo: &Conninfo,
) -> Result<(), SwitchoverError> {
    const UNLOGGED: &str = "SET log_statement = none; SET log_min_duration_statement = -1; \
        SET log_min_error_statement = panic";
    let link = context.link(member).await?;
    let refused =
        |error: tokio_postgres::Error| SwitchoverError::Refused { member: member.to_owned(), why: words(&error) };
    let order = format!("ALTER SYSTEM SET primary_conninfo ={}", literal(&conninfo.reveal()));
    let set = async {
        link.batch_execute(UNLOGGED).await?;
        link.batch_execute(&order).await
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
