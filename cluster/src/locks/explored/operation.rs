//! THINK, for tests. One operation and its lock, step by step: each request reaches the API server, and each answer the operation, at a
//! moment of its own, or never.

use std::time::Duration;

use jiff::Timestamp;
use stateful_explorer::Step;

use super::{CountsFrom, NAMES, OLD, TICK, World};
use crate::locks::lease::{Site, is_same_holding, lease};
use crate::locks::trust::{TRUSTED_FOR, Trust, is_free, trust};

/// Time, in ticks.
pub(super) type Age = u8;

fn time(age: Age) -> Duration {
    TICK * u32::from(age)
}

/// A request to write the Lease, with the version it was read with as its condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Request {
    /// Since it was sent.
    age: Age,
    /// Whether the Lease still has that version.
    is_current: bool,
    /// Whether the API server has carried it out; its answer is on the way then.
    carried_out: Option<bool>,
}

impl Request {
    const fn new(is_current: bool) -> Self {
        Self { age: 0, is_current, carried_out: None }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Operation {
    /// It does not run.
    Ended,
    /// It waits for the lock, and has watched this version of the Lease for so long.
    Waiting { unchanged_for: Option<Age> },
    /// It has asked to be the holder.
    Taking { request: Request },
    /// It holds the lock, as far as it knows.
    Holding { renewed: Age, lost: bool, knows_version: bool, is_holder: bool, request: Option<Request> },
}

impl Operation {
    /// Whether it would change something now: `OperationLock::confirm`.
    pub(super) fn may_act(self) -> bool {
        match self {
            Self::Ended | Self::Waiting { .. } | Self::Taking { .. } => false,
            Self::Holding { renewed, lost, .. } => trust(lost, time(renewed)) == Trust::Holds,
        }
    }

    pub(super) fn grow_older(&mut self) {
        let older = |age: &mut Age| *age = OLD.min(*age + 1);
        match self {
            Self::Ended | Self::Waiting { unchanged_for: None } => {}
            Self::Waiting { unchanged_for: Some(age) } | Self::Taking { request: Request { age, .. } } => older(age),
            Self::Holding { renewed, request, .. } => {
                older(renewed);
                if let Some(request) = request {
                    older(&mut request.age);
                }
            }
        }
    }

    /// The Lease was written: the version that this operation knows is an old one. `replaced` says whether by a new holder.
    pub(super) fn forget_version(&mut self, replaced: bool) {
        match self {
            Self::Ended => {}
            Self::Waiting { unchanged_for } => *unchanged_for = None,
            Self::Taking { request } => request.is_current = false,
            Self::Holding { knows_version, is_holder, request, .. } => {
                *knows_version = false;
                *is_holder &= !replaced;
                if let Some(request) = request {
                    request.is_current = false;
                }
            }
        }
    }

    pub(super) fn steps(self, index: usize, world: &World, counts_from: CountsFrom, steps: &mut Vec<Step<World>>) {
        let name = NAMES[index];
        let to = |operation: Self| world.with(index, operation);
        if self != Self::Ended {
            steps.push(Step::fault(name, "is killed", to(Self::Ended)));
        }
        match self {
            Self::Ended => steps.push(Step::progress(name, "starts", to(Self::Waiting { unchanged_for: None }))),
            Self::Waiting { unchanged_for } => {
                let unchanged_for = unchanged_for.unwrap_or(0);
                let next = if is_free(world.holder.is_some(), time(unchanged_for)) {
                    Self::Taking { request: Request::new(true) }
                } else {
                    Self::Waiting { unchanged_for: Some(unchanged_for) }
                };
                steps.push(Step::progress(name, "reads the Lease", to(next)));
            }
            Self::Taking { request } => {
                let made = |request| Self::Taking { request };
                carry_out(request, index, world, made, steps);
                match request.carried_out {
                    None => {}
                    Some(true) => {
                        let renewed = counted(request, counts_from);
                        // Whether it was written again meanwhile is not known here: that it was its own is.
                        let is_holder = world.holder == Some(index);
                        let (lost, request) = (false, None);
                        let next = Self::Holding { renewed, lost, knows_version: is_holder, is_holder, request };
                        steps.push(Step::progress(name, "learns that it holds the lock", to(next)));
                    }
                    Some(false) => {
                        steps.push(Step::progress(
                            name,
                            "learns that another was faster",
                            to(Self::Waiting { unchanged_for: None }),
                        ));
                    }
                }
            }
            Self::Holding { renewed, lost, knows_version, is_holder, request: None } => {
                if !lost {
                    let request = Some(Request::new(knows_version));
                    let next = Self::Holding { renewed, lost, knows_version, is_holder, request };
                    steps.push(Step::progress(name, "asks for a renewal", to(next)));
                }
                let released = world.with(index, Self::Ended);
                let released = if knows_version { released.written_by(index, None) } else { released };
                steps.push(Step::progress(name, "ends and releases the lock", released));
            }
            Self::Holding { renewed, lost, knows_version, is_holder, request: Some(request) } => {
                // It does not know the version that it has written itself before it has the answer.
                let made = |request: Request| {
                    let knows_version = knows_version && request.carried_out != Some(true);
                    Self::Holding { renewed, lost, knows_version, is_holder, request: Some(request) }
                };
                carry_out(request, index, world, made, steps);
                let gives_up = Self::Holding { renewed, lost, knows_version, is_holder, request: None };
                if time(request.age) >= TRUSTED_FOR {
                    steps.push(Step::progress(name, "waits for the answer no longer", to(gives_up)));
                }
                let holding = |renewed, lost, knows_version| Self::Holding {
                    renewed,
                    lost,
                    knows_version,
                    is_holder,
                    request: None,
                };
                match request.carried_out {
                    None => {}
                    Some(true) => {
                        let next = holding(counted(request, counts_from), lost, is_holder);
                        steps.push(Step::progress(name, "learns that it has renewed the lock", to(next)));
                    }
                    // It reads the Lease: its own renewal, whose answer was lost, or another holder.
                    Some(false) if is_same(is_holder) => {
                        let again = Request { age: request.age, ..Request::new(true) };
                        steps.push(Step::progress(name, "finds its own renewal and asks again", to(made(again))));
                    }
                    Some(false) => {
                        steps.push(Step::progress(
                            name,
                            "learns that it has lost the lock",
                            to(holding(renewed, true, false)),
                        ));
                    }
                }
            }
        }
    }
}

/// The API server carries a request out, where the Lease still has the version that it was sent with.
fn carry_out(
    request: Request,
    index: usize,
    world: &World,
    made: impl Fn(Request) -> Operation,
    steps: &mut Vec<Step<World>>,
) {
    if request.carried_out.is_some() {
        return;
    }
    let next = if request.is_current { world.written_by(index, Some(index)) } else { *world };
    let done = made(Request { carried_out: Some(request.is_current), ..request });
    let what = if request.is_current { "is the Lease's holder" } else { "is refused: the Lease has another version" };
    steps.push(Step::progress(NAMES[index], what, next.with(index, done)));
}

const fn counted(request: Request, counts_from: CountsFrom) -> Age {
    match counts_from {
        CountsFrom::Request => request.age,
        CountsFrom::Answer => 0,
    }
}

/// Whether the Lease that is there is of the same holding, as the production code compares them.
fn is_same(is_holder: bool) -> bool {
    let site = Site { namespace: String::new(), name: String::new(), owner: None, shown: String::new() };
    let mut own = lease(&site, "ana", Timestamp::UNIX_EPOCH, None);
    own.metadata.uid = Some("1".to_owned());
    let there = if is_holder { own.clone() } else { lease(&site, "bert", Timestamp::UNIX_EPOCH, Some(&own)) };
    is_same_holding(&there, &own)
}
