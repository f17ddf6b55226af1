//! LOOK. Whether the Sentinels agree that a member is the primary and that no failover is under way.

use super::super::SwitchoverContext;
use super::agreement::{Says, Told, is_only_primary, sentinels_agree};
use super::settings::{FAILOVER_TIMEOUT, describes, masters};
use crate::Endpoint;

/// Whether a member is the primary by its own answer and by the Sentinels', and no other member says that it is. The Sentinel that was
/// asked for a failover is known by the timeout that the switchover gave it.
pub(super) async fn is_primary_by_all(context: &SwitchoverContext<'_>, sentinels: &[Endpoint], member: &str) -> bool {
    let mut told = Vec::new();
    for sentinel in sentinels {
        told.push(ask(context, sentinel, member).await);
    }
    if !sentinels_agree(&told) {
        return false;
    }
    let mut others = Vec::new();
    for other in context.endpoints.iter().filter(|endpoint| endpoint.member != member) {
        others.push(says(context, &other.member).await);
    }
    is_only_primary(&told, says(context, member).await, &others)
}

async fn ask(context: &SwitchoverContext<'_>, sentinel: &Endpoint, member: &str) -> Told {
    let Ok((_, masters)) = masters(context.connections, sentinel).await else { return Told::Nothing };
    let is_ours = |endpoint: &Endpoint| masters.iter().find(|master| describes(context, &endpoint.member, master));
    let named = context.endpoints.iter().find_map(|endpoint| Some((&endpoint.member, is_ours(endpoint)?)));
    match named {
        Some((name, master)) if name == member && master.get("flags").is_some_and(|flags| flags == "master") => {
            let is_coordinator = master.get("failover-timeout") == Some(&FAILOVER_TIMEOUT.to_string());
            if is_coordinator { Told::NamedByCoordinator } else { Told::Named }
        }
        Some(_) => Told::Contradicted,
        None => Told::Nothing, // it monitors a server that is no member, or none yet
    }
}

async fn says(context: &SwitchoverContext<'_>, member: &str) -> Says {
    match context.role(member).await.as_deref() {
        Some("master") => Says::Primary,
        Some(_) => Says::Replica,
        None => Says::Nothing,
    }
}
