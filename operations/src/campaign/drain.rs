//! LOOK, then THINK. The campaign that empties a node.

use stateful_cluster::discovery::pods::NodePod;

use super::{AcceptedLosses, Campaign, CampaignError, Database, evictable};
use crate::Goal;
use crate::session::{Planned, SessionError};

/// Plans to empty a node that these databases and pods are on, waiting a moment for reasons that pass by themselves, as for every other
/// operation: a member that is asked while its node is busy answers the next question. One database that is not safe to move refuses the whole
/// campaign before anything of it begins.
///
/// # Errors
/// [`CampaignError::NotSafe`] with every database that is not safe; [`CampaignError::Held`]; [`CampaignError::Session`]
/// where another operation is unfinished or a database cannot be observed.
pub async fn plan_drain(
    node: &str,
    databases: &[Database<'_>],
    pods: Vec<NodePod>,
    accepted: AcceptedLosses,
) -> Result<Campaign, CampaignError> {
    let goal = Goal::EvacuateNode { node: node.to_owned() };
    let (mut moves, mut refused, mut moved) = (Vec::new(), Vec::new(), Vec::new());
    for Database { workload, session } in databases {
        let failed = |error| CampaignError::Session(workload.clone(), error);
        session.refuse_beside_another().await.map_err(failed)?;
        match session.plan(&goal).await {
            Ok(Planned::Plan(planned)) => {
                let (plan, snapshot) = *planned;
                moved.extend(snapshot.workload.members.iter().map(|member| member.uid.clone()));
                moves.push(plan);
            }
            Ok(Planned::Nothing(_)) => {}
            Err(SessionError::NotSafe(not_safe)) => refused.push(*not_safe),
            Err(error) => return Err(failed(error)),
        }
    }
    if !refused.is_empty() {
        return Err(CampaignError::NotSafe(refused));
    }
    let others = pods.into_iter().filter(|pod| !moved.contains(&pod.uid)).collect();
    Ok(Campaign::drain(node, moves, evictable(others, accepted).map_err(CampaignError::Held)?))
}
