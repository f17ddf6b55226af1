//! TOUCH. Makes the other standbys follow the successor, where they name the old primary itself. Those that name a Service
//! find the successor there as soon as it leads clients.

use super::Hands;
use crate::postgres::conninfo::Conninfo;
use crate::postgres::links::literal;

/// A standby, and how it should connect from now on.
pub(super) struct Follower {
    member: String,
    conninfo: Conninfo,
}

/// The question for how a standby connects. Superusers alone may ask it: the answer may hold a password.
pub(super) const PRIMARY_CONNINFO: &str = "SELECT setting FROM pg_settings WHERE name = 'primary_conninfo'";

/// Who is to be told, and what. One that does not answer is not: it goes on asking the old primary, which by then is a
/// standby and passes the log on.
pub(super) async fn followers(hands: &Hands<'_>, host: &str, port: &str) -> Vec<Follower> {
    let mut found = Vec::new();
    let Ok(from) = hands.door(hands.from) else { return found };
    for other in hands.others() {
        let Ok(Some(setting)) = hands.word(&other.member, PRIMARY_CONNINFO).await else { continue };
        let Some(conninfo) = Conninfo::parse(&setting) else { continue };
        if conninfo.get("host").is_some_and(|host| from.is_at(host)) {
            let conninfo = conninfo.with("host", host).with("port", port).without("hostaddr");
            found.push(Follower { member: other.member.clone(), conninfo });
        }
    }
    found
}

/// Tells them. Reloading also wakes one that is waiting to try again. What fails here leaves a standby that the next look
/// shows to be behind; it fails no handover.
pub(super) async fn follow(hands: &Hands<'_>, followers: &[Follower]) {
    let told = followers.iter().map(|follower| async move {
        let link = hands.link(&follower.member).await?;
        let set = format!("ALTER SYSTEM SET primary_conninfo ={}", literal(&follower.conninfo.reveal()));
        let done = match link.batch_execute(&set).await {
            Ok(()) => link.batch_execute("SELECT pg_reload_conf()").await,
            Err(error) => Err(error),
        };
        done.map_err(|error| hands.refused(crate::postgres::links::words(&error)))
    });
    let _ = futures::future::join_all(told).await;
}
