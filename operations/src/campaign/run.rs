//! TOUCH. Carries a campaign out, stage by stage.

use std::time::Duration;

use stateful_cluster::Cluster;
use stateful_cluster::changes::cordon as node_cordon;
use stateful_cluster::discovery::pods::NodePod;
use stateful_safety::WorkloadId;

use super::eviction::evict_all;
use super::{Campaign, CampaignError, CampaignListener, Database, Stage};
use crate::session::{Ending, Planned, SessionError};
use crate::{Goal, Plan};

/// The verb in the journals of a campaign's operations.
const VERB: &str = "drain";

/// How a campaign ended.
#[derive(Debug)]
pub enum CampaignEnd {
    /// Every stage is done.
    Done,
    /// The operation on a database stopped where it is safe. The node stays cordoned.
    Stopped(Box<Ending>),
}

/// TOUCH. Carries out every stage in its order. `limit` is how long the eviction of a pod of no database may take.
///
/// # Errors
/// The stage that failed; the stages before it stay done. Operation locks of databases that did not move are released.
pub async fn run(
    cluster: &Cluster,
    campaign: &Campaign,
    databases: &[Database<'_>],
    limit: Option<Duration>,
    listener: &dyn CampaignListener,
) -> Result<CampaignEnd, CampaignError> {
    let node = &campaign.node;
    let mut stopped = Ok(CampaignEnd::Done);
    for stage in &campaign.stages {
        if matches!(stage, Stage::Evict(_)) {
            release(campaign, databases).await;
        }
        let ended = match stage {
            Stage::Reserve => reserve(campaign, databases).await.map(|()| None),
            Stage::Cordon => cordon(cluster, node, listener).await.map(|()| None),
            Stage::Move(plan) => move_away(node, plan, databases).await,
            Stage::Evict(pods) => evict_all(cluster, pods, limit, listener, false).await.map(|()| None),
        };
        stopped = match ended {
            Ok(None) => continue,
            Ok(Some(ending)) => Ok(CampaignEnd::Stopped(Box::new(ending))),
            Err(error) => Err(error),
        };
        break;
    }
    if !matches!(stopped, Ok(CampaignEnd::Done)) {
        release(campaign, databases).await;
    }
    stopped
}

/// TOUCH, in the API server's dry run. Asks it about the cordon and each eviction of a pod of no database.
///
/// # Errors
/// What the API server refuses.
pub async fn try_out(
    cluster: &Cluster,
    campaign: &Campaign,
    listener: &dyn CampaignListener,
) -> Result<(), CampaignError> {
    node_cordon::set(cluster, &campaign.node, true, true).await?;
    let pods: Vec<NodePod> = campaign.evictions().cloned().collect();
    evict_all(cluster, &pods, None, listener, true).await
}

async fn reserve(campaign: &Campaign, databases: &[Database<'_>]) -> Result<(), CampaignError> {
    for plan in campaign.moves() {
        let Some(Database { workload, session }) = database(databases, &plan.workload) else { continue };
        let failed = |error| CampaignError::Session(workload.clone(), error);
        session.reserve(VERB, &campaign.node).await.map_err(failed)?;
        let snapshot = session.world.observe().await.map_err(|error| failed(error.into()))?;
        plan.still_fits(&snapshot).map_err(|error| failed(error.into()))?;
    }
    Ok(())
}

async fn cordon(cluster: &Cluster, node: &str, listener: &dyn CampaignListener) -> Result<(), CampaignError> {
    let already = node_cordon::is_cordoned(cluster, node).await?;
    node_cordon::set(cluster, node, true, false).await?;
    listener.cordoned(node, already);
    Ok(())
}

/// Moves one database away; its ending where it stopped.
async fn move_away(node: &str, plan: &Plan, databases: &[Database<'_>]) -> Result<Option<Ending>, CampaignError> {
    let Some(Database { workload, session }) = database(databases, &plan.workload) else { return Ok(None) };
    let failed = |error| CampaignError::Session(workload.clone(), error);
    let goal = Goal::EvacuateNode { node: node.to_owned() };
    let snapshot = session.world.observe().await.map_err(|error| failed(error.into()))?;
    let plan = match session.plan_at_once(&goal, snapshot) {
        Ok(Planned::Plan(planned)) => planned.0,
        Ok(Planned::Nothing(_)) => return Ok(None),
        Err(SessionError::NotSafe(not_safe)) => {
            return Err(CampaignError::NoLongerSafe(workload.clone(), not_safe));
        }
        Err(error) => return Err(failed(error)),
    };
    let ending = session.run(VERB, plan, None).await.map_err(failed)?;
    Ok(if ending.conclusion.is_done() { None } else { Some(ending) })
}

/// Releases the operation locks of databases that were reserved and did not move. A lock that cannot be released expires.
async fn release(campaign: &Campaign, databases: &[Database<'_>]) {
    for plan in campaign.moves() {
        if let Some(Database { session, .. }) = database(databases, &plan.workload) {
            let _ = session.world.release().await;
        }
    }
}

fn database<'d, 's>(databases: &'d [Database<'s>], id: &WorkloadId) -> Option<&'d Database<'s>> {
    databases.iter().find(|database| database.workload == *id)
}
