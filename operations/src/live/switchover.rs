//! TOUCH. A switchover in the real world: its engine's, between a gate that is closed and one that is opened.

use std::time::Duration;

use stateful_cluster::discovery::pods;
use stateful_engines::{Endpoint, SwitchoverError};
use stateful_safety::Workload;

use super::Live;
use super::pooler_pause::PoolerPause;
use super::poolers::{self, Poolers};
use super::service_routing::Signposts;
use super::watchdog::Watchdog;
use crate::{Snapshot, WorldError};

impl Live {
    /// Ways to the servers that watch over the members, if there are any.
    async fn watchers(&self, endpoints: &[Endpoint]) -> Result<Vec<Endpoint>, WorldError> {
        let engine = self.sight.engine();
        let Some(watchers) = engine.watchers() else { return Ok(Vec::new()) };
        let addresses = watchers.watchers(endpoints).await;
        let pods = pods::list_at_addresses(&self.cluster, &self.workload.id.namespace, &addresses).await?;
        Ok(self.sight.watchers(&pods).await)
    }

    /// The poolers in front of the workload.
    async fn poolers(&self, workload: &Workload) -> Poolers {
        match self.sight.engine().pooler_control() {
            Some(pooler_control) => {
                poolers::find(&self.cluster, workload, pooler_control, self.sight.port_forwards()).await
            }
            None => Poolers::default(),
        }
    }

    /// The gate to close while the role moves, with a watchdog at it. What cannot be paused is told, not refused: a
    /// switchover loses nothing without a pause either, clients only have to connect again.
    async fn gate(&self, workload: &Workload, signposts: Signposts) -> PoolerPause {
        let engine = self.sight.engine();
        let Some(program) = &self.watchdog else { return PoolerPause::new(engine, Vec::new(), None, signposts) };
        let Poolers { able, mut notes, .. } = self.poolers(workload).await;
        let watchdog = if able.is_empty() {
            None
        } else {
            let started = Watchdog::start(program, workload.engine, &self.workload.id.namespace, &able).await;
            started.map_err(|why| notes.push(format!("no pooler is paused: nobody would resume it ({why})"))).ok()
        };
        self.note(notes);
        let fronts = able.into_iter().map(|pooler| pooler.front).collect();
        PoolerPause::new(engine, fronts, watchdog, signposts)
    }

    /// TOUCH. Resumes what is paused in front of the workload, for whoever takes up or ends what a dead machine began.
    /// Which poolers, and what went wrong with others.
    pub async fn resume_poolers(&self, workload: &Workload) -> Vec<String> {
        let engine = self.sight.engine();
        let Some(pooler_control) = engine.pooler_control() else { return Vec::new() };
        let mut told = Vec::new();
        for pooler in self.poolers(workload).await.paused {
            let (name, pools) = (&pooler.front.endpoint.member, pooler.front.pools.join(", "));
            told.push(match pooler_control.resume(&pooler.front).await {
                Ok(()) => format!("{pools} of {name} was paused and is resumed"),
                Err(why) => format!("{pools} of {name} is paused and could not be resumed: {why}"),
            });
        }
        told
    }

    /// TOUCH. Resumes what an earlier switchover of ours has paused and could not resume, and nothing that anybody else has.
    async fn resume_left(&self, workload: &Workload) {
        let mut left = self.left.lock().await;
        let engine = self.sight.engine();
        let Some(pooler_control) = engine.pooler_control().filter(|_| !left.is_empty()) else { return };
        for pooler in self.poolers(workload).await.paused {
            let name = &pooler.front.endpoint.member;
            if left.contains(name) && pooler_control.resume(&pooler.front).await.is_ok() {
                left.remove(name);
            }
        }
    }

    pub(super) async fn switch_over(&self, snapshot: &Snapshot, from: &str, to: &str) -> Result<Duration, WorldError> {
        let workload = &snapshot.workload;
        // A pool that is still paused would be taken for somebody else's. While nobody leads, nobody could be served.
        if snapshot.leads(from) {
            self.resume_left(workload).await;
        }
        let endpoints = self.endpoints.borrow().clone();
        let watchers = self.watchers(&endpoints).await?;
        let signposts = Signposts::of(&self.cluster, workload, from, to);
        if snapshot.leads(from) {
            signposts.rested().await;
        }
        let gate = self.gate(workload, signposts).await;
        let engine = self.sight.engine();
        let moved = match engine.switchover() {
            Some(switchover) => switchover.switch_over(&endpoints, &watchers, from, to, &gate).await,
            // The judge refuses it before: no member leads there.
            None => Err(SwitchoverError::Refused {
                member: from.to_owned(),
                why: "its engine has no switchover".to_owned(),
            }),
        };
        let endpoint = |member: &str| endpoints.iter().find(|endpoint| endpoint.member == member);
        // Now and not when everybody has agreed. What fails here the plan's next row does again.
        let opened = match (&moved, endpoint(from), endpoint(to)) {
            (Ok(_), Some(from), Some(to)) => gate.repoint(from, to).await,
            // Who leads is not known: nobody is led anywhere else.
            (Ok(_) | Err(SwitchoverError::Unknown { .. }), ..) => gate.open().await,
            (Err(_), ..) => gate.call_off().await,
        };
        self.note(opened.notes);
        self.resume_left(workload).await;
        self.left.lock().await.extend(opened.left);
        Ok(moved?.took)
    }
}
