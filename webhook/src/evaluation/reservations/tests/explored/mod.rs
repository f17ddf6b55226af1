//! The guard's reservations, explored exhaustively: two replicas of the guard, a primary and two replicas of a database, evictions that
//! are allowed and carried out late or never, and guards that die. `docs/model.md` says what is assumed.

mod guard;
mod pods;
mod request;
mod world;

use std::time::{Duration, Instant};

use stateful_explorer::{Model, Step, Wrong, explore};

use guard::Phase;
use pods::Pods;
use world::World;

const LIMIT: usize = 1_000_000;

/// How the guard may decide: as it does, or with one of its measures taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measures {
    All,
    /// What is reserved does not count as absent.
    NoReservations,
    /// Records are written whether or not another replica of the guard has written them since they were read.
    NoVersions,
}

struct Evictions {
    measures: Measures,
    pods: Pods,
    /// How often the guards are asked for an eviction, and how often one of them dies.
    requests: u8,
    deaths: u8,
}

impl Evictions {
    fn new(measures: Measures) -> Self {
        Self { measures, pods: Pods::new(Instant::now() + Duration::from_hours(1)), requests: 3, deaths: 1 }
    }
}

impl Model for Evictions {
    type State = World;

    fn initial(&self) -> Vec<World> {
        vec![World::new(self.requests, self.deaths)]
    }

    fn steps(&self, world: &World) -> Vec<Step<World>> {
        let mut steps = world.what_happens_to_pods();
        for index in 0..world.guards.len() {
            request::steps(index, world, &self.pods, self.measures, &mut steps);
        }
        steps
    }

    fn broken_rule(&self, world: &World) -> Option<&'static str> {
        let missing = world.pods.iter().filter(|pod| !pod.is_well()).count();
        (missing > 1).then_some("two members are missing at the same time")
    }

    fn is_settled(&self, world: &World) -> bool {
        let quiet = world.guards.iter().all(|guard| guard.phase == Phase::Idle);
        quiet && world.pods.iter().all(|pod| pod.is_well()) && world.admitted.iter().all(Option::is_none)
    }
}

#[test]
fn two_evictions_that_are_fatal_together_are_never_both_allowed() {
    let explored = explore(&Evictions::new(Measures::All), LIMIT).unwrap_or_else(|found| unreachable!("{found}"));
    assert!(explored.states > 50_000, "the model has shrunk: {explored:?}");
}

#[test]
#[ignore = "takes minutes: `make explore`"]
fn the_same_with_more_requests_and_more_deaths() {
    let large = Evictions { requests: 4, deaths: 2, ..Evictions::new(Measures::All) };
    let explored = explore(&large, 10 * LIMIT).unwrap_or_else(|found| unreachable!("{found}"));
    assert!(explored.states > 10_000, "the model has shrunk: {explored:?}");
}

#[test]
fn without_reservations_and_without_versions_two_evictions_that_are_fatal_together_are_found() {
    for measures in [Measures::NoReservations, Measures::NoVersions] {
        let found = explore(&Evictions::new(measures), LIMIT).expect_err("two members are missing");
        assert_eq!(found.wrong, Wrong::Rule("two members are missing at the same time"), "{measures:?}: {found}");
    }
}
