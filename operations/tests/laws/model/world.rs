//! The port, as the model keeps it.

use std::future::pending;
use std::time::Duration;

use stateful_cluster::Error as ClusterError;
use stateful_cluster::changes::rollout::TemplateChange;
use stateful_engines::{BoxFuture, SwitchoverError};
use stateful_operations::journal::{Event, State};
use stateful_operations::{Action, Progress, Snapshot, World, WorldError};
use stateful_safety::{Millis, Rollout, SyncReplication};

use super::controller::SEEING;
use super::{Inside, Model};

/// What goes wrong at one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The call fails; nothing was done.
    FailBefore,
    /// It was done; the answer is an error all the same.
    FailAfter,
    /// The operation's process dies before the call does anything.
    DieBefore,
    /// It dies when the call has been done.
    DieAfter,
    /// From here on the API server is away for so long.
    Away(Millis),
    /// The call's answer gets lost: done, and the API server away for so long.
    AnswerLost(Millis),
    /// The user asks the operation to stop.
    Interrupt,
    /// It dies when a switchover has stopped the old primary and its group has no primary yet; after any other call that is done.
    DieInPause,
    /// The engine does not know how the switchover ended, and its group has no primary.
    LeftInPause,
    /// A group's primary crashes just before, and comes back after a while.
    Crash(usize),
    /// A group's primary fails over by itself, just before.
    FailOver(usize),
    /// Another client sets the update strategy back to what it was, just before.
    SetBack,
    /// Another client, such as the controller of a Git repository, declares so many members, just before.
    Scaled(usize),
}

/// What became of a call.
enum Met<T> {
    Answer(Result<T, WorldError>),
    Dead,
}

impl Model {
    /// One call: the script has its say, time passes, then it is done or not.
    fn call<T>(&self, takes: Millis, effect: impl FnOnce(&mut Inside) -> Result<T, WorldError>) -> Met<T> {
        let mut inside = self.inside();
        inside.calls += 1;
        let fault = inside.script.iter().find(|(call, _)| *call == inside.calls).map(|(_, fault)| *fault);
        inside.advance(takes);
        match fault {
            Some(Fault::DieBefore) => return Met::Dead,
            Some(Fault::FailBefore) => return Met::Answer(Err(refused())),
            Some(Fault::Away(millis)) => inside.unreachable_until = inside.now + millis,
            Some(Fault::FailOver(group)) => {
                inside.fail_over(group);
            }
            Some(Fault::Crash(group)) => inside.crash(group),
            Some(Fault::DieInPause | Fault::LeftInPause) => inside.left_in_the_pause = true,
            Some(Fault::SetBack) => inside.rollout = Rollout::RollingUpdate { partition: 0, max_unavailable: None },
            Some(Fault::Scaled(replicas)) if inside.replicas != replicas => inside.scale(replicas, "another client"),
            Some(Fault::Scaled(_)) => {}
            Some(Fault::FailAfter | Fault::DieAfter | Fault::AnswerLost(_) | Fault::Interrupt) | None => {}
        }
        if inside.unreachable_until > inside.now {
            return Met::Answer(Err(away()));
        }
        let answer = effect(&mut inside);
        inside.left_in_the_pause = false;
        match fault {
            Some(Fault::DieAfter | Fault::DieInPause) => Met::Dead,
            Some(Fault::FailAfter) => Met::Answer(Err(refused())),
            Some(Fault::AnswerLost(millis)) => {
                inside.unreachable_until = inside.now + millis;
                Met::Answer(Err(away()))
            }
            Some(Fault::Interrupt) => {
                inside.stop = true;
                Met::Answer(answer)
            }
            Some(
                Fault::DieBefore
                | Fault::FailBefore
                | Fault::Away(_)
                | Fault::LeftInPause
                | Fault::Crash(_)
                | Fault::FailOver(_)
                | Fault::SetBack
                | Fault::Scaled(_),
            )
            | None => Met::Answer(answer),
        }
    }
}

fn refused() -> WorldError {
    ClusterError::Refused { code: 500, message: "something broke".to_owned() }.into()
}

fn away() -> WorldError {
    ClusterError::Unreachable("connection refused".to_owned()).into()
}

async fn met<T>(met: Met<T>) -> Result<T, WorldError> {
    match met {
        Met::Answer(answer) => answer,
        Met::Dead => pending().await, // the executor drops the run, which never continues
    }
}

