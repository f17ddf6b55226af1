//! THINK. The search itself: breadth first, so that the first path found to a state is a shortest one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::{Counterexample, Explored, Kind, Model, Step, Wrong};

/// Visits every state of a model, at most `limit` of them.
///
/// # Errors
/// The shortest path to a state that breaks a rule, or from which there is no way forward.
pub fn explore<M: Model>(model: &M, limit: usize) -> Result<Explored, Box<Counterexample>> {
    let mut visited = Visited { numbers: HashMap::new(), states: Vec::new() };
    // Of each state, those from which a way forward leads to it.
    let mut forward: Vec<Vec<u32>> = Vec::new();
    let mut steps = 0;
    for state in model.initial() {
        visited.add(state, None);
    }
    let mut at = 0;
    while let Some(state) = visited.states.get(at).map(|visited| visited.state.clone()) {
        if let Some(rule) = model.broken_rule(&state) {
            return Err(Box::new(visited.path_to(model, at, Wrong::Rule(rule))));
        }
        if visited.states.len() > limit {
            return Err(Box::new(visited.path_to(model, at, Wrong::TooManyStates(limit))));
        }
        for step in model.steps(&state) {
            steps += 1;
            let next = visited.add(step.next, Some(at));
            if step.kind == Kind::Progress {
                forward.resize(forward.len().max(next + 1), Vec::new());
                forward[next].push(number(at));
            }
        }
        at += 1;
    }
    forward.resize(visited.states.len(), Vec::new());
    match visited.without_way_forward(model, &forward) {
        Some(stuck) => Err(Box::new(visited.path_to(model, stuck, Wrong::NoWayForward))),
        None => Ok(Explored { states: visited.states.len(), steps, depth: visited.depth() }),
    }
}

struct Visited<S> {
    numbers: HashMap<S, u32>,
    states: Vec<VisitedState<S>>,
}

struct VisitedState<S> {
    state: S,
    /// The state from which it was first reached.
    before: Option<u32>,
    depth: u32,
}

impl<S: Clone + Eq + std::hash::Hash + std::fmt::Debug> Visited<S> {
    /// The number of a state, which is a new one where it was not visited before.
    fn add(&mut self, state: S, before: Option<usize>) -> usize {
        let new = number(self.states.len());
        match self.numbers.entry(state) {
            Entry::Occupied(known) => *known.get() as usize,
            Entry::Vacant(place) => {
                let depth = before.map_or(0, |before| self.states[before].depth + 1);
                self.states.push(VisitedState { state: place.key().clone(), before: before.map(number), depth });
                place.insert(new);
                new as usize
            }
        }
    }

    fn depth(&self) -> usize {
        self.states.iter().map(|visited| visited.depth as usize).max().unwrap_or_default()
    }

    /// The first state from which no state can be reached in which all is well: all those from which one can are found backwards.
    fn without_way_forward(&self, model: &impl Model<State = S>, forward: &[Vec<u32>]) -> Option<usize> {
        let mut has_way: Vec<bool> = self.states.iter().map(|visited| model.is_settled(&visited.state)).collect();
        let mut found: Vec<usize> = (0..has_way.len()).filter(|at| has_way[*at]).collect();
        while let Some(at) = found.pop() {
            for before in &forward[at] {
                if !std::mem::replace(&mut has_way[*before as usize], true) {
                    found.push(*before as usize);
                }
            }
        }
        has_way.iter().position(|has_way| !has_way)
    }

    fn path_to(&self, model: &impl Model<State = S>, at: usize, wrong: Wrong) -> Counterexample {
        let mut path = Vec::new();
        let mut last = at;
        while let Some(before) = self.states[last].before {
            let before = before as usize;
            let here = &self.states[last].state;
            let step = model.steps(&self.states[before].state).into_iter().find(|step| step.next == *here);
            path.extend(step.map(|Step { who, what, .. }| (who, what)));
            last = before;
        }
        path.reverse();
        Counterexample { wrong, path, state: format!("{:?}", self.states[at].state) }
    }
}

fn number(at: usize) -> u32 {
    u32::try_from(at).expect("fewer than four thousand million states")
}

#[cfg(test)]
mod tests {
    use super::explore;
    use crate::{Explored, Model, Step, Wrong};

    /// A counter that goes up by one, and by a fault to a number from which nothing leads away.
    struct Counter {
        forbidden: u8,
        fault_at: Option<u8>,
    }

    impl Model for Counter {
        type State = u8;

        fn initial(&self) -> Vec<u8> {
            vec![0]
        }

        fn steps(&self, state: &u8) -> Vec<Step<u8>> {
            let up = (*state < 5).then(|| Step::progress("counter", "goes up", state + 1));
            let fault = (self.fault_at == Some(*state)).then(|| Step::fault("counter", "breaks", 9));
            up.into_iter().chain(fault).collect()
        }

        fn broken_rule(&self, state: &u8) -> Option<&'static str> {
            (*state == self.forbidden).then_some("this number is forbidden")
        }

        fn is_settled(&self, state: &u8) -> bool {
            *state == 5
        }
    }

    #[test]
    fn every_state_is_visited() {
        let explored = explore(&Counter { forbidden: 100, fault_at: None }, 100).expect("nothing is wrong");
        assert_eq!(explored, Explored { states: 6, steps: 5, depth: 5 });
    }

    #[test]
    fn a_broken_rule_is_told_with_the_shortest_path() {
        let found = explore(&Counter { forbidden: 2, fault_at: None }, 100).expect_err("a rule is broken");
        assert_eq!(found.wrong, Wrong::Rule("this number is forbidden"));
        assert_eq!(found.path, [("counter", "goes up"); 2]);
        assert!(found.to_string().contains("  2. counter goes up"), "{found}");
    }

    #[test]
    fn a_state_without_a_way_forward_is_found() {
        let found = explore(&Counter { forbidden: 100, fault_at: Some(3) }, 100).expect_err("it is stuck");
        assert_eq!(found.wrong, Wrong::NoWayForward);
        assert!(found.contains("counter", "breaks"), "{found}");
        assert_eq!(found.state, "9");
    }

    #[test]
    fn an_exploration_that_was_cut_short_proves_nothing() {
        let found = explore(&Counter { forbidden: 100, fault_at: None }, 3).expect_err("there are more");
        assert_eq!(found.wrong, Wrong::TooManyStates(3));
    }
}
