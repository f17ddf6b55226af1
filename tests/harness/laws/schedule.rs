//! Which laws run now. Most of a law's time is waiting for pods, so several run at once; what a law needs for itself it waits for:
//!
//! - a **turn**: at most so many laws run at once;
//! - the **guard**, shared by laws that only need it installed, or alone for a law that stops, kills or uninstalls it;
//! - the **nodes**, for a law that cordons or disconnects one: one law at a time;
//! - **quiet**, for the part of a law that measures how long clients wait: no other law runs meanwhile.
//!
//! A law that waits holds no turn, so that its database can be deployed beside other laws and wait there for quiet. Laws wait for
//! quiet until a few of them do, or nothing else can run: then no other law begins, and they measure one after another.
//!
//! No law waits for ever: each asks for the guard first, then the nodes, and for quiet last (`Context::wait_for` holds
//! it to that). What a law waits for is not given to laws that come after it in the list.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// How many laws wait for quiet until the others make room. Each time the machine is partly idle until the running laws have ended.
const QUIET_TOGETHER: usize = 3;

/// What a law asks for, in the order in which it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    Turn,
    SharedGuard,
    OwnGuard,
    Nodes,
    Quiet,
}

/// The place of a law in the queue: laws of groups that have begun come first, since these have databases; then in the order of the
/// list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) is_groups_first: bool,
    pub(super) position: usize,
}

/// All laws of this process.
#[derive(Debug)]
pub(super) struct Schedule {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    at_once: usize,
    /// Laws that have a turn and wait for nothing.
    running: usize,
    waiting: Vec<(Place, Need)>,
    /// Laws that use the guard beside others.
    guard_users: usize,
    /// What one law has alone: the guard, the nodes, quiet.
    owned: BTreeSet<Need>,
    /// No other law begins until none waits for quiet any more.
    making_room: bool,
}

/// What a law was granted, until it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    schedule: Arc<Schedule>,
    need: Need,
}

/// The turn of a law, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    schedule: Arc<Schedule>,
    place: Place,
}

impl Schedule {
    pub(super) fn new(at_once: usize) -> Arc<Self> {
        let state = State {
            at_once,
            running: 0,
            waiting: Vec::new(),
            guard_users: 0,
            owned: BTreeSet::new(),
            making_room: false,
        };
        Arc::new(Self { state: Mutex::new(state), changed: Notify::new() })
    }

    /// Waits for a turn.
    pub(super) async fn turn(self: &Arc<Self>, place: Place) -> Turn {
        self.wait(place, Need::Turn).await;
        Turn { schedule: Arc::clone(self), place }
    }

    async fn wait(&self, place: Place, need: Need) {
        self.state().waiting.push((place, need));
        let mut waiter = Waiter { schedule: self, entry: Some((place, need)) };
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // Registered before the state is read, so that a change right after it wakes this law.
            changed.as_mut().enable();
            if self.state().grant(place, need) {
                waiter.entry = None;
                // The next one may be granted what it waits for at the same time.
                self.changed.notify_waiters();
                return;
            }
            changed.await;
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_waiters();
    }

    /// A law that panicked left the state whole: each change is made in one go.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Waits for something more, and gives up the turn until it is granted.
    pub(super) async fn wait_for(&mut self, need: Need) -> Held {
        self.schedule.change(|state| state.running -= 1);
        let waiting = self.schedule.wait(self.place, need);
        let mut paused = Paused { schedule: &self.schedule, interrupted: true };
        waiting.await;
        paused.interrupted = false;
        Held { schedule: Arc::clone(&self.schedule), need }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.schedule.change(|state| state.running -= 1);
    }
}

impl Held {
    pub(super) fn need(&self) -> Need {
        self.need
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.schedule.change(|state| state.release(self.need));
    }
}

/// A law that gave up its turn to wait. Where it is interrupted, the turn is counted again, since dropping the turn takes it off.
struct Paused<'a> {
    schedule: &'a Schedule,
    interrupted: bool,
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        if self.interrupted {
            self.schedule.change(|state| state.running += 1);
        }
    }
}

/// A law in the queue. Where it is interrupted, it leaves the queue.
struct Waiter<'a> {
    schedule: &'a Schedule,
    entry: Option<(Place, Need)>,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            self.schedule.change(|state| state.leave(entry));
        }
    }
}

impl State {
    /// Grants a law in the queue what it waits for if it is its time. Whether it was.
    fn grant(&mut self, place: Place, need: Need) -> bool {
        if self.next() != Some((place, need)) {
            return false;
        }
        self.leave((place, need));
        self.running += 1;
        match need {
            Need::Turn => {}
            Need::SharedGuard => self.guard_users += 1,
            Need::OwnGuard | Need::Nodes | Need::Quiet => drop(self.owned.insert(need)),
        }
        true
    }

    /// Whose time it is, if anybody's.
    fn next(&mut self) -> Option<(Place, Need)> {
        if self.owned.contains(&Need::Quiet) {
            return None;
        }
        let waits_for_quiet = self.waiting.iter().filter(|(_, need)| *need == Need::Quiet).count();
        self.making_room = waits_for_quiet > 0 && (self.making_room || waits_for_quiet >= QUIET_TOGETHER);
        let for_quiet = || self.waiting.iter().filter(|(_, need)| *need == Need::Quiet).min().copied();
        let other = || self.waiting.iter().filter(|(place, need)| self.is_free(*place, *need)).min().copied();
        match if self.making_room { None } else { other() } {
            Some(other) => (self.running < self.at_once).then_some(other),
            None if self.running == 0 => for_quiet(),
            None => None,
        }
    }

