//! The decisions of the operation lock, explored exhaustively: two operations that want one lock, while requests and answers come late,
//! processes die or are suspended, and the API server does not answer. `docs/model.md` says what is assumed.

mod operation;

use std::time::Duration;

use stateful_explorer::{Model, Step, Wrong, explore};

use operation::{Age, Operation};

const LIMIT: usize = 1_000_000;

/// What the clock goes forward by at once.
const TICK: Duration = Duration::from_secs(2);

/// From when on the holder counts the time since a renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CountsFrom {
    /// From when it was asked for.
    Request,
    /// From when its answer came, as before.
    Answer,
}

/// Two operations, and the Lease as far as each of them is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct World {
    operations: [Operation; 2],
    /// Which operation the Lease names.
    holder: Option<usize>,
}

struct Lock {
    counts_from: CountsFrom,
}

const NAMES: [&str; 2] = ["ana's operation", "bert's operation"];

impl World {
    fn with(mut self, index: usize, operation: Operation) -> Self {
        self.operations[index] = operation;
        self
    }

    /// The Lease is written by an operation: what the others know of it is old now.
    fn written_by(mut self, index: usize, holder: Option<usize>) -> Self {
        let is_new = self.holder != holder;
        self.holder = holder;
        for (at, operation) in self.operations.iter_mut().enumerate() {
            operation.forget_version(at != index && is_new);
        }
        self
    }
}

impl Model for Lock {
    type State = World;

    fn initial(&self) -> Vec<World> {
        vec![World { operations: [Operation::Ended; 2], holder: None }]
    }

    fn steps(&self, world: &World) -> Vec<Step<World>> {
        let mut steps = Vec::new();
        let mut later = *world;
        for operation in &mut later.operations {
            operation.grow_older();
        }
        steps.push(Step::progress("the clock", "goes on by 2 s", later));
        for (index, operation) in world.operations.iter().enumerate() {
            operation.steps(index, world, self.counts_from, &mut steps);
        }
        steps
    }

    fn broken_rule(&self, world: &World) -> Option<&'static str> {
        let acting = world.operations.iter().filter(|operation| operation.may_act()).count();
        (acting > 1).then_some("two operations may change the database at the same time")
    }

    fn is_settled(&self, world: &World) -> bool {
        world.operations.iter().any(|operation| operation.may_act())
    }
}

#[test]
fn two_operations_never_hold_a_lock_at_the_same_time_and_one_can_always_take_it() {
    let explored = explore(&Lock { counts_from: CountsFrom::Request }, LIMIT);
    let explored = explored.unwrap_or_else(|found| unreachable!("{found}"));
    assert!(explored.states > 1_000, "the model has shrunk: {explored:?}");
}

#[test]
fn a_lock_that_is_trusted_from_when_the_answer_came_is_found() {
    let found = explore(&Lock { counts_from: CountsFrom::Answer }, LIMIT).expect_err("two holders");
    assert_eq!(found.wrong, Wrong::Rule("two operations may change the database at the same time"), "{found}");
}

/// No age above this makes a difference.
const OLD: Age = 6;
