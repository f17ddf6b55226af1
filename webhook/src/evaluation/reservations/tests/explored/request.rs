//! THINK, for tests. One replica of the guard that is asked for evictions, step by step: it reads the records, then the pods, judges, and
//! writes the records.

use std::collections::HashMap;

use stateful_explorer::Step;
use stateful_safety::{Disruption, JudgeInput, Policy, everyone_in_sync, judge};

use super::Measures;
use super::guard::{Guard, Phase};
use super::pods::{Life, NAMES, PODS, Pods, TICK};
use super::world::World;
use crate::evaluation::reservations::{FirstSeen, find_absent};

const GUARDS: [&str; 2] = ["guard 1", "guard 2"];

/// What a replica of the guard may do next.
pub(super) fn steps(index: usize, world: &World, pods: &Pods, measures: Measures, steps: &mut Vec<Step<World>>) {
    let guard = world.guards[index];
    let name = GUARDS[index];
    let to = |guard: Guard| {
        let mut next = *world;
        next.guards[index] = guard;
        next
    };
    if guard.observed != Some(world.pods) {
        steps.push(Step::progress(name, "asks the database", to(Guard { observed: Some(world.pods), ..guard })));
    }
    if world.deaths_left > 0 && (guard.phase, guard.first_seen) != (Phase::Idle, [None; PODS]) {
        let next =
            World { deaths_left: world.deaths_left - 1, ..to(Guard { observed: guard.observed, ..Guard::new() }) };
        steps.push(Step::fault(name, "dies, and another takes its place", next));
    }
    match guard.phase {
        // The judge refuses the primary; a new pod is not asked for again, which keeps the model small.
        Phase::Idle => {
            let asked = |guard| World { requests_left: world.requests_left.saturating_sub(1), ..to(guard) };
            for (pod, what) in [(1, "is asked to evict redis-1"), (2, "is asked to evict redis-2")] {
                if world.requests_left > 0 && !world.pods[pod].is_new && world.pods[pod].life == Life::Running {
                    let phase = Phase::HasRead { pod, records: world.records, is_current: true };
                    steps.push(Step::fault(name, what, asked(Guard { phase, ..guard })));
                }
            }
        }
        Phase::HasRead { pod, records, is_current } => {
            let mut next = guard;
            next.phase = if allows(&mut next, pod, records, world, pods, measures) {
                Phase::Allows { pod, records, is_current }
            } else {
                Phase::Idle
            };
            let what = if next.phase == Phase::Idle { "refuses" } else { "finds no reason against it" };
            steps.push(Step::progress(name, what, to(next)));
        }
        Phase::Allows { is_current: false, .. } if measures != Measures::NoVersions => {
            let next = to(Guard { phase: Phase::Idle, ..guard });
            steps.push(Step::progress(name, "finds that another wrote first", next));
        }
        Phase::Allows { pod, mut records, .. } => {
            records[pod] = true;
            let mut written = to(Guard { phase: Phase::Idle, ..guard });
            written.records = records;
            for other in &mut written.guards {
                other.first_seen[pod] = None;
                if let Phase::HasRead { is_current, .. } | Phase::Allows { is_current, .. } = &mut other.phase {
                    *is_current = false;
                }
            }
            steps.push(Step::fault(name, "writes its record, and the answer is lost", written));
            written.admitted[pod] = Some(0);
            steps.push(Step::progress(name, "writes its record and allows it", written));
        }
    }
}

/// The production code's answer, on a fresh list of the pods.
fn allows(
    guard: &mut Guard,
    pod: usize,
    records: [bool; PODS],
    world: &World,
    pods: &Pods,
    measures: Measures,
) -> bool {
    let records = pods.records(records);
    let workload = pods.workload(&world.pods);
    let observation = pods.observation(&guard.observed.unwrap_or(world.pods), u8::from(guard.observed.is_none()));
    let mut first_seen = HashMap::new();
    for (at, age) in guard.first_seen.iter().enumerate() {
        if let Some(age) = age {
            let record = pods.record(at);
            let seen = pods.now.checked_sub(TICK * u32::from(*age)).expect("an hour has passed");
            first_seen.insert(record.uid.clone(), FirstSeen::of(&record, seen));
        }
    }
    let asked = pods.record(pod).uid;
    let mut absent = find_absent(&workload, Some(&observation), &records, &mut first_seen, pods.now, &asked);
    for (at, age) in guard.first_seen.iter_mut().enumerate() {
        if age.is_none() && first_seen.contains_key(&pods.record(at).uid) {
            *age = Some(0);
        }
    }
    if measures == Measures::NoReservations {
        absent.clear();
    }
    let input = JudgeInput { workload: &workload, assessment: observation.assessment.as_ref(), promised: &absent };
    let disruption = Disruption::Take { members: vec![NAMES[pod].to_owned()] };
    let (policy, now) = (Policy::default(), pods.wall.as_millisecond());
    judge(&policy, input, &disruption, now).is_allowed()
        && everyone_in_sync(&policy, input, Some(NAMES[pod]), now).is_empty()
}
