//! TOUCH. A switchover on the real cluster: the engine's own, with clients paused and Services pointed around it.

use std::time::Duration;

use stateful_cluster::discovery::pods;
use stateful_cluster::locks::OperationLock;
use stateful_engines::{Endpoint, SwitchoverError};
use stateful_safety::Workload;

use super::Live;
use super::poolers::{self, FoundPoolers, PoolerPause, Watchdog};
use super::service_routing::ServiceRoutes;
use crate::{Snapshot, WorldError};

impl Live {
    /// Connections to the servers that watch over the members (Sentinels), if there are any.
    pub(super) async fn watchers(&self, endpoints: &[Endpoint]) -> Result<Vec<Endpoint>, WorldError> {
        let engine = self.observer.engine();
        let Some(watchers) = engine.watchers() else { return Ok(Vec::new()) };
        let addresses = watchers.watchers(endpoints).await;
        let pods = pods::list_at_addresses(&self.cluster, &self.workload.id.namespace, &addresses).await?;
        Ok(self.observer.watchers(&pods).await)
    }

    /// The poolers in front of the workload.
    async fn poolers(&self, workload: &Workload) -> FoundPoolers {
        match self.observer.engine().pooler_control() {
            Some(pooler_control) => {
                poolers::find(&self.cluster, workload, pooler_control, self.observer.port_forwards()).await
            }
            None => FoundPoolers::default(),
        }
    }

    /// The pause of clients while the primary role moves, with a watchdog for it. A pooler that cannot be paused is reported
    /// and stops nothing: a switchover loses nothing without a pause either, clients only have to connect again.
    async fn prepare_pause<'l>(
        &self,
        workload: &Workload,
        services: ServiceRoutes,
        lock: &'l OperationLock,
    ) -> PoolerPause<'l> {
        let engine = self.observer.engine();
        let Some(program) = &self.watchdog else { return PoolerPause::new(lock, engine, Vec::new(), None, services) };
        let FoundPoolers { pausable, mut notes, .. } = self.poolers(workload).await;
        let watchdog = if pausable.is_empty() {
            None
        } else {
            let started = Watchdog::start(program, workload.engine, &self.workload.id.namespace, &pausable).await;
            started
                .map_err(|why| {
                    notes.push(format!("no pooler is paused, because the process that would resume it did not start: clients connect again, and no write is lost \
                         ({why})"));
                })
                .ok()
        };
        self.note(notes);
        let targets = pausable.into_iter().map(|pooler| pooler.target).collect();
        PoolerPause::new(lock, engine, targets, watchdog, services)
    }

    /// TOUCH. Resumes the paused poolers in front of the workload, where a process died in a switchover and its operation is
    /// resumed or aborted. Returns which poolers, and what went wrong.
    pub async fn resume_poolers(&self, workload: &Workload) -> Vec<String> {
        let engine = self.observer.engine();
        let Some(pooler_control) = engine.pooler_control() else { return Vec::new() };
        let mut notes = Vec::new();
        for pooler in self.poolers(workload).await.paused {
            let (name, pools) = (&pooler.target.endpoint.member, pooler.target.pools.join(", "));
            notes.push(match pooler_control.resume(&pooler.target).await {
                Ok(()) => format!("{pools} of {name} was paused and is resumed"),
                Err(why) => format!("{pools} of {name} is paused and could not be resumed: {why}"),
            });
        }
        notes
    }

    /// TOUCH. Resumes poolers that an earlier switchover of this process has paused and could not resume, and no others.
    async fn resume_still_paused(&self, workload: &Workload) {
        let mut still_paused = self.still_paused.lock().await;
        let engine = self.observer.engine();
        let Some(pooler_control) = engine.pooler_control().filter(|_| !still_paused.is_empty()) else { return };
        for pooler in self.poolers(workload).await.paused {
            let name = &pooler.target.endpoint.member;
            if still_paused.contains(name) && pooler_control.resume(&pooler.target).await.is_ok() {
                still_paused.remove(name);
            }
        }
    }

    pub(super) async fn switch_over(
        &self,
        snapshot: &Snapshot,
        (from, to): (&str, &str),
        lock: &OperationLock,
    ) -> Result<Duration, WorldError> {
        let workload = &snapshot.workload;
        // A pool that this process left paused would be taken for one that another program has paused. Without a primary
        // there is no server to resume it to.
        if snapshot.leads(from) {
            self.resume_still_paused(workload).await;
        }
        let endpoints = self.endpoints.borrow().clone();
        let watchers = self.watchers(&endpoints).await?;
        let services = ServiceRoutes::of(&self.cluster, workload, from, to);
        if snapshot.leads(from) {
            services.wait_until_quiet().await;
        }
        let pause = self.prepare_pause(workload, services, lock).await;
        let engine = self.observer.engine();
        let moved = match engine.switchover() {
            Some(switchover) => switchover.switch_over(&endpoints, &watchers, from, to, &pause).await,
            // The judge refuses it before: such an engine has no primary.
            None => Err(SwitchoverError::Refused {
                member: from.to_owned(),
                why: "its engine has no switchover".to_owned(),
            }),
        };
        let endpoint = |member: &str| endpoints.iter().find(|endpoint| endpoint.member == member);
        // Now, and not once all members agree on the new primary. What fails here the plan's next row does again.
        let resumed = match (&moved, endpoint(from), endpoint(to)) {
            (Ok(_), Some(from), Some(to)) => pause.repoint(from, to).await,
            // It is not known which of the two is the primary: clients are led to no other member.
            (Ok(_) | Err(SwitchoverError::Unknown { .. } | SwitchoverError::LockNotConfirmed(_)), ..) => {
                pause.resume().await
            }
            (Err(_), ..) => pause.revert().await,
        };
        self.note(resumed.notes);
        self.resume_still_paused(workload).await;
        self.still_paused.lock().await.extend(resumed.still_paused);
        Ok(moved?.took)
    }
}