impl World for Model {
    fn observe(&self) -> BoxFuture<'_, Result<Snapshot, WorldError>> {
        Box::pin(met(self.call(30, |inside| {
            let call = inside.calls;
            inside.snapshots.push(call);
            if let Some(group) = inside.trouble.flapping {
                inside.fail_over(group);
            }
            inside.watch.looked();
            Ok(inside.snapshot())
        })))
    }

    fn act<'a>(
        &'a self,
        action: &'a Action,
        _snapshot: &'a Snapshot,
    ) -> BoxFuture<'a, Result<Option<Duration>, WorldError>> {
        Box::pin(met(self.call(20, |inside| inside.perform(action))))
    }

    fn record<'a>(&'a self, event: &'a Event) -> BoxFuture<'a, Result<(), WorldError>> {
        let kept = self.call(10, |inside| {
            inside.keep(event);
            Ok(())
        });
        // As the cluster's own records: while the API server is away a line is tried again, and not written twice.
        let kept = match kept {
            Met::Answer(Err(WorldError::Cluster(ClusterError::Unreachable(_)))) => {
                let mut inside = self.inside();
                let wait = inside.unreachable_until - inside.now;
                inside.advance(wait);
                if !inside.has_kept(event) {
                    inside.keep(event);
                }
                Met::Answer(Ok(()))
            }
            other @ (Met::Answer(_) | Met::Dead) => other,
        };
        Box::pin(met(kept))
    }

    fn report(&self, progress: Progress) {
        self.inside().reported.push(progress.what);
    }

    fn now(&self) -> Millis {
        self.inside().now
    }

    fn pause(&self, duration: Duration) -> BoxFuture<'_, bool> {
        let mut inside = self.inside();
        if !inside.stop {
            inside.advance(Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX));
        }
        let stop = inside.stop;
        Box::pin(async move { stop })
    }
}

impl Inside {
    fn perform(&mut self, action: &Action) -> Result<Option<Duration>, WorldError> {
        self.watch_act(action);
        match action {
            Action::HoldRollout => self.rollout = Rollout::OnDelete,
            Action::ReleaseRollout(before) => self.rollout = before.clone(),
            Action::AddMember { replicas } => {
                self.watch_scaling(*replicas, self.replicas + 1);
                self.scale(*replicas, "the operation");
            }
            Action::RemoveMember { member, uid, replicas } => {
                self.watch_scaling(*replicas + 1, self.replicas);
                if self.pods.last().is_none_or(|last| last.name != *member || last.uid != *uid) {
                    self.breaks(&format!("scaling back to {replicas} takes another than {member}"));
                }
                self.scale(*replicas, "the operation");
            }
            Action::ChangeTemplate(change) => {
                let before = self.revision();
                match change {
                    TemplateChange::Image { image, .. } => self.image.clone_from(image),
                    TemplateChange::Restart { at } => self.restarted_at = Some(at.clone()),
                }
                if self.revision() != before {
                    self.observed_at = self.now + SEEING;
                }
            }
            Action::Evict { member, uid } => {
                if self.now < self.trouble.budget_until {
                    return Err(WorldError::NotGranted("the budget shop/redis allows none".to_owned()));
                }
                if let Some(index) = self.pods.iter().position(|pod| pod.name == *member && pod.uid == *uid) {
                    self.end(index, "the operation");
                }
            }
            Action::BeginTemporarySync => self.synchrony = SyncReplication::ForTheDuration,
            Action::EndTemporarySync => self.synchrony = SyncReplication::Asynchronous,
            Action::Finalize(release) => self.features = Some(release.clone()),
            Action::SwitchOver { from, to } => return self.switch_over(from, to).map(Some),
            // A switchover here does not lead clients along by itself, as if that had failed: the row must.
            Action::RouteClients { to, .. } => self.routed = Some(to.clone()),
        }
        Ok(None)
    }

    fn switch_over(&mut self, from: &str, to: &str) -> Result<Duration, WorldError> {
        let position = |name: &str| self.pods.iter().position(|pod| pod.name == name);
        let (Some(from), Some(to)) = (position(from), position(to)) else {
            return Err(no(to, "it is not there"));
        };
        if self.fences {
            return self.switch_over_by_fence(from, to);
        }
        if self.lacks_primary(self.pods[from].group) {
            self.watch_finishing(from, to);
        }
        self.may_switch_over(from, to)?;
        self.promote(to);
        Ok(Duration::from_millis(120))
    }

    /// Whether the engine begins a switchover.
    pub(super) fn may_switch_over(&mut self, from: usize, to: usize) -> Result<(), WorldError> {
        let name = self.pods[to].name.clone();
        if !self.pods[from].leads || self.pods[from].group != self.pods[to].group {
            return Err(no(&name, "it is no replica of that master"));
        }
        self.watch_switchover(from, to);
        if self.trouble.refused_switchovers > 0 {
            self.trouble.refused_switchovers -= 1;
            return Err(no(&name, "the manual failover timed out"));
        }
        if !self.is_well(&self.pods[to]) {
            return Err(no(&name, "its link to its master is down"));
        }
        Ok(())
    }

    /// Keeps a line, as text, and makes sure that it may follow.
    pub(super) fn keep(&mut self, event: &Event) {
        match State::next(self.state, &event.what) {
            Ok(state) => self.state = Some(state),
            Err(why) => self.breaks(&format!("the journal: {why}")),
        }
        self.watch.recorded(&event.what);
        self.journal.push(text(event));
    }

    fn has_kept(&self, event: &Event) -> bool {
        self.journal.last() == Some(&text(event))
    }
}

fn no(member: &str, why: &str) -> WorldError {
    SwitchoverError::Refused { member: member.to_owned(), why: why.to_owned() }.into()
}

fn text(event: &Event) -> String {
    serde_json::to_string(event).expect("an event is data")
}
