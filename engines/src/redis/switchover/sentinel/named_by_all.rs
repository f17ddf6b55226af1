//! LOOK. Whether the Sentinels agree that a member is the primary and that no failover is under way.

use super::super::SwitchoverContext;
use super::settings::{FAILOVER_TIMEOUT, describes, masters};
use crate::Endpoint;

/// Whether a member is the primary by its own answer and by the Sentinels', and no other member says that it is. Only the Sentinel
/// that does a failover shows that one is under way: so either that one answers, known by the timeout that a switchover gave it,
/// or all do.
pub(super) async fn is_primary_by_all(context: &SwitchoverContext<'_>, sentinels: &[Endpoint], member: &str) -> bool {
    let (mut silent, mut coordinator) = (sentinels.is_empty(), false);
    for sentinel in sentinels {
        let Ok((_, masters)) = masters(context.connections, sentinel).await else {
            silent = true;
            continue;
        };
        let is_ours = |endpoint: &Endpoint| masters.iter().find(|master| describes(context, &endpoint.member, master));
        let named = context.endpoints.iter().find_map(|endpoint| Some((&endpoint.member, is_ours(endpoint)?)));
        match named {
            Some((name, master)) if name == member && master.get("flags").is_some_and(|flags| flags == "master") => {
                coordinator |= master.get("failover-timeout") == Some(&FAILOVER_TIMEOUT.to_string());
            }
            Some(_) => return false,
            None => silent = true, // it monitors a server that is no member, or none yet
        }
    }
    if silent && !coordinator {
        return false;
    }
    for other in context.endpoints.iter().filter(|endpoint| endpoint.member != member) {
        if context.leads(&other.member).await {
            return false;
        }
    }
    context.leads(member).await
}
