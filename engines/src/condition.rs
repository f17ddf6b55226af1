//! A row of an engine's table of conditions, and the conditions that several engines share.

use std::fmt::Display;

use stateful_safety::{Blocker, Blocks, Effect, Passes};

/// A condition under which something may not be done to a database of that engine. In its texts `{name}` stands for a value
/// that is filled in where the condition is found; `{target}` and `{flags}` for the workload as the user names it and its
/// namespace flag; `{code}` for its own code.
pub struct Condition {
    /// The stable code. Never given to another condition; rows of one condition in other words share it.
    pub code: &'static str,
    /// What it means for the judge.
    pub effect: Effect,
    /// What was found.
    pub text: &'static str,
    /// The next thing to do.
    pub next_step: &'static str,
    /// Each value with an example, for the documentation.
    pub example: &'static [(&'static str, &'static str)],
}

impl Condition {
    /// A blocker that says this condition was found, with these values. The value called `member` names the member it is about.
    pub fn found(&self, values: &[(&str, &dyn Display)]) -> Blocker {
        let fill = |text: &str| {
            let filled = text.replace("{code}", self.code);
            values.iter().fold(filled, |text, (name, value)| text.replace(&format!("{{{name}}}"), &value.to_string()))
        };
        Blocker {
            code: self.code,
            effect: self.effect,
            member: values.iter().find(|(name, _)| *name == "member").map(|(_, member)| member.to_string()),
            text: fill(self.text),
            next_step: fill(self.next_step),
        }
    }

    /// A blocker with the values of the condition's example.
    pub fn example(&self) -> Blocker {
        let values: Vec<(&str, &dyn Display)> =
            self.example.iter().map(|(name, value)| (*name, value as &dyn Display)).collect();
        self.found(&values)
    }
}

/// Members disagree about which members there are, at which addresses, and in which roles.
pub const VIEWS_DISAGREE: Condition = Condition {
    code: "STF-DB-016",
    effect: Effect::new(Blocks::Everything, Passes::ByItself).and_finishing(),
    text: "the members do not agree: {member} says {about}",
    next_step: "wait until all members agree: kubectl stateful status {target} --watch",
    example: &[("member", "redis-1"), ("about", "redis-3 is marked fail?, but it answers")],
};

/// A replica group without a primary. An interrupted switchover leaves a group like this, so the switchover may be finished.
pub const NO_PRIMARY: Condition = Condition {
    code: "STF-DB-018",
    effect: Effect::new(Blocks::Everything, Passes::ByItself),
    text: "{group} has 0 primaries, it must have exactly one",
    next_step: "wait until all members agree: kubectl stateful status {target} --watch",
    example: &[("group", "the replica group")],
};

/// A line of what runs at each start may give a member another role than the one it had.
pub const ROLE_DECIDED_AT_START: Condition = Condition {
    code: "STF-DB-020",
    effect: Effect::new(Blocks::Switchover, Passes::Never),
    text: "a restart may change a member's role: {script}, line {line}, says: {text}",
    next_step: "let it run only while the data directory is empty. If it does: kubectl annotate statefulset \
                {workload}{flags} --overwrite kubectl-stateful.dev/keeps-role={digest} says so, until a script changes",
    example: &[
        ("script", "ConfigMap redis, key start"),
        ("line", "7"),
        ("text", "if [ $(hostname) != redis-0 ]; then echo replicaof redis-0 >>/data/redis.conf; fi"),
        ("workload", "redis"),
        ("digest", "3f2a90c41b7e"),
    ],
};

/// The same while another member leads than the one that such scripts make the primary, the first: its restart may make a second one.
pub const ROLE_DECIDED_ELSEWHERE: Condition = Condition {
    effect: Effect::new(Blocks::Everything, Passes::Never),
    text: "a restart may make {first} a primary beside {primary}: {script}, line {line}, says: {text}",
    example: &[
        ("first", "redis-0"),
        ("primary", "redis-1"),
        ("script", "ConfigMap redis, key start"),
        ("line", "7"),
        ("text", "if [ $(hostname) != redis-0 ]; then echo replicaof redis-0 >>/data/redis.conf; fi"),
        ("workload", "redis"),
        ("digest", "3f2a90c41b7e"),
    ],
    ..ROLE_DECIDED_AT_START
};

/// A script runs at each start, and it is on a volume that this tool does not read.
pub const START_NOT_KNOWN: Condition = Condition {
    text: "a restart may change a member's role: {script} cannot be read ({why})",
    next_step: "read it. If it changes roles only while the data directory is empty: kubectl annotate statefulset \
                {workload}{flags} --overwrite kubectl-stateful.dev/keeps-role={digest} says so",
    example: &[
        ("script", "/scripts/start of container redis"),
        ("why", "it is on volume scripts, which is no ConfigMap"),
        ("workload", "redis"),
        ("digest", "3f2a90c41b7e"),
    ],
    ..ROLE_DECIDED_AT_START
};

/// A script runs at each start, and its ConfigMap is not there or may not be read.
pub const START_NOT_READ: Condition = Condition {
    text: "a restart may change a member's role: {script} cannot be read ({why})",
    next_step: "ask for the right to read it (get, on ConfigMap {map}), then see that it is there: kubectl get configmap {map}{flags}",
    example: &[
        ("script", "what container redis starts below /scripts"),
        ("why", "not allowed: configmaps \"redis\" is forbidden"),
        ("map", "redis"),
    ],
    ..ROLE_DECIDED_AT_START
};

/// A replica group with more than one primary: what is written to one, the others do not have. Nothing is done until a person has
/// chosen one of them. Each engine says what its servers tell of the two, and how one chooses.
pub const SEVERAL_PRIMARIES: Condition = Condition {
    code: "STF-DB-029",
    effect: Effect::new(Blocks::Everything, Passes::Never).and_finishing(),
    text: "{group} has {primaries} primaries: {each}; {newest}",
    next_step: "waiting does not help: stop the clients' writes; see since when each has led ({logs}); compare the newest data \
                of each; keep one, and save what only another has before that one becomes a replica again",
    example: &[
        ("group", "the replica group"),
        ("primaries", "2"),
        (
            "each",
            "redis-0 at offset 4200 of replication ID 840e9592, redis-2 at offset 4711 of replication ID 7b5a90cc",
        ),
        (
            "newest",
            "redis-2 was a replica of redis-0 up to offset 4000; since then they have diverged: redis-0 has 200 bytes that \
             redis-2 lacks, and redis-2 711 bytes that redis-0 lacks",
        ),
        ("logs", "kubectl logs redis-0{flags}, kubectl logs redis-2{flags}"),
    ],
};

/// A replica group without a primary.
pub fn no_primary(group: &str) -> Blocker {
    NO_PRIMARY.found(&[("group", &group)])
}

/// A replica group with these primaries, each with what its server tells of its data. `newest` says which of them has the newest
/// data, or that it cannot be known.
pub(crate) fn several_primaries(
    condition: &Condition,
    group: &str,
    primaries: &[(&str, String)],
    newest: &str,
) -> Blocker {
    let each: Vec<String> = primaries.iter().map(|(member, tells)| format!("{member} {tells}")).collect();
    let logs: Vec<String> = primaries.iter().map(|(member, _)| format!("kubectl logs {member}{{flags}}")).collect();
    condition.found(&[
        ("group", &group),
        ("primaries", &primaries.len()),
        ("each", &each.join(", ")),
        ("newest", &newest),
        ("logs", &logs.join(", ")),
    ])
}