    /// Whether what a law needs is free, and no law that comes first waits to have it alone.
    fn is_free(&self, place: Place, need: Need) -> bool {
        let waits_first = |owner: Need| self.waiting.iter().any(|(first, need)| *need == owner && *first < place);
        match need {
            Need::Turn => true,
            Need::SharedGuard => !self.owned.contains(&Need::OwnGuard) && !waits_first(Need::OwnGuard),
            Need::OwnGuard => !self.owned.contains(&need) && self.guard_users == 0,
            Need::Nodes => !self.owned.contains(&need),
            Need::Quiet => false, // granted where nothing else is
        }
    }

    fn leave(&mut self, entry: (Place, Need)) {
        if let Some(at) = self.waiting.iter().position(|waiting| *waiting == entry) {
            self.waiting.remove(at);
        }
    }

    fn release(&mut self, need: Need) {
        match need {
            Need::Turn => {}
            Need::SharedGuard => self.guard_users -= 1,
            Need::OwnGuard | Need::Nodes | Need::Quiet => drop(self.owned.remove(&need)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt;

    use super::{Need, Place, Schedule, Turn};

    fn place(position: usize) -> Place {
        Place { is_groups_first: true, position }
    }

    /// The turn, if it is granted at once.
    fn now(schedule: &Arc<Schedule>, position: usize) -> Option<Turn> {
        schedule.turn(place(position)).now_or_never()
    }

    #[test]
    fn no_more_laws_run_at_once_than_may() {
        let schedule = Schedule::new(2);
        let (first, second) = (now(&schedule, 0), now(&schedule, 1));
        assert!(first.is_some() && second.is_some());
        assert!(now(&schedule, 2).is_none(), "two run");
        drop(first);
        assert!(now(&schedule, 2).is_some());
    }

    #[test]
    fn a_law_that_measures_is_alone_and_has_its_turn_back_afterwards() {
        let schedule = Schedule::new(3);
        let (mut measures, other) = (now(&schedule, 0).expect("a turn"), now(&schedule, 1));
        assert!(measures.wait_for(Need::Quiet).now_or_never().is_none(), "another law runs");
        drop(other);
        let quiet = measures.wait_for(Need::Quiet).now_or_never().expect("quiet");
        assert!(now(&schedule, 2).is_none(), "a law measures");
        drop(quiet);
        assert!(now(&schedule, 2).is_some());
        drop(measures);
        assert_eq!(schedule.state().running, 0);
    }

    #[test]
    fn once_a_few_laws_wait_for_quiet_no_other_begins_until_all_of_them_have_measured() {
        let schedule = Schedule::new(5);
        let running = now(&schedule, 9).expect("a turn");
        let turns = (0..3).map(|position| now(&schedule, position).expect("a turn"));
        let measure = |mut turn: Turn| async move { drop(turn.wait_for(Need::Quiet).await) };
        let mut waiting: Vec<_> = turns.map(|turn| measure(turn).boxed_local()).collect();
        for wait in &mut waiting[..2] {
            assert!(wait.now_or_never().is_none());
        }
        let another = now(&schedule, 4);
        assert!(another.is_some(), "two are too few to make room for");
        assert!((&mut waiting[2]).now_or_never().is_none());
        drop(another);
        assert!(now(&schedule, 4).is_none(), "three wait for quiet");
        drop(running);
        for wait in &mut waiting {
            assert!(now(&schedule, 4).is_none(), "not all of them have measured");
            wait.now_or_never().expect("quiet");
        }
        assert!(now(&schedule, 4).is_some());
    }

    #[test]
    fn the_guard_is_shared_or_owned_and_the_nodes_are_one_laws() {
        let schedule = Schedule::new(9);
        let mut turns: Vec<Turn> = (0..4).map(|position| now(&schedule, position).expect("a turn")).collect();
        let [one, two, three, four] = &mut turns[..] else { unreachable!() };
        let shared = (one.wait_for(Need::SharedGuard).now_or_never(), two.wait_for(Need::SharedGuard).now_or_never());
        assert!(shared.0.is_some() && shared.1.is_some());
        assert!(three.wait_for(Need::OwnGuard).now_or_never().is_none(), "two laws use it");
        drop(shared);
        let owned = three.wait_for(Need::OwnGuard).now_or_never().expect("the guard");
        assert!(four.wait_for(Need::SharedGuard).now_or_never().is_none(), "a law owns it");
        drop(owned);
        let shared = four.wait_for(Need::SharedGuard).now_or_never();
        let mut owner = one.wait_for(Need::OwnGuard).boxed_local();
        assert!((&mut owner).now_or_never().is_none(), "a law uses it");
        assert!(two.wait_for(Need::SharedGuard).now_or_never().is_none(), "the first law of all waits to own it");
        drop(shared);
        drop(owner.now_or_never().expect("the guard"));
        let nodes = four.wait_for(Need::Nodes).now_or_never().expect("the nodes");
        assert!(one.wait_for(Need::Nodes).now_or_never().is_none(), "another law has them");
        drop(nodes);
        assert!(one.wait_for(Need::Nodes).now_or_never().is_some());
        drop(turns);
        assert_eq!(schedule.state().running, 0, "a law that stopped waiting keeps no turn");
    }

    #[test]
    fn a_law_of_a_group_that_has_begun_comes_before_one_of_a_group_that_has_not() {
        let schedule = Schedule::new(1);
        let running = now(&schedule, 0);
        let mut first = schedule.turn(place(1)).boxed_local();
        let mut next = schedule.turn(Place { is_groups_first: false, position: 2 }).boxed_local();
        assert!((&mut first).now_or_never().is_none() && (&mut next).now_or_never().is_none());
        drop(running);
        assert!((&mut first).now_or_never().is_none());
        assert!(next.now_or_never().is_some());
    }
}
