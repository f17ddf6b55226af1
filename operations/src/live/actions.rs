//! TOUCH. Makes one change of an operation on the real cluster and the real servers.

use std::time::Duration;

use stateful_cluster::Error as ClusterError;
use stateful_cluster::changes::{self, EvictionOutcome, rollout};
use stateful_cluster::locks::OperationLock;
use stateful_engines::{Prepared, SwitchoverError};
use stateful_safety::Workload;

use super::Live;
use crate::action::Action;
use crate::{Snapshot, WorldError};

impl Live {
    /// Makes the change, under the operation lock; without it the change is only tried out.
    pub(super) async fn carry_out(
        &self,
        action: &Action,
        snapshot: &Snapshot,
        lock: Option<&OperationLock>,
    ) -> Result<Option<Duration>, WorldError> {
        let workload = &snapshot.workload;
        let dry_run = lock.is_none();
        match action {
            Action::HoldRollout => rollout::hold(&self.cluster, workload, dry_run).await?,
            Action::ChangeTemplate(change) => {
                rollout::change_template(&self.cluster, workload, change, dry_run).await?;
            }
            Action::AddMember { replicas } | Action::RemoveMember { replicas, .. } => {
                let scaled = changes::scale(&self.cluster, workload, *replicas, dry_run).await;
                scaled.map_err(|error| match error {
                    // Another client has scaled it: the next snapshot shows what that leaves to do.
                    ClusterError::Conflict(why) => WorldError::NotYet(why),
                    error => error.into(),
                })?;
            }
            Action::ReleaseRollout(before) => rollout::release(&self.cluster, workload, before, dry_run).await?,
            Action::RouteClients { services, to } => {
                for service in services {
                    changes::reroute(&self.cluster, &workload.id.namespace, service, to, dry_run).await?;
                }
            }
            Action::Evict { member, uid } => self.evict(workload, member, uid, dry_run).await?,
            // What only the servers do has no dry run.
            Action::BeginTemporarySync | Action::EndTemporarySync | Action::Finalize(_) if dry_run => {}
            Action::BeginTemporarySync => self.begin_temporary_sync(workload).await?,
            Action::EndTemporarySync => self.end_temporary_sync().await?,
            Action::Finalize(release) => {
                let endpoints = self.endpoints.borrow().clone();
                let engine = self.observer.engine();
                let finalization = engine.finalization().ok_or_else(|| no_capability(workload, "finalize"))?;
                finalization.finalize(&endpoints, release).await?;
            }
            Action::SwitchOver { from, to } => {
                let Some(lock) = lock else { return Ok(None) };
                return self.switch_over(snapshot, (from, to), lock).await.map(Some);
            }
        }
        Ok(None)
    }

    /// Evicts a pod, once its server is prepared for the restart.
    async fn evict(&self, workload: &Workload, member: &str, uid: &str, dry_run: bool) -> Result<(), WorldError> {
        if !dry_run {
            let endpoints = self.endpoints.borrow().clone();
            let is_led_to = workload.member(member).is_some_and(|pod| pod.ready);
            let engine = self.observer.engine();
            let prepared = match engine.restart_preparation() {
                Some(preparation) => preparation.prepare_restart(&endpoints, member).await?,
                None => Prepared::Ready,
            };
            match prepared {
                Prepared::LookAgain(why) => return Err(WorldError::NotYet(why)),
                Prepared::OnceNotReady(why) if is_led_to => return Err(WorldError::NotYet(why)),
                Prepared::OnceNotReady(_) | Prepared::Ready => {}
            }
        }
        match changes::evict(&self.cluster, &workload.id.namespace, member, uid, dry_run).await? {
            EvictionOutcome::Granted | EvictionOutcome::Gone => Ok(()),
            EvictionOutcome::Refused(why) => Err(WorldError::NotGranted(why)),
        }
    }
}

/// A change that the workload's engine cannot make. No plan has it either.
pub(super) fn no_capability(workload: &Workload, capability: &str) -> WorldError {
    let why = format!("there is no {capability} for it");
    SwitchoverError::Refused { member: workload.engine.to_string(), why }.into()
}
